"""Runs a program under strace(1) and reads what strace wrote."""
import ast
import re
import shutil
import subprocess
import time
from collections import namedtuple
from pathlib import Path

# How many calls of each name and process are followed by a pause, and which; those in which
# a segment leaves by one that is longer than a delayed ACK takes (40 ms).
PAUSED, SENDING, OTHERS = 25, "sendto,sendmsg,shutdown,close,kill", "connect,listen,recvfrom,recvmsg"
DELAYED_ACK, LEAST = 60000, 10000  # microseconds
# What the C library calls by another name than the kernel does.
NAMES = {
    "recvfrom": ["recv", "recvfrom"], "sendto": ["send", "sendto"], "accept4": ["accept", "accept4"],
    "ppoll": ["poll", "ppoll"], "pselect6": ["select", "pselect"], "wait4": ["waitpid", "wait", "wait4"],
    "openat": ["open", "openat", "creat"], "clone": ["fork", "pthread_create"], "clone3": ["fork", "pthread_create"],
    "vfork": ["fork"], "pipe2": ["pipe", "pipe2"], "rt_sigaction": ["sigaction", "signal"],
    "newfstatat": ["lstat", "stat", "fstat", "fstatat"], "unlinkat": ["unlink", "unlinkat"],
    "fchmodat": ["chmod"], "dup3": ["dup2", "dup3"], "epoll_pwait": ["epoll_wait"], "tgkill": ["raise", "pthread_kill"],
    "epoll_create1": ["epoll_create1", "epoll_create"], "clock_nanosleep": ["sleep", "usleep", "nanosleep"],
    "rt_sigprocmask": ["sigprocmask", "pthread_sigmask"], "pread64": ["pread"], "pwrite64": ["pwrite"],
    "getdents64": ["readdir"], "prlimit64": ["setrlimit", "getrlimit", "prlimit"], "mkdirat": ["mkdir"],
}
Call = namedtuple("Call", "pid name arguments result errno begin end paused frames")
LINE = re.compile(r"^(\d+)\.(\d{9}) (.*)$")
RESULT = re.compile(r"^(.*)\) += (0x[0-9a-f]+|-?\d+|\?)(<(?:[A-Za-z0-9-]+:\[.*?\]|[^<>]*)>)?(?: (E\w+) ?\([^)]*\))?(.*?)"
                    r"(?: <(\d+\.\d+)>)?$", re.S)
FRAME = re.compile(r"^ > (.*)\((.*)\) \[(0x[0-9a-f]+)\]$")
STRING = re.compile(r'"((?:\\[0-7]{1,3}|\\.|[^"\\])*)"')


def problem():
    """None if strace works here, with "stacks" if it can find callers; else one true sentence."""
    if not shutil.which("strace"):
        return "this needs strace, which shows the system calls of a program: install the package strace"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], stderr=subprocess.PIPE, text=True, check=False)
    if tried.returncode:
        why = (tried.stderr.strip().splitlines() or ["no reason given"])[-1]
        return f"strace may not trace a program here ({why}); in a container: --cap-add SYS_PTRACE"
    return None


def command(output, pause):
    """The words before a program that run it under strace, which writes a file OUTPUT.PID for
    each process. After a call that may change the state of a socket the program stands still
    for length(name, PAUSE) microseconds (0: it does not), in which states can be read."""
    stacks = subprocess.run(["strace", "-k", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL,
                            check=False).returncode == 0
    pauses = [word for names in (SENDING, OTHERS) if pause for word in
              ("-e", f"inject={names}:delay_exit={length(names.split(',')[0], pause)}:when=1..{PAUSED}")]
    return ["strace", "-D", "-ff", "-q", "-yy", "-s", "4096", *(["-k"] if stacks else []),
            "--absolute-timestamps=format:unix,precision:ns", "--syscall-times=ns", *pauses, "-o", output]


def length(name, pause):
    """How many microseconds a program stands still after that call. A short PAUSE is so for all."""
    return max(pause, DELAYED_ACK) if name in SENDING.split(",") and pause >= LEAST else pause


def wait(folder, seconds=5):
    """Until strace, which runs beside the program, has written the end of each process. (The
    line "+++ exited" may be missing; then exit_group, and who called it, is the last.)"""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tails = [path.read_bytes()[-4000:] for path in Path(folder).glob("*.*")]
        last = [[line for line in tail.splitlines() if not line.startswith(b" > ")][-1:] for tail in tails]
        if last and all(line and re.search(rb" \+\+\+ | exit(_group)?\(", line[0]) for line in last):
            return
        time.sleep(0.01)


def read(folder, pause):
    """The calls in all files OUTPUT.PID of a folder, in the order in which they began: [Call],
    times in ns since 1970. frames is [(binary, address)], innermost first; a call that has
    not returned has end None. strace tells the end a bit too early (it does not count its own
    work before the call), so it is moved towards the next call, without the PAUSE before that."""
    calls, following = [], {}
    for path in Path(folder).glob("*.*"):
        pid, last = int(path.suffix[1:]), None
        with open(path, encoding="utf-8", errors="replace") as trace:
            for line in trace:
                if frame := FRAME.match(line):
                    if last:
                        last.frames.append((frame[1], int(frame[3], 16)))
                    continue
                last = None
                if match := LINE.match(line.rstrip("\n")):
                    last = finished(pid, int(match[1]) * 10**9 + int(match[2]), match[3])
                    calls += [last] if last else []
    calls.sort(key=lambda call: call.begin)
    for at, call in reversed(list(enumerate(calls))):
        if call.end and call.pid in following:
            latest = following[call.pid] - 1 - 1000 * length(call.name, pause) * call.paused
            calls[at] = call._replace(end=max(call.end, min(latest, call.end + 5 * 10**6)))
        following[call.pid] = call.begin
    return calls


def finished(pid, begin, text):
    """The Call that a line of strace tells of; None if it is none."""
    name, _, rest = text.partition("(")
    match = RESULT.match(rest)
    if not re.fullmatch(r"\w+", name) or text.startswith("+++"):
        return None
    if not match:  # it was under way when the process ended
        return Call(pid, name, rest.removesuffix(" <unfinished ...>"), None, None, begin, None, False, [])
    arguments, result, fd, errno, note, seconds = match.groups()
    if result == "?" and not errno:  # so was this
        return Call(pid, name, arguments.removesuffix(" <unfinished ...>"), None, None, begin, None, False, [])
    if fd:  # 4<TCP:[...]>: what the new descriptor is
        arguments += " =" + fd
    value = None if result == "?" else int(result, 8 if re.match("0[0-7]", result) else 0)
    if result == "?":  # "? ERESTARTSYS": a signal ended it
        value, errno = -1, "EINTR"
    return Call(pid, name, arguments, value, errno, begin, begin + int(float(seconds or 0) * 10**9),
                "DELAYED" in note, [])


def pauses(calls, pause):
    """[(begin, end)] in ns of the pauses after CALLS on TCP sockets."""
    result, following = [], {}
    for call in reversed(calls):
        if call.paused and call.end and "<TCP" in call.arguments:
            result.append((call.end, following.get(call.pid, call.end + pause * 1000)))
        following[call.pid] = call.begin
    return result


def without_notes(arguments):
    """Arguments without what -yy says of descriptors: 3<TCP:[...]> is 3."""
    string = r'"(?:\\.|[^"\\])*"'
    return re.sub(rf'({string})|(\d|AT_FDCWD)<(?:{string}|->|<[^<>]*>|[^<>"])*>', lambda found: found[1] or found[2],
                  arguments.partition(" =<")[0])


def written(arguments):
    """The bytes in a write's arguments."""
    return b"".join(ast.literal_eval(f'b"{text}"') for text in STRING.findall(arguments))
