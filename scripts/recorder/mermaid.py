"""Draws a document as Mermaid sequence diagrams, which GitHub shows as pictures."""
from . import rows


def draw(document, unicode=True, only=None):
    """A diagram for each scene. ONLY is the number of a scene, or None."""
    del unicode
    for title, scene in rows.scenes(document):
        if only is not None and not (title or "").startswith(f"{only}."):
            continue
        if title:
            yield f"%% {title}"
        yield "sequenceDiagram"
        yield "    participant C as client"
        yield "    participant S as server"
        for row in scene:
            yield from ("    " + line for line in drawn(row))


def drawn(row):
    """The lines of one row; a semicolon or a # would end or change it."""
    text = row.get("text", "").replace("#", "#35;").replace(";", "#59;")
    text = f"{row['number']}: {text}" if "number" in row else text
    if row["kind"] == "state":
        return [f"Note {side} of {end}: {row[side]}" for side, end in (("left", "C"), ("right", "S")) if row[side]]
    if row["kind"] == "arrow":
        return [f"{'C->>S' if row['side'] == 'left' else 'S->>C'}: {text}"]
    if row["kind"] == "call" and row["side"]:
        return [f"{'C->>C' if row['side'] == 'left' else 'S->>S'}: {text}"]
    return [f"Note over C,S: {text}"]
