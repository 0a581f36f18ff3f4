load ../scripts/bats_helper

@test "the story is true: strace saw each call that it prints" {
    tells_the_truth tcp_disconnect
}

@test "without a guard: thousands of empty messages, and CPU time to match" {
    run "$ROOT/tcp_disconnect/tcp_disconnect"
    [[ $output =~ "and on like that: "([0-9]+)" empty messages in "([0-9]+)" ms," ]]
    [ "${BASH_REMATCH[1]}" -ge 100 ] # thousands, where the machine has time
    local ms=${BASH_REMATCH[2]}
    [ "$ms" -ge 50 ]
    [[ $output =~ "which took "([0-9]+)" ms of CPU time" ]]
    [ "${BASH_REMATCH[1]}" -le "$ms" ] # less, where others have the CPU
}

@test "the unguarded loop really is recv returning 0, over and over" {
    trace -e trace=recvfrom
    "${UNDER[@]}" "$ROOT/tcp_disconnect/tcp_disconnect" 3>&-
    [ "$(grep -c 'recvfrom(.*, "", 1024, 0, NULL, NULL) = 0$' "$TRACE")" -ge 100 ]
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

@test "the killed client is a real process, killed by a real SIGKILL" {
    trace -e trace=kill -e signal=SIGKILL
    "${UNDER[@]}" "$ROOT/tcp_disconnect/tcp_disconnect" 3>&-
    grep -q 'kill([0-9]*, SIGKILL' "$TRACE"
    grep -q '+++ killed by SIGKILL +++' "$TRACE"
}

@test "50 at once do not disturb each other, and leave no process behind" {
    many tcp_disconnect 50
}

@test "on a kernel that does otherwise it says what it saw, status 1" {
    command -v strace >/dev/null || missing strace
    run --separate-stderr strace -qq -o /dev/null -e trace=recvfrom \
        -e inject=recvfrom:error=ECONNRESET:when=1 "$ROOT/tcp_disconnect/tcp_disconnect"
    [ "$status" -eq 1 ]
    [[ $stderr = "tcp_disconnect: scene 1: not on this kernel: the peer closed its end: recv returns 0, at once"* ]]
    [[ $stderr = *"last call:  recv(conn_fd, buf, sizeof buf, 0) = -1 ECONNRESET (Connection reset by peer)"* ]]
}

@test "in the loop without a guard an error, or a byte, is not taken for one more 0" {
    command -v strace >/dev/null || missing strace
    for result in error=ECONNRESET retval=1; do
        run --separate-stderr strace -qq -o /dev/null -e trace=recvfrom \
            -e inject=recvfrom:$result:when=50 "$ROOT/tcp_disconnect/tcp_disconnect"
        [ "$status" -eq 1 ]
        [[ $stderr = "tcp_disconnect: "*"recv, which had returned 0: "*"(ECONNRESET)" ||
            $stderr = *"scene 1: not on this kernel: it says 0 for ever and never waits"* ]]
    done
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_disconnect
}
