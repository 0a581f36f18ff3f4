load ../scripts/bats_helper
# guess: queue \[([^]]*)\] \[([^]]*)\] \[([^]]*)\] => backlog -> ; client 1 client 2; client 1 client 2 client 3

@test "the queue fills, one too many calls on, accept makes room" {
    diff - <("$ROOT/tcp_backlog/tcp_backlog" | grep '^   queue ') <<END
   queue   [        ] [        ] [        ]
   queue   [client 1] [        ] [        ]
   queue   [client 1] [client 2] [        ]
   queue   [client 1] [client 2] [client 3]
   queue   [client 2] [client 3] [client 4]
   queue   [client 1] [client 2] [        ]
   queue   [client 1] [client 2] [client 3]
END
}

# What the tests below ask of the kernel, in Python: a server with a backlog of n
# that does not accept, and what TCP_INFO says of a socket.
QUEUE='
import errno, select
def server(n):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(n)
    return s
def info(s):
    """of a listener: how many wait, and the limit; of others: how often it sent again"""
    unacked, limit, again = struct.unpack("24xII68xI", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104))
    return unacked, limit, again
def fill(s, places):
    clients = [socket.create_connection(s.getsockname()) for _ in range(places)]
    while info(s)[0] < places:
        time.sleep(0.01)
    return clients
def late(s):
    one = socket.socket()
    one.setblocking(False)
    assert one.connect_ex(s.getsockname()) == errno.EINPROGRESS
    return one
'

@test "backlog + 1 are connected, whatever the backlog; one more calls again after 1 s" {
    python "$QUEUE"'
servers = [server(n) for n in (0, 1, 2, 5)]
clients = [fill(s, n + 1) for s, n in zip(servers, (0, 1, 2, 5))]
assert [info(s)[:2] for s in servers] == [(1, 0), (2, 1), (3, 2), (6, 5)]
start, lates = time.monotonic(), [late(s) for s in servers]
while info(lates[0])[2] == 0:
    time.sleep(0.01)
# Never before a second (RFC 6298), whatever the load.
assert 0.9 < time.monotonic() - start < 5
assert not select.select([], lates, [], 0)[1]
assert [info(s)[0] for s in servers] == [1, 2, 3, 6]'
}

@test "a client that is accepted counts no more: a backlog of 0, and eleven connections" {
    python "$QUEUE"'
s = server(0)
both = [(fill(s, 1)[0], s.accept()[0]) for _ in range(11)]
for client, conn in both:
    client.sendall(b"x")
    assert conn.recv(1) == b"x"'
}

@test "a blocking client with SO_SNDTIMEO gives up: EINPROGRESS" {
    python "$QUEUE"'
s = server(0)
clients = fill(s, 1)
one = socket.socket()
one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 200000))
start = time.monotonic()
one.setblocking(True)
assert one.connect_ex(s.getsockname()) == errno.EINPROGRESS
assert 0.19 < time.monotonic() - start < 5'
}

@test "net.core.somaxconn cuts the limit without a word; the kernel counts what it drops" {
    command -v nstat >/dev/null || missing nstat
    # shellcheck disable=SC2016 # for that shell to expand
    alone sh -c 'echo 2 >/proc/sys/net/core/somaxconn && /usr/bin/python3 -c "
import socket, struct, time
$0
s = server(5)
clients = fill(s, 3)
one = late(s)
assert info(s)[:2] == (3, 2), info(s)
" && nstat -azs TcpExtListenOverflows' "$QUEUE"
    [ "$status" -eq 0 ]
    [[ $output =~ TcpExtListenOverflows\ +([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -ge 1 ]
}

# bats test_tags=slow
@test "a call that fails is named" {
    names_failures tcp_backlog listen:EADDRINUSE:1 listen:EADDRINUSE:2 connect:ECONNREFUSED:3 \
        connect:ECONNREFUSED:4 connect:ENETUNREACH:7 socket:EMFILE:5 socket:EMFILE:9 \
        setsockopt:EPERM:2 accept:EMFILE:1 accept:EMFILE:5 send:EPIPE:1
}

# bats test_tags=slow
@test "50 at once do not disturb each other, and leave no process behind" {
    many tcp_backlog 50
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_backlog
}
