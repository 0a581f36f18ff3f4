"""Draws a document as a ladder: two ends, calls at their sides, segments between."""
from . import rows

EDGE = 11   # columns for a state
MIDDLE = 52
UNICODE = {"bar": "│", "line": "─", "left": "◄", "right": "►"}
ASCII = {"bar": "|", "line": "-", "left": "<", "right": ">"}


def draw(document, unicode=True, only=None):
    """The ladder as lines of 80 columns. ONLY: the number of one scene, or None."""
    signs = UNICODE if unicode else ASCII
    result = []
    for title, scene in rows.scenes(document):
        if only is not None and not (title or "").startswith(f"{only}."):
            continue
        if result:
            result.append("")
        if title:
            result.append(cut(title, 80))
        result.append(f"{'':{EDGE}} {'client':<{MIDDLE // 2 + 2}}{'server':>{MIDDLE // 2 + 2}}")
        result += [line for row in scene for line in drawn(row, signs)]
    return result


def drawn(row, signs):
    """The lines of one row."""
    number = f"{row['number']}: " if "number" in row else ""
    if row["kind"] == "state":
        return [rung(signs, "", row["left"], row["right"], number.strip(" :"))]
    if row["kind"] == "arrow":
        text = f" {number}{row['text']} "
        line = text.center(MIDDLE - 1, "\0").replace("\0", signs["line"])
        return [rung(signs, line + signs["right"] if row["side"] == "left" else signs["left"] + line)]
    if row["kind"] == "call":
        return [rung(signs, align(part, row["side"])) for part in fitted(number + row["text"])]
    text = f"({row['text']})" if row["kind"] == "gap" else row["text"]
    return [rung(signs, align(part, row.get("side"))) for part in wrapped(text, MIDDLE - 2)]


def rung(signs, text, left=None, right=None, number=""):
    """One line: the states at the edges, the bars, and what is between them."""
    middle = f"{text:<{MIDDLE}}" if text else number.center(MIDDLE)
    return f"{left or '':>{EDGE}} {signs['bar']}{middle}{signs['bar']} {right or ''}".rstrip()


def align(text, side):
    return f" {text}".ljust(MIDDLE) if side == "left" else f"{text} ".rjust(MIDDLE) if side else text.center(MIDDLE)


def fitted(text):
    """A call on one line; the last arguments give way, and how long it took."""
    if len(text) > MIDDLE - 2:
        text = text.partition("  (")[0]
    call, equals, result = text.rpartition(" = ")
    while len(call + equals + result) > MIDDLE - 2 and "," in call:
        call = call.removesuffix(", ...)").rpartition(",")[0] + ", ...)"
    return [cut(call + equals + result, MIDDLE - 2)]


def cut(text, width):
    return text if len(text) <= width else text[:width - 3] + "..."


def wrapped(text, width):
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return lines + [cut(line, width)]
