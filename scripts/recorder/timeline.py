"""What stands in a document, each as a row of a ladder (see rows), with what it shares with others: its "keys", and
its "rank", by which order.py puts them in order."""
import bisect
import re
from collections import defaultdict

WAITING = set("accept accept4 recvfrom recvmsg recvmmsg read readv poll ppoll select pselect6 epoll_wait "
              "epoll_pwait wait4 pause".split())
SENDING = {"sendto", "sendmsg", "sendmmsg", "write", "writev"}
CHANGING = SENDING | {"connect", "listen", "shutdown", "close"}
FORKS = {"clone", "clone3", "fork", "vfork"}
# What is shown of the set-up helpers of common.h; what of a story that it does not tell; what never.
OF_HELPERS = {"connect", "accept", "listen", "sendto"}
UNTOLD = WAITING - {"poll", "ppoll", "read"} | CHANGING | FORKS | {"kill"}
DULL = set("getpid getuid geteuid getgid getegid getsockname getpeername fcntl times alarm clock_gettime "
           "rt_sigprocmask rt_sigaction setitimer prctl newfstatat lseek ioctl clock_nanosleep fstat openat "
           "restart_syscall prlimit64".split())
TIMED = re.compile("again$|^(?!.*(SYN|FIN|byte))")  # what the kernel sends by its own clock
TELLS = re.compile(r"\bCALL\(")
SCENE = re.compile(r"^(\d+)\. ")
TOLD = re.compile(r"^   (\S+) +\w+\(|^ +=? ?= -?\d")
CAST = re.compile(r"\((?:const )?struct sockaddr \*\)&?")
HEARS_ALL = {"PACKET", "RAW"}
OTHER = {"left": "right", "right": "left"}
ENDLESS = 3e9  # ns of a wait that only a signal has ended: it is shown


class Timeline:
    def __init__(self, document):
        self.document, self.sockets = document, [known | place_of(known) for known in document["sockets"]]
        self.story = any(TELLS.search(call["text"] or "") for call in document["calls"])
        self.long = 150e6 if document["pause"] else 25e6  # ns of waiting that are worth a word
        self.ranks = {process["pid"]: rank for rank, process in enumerate(document["processes"])}
        self.owners = {known["local"]: known["process"] for known in self.sockets if known["local"]}
        self.sides = {}    # of each address, and of a port at any address
        for known in self.sockets:
            if known["local"] and known["side"]:
                self.sides.setdefault(re.sub(r"^(0\.0\.0\.0|\[::\]):", ":", known["local"]), known["at"])
        self.last = {}    # of each socket: when the last call about it began
        self.flows, self.bars = defaultdict(set), defaultdict(set)  # of each process: those of its sockets
        for call in document["calls"]:
            if call["socket"] is not None:
                self.last[call["socket"]] = call["begin"]
                self.flows[call["process"]].add(self.sockets[call["socket"]]["flow"])
                self.bars[call["process"]].add(self.sockets[call["socket"]]["at"])
        self.arrows = {}  # of each connection: the times of its segments
        # What a sniffer shares with all segments, if there is one.
        self.wire = {"wire"} if any(known["kind"] in HEARS_ALL for known in self.sockets) else set()

    def events(self):
        """All rows, in the order of time."""
        rows = [*self.segments(), *self.lines(), *self.states(),
                *(row for call in self.document["calls"] for row in self.call(call))]
        last = None
        for row in sorted(rows, key=lambda row: row["time"]):
            if row["kind"] == "arrow" and TIMED.search(row["text"]) and last and row["time"] - last > self.long:
                yield row | {"kind": "gap", "text": f"{(row['time'] - last) / 1e6:.0f} ms later"} | \
                    dict.fromkeys(["side", "ends", "key"])
            if row["kind"] in ("arrow", "call"):
                last = row["time"]
            yield row

    def call(self, call):
        """The row of a call, if it is shown; and of the message that it sends by AF_UNIX."""
        name, pid, told = call["system_call"], call["process"], TELLS.search(call["text"] or "")
        known = self.sockets[call["socket"]] if call["socket"] is not None else None
        waits, waited = name in WAITING, (call["end"] or call["begin"]) - call["begin"]
        if not known and name in ("close", "read", "write") or \
                call["result"] is None and waited < ENDLESS or \
                not told and (name in DULL or call["helper"] and name not in OF_HELPERS or
                              self.story and name not in UNTOLD):
            return
        keys = {pid}
        if known and (waits or name in CHANGING and (name != "close" or self.last[call["socket"]] == call["begin"])):
            keys.add(known["flow"])
            if not known["local"]:  # nor is its port
                keys |= {f":{number}" for number in re.findall(r"htons\((\d+)\)", call["arguments"])}
        elif name in FORKS | {"kill", "wait4"}:
            other = int(call["arguments"].partition(",")[0]) if name == "kill" else call["result"]
            keys |= {other} | (self.flows[other] if name == "kill" else set())
        if waits and not known:  # it waits for any of its sockets
            keys |= self.flows[pid]
        if waits and (not known or known["kind"] in HEARS_ALL):
            keys |= self.wire
        row = {"kind": "call", "side": known and known["at"], "text": call_text(call), "keys": keys,
               "ends": known and known["ends"], "time": call["end"] if waits else call["begin"],
               "place": (call["file"], call["line"]), "rank": self.ranks[pid]}
        if waits and waited > self.long and "accept" not in name and \
                (self.story or call["result"] is None):
            row["text"] += f"  ({waited / 1e6:.0f} ms)"
        yield row | {"key": (row["place"], name, row["side"], call["errno"], row["ends"])}
        if known and known["kind"] == "UNIX" and name in SENDING and (call["result"] or 0) > 0:
            yield row | {"kind": "arrow", "text": f"{call['result']} byte" + "s" * (call["result"] != 1), "ends": None,
                         "time": row["time"] + 1, "key": (row["place"], "arrow")}

    def segments(self):
        seen = defaultdict(set)  # what each connection has sent
        for segment in self.document["segments"]:
            ends, about = frozenset((segment["from"], segment["to"])), segment.get("about", segment)
            keys = {ends} if segment["protocol"] == "TCP" else {port(about["from"]), port(about["to"])}
            if segment["flags"] == ["SYN"]:
                keys.add(port(segment["to"]))
            keys |= self.wire
            owners = {self.owners.get(about[end]) for end in ("from", "to")} if len(self.ranks) > 1 else set(self.ranks)
            if len(owners) == 1:  # a process that plays both sides does it in the order of time
                keys |= owners
            self.arrows.setdefault(ends, []).append(segment["time"])
            if segment["flags"] == ["SYN"] and any({"FIN", "RST"} & key[3] for key in seen[ends]):  # its ports again
                seen[ends].clear()
            side = "left" if self.leaves_left(segment) else "right"
            yield {"kind": "arrow", "side": side, "text": segment_text(segment, seen[ends]), "time": segment["time"],
                   "ends": ends if segment["protocol"] == "TCP" else None, "keys": keys, "rank": -1,
                   "key": (side, segment["protocol"], tuple(segment["flags"] or []), ends)}

    def leaves_left(self, segment):
        """Whether a segment leaves from the left; who sends first is left if nothing else is known."""
        if "about" in segment:  # an error goes back where the packet came from
            return not self.leaves_left(segment["about"])
        if segment["protocol"] == "ICMP":
            return "reply" not in segment["flags"][0]
        source, target = (self.side_at(segment[end]) for end in ("from", "to"))
        return self.sides.setdefault(segment["from"], source or OTHER.get(target, "left")) == "left"

    def side_at(self, address):
        return self.sides.get(address) or self.sides.get(port(address))

    def states(self):
        """A state stands below the last segment before it was read."""
        for change in self.document["states"]:
            side = self.side_at(change["local"]) or OTHER.get(self.side_at(change["peer"]))
            listens = change["peer"].endswith(":0")
            ends = port(change["local"]) if listens else frozenset((change["local"], change["peer"]))
            if side and not (listens and change["state"] == "CLOSED"):
                times = self.arrows.get(ends, [])
                at = bisect.bisect(times, change["time"])
                yield {"kind": "state", "left": None, "right": None, side: change["state"], "keys": {ends}, "rank": -1,
                       "ends": None if listens else ends, "time": times[at - 1] + 1 if at else change["time"]}

    def lines(self):
        """What the program prints: titles, claims, notes; not its calls, which are rows anyway. Where
        all sockets of a process are on one side, so is what it prints."""
        for line in self.document["output"]:
            text, pid, sides = line["text"].strip("\r"), line["process"], self.bars.get(line["process"], ())
            if text.strip() and not TOLD.match(text):
                yield {"kind": "title" if SCENE.match(text) else "note", "text": text.strip().removeprefix("=> "),
                       "side": min(sides) if len(sides) == 1 and len(self.bars) > 1 else None,
                       "time": line["time"], "keys": {pid} if pid in self.ranks else {pid, *self.ranks},
                       "rank": self.ranks.get(pid, 0)}


def port(address):
    """":80" of an address."""
    return ":" + address.rpartition(":")[2]


def place_of(known):
    """Where a socket stands: at the left or the right bar; the ends of its connection, if it has one; the flow, which
    all calls and segments of a conversation share."""
    ends = frozenset((known["local"], known["peer"])) if known["local"] and known["peer"] else None
    return {"at": "left" if known["side"] == "client" else "right", "ends": ends,
            "flow": known["kind"] == "TCP" and ends or port(known["local"] or "")}


def segment_text(segment, seen):
    """PSH ACK  seq=1 ack=1  5 bytes"""
    flags, length = segment["flags"] or [], segment["length"]
    size = f"{length} byte" + "s" * (length != 1)
    if segment["protocol"] != "TCP":
        return " ".join([segment["protocol"], *flags]) + (f"  {size}" if segment["protocol"] == "UDP" else "")
    parts = [" ".join(flags), f"seq={segment['seq']}" + (f" ack={segment['ack']}" if "ACK" in flags else "")]
    parts += [size] if length else []
    key = segment["from"], segment["seq"], length, frozenset(flags) - {"PSH"}
    parts += ["again"] if key in seen and (length or {"SYN", "FIN"} & set(flags)) else []
    seen.add(key)
    return "  ".join(parts)


def call_text(call):
    """send(fd, "hello", 5, 0) = 5, as it stands in the source if that is known."""
    text = call["source"] or f"{call['name']}({call['arguments']})"
    result = "?" if call["result"] is None else call["result"]
    return f"{CAST.sub('', text)} = {result} {call['errno'] or ''}".strip()
