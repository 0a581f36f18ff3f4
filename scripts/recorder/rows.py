"""From a document to the rows of a ladder, in order of time: what trace, text, SVG
and Mermaid draw. A row is a dictionary with a key "kind":

  title  text                     a scene of a story begins
  call   side, text               a system call and its result; side is None if it is about no socket
  arrow  side, text               a segment, or a message, that leaves from that side
  state  left, right              what the kernel says of the two ends, or None
  note   side, text               a claim, or another line that the program prints
  gap    text                     nothing has happened for a while

side is "left" (who calls) or "right" (who is called). A row also has "time", when it was, and that of
a call has "place": (file, line) in the source.
"""
import re
from collections import Counter

WAITING = {"accept", "accept4", "recvfrom", "recvmsg", "recvmmsg", "read", "readv", "poll", "ppoll", "select",
           "pselect6", "epoll_wait", "epoll_pwait", "wait4", "pause"}
# What the set-up helpers of common.h do besides is folded; and what a story does without telling.
OF_HELPERS = {"connect", "accept", "listen", "sendto"}
TELLS = re.compile(r"\bCALL\(")
UNTOLD = OF_HELPERS | WAITING - {"poll", "ppoll", "read"} | {"sendmsg", "sendmmsg", "shutdown", "close", "write", "writev",
                                                            "clone", "fork", "kill"}
DULL = {"getpid", "getuid", "geteuid", "getgid", "getegid", "getsockname", "getpeername", "fcntl", "times", "alarm",
        "clock_gettime", "rt_sigprocmask", "rt_sigaction", "setitimer", "prctl", "newfstatat", "lseek", "ioctl",
        "clock_nanosleep", "fstat", "openat", "mprotect", "restart_syscall", "rt_sigreturn", "prlimit64"}
MOST = 5  # how often the same row is shown between two claims
SCENE = re.compile(r"^(\d+)\. ")
TOLD = re.compile(r"^   (\S+) +\w+\(|^ +=? ?= -?\d")
CAST = re.compile(r"\((?:const )?struct sockaddr \*\)&?")
ARROWS = {"sendto", "sendmsg", "write", "writev"}


def scenes(document):
    """[(title or None, rows)]"""
    events = sorted(timeline(document), key=lambda event: event[0])
    result, last = [(None, [])], None
    for when, row in events:
        row["time"] = when
        if row["kind"] == "title":
            result.append((row["text"], []))
            last = None
            continue
        # A segment that no call has sent: the kernel's own clock did.
        if row["kind"] == "arrow" and last is not None and when - last > long(document):
            result[-1][1].append({"kind": "gap", "text": f"{(when - last) / 1e6:.0f} ms later"})
        if row["kind"] in ("arrow", "call"):
            last = max(last or 0, when)
        result[-1][1].append(row)
    return [(title, numbered(merged(folded(rows)))) for title, rows in result
            if title or any(row["kind"] in ("arrow", "call") for row in rows) or len(result) == 1]


def long(document):
    """How many ns of waiting are worth a word: more than the pauses make."""
    return 150e6 if document["pause"] else 25e6


def timeline(document):
    """(time, row) of everything, in no order."""
    sides = addresses(document)
    story = any(TELLS.search(call["text"] or "") for call in document["calls"])
    yield from lines(document)
    for call in document["calls"]:
        if call["system_call"] in DULL and not TELLS.search(call["text"] or "") or \
                (call["helper"] and call["system_call"] not in OF_HELPERS) or \
                (story and not TELLS.search(call["text"] or "") and call["system_call"] not in UNTOLD):
            continue
        known = document["sockets"][call["socket"]] if call["socket"] is not None else None
        if not known and call["system_call"] in ("close", "read", "write") or call["result"] is None:
            continue
        waits = call["system_call"] in WAITING
        when = call["end"] if waits and call["end"] is not None else call["begin"]
        waited = call["end"] - call["begin"] if call["end"] is not None else 0
        side = side_of(known) if known else None
        row = {"kind": "call", "side": side, "text": call_text(call), "ends": ends_of(known),
               "place": (call["file"], call["line"]), "key": (call["file"], call["line"], call["name"], side, call["errno"], ends_of(known))}
        if waits and waited > long(document) and "accept" not in call["system_call"]:
            row["text"] += f"  ({waited / 1e6:.0f} ms)"
        yield when, row
        if known and known["kind"] == "UNIX" and call["system_call"] in ARROWS and (call["result"] or -1) >= 0:
            yield when + 1, {"kind": "arrow", "side": side_of(known), "text": plural(call["result"]), "ends": None,
                             "key": (call["file"], call["line"], "arrow")}
    seen = set()
    for segment in document["segments"]:
        text, ends = segment_text(segment, seen), frozenset((segment["from"], segment["to"]))
        side = "left" if direction(segment, sides) else "right"
        yield segment["time"], {"kind": "arrow", "side": side, "text": text,
                                "ends": ends if segment["protocol"] == "TCP" else None,
                                "key": (side, segment["protocol"], tuple(segment["flags"] or []), ends)}
    for change in document["states"]:
        side = sides[change["local"]] or {"left": "right", "right": "left"}.get(sides[change["peer"]])
        listens = change["peer"].endswith(":0")
        if side and not (listens and change["state"] == "CLOSED"):
            ends = frozenset((change["local"], change["peer"])) if not listens else None
            yield change["time"], {"kind": "state", "left": None, "right": None, side: change["state"], "ends": ends}


def folded(rows):
    """What comes over and over between two claims is shown a few times and then counted."""
    result, seen, left_out = [], Counter(), 0
    for row in rows:
        key = row.pop("key", None)
        seen[key] += key is not None
        if seen[key] > MOST:
            left_out += 1
            continue
        if left_out:
            result.append({"kind": "gap", "text": f"{left_out} more like these"})
            left_out = 0
        if row["kind"] == "note":
            seen.clear()
        result.append(row)
    return result + ([{"kind": "gap", "text": f"{left_out} more like these"}] if left_out else [])


def lines(document):
    """What the program prints: titles, claims, notes; not its calls, which are rows anyway. Where
    all sockets of a process are on one side, so is what it prints."""
    sides = {}
    for call in document["calls"]:
        if call["socket"] is not None:
            sides.setdefault(call["process"], set()).add(side_of(document["sockets"][call["socket"]]))
    for line in document["output"]:
        text = line["text"].strip("\r")
        if SCENE.match(text):
            yield line["time"], {"kind": "title", "text": text}
        elif text.strip() and not TOLD.match(text):
            own = sides.get(line["process"], ())
            yield line["time"], {"kind": "note", "text": text.strip().removeprefix("=> "),
                                 "side": next(iter(own)) if len(own) == 1 and len(sides) > 1 else None}


class Addresses(dict):
    """{address: "left" or "right"}; 0.0.0.0:80 stands for every address with that port."""

    def __missing__(self, address):
        port = address.rpartition(":")[2]
        return self.setdefault(address, self.get(f"0.0.0.0:{port}") or self.get(f"[::]:{port}"))


def addresses(document):
    """Which address is on which side."""
    sides = Addresses()
    for known in document["sockets"]:
        if known["local"] and known["side"]:
            sides.setdefault(known["local"], side_of(known))
    for known in document["sockets"]:
        if known["side"] == "client" and known["peer"]:
            sides[known["peer"]] = sides[known["peer"]] or "right"
    return sides


def side_of(known):
    return "left" if known and known["side"] == "client" else "right"


def ends_of(known):
    return frozenset((known["local"], known["peer"])) if known and known["local"] and known["peer"] else None


def direction(segment, sides):
    """Whether a segment leaves from the left; who sends first is left if nothing else is known."""
    if "about" in segment:  # an error goes back where the packet came from
        return not direction(segment["about"], sides)
    source, target = sides[segment["from"]], sides[segment["to"]]
    if source != target and (source or target):
        return source == "left" or (source is None and target == "right")
    if segment["protocol"] == "ICMP":
        return "reply" not in (segment.get("flags") or [""])[0]
    sides[segment["from"]] = sides[segment["from"]] or "left"
    return sides[segment["from"]] == "left"


def plural(count):
    return f"{count} byte" + ("" if count == 1 else "s")


def segment_text(segment, seen):
    """PSH ACK  seq=1 ack=1  5 bytes"""
    if segment["protocol"] != "TCP":
        text = " ".join([segment["protocol"], *(segment["flags"] or [])])
        return text if segment["protocol"] == "ICMP" else f"{text}  {plural(segment['length'])}"
    parts = [" ".join(segment["flags"]), f"seq={segment['seq']}"]
    if segment["ack"] is not None:
        parts[1] += f" ack={segment['ack']}"
    if segment["length"]:
        parts.append(plural(segment["length"]))
    if segment["length"] or "SYN" in segment["flags"] or "FIN" in segment["flags"]:
        key = segment["from"], segment["to"], segment["seq"], segment["length"], "SYN" in segment["flags"]
        if key in seen:
            parts.append("again")
        seen.add(key)
    return "  ".join(parts)


def call_text(call):
    """send(fd, "hello", 5, 0) = 5, as it stands in the source if that is known."""
    result = "?" if call["result"] is None else f"{call['result']} {call['errno'] or ''}".strip()
    text = call["source"] or f"{call['name']}({call['arguments']})"
    return f"{CAST.sub('', text)} = {result}"


def merged(rows):
    """Between two other rows than arrows, states come after the arrows (a bare ACK may be sent at
    once or 40 ms later), one row for each connection; the last word counts."""
    result, states, order = [], {}, {}
    for row in rows + [{"kind": "end"}]:
        if row["kind"] == "state":
            known = states.setdefault(row["ends"], row)
            known.update({side: row[side] for side in ("left", "right") if row[side]})
            continue
        if row["kind"] != "arrow":
            result += sorted(states.values(), key=lambda state: order.get(state["ends"], 0))
            states = {}
        else:
            order.setdefault(row["ends"], len(order))
        result.append(row)
    return result[:-1]


def numbered(rows):
    """Where a scene has several connections, say which: a number before the text."""
    numbers = {}
    for row in rows:
        if row.get("ends") and row["kind"] == "arrow":
            numbers.setdefault(row["ends"], len(numbers) + 1)
    for row in rows:
        ends = row.pop("ends", None)
        if ends in numbers:
            row["connection"] = numbers[ends]
            row |= {"number": numbers[ends]} if len(numbers) > 1 else {}
    return rows
