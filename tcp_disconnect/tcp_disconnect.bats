load ../scripts/bats_helper

@test "the story is true: strace saw each call that it prints" {
    tells_the_truth tcp_disconnect
}

@test "without a guard: thousands of empty messages, and CPU time to match" {
    run "$ROOT/tcp_disconnect/tcp_disconnect"
    [[ $output =~ "and on like that: "([0-9]+)" empty messages in "([0-9]+)" ms," ]]
    [ "${BASH_REMATCH[1]}" -gt 10 ]
    [ "${BASH_REMATCH[2]}" -ge 50 ]
    [[ $output =~ "which took "([0-9]+)" ms of CPU time" ]]
}

@test "the unguarded loop really is recv returning 0, over and over" {
    trace -e trace=recvfrom
    "${UNDER[@]}" "$ROOT/tcp_disconnect/tcp_disconnect" 3>&-
    [ "$(grep -c 'recvfrom(.*, "", 1024, 0, NULL, NULL) = 0$' "$TRACE")" -gt 10 ]
}

@test "the killed client is a real process, killed by a real SIGKILL" {
    trace -e trace=kill -e signal=SIGKILL
    "${UNDER[@]}" "$ROOT/tcp_disconnect/tcp_disconnect" 3>&-
    grep -q 'kill([0-9]*, SIGKILL) *= 0' "$TRACE"
    grep -q '+++ killed by SIGKILL +++' "$TRACE"
}

@test "10 at once do not disturb each other, and leave no process behind" {
    many tcp_disconnect 10
}

@test "on a kernel that does otherwise it says what it saw, status 1" {
    run --separate-stderr strace -qq -o /dev/null -e trace=recvfrom \
        -e inject=recvfrom:error=ECONNRESET:when=1 "$ROOT/tcp_disconnect/tcp_disconnect"
    [ "$status" -eq 1 ]
    [[ $stderr = "tcp_disconnect: scene 1: not on this kernel: the peer closed its end: recv returns 0, at once"* ]]
    [[ $stderr = *"last call:  recv(conn_fd, buf, sizeof buf, 0) = -1 ECONNRESET (Connection reset by peer)" ]]
}
