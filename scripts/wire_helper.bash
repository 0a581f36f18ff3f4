# Loaded by the tests of udp_broadcast and udp_multicast, after bats_helper: what a
# learner copies must work on a real network, too.

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
        there ip addr add 10.9.8.2/24 brd + dev v1 && there ip link set v1 up || exit 125
        # Last: what an end sends that was up before the other is lost for a moment.
        ip addr add 10.9.8.1/24 brd + dev v0 && ip link set v0 up || exit 125
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

# moved_to NAME SED-SCRIPT: build a demo with other addresses; sets $MOVED.
moved_to() {
    mkdir -p "$BATS_TEST_TMPDIR/moved"
    cp "$ROOT/common.h" "$BATS_TEST_TMPDIR"
    sed "$2" "$ROOT/$1/$1.c" >"$BATS_TEST_TMPDIR/moved/$1.c"
    MOVED=$BATS_TEST_TMPDIR/moved/$1
    "${CC:-cc}" -w -o "$MOVED" "$MOVED.c"
}
