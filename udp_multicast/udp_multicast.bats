load ../scripts/bats_helper
load ../scripts/wire_helper
# guess: first recv\(first_fd, buf, sizeof buf, 0\) = (-?\d+) .*?recv\(second_fd, buf, sizeof buf, \w+\) = (-?\d+) -> 1 -1; 1 1; -1 .*

# bats test_tags=slow
@test "a call that fails: status 1, its name and errno" {
    names_failures udp_multicast socket:EMFILE:1 bind:EADDRINUSE:2 \
        getsockname:ENOBUFS:1 setsockopt:ENOPROTOOPT:1 setsockopt:ENOPROTOOPT:5 sendto:ENOBUFS:2 \
        recv:ENOMEM:1
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies udp_multicast
}

@test "what you copy works on a real network: all of it is on the wire" {
    moved_to udp_multicast 's/"127.0.0.1"/"10.9.8.1"/'
    on_a_real_network "$MOVED" 4
    [ "$status" -eq 0 ]
    [ "$(sed -n 's/^other host: 10.9.8.1 -> 239.255.[0-9.]* //p' <<<"$output" | xargs)" = "a b c d" ]
}

@test "IP_MULTICAST_LOOP: whether the sender's own machine hears it, but not on lo" {
    cat >"$BATS_TEST_TMPDIR/loop.py" <<'END'
import socket, sys
group = "239.255.7.9"
for interface in sys.argv[1:]:
    member = socket.inet_aton(group) + socket.inet_aton(interface) + bytes(4)
    r, s = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "rs")
    r.bind((group, 0))
    r.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    r.settimeout(0.3)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, member)
    for loop in 1, 0:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, loop)
        s.sendto(b"x", r.getsockname())
        try:
            print(interface, loop, r.recv(9).decode())
        except TimeoutError:
            print(interface, loop, "silence")
END
    printf '#!/bin/sh\nexec /usr/bin/python3 %s 127.0.0.1 10.9.8.1\n' "$BATS_TEST_TMPDIR/loop.py" \
        >"$BATS_TEST_TMPDIR/loop"
    chmod +x "$BATS_TEST_TMPDIR/loop"
    on_a_real_network "$BATS_TEST_TMPDIR/loop" 2
    [ "$status" -eq 0 ]
    [[ $output = *"127.0.0.1 1 x"*"127.0.0.1 0 x"*"10.9.8.1 1 x"*"10.9.8.1 0 silence"* ]]
}

@test "you join on your own side: an address that no interface has is ENODEV" {
    python '
import errno
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                 socket.inet_aton("239.255.7.9") + socket.inet_aton("203.0.113.9"))
    sys.exit("joined")
except OSError as error:
    assert error.errno == errno.ENODEV'
}

@test "ten at once do not disturb each other, and leave no process behind" {
    many udp_multicast 10
}
