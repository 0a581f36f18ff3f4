"""Draws a document as an SVG picture: text that can be selected, dark and light."""
from html import escape

from . import rows
from .beside import columns
from .ladder import cut, which

WIDTH, STATE, LINE = 760, 110, 20  # pixels: of all, of the states at either side, of a row
NAMES = {"left": "client", "right": "server", None: "program"}
STYLE = """<style>
svg { background: #fff; color: #111; font: 13px ui-monospace, Consolas, monospace }
text { fill: currentColor; white-space: pre } .state { fill: #595959 } .note { font-style: italic; fill: #06569c }
.title { font-weight: bold } line { stroke: #888 } .arrow line, .arrow path { stroke: #06569c; fill: none }
@media (prefers-color-scheme: dark) { svg { background: #111; color: #eee } .state { fill: #aaa }
.note { fill: #7ec1ff } .arrow line, .arrow path { stroke: #7ec1ff } }
</style>"""


def draw(document, only=None):
    """The ladder, line by line. ONLY is the number of a scene, or None."""
    return picture(document, [[scene] for scene in rows.scenes(document, only)], WIDTH, STATE)


def beside(document, only=None):
    """The ends of all connections, three in a row."""
    ends = list(columns(document, only))
    return picture(document, [ends[at:at + 3] for at in range(0, len(ends), 3)], 240, 0)


def picture(document, table, width, edge):
    """An SVG of ladders: TABLE has rows of (heading, rows), each WIDTH wide, with states at its EDGE."""
    body, said, bottom = [], [], 0
    for line in table:
        top = bottom
        for at, (heading, scene) in enumerate(line):
            x, y, height = at * (width + LINE), top + LINE * (5 if heading else 2) // 2, LINE * len(scene)
            ends = (x + edge, "client", "start"), (x + width - edge, "server", "end")
            body += [text(x, y - LINE, heading, "start", "title")] if heading else []
            body += [text(bar, y, end, anchor, "state") for bar, end, anchor in ends]
            for number, row in enumerate(scene, 1):
                body += drawn(row, y + LINE * number, x, width, edge)
            body += [f'<line x1="{bar}" y1="{y + 6}" x2="{bar}" y2="{y + 12 + height}"/>' for bar, _, _ in ends]
            said += [heading or "", *map(spoken, scene)]
            bottom = max(bottom, y + height)
    name = escape(document["processes"][0]["name"] if document["processes"] else document["program"][0])
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-4 0 {WIDTH + 8} {bottom + LINE}" role="img" '
           'aria-labelledby="title desc">')
    yield f'<title id="title">{name}: what it did, as a ladder</title>'
    yield f'<desc id="desc">{escape(". ".join(filter(None, said)))}</desc>'
    yield from (*STYLE.split("\n"), *body, "</svg>")


def spoken(row):
    """A row for those who do not see it."""
    if row["kind"] == "state":
        return ", ".join(f"{NAMES[side]} in state {row[side]}" for side in ("left", "right") if row[side])
    verb = {"call": "calls ", "arrow": "sends "}.get(row["kind"])
    return f"{NAMES[row['side']]} {verb}{row['text']}" if verb else row["text"]


def text(x, y, words, anchor, kind=""):
    return f'<text x="{x}" y="{y:.0f}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def drawn(row, y, x=0, width=WIDTH, edge=STATE):
    """The elements of one row, whose base line is Y, of a ladder at X."""
    number = which(row)
    left, right, middle, side, words = x + edge, x + width - edge, x + width / 2, row.get("side"), row.get("text", "")
    if row["kind"] == "state":
        places = [("left", left - 8, "end"), ("right", right + 8, "start")] if edge else \
            [("left", left + 8, "start"), ("right", right - 8, "end")]
        return [text(at, y, row[end], anchor, "state") for end, at, anchor in places if row[end]] + \
            ([text(middle, y, number.strip(": "), "middle", "state")] if number else [])
    words = number + words
    if row["kind"] == "call" and side:
        words = cut(words, (width - 2 * edge) // 8)
        return [text(left + 8, y, words, "start") if side == "left" else text(right - 8, y, words, "end")]
    if row["kind"] == "arrow":
        tip, step = (right, -8) if side == "left" else (left, 8)
        return [f'<g class="arrow {side}"><line x1="{left}" y1="{y + 4}" x2="{right}" y2="{y + 4}"/>'
                f'<path d="M {tip + step} {y} L {tip} {y + 4} L {tip + step} {y + 8}"/></g>',
                text(middle, y, words, "middle")]
    words = f"({words})" if row["kind"] == "gap" else words
    return [text(middle, y, words, "middle", "" if row["kind"] == "call" else "note")]
