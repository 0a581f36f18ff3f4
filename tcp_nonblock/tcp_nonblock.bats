load ../scripts/bats_helper
# guess: recv, called \d+ times: (\d+) us.*?poll, called once: (\d+) us -> \d{4,6} \d{1,3}; \d{1,3} \d{4,6}; \d{4,6} \d{4,6}

setup_file() {
    "$ROOT/tcp_nonblock/tcp_nonblock" >"$BATS_FILE_TMPDIR/story"
}

# scene N: the lines of that scene.
scene() {
    awk -v from="$1. " 'index($0, from) == 1 { on = 1 } $0 == "" { on = 0 } on' \
        "$BATS_FILE_TMPDIR/story"
}

@test "accept and recv say EAGAIN, and work once poll has said so; the end is 0" {
    scene 1 | grep -q ' accept(.*= -1 EAGAIN$'
    scene 1 | grep -A1 ' poll(.*= 1$' | grep -q ' accept(.*= [1-9][0-9]*$'
    scene 1 | grep -q ' recv(.*= -1 EAGAIN$'
    scene 3 | grep -A2 ' poll(.*= 1$' | grep -q ' recv(.*= 5$'
    scene 3 | tail -n 2 | grep -q ' recv(.*= 0$'
}

@test "send says EAGAIN; what it took is what its peer reads, and then poll says POLLOUT" {
    python '
import select
listener = socket.create_server(("127.0.0.1", 0))
client = dial(listener.getsockname()[1])
server, _ = listener.accept()
client.setblocking(False)
taken = heard = 0
try:
    while True:
        taken += client.send(bytes(8 << 20))
except BlockingIOError:
    pass
poll = select.poll()
poll.register(client, select.POLLOUT)
assert taken > 0 and poll.poll(0) == []
while heard < taken:
    heard += len(server.recv(1 << 20))
assert poll.poll(5000) == [(client.fileno(), select.POLLOUT)]
assert client.send(b"more") == 4 and server.recv(100) == b"more"'
}

@test "busy waiting is a recv again and again, poll is one call and costs less CPU" {
    scene 2 | awk '
        /recv, called/ { asked = $3; busy = $5 }
        /poll, called/ { polled = $4 }
        END { exit !(asked >= 2000 && busy > 2 * polled && polled > 0) }'
    trace -e trace=recvfrom,poll,ppoll
    "${UNDER[@]}" "$ROOT/tcp_nonblock/tcp_nonblock" 3>&-
    # The one poll that runs out, and many a recv before it.
    sed '/= 0 (Timeout)$/q' "$TRACE" >"$TRACE.2"
    tail -n 1 "$TRACE.2" | grep -qE 'p?poll\(.*= 0 \(Timeout\)'
    [ "$(tail -n 2001 "$TRACE.2" | grep -c 'recvfrom(.*= -1 EAGAIN')" -eq 2000 ]
}

@test "needs no privilege, and ten at once do not disturb each other" {
    many tcp_nonblock 10
}

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    # The first three of fcntl are begin's.
    names_failures tcp_nonblock fcntl:ENOBUFS:4 fcntl:ENOBUFS:5 fcntl:ENOBUFS:6 \
        fcntl:ENOBUFS:7 fcntl:ENOBUFS:8 fcntl:ENOBUFS:9 accept:EMFILE:2
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_nonblock
}
