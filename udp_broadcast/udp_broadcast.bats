load ../scripts/bats_helper
load ../scripts/wire_helper
# guess: 2\. One sendto.*?recvfrom.*? = (-?\d+).*?recvfrom.*? = (-?\d+).*?recv\(third_fd, .*? = (-?\d+) -> 4 -1 -1; 4 4 -1; 4 4 4

# bats test_tags=slow
@test "a call that fails: status 1, its name and errno" {
    names_failures udp_broadcast socket:EMFILE:1 bind:EADDRINUSE:2 \
        getsockname:ENOBUFS:1 setsockopt:ENOPROTOOPT:2 setsockopt:ENOPROTOOPT:12 setsockopt:ENOPROTOOPT:13 sendto:ENOBUFS:2 \
        recvfrom:ENOMEM:1
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies udp_broadcast
}

@test "other machines are not heard: each receiver is bound to lo" {
    command -v strace >/dev/null || missing strace
    run strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=bind,setsockopt "$ROOT/udp_broadcast/udp_broadcast"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^bind(' "$BATS_TEST_TMPDIR/trace")" -eq 3 ]
    [ "$(grep -c 'SO_BINDTODEVICE, "lo.*= 0$' "$BATS_TEST_TMPDIR/trace")" -eq 3 ]
}

@test "what you copy works on a real network: the other host hears it, too" {
    moved_to udp_broadcast 's/"127.255.255.255"/"10.9.8.255"/; s/"127.0.0.1"/"10.9.8.1"/; s/"lo"/"v0"/
        s/example: udp_broadcast.*/&\nall.sin_port = htons(9000);/'
    on_a_real_network "$MOVED" 1
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
