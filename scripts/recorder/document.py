"""Puts calls, segments, states and output together into one document."""
import os
import re
import shutil
from pathlib import Path

from . import calls as strace
from .source import call_in, places, statement
from .sockets import Sockets
from .timeline import FORKS

SYSTEM = ("/usr/bin/", "/usr/sbin/", "/usr/lib", "/usr/local/", "/lib", "/bin/", "/sbin/", "/opt/", "/root/.pyenv/",
          "[")
# Without callers (no strace -k) this is kept of a process, and what is about a socket. (A static musl's lead nowhere.)
NETWORK = set("socket poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait".split())
ON_FILES = {"read", "write", "readv", "writev", "close", "fcntl"}
# Functions of common.h that belong to the telling and not to what is told.
TELLING = {"begin", "begin_story", "check_output", "scene", "narrate", "ring", "print_safe"}
ROOT = Path(__file__).resolve().parent.parent.parent
COMMON = "/common.h"


def build(program, status, pause, traced, segments=(), missed=None, states=(), ends=None):
    """The document. TRACED: what calls.read returned; the rest: what network.Watcher saw, if there was one."""
    builder, origin = Builder(program, traced), min([call.begin for call in traced], default=0)
    for entry in [*segments, *states, *builder.calls, *builder.output]:
        for key in ("time", "asked", "begin", "end"):
            if entry.get(key) is not None:
                entry[key] -= origin
    born = [pid for pid in builder.programs if pid in builder.processes]
    return {"version": 1, "program": program, "status": status, "pause": pause, "captured": missed is not None,
            "missed": missed, "processes": [{"pid": pid, "name": builder.processes[pid]} for pid in born],
            "sockets": builder.sockets.finish(builder.calls, ends or {}), "calls": builder.calls,
            "segments": segments, "states": states, "output": builder.output}


class Builder:
    """Takes the calls in the order of time, and keeps what is the program's."""

    def __init__(self, program, traced):
        self.own = os.path.realpath(shutil.which(program[0]) or program[0])
        with open(self.own, "rb") as file:
            self.script = file.read(2) == b"#!"  # its calls are made by an interpreter
        self.programs, self.leaders = {}, {}  # of each process: the path that it runs; of each thread: its process
        self.processes, self.calls, self.output, self.open_lines = {}, [], [], {}
        self.sockets = Sockets()
        addresses = {}
        for path, address in {frame for call in traced for frame in call.frames if not frame[0].startswith(SYSTEM)}:
            addresses.setdefault(path, []).append(address)
        self.places = {path: places(path, its) for path, its in addresses.items()}
        for call in traced:
            self.add(call)

    def add(self, call):
        call.pid = self.leaders.get(call.pid, call.pid)
        if call.name == "execve" and call.result == 0:
            path = re.search(strace.STRING, call.arguments)
            path = self.programs.get(call.pid) if "/proc/self/exe" in path[0] else \
                os.path.realpath(os.fsdecode(strace.written(path[0])))
            if not self.script or self.programs.get(call.pid) != self.own or not path.startswith(SYSTEM):
                self.programs[call.pid] = path
            self.sockets.tables[call.pid] = {}
        if call.name in FORKS and (call.result or 0) > 0:  # who begins has its parent's program and descriptors
            self.programs.setdefault(call.result, self.programs.get(call.pid))
            self.sockets.tables[call.result] = dict(self.sockets.tables.setdefault(call.pid, {}))
            self.leaders |= {call.result: call.pid} if "CLONE_THREAD" in call.arguments else {}
        path = self.programs.get(call.pid)
        if not path or path.startswith(SYSTEM) and path != self.own or call.name.startswith("exec"):
            return
        stream = re.match(r"[12](?!\d|<[A-Z]+[\w-]*:\[)", call.arguments)
        if stream and call.name in ("write", "writev"):
            self.printed(call, int(stream[0]))
            return
        index = self.sockets.about(call)
        frames = [] if path.startswith(SYSTEM) or self.script and path == self.own or \
            all(path.startswith(SYSTEM) for path, _ in call.frames) else call.frames  # an interpreter's; before main
        found = [place for path, address in frames for place in self.places.get(path, {}).get(address, [])
                 if not place[1].startswith("/usr/include/")]
        if any(name in TELLING and file.endswith(COMMON) for name, file, _ in found):
            return
        if index is None and (not frames and call.name not in NETWORK or
                              call.name in ON_FILES and (found or not frames) and
                              not any(call_in(statement(file, line), [call.name]) for _, file, line in found[:1])):
            return
        self.processes.setdefault(call.pid, Path(path).name)
        self.calls.append(described(call, found, index))

    def printed(self, call, stream):
        """Keep what a call writes on standard output or error, line by line."""
        written = strace.written(call.arguments)[:max(0, call.result or 0)]
        written = written.decode(errors="replace") + "...\n" * (len(written) < (call.result or 0))  # strace has cut it
        for text in written.splitlines(keepends=True):
            line = self.open_lines.pop((call.pid, stream), None)
            if line is None:
                line = {"time": call.begin, "process": call.pid, "stream": stream, "text": ""}
                self.output.append(line)
            line["text"] += text.rstrip("\n")
            if not text.endswith("\n"):
                self.open_lines[call.pid, stream] = line


def described(call, found, index):
    """A call as a dictionary. FOUND: where it stands, [(function, file, line)], innermost first."""
    names = strace.NAMES.get(call.name, [call.name])
    function, file, line = next((place for place in found if not place[1].endswith(COMMON)), (None, None, None))
    helpers = [name for name, file, _ in found if file.endswith(COMMON)]
    source = call_in(statement(*found[0][1:]), names) if found else None
    arguments = strace.without_notes(call.arguments)
    if not source and call.name in ("sendto", "recvfrom"):  # send and recv leave the address out
        short = re.sub(", NULL, (?:0|NULL)$", "", arguments)
        names, arguments = names[short == arguments:], short
    return {"process": call.pid, "name": source.partition("(")[0] if source else names[0], "system_call": call.name,
            "arguments": arguments, "source": source, "result": call.result,
            "errno": call.errno, "begin": call.begin, "end": call.end, "line": line, "function": function,
            "file": file and file.removeprefix(f"{ROOT}/"), "text": statement(file, line) if file else None,
            "helper": helpers[-1] if helpers else None, "socket": index}
