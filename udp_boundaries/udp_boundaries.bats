load ../scripts/bats_helper
# guess: recv\(server_fd, buf, sizeof buf, 0\) = (-?\d+).*?recv\(server_fd, buf, sizeof buf, MSG_DONTWAIT\) = (-?\d+) -> 4 4; 4 -1; -1 10

# bats test_tags=slow
@test "a call that fails: status 1, its name and errno" {
    names_failures udp_boundaries socket:EMFILE:1 bind:EADDRINUSE:1 getsockname:ENOBUFS:1 \
        connect:ENETUNREACH:1 send:ENOBUFS:1 recv:ENOMEM:1 setsockopt:ENOPROTOOPT:1
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies udp_boundaries
}

@test "keeps boundaries, survives an empty datagram, takes the largest" {
    run "$ROOT/udp_boundaries/udp_boundaries"
    [ "$status" -eq 0 ]
    [[ $output =~ " server  recv(server_fd, bytes, sizeof bytes, 0) "[^=]*"= 0"$'\n'" "*"server  recv(server_fd, bytes, sizeof bytes, 0) "[^=]*"= 3"$'\n' ]]
    grep -q ' server  recv(server_fd, bytes, sizeof bytes, 0) .* = 65507$' <<<"$output"
    grep -q ' client  send(client_fd, bytes, 65508, 0) .* = -1 EMSGSIZE$' <<<"$output"
}

@test "65507 bytes arrive as they were sent, and IPv6 takes 20 more" {
    python '
import random
for family, host, most in ((socket.AF_INET, "127.0.0.1", 65507), (socket.AF_INET6, "::1", 65527)):
    s, r = (socket.socket(family, socket.SOCK_DGRAM) for _ in "sr")
    try:
        r.bind((host, 0))
    except OSError:
        continue # no IPv6 here
    data = random.randbytes(most)
    s.sendto(data, r.getsockname())
    assert r.recv(70000) == data
    try:
        s.sendto(data + b"!", r.getsockname())
        sys.exit("one byte more was taken")
    except OSError as error:
        assert error.errno == 90' # EMSGSIZE
}

@test "a cut datagram has MSG_TRUNC; UDP_GRO takes two at once, and says how large each was" {
    python '
r, s = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "rs")
r.bind(("127.0.0.1", 0))
s.connect(r.getsockname())
s.send(b"0123456789")
assert r.recvmsg(4)[::2] == (b"0123", socket.MSG_TRUNC)
s.send(b"0123")
assert r.recvmsg(4)[::2] == (b"0123", 0)
UDP_SEGMENT, UDP_GRO = 103, 104
s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 4)
r.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
s.send(b"cut here")
data, extra, _, _ = r.recvmsg(99, 99)
assert data == b"cut here", data
assert [(level, kind, int.from_bytes(size, sys.byteorder)) for level, kind, size in extra] == \
    [(socket.IPPROTO_UDP, UDP_GRO, 4)], extra'
}

@test "ten at once do not disturb each other, and leave no process behind" {
    many udp_boundaries 10
}
