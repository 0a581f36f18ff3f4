#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
load ../scripts/bats_helper

export ASAN_OPTIONS=detect_leaks=0 # LeakSanitizer does not work under strace
story=$ROOT/sock_address/sock_address

need_ipv6() {
    python 's = socket.socket(socket.AF_INET6); s.bind(("::1", 0))' || missing IPv6
}

@test "tells the truth, as strace sees it" {
    tells_the_truth sock_address
}

@test "shows the bytes as Python packs them" {
    run "$story" 127.0.0.1 8080
    [ "$status" -eq 0 ]
    bytes=$(sed -nE 's/^ +[0-9]+  sin_[a-z]+ +(([0-9a-f]{2} )*[0-9a-f]{2}).*/\1/p' <<<"$output" |
        tr -d ' \n')
    [ "$bytes" = "$(python 'print((struct.pack("=H", socket.AF_INET) + struct.pack(">H4s8x", 8080,
        socket.inet_aton("127.0.0.1"))).hex())')" ]

    run "$story" fe80::1:2 443
    bytes=$(sed -nE 's/^ +[0-9]+  sin6_[a-z_]+ +(([0-9a-f]{2} )*[0-9a-f]{2}).*/\1/p' <<<"$output" |
        tr -d ' \n')
    [ "$bytes" = "$(python 'print((struct.pack("=H", socket.AF_INET6) + struct.pack(">HI16sI", 443,
        0, socket.inet_pton(socket.AF_INET6, "fe80::1:2"), 0)).hex())')" ]
}

@test "gives the results of getaddrinfo in its order" {
    expected=$(python '
names = {socket.AF_INET: "AF_INET", socket.AF_INET6: "AF_INET6"}
protocols = {6: "TCP", 17: "UDP"} # and raw sockets with glibc, not with musl
for family, kind, protocol, _, name in socket.getaddrinfo("localhost", 8080):
    if protocol == 0: continue
    host = name[0] if family == socket.AF_INET else f"[{name[0]}]"
    print(names[family], socket.SocketKind(kind).name, protocols[protocol], f"{host}:{name[1]}")')
    run "$story" localhost
    [ "$status" -eq 0 ]
    got=$(sed -nE 's/^ +[0-9]+\. +(AF_.*)/\1/p' <<<"$output" | grep -v SOCK_RAW | tr -s ' ')
    [ "$got" = "$expected" ]
}

@test "shows each address once" {
    run "$story" 127.0.0.1
    [ "$(grep -c 'is a struct sockaddr_in of 16 bytes' <<<"$output")" -eq 1 ]
}

@test "without htons, port 8080 is 36895 on a little-endian machine" {
    run "$story"
    port=$(python 'print(struct.unpack(">H", struct.pack("=H", 8080))[0])')
    [[ $output == *"the kernel understood 127.0.0.1:$port"* ]]
    [[ $output == *'printed without ntohs: 8080'* ]]
}

@test "the names of both ends agree crosswise" {
    run "$story"
    client=$(sed -nE 's/^   client: getsockname (.*), getpeername (.*)/\1 \2/p' <<<"$output")
    server=$(sed -nE 's/^   server: getsockname (.*), getpeername (.*)/\2 \1/p' <<<"$output")
    [ -n "$client" ]
    [ "$client" = "$server" ]
}

@test "the kernel chose the client's port from its range" {
    run "$story"
    read -r low high </proc/sys/net/ipv4/ip_local_port_range
    port=$(sed -nE 's/^   client: getsockname 127\.0\.0\.1:([0-9]*),.*/\1/p' <<<"$output")
    [ "$port" -ge "$low" ] && [ "$port" -le "$high" ]
    [[ $output == *"ip_local_port_range: $low to $high"* ]]
}

@test "0.0.0.0 hears callers of every address" {
    run "$story"
    for host in 127.0.0.1 127.0.0.2; do
        grep -qE "server: I am $host:[0-9]+, called by 127.0.0.1:" <<<"$output"
    done
}

@test "an IPv4 caller of :: has a v4-mapped address" {
    need_ipv6
    run "$story"
    grep -qE 'called by \[::ffff:127\.0\.0\.1\]:[0-9]+$' <<<"$output"
    grep -q ' 00 00 ff ff 7f 00 00 01$' <<<"$output"
}

@test "four sockets have the same port number" {
    need_ipv6
    run "$story"
    [ "$(grep -c '^   bound: ' <<<"$output")" -eq 4 ]
    [ "$(sed -n 's/^   bound: .*:\([0-9]*\)$/\1/p' <<<"$output" | sort -u | wc -l)" -eq 1 ]
}

@test "goes on without IPv6, and says so" {
    "$ROOT/scripts/sandbox" true || missing "a private network"
    # shellcheck disable=SC2016 # expanded inside
    run "$ROOT/scripts/sandbox" sh -c '
        echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6
        exec "$1"' sh "$story"
    [ "$status" -eq 0 ]
    [[ $output == *'no IPv6: bind to ::1: EADDRNOTAVAIL.'*Remember* ]]
}

@test "takes another number when the other sockets find it in use" {
    command -v strace >/dev/null || missing strace
    # bind 1 asks for ::1, 2 to 5 are scenes 3 to 6; 6 is UDP's
    run strace -qq -o /dev/null -e trace=bind -e inject=bind:error=EADDRINUSE:when=6 "$story"
    [ "$status" -eq 0 ]
    [[ $output == *'EADDRINUSE, try another'*'bound: '* ]]
    run strace -qq -o /dev/null -e trace=bind -e inject=bind:error=EADDRINUSE:when=5+ "$story"
    [ "$status" -eq 1 ]
    [[ $output == *'(EADDRINUSE)'* ]]
}

@test "is strict about ports, where getaddrinfo is not" {
    for port in 65536 99999 ' 80' +80 -1 '' 80,5; do
        run --separate-stderr "$story" 127.0.0.1 "$port"
        [ "$status" -eq 2 ]
        [[ $stderr == "sock_address: SERVICE '$port' is not a number from 0 to 65535"* ]]
    done
    run --separate-stderr "$story" 127.0.0.1 80x
    [ "$status" -eq 1 ]
}

@test "takes 65535, and no more than two operands" {
    run "$story" 127.0.0.1 65535
    [[ $output == *'127.0.0.1:65535'* ]]
    run --separate-stderr "$story" 127.0.0.1 80 81
    [ "$status" -eq 2 ]
    [[ $stderr == "sock_address: '81' is too much"* ]]
}

@test "names the reason when there is no such service" {
    run --separate-stderr "$story" 127.0.0.1 nosuchservice
    [ "$status" -eq 1 ]
    [[ $stderr == 'sock_address: look up 127.0.0.1, service nosuchservice: '*' (EAI_SERVICE)'*hint:* ]]
}

@test "a name with a port in it gets a hint" {
    "$ROOT/scripts/sandbox" true || missing "a private network"
    # There, no name server is asked for long.
    run --separate-stderr timeout 10 "$ROOT/scripts/sandbox" "$story" 127.0.0.1:80
    [ "$status" -eq 1 ]
    [[ $stderr == *'look up 127.0.0.1:80, service 8080: '*'(EAI_'*'A port is a second word'* ]]
}

@test "works for an ordinary user" {
    public_copy sock_address
    run as_user "$COPY"
    [ "$status" -eq 0 ]
}

@test "ten at once do not disturb each other" {
    for i in {1..10}; do
        "$story" >"$BATS_TEST_TMPDIR/$i" 2>&1 3>&- &
        PIDS+=("$!")
    done
    for pid in "${PIDS[@]}"; do
        ended "$pid"
    done
    [ "$(grep -l '^Remember: ' "$BATS_TEST_TMPDIR"/* | wc -l)" -eq 10 ]
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies sock_address
}
