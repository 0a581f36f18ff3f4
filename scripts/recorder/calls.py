"""Runs a program under strace(1), and reads what strace wrote."""
import ast
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

# A program stands still after the first 25 calls of each of these names, in each process: after those that
# change the state of a connection for longer than a delayed ACK takes (40 ms), unless the pause is a short one.
PAUSED, CHANGING, PAUSE = 25, "connect,listen,sendto,sendmsg,shutdown,close,kill", 60000  # microseconds
# What the C library and the kernel do among themselves.
UNSEEN = ("?brk,?mmap,?munmap,?mremap,?mprotect,?madvise,?getrandom,?futex,?rseq,?set_robust_list,?arch_prctl,"
          "?set_tid_address,?exit,?exit_group")
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
LINE = re.compile(r"(\d+)\.(\d{9}) (\w+)\((.*)$")
RESULT = re.compile(r"(.*)\) += (0x[0-9a-f]+|-?\d+|\?)(<(?:[A-Za-z0-9-]+:\[.*?\]|[^<>]*)>)?(?: (E\w+) ?\([^)]*\))?(.*?)"
                    r"(?: <(\d+)\.(\d{9})>)?$")
FRAME = re.compile(r" > ((?:.*/)?[^/(]*)\(.*\) \[(0x[0-9a-f]+)\]$")
STRING = r'"(?:\\.|[^"\\])*"'


def strace():
    """The words that run a program under strace here, which finds callers (-k) if it can; ends us
    with one true sentence if it cannot work."""
    if not shutil.which("strace"):
        raise SystemExit("record: this needs strace, which shows a program's system calls: install the package strace")
    for words in ["strace", "-k"], ["strace"]:
        tried = subprocess.run([*words, "-o", "/dev/null", "true"], stderr=subprocess.PIPE, text=True, check=False)
        if not tried.returncode:
            return words
    why = (tried.stderr.strip().splitlines() or ["no reason given"])[-1]
    raise SystemExit(f"record: strace may not trace a program here ({why}); in a container: --cap-add SYS_PTRACE")


def command(words, output, pause):
    """The words before a program that run it under strace (WORDS), which writes a file OUTPUT.PID
    for each process; with pauses of PAUSE microseconds, in which states can be read."""
    pauses = ["-e", f"inject={CHANGING}:delay_exit={pause}:when=1..{PAUSED}"] if pause else []
    return [*words, "-D", "-ff", "-q", "-yy", "-s", "4096", "-e", "trace=!" + UNSEEN, *pauses, "-o", output,
            "--absolute-timestamps=format:unix,precision:ns", "--syscall-times=ns"]


def read(folder, pause):
    """The calls in all files OUTPUT.PID of a folder, in the order in which they began. strace tells
    the end a bit too early (it does not count its own work before the call), so it is moved towards
    the next call, without the PAUSE before that."""
    calls = []
    for path in Path(folder).glob("*.*"):
        own = []
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            if match := LINE.match(line):
                own.append(parsed(int(path.suffix[1:]), int(match[1] + match[2]), match[3], match[4]))
            elif own and (match := FRAME.match(line)):
                own[-1].frames.append((match[1], int(match[2], 16)))
        for call, following in zip(own, own[1:]):
            if call.end:
                latest = following.begin - 1 - 1000 * pause * call.paused
                call.end = max(call.end, min(latest, call.end + (100 if call.paused else 5) * 10**6))
        if own and own[-1].errno == "EINTR" and own[-1].name != "rt_sigreturn":  # it was killed meanwhile
            own[-1].result = own[-1].errno = None
        calls += without_restarts(own)
    return sorted(calls, key=lambda call: call.begin)


def without_restarts(calls):
    """Without the calls that the kernel began anew, at once or after a signal's handler (SA_RESTART), which a program
    never learns of, and without the returns of handlers. (A handler returns what the interrupted call will.)"""
    kept, back, following = [], None, None
    for call in reversed(calls):
        at_once = following and (call.name, call.arguments) == (following.name, following.arguments)
        if call.name == "rt_sigreturn":
            back = call
        elif call.errno != "EINTR" or not at_once and (not back or back.errno == "EINTR"):
            kept.append(call)
        following = call
    return kept[::-1]


def parsed(pid, begin, name, text):
    """The call that a line of strace tells of, TEXT being what follows the bracket. Times are in ns since 1970; result
    and end are None if it did not return; made is what its new descriptor is, <TCP:[...]>; frames will be its callers,
    [(binary, address)], innermost first."""
    match = RESULT.match(text)
    arguments, result, fd, errno, note, *took = match.groups("") if match else (text, "?", "", "", "", "", "")
    if result == "?" and errno:  # "? ERESTARTSYS": a signal ended it
        result, errno = "-1", "EINTR"
    over = result != "?" and (fd or result[0] == "-" or "accept" not in name)  # else it was under way
    return SimpleNamespace(
        pid=pid, name=name, arguments=arguments.removesuffix(" <unfinished ...>"), errno=errno or None, begin=begin,
        result=int(result, 8 if re.match("0[0-7]", result) else 0) if over else None,
        end=begin + int("".join(took) or 0) if over else None, made=fd, paused="DELAYED" in note, frames=[])


def pauses(calls, pause):
    """[(begin, end)] in ns of the pauses after CALLS that may have changed the state of a TCP socket."""
    return [(call.end, call.end + 1000 * pause) for call in calls
            if call.paused and "<TCP" in call.arguments]


def without_notes(arguments):
    """Arguments without what -yy says of descriptors: 3<TCP:[...]> is 3."""
    return re.sub(rf'({STRING})|(\d|AT_FDCWD)<(?:{STRING}|->|<[^<>]*>|[^<>"])*>(?:\(deleted\))?',
                  lambda found: found[1] or found[2], arguments)


def written(arguments):
    """The bytes in a write's arguments."""
    return b"".join(ast.literal_eval("b" + text) for text in re.findall(STRING, arguments))
