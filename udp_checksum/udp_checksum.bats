load ../scripts/bats_helper
# guess: noise pwrite.*?poll\(&end, 1, 200\) = (\d) .*?MSG_DONTWAIT\) = (-?\d+(?: E\w+)?) -> 1 100; 1 -1 .*; 0 -1 EAGAIN

# bats test_tags=slow
@test "a call that fails: status 1, its name and errno" {
    names_failures udp_checksum socket:EMFILE:1 bind:EADDRINUSE:1 getsockname:ENOBUFS:1 \
        connect:ENETUNREACH:1 memfd_create:EMFILE:1 ftruncate:EPERM:1 send:ENOBUFS:1 sendfile:EIO:1 \
        recv:ENOMEM:1 poll:ENOMEM:1 setsockopt:ENOPROTOOPT:1
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies udp_checksum
}

@test "each damaged datagram is counted once" {
    alone bash -c "'$ROOT/udp_checksum/udp_checksum' && grep ^Udp: /proc/net/snmp"
    [ "$status" -eq 0 ]
    [[ $output = *"InCsumErrors in /proc/net/snmp: +1"* ]]
    [[ $output = *InCsumErrors*InCsumErrors*$'\n'"Udp: "*" 1 0 "[0-9]* ]]
}

@test "on a socket that does not block, poll sees a damaged datagram, and recv says EAGAIN" {
    python '
import select
server, client = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "sc")
server.bind(("127.0.0.1", 0))
client.connect(server.getsockname())
letter = os.memfd_create("letter")
os.truncate(letter, 100)
poll = select.poll()
poll.register(server, select.POLLIN)
for blocking in False, True:
    server.setblocking(blocking)
    os.pwrite(letter, b"pay 100", 0)
    client.send(b"", socket.MSG_MORE)
    os.sendfile(client.fileno(), letter, 0, 100)
    os.pwrite(letter, b"9", 4)
    assert len(poll.poll(200 if blocking else 10000)) == (not blocking)
    try:
        sys.exit(server.recv(100, socket.MSG_DONTWAIT))
    except BlockingIOError:
        pass'
}

@test "made by hand, byte by byte: a right sum arrives, a wrong one does not, none does" {
    alone /usr/bin/python3 -c '
import socket, struct
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.settimeout(0.3)
port = server.getsockname()[1]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
local = socket.inet_aton("127.0.0.1")
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff or 0xffff
def arrives(text, sum_of):
    n = 8 + len(text)
    pseudo = local + local + struct.pack("!2H", socket.IPPROTO_UDP, n)
    sum = checksum(pseudo + struct.pack("!4H", 9, port, n, 0) + sum_of) if sum_of else 0
    raw.sendto(struct.pack("!4H", 9, port, n, sum) + text, ("127.0.0.1", 0))
    try:
        return server.recv(9) == text
    except TimeoutError:
        return False
assert arrives(b"pay 100.", b"pay 100.")
assert not arrives(b"pay 900.", b"pay 100.")
assert arrives(b"pay 900.", b"")
assert arrives(b"y pa100.", b"pay 100."), "words that change places" '
    [ "$status" -eq 0 ]
}

@test "ten at once do not disturb each other, and leave no process behind" {
    many udp_checksum 10
}
