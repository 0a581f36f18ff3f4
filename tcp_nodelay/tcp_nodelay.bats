load ../scripts/bats_helper

# part N: the lines of scene N.
part() {
    "$ROOT/tcp_nodelay/tcp_nodelay" 3>&- | awk -v n="$1" '/^[0-9]\. / { on = ($1 == n ".") } on'
}

@test "the story is true: strace saw each call that it prints" {
    tells_the_truth tcp_nodelay
}

@test "five sends in a row: one piece leaves, the other four wait once, for 40 ms" {
    # On a loaded machine the ACK may come later than the axis is long.
    [[ $(part 1 | sed -n 3,4p) =~ "sends       |"[1-5.]{60}"|"$'\n'"   pieces came |1"\.{29}[.5]{30}"|" ]]
}

@test "as soon as the client acknowledges, what was held back comes" {
    [[ $(part 1) = *"acknowledges at once:"*"pieces came |"*5*"|"*"=> so it was the ACK"* ]]
    trace -e trace=sendto,recvfrom,setsockopt
    "${UNDER[@]}" "$ROOT/tcp_nodelay/tcp_nodelay" 3>&-
    # one piece, the option, and then the other four
    grep -A2 'recvfrom(.*) = 100$' "$TRACE" | tr '\n' ' ' |
        grep -qE 'TCP_QUICKACK, \[1\], 4\) += 0 [0-9 ]*recvfrom\([^)]*\) += 400'
}

@test "one large send, or TCP_NODELAY: nothing is held back" {
    [[ $(part 2) = *"sends       |1"*"5"*"one large send: nothing waits"*"5"*"TCP_NODELAY: nothing waits"* ]]
    trace -e trace=setsockopt,sendto
    "${UNDER[@]}" "$ROOT/tcp_nodelay/tcp_nodelay" 3>&-
    [ "$(grep -A5 'TCP_NODELAY, \[1\], 4) *= 0' "$TRACE" | grep -c 'sendto(.*) = 100$')" -eq 5 ]
    [ "$(grep -cE 'sendto\(.*, 500, 0, NULL, 0\) = 500$' "$TRACE")" -eq 1 ]
}

@test "Linux holds back behind a small segment, not behind full ones" {
    [[ $(part 3) = *"= 100"*"leaves behind full ones"*"= 100"*"none behind a small one"* ]]
    trace -e trace=setsockopt,ioctl,sendto
    "${UNDER[@]}" "$ROOT/tcp_nodelay/tcp_nodelay" 3>&-
    tail -n 6 "$TRACE" | grep -qE 'ioctl\(.*\[0\]\) += 0'
    tail -n 6 "$TRACE" | grep -qE 'ioctl\(.*\[100\]\) += 0'
    [[ $(tail -n 1 "$TRACE") = *"IP_MINTTL, [0], 4)"*"= 0" ]] # the cable is mended
}

@test "MSG_MORE and TCP_CORK hold what is short, and then let it go as one" {
    python '
import fcntl
def pair():
    listener = socket.create_server(("127.0.0.1", 0))
    client = dial(listener.getsockname()[1])
    conn = listener.accept()[0]
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
    return conn, client
def held(conn):
    return struct.unpack("i", fcntl.ioctl(conn.fileno(), 0x894B, b"    "))[0]
for cork in 0, 1:
    for _ in range(5):  # held for 200 ms only: a loaded machine may be too late
        conn, client = pair()
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, cork)
        for _ in range(4):
            conn.send(b"x" * 100, 0 if cork else socket.MSG_MORE)
        before = held(conn)
        conn.send(b"x" * 100)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        if (before, held(conn), len(client.recv(1000))) == (400, 0, 500):
            break
    else:
        sys.exit("not held, or not let go")'
}

@test "10 at once do not disturb each other, and leave no process behind" {
    many tcp_nodelay 10
}

@test "a call that fails is named, status 1" {
    names_failures tcp_nodelay send:EPIPE:1 send:EPIPE:2 recv:ENOMEM:1 recv:ENOMEM:2 \
        ioctl:ENOTTY:1 ioctl:ENOTTY:5 setsockopt:ENOMEM:1 setsockopt:ENOMEM:2 \
        setsockopt:ENOMEM:3 getsockopt:ENOBUFS:1 accept:EMFILE:1
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_nodelay
}
