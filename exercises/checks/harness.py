"""What all checks stand on: a student's program is compiled and run in a cage,
and a Lab lets a check talk to it from outside.

The cage, where the system allows it (namespaces(7)): process numbers, mounts, a
network and System V IPC of its own, so that nothing the program does outlives
the check. Compiler and program see a file system that is empty but for /usr,
/etc and the like, which they can only read: no home, no class, no solutions.
Elsewhere ("plain") every process it leaves is adopted (PR_SET_CHILD_SUBREAPER)
and ended, and no more than that. As root, the program runs as a user that nobody
else is. Resource limits, a private folder, a bare environment. No wait is
without an end: see Lab.until.

Of the environment: CC, CFLAGS; EXERCISE_SECONDS, the longest that a verdict may
take (20); SEED, by which all that looks like chance can be had again;
EXTRA, a teacher's folder of further cases; EXERCISE_CAGED=1: no verdict without
the cage; EXERCISE_PLAIN=1: as on a system without namespaces; EXERCISE_DEBUG=1: the
traceback, when a check itself goes wrong.
"""
import contextlib
import ctypes
import encodings.idna  # noqa: F401: in the cage, Python may be out of sight
import errno
import fcntl
import hashlib
import functools
import importlib
import importlib.util
import json
import math
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
WHOLE_CHECK = float(os.environ.get("EXERCISE_SECONDS") or 20)  # s
LAST_CASE = WHOLE_CHECK - 2  # s after which the check is ended by its own hand
COMPILING = 12     # s
MOST_SOURCE = 64 * 1024
MOST_OUTPUT = 256 * 1024
MOST_PROCESSES = 150
MOST_THREADS = 300
MOST_DESCRIPTORS = 256
MOST_MEMORY = 1 << 30     # bytes in all, beside what is only reserved
MOST_ADDRESSES = 4 << 30  # bytes of each process: 200 threads have stacks
MOST_FILES = 256 << 20    # bytes
POINTS = 10               # for an exercise that is done; tasks say their own

SEED = int(os.environ.get("SEED") or random.randrange(1 << 31))

libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
CLONE_NEWIPC = 0x08000000
PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW = 8, 47, 2, 13
CAPABILITY_VERSION = 0x20080522
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 2, 4, 0x1000, 0x4000, 0x40000, 2
SYS_MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
TCP_ESTABLISHED, TCP_SYN_RECV, TCP_CLOSE, TCP_LISTEN = 1, 3, 7, 10
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP_REQUEST, NLMSG_DONE = 4, 20, 0x301, 3
CANNOT_ISOLATE = 77
UNKIND = ["-shared", "-fPIC"]
SANITIZER = ["-fsanitize=address"]
SANITIZER_OPTIONS = "verify_asan_link_order=0:detect_leaks=0"

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


LETTERS = string.ascii_lowercase.encode()

# 127.0.0.1, and what an IPv6 socket calls it, as the kernel writes them.
LOOPBACK = ["".join(f"{each:08X}" for each in struct.unpack(f"={len(address) // 4}I", address)) for address in (
    socket.inet_aton("127.0.0.1"), socket.inet_pton(socket.AF_INET6, "::ffff:127.0.0.1"))]


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


def unlike(got, expected):
    """What came instead; and where it differs, if that cannot be seen in what is quoted."""
    same = len(os.path.commonprefix([got, expected]))
    return f"{quoted(got)} came" + (f", behind byte {same}: {quoted(got[same:])}" if 30 < same < len(got) else "")


def literal(data, most=40):
    """Bytes as Python writes them, not too long, but as many: b'z' * 100."""
    if len(data) <= most:
        return repr(data)
    body = data[:-1]
    if len(set(body)) == 1:
        return f"{data[:1]!r} * {len(body)} + {data[-1:]!r}"
    return f"{data[:20]!r}.ljust({len(data)}, b'.')"


def typed(data, most):
    """What to type in a shell in front of a program that is given these bytes: printf knows
    octal numbers. Too many of them are any bytes, but as many."""
    if len(data) > most:
        return f"head -c {len(data)} /dev/urandom | "
    words = "".join(chr(byte) if 32 <= byte < 127 and chr(byte) not in "'\\%" else
                    {10: "\\n", ord("%"): "%%", ord("\\"): "\\\\"}.get(byte, f"\\{byte:03o}") for byte in data)
    return f"printf '{words}' | ".replace("'-", "'\\055", 1)


def broken(error):
    return f"the connection broke: {error.strerror} ({errno.errorcode.get(error.errno, '?')})"


def word(length=8):
    """A word that no program can know beforehand."""
    return bytes(random.choices(LETTERS, k=length))


# ---- The student's processes, as /proc shows them ----

def told_by(path):
    """A file of /proc: by far the shortest way, since we look at many."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 65536)
    finally:
        os.close(fd)


def children(pid):
    try:
        return [int(child) for child in told_by(f"/proc/{pid}/task/{pid}/children").split()]
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
        return told_by(f"/proc/{pid}/stat").decode("ascii", "replace").rsplit(")", 1)[1].split()
    return ["X"] + ["0"] * 50


STATE = re.compile(rb"^State:\s+(\w)", re.M)
SWITCHES = re.compile(rb"ctxt_switches:\s+(\d+)")


def glance(pid):
    """Of a process: is it asleep, its context switches so far, its CPU time in s,
    the pages of memory that it uses."""
    asleep, switches, ticks, pages = True, 0, 0, 0
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            status = told_by(f"/proc/{pid}/task/{thread}/status")
            asleep &= STATE.search(status)[1] in b"STtZX"
            switches += sum(map(int, SWITCHES.findall(status)))
        fields = stat_of(pid)
        ticks, pages = sum(map(int, fields[11:13])), int(fields[21])
    return asleep, switches, ticks / os.sysconf("SC_CLK_TCK"), pages


def cpu_time():
    """What all processes of the program have used, in s."""
    return sum(glance(pid)[2] for pid in family())


def scheduled():
    """(s of CPU time, s of waiting for a CPU) of the first threads of all processes
    of the program."""
    used, waited = cpu_time(), 0
    with contextlib.suppress(OSError, ValueError):
        used, waited = (sum(each) / 1e9 for each in zip(*(
            map(int, told_by(f"/proc/{pid}/schedstat").split()[:2]) for pid in family())))
    return used, waited


def mappings():
    """How many pieces of memory all processes of the program have."""
    count = 0
    for pid in family():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/maps", "rb") as file:
            count += sum(1 for _ in file)
    return count


def zombies():
    return sum(stat_of(pid)[0] == "Z" for pid in family())


def descriptors():
    """How many descriptors all processes of the program have open."""
    count = 0
    for pid in family():
        with contextlib.suppress(OSError):
            count += len(os.listdir(f"/proc/{pid}/fd"))
    return count


def waits_in(pid):
    """The call in which a process waits, or ''."""
    with contextlib.suppress(OSError, ValueError):
        with open(f"/proc/{pid}/syscall") as file:
            number = int(file.read().split()[0])
        return WAITS.get(os.uname().machine, {}).get(number, "")
    return ""


def sockets(family, protocol, *states):
    """(local address in hexadecimal, port, peer's port, inode) of each socket in
    one of these states, as the kernel knows them: by sock_diag(7), which looks at
    much less than /proc/net/tcp does; and by that, where there is no sock_diag."""
    wanted = struct.pack("=BBBxI48x", family, protocol, 0, sum(1 << state for state in states))
    found = []
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as sock:
            sock.send(struct.pack("=IHHII", 16 + len(wanted), SOCK_DIAG_BY_FAMILY, NLM_F_DUMP_REQUEST, 1, 0) + wanted)
            while True:
                answer, at = sock.recv(65536), 0
                while at < len(answer):
                    length, kind = struct.unpack_from("=IH", answer, at)
                    if kind == NLMSG_DONE:
                        return found
                    if kind != SOCK_DIAG_BY_FAMILY:
                        raise OSError
                    words = struct.unpack_from("=4I", answer, at + 24)[:4 if family == socket.AF_INET6 else 1]
                    found.append(("".join(f"{each:08X}" for each in words), *struct.unpack_from("!2H", answer, at + 20),
                                  struct.unpack_from("=I", answer, at + 84)[0]))
                    at += length + 3 & ~3
    except OSError:
        pass
    name = ("tcp" if protocol == socket.IPPROTO_TCP else "udp") + "6" * (family == socket.AF_INET6)
    with contextlib.suppress(FileNotFoundError), open(f"/proc/net/{name}") as file:
        for row in map(str.split, file.readlines()[1:]):
            if int(row[3], 16) in states:
                address, port = row[1].split(":")
                found.append((address, int(port, 16), int(row[2].split(":")[1], 16), int(row[9])))
    return found


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
        for sign in signal.SIGSTOP, signal.SIGKILL:  # a stopped process cannot fork
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
        """`output` is what it printed, `errors` what it said on standard error,
        with which a student debugs: `told` is both, in order of arrival."""
        self.lab, self.output, self.errors, self.told = lab, b"", b"", b""
        self.output_pipe, writing = os.pipe()
        self.errors_pipe, writing_errors = os.pipe()
        os.set_blocking(self.output_pipe, False)
        os.set_blocking(self.errors_pipe, False)
        environment = dict(lab.environment)
        if lab.unkind:
            environment["LD_PRELOAD"] = lab.unkind
        given = lab.file_with(stdin) if stdin is not None else os.open(os.devnull, os.O_RDONLY)
        lab.tell_run(args, stdin)
        try:
            self.process = subprocess.Popen(
                [lab.binary, *args], stdin=given, stdout=writing, stderr=writing_errors,
                cwd=lab.private, env=environment, start_new_session=True, preexec_fn=lab.cage)
        except FileNotFoundError:
            self.close()
            raise Wrong("your program can be started again", "its file is gone: it has deleted itself") from None
        except PermissionError:
            self.close()
            raise Unfit(f"nothing can be run in {lab.folder}: is that file system mounted noexec? Take another "
                        "folder: TMPDIR=/var/tmp make ...") from None
        finally:
            os.close(writing)
            os.close(writing_errors)
            os.close(given)

    def close(self):
        os.close(self.output_pipe)
        os.close(self.errors_pipe)

    def pump(self):
        """Take what the program printed; forget what is beyond all measure."""
        for pipe, kept in (self.output_pipe, "output"), (self.errors_pipe, "errors"):
            with contextlib.suppress(BlockingIOError, OSError):
                for _ in range(64):
                    part = os.read(pipe, 65536)
                    if not part:
                        break
                    setattr(self, kept, (getattr(self, kept) + part)[:MOST_OUTPUT])
                    self.told = (self.told + part)[:2 * MOST_OUTPUT]

    def ended(self):
        return self.process.poll() is not None

    def pause(self):
        """It does nothing until resume()."""
        self.process.send_signal(signal.SIGSTOP)
        if not self.lab.until(lambda: self.ended() or "T" in stat_of(self.process.pid)[:1]):
            raise Wrong("your program can be stopped and continued", "it does not stop")

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def addresses(self):
        """Where it can be reached, as the kernel knows it: {(address, port)} of
        its listening TCP sockets and of its UDP sockets, IPv4 and IPv6, the
        address in hexadecimal as /proc/net/tcp has it."""
        inodes = set()
        for pid in family():
            with contextlib.suppress(OSError):
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    with contextlib.suppress(OSError):  # closed meanwhile; the others count
                        inodes.update(map(int, re.findall(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))))
        return {(address, port) for family_of_address in (socket.AF_INET, socket.AF_INET6)
                for protocol, state in ((socket.IPPROTO_TCP, TCP_LISTEN), (socket.IPPROTO_UDP, TCP_CLOSE))
                for address, port, _, inode in sockets(family_of_address, protocol, state) if inode in inodes}

    def real_ports(self):
        """The ports on which it listens, as the kernel knows them."""
        return {port for _, port in self.addresses()}

    def must_not_spin(self, when, seconds=0.6, most=0.3):
        """It uses next to no CPU time in the next `seconds`, though it may wake. On a
        busy machine a program that never sleeps gets less, and waits for its turn."""
        before, start = scheduled(), time.monotonic()
        self.lab.until(self.ended, within=seconds)
        took = time.monotonic() - start
        used, waited = (now - then for now, then in zip(scheduled(), before))
        if used > most or used + waited > 0.8 * took and used > 0.05 * took:
            raise Wrong(f"{when}, your program sleeps in a system call",
                        f"it used {used:.2f} s of CPU time in {took:.1f} s, and was ready to use all of it: it asks "
                        "again and again")

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
        asleep, _, used, _ = glance(self.process.pid)
        if not asleep or used > TOO_BUSY:
            return f"is running, and has used {used:.1f} s of CPU time"
        call = waits_in(self.process.pid)
        return f"waits in {call}" if call else "waits"

    def said(self, text):
        return text in self.told


class Peer:
    """Our end of a connection with the program."""

    def __init__(self, lab, sock, lazy=False):
        """lazy: its kernel acknowledges as late as it may (see tcp_nodelay)."""
        self.lab, self.sock, self.lazy = lab, sock, lazy
        sock.setblocking(False)
        self.acknowledge()
        self.stash = b""
        self.name = lab.name_of_peer()
        if lazy:
            lab.tell(f"{self.name}.setsockopt(IPPROTO_TCP, TCP_QUICKACK, 0)  # before each recv")
        if sock.family == socket.AF_INET:
            self.port = sock.getsockname()[1]
            lab.under_way.add(self)

    def say(self, data):
        """Send all of it, while taking what comes in."""
        self.lab.tell(f"{self.name}.sendall({literal(data)})")
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
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, not self.lazy)

    def hear(self, expected, what="the answer"):
        """Exactly these bytes come."""
        self.lab.tell(f"{self.name}.recv({max(len(expected), 1)})  # {literal(expected)}")
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
            raise Wrong(f"{what} {quoted(expected)}", unlike(got, expected))
        self.stash = got[len(expected):]

    def hear_end(self, what="the end of the stream", most=1 << 26):
        """All that comes until the program hangs up."""
        self.lab.tell(f"{self.name}.recv(65536)  # again and again, until b''")
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
        self.lab.tell(f"{self.name}.recv(65536)  # again and again, until b'' or an error")
        while True:
            if not self.lab.until(self.ready, on=self.sock):
                raise Wrong(what, "the connection is still open")
            try:
                if not self.some():
                    return
            except ConnectionError:
                return

    def hear_no_answer(self, what):
        """The program hangs up, and says nothing before."""
        self.lab.tell(f"{self.name}.recv(65536)  # b'' or an error")
        if not self.lab.until(self.ready, on=self.sock):
            raise Wrong(what, "the connection is still open")
        try:
            if part := self.stash or self.some():
                raise Wrong(what, f"{quoted(part)} came")
        except ConnectionError:
            return

    def hear_nothing_more(self, what):
        """Once the program is at rest, nothing else is there."""
        self.lab.tell(f"{self.name}.recv(65536)  # nothing may come")
        if self.stash or self.lab.until(self.ready, asleep=0.2, on=self.sock):
            raise Wrong(what, f"{quoted(self.stash or self.some())} came as well")

    def talk(self, times=1, what="the answer", said=None):
        """Say a word, or what is given, hear it in upper case. A program that hangs up after its
        answer has done so before the next word: how it looks is no matter of luck."""
        for turn in range(times):
            if turn:
                self.lab.settle()
            words = said or word()
            self.say(words)
            self.hear(words.upper(), what + f" to {quoted(words)},")

    def unread(self):
        """How many bytes have arrived here and are not read: FIONREAD."""
        return struct.unpack("i", fcntl.ioctl(self.sock, termios.FIONREAD, bytes(4)))[0]

    def wait_for_bytes(self, count):
        """Let so many arrive, and leave them unread."""
        if not self.lab.until(lambda: self.unread() >= count):
            raise Wrong("an answer", f"{self.unread() or 'no'} bytes came")

    def fill(self, data, most=1 << 24):
        """Send these bytes over and over, and take nothing that comes in, until
        the program takes no more; how many bytes that were."""
        count = 0
        self.lab.tell(f"{self.name}.setblocking(False)")
        self.lab.tell(f"while True: {self.name}.send({literal(data)})  # until BlockingIOError")
        while count < most:
            try:
                count += self.sock.send(data)
            except BlockingIOError:
                if not self.lab.until(self.takes, asleep=0.1):
                    break
            except OSError as error:
                raise Wrong("the connection stays open", f"sending gave: {error.strerror}") from None
        return count

    def half_close(self):
        self.lab.tell(f"{self.name}.shutdown(SHUT_WR)")
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.lab.tell(f"{self.name}.close()")
        self.sock.close()

    def leave(self):
        """Close, and wait until the program's kernel knows."""
        self.close()
        self.lab.until(self.arrived)

    def arrived(self):
        """The program's kernel has all that we sent, our end or reset included."""
        if self.sock.fileno() == -1:
            return all(port != self.port for _, _, port, _ in sockets(
                socket.AF_INET, socket.IPPROTO_TCP, TCP_ESTABLISHED, TCP_SYN_RECV))
        state = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        unsent = struct.unpack("i", fcntl.ioctl(self.sock, termios.TIOCOUTQ, bytes(4)))[0]
        return unsent == 0 or state == TCP_CLOSE

    def reset(self):
        """Slam the door: the program sees ECONNRESET."""
        self.lab.tell(f"{self.name}.setsockopt(SOL_SOCKET, SO_LINGER, bytes([1,0,0,0,0,0,0,0])); {self.name}.close()")
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


    def vanish(self):
        """Say that this was all, then slam the door: the next send of the program is told
        of a broken pipe at once (EPIPE, and SIGPIPE with it), not only the one after that."""
        self.half_close()
        self.reset()


class Watch:
    """What the processes of the program do while we wait."""

    def __init__(self, asleep):
        self.asleep, self.pause = asleep, min(0.02, asleep / 2)
        self.looked = self.quiet_since = self.awake = time.monotonic()
        self.before, self.first_used, self.used, self.count, self.memory = None, None, 0, 1, 0

    def look(self):
        """How many processes there are; a look every 20 ms is enough."""
        now = time.monotonic()
        if self.before is not None and now - self.looked < self.pause:
            return self.count
        self.looked = now
        seen = [glance(pid) for pid in family()]
        self.count, self.used = len(seen), sum(state[2] for state in seen)
        self.memory = sum(state[3] for state in seen) * resource.getpagesize()
        seen = [state[:3] for state in seen]
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
        self.deadline = time.monotonic() + LAST_CASE
        self.progress = lambda title: None
        self.steps, self.peers = [], 0
        self.task, self.round = False, "plain"
        self.raw = False  # it may open raw sockets
        self.programs, self.things, self.results, self.under_way = [], [], [], set()
        self.environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C",
                            "HOME": self.private, "TMPDIR": self.private,
                            "ASAN_OPTIONS": SANITIZER_OPTIONS}

    def cage(self):
        """In the program's process, before the program begins."""
        limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: 20,
                  resource.RLIMIT_NOFILE: MOST_DESCRIPTORS,
                  resource.RLIMIT_FSIZE: 16 << 20, resource.RLIMIT_NPROC: self.most_processes}
        if not self.sanitized:
            limits[resource.RLIMIT_AS] = MOST_ADDRESSES
        enter_cage(limits, self.uid, self.raw)

    # ---- What a case did, to be repeated by hand ----

    def tell(self, step):
        """A line of Python that does what we do to the program."""
        self.steps.append(step)

    def tell_run(self, args, stdin, most=400):
        args = ["8080" if arg.isdigit() else arg for arg in args]
        many = len(args) > 8
        words = " ".join(["./" + self.name, *([f"$(yes 8080 | head -n {len(args)})"] if many else args)])
        under = "scripts/exercise unkind " if self.unkind else ""
        self.steps.append(f"$ {typed(stdin, most) if stdin else ''}{under}{words}")

    def tell_line(self, line):
        """This one of the lines that the program was given is enough, by hand."""
        self.steps.pop()
        self.tell_run([], line + b"\n", 4096)

    def name_of_peer(self):
        self.peers += 1
        return f"c{self.peers}"

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
    def unkind_kernel(self):
        """What is inside happens under the unkind kernel. Never with sanitizers:
        it is loaded into programs that have their own."""
        path, before = self.folder + "/unkind.so", self.round
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.write(self.library)
            os.chmod(path, 0o755)
        self.unkind, self.round = path, "unkind"
        try:
            yield
        finally:
            self.unkind, self.round = None, before

    @contextlib.contextmanager
    def case(self, title, points=0):
        """One thing that the program must do. The first that it does not do is
        the last that is looked at; but in a task each case is looked at, and has
        its points."""
        remove(self.private)
        os.mkdir(self.private, 0o700)
        os.chown(self.private, self.uid, -1)
        self.steps, self.peers = [], 0
        result = {"title": title, "unkind": bool(self.unkind), "round": self.round, "points": points}
        self.results.append(result)
        self.progress(title)
        start = time.monotonic()
        try:
            try:
                if start > self.deadline and not points:  # else the first wait says so
                    raise Wrong(f"a verdict within {WHOLE_CHECK:.0f} s", "the cases before this one took all of them")
                yield
                for program in self.programs:
                    program.pump()
            except ConnectionError as error:
                raise Wrong("an orderly connection", broken(error)) from None
            finally:
                self.look_for_sanitizer()
        except Wrong as wrong:
            result.update(expected=wrong.expected, happened=wrong.happened,
                          steps=self.steps[:40] + self.steps[40:][-8:], count=len(self.steps))
            for program in self.programs[-1:]:
                deadline, self.deadline = self.deadline, math.inf
                self.until(program.ended, within=0.05)
                self.deadline = deadline
                program.pump()
                result.update(program=program.state(), said=visible(program.told[-600:], 600))
            if not points:
                raise
        finally:
            result["seconds"] = round(time.monotonic() - start, 2)
            for thing in self.things:
                thing.close()
            end_family(self.uid)
            for program in self.programs:
                program.close()
            self.programs, self.things, self.under_way = [], [], set()

    def look_for_sanitizer(self):
        for program in self.programs:
            program.pump()
            found = re.search(rb"(ERROR: \w+Sanitizer: [\w-]+|runtime error: [^\n]*)", program.errors)
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
            if time.monotonic() > self.deadline:
                raise Wrong(f"a verdict within {WHOLE_CHECK:.0f} s", "it was not in sight: your program takes too long")
            if watch.look() > MOST_PROCESSES:
                alive = [program for program in self.programs if not program.ended()]
                end_family(self.uid)
                for program in alive:
                    program.process.returncode = -signal.SIGKILL
                raise Wrong(f"{MOST_PROCESSES} processes at most", "there were more: does it fork without end?")
            if watch.memory > MOST_MEMORY * (4 if self.sanitized else 1):  # the sanitizer has as much again
                end_family(self.uid)
                raise Wrong(f"{MOST_MEMORY >> 20} MiB of memory at most", "it used more: does it allocate without end?")
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

    def reap_orphans(self):
        """A child whose parent has ended is init's to wait for, and here that is us."""
        ours = [program.process.pid for program in self.programs]
        for pid in children(os.getpid()):
            if pid not in ours:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def must_stay_the_same(self, visit, times=8, closed="each client's socket is closed, by every process that has it"):
        """visit() is one client that comes and goes: after three and after more
        of them the program has as many descriptors and children."""
        counts = []
        for turns in 3, times:
            for _ in range(turns):
                visit()
            self.reap_orphans()
            if not counts:
                self.until(lambda: False, within=0.1)
            elif self.until(lambda: descriptors() <= counts[0][0], within=0.3):
                self.until(lambda: self.reap_orphans() or len(family()) <= counts[0][2], within=0.3)
            counts.append((descriptors(), zombies(), len(family()), mappings() // 2))
        for what, cure, before, after in zip(
                ("descriptors", "zombies", "processes", "threads' stacks or other memory"),
                (closed, "children that have ended are waited for", "a client's process ends with its client",
                 "threads that have ended are joined or detached, memory is freed"), *counts):
            if after - before > times // 2:
                raise Wrong(cure, f"{times} clients came and went, and left {after - before} more {what}")

    def rebuilt(self, *flags):
        """The program compiled once more with these flags, for what follows;
        False if they do not work here."""
        before = self.binary, self.sanitized
        try:
            self.compile(["-O0", "-w", *flags])
            return True
        except Unfit:
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
            return re.search(rb"^listening on (\S+)\n", program.output, re.M) or re.search(
                rb"^listening on (\S+)\n", program.errors, re.M)
        if not self.until(lambda: line() or program.ended()) or not line():
            listens = not program.ended() and not program.output and program.addresses()
            raise Wrong('a line "listening on ..." once a client can come', "there was no such line"
                        + ", though it listens: if it prints one, fflush(stdout) is missing" * bool(listens))
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
        for where, real in program.addresses():
            if real == program.port and where not in LOOPBACK:
                everywhere = ": on every interface, for the whole network" if not where.strip("0") else ""
                raise Wrong("your program can be reached at 127.0.0.1 only", f"it listens elsewhere{everywhere}")
        return program

    def adopt(self, thing):
        self.things.append(thing)
        return thing

    def client(self, server, what="127.0.0.1:{port} takes the call", small_window=False, lazy=False, segment=0):
        """A new connection to the server. For one with a small window and small segments,
        the kernel at the server's end keeps little, too."""
        sock = self.adopt(socket.socket())
        if small_window:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if segment:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        sock.settimeout(PATIENCE)
        expected = what.format(port=server.port)
        self.tell(f"c{self.peers + 1} = create_connection(('127.0.0.1', 8080))")
        try:
            sock.connect(("127.0.0.1", server.port))
        except TimeoutError:
            raise Wrong(expected, f"no connection within {PATIENCE} s") from None
        except OSError as error:
            raise Wrong(expected, error.strerror) from None
        return Peer(self, sock, lazy)

    def caller(self, server):
        """A caller of the server, whether the server picks up or not."""
        sock = self.adopt(socket.socket())
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect(("127.0.0.1", server.port))

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
        peer = Peer(self, sock)
        self.tell(f"{peer.name} = socket(AF_UNIX); {peer.name}.connect('{server.path}')")
        return peer

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
        self.tell("s = create_server(('127.0.0.1', 8080))")
        return listener, listener.getsockname()[1]

    def picked_up(self, listener, port):
        """The program has called us."""
        if not self.until(lambda: select.select([listener], [], [], 0)[0], on=listener):
            raise Wrong(f"your program connects to 127.0.0.1:{port}", "it did not call")
        peer = Peer(self, self.adopt(listener.accept()[0]))
        self.tell(f"{peer.name}, _ = s.accept()")
        return peer

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

def enter_cage(limits, uid, raw=False):
    for limit, most in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (most, most))
    os.umask(0o077)
    libc.prctl(PR_SET_KEEPCAPS, 1 if raw else 0, 0, 0, 0)
    if uid != os.getuid():
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if raw:  # this capability, and no other, outlives exec (capabilities(7))
        wanted = 1 << CAP_NET_RAW
        libc.capset(struct.pack("Ii", CAPABILITY_VERSION, 0),
                     struct.pack("IIIIII", wanted, wanted, wanted, 0, 0, 0))
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0)
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
    """Do work(its folder) as process 1 of namespaces of its own, in a child of
    this process, in an empty file system; CANNOT_ISOLATE where the system does
    not allow that."""
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
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == -1 or not empty_root(folder):
        os._exit(CANNOT_ISOLATE)
    work("/exercise")
    os._exit(0)


def can_isolate():
    """Does the system allow the cage?"""
    folder = tempfile.mkdtemp(prefix="exercise-", dir=temporary())
    try:
        return in_child(lambda report: isolated(lambda _: report(1), folder), own_uid())[1] == 0
    finally:
        remove(folder)


def enter_namespaces():
    """For this process and its children. False if the system does not allow it."""
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | (CLONE_NEWUSER if uid else 0)
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


def empty_root(folder):
    """Make the folder the root of a file system that holds the system's own
    folders, read only, a few devices, and /exercise to work in. Nothing else can
    be seen or written. False where that is not allowed."""
    def mount(source, target, kind, flags=0, options=None):
        os.makedirs(folder + target, exist_ok=True)
        return libc.mount(source.encode(), (folder + target).encode(), kind, flags,
                          options and options.encode()) == 0

    def tmpfs(target, size, mode):
        return mount("tmpfs", target, b"tmpfs", MS_NOSUID | MS_NODEV, f"size={size},nr_inodes=8192,mode={mode}")

    if not tmpfs("", 1 << 20, 755):
        return False
    for path in "/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/gnu":
        if os.path.islink(path):
            os.symlink(os.readlink(path), folder + path)
        elif os.path.isdir(path) and not mount(path, path, None, MS_BIND | MS_REC):
            return False
    os.mkdir(folder + "/dev")
    for device in "null", "zero", "full", "random", "urandom":
        with open(f"{folder}/dev/{device}", "w"):
            pass
        libc.mount(f"/dev/{device}".encode(), f"{folder}/dev/{device}".encode(), None, MS_BIND, None)
    for link, target in ("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"):
        os.symlink("/proc/self/" + target, f"{folder}/dev/{link}")
    for path in "/dev/shm", "/tmp", "/exercise", "/old", "/proc", "/var/tmp", *HIDDEN:
        os.makedirs(folder + path, exist_ok=True)
    if not mount("proc", "/proc", b"proc"):
        return False
    attributes = struct.pack("QQQQ", MOUNT_ATTR_RDONLY, 0, 0, 0)  # best effort: kernels before 5.12 lack it
    libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, folder.encode(), AT_RECURSIVE, attributes, len(attributes))
    writable = (tmpfs("/exercise", MOST_FILES, 755) and tmpfs("/tmp", 16 << 20, 1777)
                and tmpfs("/dev/shm", 16 << 20, 1777))
    for path in HIDDEN:
        writable = writable and tmpfs(path, 4096, 700)
    if not writable or libc.pivot_root(folder.encode(), (folder + "/old").encode()) == -1:
        return False
    os.chdir("/")
    return libc.umount2(b"/old", MNT_DETACH) == 0


HIDDEN = []  # folders below /usr or /etc that must not be seen either


def hide(*folders):
    """The toolkit, a class: should they be below a folder that the cage shows."""
    for path in map(os.path.realpath, folders):
        if path.startswith(("/usr/", "/etc/")) and path.count("/") > 2 and path not in HIDDEN:
            HIDDEN.append(path)


def bound_in_total(pid):
    """Memory and processes of the child with this number, in total, where there
    are cgroups and we may use them (cgroups(7)). Best effort. The folders made."""
    made = []
    places = [("/sys/fs/cgroup", {"memory.max": MOST_MEMORY + MOST_FILES, "memory.swap.max": 0, "pids.max": 512})]
    if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        places = [("/sys/fs/cgroup/memory", {"memory.limit_in_bytes": MOST_MEMORY + MOST_FILES}),
                  ("/sys/fs/cgroup/pids", {"pids.max": 512})]
    for place, limits in places:
        with contextlib.suppress(OSError):
            folder = f"{place}/exercise-{pid}"
            if not os.path.exists(f"{place}/cgroup.procs"):
                continue
            os.mkdir(folder)
            made.append(folder)
            for name, most in {**limits, "cgroup.procs": pid}.items():
                with contextlib.suppress(OSError), open(f"{folder}/{name}", "w") as file:
                    file.write(str(most))
    return made


def temporary():
    """Where our folder is made: TMPDIR, which as root must be open to the
    program's user and never be long, for a path of AF_UNIX has 107 bytes; else /tmp."""
    path = os.environ.get("TMPDIR") or "/tmp"
    if len(os.fsencode(path)) > 50:
        return "/tmp"
    if os.getuid() == 0:
        part = os.path.realpath(path)
        while part != "/":
            if not os.path.isdir(part) or not os.stat(part).st_mode & stat.S_IXOTH:
                return "/tmp"
            part = os.path.dirname(part)
    return path


def source_of(path):
    """The text of a student's file, which may be anything."""
    shown = os.path.basename(path)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise Unfit(f"{shown} is missing; the broken start: make reset-{shown[:-2]}") from None
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
              resource.RLIMIT_AS: 1 << 30, resource.RLIMIT_NPROC: MOST_THREADS + threads_of(uid)}
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
    if status != 0 and "No space left on device" in words:
        raise Unfit(f"the file system of {os.path.dirname(build)} is full; make room there, or take another folder: "
                    "TMPDIR=/var/tmp make ...", words)
    if status != 0:
        raise Unfit(f"{what} does not compile", words)
    return words


def checked(name, source, folder, uid, processes, library, sanitizer, progress):
    """Compile and check; what came of it, as a dictionary."""
    check = importlib.import_module(name)
    report = {"name": name, "done": False, "cases": [], "most": getattr(check, "POINTS", POINTS)}
    random.seed(SEED)
    try:
        flags = os.environ.get("CFLAGS", "-O1").split()
        lab = Lab(name, source, folder, uid)
        lab.most_processes, lab.progress = processes, progress
        lab.task, lab.raw = hasattr(check, "POINTS"), hasattr(check, "RAW")
        if lab.raw and os.getpid() != 1:
            raise Unfit("a program with raw sockets is run in a network of its own only, and this system allows no namespaces")
        os.chmod(folder, 0o755)  # the program may write into folders in it, not here
        lab.library = library
        progress("it compiles")
        report["warnings"] = lab.compile(flags)
        first = lab.binary, lab.sanitized
        report["cases"] = lab.results
        check.check(lab)
        if hasattr(check, "bounds") and not lab.sanitized:
            lab.round = "sanitizer"
            if sanitizer and lab.rebuilt(*SANITIZER) or lab.task:  # whose points can be had without it
                check.bounds(lab)
            lab.binary, lab.sanitized = first
        if extra := extra_cases(name):
            lab.round = "extra"
            extra(lab)
            lab.round = "plain"
        if not lab.task:
            with lab.unkind_kernel():
                check.check(lab)
        report["done"] = not any("expected" in case for case in lab.results)
    except Unfit as unfit:
        report.update(unfit=unfit.why, details=unfit.details)
    except Wrong:
        pass
    except Exception as error:  # ours, not the student's
        if os.environ.get("EXERCISE_DEBUG"):
            raise
        why = f"the check itself went wrong, please report it: {type(error).__name__}: {error}"
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # pylint: disable=no-member
            why = (f"the file system of {folder} is full; make room there, or take another folder: "
                   "TMPDIR=/var/tmp make ...")
        report.update(unfit=why, details="")
    return report


@functools.lru_cache(None)
def extra_cases(name):
    """check() of a teacher's own EXTRA/NAME.py, or None."""
    path = os.path.join(os.environ.get("EXTRA") or "/nowhere", name + ".py")
    if not os.path.exists(path):
        return None
    spec = importlib.util.spec_from_file_location("extra_" + name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.check


def judge(name, path, progress=lambda title: None):
    """The report on one student's file. The student's code runs far below.
    progress(title) is called as each case begins."""
    start = time.monotonic()
    importlib.import_module(name)  # as long as they can be seen
    extra_cases(name)
    report = {"name": name, "done": False, "cases": [], "details": "", "hash": ""}
    try:
        source = source_of(path)
        report["hash"] = hashlib.sha256(source).hexdigest()
        report.update(judged(name, source, progress, path))
    except Unfit as unfit:
        report.update(unfit=unfit.why, details=unfit.details)
    most = getattr(importlib.import_module(name), "POINTS", POINTS)
    gained = sum(case["points"] for case in report["cases"] if "expected" not in case)
    report.update(seed=SEED, most=most, seconds=round(time.monotonic() - start, 2),
                  points=gained if hasattr(importlib.import_module(name), "POINTS") else most * report["done"])
    return report


def judged(name, source, progress, path):
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    uid = own_uid()
    processes = MOST_THREADS + threads_of(uid)
    library, sanitizer = unkind_library(), can_sanitize()
    hide(os.path.dirname(os.path.dirname(HERE)), os.path.dirname(os.path.abspath(path)),
         os.path.dirname(os.path.dirname(os.path.abspath(path))))
    try:
        folder = tempfile.mkdtemp(prefix="exercise-", dir=temporary())
    except OSError as error:
        raise Unfit(f"no folder can be made in {temporary()}: {error.strerror}; take another one: "
                    "TMPDIR=/var/tmp make ...") from None
    words = b""
    try:
        with open(library, "rb") as file:
            library = file.read()
        for cage in isolated, lambda work, folder: work(folder):
            words, status = in_child(lambda report: cage(
                lambda place: report(checked(name, source, place, uid, processes, library, sanitizer,
                                             lambda title: report({"at": title}))), folder), uid, progress)
            if status != CANNOT_ISOLATE:
                break
            if os.environ.get("EXERCISE_CAGED"):
                raise Unfit(f"{socket.gethostname()} allows no namespaces, so there is no cage there; see PLAIN=1")
        return json.loads(words)
    except ValueError:
        return {"unfit": f"the check of {name} did not come to its end: your program stopped it, or it took "
                         f"more than {WHOLE_CHECK:.0f} s"}
    finally:
        remove(folder)


def kept_folder():
    """Where we keep what is made once for all verdicts of this machine."""
    folder = os.path.join(temporary(), f"unkind-{os.getuid()}")
    with contextlib.suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    if not os.path.isdir(folder) or os.lstat(folder).st_uid != os.getuid() or os.path.islink(folder):
        raise Unfit(f"{folder} cannot be used: it belongs to somebody else, or {temporary()} cannot be written; take "
                    "another folder: TMPDIR=/var/tmp make ...")
    return folder


def can_sanitize():
    """Are there programs with the address sanitizer here? An empty one is tried,
    once: it takes as long as a student's. (tcc takes the option, and does nothing.)"""
    cc = os.environ.get("CC", "cc")
    mark = f"{kept_folder()}/{hashlib.sha256(cc.encode()).hexdigest()[:12]}.sanitizer"
    if os.path.exists(mark):
        return True
    source = b"#if defined __SANITIZE_ADDRESS__ || defined __clang__\nint main(void) { return 0; }\n#endif\n"
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(dir=kept_folder()) as folder:
        subprocess.run([*cc.split(), *SANITIZER, "-x", "c", "-", "-o", f"{folder}/empty"], check=False, input=source,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if subprocess.run([f"{folder}/empty"], env={"ASAN_OPTIONS": SANITIZER_OPTIONS}, check=False,
                          stderr=subprocess.DEVNULL).returncode == 0:
            with open(mark, "w"):
                return True
    return False


def unkind_library():
    """The path of the unkind kernel's library, compiled once for this compiler. (tcc, which has no
    atomic variables, leaves it to cc.)"""
    source = os.path.dirname(HERE) + "/unkind.c"
    cc = os.environ.get("CC", "cc")
    cc = "cc" if os.path.basename(cc.split()[0]) == "tcc" and shutil.which("cc") else cc
    with open(source, "rb") as file:
        mark = hashlib.sha256(file.read() + cc.encode()).hexdigest()[:12]
    folder = kept_folder()
    library = f"{folder}/{mark}.so"
    if not os.path.exists(library):
        part = f"{library}.{os.getpid()}"
        made = subprocess.run([*cc.split(), "-O1", *UNKIND, "-o", part, source, "-ldl"], check=False,
                              stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"})
        if made.returncode:
            with contextlib.suppress(OSError):
                os.unlink(part)
            if b"No space left" in made.stderr:
                raise Unfit(f"the file system of {temporary()} is full; make room there, or take another folder: "
                            "TMPDIR=/var/tmp make ...")
            raise Unfit(f"{cc} could not compile {source}", visible(made.stderr, 2000))
        os.rename(part, library)
    return library


def in_child(work, uid, progress=lambda title: None):
    """What work(report) reports last, and the exit status of the child it ran in.
    {"at": title} is progress. When this returns, nothing is left of all that was
    started there."""
    reading, writing = os.pipe()
    begin_reading, begin = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            os.close(begin)
            os.read(begin_reading, 1)  # once its bounds are set
            os.close(begin_reading)
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

            def report(value):
                words = json.dumps(value).encode() + b"\n"
                while words:
                    words = words[os.write(writing, words):]
            os._exit(work(report) or 0)
        except BaseException as error:  # whatever it is, it must not go on as the parent
            if isinstance(error, Exception):  # not Ctrl-C, not SIGTERM
                sys.excepthook(*sys.exc_info())
            os._exit(1)
    os.close(writing)
    os.close(begin_reading)
    groups = bound_in_total(pid)
    os.close(begin)
    words, title, shown = b"", "it begins", time.monotonic() + 1.5
    end = time.monotonic() + WHOLE_CHECK
    try:
        while (rest := end - time.monotonic()) > 0:
            if select.select([reading], [], [], min(rest, 0.5))[0]:
                part = os.read(reading, 65536)
                if not part:
                    break
                words += part
                *lines, last = words.split(b"\n")
                for line in lines:
                    if line.startswith(b'{"at": '):
                        title = json.loads(line)["at"]
                    else:
                        last = line + b"\n" + last
                words = last
            if time.monotonic() > shown:
                progress(title)
                shown = time.monotonic() + 0.5
        else:
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(reading)
        end_family(uid)
        for group in groups:
            with contextlib.suppress(OSError):
                os.rmdir(group)
    return words, os.waitstatus_to_exitcode(status)


def remove(folder):
    """Also what the program has made unreadable for us."""
    for path, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
