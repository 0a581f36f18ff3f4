"""Puts what happened in an order that is the same in each recording, where the kernel's is.

Of one process, one connection or one port everything stands in the order of time. What shares none
of these may happen in either order: there, what the kernel did comes first, then the process that
began first, as far as it gets without the others."""
import heapq


def ordered(events):
    """EVENTS, dictionaries with "time", "keys" (what it shares with others) and "rank", in that order.
    The two last are taken out of them."""
    events = sorted(events, key=lambda event: event["time"])
    latest, following, missing = {}, [[] for _ in events], []
    for at, event in enumerate(events):
        before = {latest[key] for key in event["keys"] if key in latest}
        for each in before:
            following[each].append(at)
        missing.append(len(before))
        latest.update(dict.fromkeys(event.pop("keys"), at))
    ranks = [event.pop("rank") for event in events]
    ready = [(ranks[at], at) for at, count in enumerate(missing) if not count]
    heapq.heapify(ready)
    while ready:
        _, at = heapq.heappop(ready)
        yield events[at]
        for each in following[at]:
            missing[each] -= 1
            if not missing[each]:
                heapq.heappush(ready, (ranks[each], each))
