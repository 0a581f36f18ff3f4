load ../scripts/bats_helper
# guess: "one", 3, MSG_NOSIGNAL\) = (-?\d+).*?"two", 3, MSG_NOSIGNAL\) = (-?\d+) -> -1 -1; 3 -1; 3 3

@test "of the three children, the one without flag and without ignoring is killed" {
    command -v strace >/dev/null || missing strace
    local trace=$BATS_TEST_TMPDIR/trace sent='^sendto([0-9]*, "two", 3, '
    strace -ff -qq -o "$trace" -e trace=sendto "$ROOT/tcp_sigpipe/tcp_sigpipe" >/dev/null # a file for each process
    killed=$(grep -l '^+++ killed by SIGPIPE' "$trace".*)
    [ "$(wc -l <<<"$killed")" -eq 1 ]
    grep -q "${sent}0, NULL, 0) *= -1 EPIPE" "$killed"
    # The server and one child sent with the flag, and of two without it one lives.
    [ "$(cat "$trace".* | grep -c "${sent}MSG_NOSIGNAL, NULL, 0) *= -1 EPIPE")" -eq 2 ]
    [ "$(cat "$trace".* | grep -c "${sent}0, NULL, 0) *= -1 EPIPE")" -eq 2 ]
}

@test "the peer who only said SHUT_WR still takes what is sent" {
    python '
server = socket.create_server(("127.0.0.1", 0))
client = dial(server.getsockname()[1])
conn = server.accept()[0]
client.shutdown(socket.SHUT_WR)
assert conn.recv(1) == b""
for word in b"one", b"two":
    conn.sendall(word)
    assert client.recv(3) == word'
}

@test "a kernel without SIGPIPE, or without EPIPE, is found out" {
    command -v strace >/dev/null || missing strace
    # Of the sends, the first two are scene 1's; each child counts by itself.
    run --separate-stderr strace -f -qq -o /dev/null -e trace=sendto \
        -e inject=sendto:error=ECONNRESET:when=1 "$ROOT/tcp_sigpipe/tcp_sigpipe"
    [ "$status" -eq 1 ]
    [[ $stderr = "tcp_sigpipe: scene 1: not on this kernel: the first send succeeds"* ]]
    run --separate-stderr strace -qq -o /dev/null -e trace=sendto \
        -e inject=sendto:retval=3:when=2 "$ROOT/tcp_sigpipe/tcp_sigpipe"
    [ "$status" -eq 1 ] && [[ $stderr = "tcp_sigpipe: scene 1: not on this kernel: the second is told"* ]]
}

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    names_failures tcp_sigpipe fork:EAGAIN:1 fork:EAGAIN:2 fork:EAGAIN:3
}

# bats test_tags=slow
@test "50 at once do not disturb each other, and leave no process behind" {
    many tcp_sigpipe 50
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_sigpipe
}
