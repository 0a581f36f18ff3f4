"""From a document to the rows of a ladder, which ladder, beside, svg, mermaid and the book draw:
dictionaries with "kind", "text", "side" ("left": who calls; "right": who is called; None) and "time". The kinds:
title (of a scene), call (with "place", its file and line), arrow (a segment, or a message by AF_UNIX), state
(with "left" and "right", what the kernel says of the two ends), note (what the program prints), gap (a while in
which nothing happened). "connection" is its number; "number" the same where a scene has several.
"""
from collections import Counter
from itertools import groupby

from .order import ordered
from .timeline import Timeline

MOST = 5  # how often the same row is shown between two claims


def scenes(document, only=None):
    """[(title or None, rows)] of all scenes, or of the one with the number ONLY."""
    found = [(None, [])]
    for row in ordered(Timeline(document).events()):
        if row["kind"] == "title":
            found.append((row["text"], []))
        else:
            found[-1][1].append(row)
    return [(title, merged(folded(rows))) for title, rows in found
            if (title or len(found) == 1 or any(row["kind"] in ("arrow", "call") for row in rows))
            and (only is None or (title or "").startswith(f"{only}."))]


def folded(rows):
    """What comes over and over between two claims is shown a few times and then counted."""
    seen, left_out = Counter(), 0
    for row in [*rows, {"kind": "end"}]:
        key = row.pop("key", None)
        seen[key] += key is not None
        if seen[key] > MOST:
            left_out += 1
            continue
        if left_out:
            yield {"kind": "gap", "text": f"{left_out} more like these"}
            left_out = 0
        if row["kind"] == "note":
            seen.clear()
        if row["kind"] != "end":
            yield row


def merged(rows):
    """Between two other rows than arrows, states come after the arrows (a bare ACK may be sent at once or 40 ms
    later), one row for each connection; the last word counts. Connections get numbers."""
    numbers, result = {}, []
    for _, group in groupby(rows, lambda row: row["kind"] in ("arrow", "state")):
        states = {}  # of each connection
        for row in group:
            if row["kind"] == "state":
                states.setdefault(row["ends"], row).update({side: row[side] for side in ("left", "right") if row[side]})
                continue
            if row["kind"] == "arrow" and row["ends"]:
                numbers.setdefault(row["ends"], len(numbers) + 1)
            result.append(row)
        result += sorted(states.values(), key=lambda state: numbers.get(state["ends"], 0))
    for row in result:
        if number := numbers.get(row.pop("ends", None)):
            row |= {"connection": number, "number": number} if len(numbers) > 1 else {"connection": number}
    return result
