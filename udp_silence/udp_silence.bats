load ../scripts/bats_helper
# guess: connect\(fd, to, size\) = (-?\d+).*?send\(fd, \"hello\?\", 6, 0\) = (-?\d+).*?recv\(fd, buf, sizeof buf, 0\) = (-?\d+) -> -1 .*; 0 -1 .*; 0 6 -1

# bats test_tags=slow
@test "a call that fails: status 1, its name and errno" {
    names_failures udp_silence socket:EMFILE:1 socket:EMFILE:2 \
        getsockname:ENOBUFS:1 connect:ENETUNREACH:1 sendto:ENOBUFS:1 poll:ENOMEM:1 \
        recv:ENOMEM:1
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies udp_silence
}

@test "connect sends nothing, nor does the send that is told of an error" {
    alone bash -c "'$ROOT/udp_silence/udp_silence' >/dev/null && cat /proc/net/snmp"
    [ "$status" -eq 0 ]
    # In its own network: four datagrams were sent. Three went to nobody, and so did
    # the stranger's: the connected socket is not there for it.
    grep -q '^Udp: 0 4 0 4 ' <<<"$output" # InDatagrams NoPorts InErrors OutDatagrams
}

@test "a socket that is not connected may ask for errors: IP_RECVERR" {
    python '
import select
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(("127.0.0.1", 0))
    nobody = s.getsockname()
IP_RECVERR, MSG_ERRQUEUE = 11, 0x2000
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
s.sendto(b"hello?", nobody)
poll = select.poll()
poll.register(s, select.POLLIN)
assert poll.poll(10000)[0][1] & select.POLLERR
data, extra, flags, receiver = s.recvmsg(99, 99, MSG_ERRQUEUE)
assert data == b"hello?" and extra[0][1] == IP_RECVERR and receiver == nobody
try:
    s.sendto(b"again?", nobody)
    poll.poll(10000)
    s.recv(99, socket.MSG_DONTWAIT)
    sys.exit("no error")
except ConnectionRefusedError:
    pass'
}

@test "a connected socket hears its peer alone, whoever was first" {
    python '
client, peer, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "cpo")
peer.bind(("127.0.0.1", 0))
client.connect(peer.getsockname())
other.sendto(b"boo!", client.getsockname())
peer.sendto(b"hello", client.getsockname())
assert client.recv(99) == b"hello"
client.setblocking(False)
try:
    sys.exit(client.recv(99))
except BlockingIOError:
    pass'
}

@test "ten at once do not disturb each other, and leave no process behind" {
    many udp_silence 10
}
