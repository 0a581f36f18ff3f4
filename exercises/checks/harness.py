"""What all checks stand on: a student's program is compiled and run in a cage,
and a Lab lets a check talk to it from outside.

The cage: a process id, mount and network namespace of its own where the system
allows it (namespaces(7)), so that nothing the program does outlives the check;
else every process it leaves is adopted (PR_SET_CHILD_SUBREAPER) and ended. As
root, the program runs as a user that nobody else is. Resource limits, a private
folder, a bare environment. No wait is without an end: see Lab.until.
"""
import contextlib
import ctypes
import errno
import fcntl
import importlib
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import socket
import stat
import string
import struct
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 15      # s, the longest that anything is waited for
ASLEEP = 0.7       # s; a program at rest for so long waits for something that
                   # will not come: on loopback there is nothing slower
NAPS = 3           # s; and one that was never seen at work for so long
TOO_BUSY = 0.5     # s of CPU time while there is nothing to do
IN_CIRCLES = 1.0   # s of CPU time without anything coming of it
WHOLE_CHECK = 120  # s
COMPILING = 60     # s
MOST_SOURCE = 64 * 1024
MOST_OUTPUT = 256 * 1024
MOST_PROCESSES = 64

libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
SYS_MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
TCP_CLOSE = 7
CANNOT_ISOLATE = 77
UNKIND = ["-shared", "-fPIC"]

# System calls in which programs wait, by what their source calls them.
WAITS = {
    "x86_64": {0: "read", 1: "write", 7: "poll", 23: "select", 35: "a sleep", 42: "connect", 43: "accept",
               44: "send", 45: "recv", 46: "sendmsg", 47: "recvmsg", 61: "wait", 202: "a thread's lock or join",
               230: "a sleep", 232: "epoll_wait", 270: "select", 271: "poll", 281: "epoll_wait", 288: "accept",
               34: "pause"},
    "aarch64": {63: "read", 64: "write", 72: "select", 73: "poll", 22: "epoll_wait", 101: "a sleep",
                115: "a sleep", 98: "a thread's lock or join", 202: "accept", 203: "connect", 206: "send",
                207: "recv", 211: "sendmsg", 212: "recvmsg", 242: "accept", 260: "wait"},
}


class Wrong(Exception):
    """The program does not do what it should: what was expected, what happened."""

    def __init__(self, expected, happened):
        super().__init__(expected)
        self.expected, self.happened = expected, happened


class Unfit(Exception):
    """The file cannot be checked at all: why, and the compiler's words."""

    def __init__(self, why, details=""):
        super().__init__(why)
        self.why, self.details = why, details


def visible(data, most=300):
    """A program's bytes, harmless on a terminal and in XML, cut at `most`."""
    text = data[:most].decode("utf-8", "replace")
    text = "".join(c if c.isprintable() else "\n" if c == "\n" else ascii(c)[1:-1] for c in text)
    return text + (f" ... ({len(data)} bytes)" if len(data) > most else "")


def quoted(data):
    """A few bytes in a sentence: "abc" (3 bytes)."""
    text = visible(data, 40).replace("\n", "\\n")
    short = text.split(" ... ")[0] + '"...' if len(data) > 40 else text + '"'
    return f'"{short} ({len(data)} byte{"s" * (len(data) != 1)})'


def broken(error):
    return f"the connection broke: {error.strerror} ({errno.errorcode.get(error.errno, '?')})"


def word(length=8):
    """A word that no program can know beforehand."""
    return "".join(random.choice(string.ascii_lowercase) for _ in range(length)).encode()


# ---- The student's processes, as /proc shows them ----

def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def family():
    """Every process below this one."""
    found = children(os.getpid())
    for pid in found:
        found += children(pid)
    return found


def stat_of(pid):
    """/proc/PID/stat from the state on."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()
    return ["X"] + ["0"] * 50


def glance(pid):
    """Of a process: is it asleep, its context switches so far, its CPU time in s."""
    asleep, switches, ticks = True, 0, 0
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/status") as file:
                status = file.read()
            asleep &= re.search(r"^State:\s+(\w)", status, re.M)[1] in "STtZX"
            switches += sum(int(n) for n in re.findall(r"ctxt_switches:\s+(\d+)", status))
        ticks = sum(map(int, stat_of(pid)[11:13]))
    return asleep, switches, ticks / os.sysconf("SC_CLK_TCK")


def cpu_time():
    """What all processes of the program have used, in s."""
    return sum(glance(pid)[2] for pid in family())


def waits_in(pid):
    """The call in which a process waits, or ''."""
    with contextlib.suppress(OSError, ValueError):
        with open(f"/proc/{pid}/syscall") as file:
            number = int(file.read().split()[0])
        return WAITS.get(os.uname().machine, {}).get(number, "")
    return ""


def end_family(uid):
    """End every process below this one, whatever it has made of itself."""
    if os.getpid() == 1:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
    elif uid != os.getuid() and (killer := os.fork()) == 0:
        with contextlib.suppress(OSError):
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    elif uid != os.getuid():
        os.waitpid(killer, 0)
    end = time.monotonic() + PATIENCE
    while (pids := family()) and time.monotonic() < end:
        for sign in signal.SIGSTOP, signal.SIGKILL:  # who is stopped cannot fork
            for pid in pids:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, sign)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.002)


# ---- One program, one peer ----

class Program:
    """The student's program, running."""

    def __init__(self, lab, args, stdin):
        self.lab, self.output, self.status = lab, b"", None
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self.pipe = reading
        environment = dict(lab.environment)
        if lab.unkind:
            environment["LD_PRELOAD"] = lab.unkind
        given = lab.file_with(stdin) if stdin is not None else os.open(os.devnull, os.O_RDONLY)
        try:
            self.process = subprocess.Popen(
                [lab.binary, *args], stdin=given, stdout=writing, stderr=writing,
                cwd=lab.private, env=environment, start_new_session=True, preexec_fn=lab.cage)
        finally:
            os.close(writing)
            os.close(given)

    def pump(self):
        """Take what the program printed; forget what is beyond all measure."""
        with contextlib.suppress(BlockingIOError, OSError):
            for _ in range(64):
                part = os.read(self.pipe, 65536)
                if not part:
                    break
                self.output = (self.output + part)[:MOST_OUTPUT]

    def ended(self):
        return self.process.poll() is not None

    def pause(self):
        """It does nothing until resume()."""
        self.process.send_signal(signal.SIGSTOP)
        if not self.lab.until(lambda: self.ended() or "T" in stat_of(self.process.pid)[:1]):
            raise Wrong("your program can be stopped and continued", "it does not stop")

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def real_ports(self):
        """The TCP ports on which it listens, as the kernel knows them."""
        inodes = set()
        for pid in family():
            with contextlib.suppress(OSError):
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    inodes.update(re.findall(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}")))
        with open("/proc/net/tcp") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        return {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and row[9] in inodes}

    def wake_ups(self):
        """How often it has woken in a system call, so far."""
        with contextlib.suppress(OSError):
            with open(f"/proc/{self.process.pid}/status") as file:
                return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.M)[1])
        return 0

    def must_end(self, expected, within=None, asleep=ASLEEP):
        """Its exit status (negative: the signal), once it has ended."""
        if not self.lab.until(self.ended, within=within, asleep=asleep):
            raise Wrong(expected, "it did not end")
        self.pump()
        return self.process.returncode

    def kill(self, sign=signal.SIGKILL):
        self.process.send_signal(sign)
        self.must_end(f"your program ends when it gets {signal.Signals(sign).name}")

    def must_rest(self, when):
        """It uses no CPU time while there is nothing to do."""
        before = cpu_time()
        used = 0

        def burnt():
            nonlocal used
            used = cpu_time() - before
            return used >= TOO_BUSY or self.ended()

        if self.lab.until(burnt, asleep=0.3) and not self.ended():
            raise Wrong(f"{when}, your program sleeps in a system call until something happens",
                        f"it used {used:.1f} s of CPU time with nothing to do")
        self.must_live(when)

    def must_use_little(self, most, what):
        """Next to no CPU time up to now."""
        if (used := cpu_time()) > most:
            raise Wrong(f"next to no CPU time for {what}", f"it used {used:.1f} s of CPU time")

    def must_live(self, when):
        if self.ended():
            raise Wrong(f"{when}, your program goes on", "it is gone")

    def state(self):
        """How it is, in words."""
        if self.ended():
            code = self.process.returncode
            if code >= 0:
                return f"has ended with status {code}"
            name = signal.Signals(-code).name
            why = {"SIGSEGV": ": it touched memory that is not its own",
                   "SIGABRT": ": the C library stopped it",
                   "SIGXCPU": ": it ran in circles", "SIGXFSZ": ": it wrote too large a file"}
            return f"was ended by {name}{why.get(name, '')}"
        asleep, _, used = glance(self.process.pid)
        if not asleep or used > TOO_BUSY:
            return f"is running, and has used {used:.1f} s of CPU time"
        call = waits_in(self.process.pid)
        return f"waits in {call}" if call else "waits"

    def said(self, text):
        return text in self.output


class Peer:
    """Our end of a connection with the program."""

    def __init__(self, lab, sock):
        self.lab, self.sock = lab, sock
        sock.setblocking(False)
        self.acknowledge()
        self.stash = b""
        if sock.family == socket.AF_INET:
            self.port = sock.getsockname()[1]
            lab.under_way.add(self)

    def say(self, data):
        """Send all of it, while taking what comes in."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self.sock.send(rest):]
                self.acknowledge()
            except BlockingIOError:
                if not self.lab.until(lambda: self.takes() or self.ready()):
                    raise Wrong(f"your program takes the {len(data)} bytes that are sent to it",
                                f"it stopped after {len(data) - len(rest)}") from None
                self.stash += self.some() if self.ready() else b""
            except OSError as error:
                raise Wrong("the connection stays open for what is sent to your program",
                            f"sending gave: {error.strerror}") from None

    def takes(self):
        return bool(select.select([], [self.sock], [], 0)[1])

    def ready(self):
        return bool(select.select([self.sock], [], [], 0)[0])

    def some(self, most=65536):
        """What is there, b'' at the end of the stream."""
        self.acknowledge()
        return self.sock.recv(most)

    def acknowledge(self):
        """At once from here on: a program that sends in small pieces, as under
        the unkind kernel, would else wait 40 ms for each (see tcp_nodelay)."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def hear(self, expected, what="the answer"):
        """Exactly these bytes come."""
        got = self.stash
        while len(got) < len(expected):
            if not self.lab.until(self.ready, on=self.sock):
                raise Wrong(f"{what} {quoted(expected)}",
                            f"only {quoted(got)} came, then nothing" if got else "nothing came")
            try:
                part, end = self.some(), "the end of the stream"
            except OSError as error:
                part, end = b"", broken(error)
            if not part:
                raise Wrong(f"{what} {quoted(expected)}", (f"{quoted(got)} came, then " if got else "") + end)
            got += part
        if got[:len(expected)] != expected:
            raise Wrong(f"{what} {quoted(expected)}", f"{quoted(got)} came")
        self.stash = got[len(expected):]

    def hear_end(self, what="the end of the stream", most=1 << 26):
        """All that comes until the program hangs up."""
        got = bytearray(self.stash)
        self.stash = b""
        while len(got) < most:
            if not self.lab.until(self.ready, on=self.sock):
                raise Wrong(f"{what}: your program closes its end of the connection",
                            f"{quoted(bytes(got))} came, then nothing, and it is still open" if got
                            else "nothing came, and it is still open")
            try:
                part = self.some()
            except OSError as error:
                raise Wrong(what, (f"{quoted(bytes(got))} came, then " if got else "") + broken(error)) from None
            if not part:
                return bytes(got)
            got += part
        raise Wrong(what, f"more than {most} bytes came")

    def hear_any_end(self, what):
        """The program hangs up; a reset, since something was unread, is one way."""
        while True:
            if not self.lab.until(self.ready, on=self.sock):
                raise Wrong(what, "the connection is still open")
            try:
                if not self.some():
                    return
            except ConnectionError:
                return

    def hear_nothing_more(self, what):
        """Once the program is at rest, nothing else is there."""
        if self.stash or self.lab.until(self.ready, asleep=0.2, on=self.sock):
            raise Wrong(what, f"{quoted(self.stash or self.some())} came as well")

    def talk(self, times=1, what="the answer"):
        """Say a word, hear it in upper case. A program that hangs up after its
        answer has done so before the next word: how it looks is no matter of luck."""
        for turn in range(times):
            if turn:
                self.lab.settle()
            said = word()
            self.say(said)
            self.hear(said.upper(), what + f" to {quoted(said)},")

    def unread(self):
        """How many bytes have arrived here and are not read: FIONREAD."""
        return struct.unpack("i", fcntl.ioctl(self.sock, termios.FIONREAD, bytes(4)))[0]

    def wait_for_bytes(self, count):
        """Let so many arrive, and leave them unread."""
        if not self.lab.until(lambda: self.unread() >= count):
            raise Wrong("an answer", f"{self.unread() or 'no'} bytes came")

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def leave(self):
        """Close, and wait until the program's kernel knows."""
        self.close()
        self.lab.until(self.arrived)

    def arrived(self):
        """The program's kernel has all that we sent, our end or reset included."""
        if self.sock.fileno() == -1:
            with open("/proc/net/tcp", "rb") as file:  # still ESTABLISHED, or not even that?
                return not re.search(rb" \w+:%04X 0[13] " % self.port, file.read())
        state = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        unsent = struct.unpack("i", fcntl.ioctl(self.sock, termios.TIOCOUTQ, bytes(4)))[0]
        return unsent == 0 or state == TCP_CLOSE

    def reset(self):
        """Slam the door: the program sees ECONNRESET."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Watch:
    """What the processes of the program do while we wait."""

    def __init__(self, asleep):
        self.asleep, self.pause = asleep, min(0.02, asleep / 2)
        self.looked = self.quiet_since = self.awake = time.monotonic()
        self.before, self.first_used, self.used, self.count = None, None, 0, 1

    def look(self):
        """How many processes there are; a look every 20 ms is enough."""
        now = time.monotonic()
        if self.before is not None and now - self.looked < self.pause:
            return self.count
        self.looked = now
        seen = [glance(pid) for pid in family()]
        self.count, self.used = len(seen), sum(state[2] for state in seen)
        if self.first_used is None:
            self.first_used = self.used
        if not all(state[0] for state in seen):
            self.awake = now
        if seen != self.before or self.awake == now:
            self.quiet_since, self.before = now, seen
        return self.count

    def nothing_will_come(self, busy):
        return (self.used - self.first_used > busy
                or self.looked - self.quiet_since > (self.asleep if self.count else 0.1)
                # It wakes now and then only to fall asleep again: usleep, poll.
                or self.looked - self.awake > NAPS)


class Lab:
    """What a check has in its hands."""

    def __init__(self, name, source, folder, uid):
        self.name, self.source, self.folder, self.uid = name, source, folder, uid
        self.builds, self.private = 0, folder + "/private"
        self.unkind = None  # later, the path of the library
        self.programs, self.things, self.results, self.under_way = [], [], [], set()
        self.environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C",
                            "HOME": self.private, "TMPDIR": self.private,
                            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}

    def cage(self):
        """In the program's process, before the program begins."""
        limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: 20, resource.RLIMIT_NOFILE: 64,
                  resource.RLIMIT_FSIZE: 16 << 20, resource.RLIMIT_NPROC: self.most_processes}
        if not self.sanitized:
            limits[resource.RLIMIT_AS] = 1 << 30
        enter_cage(limits, self.uid)

    def build(self, output, file, source, flags, *libraries):
        """Compile a source; the compiler's words, and the path of what it made.
        In a new folder each time: a program can write where it was built, and
        what it may have left there, a link perhaps, is not touched by us."""
        self.builds += 1
        folder = f"{self.folder}/build{self.builds}"
        os.mkdir(folder)
        with open(f"{folder}/{file}", "wb") as out:
            out.write(source)
        for path in folder, f"{folder}/{file}":
            os.chown(path, self.uid, -1)
        words = compile_in(folder, self.uid, [*flags, "-o", output, file, *libraries], file)
        return words, f"{folder}/{output}"

    def compile(self, flags):
        """Make a program of the student's file, and take it for what follows."""
        words, self.binary = self.build(self.name, self.name + ".c", self.source, [*flags, "-pthread"])
        self.sanitized = "-fsanitize=address" in " ".join(flags).replace("undefined,", "")
        return words

    @contextlib.contextmanager
    def case(self, title):
        """One thing that the program must do. The first that it does not do is
        the last that is looked at."""
        remove(self.private)
        os.mkdir(self.private, 0o700)
        os.chown(self.private, self.uid, -1)
        result = {"title": title, "unkind": bool(self.unkind)}
        self.results.append(result)
        try:
            try:
                yield
                for program in self.programs:
                    program.pump()
            except ConnectionError as error:
                raise Wrong("an orderly connection", broken(error)) from None
            finally:
                self.look_for_sanitizer()
        except Wrong as wrong:
            result.update(expected=wrong.expected, happened=wrong.happened)
            for program in self.programs[-1:]:
                self.until(program.ended, within=0.05)
                program.pump()
                result.update(program=program.state(), said=visible(program.output[-600:], 600))
            raise
        finally:
            for thing in self.things:
                thing.close()
            end_family(self.uid)
            for program in self.programs:
                os.close(program.pipe)
            self.programs, self.things, self.under_way = [], [], set()

    def look_for_sanitizer(self):
        for program in self.programs:
            program.pump()
            found = re.search(rb"(ERROR: \w+Sanitizer: [\w-]+|runtime error: [^\n]*)", program.output)
            if found:
                raise Wrong("no access to memory that is not the program's own",
                            f"the sanitizer stopped it: {visible(found[1])}")

    def until(self, happened, within=None, asleep=ASLEEP, busy=IN_CIRCLES, on=None):
        """Wait for happened(). False when all processes of the program have
        been asleep, or busy, for so many seconds that nothing will come of it,
        when it has ended, or when patience is at its end. With `within`, that
        time is waited in full, asleep or not. `on` is a socket that wakes us."""
        if on and select.select([on], [], [], 0.005)[0] and happened():
            return True
        start = time.monotonic()
        watch = Watch(asleep)
        while not happened():
            for program in self.programs:
                program.pump()
                program.ended()
            if time.monotonic() - start > (within or PATIENCE):
                return False
            if watch.look() > MOST_PROCESSES:
                alive = [program for program in self.programs if not program.ended()]
                end_family(self.uid)
                for program in alive:
                    program.process.returncode = -signal.SIGKILL
                raise Wrong("a handful of processes at most", "there were more: does it fork without end?")
            if not within and watch.nothing_will_come(busy):
                return happened()
            pause = 0.004 if time.monotonic() - start < 0.1 else 0.02
            select.select([on] if on else [], [], [], pause)
        return True

    def settle(self):
        """What we sent arrives, and the program does what it has to do with it,
        until it sleeps or has ended: a process with something to do is not asleep."""
        self.until(lambda: all(peer.arrived() for peer in self.under_way))
        self.under_way = {peer for peer in self.under_way if peer.sock.fileno() != -1}
        self.until(lambda: all(program.ended() for program in self.programs), asleep=0.003, busy=0.2)

    def free_port(self, good=lambda port: True):
        """A port of 127.0.0.1 that nobody has."""
        while True:
            with socket.socket() as sock:
                sock.bind(("127.0.0.1", 0))
                if good(port := sock.getsockname()[1]):
                    return port

    def file_with(self, data):
        """A descriptor from which the program reads these bytes."""
        with tempfile.TemporaryFile(dir=self.folder) as file:
            file.write(data)
            file.flush()
            file.seek(0)
            return os.dup(file.fileno())

    def rebuilt(self, *flags):
        """The program compiled once more with these flags, for what follows;
        False if they do not work here, not even for an empty program."""
        flags, before = ["-O1", "-g", *flags], (self.binary, self.sanitized)
        try:
            self.binary = self.build("empty", "empty.c", b"int main(void) { return 0; }\n", flags)[1]
            self.sanitized = True
            if self.run().must_end("an empty program ends") == 0:
                self.compile(flags)
                return True
        except Unfit:
            pass
        self.binary, self.sanitized = before
        return False

    def run(self, *args, stdin=None):
        program = Program(self, [str(arg) for arg in args], stdin)
        self.programs.append(program)
        return program

    def ready(self, program):
        """What stands on the ready line after "listening on "."""
        def line():
            program.pump()
            return re.search(rb"^listening on (\S+)\n", program.output, re.M)
        if not self.until(lambda: line() or program.ended()) or not line():
            raise Wrong('a line "listening on ..." once a client can come', "there was no such line")
        return line()[1].decode("ascii", "replace")

    def server(self, port=0):
        """The program as a TCP or UDP server on 127.0.0.1; its .port."""
        program = self.run(port)
        address = self.ready(program)
        found = re.fullmatch(r"127\.0\.0\.1:(\d{1,5})", address)
        if not found or not 0 < int(found[1]) < 65536:
            raise Wrong('a line "listening on 127.0.0.1:PORT" with the real port', f'it says "{address}"')
        program.port = int(found[1])
        if port and program.port != port:
            raise Wrong(f"your program, told to take port {port}, takes that one",
                        f"it says that it listens on port {program.port}")
        return program

    def adopt(self, thing):
        self.things.append(thing)
        return thing

    def client(self, server, what="127.0.0.1:{port} takes the call", small_window=False):
        """A new connection to the server."""
        sock = self.adopt(socket.socket())
        if small_window:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(PATIENCE)
        expected = what.format(port=server.port)
        try:
            sock.connect(("127.0.0.1", server.port))
        except TimeoutError:
            raise Wrong(expected, f"no connection within {PATIENCE} s") from None
        except OSError as error:
            raise Wrong(expected, error.strerror) from None
        return Peer(self, sock)

    def unix_server(self, path):
        """The program as a server at a path in its private folder."""
        program = self.run(path)
        if (said := self.ready(program)) != path:
            raise Wrong(f'a line "listening on {path}"', f'it says "{said}"')
        program.path = path
        return program

    def unix_client(self, server):
        sock = self.adopt(socket.socket(socket.AF_UNIX))
        sock.settimeout(PATIENCE)
        try:
            sock.connect(f"{self.private}/{server.path}")
        except OSError as error:
            raise Wrong(f"the server at {server.path} takes the call", error.strerror) from None
        return Peer(self, sock)

    def users_file(self, name, contents):
        """A file of the user's in the private folder; its path. What a program
        has left there, a link perhaps, is not written through."""
        path = f"{self.private}/{name}"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            os.fchown(file.fileno(), self.uid, -1)
            file.write(contents)
        return path

    def gone_is_wrong(self, path, expected):
        if not os.path.lexists(path) or stat.S_ISSOCK(os.lstat(path).st_mode):
            raise Wrong(expected, "it is gone")

    def listener(self):
        """A TCP server of ours; its .port."""
        listener = self.adopt(socket.create_server(("127.0.0.1", 0)))
        listener.setblocking(False)
        return listener, listener.getsockname()[1]

    def picked_up(self, listener, port):
        """The program has called us."""
        if not self.until(lambda: select.select([listener], [], [], 0)[0], on=listener):
            raise Wrong(f"your program connects to 127.0.0.1:{port}", "it did not call")
        return Peer(self, self.adopt(listener.accept()[0]))

    def datagrams(self):
        """A UDP socket of ours on 127.0.0.1."""
        sock = self.adopt(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        return sock

    def datagram(self, sock, expected, within=None):
        """The next datagram and its sender."""
        if not self.until(lambda: select.select([sock], [], [], 0)[0], within=within, on=sock):
            raise Wrong(expected, "none came")
        return sock.recvfrom(65536)


# ---- The cage ----

def enter_cage(limits, uid):
    for limit, most in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (most, most))
    os.umask(0o077)
    if uid != os.getuid():
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in range(1, signal.NSIG):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)  # SIGPIPE as a shell hands it on


def own_uid():
    """Whom the program is to run as: as root, a number nobody else has."""
    if os.getuid() != 0:
        return os.getuid()
    for uid in 65536 + os.getpid() % 400000, 60706 + os.getpid() % 470:
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(OSError):
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                os._exit(0)
            os._exit(1)
        if os.waitpid(pid, 0)[1] == 0:
            return uid
    return 0


def threads_of(uid):
    """How many threads a user has: RLIMIT_NPROC counts all of them."""
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == uid:
                count += len(os.listdir(f"/proc/{pid}/task"))
    return count


def shut(closed=True):
    """The program may be of our own user: it must not reach into our memory or
    open our descriptors, and write its own report. Children inherit that."""
    libc.prctl(PR_SET_DUMPABLE, 0 if closed else 1, 0, 0, 0)


def isolated(work, folder):
    """Do work() as process 1 of namespaces of its own, in a child of this
    process, with nothing to write to but the folder; CANNOT_ISOLATE where the
    system does not allow that."""
    if os.environ.get("EXERCISE_PLAIN"):
        return CANNOT_ISOLATE
    shut(False)  # else uid_map is root's
    try:
        if not enter_namespaces():
            return CANNOT_ISOLATE
    finally:
        shut()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if (libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == -1
            or libc.mount(b"proc", b"/proc", b"proc", 0, None) == -1):
        os._exit(CANNOT_ISOLATE)
    keep_files(folder)
    work()
    os._exit(0)


def enter_namespaces():
    """For this process and its children. False if the system does not allow it."""
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | (CLONE_NEWUSER if uid else 0)
    if libc.unshare(flags) == -1:
        return False
    try:
        if uid:
            for file, text in ("uid_map", f"{uid} {uid} 1"), ("setgroups", "deny"), ("gid_map", f"{gid} {gid} 1"):
                with open(f"/proc/self/{file}", "w") as map_file:
                    map_file.write(text)
        with socket.socket() as sock:  # set up the new loopback interface
            fcntl.ioctl(sock, 0x8914, struct.pack("16sh22x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
    except OSError:
        return False
    return True


def keep_files(folder):
    """Nothing outside the folder can be written any more: mount_setattr(2).
    Best effort: kernels before 5.12 do not know it."""
    def set_attributes(path, flags, on, off):
        attributes = struct.pack("QQQQ", on, off, 0, 0)
        return libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path, flags, attributes, len(attributes))
    path = folder.encode()
    if libc.mount(path, path, None, MS_BIND, None) == 0 and set_attributes(b"/", AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0) == 0:
        set_attributes(path, 0, 0, MOUNT_ATTR_RDONLY)


def source_of(path):
    """The text of a student's file, which may be anything."""
    shown = os.path.basename(path)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise Unfit(f"{shown} is missing") from None
    except OSError as error:
        why = "is a symbolic link, not a file" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
        raise Unfit(f"{shown} {why}") from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Unfit(f"{shown} is not a regular file")
        source = os.read(fd, MOST_SOURCE + 1)
    finally:
        os.close(fd)
    if len(source) > MOST_SOURCE:
        raise Unfit(f"{shown} is larger than {MOST_SOURCE // 1024} KiB")
    if not source.strip():
        raise Unfit(f"{shown} is empty")
    return source


def compile_in(build, uid, words, what):
    """Run the compiler in the cage; its words if all went well, else Unfit."""
    cc = os.environ.get("CC", "cc").split()
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: COMPILING, resource.RLIMIT_FSIZE: 64 << 20,
              resource.RLIMIT_AS: 1 << 30}
    with tempfile.TemporaryFile(dir=os.path.dirname(build)) as said:
        process = subprocess.Popen(
            [*cc, "-Wall", "-Wextra", *words], cwd=build, stdin=subprocess.DEVNULL,
            stdout=said, stderr=said, start_new_session=True, preexec_fn=lambda: enter_cage(limits, uid),
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TMPDIR": build})
        try:
            status = process.wait(COMPILING)
        except subprocess.TimeoutExpired:
            raise Unfit(f"{what} does not compile: the compiler was not ready after {COMPILING} s") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        said.seek(0)
        words = visible(said.read(8192), 3000)
    if status != 0:
        raise Unfit(f"{what} does not compile", words)
    return words


def checked(name, source, folder, uid, processes):
    """Compile and check; what came of it, as a dictionary."""
    report = {"name": name, "done": False, "cases": []}
    try:
        flags = os.environ.get("CFLAGS", "-O1 -g").split()
        lab = Lab(name, source, folder, uid)
        lab.most_processes = processes
        os.chmod(folder, 0o755)  # the program may write into folders in it, not here
        report["warnings"] = lab.compile(flags)
        first = lab.binary, lab.sanitized
        report["cases"] = lab.results
        check = importlib.import_module(name).check
        check(lab)
        # Never with sanitizers: it is loaded into programs that have their own.
        with open(HERE + "/../unkind.c", "rb") as file:
            lab.unkind = lab.build("unkind.so", "unkind.c", file.read(), ["-O1", *UNKIND], "-ldl")[1]
        lab.binary, lab.sanitized = first
        check(lab)
        report["done"] = True
    except Unfit as unfit:
        report.update(unfit=unfit.why, details=unfit.details)
    except Wrong:
        pass
    except Exception as error:  # ours, not the student's
        if os.environ.get("EXERCISE_DEBUG"):
            raise
        report.update(unfit=f"the check itself went wrong, please report it: {type(error).__name__}: {error}",
                      details="")
    return report


def judge(name, path):
    """The report on one student's file. The student's code runs far below."""
    start = time.monotonic()
    try:
        source = source_of(path)
    except Unfit as unfit:
        return {"name": name, "done": False, "cases": [], "unfit": unfit.why, "details": "", "seconds": 0}
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    uid = own_uid()
    processes = 100 + threads_of(uid)
    folder = tempfile.mkdtemp(prefix="exercise-", dir="/tmp" if os.getuid() == 0 else None)
    try:
        words = b""
        for cage in isolated, lambda work, folder: work():
            words, status = in_child(lambda report: cage(
                lambda: report(checked(name, source, folder, uid, processes)), folder), uid)
            if status != CANNOT_ISOLATE:
                break
        report = json.loads(words)
    except ValueError:
        report = {"name": name, "done": False, "cases": [],
                  "unfit": f"the check of {name} did not come to its end: your program stopped it, or it took "
                           f"more than {WHOLE_CHECK} s", "details": ""}
    finally:
        remove(folder)
    report["seconds"] = round(time.monotonic() - start, 2)
    return report


def in_child(work, uid):
    """What work(report) reports, and the exit status of the child it ran in.
    When this returns, nothing is left of all that was started there."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

            def report(value):
                with open(writing, "w") as file:
                    json.dump(value, file)
            os._exit(work(report) or 0)
        except BaseException as error:  # whatever it is, it must not go on as the parent
            if not isinstance(error, KeyboardInterrupt):
                sys.excepthook(*sys.exc_info())
            os._exit(1)
    os.close(writing)
    words = b""
    end = time.monotonic() + WHOLE_CHECK
    try:
        while (rest := end - time.monotonic()) > 0:
            if select.select([reading], [], [], rest)[0]:
                part = os.read(reading, 65536)
                if not part:
                    break
                words += part
        else:
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(reading)
        end_family(uid)
    return words, os.waitstatus_to_exitcode(status)


def remove(folder):
    """Also what the program has made unreadable for us."""
    for path, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
