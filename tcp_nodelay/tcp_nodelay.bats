load ../scripts/bats_helper
# guess: \* (\d+) bytes come => one piece leaves -> 500; 100; 400

# part N: the lines of scene N.
part() {
    "$ROOT/tcp_nodelay/tcp_nodelay" 3>&- | awk -v n="$1" '/^[0-9]\. / { on = ($1 == n ".") } on'
}

@test "five sends in a row: one piece leaves, the other four wait once, for 40 ms" {
    local rows
    rows=$(part 1 | sed -n 2,4p)
    [[ $rows =~ ^\ *[0-9]+\ ms\ \|\ *"* 400 bytes held back"$'\n'\ *[0-9]+\ ms\ \|\ *"* 100 bytes come"$'\n'\ *([0-9]+)\ ms\ \|(\ *)"* 400 bytes come"$ ]]
    [ "${BASH_REMATCH[1]}" -ge 30 ]
    # The star stands in that column; on a loaded machine the axis may be too short.
    [ "${#BASH_REMATCH[2]}" -eq "$((BASH_REMATCH[1] < 47 ? BASH_REMATCH[1] + 1 : 47))" ]
    trace -e trace=sendto
    "${UNDER[@]}" "$ROOT/tcp_nodelay/tcp_nodelay" 3>&-
    [ "$(grep -c 'sendto(.*, 100, 0, NULL, 0) = 100$' "$TRACE")" -eq 15 ]
}

@test "as soon as the client acknowledges, what was held back comes" {
    [[ $(part 1) = *"TCP_QUICKACK"*"* 400 bytes come"*"=> with a client that acknowledges at once, they do not"* ]]
    trace -e trace=sendto,recvfrom,setsockopt
    "${UNDER[@]}" "$ROOT/tcp_nodelay/tcp_nodelay" 3>&-
    # one piece, the option, and then the other four
    grep -A2 'recvfrom(.*) = 100$' "$TRACE" | tr '\n' ' ' |
        grep -qE 'TCP_QUICKACK, \[1\], 4\) += 0 [0-9 ]*recvfrom\([^)]*\) += 400'
}

@test "one large send, or TCP_NODELAY: nothing is held back" {
    [[ $(part 2) = *"* 0 bytes held back"*"* 500 bytes come"*"one large send: nothing waits"*"* 0 bytes held back"*" bytes come"*"TCP_NODELAY: nothing waits"* ]]
    trace -e trace=setsockopt,sendto
    "${UNDER[@]}" "$ROOT/tcp_nodelay/tcp_nodelay" 3>&-
    [ "$(grep -A5 'TCP_NODELAY, \[1\], 4) *= 0' "$TRACE" | grep -c 'sendto(.*) = 100$')" -eq 5 ]
    [ "$(grep -cE 'sendto\(.*, 500, 0, NULL, 0\) = 500$' "$TRACE")" -eq 1 ]
}

@test "Linux holds back behind a small segment, not behind full ones" {
    # The cable is cut for ACKs: no packet comes with a TTL above 255.
    python '
import fcntl
def held(conn): # SIOCOUTQNSD: taken from send, not sent yet
    return struct.unpack("i", fcntl.ioctl(conn.fileno(), 0x894B, b"    "))[0]
listener = socket.socket()
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000)
listener.bind(("127.76.5.4", 0)) # the kernel remembers the held segments per address
listener.listen()
client = socket.create_connection(listener.getsockname())
conn = listener.accept()[0]
mss = conn.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
conn.setsockopt(socket.IPPROTO_IP, 21, 255) # IP_MINTTL
results = []
for size in 2 * mss, 100, 100, mss:
    assert conn.send(b"x" * size) == size
    results.append(held(conn))
assert results[:3] == [0, 0, 100] and results[3] < 100 + mss, results
conn.setsockopt(socket.IPPROTO_IP, 21, 0)'
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

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    names_failures tcp_nodelay send:EPIPE:1 send:EPIPE:2 recv:ENOMEM:1 recv:ENOMEM:2 \
        setsockopt:ENOMEM:1 setsockopt:ENOMEM:2 setsockopt:ENOMEM:3 accept:EMFILE:1
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_nodelay
}
