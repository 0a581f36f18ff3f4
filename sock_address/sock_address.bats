load ../scripts/bats_helper
# guess:  = (-?\d+)(?: E\w+)? server getsockname\(fd.*?the kernel says \S+:(\d+); -> 0 8080; 0 36895; -1 .*

@test "the bytes are those that Python packs" {
    run "$ROOT/sock_address/sock_address"
    [ "${lines[1]}" = "   $(python 'print("port %s, host %s" % (
        struct.pack(">H", 8080).hex(" "), socket.inet_aton("127.0.0.1").hex(" ")))')" ]
    port=$(python 'print(struct.unpack(">H", struct.pack("=H", 8080))[0])')
    grep -qE "^   the kernel says 127\.[0-9.]*\.1:$port; sin_port without ntohs is 8080$" <<<"$output"
}

@test "the kernel chose the clients' ports from its range" {
    run "$ROOT/sock_address/sock_address"
    read -r low high </proc/sys/net/ipv4/ip_local_port_range
    ports=$(sed -nE 's/^   (the kernel has chosen|accept says who called:) 127\.0\.0\.1:([0-9]+)$/\2/p' <<<"$output")
    [ "$(sort -u <<<"$ports" | wc -l)" -eq 2 ]
    for port in $ports; do
        [ "$port" -ge "$low" ]
        [ "$port" -le "$high" ]
    done
}

@test "a fresh socket has no address and no peer, a connection never has 0.0.0.0" {
    python '
import errno
fresh, listening = socket.socket(), socket.create_server(("127.0.0.1", 0))
assert fresh.getsockname() == ("0.0.0.0", 0)
for nobody in fresh, listening:
    try:
        sys.exit("a peer: %s" % nobody.getpeername())
    except OSError as e:
        assert e.errno == errno.ENOTCONN
server = socket.create_server(("0.0.0.0", 0))
port = server.getsockname()[1]
for dialled, reached in ("127.0.0.1", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("0.0.0.0", "127.0.0.1"):
    client = socket.create_connection((dialled, port))
    conn, caller = server.accept()
    assert conn.getsockname() == (reached, port) and caller == client.getsockname()'
}

@test "TCP and UDP with one number: each gets what is its own; TCP has it once" {
    python '
import errno
for attempt in range(20): # UDP may have given that number to another program
    tcp = socket.create_server(("127.0.0.1", 0))
    udp = socket.socket(type=socket.SOCK_DGRAM)
    try:
        udp.bind(tcp.getsockname())
        break
    except OSError:
        pass
try:
    socket.socket().bind(tcp.getsockname())
    sys.exit("bound twice")
except OSError as e:
    assert e.errno == errno.EADDRINUSE
client = socket.create_connection(tcp.getsockname())
client.sendall(b"stream")
socket.socket(type=socket.SOCK_DGRAM).sendto(b"datagram", udp.getsockname())
assert tcp.accept()[0].recv(100) == b"stream" and udp.recv(100) == b"datagram"'
}

@test "a port below 1024 takes a privilege" {
    # In a network of its own, where nobody has changed net.ipv4.ip_unprivileged_port_start.
    local binds=(/usr/bin/python3 -IS -c 'import socket, sys; socket.socket().bind(("127.0.0.1", int(sys.argv[1])))')
    alone setpriv --bounding-set=-all "$ROOT/tcp_server/tcp_server" 127.0.0.1 1023
    [[ $status -eq 1 && $output = "tcp_server: bind: "*" (EACCES)" ]]
    alone setpriv --bounding-set=-all "${binds[@]}" 1024
    [ "$status" -eq 0 ]
    alone "${binds[@]}" 1023
    [ "$status" -eq 0 ]
}

@test "two clients of one port: the server hears each on a socket of its own" {
    python '
server = socket.create_server(("127.0.0.1", 0))
first, second = (socket.create_connection(server.getsockname()) for _ in range(2))
conns = {server.accept()[0] for _ in range(2)}
second.sendall(b"second")
first.sendall(b"first")
heard = {conn.getpeername(): conn.recv(100) for conn in conns}
assert heard == {first.getsockname(): b"first", second.getsockname(): b"second"}'
}

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    names_failures sock_address socket:EMFILE:1 bind:EADDRINUSE:2 \
        getsockname:ENOBUFS:1 getpeername:ENOBUFS:2 listen:EADDRINUSE:1 connect:ECONNREFUSED:1 accept:EMFILE:1
}

# bats test_tags=slow
@test "50 at once do not disturb each other, and leave no process behind" {
    many sock_address 50
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies sock_address
}
