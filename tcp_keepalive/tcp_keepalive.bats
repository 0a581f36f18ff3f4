load ../scripts/bats_helper

@test "tells the truth" {
    tells_the_truth tcp_keepalive
}

@test "keepalive ends the idle connection after 2 s, and only that one" {
    run -0 "$ROOT/tcp_keepalive/tcp_keepalive"
    [[ $output =~ ([0-9]+)' ms after they had connected' ]]
    [ "${BASH_REMATCH[1]}" -ge 1900 ] && [ "${BASH_REMATCH[1]}" -lt 2900 ]
    [ "$(grep -c ' recv(.*= -1 ETIMEDOUT$' <<<"$output")" -eq 2 ]
    grep -qE ' poll\(end, 3, 3500\) +=' <<<"$output"
    [[ $output =~ ([0-9]+)' ms after send' ]]
    [ "${BASH_REMATCH[1]}" -ge 1000 ] && [ "${BASH_REMATCH[1]}" -lt 2300 ]
}

@test "keepalive is off until it is asked for" {
    python '
s = socket.socket()
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
assert s.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0'
}

@test "needs no privilege, and ten at once do not disturb each other" {
    many tcp_keepalive 10
}

@test "a call that fails is named, status 1" {
    names_failures tcp_keepalive setsockopt:ENOBUFS:1 setsockopt:ENOPROTOOPT:3 \
        getsockopt:ENOPROTOOPT:1
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_keepalive
}
