"""Draws a document as an SVG picture: text that can be selected, dark and light."""
from html import escape

from . import rows

WIDTH, STATE, LINE = 760, 110, 20
STYLE = """<style>
svg { background: #fff; color: #111; font: 13px ui-monospace, Consolas, monospace }
text { fill: currentColor } .state { fill: #666 } .note { font-style: italic; fill: #06569c }
.title { font-weight: bold } line { stroke: #888 } .arrow line, .arrow path { stroke: #06569c; fill: none }
@media (prefers-color-scheme: dark) { svg { background: #111; color: #eee } .state { fill: #aaa }
.note { fill: #7ec1ff } .arrow line, .arrow path { stroke: #7ec1ff } }
</style>"""


def draw(document, unicode=True, only=None):
    """The picture, line by line. ONLY is the number of a scene, or None."""
    del unicode
    shown = [(title, scene) for title, scene in rows.scenes(document)
             if only is None or (title or "").startswith(f"{only}.")]
    body, y = [], 0
    for title, scene in shown:
        if title:
            y += LINE * 1.5
            body.append(text(0, y, title, "start", "title"))
        y += LINE
        body += [text(STATE, y, "client", "start", "state"), text(WIDTH - STATE, y, "server", "end", "state")]
        top = y + 6
        for row in scene:
            y += LINE
            body += drawn(row, y)
        body.append(f'<line x1="{STATE}" y1="{top}" x2="{STATE}" y2="{y + 6}"/>')
        body.append(f'<line x1="{WIDTH - STATE}" y1="{top}" x2="{WIDTH - STATE}" y2="{y + 6}"/>')
    name = document["program"][-1].rpartition("/")[2]
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + LINE:.0f}" role="img" '
           f'aria-labelledby="title desc">')
    yield f'<title id="title">{escape(name)}: what it did, as a ladder</title>'
    yield f'<desc id="desc">{escape(described(shown))}</desc>'
    yield STYLE
    yield from body
    yield "</svg>"


def described(shown):
    """The same for those who do not see it: one sentence a row."""
    words = {"left": "client", "right": "server"}
    parts = []
    for title, scene in shown:
        parts += [title or ""]
        for row in scene:
            if row["kind"] == "state":
                parts.append(", ".join(f"{words[side]} in state {row[side]}" for side in words if row[side]))
            elif row["kind"] in ("call", "arrow"):
                parts.append(f"{words.get(row['side'], 'program')} {'sends' if row['kind'] == 'arrow' else 'calls'} {row['text']}")
            else:
                parts.append(row["text"])
    return ". ".join(part for part in parts if part)


def text(x, y, words, anchor, kind=""):
    return f'<text x="{x}" y="{y:.0f}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def drawn(row, y):
    """The elements of one row, whose base line is Y."""
    words = (f"{row['number']}: " if "number" in row else "") + row.get("text", "")
    left, right, middle = STATE, WIDTH - STATE, WIDTH / 2
    if row["kind"] == "state":
        return [text(x, y, row[side], anchor, "state") for side, x, anchor in
                (("left", left - 8, "end"), ("right", right + 8, "start")) if row[side]]
    if row["kind"] == "call":
        from_left = row["side"] == "left"
        words = words if len(words) <= 66 else words[:63] + "..."
        if not row["side"]:
            return [text(middle, y, words, "middle")]
        return [text(left + 8 if from_left else right - 8, y, words, "start" if from_left else "end")]
    if row["kind"] == "arrow":
        tip, step = (right, -8) if row["side"] == "left" else (left, 8)
        return [f'<g class="arrow"><line x1="{left}" y1="{y + 4}" x2="{right}" y2="{y + 4}"/>'
                f'<path d="M {tip + step} {y} L {tip} {y + 4} L {tip + step} {y + 8}"/></g>',
                text(middle, y, words, "middle")]
    return [text(middle, y, f"({words})" if row["kind"] == "gap" else words, "middle", "note")]
