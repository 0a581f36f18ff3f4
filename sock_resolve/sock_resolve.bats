# shellcheck disable=SC2154 # run sets stderr
load ../scripts/bats_helper
# guess: 2\. The server is .*?getaddrinfo\(NULL.*? = (-?\d+).*?connect\(.*? = (-?\d+).*?connect\(.*? = (-?\d+) -> 0 0 .*; 0 -1 0; -\d+ .*

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies sock_resolve
}

@test "ten at once, as an ordinary user, and no process is left" {
    many sock_resolve 10
}

@test "gives the addresses of localhost in the order of getaddrinfo" {
    run "$ROOT/sock_resolve/sock_resolve"
    [ "$(sed -n '/"localhost", "8080"/,/=>/s/^   \([^ ]*:8080\)$/\1/p' <<<"$output")" = "$(python '
for family, _, _, _, name in socket.getaddrinfo("localhost", 8080, type=socket.SOCK_STREAM):
    print(f"{name[0]}:8080" if family == socket.AF_INET else f"[{name[0]}]:8080")')" ]
}

@test "without a wish, each address comes once for each type of socket" {
    python '
for wish, types in ((0, {socket.SOCK_STREAM, socket.SOCK_DGRAM}), (socket.SOCK_STREAM, {socket.SOCK_STREAM})):
    got = [one[1] for one in socket.getaddrinfo("127.0.0.1", 8080, type=wish)]
    assert len(got) == len(set(got)) and set(got) - {socket.SOCK_RAW} == types, got'
}

@test "tries ::1 first where there is IPv6, and goes on without" {
    "$ROOT/scripts/sandbox" true || missing "a network of its own"
    # shellcheck disable=SC2016 # expanded inside
    alone sh -c 'ip link set lo up 2>/dev/null; exec "$1"' sh "$ROOT/sock_resolve/sock_resolve"
    [ "$status" -eq 0 ]
    # shellcheck disable=SC2016
    alone sh -c 'echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6; exec "$1"' sh "$ROOT/sock_resolve/sock_resolve"
    [ "$status" -eq 0 ]
    [[ $output = *"(no IPv6 here, so the first one was it)"* ]]
}

@test "no name server: EAI_AGAIN, and a hint that is true" {
    alone "$ROOT/tcp_client/tcp_client" dialtone.example
    [ "$status" -eq 1 ]
    [[ $output = *"look up dialtone.example: "*" (EAI_AGAIN)"*"hint: "*"127.0.0.1"* ]]
    [[ $output != *"spelt"* ]]
}

@test "HOST=localhost finds a server on 127.0.0.1, and one on ::1 if it has that name" {
    start tcp_server 127.0.0.1 0
    run --separate-stderr timeout 10 "$ROOT/tcp_client/tcp_client" localhost "$PORT" <<<hello
    [ "$status" -eq 0 ]
    [ "$output" = HELLO ]
}
