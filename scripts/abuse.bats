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
    for server in tcp_fork tcp_thread tcp_poll tcp_epoll tcp_reuseport; do
        start "$server" 127.0.0.1 0
        if [ "$server" = tcp_reuseport ]; then # it is ready before its third process is there
            within 10 prints 3 pgrep -c -P "$PID"
        fi
        "$ROOT/scripts/abuse" tcp "127.0.0.1:$PORT" "$PID"
        grep -q "^$server: accept .* (EMFILE)$" "$LOG"
    done
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
@test "a crowd comes and goes for some seconds: no growth, no lost byte, an honest client is served" {
    local most
    most=$(ulimit -Hn)
    [ "$most" = unlimited ] || [ "$most" -gt 10200 ] || missing "more descriptors than $most"
    timeout 120 "$ROOT/scripts/crowd" -s 5 tcp_poll tcp_epoll 3>&-
    timeout 120 "$ROOT/scripts/crowd" -n 1000 -s 2 tcp_fork tcp_thread tcp_reuseport 3>&-
}

# bats test_tags=slow
@test "crowd finds a server that grows, one that keeps what it had, and one that changes a byte" {
    copy() { # SED-SCRIPT WHAT: tcp_thread with a fault
        mkdir -p "$BATS_TEST_TMPDIR/$2"/{scripts,tcp_thread}
        cp "$ROOT/common.h" "$BATS_TEST_TMPDIR/$2"
        cp "$ROOT/scripts/crowd" "$BATS_TEST_TMPDIR/$2/scripts"
        sed "$1" "$ROOT/tcp_thread/tcp_thread.c" >"$BATS_TEST_TMPDIR/$2/tcp_thread/tcp_thread.c"
        run ! cmp -s "$ROOT/tcp_thread/tcp_thread.c" "$BATS_TEST_TMPDIR/$2/tcp_thread/tcp_thread.c"
        cc -pthread -o "$BATS_TEST_TMPDIR/$2/tcp_thread/tcp_thread" "$BATS_TEST_TMPDIR/$2/tcp_thread/tcp_thread.c"
        run timeout 60 "$BATS_TEST_TMPDIR/$2/scripts/crowd" -n 100 -s 0.5 tcp_thread 3>&-
        [ "$status" -eq 1 ]
    }
    copy 's/free(argument);/memset(malloc(100000), 1, 100000);/' grows
    [[ $output = *"tcp_thread: it has grown by "*" KiB"* ]]
    copy 's/close(caller.conn_fd);/if (caller.conn_fd != 20) close(caller.conn_fd);/' keeps
    [[ $output = *"tcp_thread: it keeps (processes, threads, descriptors) (1, 1, "* ]]
    copy 's/upper_case(buf, (size_t)n);/buf[n - 1] ^= 1;/' changes
    [[ $output = *"tcp_thread: "*"a wrong answer: "* ]]
}
