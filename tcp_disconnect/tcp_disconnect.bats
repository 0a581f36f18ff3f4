load ../scripts/bats_helper
# guess: recv returns 0 (.*?) => -> recv = -1 EAGAIN.*; recv = -1 E[^A].*; \.\.\. and again: \d.*

@test "the unguarded loop really is recv returning 0, over and over" {
    command -v strace >/dev/null || missing strace
    TRACE=$BATS_TEST_TMPDIR/trace
    UNDER=(strace -f -qq -o "$TRACE" -e trace=recvfrom)
    run "${UNDER[@]}" "$ROOT/tcp_disconnect/tcp_disconnect" 3>&-
    [[ $output =~ "and again: "([0-9]+)" times in "([0-9]+)" ms of CPU time" ]]
    [ "${BASH_REMATCH[1]}" -ge 100 ]
    [ "${BASH_REMATCH[2]}" -ge 50 ]
    # and one 0 more, before the loop, and one in scene 2
    [ "$(grep -c 'recvfrom(.*, "", 1024, 0, NULL, NULL) = 0$' "$TRACE")" -eq $((BASH_REMATCH[1] + 2)) ]
}

@test "a server that does not close after the end keeps the connection in CLOSE-WAIT" {
    command -v ss >/dev/null || missing ss
    python '
import subprocess
server = socket.create_server(("127.0.0.1", 0))
client = dial(server.getsockname()[1])
ends = server.getsockname()[1], client.getsockname()[1]
conn = server.accept()[0]
client.close()
assert conn.recv(1024) == b""
rows = subprocess.run(["ss", "-Htn", "state", "close-wait", "( sport = :%d and dport = :%d )" % ends],
    stdout=subprocess.PIPE, text=True).stdout
assert rows.count("\n") == 1, rows'
}

@test "in the loop without a guard an error, or a byte, is not taken for one more 0" {
    command -v strace >/dev/null || missing strace
    for result in error=ECONNRESET retval=1; do
        run --separate-stderr strace -qq -o /dev/null -e trace=recvfrom \
            -e inject=recvfrom:$result:when=50 "$ROOT/tcp_disconnect/tcp_disconnect"
        [ "$status" -eq 1 ]
        [[ $stderr = "tcp_disconnect: recv, which had returned 0: "*"(ECONNRESET)" ||
            $stderr = "tcp_disconnect: scene 1: not on this kernel: recv does not wait any more"* ]]
    done
}

@test "on a kernel that does otherwise it says what it saw, status 1" {
    command -v strace >/dev/null || missing strace
    run --separate-stderr strace -qq -o /dev/null -e trace=recvfrom \
        -e inject=recvfrom:error=ECONNRESET:when=1 "$ROOT/tcp_disconnect/tcp_disconnect"
    [ "$status" -eq 1 ]
    [[ $stderr = "tcp_disconnect: scene 1: not on this kernel: the client closed its end: recv returns 0"* ]]
    [[ $stderr = *"recv(conn_fd, buf, sizeof buf, 0)"*" = -1 ECONNRESET" ]]
}

# bats test_tags=slow
@test "50 at once do not disturb each other, and leave no process behind" {
    many tcp_disconnect 50
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_disconnect
}
