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
    tells_the_truth udp_broadcast
}

@test "a call that fails: status 1, its name and errno" {
    names_failures udp_broadcast socket:EMFILE:1 bind:EADDRINUSE:2 \
        getsockname:ENOBUFS:1 setsockopt:ENOPROTOOPT:1 setsockopt:ENOPROTOOPT:9 setsockopt:ENOPROTOOPT:10 sendto:ENOBUFS:2 \
        recvfrom:ENOMEM:1
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies udp_broadcast
}

@test "what you copy works on a real network: the other host hears it, too" {
    mkdir "$BATS_TEST_TMPDIR/udp_broadcast"
    cp "$ROOT/common.h" "$BATS_TEST_TMPDIR"
    sed 's/"127.255.255.255"/"10.9.8.255"/; s/"127.0.0.1"/"10.9.8.1"/' \
        "$ROOT/udp_broadcast/udp_broadcast.c" >"$BATS_TEST_TMPDIR/udp_broadcast/udp_broadcast.c"
    "${CC:-cc}" -w -o "$BATS_TEST_TMPDIR/demo" "$BATS_TEST_TMPDIR/udp_broadcast/udp_broadcast.c"
    on_a_real_network "$BATS_TEST_TMPDIR/demo" 1
    [ "$status" -eq 0 ]
    [[ $output = *"other host: 10.9.8.1 -> 10.9.8.255 who?" ]]
}

@test "without SO_REUSEADDR on both sockets there is one receiver on a machine" {
    python '
def bound(before, after):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, before)
    s.bind(("127.255.255.255", port))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, after)
    return s
for first, second in ((0, 0), (0, 1), (1, 0)):
    port = 0
    with bound(0, first) as s:
        port = s.getsockname()[1]
        try:
            bound(second, second)
            sys.exit("it was bound")
        except OSError as error:
            assert error.errno == 98 # EADDRINUSE'
}

@test "ten at once do not disturb each other, and leave no process behind" {
    many udp_broadcast 10
}
