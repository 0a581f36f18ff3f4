load ../scripts/bats_helper
# guess: SO_ERROR, &error, &length\) = 0 => (\w+):.*?SO_ERROR, &error, &length\) = 0 => (\w+): -> 0 0; ECONNREFUSED ECONNREFUSED; ECONNREFUSED 0

setup_file() {
    "$ROOT/tcp_connect/tcp_connect" >"$BATS_FILE_TMPDIR/story"
}

# scene N: the lines of that scene.
scene() {
    awk -v from="$1. " 'index($0, from) == 1 { on = 1 } $0 == "" { on = 0 } on' \
        "$BATS_FILE_TMPDIR/story"
}

@test "SO_ERROR, after poll, tells a refused connect from one that succeeded" {
    scene 1 | grep -q ' connect(.*= -1 EINPROGRESS$'
    trace -e trace=getsockopt
    "${UNDER[@]}" "$ROOT/tcp_connect/tcp_connect" 3>&-
    [ "$(grep -o 'SO_ERROR, \[[A-Z0-9]*\]' "$TRACE" | tr '\n' ' ')" = \
        'SO_ERROR, [ECONNREFUSED] SO_ERROR, [0] SO_ERROR, [0] ' ]
    scene 2 | tail -n 1 | grep -q ' accept(.*= [1-9][0-9]*$'
}

@test "SO_ERROR is 0 while the kernel dials, and tells an error only once" {
    python '
import errno, select
IP_MINTTL = 21
def call(port):
    s = socket.socket()
    s.setblocking(False)
    assert s.connect_ex(("127.0.0.1", port)) == errno.EINPROGRESS
    poll = select.poll()
    poll.register(s, select.POLLOUT)
    return s, poll, lambda: s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
deaf = socket.socket()
deaf.setsockopt(socket.IPPROTO_IP, IP_MINTTL, 255)
deaf.bind(("127.0.0.1", 0))
nobody, poll, error = call(deaf.getsockname()[1])
assert poll.poll(5000) and error() == errno.ECONNREFUSED and error() == 0
deaf.listen()
s, poll, error = call(deaf.getsockname()[1])
assert error() == 0 and poll.poll(0) == []
deaf.setsockopt(socket.IPPROTO_IP, IP_MINTTL, 0)
assert poll.poll(5000) and error() == 0'
}

@test "a refused connect is ready for everything: POLLOUT, POLLERR and POLLHUP" {
    trace -e trace=poll,ppoll
    "${UNDER[@]}" "$ROOT/tcp_connect/tcp_connect" 3>&-
    grep -m 1 -E 'poll\(' "$TRACE" | grep -q 'revents=POLLOUT|POLLERR|POLLHUP'
}

@test "connect again while it dials: EALREADY; interrupted: EINTR, and it goes on" {
    scene 2 | grep -q ' connect(.*= -1 EALREADY$'
    scene 3 | grep -q ' connect(.*= -1 EINTR$'
    [ "$(scene 3 | grep -c ' connect(')" -eq 1 ]
    scene 3 | tail -n 1 | grep -q ' accept(.*= [1-9][0-9]*$'
}

@test "needs no privilege, and ten at once do not disturb each other" {
    many tcp_connect 10
}

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    names_failures tcp_connect socket:EMFILE:2 getsockopt:ENOPROTOOPT:1
}
