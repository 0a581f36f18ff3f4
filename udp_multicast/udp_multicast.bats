load ../scripts/bats_helper

# on_a_real_network PROGRAM: two hosts and a wire between them; runs PROGRAM on one,
# 10.9.8.1, and prints what the other one, 10.9.8.2, sees of UDP on the wire.
on_a_real_network() {
    command -v ip >/dev/null || missing "ip (iproute2)"
    # shellcheck disable=SC2016 # expanded inside
    alone bash -c '
        ip link add v0 type veth peer name v1 || exit 125
        unshare -n sleep 30 & other=$!
        trap "kill $other" EXIT
        while [ /proc/$other/ns/net -ef /proc/$$/ns/net ]; do sleep 0.02; done
        ip link set v1 netns $other || exit 125
        there() { nsenter -t $other -n "$@"; }
        ip addr add 10.9.8.1/24 brd + dev v0 && ip link set v0 up || exit 125
        there ip addr add 10.9.8.2/24 brd + dev v1 && there ip link set v1 up || exit 125
        there timeout 20 /usr/bin/python3 -u -c "$2" >"$3" & watcher=$!
        until grep -qs ready "$3"; do sleep 0.02; done
        "$1" || exit 1
        wait $watcher
        cat "$3"' bash "$1" "
import socket
r = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))
print('ready')
seen = 0
while seen < $2:
    p = r.recv(99)
    if p[9] == 17:
        seen += 1
        print('other host:', socket.inet_ntoa(p[12:16]), '->', socket.inet_ntoa(p[16:20]), p[28:].decode())" \
        "$BATS_TEST_TMPDIR/seen"
}

@test "tells the truth" {
    tells_the_truth udp_multicast
}

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
    mkdir "$BATS_TEST_TMPDIR/udp_multicast"
    cp "$ROOT/common.h" "$BATS_TEST_TMPDIR"
    sed 's/"127.0.0.1"/"10.9.8.1"/' "$ROOT/udp_multicast/udp_multicast.c" \
        >"$BATS_TEST_TMPDIR/udp_multicast/udp_multicast.c"
    "${CC:-cc}" -w -o "$BATS_TEST_TMPDIR/demo" "$BATS_TEST_TMPDIR/udp_multicast/udp_multicast.c"
    on_a_real_network "$BATS_TEST_TMPDIR/demo" 4
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
