"""Draws the ends of all connections of a document side by side, three in a row."""
from itertools import zip_longest

from . import ladder, rows

WIDTH = 22  # of a column; three fit in 80, with their bars


def columns(document, only=None):
    """[(heading, rows)] of all connections, from the moment at which they stood, each row in few words."""
    for at, (title, scene) in enumerate(rows.scenes(document, only), 1):
        for which in sorted({row["connection"] for row in scene if "connection" in row}):
            its = [short(row) for row in scene if row.get("connection") == which]
            begin = next((at for at, row in enumerate(its) if "ESTABLISHED" in (row.get("left"), row.get("right"))), 0)
            yield f"scene {(title or '').partition('.')[0] or at}, connection {which}", its[begin:]


def short(row):
    """recv = 5; FIN ACK 5 bytes"""
    text = row.get("text", "")
    if row["kind"] == "arrow":
        text = " ".join(part for part in text.split("  ") if "seq=" not in part)
    elif row["kind"] == "call":
        text = text.partition("(")[0] + " = " + text.partition("  (")[0].rpartition(" = ")[2]
    return {key: value for key, value in row.items() if key != "number"} | {"text": text}


def draw(document, only=None):
    """The lines. ONLY is the number of a scene, or None."""
    drawn = [[heading, *(f"│{line(row)}│" for row in its)] for heading, its in columns(document, only)]
    for at in range(0, len(drawn), 3):
        yield from [""] if at else []
        for lines in zip_longest(*drawn[at:at + 3], fillvalue=""):
            yield "   ".join(f"{line:<{WIDTH + 2}}" for line in lines).rstrip()


def line(row):
    """One row of a column."""
    if row["kind"] == "state":
        return f"{row['left'] or '':<11}{row['right'] or '':>11}"
    if row["kind"] == "arrow":
        return ladder.arrow(row["text"], row["side"], WIDTH)
    return row["text"].ljust(WIDTH) if row["side"] == "left" else row["text"].rjust(WIDTH)
