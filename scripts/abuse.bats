# Hostile clients against the servers; tcp_server's own tests have it, too.
load bats_helper

@test "udp_demo survives what a client can think of, and does not grow" {
    start udp_demo server 127.0.0.1 0
    "$ROOT/scripts/abuse" udp "127.0.0.1:$PORT" "$PID"
}

@test "unix_demo survives what a client can think of, and does not grow" {
    local path=$BATS_TEST_TMPDIR/socket
    start unix_demo server "$path"
    "$ROOT/scripts/abuse" unix "$path" "$PID"
    grep -q 'EMFILE' "$LOG"
}

# bats test_tags=slow
@test "the servers for many clients survive it, too, and do not grow" {
    local server
    for server in tcp_fork tcp_thread tcp_poll tcp_epoll; do
        start "$server" 127.0.0.1 0
        "$ROOT/scripts/abuse" tcp "127.0.0.1:$PORT" "$PID"
        grep -q "^$server: accept .* (EMFILE)$" "$LOG"
    done
    start tcp_reuseport 127.0.0.1 0
    "$ROOT/scripts/abuse" tcp "127.0.0.1:$PORT" "$PID" descriptors_exhausted
}

@test "the abuse finds a server that gives wrong answers" {
    python '
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print("listening on 127.0.0.1:%d" % s.getsockname()[1], flush=True)
while True:
    data, who = s.recvfrom(65536)
    s.sendto(data.upper() + b"!", who)' >"$BATS_TEST_TMPDIR/log" &
    PIDS+=("$!")
    LOG=$BATS_TEST_TMPDIR/log
    wait_for 'listening on'
    run "$ROOT/scripts/abuse" udp "$(sed 's/.* //' "$LOG")" "$!"
    [ "$status" -ne 0 ]
    [[ $output = *"a wrong answer to 1 bytes"* ]]
}

# bats test_tags=slow
@test "10,000 connections for 5 s, some of them talking: no growth, no lost byte, an honest client is served" {
    local server most
    most=$(ulimit -Hn)
    [ "$most" = unlimited ] || [ "$most" -gt 10200 ] || missing "more descriptors than $most"
    for server in tcp_poll tcp_epoll; do
        start "$server" -q 127.0.0.1 0
        timeout 120 /usr/bin/python3 - "$PORT" "$PID" 3>&- <<'END'
import random, resource, socket, sys, time
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
def dial():
    return socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
def resident():
    with open("/proc/%s/status" % sys.argv[2]) as status:
        return int(status.read().split("VmRSS:")[1].split()[0])
crowd = [dial() for _ in range(10000)]
rounds, before, draw = 0, None, random.Random(1)
end = time.monotonic() + 5
while time.monotonic() < end or rounds < 3:
    talking = draw.sample(crowd, 500)
    for i, s in enumerate(talking):
        s.sendall(b"%d says %d" % (i, rounds))
    for i, s in enumerate(talking):
        wanted, got = b"%d SAYS %d" % (i, rounds), b""
        while len(got) < len(wanted):
            part = s.recv(100)
            assert part, "the server hung up"
            got += part
        assert got == wanted, (got, wanted)
    # A few go, and others come.
    for s in talking[:50]:
        crowd.remove(s)
        s.close()
        crowd.append(dial())
    rounds += 1
    before = before or resident()
grown = resident() - before
assert grown < 2048, "grown by %d KiB in %d rounds" % (grown, rounds)
honest = dial()
honest.sendall(b"still there?")
assert honest.recv(100) == b"STILL THERE?"
END
    done
}
