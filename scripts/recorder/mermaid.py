"""Draws a document as Mermaid sequence diagrams, which GitHub shows as pictures."""
from . import rows
from .ladder import which

ENDS = {"left": "C", "right": "S"}


def draw(document, only=None):
    """A diagram for each scene. ONLY is the number of a scene, or None."""
    for title, scene in rows.scenes(document, only):
        yield from [f"%% {title}"] if title else []
        yield from ("sequenceDiagram", "    participant C as client", "    participant S as server")
        for row in scene:
            yield from ("    " + line for line in drawn(row))


def drawn(row):
    """The lines of one row; a semicolon or a # would end or change it."""
    text = which(row) + row.get("text", "").replace("#", "#35;").replace(";", "#59;")
    end = ENDS.get(row.get("side"))
    if row["kind"] == "state":
        return [f"Note {side} of {end}: {row[side]}" for side, end in ENDS.items() if row[side]]
    if row["kind"] == "arrow":
        return [f"{end}->>{'S' if end == 'C' else 'C'}: {text}"]
    return [f"{end}->>{end}: {text}" if row["kind"] == "call" and end else f"Note over C,S: {text}"]
