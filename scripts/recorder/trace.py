"""Shows each call below its source line, between the lines that the program prints."""
import re
import textwrap
from collections import Counter

from .ladder import cut
from .timeline import DULL, SCENE

MOST = 3     # how often the same call of a line is shown between two lines of output
INDENT = 19
ADDRESS = re.compile(r'\{sa_family=(AF_INET), sin_port=htons\((\d+)\), sin_addr=inet_addr\("([\d.]+)"\)\}')


def draw(document, only=None):
    """The trace as lines of 80 columns. ONLY is the number of a scene, or None."""
    events = sorted([*document["output"], *document["calls"]],
                    key=lambda event: event.get("end") or event.get("begin", event.get("time")))
    seen, told, left_out, before, showing = Counter(), set(), 0, None, only is None
    # A process that runs the same program as one before it is its child.
    first = {process["name"]: process["pid"] for process in reversed(document["processes"])}
    for event in events:
        if "system_call" not in event:  # a line of output
            match = SCENE.match(event["text"])
            showing = only in (None, match[1]) if match else showing
            if showing:
                yield from [f"{'':{INDENT}}... and {left_out} more calls like these"] if left_out else []
                yield event["text"].rstrip("\r")
            seen.clear()
            left_out, before = 0, None
            continue
        if not showing or event["system_call"] in DULL and event["socket"] is None:
            continue
        place, child = (event["file"], event["line"]), "" if event["process"] in first.values() else "child "
        if event["helper"]:  # the chores of a set-up helper are one line
            if before != place and event["helper"] != "announce":
                yield source_line(event, child)
            before = place
            continue
        before = None
        seen[place, event["name"]] += 1
        if seen[place, event["name"]] > MOST:
            left_out += 1
            continue
        if place not in told:
            yield source_line(event, child)
        told.add(place)
        result = "?" if event["result"] is None else f"{event['result']} {event['errno'] or ''}".strip()
        arguments = cut(ADDRESS.sub(r"{\1 \3:\2}", event["arguments"]), 160)
        yield from textwrap.wrap(f"{event['system_call']}({arguments}) = {result}", 80, initial_indent=" " * INDENT,
                                 subsequent_indent=" " * (INDENT + 4), break_on_hyphens=False)


def source_line(call, child):
    """tcp_server.c:42   the statement that stands there"""
    where = child + (f"{call['file'].rpartition('/')[2]}:{call['line']}" if call["file"] else "?")
    width = 79 - max(INDENT - 1, len(where))
    return f"{where:<{INDENT - 1}} {textwrap.shorten(call['text'] or '', width, placeholder=' ...')}"
