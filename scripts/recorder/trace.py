"""Shows each call below its source line, between the lines that the program prints."""
import textwrap
from collections import Counter

from . import rows

MOST = 3     # how often the same call of a line is shown between two lines of output
INDENT = 19


def draw(document, unicode=True, only=None):
    """The trace as lines of 80 columns. ONLY is the number of a scene, or None."""
    events = [(line["time"], "line", line) for line in document["output"]]
    events += [(call["begin"], "call", call) for call in document["calls"]]
    seen, left_out, folded, showing = Counter(), 0, None, only is None
    first = {}  # a process that runs the same program as one before it is its child
    for process in document["processes"]:
        first.setdefault(process["name"], process["pid"])
    for _, kind, event in sorted(events, key=lambda event: event[0]):
        if kind == "line":
            if match := rows.SCENE.match(event["text"]):
                showing = only is None or int(match[1]) == only
            if left_out and showing:
                yield f"{'':{INDENT}}... and {left_out} more calls like these"
            seen.clear()
            left_out = 0
            if showing:
                yield event["text"].rstrip("\r")
            continue
        if not showing:
            continue
        place = event["file"], event["line"]
        if event["helper"]:
            if folded != (place, event["helper"]):
                yield source_line(event, "")
            folded = place, event["helper"]
            continue
        folded = None
        seen[place, event["name"]] += 1
        if seen[place, event["name"]] > MOST:
            left_out += 1
            continue
        yield source_line(event, "" if event["process"] in first.values() else "child")
        result = "?" if event["result"] is None else f"{event['result']} {event['errno'] or ''}".strip()
        arguments = textwrap.shorten(event["arguments"], 160, placeholder=" ...")
        yield from textwrap.wrap(f"{event['system_call']}({arguments}) = {result}", 80, initial_indent=" " * INDENT,
                                 subsequent_indent=" " * (INDENT + 4), break_on_hyphens=False)


def source_line(call, process):
    """tcp_server.c:42   the statement that stands there"""
    where = f"{call['file'].rpartition('/')[2]}:{call['line']}" if call["file"] else "?"
    where = f"{process} {where}" if process else where
    width = 79 - max(INDENT - 1, len(where))
    return f"{where:<{INDENT - 1}} {textwrap.shorten(call['text'] or '', width, placeholder=' ...')}"
