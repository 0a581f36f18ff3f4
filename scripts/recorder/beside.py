"""Draws the ends of all connections of a document side by side, three in a row."""
from itertools import zip_longest

from . import ladder, rows

WIDTH = 24  # of a column, bars included; three fit in 80


def draw(document, unicode=True, only=None):
    """The lines. ONLY is the number of a scene, or None."""
    signs = ladder.UNICODE if unicode else ladder.ASCII
    columns = []
    for at, (title, scene) in enumerate(rows.scenes(document), 1):
        number = (title or "").partition(".")[0] or str(at)
        if only is None or number == str(only):
            for which in sorted({row["connection"] for row in scene if "connection" in row}):
                its = ending([row for row in scene if row.get("connection") == which])
                columns.append([f"scene {number}, connection {which}", *(line for row in its for line in drawn(row, signs))])
    for at in range(0, len(columns), 3):
        if at:
            yield ""
        for lines in zip_longest(*columns[at:at + 3], fillvalue=""):
            yield "   ".join(f"{line:<{WIDTH}}" for line in lines).rstrip()


def ending(its):
    """The rows from the moment at which the connection stood."""
    begin = next((at for at, row in enumerate(its) if "ESTABLISHED" in (row.get("left"), row.get("right"))), 0)
    return its[begin:]


def drawn(row, signs):
    """One row of a column, as lines."""
    inner, text = WIDTH - 2, row.get("text", "")
    if row["kind"] == "state":
        text = f"{row['left'] or '':<{inner - 11}}{row['right'] or '':>11}"
    elif row["kind"] == "arrow":
        flags, *length = [part for part in text.split("  ") if "seq=" not in part]
        line = f" {' '.join([flags, *length])} ".center(inner - 1, "\0").replace("\0", signs["line"])
        text = line + signs["right"] if row["side"] == "left" else signs["left"] + line
    elif row["kind"] == "call":
        short = text.partition("(")[0] + " = " + text.partition("  (")[0].rpartition(" = ")[2]
        text = short.ljust(inner) if row["side"] == "left" else short.rjust(inner)
    return [f"{signs['bar']}{text}{signs['bar']}"]
