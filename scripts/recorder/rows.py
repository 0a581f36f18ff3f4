"""From a document to the rows of a ladder, in order of time: what trace, text, SVG
and Mermaid draw. A row is a dictionary with a key "kind":

  title  text                     a scene of a story begins
  call   side, text               a system call and its result; side is None if it is about no socket
  arrow  side, text               a segment, or a message, that leaves from that side
  state  left, right              what the kernel says of the two ends, or None
  note   text                     a claim, or another line that the program prints
  gap    text                     nothing has happened for a while

side is "left" (who calls) or "right" (who is called).
"""
import re

WAITING = {"accept", "accept4", "recvfrom", "recvmsg", "recvmmsg", "read", "readv", "poll", "ppoll", "select",
           "pselect6", "epoll_wait", "epoll_pwait", "wait4", "pause"}
# What the set-up helpers of common.h do besides is folded.
OF_HELPERS = {"connect", "accept", "listen", "sendto"}
DULL = {"getpid", "getuid", "geteuid", "getsockname", "getpeername", "fcntl", "times", "clock_gettime", "rt_sigprocmask",
        "rt_sigaction", "alarm", "setitimer", "prctl", "newfstatat", "lseek", "clock_nanosleep", "ioctl", "fstat", "openat", "mprotect", "newfstatat", "restart_syscall",
        "rt_sigreturn"}
SCENE = re.compile(r"^(\d+)\. ")
TOLD = re.compile(r"^   (\S+) +\w+\(|^ +=? ?= -?\d")
LONG = 20  # milliseconds of waiting that are worth a word
CAST = re.compile(r"\((?:const )?struct sockaddr \*\)&?")
ARROWS = {"sendto", "sendmsg", "write", "writev"}


def scenes(document):
    """[(title or None, rows)]"""
    events = sorted(timeline(document), key=lambda event: event[0])
    result, last = [(None, [])], None
    for when, row in events:
        if row["kind"] == "title":
            result.append((row["text"], []))
            last = None
            continue
        # A segment that no call has sent: the kernel's own clock did.
        if row["kind"] == "arrow" and last is not None and (when - last) / 1e6 > LONG:
            result[-1][1].append({"kind": "gap", "text": f"{(when - last) / 1e6:.0f} ms later"})
        if row["kind"] in ("arrow", "call"):
            last = max(last or 0, when)
        result[-1][1].append(row)
    return [(title, numbered(merged(rows))) for title, rows in result if any(row["kind"] != "note" for row in rows)]


def timeline(document):
    """(time, row) of everything, in no order."""
    sides = addresses(document)
    yield from lines(document)
    for call in document["calls"]:
        if call["system_call"] in DULL or (call["helper"] and call["system_call"] not in OF_HELPERS):
            continue
        known = document["sockets"][call["socket"]] if call["socket"] is not None else None
        waits = call["system_call"] in WAITING
        when = call["end"] if waits and call["end"] is not None else call["begin"]
        waited = (call["end"] - call["begin"]) / 1e6 if call["end"] is not None else 0
        row = {"kind": "call", "side": side_of(known) if known else None, "text": call_text(call), "ends": ends_of(known)}
        if waits and waited > LONG:
            row["text"] += f"  ({waited:.0f} ms)"
        yield when, row
        if known and known["kind"] == "UNIX" and call["system_call"] in ARROWS and (call["result"] or -1) >= 0:
            yield when + 1, {"kind": "arrow", "side": side_of(known), "text": plural(call["result"]), "ends": None}
    seen = set()
    for segment in document["segments"]:
        yield segment["time"], {"kind": "arrow", "side": "left" if direction(segment, sides) else "right",
                                "text": segment_text(segment, seen), "ends": frozenset((segment["from"], segment["to"]))
                                if segment["protocol"] == "TCP" else None}
    for change in document["states"]:
        side = sides.get(change["local"])
        listens = change["peer"].endswith(":0")
        if side and not (listens and change["state"] == "CLOSED"):
            ends = frozenset((change["local"], change["peer"])) if not listens else None
            yield change["time"], {"kind": "state", "left": None, "right": None, side: change["state"], "ends": ends}


def lines(document):
    """What the program prints: titles, claims, notes; not its calls, which are rows anyway."""
    for line in document["output"]:
        text = line["text"].strip("\r")
        if SCENE.match(text):
            yield line["time"], {"kind": "title", "text": text}
        elif text.strip() and not TOLD.match(text):
            yield line["time"], {"kind": "note", "text": text.strip().removeprefix("=> ")}


def addresses(document):
    """{address: "left" or "right"}"""
    sides = {}
    for known in document["sockets"]:
        if known["local"] and known["side"]:
            sides.setdefault(known["local"], side_of(known))
        if known["side"] == "client" and known["peer"]:
            sides.setdefault(known["peer"], "right")
    return sides


def side_of(known):
    return "left" if known and known["side"] == "client" else "right"


def ends_of(known):
    return frozenset((known["local"], known["peer"])) if known and known["local"] and known["peer"] else None


def direction(segment, sides):
    """Whether a segment leaves from the left; who sends first is left if nothing else is known."""
    if "about" in segment:  # an error goes back where the packet came from
        return not direction(segment["about"], sides)
    source, target = sides.get(segment["from"]), sides.get(segment["to"])
    if source != target and (source or target):
        return source == "left" or (source is None and target == "right")
    if segment["protocol"] == "ICMP":
        return "reply" not in (segment.get("flags") or [""])[0]
    return sides.setdefault(segment["from"], "left") == "left"


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
    """State changes that were read with nothing between them are one row; the last word counts."""
    result = []
    for row in rows:
        before = result[-1] if result else None
        if row["kind"] == "state" and before and before["kind"] == "state" and row["ends"] == before["ends"]:
            before.update({side: row[side] for side in ("left", "right") if row[side]})
        else:
            result.append(row)
    return result


def numbered(rows):
    """Where a scene has several connections, say which: a number before the text."""
    numbers = {}
    for row in rows:
        if row.get("ends") and row["kind"] == "arrow":
            numbers.setdefault(row["ends"], len(numbers) + 1)
    for row in rows:
        ends = row.pop("ends", None)
        if len(numbers) > 1 and ends in numbers:
            row["number"] = numbers[ends]
    return rows
