load ../scripts/bats_helper
load ../scripts/many_helper
# guess: 3\$ make demo-tcp-client connected: we are \S+ > is anybody there\? (.*?)  -> tcp_client:; IS; 2\$

@test "serves 500 clients at once, in one process and one thread" {
    start tcp_poll 127.0.0.1 0
    serves_at_once 500
    wait_for '^127.0.0.1:[0-9]* hung up$'
    [ "$(find "/proc/$PID/task" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
    [ -z "$(ps -o pid= --ppid "$PID")" ]
}

@test "answers exactly, also a client that reads late" {
    start tcp_poll -q 127.0.0.1 0
    echoes_exactly
}

@test "a reset ends nobody else's conversation" {
    start tcp_poll 127.0.0.1 0
    resets_end_nobody_else
    grep -q '^tcp_poll: recv from 127.0.0.1:[0-9]*: Connection reset by peer (ECONNRESET)$' "$LOG"
}

@test "a client that never reads delays nobody, takes bounded memory, and leaves without a spin" {
    start tcp_poll -q 127.0.0.1 0
    never_readers_are_bounded
}

@test "output that nobody reads stalls nobody; the lines are counted" {
    unread_output_stalls_nobody tcp_poll 300
    mkfifo "$BATS_TEST_TMPDIR/out"
    exec 6<>"$BATS_TEST_TMPDIR/out"
    "$ROOT/tcp_poll/tcp_poll" 127.0.0.1 0 >&6 3>&- &
    PID=$!
    PIDS+=("$PID")
    read -r -u 6 ready
    PORT=${ready##*:}
    python '
for turn in range(2000):
    s = dial(sys.argv[1])
    s.sendall(b"x")
    assert s.recv(1) == b"X"' "$PORT"
    local line tries
    for ((tries = 0; tries < 4000; tries++)); do # what fitted, and then the news
        read -r -t 0.1 -u 6 line || python 's = dial(sys.argv[1]); s.sendall(b"x"); s.recv(1)' "$PORT"
        [[ ! $line =~ ^\([0-9]+\ lines\ skipped\)$ ]] || return 0
    done
    false
}

@test "whoever reads our output is gone: says so, status 1" {
    mkfifo "$BATS_TEST_TMPDIR/out"
    "$ROOT/tcp_poll/tcp_poll" 127.0.0.1 0 >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    PID=$!
    PIDS+=("$PID")
    read -r ready <"$BATS_TEST_TMPDIR/out"
    python 'dial(sys.argv[1]).recv(1)' "${ready##*:}" || true
    ended "$PID" && return 1 || [ $? -eq 1 ]
    grep -q '^tcp_poll: write to standard output: .* (EPIPE)$' "$BATS_TEST_TMPDIR/err"
}

@test "-q, IPv6, a taken port, Ctrl-C" {
    keeps_the_contract tcp_poll
}

@test "make demo-FOLDER hands HOST and PORT on, for each server of this part" {
    local server
    for server in tcp_fork tcp_thread tcp_poll tcp_epoll tcp_reuseport; do
        LOG=$BATS_TEST_TMPDIR/$server.log
        HOST=127.0.0.2 PORT=0 "$ROOT/scripts/demo" "$server" >"$LOG" 2>&1 3>&- &
        PIDS+=("$!")
        wait_for '^listening on 127.0.0.2:[1-9][0-9]*$'
        kill "$(pgrep -P "$!" "$server")"
    done
}

@test "no descriptor is left: callers wait, no CPU is burnt, then they are served" {
    start tcp_poll 127.0.0.1 0
    waits_without_descriptors 50
    grep -q "tcp_poll: accept on 127.0.0.1:$PORT: .*(EMFILE)" "$LOG"
}

@test "descriptors become fewer: the entries for poll never exceed the limit" {
    start tcp_poll -q 127.0.0.1 0
    python '
import resource
crowd = [dial(sys.argv[1]) for _ in range(100)]
for s in crowd:
    s.sendall(b"x")
    assert s.recv(1) == b"X"
for s in crowd[2:]:
    s.shutdown(socket.SHUT_WR)
    assert s.recv(1) == b""
pid = int(sys.argv[2])
hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
resource.prlimit(pid, resource.RLIMIT_NOFILE, (10, hard))
for s in crowd[:2]:
    s.sendall(b"x")
    assert s.recv(1) == b"X"' "$PORT" "$PID"
}

@test "shown: to look away with events = 0 and not with -1 burns the CPU" {
    variant tcp_poll 's/events ? fd : -1/fd/'
    launch "$VARIANT" -q 127.0.0.1 0
    python '
s = dial(sys.argv[1])
reset(s)' "$PORT"
    python '
start = time.monotonic()
while True:
    with open("/proc/%s/stat" % sys.argv[1]) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    if int(fields[11]) + int(fields[12]) > 30:
        break
    time.sleep(0.02)' "$PID"
}

@test "a call that fails ends one conversation, or is named" {
    local fault
    for fault in accept4:ECONNABORTED recvfrom:EINTR recvfrom:EAGAIN sendto:EINTR sendto:EAGAIN poll:EINTR; do
        trace -e "trace=${fault%:*}" -e "inject=${fault%:*}:error=${fault#*:}:when=1"
        start tcp_poll -q 127.0.0.1 0
        python 's = dial(sys.argv[1]); s.sendall(b"x"); assert s.recv(1) == b"X"' "$PORT"
        grep -q "(INJECTED)" "$TRACE" || return 1
    done
    trace -e trace=recvfrom -e inject=recvfrom:error=ENOMEM:when=1
    start tcp_poll -q 127.0.0.1 0
    python '
s = dial(sys.argv[1])
s.sendall(b"x")
try:
    assert s.recv(1) == b""
except ConnectionResetError:
    pass
s = dial(sys.argv[1])
s.sendall(b"x")
assert s.recv(1) == b"X"' "$PORT"
    grep -q '^tcp_poll: recv from 127.0.0.1:[0-9]*: .* (ENOMEM)$' "$LOG"
}
