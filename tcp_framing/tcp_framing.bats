load ../scripts/bats_helper
# guess: server heard "(\w+)" -> one; onetwo; onetwoth

# part N: the lines of scene N.
part() {
    "$ROOT/tcp_framing/tcp_framing" 3>&- | awk -v n="$1" '/^[0-9]\. / { on = ($1 == n ".") } on'
}

@test "three sends, two recvs: glued and cut, and nothing is deleted" {
    [[ $(part 1) = *"= 3"*"= 3"*"= 5"*"recv("*"= 8"*"recv("*"= 3"*'server heard "onetwoth" "ree"'* ]]
}

@test "three sends arrive in one recv, and one send in three" {
    python '
server = socket.create_server(("127.0.0.1", 0))
def heard(pieces, room):
    client = dial(server.getsockname()[1])
    for piece in pieces:
        client.send(piece)
    conn = server.accept()[0]
    total = sum(map(len, pieces))
    assert len(conn.recv(total, socket.MSG_PEEK | socket.MSG_WAITALL)) == total
    client.close()
    return [conn.recv(room) for _ in range(-(-total // room))] + [conn.recv(room)]
assert heard([b"one", b"two", b"three"], 100) == [b"onetwothree", b""]
assert heard([b"Hello, world"], 5) == [b"Hello", b", wor", b"ld", b""]'
}

@test "the recvs were really of that size, and the length in network byte order" {
    trace -e trace=sendto,recvfrom -xx -s 64
    "${UNDER[@]}" "$ROOT/tcp_framing/tcp_framing" 3>&-
    # 23 bytes, each of them alone, and the end of the stream
    [ "$(grep -cE ', 1, 0, NULL, NULL\) += 1$' "$TRACE")" -ge 23 ]
    grep -qE ', 5, 0, NULL, NULL\) += 5$' "$TRACE" # "three"
    grep -qF '"\x00\x00\x00\x03\x6f\x6e\x65\x00\x00\x00\x03\x74\x77\x6f\x00\x00\x00\x05\x74\x68\x72\x65\x65", 23' "$TRACE"
}

@test "a length that is too large is refused, and no memory asked for" {
    trace -e trace=mmap,brk,recvfrom -xx
    "${UNDER[@]}" "$ROOT/tcp_framing/tcp_framing" 3>&-
    # Behind the hostile length nothing is read, and nothing near 4 GiB mapped.
    # (The sanitizers map some memory of their own at any time.)
    grep -F '"\xff\xff\xff\xff"' -A 1000 "$TRACE" >"$TRACE.2"
    [ "$(grep -c recvfrom "$TRACE.2")" -eq 1 ]
    [ "$(awk -F', ' '/mmap/ && $2 > 16 * 1024 * 1024' "$TRACE.2" | grep -c .)" -eq 0 ]
}

@test "10 at once do not disturb each other, and leave no process behind" {
    many tcp_framing 10
}

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    names_failures tcp_framing send:EPIPE:2 send:EPIPE:4 recv:ECONNRESET:1 recv:ECONNRESET:10
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_framing
}
