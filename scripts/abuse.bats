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
