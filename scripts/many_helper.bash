# Loaded by the tests of the servers for many clients, after bats_helper: what all
# of them promise, and how a variant of one is built.

# variant NAME SED-SCRIPT [CC-OPTION...]: build a demo with its source changed, which
# must have an effect; sets $VARIANT.
variant() {
    mkdir -p "$BATS_TEST_TMPDIR/variant"
    VARIANT=$BATS_TEST_TMPDIR/variant/$1
    sed -e "$2" "$ROOT/$1/$1.c" >"$VARIANT.c"
    [ -z "$2" ] || ! cmp -s "$VARIANT.c" "$ROOT/$1/$1.c" || {
        echo "'$2' changes nothing in $1.c"
        return 1
    }
    cc -O1 -g -iquote "$ROOT/$1" "${@:3}" -o "$VARIANT" "$VARIANT.c"
}

# launch COMMAND...: like start, for any command.
launch() {
    LOG=$BATS_TEST_TMPDIR/launched.${#PIDS[@]}.log
    "$@" >"$LOG" 2>&1 3>&- &
    PID=$!
    PIDS+=("$PID")
    wait_for 'listening on'
    # shellcheck disable=SC2034 # for the tests
    PORT=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$LOG")
}

# serves_at_once COUNT [TURNS]: so many clients are connected, and each of them is
# answered, three times, while all the others are on the line.
serves_at_once() {
    python '
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
clients = [dial(sys.argv[1]) for _ in range(int(sys.argv[2]))]
for turn in range(int(sys.argv[3])):
    for i, s in enumerate(clients):
        s.sendall(b"client %d says %d" % (i, turn))
    for i, s in enumerate(clients):
        wanted = b"CLIENT %d SAYS %d" % (i, turn)
        assert s.recv(100) == wanted' "$PORT" "$1" "${2:-3}"
}

# echoes_exactly: all 256 bytes; a client that reads late; one that has said all.
echoes_exactly() {
    python '
import select
every = bytes(range(256))
expected = bytes(b - 32 if 97 <= b <= 122 else b for b in every)
s = dial(sys.argv[1])
s.sendall(every)
s.shutdown(socket.SHUT_WR)
assert all_of(s) == expected
s = dial(sys.argv[1])
s.setblocking(False)
can_send = select.poll()
can_send.register(s, select.POLLOUT)
numbers = b"".join(b"line %d\n" % i for i in range(20000))
sent = bytearray()
while can_send.poll(300):  # until the server, and the way to it, are full
    sent += numbers[:s.send(numbers)]
assert len(sent) > 1 << 20
s.settimeout(10)
s.shutdown(socket.SHUT_WR)
assert all_of(s) == bytes(sent).upper()' "$PORT"
}

# resets_end_nobody_else: clients are reset at each point of their conversation while
# others talk, who must not notice.
resets_end_nobody_else() {
    python '
others = [dial(sys.argv[1]) for _ in range(5)]
for turn in range(200):
    s = dial(sys.argv[1])
    if turn % 4 > 0:
        s.sendall(b"x" * (1, 60000)[turn % 2])
    if turn % 4 > 1:
        assert s.recv(1) == b"X"
    reset(s)
    other = others[turn % 5]
    other.sendall(b"still there, %d" % turn)
    assert other.recv(100) == b"STILL THERE, %d" % turn' "$PORT"
}

# unread_output_stalls_nobody NAME COUNT: nobody reads what the server prints, and
# the pipe holds only a page; so many clients, one after the other, are served. With
# a third argument: and all processes that served them end.
unread_output_stalls_nobody() {
    python '
import fcntl, subprocess
out, into = os.pipe()
fcntl.fcntl(into, 1031, 4096)  # F_SETPIPE_SZ
server = subprocess.Popen([sys.argv[1], "127.0.0.1", "0"], stdout=into, stderr=into)
os.close(into)
line = b""
while not line.endswith(b"\n") or b"listening" not in line:
    line += os.read(out, 1)
port = line.rsplit(b":", 1)[1]
for turn in range(int(sys.argv[2])):
    s = dial(port)
    s.sendall(b"hello")
    assert s.recv(5) == b"HELLO", turn
    reset(s) if turn % 2 else s.close()
children = "/proc/%d/task/%d/children" % (server.pid, server.pid)
while len(os.listdir("/proc/%d/task" % server.pid)) > 3:  # main and two that print
    time.sleep(0.02)
while sys.argv[3:] and open(children).read():  # until all of them have ended
    time.sleep(0.02)
server.terminate()  # also now, while its output is not read
server.wait(10)
' "$ROOT/$1/$1" "${@:2}"
}

# cpu_of PID: the CPU time of a process so far, in milliseconds.
cpu_of() {
    awk '{ sub(/.*\) /, ""); print ($12 + $13) * 10 }' "/proc/$1/stat"
}

# keeps_the_contract NAME: -q, IPv6, a port that is taken, Ctrl-C.
keeps_the_contract() {
    start "$1" -q 127.0.0.1 0
    python '
s = dial(sys.argv[1])
s.sendall(b"x")
assert s.recv(1) == b"X"
os.kill(int(sys.argv[2]), 2)
if sys.argv[3] != "tcp_fork":  # whose children go on
    assert s.recv(1) == b""  # the server has hung up first: TIME_WAIT is on its side' "$PORT" "$PID" "$1"
    run ! ended "$PID"
    grep -q '^listening on 127.0.0.1:[0-9]*$' "$LOG"
    [ "$(wc -l <"$LOG")" -eq 1 ]
    start "$1" 127.0.0.1 "$PORT" # the port is free again
    start tcp_server -q 127.0.0.1 0
    run "$ROOT/$1/$1" 127.0.0.1 "$PORT"
    [ "$status" -eq 1 ]
    [[ $output = "$1: "*bind*"(EADDRINUSE)"* ]]
    grep -q . /proc/net/if_inet6 || missing "IPv6"
    start "$1" ::1 0
    grep -q '^listening on \[::1\]:[0-9]*$' "$LOG"
    python 's = socket.create_connection(("::1", int(sys.argv[1]))); s.sendall(b"x"); assert s.recv(1) == b"X"' "$PORT"
}

# For the servers that are one loop:

# never_readers_are_bounded: ten clients say much and never read. They do not delay
# an eleventh, cost at most 64 KiB of memory each, and when nine of them leave in
# different ways, the CPU comes to rest. At last one reads, and nothing is lost.
never_readers_are_bounded() {
    python '
import select
pid = sys.argv[2]
def resident():
    with open("/proc/%s/status" % pid) as status:
        return int(status.read().split("VmRSS:")[1].split()[0])
def cpu():
    with open("/proc/%s/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
honest = dial(sys.argv[1])
def ask():
    start = time.monotonic()
    honest.sendall(b"and me?")
    assert honest.recv(10) == b"AND ME?"
    return time.monotonic() - start
for _ in range(20):
    ask()
before = resident()
mute = [dial(sys.argv[1]) for _ in range(10)]
counts = []
for s in mute:
    s.setblocking(False)
    can_send = select.poll()
    can_send.register(s, select.POLLOUT)
    count = 0
    while can_send.poll(200):  # until the server, and the way to it, are full
        count += s.send(b"x" * 65536)
    counts.append(count)
    ask()
grown = resident() - before
assert 0 < grown <= 10 * 64 + 64, "grown by %d KiB" % grown
assert sorted(ask() for _ in range(200))[100] < 0.05  # the median
for i, s in enumerate(mute[1:]):
    (reset, socket.socket.close, lambda s: s.shutdown(socket.SHUT_WR))[i % 3](s)
    ask()
burnt = cpu()
time.sleep(0.5)
burnt = cpu() - burnt
assert burnt < 0.1, "%.2f s of CPU time in half a second" % burnt
mute[0].settimeout(10)
mute[0].shutdown(socket.SHUT_WR)
got = 0
while part := mute[0].recv(1 << 20):
    assert not part.strip(b"X")
    got += len(part)
assert got == counts[0], (got, counts[0])' "$PORT" "$PID"
}

# waits_without_descriptors COUNT [LOOKS]: so many clients call a server that has no
# descriptor left. They wait, and no CPU is burnt while we look 100 (LOOKS) times; then,
# when there are some again, they are served.
waits_without_descriptors() {
    python '
import resource
pid, count = int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
def cpu():
    with open("/proc/%s/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
first = dial(sys.argv[1])
first.sendall(b"x")
assert first.recv(1) == b"X"
soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
taken = set(os.listdir("/proc/%d/fd" % pid))
free = next(fd for fd in range(1000) if str(fd) not in taken)
resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, hard))
clients = [dial(sys.argv[1]) for _ in range(count)]
for s in clients:
    s.sendall(b"me")
with open(sys.argv[4]) as log:
    while "EMFILE" not in log.read(65536):
        time.sleep(0.02)
burnt = cpu()
for _ in range(int(sys.argv[5])):  # clients that are connected are still served, and often
    first.sendall(b"x")
    assert first.recv(1) == b"X"
    time.sleep(0.01)
    assert cpu() - burnt < 0.2, "%.2f s of CPU time while it waits" % (cpu() - burnt)
resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
for s in clients:
    assert s.recv(2) == b"ME"' "$PORT" "$PID" "$1" "$LOG" "${2:-100}"
}
