"""Puts calls, segments, states and output together into one document."""
import os
import re
from pathlib import Path

from . import calls as strace
from . import network
from .source import Binary, call_in, statement

SYSTEM = ("/usr/", "/lib", "/bin/", "/sbin/", "/opt/", "/root/.pyenv/")
PRINTED = re.compile(r"^   (\S+) +(\w+)\(")
NOTE = re.compile(r"^(\d+)<((?:TCP|UDP|UNIX|RAW|PACKET|ICMP|PING|NETLINK)[\w-]*):\[(.*?)\]>(?=[,)]|$)")
KINDS = {"TCPv6": "TCP", "UDPv6": "UDP", "UNIX-STREAM": "UNIX", "UNIX-DGRAM": "UNIX", "UNIX-SEQPACKET": "UNIX",
         "RAWv6": "RAW", "PING": "ICMP", "PINGv6": "ICMP"}
# Without callers (no strace -k) this is what is kept of a process.
NETWORK = set("socket socketpair bind listen accept accept4 connect sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg "
              "shutdown setsockopt getsockopt getsockname getpeername close poll ppoll select pselect6 epoll_create1 "
              "epoll_ctl epoll_wait epoll_pwait".split())
# Functions of common.h that belong to the telling and not to what is told; what malloc does.
TELLING = {"begin", "begin_story", "check_output", "scene", "narrate", "expected", "ring", "print_safe"}
MEMORY = {"brk", "mmap", "munmap", "mremap", "madvise", "getrandom", "futex", "rseq", "set_robust_list", "exit_group",
          "exit", "arch_prctl", "set_tid_address", "execve"}
ROOT = Path(__file__).resolve().parent.parent.parent
CALLERS = {"connect": "client", "accept": "server", "accept4": "server", "listen": "server"}


def build(program, status, pause, traced, captured, changes):
    """The document. TRACED: what calls.read returned; CAPTURED: (segments, missed) or
    None where nothing could be captured; CHANGES: what the sampler saw."""
    segments, missed = captured or ([], None)
    network.relative(segments)
    builder = Builder(program)
    for call in traced:
        builder.add(call)
    builder.close()
    origin = min([call.begin for call in traced], default=0)
    for segment in segments:
        segment["time"] -= origin
        if "about" in segment:
            segment["about"] = {key: segment["about"][key] for key in ("protocol", "from", "to")}
    for change in changes:
        change["time"] -= origin
        change["asked"] -= origin
        for end in "local", "peer":
            change[end] = plain(change[end])
    for call in builder.calls:
        call["begin"] -= origin
        call["end"] = None if call["end"] is None else call["end"] - origin
    for line in builder.output:
        line["time"] -= origin
    builder.sides()
    return {"version": 1, "program": program, "status": status, "pause": pause, "captured": captured is not None, "missed": missed,
            "processes": builder.processes, "sockets": builder.sockets, "calls": builder.calls,
            "segments": segments, "states": changes, "output": builder.lines()}


def plain(address):
    """[::ffff:127.0.0.1]:80 is the IPv4 address 127.0.0.1:80."""
    return re.sub(r"^\[::ffff:([\d.]+)\]", r"\1", address)


def shown(path):
    """A path as readers know it: from the root of the toolkit."""
    return path and path.removeprefix(f"{ROOT}/")


class Builder:
    """Takes the calls in the order of time, and keeps what is the program's."""

    def __init__(self, program):
        self.own = os.path.realpath(program[0]) if os.path.exists(program[0]) else program[0]
        self.binaries = {}
        self.programs = {}    # of each process: the path that it runs
        self.tables = {}      # of each process: its descriptors, {number: index of the socket}
        self.processes, self.sockets, self.calls, self.output = [], [], [], []

    def add(self, call):
        """Note one call."""
        self.follow_process(call)
        path = self.programs.get(call.pid)
        if not path or (path.startswith(SYSTEM) and path != self.own):
            return
        table = self.tables.setdefault(call.pid, {})
        note = NOTE.match(call.arguments)
        number = re.match(r"(\d+)", call.arguments)
        if call.name in ("write", "writev") and number and int(number[1]) in (1, 2) and not note:
            if (call.result or 0) > 0:
                self.output.append({"time": call.begin, "process": call.pid, "stream": int(number[1]),
                                    "text": strace.written(call.arguments)[:call.result].decode(errors="replace")})
            return
        index = self.socket_of(call, table, note)
        places = [place for path, address in call.frames if not path.startswith((*SYSTEM, "["))
                  for place in self.binary(path).places(address) if not place[1].startswith("/usr/")]
        if call.name in MEMORY or any(name in TELLING and file.endswith("/common.h") for name, file, _ in places):
            return
        if call.frames and all(path.startswith((*SYSTEM, "[")) for path, _ in call.frames):
            return  # before main: the C library's own
        lost = call.frames and not places  # a static musl, whose own frames lead nowhere
        if not call.frames and not (call.name in NETWORK or index is not None):
            return
        if call.name in ("read", "write", "readv", "writev", "close", "fcntl") and index is None and not \
                (lost or any(call_in(statement(file, line), [call.name]) for _, file, line in places[:1])):
            return
        self.note_process(call.pid, path)
        self.calls.append(self.described(call, places, index))

    def described(self, call, places, index):
        """A call as a dictionary."""
        names = strace.NAMES.get(call.name, [call.name])
        own = next((place for place in places if not place[1].endswith("/common.h")), None) or (None, None, None)
        helpers = [name for name, file, _ in places if file.endswith("/common.h")]
        helper = helpers[-1] if helpers else None
        text = statement(own[1], own[2]) if own[1] else None
        innermost = statement(*places[0][1:]) if places else ""
        in_source = call_in(innermost, names)
        return {"process": call.pid, "name": in_source.partition("(")[0] if in_source else names[0],
                "system_call": call.name, "arguments": strace.without_notes(call.arguments), "source": in_source,
                "result": call.result, "errno": call.errno, "begin": call.begin, "end": call.end,
                "file": shown(own[1]), "line": own[2], "function": own[0], "text": text, "helper": helper,
                "socket": index}

    def follow_process(self, call):
        """Who runs which program, and whose descriptors are whose."""
        if call.name in ("execve", "execveat") and call.result == 0:
            path = strace.STRING.search(call.arguments)
            self.programs[call.pid] = os.path.realpath(path[1]) if path else None
            self.tables[call.pid] = {}
        if call.name in ("clone", "clone3", "fork", "vfork") and (call.result or 0) > 0:
            self.programs.setdefault(call.result, self.programs.get(call.pid))
            table = self.tables.setdefault(call.pid, {})
            self.tables[call.result] = table if "CLONE_FILES" in call.arguments else dict(table)

    def note_process(self, pid, path):
        if pid not in [process["pid"] for process in self.processes]:
            self.processes.append({"pid": pid, "name": Path(path).name})

    def socket_of(self, call, table, note):
        """The index of the socket that a call is about, or None."""
        if call.name in ("socket", "socketpair", "accept", "accept4") and call.result is not None and call.result >= 0:
            return self.new_sockets(call, table)
        number = re.match(r"(\d+)", call.arguments)
        if not number:
            return None
        index = table.get(int(number[1]))
        if index is None and note:  # it came by another way: with exec, or in a message
            index = table[int(note[1])] = self.new_socket(call, note[2])
        if index is None:
            return None
        known = self.sockets[index]
        if note:
            self.place(known, note[3])
        if call.name in CALLERS and call.name in ("connect", "listen"):
            known["side"] = known["side"] or CALLERS[call.name]
        if call.name == "close" and call.result == 0:
            del table[int(number[1])]
        if call.name in ("dup", "dup2", "dup3") and (call.result or 0) >= 0:
            table[call.result] = index
        return index

    def new_sockets(self, call, table):
        """Those that a call has made; the index of the first."""
        if call.name == "socketpair":
            numbers = [int(number) for number in re.findall(r"\[(\d+)(?:<|,)|, (\d+)(?:<|\])", call.arguments)
                       for number in number if number]
            made = [self.new_socket(call, "UNIX") for _ in numbers[:2]]
            for side, index, number in zip(("client", "server"), made, numbers):
                self.sockets[index]["side"] = side
                table[number] = index
            return made[0] if made else None
        kind = re.search(r" =<([\w-]+):\[(.*)\]>$", call.arguments)
        index = self.new_socket(call, kind[1] if kind else "?")
        if kind:
            self.place(self.sockets[index], kind[2])
        if call.name != "socket":
            self.sockets[index]["side"] = "server"
        table[call.result] = index
        return index

    def new_socket(self, call, kind):
        self.sockets.append({"process": call.pid, "kind": KINDS.get(kind, kind), "inode": None, "local": None,
                             "peer": None, "side": None})
        return len(self.sockets) - 1

    def place(self, known, text):
        """What -yy says of a socket: its addresses, or an inode number."""
        text = re.sub(r',".*', "", text)
        local, _, peer = text.partition("->")
        if known["kind"] == "UNIX" or re.fullmatch(r"\d+", text):
            known["inode"] = local
            known["peer"] = peer or known["peer"]
            return
        known["local"] = plain(local) or known["local"]
        known["peer"] = plain(peer) or known["peer"]

    def binary(self, path):
        if path not in self.binaries:
            self.binaries[path] = Binary(path)
        return self.binaries[path]

    def close(self):
        for binary in self.binaries.values():
            binary.close()

    def sides(self):
        """Who calls and who is called, where connect and accept did not say: who speaks first calls."""
        for call in self.calls:
            known = self.sockets[call["socket"]] if call["socket"] is not None else None
            if known and not known["side"] and call["system_call"] in ("sendto", "sendmsg", "sendmmsg", "write"):
                known["side"] = "client"
            if known and not known["side"] and call["system_call"] in ("recvfrom", "recvmsg", "recvmmsg", "read"):
                known["side"] = "server"

    def lines(self):
        """The output, line by line, each with the number of the call that a story prints in it."""
        lines, open_lines = [], {}
        for part in self.output:
            for text in part["text"].splitlines(keepends=True):
                key = part["process"], part["stream"]
                line = open_lines.pop(key, None)
                if line is None:
                    line = {"time": part["time"], "process": part["process"], "stream": part["stream"], "text": ""}
                    lines.append(line)
                line["text"] += text.rstrip("\n")
                if not text.endswith("\n"):
                    open_lines[key] = line
        return lines
