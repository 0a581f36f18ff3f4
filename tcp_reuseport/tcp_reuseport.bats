load ../scripts/bats_helper
load ../scripts/many_helper
# guess: sport = :8080 \| grep .*?\'((?: "tcp_reuseport",pid=\S+)+) -> "\S+; ("\w+",\S+ ?){3}; ("\w+",\S+ ?){4}

# served_by: how many calls each process got.
served_by() {
    sed -n 's/^process \([0-9]*\): .* connected$/\1/p' "$LOG" | sort | uniq -c
}

# processes: those that serve.
processes() {
    ps -o pid= --ppid "$PID"
}

@test "three processes share the calls" {
    start tcp_reuseport 127.0.0.1 0
    python '
for turn in range(100):
    s = dial(sys.argv[1])
    s.sendall(b"call %d" % turn)
    assert s.recv(100) == b"CALL %d" % turn' "$PORT"
    served_by
    [ "$(served_by | wc -l)" -eq 3 ]
    [ "$(served_by | awk '{ n += $1 } END { print n }')" -eq 100 ]
    # With 100 calls less than 10 for one process comes once in 30 million runs.
    [ "$(served_by | awk '$1 < 10' | wc -l)" -eq 0 ]
}

@test "the addresses choose the process, not who has time: one client waits although two are idle" {
    start tcp_reuseport 127.0.0.1 0
    python '
first = dial(sys.argv[1])
first.sendall(b"x")
assert first.recv(1) == b"X"
served, waiting = 0, []
for _ in range(40):  # each process but the first is idle again at once
    s = dial(sys.argv[1])
    s.sendall(b"x")
    s.settimeout(0.3)
    try:
        assert s.recv(1) == b"X"
        served += 1
    except TimeoutError:
        waiting.append(s)
    if served > 2 and waiting:
        break
assert served > 2 and waiting
first.close()
waiting[0].settimeout(10)
assert waiting[0].recv(1) == b"X"' "$PORT"
}

@test "answers exactly, also a client that reads late" {
    start tcp_reuseport -q 127.0.0.1 0
    echoes_exactly
}

@test "survives resets" {
    start tcp_reuseport 127.0.0.1 0
    python '
for turn in range(60):
    s = dial(sys.argv[1])
    s.sendall(b"x" * (1, 60000)[turn % 2])
    assert s.recv(1) == b"X"
    reset(s)
    s = dial(sys.argv[1])
    s.sendall(b"next")
    assert s.recv(4) == b"NEXT"' "$PORT"
    grep -q '^tcp_reuseport: recv from 127.0.0.1:[0-9]*: Connection reset by peer (ECONNRESET)$' "$LOG"
}

@test "output that nobody reads stalls nobody" {
    unread_output_stalls_nobody tcp_reuseport 300
}

@test "-q, IPv6, a taken port, Ctrl-C" {
    keeps_the_contract tcp_reuseport
}

# calls_in_queues: stop all processes, call 60 times, kill one process; then count the
# calls that were reset, and those that are answered when the others go on.
calls_in_queues() {
    local ids
    mapfile -t ids < <(processes)
    /usr/bin/python3 -c '
import os, socket, sys
port, *ids = map(int, sys.argv[1:])
for pid in ids:
    os.kill(pid, 19)
for pid in ids:  # a signal sent is not a process stopped: until then it may accept one more
    while open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()[0] != "T":
        pass
calls = []
for _ in range(60):
    s = socket.create_connection(("127.0.0.1", port))
    s.settimeout(10)
    s.sendall(b"hello")
    s.shutdown(socket.SHUT_WR)  # nobody has to wait until we hang up
    calls.append(s)
os.kill(ids[0], 9)
while os.path.exists("/proc/%d/fd/3" % ids[0]):
    pass
for pid in ids[1:]:
    os.kill(pid, 18)
answered = lost = 0
for s in calls:
    try:
        assert s.recv(5) == b"HELLO"
        answered += 1
    except ConnectionResetError:
        lost += 1
    s.close()
print(answered, "answered,", lost, "reset")' "$PORT" "${ids[@]}"
}

@test "the calls that a process has in its queue die with it, the others do not" {
    start tcp_reuseport -q 127.0.0.1 0
    run -0 calls_in_queues
    echo "$output"
    [[ $output =~ ^([0-9]+)' answered, '([0-9]+)' reset'$ ]]
    [ "${BASH_REMATCH[1]}" -gt 10 ]
    [ "${BASH_REMATCH[2]}" -gt 3 ]
    wait_for '^tcp_reuseport: a process has ended, and with it the calls it had$'
    [ "$(processes | wc -l)" -eq 2 ]
    python '
for turn in range(50):
    s = dial(sys.argv[1])
    s.sendall(b"x")
    assert s.recv(1) == b"X"' "$PORT" # the two take all
}

@test "with tcp_migrate_req=1 they move to the others" {
    alone sh -c 'echo 1 >/proc/sys/net/ipv4/tcp_migrate_req' || missing "tcp_migrate_req"
    [ "$status" -eq 0 ] || missing "tcp_migrate_req (Linux 5.14)"
    moved() {
        echo 1 >/proc/sys/net/ipv4/tcp_migrate_req
        "$1/tcp_reuseport/tcp_reuseport" -q 127.0.0.1 0 >"$2" 2>&1 &
        PID=$!
        until grep -qs 'listening on' "$2"; do sleep 0.02; done
        PORT=$(sed -n 's/.*:\([0-9]*\)$/\1/p' "$2")
        calls_in_queues
        kill "$PID"
    }
    alone bash -c "$(declare -f processes calls_in_queues moved); moved \"\$@\"" moved "$ROOT" "$BATS_TEST_TMPDIR/log"
    [ "$output" = "60 answered, 0 reset" ]
}

@test "shown: if the parent keeps its copies, a dead process's callers wait for ever" {
    variant tcp_reuseport 's/^\t\tclose(listen_fd);//'
    launch "$VARIANT" -q 127.0.0.1 0
    local ids
    mapfile -t ids < <(processes)
    kill -9 "${ids[0]}"
    wait_for 'a process has ended'
    python '
served = waiting = 0
calls = []
for turn in range(60):
    s = dial(sys.argv[1])  # each is connected
    s.sendall(b"x")
    s.settimeout(0.3)
    try:
        assert s.recv(1) == b"X"
        served += 1
        s.close()
    except TimeoutError:
        calls.append(s)
    if served and len(calls) > 3:
        break
assert served and len(calls) > 3' "$PORT"
}

@test "shown: the same user may start it twice, and nothing says so; another may not" {
    start tcp_reuseport -q 127.0.0.1 0
    launch "$ROOT/tcp_reuseport/tcp_reuseport" -q 127.0.0.1 "$PORT"
    [ "$(id -u)" -eq 0 ] || missing "root, to become another user"
    public_copy tcp_reuseport
    run as_user "$COPY" 127.0.0.1 "$PORT"
    [ "$status" -eq 1 ] && [[ $output = "tcp_reuseport: bind: "*"(EADDRINUSE)"* ]]
}

@test "no process is left, however the first one ends; if all others end, it does" {
    local ids signal
    for signal in TERM KILL; do
        start tcp_reuseport 127.0.0.1 0
        mapfile -t ids < <(processes)
        [ "${#ids[@]}" -eq 3 ]
        kill -"$signal" "$PID"
        run ! ended "$PID"
        ended "${ids[0]// /}" || [ $? -ne 99 ]
        ended "${ids[1]// /}" || [ $? -ne 99 ]
        ended "${ids[2]// /}" || [ $? -ne 99 ]
    done
    start tcp_reuseport 127.0.0.1 0
    mapfile -t ids < <(processes)
    kill -9 "${ids[@]}"
    ended "$PID" && return 1 || [ $? -eq 1 ]
}

@test "takes the port of another server that has just ended" {
    start tcp_server -q 127.0.0.1 0
    python '
s = dial(sys.argv[1])
s.sendall(b"x")
assert s.recv(1) == b"X"
os.kill(int(sys.argv[2]), 15)
assert s.recv(1) == b""  # so TIME_WAIT is on the side of the server' "$PORT" "$PID"
    start tcp_reuseport -q 127.0.0.1 "$PORT"
}
