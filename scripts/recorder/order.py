"""Puts what happened in an order that is the same in each recording, where the kernel's is.

Of one process, one connection or one port everything stands in the order of time. What shares none
of these may happen in either order: there, what the kernel did comes first, then the process that
began first, as far as it gets without the others."""
import heapq
from graphlib import TopologicalSorter


def ordered(events):
    """EVENTS, dictionaries with "time", "keys" (what it shares with others) and "rank", in that order.
    The two last are taken out of them."""
    events = sorted(events, key=lambda event: event["time"])
    latest, graph = {}, TopologicalSorter()
    for at, event in enumerate(events):
        keys = event.pop("keys")
        graph.add(at, *{latest[key] for key in keys if key in latest})
        latest.update(dict.fromkeys(keys, at))
    graph.prepare()
    ready = []
    while graph.is_active():
        for at in graph.get_ready():
            heapq.heappush(ready, (events[at].pop("rank"), at))
        _, at = heapq.heappop(ready)
        yield events[at]
        graph.done(at)
