"""Draws a document as a ladder: two ends, calls at their sides, segments between."""
import textwrap

from . import rows

EDGE, MIDDLE = 11, 52  # columns for a state, and between the bars


def draw(document, only=None):
    """The ladder as lines of 80 columns. ONLY: the number of one scene, or None."""
    for at, (title, scene) in enumerate(rows.scenes(document, only)):
        yield from ([""] if at else []) + ([cut(title, 80)] if title else [])
        yield f"{'':{EDGE}} {'client':<{MIDDLE // 2 + 2}}{'server':>{MIDDLE // 2 + 2}}"
        for row in scene:
            yield from drawn(row)


def drawn(row):
    kind, number, left, right = row["kind"], which(row), "", ""
    if kind == "state":
        parts, left, right = [number.strip(" :").center(MIDDLE)], row["left"] or "", row["right"] or ""
    elif kind == "arrow":
        parts = [arrow(number + row["text"], row["side"], MIDDLE)]
    elif kind == "call":
        parts = [aligned(fitted(number + row["text"]), row["side"])]
    else:
        text = f"({row['text']})" if kind == "gap" else " ".join(row["text"].split())
        parts = [aligned(part, row.get("side")) for part in textwrap.wrap(text, MIDDLE - 2, break_on_hyphens=False)]
    return [f"{left:>{EDGE}} │{part}│ {right}".rstrip() for part in parts]


def arrow(text, side, width):
    """──── SYN  seq=0 ────►"""
    line = f" {text} ".center(width - 1, "─")
    return line + "►" if side == "left" else "◄" + line


def aligned(text, side):
    return f" {text}".ljust(MIDDLE) if side == "left" else f"{text} ".rjust(MIDDLE) if side else text.center(MIDDLE)


def which(row):
    """What stands before its text where a scene has several connections: "1: ", or else nothing."""
    return f"{row['number']}: " if "number" in row else ""


def fitted(text):
    """A call on one line; the last arguments give way, and how long it took."""
    if len(text) > MIDDLE - 2:
        text = text.partition("  (")[0]
    call, equals, result = text.rpartition(" = ")
    while len(call + equals + result) > MIDDLE - 2 and "," in call:
        call = call.removesuffix(", ...)").rpartition(",")[0] + ", ...)"
    return cut(call + equals + result, MIDDLE - 2)


def cut(text, width):
    return text if len(text) <= width else text[:width - 3] + "..."
