load ../scripts/bats_helper
# guess: asked for 10000, got (\d+) -> 10000; 16384; 20000

@test "SO_RCVBUF: the cap is twice net.core.rmem_max" {
    [ -r /proc/sys/net/core/rmem_max ] || missing "net.core.rmem_max"
    run "$ROOT/sock_options/sock_options"
    [[ $output = *"asked for 10000, got 20000"* ]]
    [[ $output = *"asked for 2147483647, got $((2 * $(</proc/sys/net/core/rmem_max)))"* ]]
}

@test "a value may also be raised, or become a plain on" {
    python '
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
assert 2 < s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < 20000
s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 7)
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
# A time is counted in ticks: never less than asked for, and less than 20 ms more.
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 1, 1))
seconds, us = struct.unpack("ll", s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16))
assert seconds == 1 and 1 <= us < 20000, us'
}

@test "a time of 1500000 microseconds is refused: EDOM" {
    python '
import errno
try:
    socket.socket().setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 1500000))
    sys.exit("taken")
except OSError as error:
    assert error.errno == errno.EDOM, error'
}

@test "there is no TCP in a UDP socket, so none of its options" {
    python '
import errno
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sys.exit("taken")
except OSError as error:
    assert error.errno in (errno.ENOPROTOOPT, errno.EOPNOTSUPP), error'
}

@test "what accept hands down: most options over TCP, next to nothing over AF_UNIX, no flag" {
    python '
numbers = {name: (socket.SOL_SOCKET, getattr(socket, name), value) for name, value in
           dict(SO_KEEPALIVE=1, SO_RCVBUF=10000, SO_SNDBUF=10000, SO_REUSEADDR=1, SO_RCVLOWAT=7, SO_PRIORITY=5).items()}
numbers["TCP_NODELAY"] = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
numbers["TCP_KEEPIDLE"] = (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
def handed_down(family, address):
    names = [name for name in numbers if family == socket.AF_INET or not name.startswith("TCP_")]
    listener = socket.socket(family)
    for name in names:
        listener.setsockopt(*numbers[name])
    listener.bind(address)
    listener.listen(1)
    listener.setblocking(False)
    client = socket.socket(family)
    client.connect(listener.getsockname())
    # Not accept: Python would set the flag anew.
    fd = listener._accept()[0]
    assert os.get_blocking(fd) and not os.get_blocking(listener.fileno())
    conn = socket.socket(fileno=fd)
    return {name for name in names
            if conn.getsockopt(*numbers[name][:2]) == listener.getsockopt(*numbers[name][:2])}
tcp = handed_down(socket.AF_INET, ("127.0.0.1", 0))
assert tcp == set(numbers) - {"SO_PRIORITY"}, tcp
unix = handed_down(socket.AF_UNIX, "\0dialtone-%d" % os.getpid())
assert unix == set(), unix'
}

# bats test_tags=slow
@test "a call that fails is named" {
    names_failures sock_options socket:EMFILE:1 socket:ENFILE:3 setsockopt:EPERM:1 getsockopt:EPERM:1 setsockopt:EPERM:3 setsockopt:EPERM:4 \
        setsockopt:EPERM:7 listen:EADDRINUSE:1 accept:EMFILE:1 getsockopt:EPERM:4 \
        getsockopt:EPERM:5 fcntl:EINVAL:5 fcntl:EINVAL:6 # three are begin's
}

# bats test_tags=slow
@test "50 at once, by a user without privilege, do not disturb each other" {
    many sock_options 50
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies sock_options
}
