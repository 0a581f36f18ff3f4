load ../scripts/bats_helper
# guess: poll\(&gone, 1, \d+\) = (\d).*?poll\(&busy, 1, 500\) = (\d) -> 1 1; 1 0; 0 1

@test "keepalive ends the idle connection after 2 s, and only that one" {
    run -0 "$ROOT/tcp_keepalive/tcp_keepalive"
    [[ $output =~ ([0-9]+)' ms after it had connected' ]]
    [ "${BASH_REMATCH[1]}" -ge 1900 ]
    [ "${BASH_REMATCH[1]}" -lt 2900 ]
    [ "$(grep -c ' recv(.*= -1 ETIMEDOUT$' <<<"$output")" -eq 2 ]
    grep -qE ' poll\(&gone, 1, 3500\) += 1$' <<<"$output"
    grep -qE ' poll\(&busy, 1, 500\) += 0$' <<<"$output"
    [[ $output =~ ([0-9]+)' ms after send' ]]
    [ "${BASH_REMATCH[1]}" -ge 1000 ] && [ "${BASH_REMATCH[1]}" -lt 2300 ]
}

@test "a silent client that is well answers the probes, and its connection lives" {
    python '
listener = socket.create_server(("127.0.0.1", 0))
client = dial(listener.getsockname()[1])
server, _ = listener.accept()
server.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
for name in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
    server.setsockopt(socket.IPPROTO_TCP, name, 1)
server.settimeout(3.5)
try:
    sys.exit(server.recv(1))
except TimeoutError as error:
    assert error.errno is None, error # Python gave up, not the kernel
info = server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
last_ack_recv = struct.unpack_from("I", info, 56)[0]
assert info[0] == 1 and last_ack_recv < 1500, (info[0], last_ack_recv)'
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

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    names_failures tcp_keepalive setsockopt:ENOBUFS:1 setsockopt:ENOPROTOOPT:3 \
        getsockopt:ENOPROTOOPT:1
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_keepalive
}
