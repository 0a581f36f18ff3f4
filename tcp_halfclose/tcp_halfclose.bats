load ../scripts/bats_helper

# One run for all tests that only read what it printed.
setup_file() {
    "$BATS_TEST_DIRNAME/tcp_halfclose" >"$BATS_FILE_TMPDIR/output" 2>&1 3>&-
}

setup() {
    output=$(cat "$BATS_FILE_TMPDIR/output")
}

# part N: the lines of scene N.
part() {
    awk -v n="$1" '/^[0-9]\. / { on = ($1 == n ".") } on' <<<"$output"
}

@test "the story is true: strace saw each call that it prints" {
    tells_the_truth tcp_halfclose
}

@test "with close: the server's send succeeds, the client cannot read, then EPIPE" {
    [[ $(part 1) = *"close(client_fd)"*"send(conn_fd, sorted, length, MSG_NOSIGNAL)"*"= 15"*"recv(client_fd"*"= -1 EBADF"*"= -1 EPIPE"* ]]
}

@test "with shutdown: the client hears the sorted lines, and the end" {
    [[ $(part 2) = *"shutdown(client_fd, SHUT_WR)"*"= 0"*"recv(conn_fd"*"= 15"*"recv(conn_fd"*"= 0"* ]]
    part 2 | grep -qxF '   client heard "apple\nfig\npear\n"'
}

@test "half closed is FIN-WAIT-2 here and CLOSE-WAIT there, by the kernel's word" {
    [ "$(grep -cx '   the client is in FIN-WAIT-2, the server in CLOSE-WAIT' <<<"$output")" -eq 2 ]
    trace -e trace=getsockopt
    "${UNDER[@]}" "$ROOT/tcp_halfclose/tcp_halfclose" 3>&-
    grep -qE 'TCP_INFO, .*tcpi_state=(5|TCP_FIN_WAIT2)' "$TRACE" || grep -q 'TCP_INFO, "\\5' "$TRACE"
    grep -qE 'TCP_INFO, .*tcpi_state=(8|TCP_CLOSE_WAIT)' "$TRACE" || grep -q 'TCP_INFO, "\\10' "$TRACE"
}

@test "after SHUT_WR the client's own send fails" {
    [[ $(part 2) = *'send(client_fd, "more", 4, MSG_NOSIGNAL)'*"= -1 EPIPE"* ]]
}

@test "SHUT_RD: the server is told nothing, and what comes can be read" {
    part 3 | grep -qx '   the client is in ESTABLISHED, the server in ESTABLISHED'
    [[ $(part 3) = *"SHUT_RD"*"recv(client_fd"*"= 0"*"send(conn_fd"*"= 12"*"recv(client_fd"*"= 12"* ]]
}

@test "a copy keeps the connection open after close, but not after shutdown" {
    [[ $(part 4) = *"dup(client_fd)"*"close(client_fd)"*"ESTABLISHED, the server in ESTABLISHED"*"= -1 EAGAIN"*"shutdown(copy_fd, SHUT_WR)"*"recv(conn_fd"*"= 0"* ]]
}

@test "the copy is still open when the server hears the end" {
    trace -e trace=dup,shutdown,recvfrom,close
    "${UNDER[@]}" "$ROOT/tcp_halfclose/tcp_halfclose" 3>&-
    local copy
    copy=$(sed -n 's/^.*dup(.*) *= //p' "$TRACE")
    # shutdown of the copy, the end of the stream, and only then its close
    sed -n "/shutdown($copy, SHUT_WR)/,\$p" "$TRACE" | grep -E 'recvfrom|close' | head -n 2 >"$TRACE.2"
    [[ $(sed -n 1p "$TRACE.2") = *"recvfrom("*"= 0" ]]
    [[ $(sed -n 2p "$TRACE.2") = *"close($copy)"* ]]
}

@test "10 at once do not disturb each other, and leave no process behind" {
    many tcp_halfclose 10
}

@test "a shutdown that fails is named, status 1" {
    run --separate-stderr strace -qq -o /dev/null -e trace=shutdown \
        -e inject=shutdown:error=ENOTCONN:when=1 "$ROOT/tcp_halfclose/tcp_halfclose"
    [ "$status" -eq 1 ]
    [[ $stderr = "tcp_halfclose: scene 2: shutdown(client_fd, SHUT_WR): "*"(ENOTCONN)" ]]
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_halfclose
}
