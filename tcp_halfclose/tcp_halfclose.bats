load ../scripts/bats_helper
# guess: "15 bytes", 8, MSG_NOSIGNAL\) = (-?\d+) -> 8; -1; 0

# part N: the lines of scene N.
part() {
    "$ROOT/tcp_halfclose/tcp_halfclose" 3>&- | awk -v n="$1" '/^[0-9]\. / { on = ($1 == n ".") } on'
}

@test "with close: the server's send succeeds, the client cannot read, then EPIPE" {
    [[ $(part 1) = *"close(client_fd)"*"send(conn_fd"*"= 8"*"recv(client_fd"*"= -1 EBADF"*'"hello?"'*"= -1 EPIPE"* ]]
}

@test "with shutdown: the client hears the answer and its end, and can send no more" {
    [[ $(part 2) = *"shutdown(client_fd, SHUT_WR)"*"= 0"*'"more"'*"= -1 EPIPE"*"recv(conn_fd"*"= 0"*"send(conn_fd"*"= 8"*"recv(client_fd"*"= 8"*"recv(client_fd"*"= 0"* ]]
    trace -e trace=recvfrom
    "${UNDER[@]}" "$ROOT/tcp_halfclose/tcp_halfclose" 3>&-
    grep -q '"15 bytes", 8, MSG_WAITALL' "$TRACE"
}

@test "half closed is FIN_WAIT_2 here and CLOSE_WAIT there, by the kernel's word" {
    [[ $(part 2) = *"=> half closed: we are in FIN_WAIT_2, the server in CLOSE_WAIT"* ]]
    trace -e trace=getsockopt
    "${UNDER[@]}" "$ROOT/tcp_halfclose/tcp_halfclose" 3>&-
    grep -qE 'TCP_INFO, .*tcpi_state=(5|TCP_FIN_WAIT2)' "$TRACE" || grep -q 'TCP_INFO, "\\5' "$TRACE"
    grep -qE 'TCP_INFO, .*tcpi_state=(8|TCP_CLOSE_WAIT)' "$TRACE" || grep -q 'TCP_INFO, "\\10' "$TRACE"
}

@test "SHUT_RD tells the peer nothing; SHUT_RDWR resets it once it sends" {
    python '
def pair():
    listener = socket.create_server(("127.0.0.1", 0))
    client = dial(listener.getsockname()[1])
    return client, listener.accept()[0]
client, conn = pair()
client.shutdown(socket.SHUT_RD)
assert client.recv(100) == b""
conn.setblocking(False)
try:
    conn.recv(100)
    sys.exit("the peer was told")
except BlockingIOError:
    pass
conn.sendall(b"still there?")
for _ in range(500):  # recv does not wait for it any more
    if got := client.recv(100):
        break
    time.sleep(0.01)
assert got == b"still there?"  # on Linux even what arrives now can be read
client, conn = pair()
client.shutdown(socket.SHUT_RDWR)
assert client.recv(100) == b"" and conn.recv(100) == b""
conn.sendall(b"answer")
try:
    for _ in range(500):
        conn.send(b"more")
        time.sleep(0.01)
    sys.exit("no reset")
except (BrokenPipeError, ConnectionResetError):
    pass'
}

@test "a copy keeps the connection open after close, but not after shutdown" {
    [[ $(part 3) = *"dup(client_fd)"*"close(client_fd)"*"= -1 EAGAIN"*"shutdown(copy_fd, SHUT_WR)"*"recv(conn_fd"*"= 0"* ]]
    trace -e trace=dup,shutdown,recvfrom,close,getsockopt
    "${UNDER[@]}" "$ROOT/tcp_halfclose/tcp_halfclose" 3>&-
    local copy
    copy=$(sed -n 's/^.*dup(.*) *= //p' "$TRACE")
    # from shutdown of the copy to the end of the stream nobody closes the copy
    sed -n "/shutdown($copy, SHUT_WR)/,\$p" "$TRACE" | sed '/recvfrom(.*) *= 0$/q' >"$TRACE.2"
    grep -qE 'recvfrom\(.*\) += 0$' "$TRACE.2"
    run ! grep -q "close($copy)" "$TRACE.2"
}

@test "10 at once do not disturb each other, and leave no process behind" {
    many tcp_halfclose 10
}

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    names_failures tcp_halfclose send:EPIPE:1 send:EPIPE:2 recv:ECONNRESET:2 shutdown:ENOTCONN:1 \
        shutdown:ENOTCONN:2 getsockopt:ENOBUFS:1 getsockopt:ENOBUFS:3 dup:EMFILE:1
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_halfclose
}
