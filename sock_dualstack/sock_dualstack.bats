load ../scripts/bats_helper
# guess: 0\.0\.0\.0:\S+ server bind\(fd, to, size\) = (-?\d+) -> 0; -1

setup() {
    grep -q . /proc/net/if_inet6 || missing "IPv6"
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies sock_dualstack
}

# bats test_tags=slow
@test "failures are named" {
    names_failures sock_dualstack socket:EAFNOSUPPORT:1 listen:EADDRINUSE:1 accept:EMFILE:1 getsockname:ENOBUFS:1
}

@test "ten at once, as an ordinary user, and no process is left" {
    many sock_dualstack 10
}

@test "other machines cannot call meanwhile: each socket is bound to lo" {
    command -v strace >/dev/null || missing strace
    run strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=socket,setsockopt "$ROOT/sock_dualstack/sock_dualstack"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^socket(' "$BATS_TEST_TMPDIR/trace")" -eq "$(grep -c SO_BINDTODEVICE "$BATS_TEST_TMPDIR/trace")" ]
}

@test "says so where there is no IPv6" {
    "$ROOT/scripts/sandbox" true || missing "a network of its own"
    # shellcheck disable=SC2016 # expanded inside
    alone sh -c 'echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6; exec "$1"' sh "$ROOT/sock_dualstack/sock_dualstack"
    [ "$status" -eq 1 ]
    [[ $output = *"not on this kernel: an IPv6 caller"* ]]
}

@test "a caller over IPv6 has its own address, one over IPv4 a v4-mapped one" {
    python '
with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
    for host, seen in (("::1", "::1"), ("127.0.0.1", "::ffff:127.0.0.1")):
        with socket.create_connection((host, server.getsockname()[1])):
            assert server.accept()[1][0] == seen'
}

@test "the address decides, not the family: all pairs, asked of the kernel" {
    python '
def bind(host, port, only=0):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if ":" in host:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
    s.bind((host, port))
    return s
def beside(first, second, only=0):
    for _ in range(20):
        with bind("::", 0) as probe: # a number that is free in both families
            port = probe.getsockname()[1]
        try:
            s = bind(first, port, only)
        except OSError:
            continue
        with s:
            try:
                bind(second, port, only).close()
                return True
            except OSError:
                return False
assert not beside("::", "0.0.0.0")
assert not beside("::", "127.0.0.1")
assert not beside("::", "::1")
assert not beside("::ffff:127.0.0.1", "127.0.0.1")
assert beside("::", "0.0.0.0", 1)
assert beside("::1", "127.0.0.1")
assert beside("127.0.0.2", "127.0.0.3")
assert beside("::ffff:127.0.0.1", "127.0.0.2")'
}
