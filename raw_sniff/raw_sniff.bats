load ../scripts/bats_helper
# guess: (\d+) shown -> 4; 6; [89]|1\d

SNIFF=$ROOT/raw_sniff/raw_sniff

# sniffed "OPTIONS" CODE ARGS...: what raw_sniff prints, and its status, while
# Python does this in a network of its own. It gets Ctrl-C when Python has ended,
# unless an option ends it before. In CODE, put(bytes) sends an IP packet of any
# kind over loopback.
sniffed() {
    # shellcheck disable=SC2086 # options are words
    alone /usr/bin/python3 -c '
import os, signal, socket, struct, subprocess, sys, time
wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
def put(packet, kind=0x0800):
    wire.sendto(packet, ("lo", kind))
def udp(host="127.0.0.1", family=socket.AF_INET, port=9999, data=b"hello"):
    with socket.socket(family, socket.SOCK_DGRAM) as to, socket.socket(family, socket.SOCK_DGRAM) as s:
        to.bind((host, port))
        s.sendto(data, (host, port))
        return s.getsockname()[1]
def tcp(frm, to, seq, ack, flags, data=b""):
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1") + \
        struct.pack("!HHIIBBHHH", frm, to, seq, ack, 0x50, flags, 1, 0, 0) + data
words, code, sys.argv = sys.argv[1].split("\n"), sys.argv[2], sys.argv[2:]
sniffer = subprocess.Popen(words, stdout=open("/dev/null", "w") if "QUIET" in code else subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
first = sniffer.stderr.readline()
print(first, end="")
if first.startswith("listening on"):
    exec(code)
    if "-c" not in words:
        sniffer.send_signal(signal.SIGINT)
said, complaint = sniffer.communicate(timeout=20)
print(said, complaint, sep="", end="")
sys.exit(sniffer.returncode)' "$(printf '%s\n' "$SNIFF" $1)" "$2" "${@:3}"
}

# packets: the lines of packets in $output.
packets() {
    grep -E '^(VLAN|type|[0-9a-f.:]+ >) ' <<<"$output"
}

CONVERSATION='
with socket.create_server(("127.0.0.1", 8080)) as listener:
    client = socket.create_connection(("127.0.0.1", 8080))
    conn, where = listener.accept()
    print("client", where[1])
    client.sendall(b"hello")
    conn.recv(5, socket.MSG_WAITALL)
    conn.sendall(b"HELLO, you")
    client.recv(10, socket.MSG_WAITALL)
    client.close()
    conn.recv(1)
    conn.close()
'

@test "a TCP connection: handshake, data, close, each packet once, counted from 0" {
    sniffed "-i lo" "$CONVERSATION"
    [ "$status" -eq 0 ]
    port=$(sed -n 's/^client //p' <<<"$output")
    up="127.0.0.1 > 127.0.0.1 TCP $port > 8080" down="127.0.0.1 > 127.0.0.1 TCP 8080 > $port"
    # Bare ACKs come when the kernel likes; all else is certain.
    diff - <(packets | grep -v '[0-9] ACK .* len 0$') <<END
$up SYN seq 0 len 0
$down SYN ACK seq 0 ack 1 len 0
$up PSH ACK seq 1 ack 1 len 5
$down PSH ACK seq 1 ack 6 len 10
$up FIN ACK seq 6 ack 11 len 0
$down FIN ACK seq 11 ack 7 len 0
END
    [ "$(packets | sed -n 3p)" = "$up ACK seq 1 ack 1 len 0" ]
    [ "$(packets | tail -n 1)" = "$up ACK seq 7 ack 12 len 0" ]
    [ "$(packets | sort | uniq -d | wc -l)" -eq 0 ]
    [ "${lines[-1]}" = "$(packets | wc -l) shown, 0 of other ports, 0 missed (no room)" ]
}

@test "numbers begin at 0 with each SYN, and are the true ones if it was missed" {
    sniffed "-c 9" '
for seq in 5000, 900000:
    put(tcp(1, 80, seq, 0, 2))
    put(tcp(80, 1, seq + 7, seq + 1, 0x12))
    put(tcp(1, 80, seq + 1, seq + 8, 0x10))
put(tcp(2, 80, 7777, 0, 0xc2)) # asks for congestion notices: ECE and CWR
put(tcp(80, 2, 0, 7778, 0x14)) # refused
put(tcp(3, 80, 4294967295, 77, 0x10, b"x"))'
    diff - <(packets | sed 's/.*TCP [0-9]* > [0-9]* //') <<'END'
SYN seq 0 len 0
SYN ACK seq 0 ack 1 len 0
ACK seq 1 ack 1 len 0
SYN seq 0 len 0
SYN ACK seq 0 ack 1 len 0
ACK seq 1 ack 1 len 0
SYN ECE CWR seq 0 len 0
RST ACK seq 0 ack 1 len 0
ACK seq 4294967295 ack 77 len 1
END
}

@test "UDP and ICMP, IPv4 and IPv6, and what is not IP" {
    sniffed "" '
print("ports", udp(), udp("::1", socket.AF_INET6, data=b""))
with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as s:
    s.sendto(struct.pack("!BBHHH", 128, 0, 0, 9, 2), ("::1", 0))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.sendto(b"12345", ("127.0.0.1", 9))
put(bytes(28), 0x0806)'
    [ "$status" -eq 0 ]
    read -r _ v4 v6 <<<"$(grep '^ports ' <<<"$output")"
    for line in "127.0.0.1 > 127.0.0.1 UDP $v4 > 9999 len 5" "::1 > ::1 UDP $v6 > 9999 len 0" \
        "::1 > ::1 protocol 58, 8 bytes" "127.0.0.1 > 127.0.0.1 ICMP type 3 code 3 len 33" "type 0806, 42 bytes"; do
        packets | grep -qxF "$line"
    done
}

@test "packets of every kind, sound and hostile, in words" {
    sniffed "-c 44" '
import glob
for name in sorted(glob.glob(sys.argv[1] + "/v[46]*") + glob.glob(sys.argv[1] + "/bad*")):
    with open(name, "rb") as file:
        packet = file.read()
    if packet: # in the order of their names
        put(packet, 0x86dd if packet[0] >> 4 == 6 else 0x0800)
' "$ROOT/raw_sniff/fuzz/corpus-packet"
    [ "$status" -eq 0 ]
    packets >"$BATS_TEST_TMPDIR/packets"
    diff "$ROOT/raw_sniff/tests/corpus-in-words" "$BATS_TEST_TMPDIR/packets"
}

@test "VLAN tags: the one that the kernel takes off is shown and written, too" {
    command -v tcpdump >/dev/null || missing tcpdump
    file=$BATS_TEST_TMPDIR/vlan.pcap
    sniffed "-c 4 -w $file" '
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
    s.bind(("lo", 0))
    packet = bytes.fromhex("4500001d000000004011000001020304050607080035003600090000 41")
    for tags in "", "81000007", "88a8000581000007", "88a80fff81000ffe810000fd":
        s.send(bytes(12) + bytes.fromhex(tags) + b"\x08\0" + packet)'
    diff - <(packets) <<'END'
1.2.3.4 > 5.6.7.8 UDP 53 > 54 len 1
VLAN 7 1.2.3.4 > 5.6.7.8 UDP 53 > 54 len 1
VLAN 5 VLAN 7 1.2.3.4 > 5.6.7.8 UDP 53 > 54 len 1
VLAN 4095 VLAN 4094 VLAN 253 1.2.3.4 > 5.6.7.8 UDP 53 > 54 len 1
END
    run --separate-stderr tcpdump -ner "$file"
    [[ ${lines[0]} != *vlan* && ${lines[1]} = *"ethertype 802.1Q (0x8100)"*"vlan 7, "* ]]
    [[ ${lines[2]} = *"802.1Q-QinQ"*"vlan 5, "*"vlan 7, "* && ${lines[3]} = *"vlan 4095"*"vlan 4094"*"vlan 253"* ]]
}

@test "IPv6 packets larger than 64 KiB on lo are no worse than others" {
    sniffed "-p 8080" '
subprocess.run("ip link set lo gso_max_size 200000 gro_max_size 200000 mtu 65536", shell=True, check=True)
with socket.create_server(("::1", 8080), family=socket.AF_INET6) as listener:
    client = socket.create_connection(("::1", 8080))
    conn, where = listener.accept()
    conn.settimeout(10)
    import threading
    threading.Thread(target=lambda: (client.sendall(bytes(8 << 20)), client.close())).start()
    while conn.recv(1 << 20):
        pass
    conn.close()'
    [ "$status" -eq 0 ]
    [ "$(grep -c MALFORMED <<<"$output")" -eq 0 ]
    [ "$(packets | sed -n 's/.* len //p' | sort -n | tail -n 1)" -gt 65536 ]
}

# bats test_tags=slow
@test "no byte outside of a packet is read, wherever it is cut" {
    cd "$ROOT/raw_sniff"
    cc -g -fsanitize=address,undefined -fno-sanitize-recover=all tests/prefixes.c fuzz/packet.c \
        -o "$BATS_TEST_TMPDIR/prefixes" || missing "the address sanitizer"
    run "$BATS_TEST_TMPDIR/prefixes" fuzz/corpus-packet/*
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${output% inputs}" -gt 2000 ]
}

@test "-p: to this port and from it, TCP and UDP, over IPv6 too; -c: so many that are shown" {
    sniffed "-p 8080" "udp(port=80)
udp(port=808)
udp('::1', socket.AF_INET6, port=8080)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(('127.0.0.1', 8080))
    s.sendto(b'', ('127.0.0.1', 9)) # the answer is ICMP, which has no ports
$CONVERSATION"
    [ "$(packets | grep -vwc 8080)" -eq 0 ]
    [ "$(packets | grep -c UDP)" -eq 2 ]
    packets | grep -q '> 8080 SYN '
    packets | grep -q 'TCP 8080 > [0-9]* SYN ACK '
    [ "${lines[-1]}" = "$(packets | wc -l) shown, 3 of other ports, 0 missed (no room)" ]
    sniffed "-c 2 -p 7000" '
for port in 6000, 7000, 6001, 7000, 7000:
    udp(port=port)'
    [ "$status" -eq 0 ]
    [ "$(packets | grep -c '> 7000 len 5$')" -eq 2 ]
    [ "${lines[-1]}" = "2 shown, 2 of other ports, 0 missed (no room)" ]
}

@test "-w: a file that tcpdump reads, with what was shown, at once, the largest packet whole" {
    command -v tcpdump >/dev/null || missing tcpdump
    file=$BATS_TEST_TMPDIR/file.pcap
    sniffed "-p 8080 -w $file" "udp()
udp('::1', socket.AF_INET6, port=8080, data=b'six')
udp(port=8080, data=bytes(65507))
end = time.monotonic() + 10
while os.path.getsize(sys.argv[1]) < 65535 and time.monotonic() < end:
    time.sleep(0.01)
print('size', os.path.getsize(sys.argv[1]))
$CONVERSATION" "$file"
    [ "$status" -eq 0 ]
    grep -qx "size $((24 + 16 + 14 + 40 + 8 + 3 + 16 + 14 + 65535))" <<<"$output"
    run --separate-stderr tcpdump -nr "$file"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -gt 6 ]
    grep -qE '^[0-9:.]+ IP6 ::1\.[0-9]+ > ::1\.8080: UDP, length 3$' <<<"$output"
    grep -qE ' IP 127\.0\.0\.1\.[0-9]+ > 127\.0\.0\.1\.8080: UDP, length 65507$' <<<"$output"
    grep -qE ' > 127\.0\.0\.1\.8080: Flags \[P\.\], seq 1:6, ack 1, .* length 5' <<<"$output"
    grep -qE ' IP 127\.0\.0\.1\.8080 > .* Flags \[F\.\], seq 11, ack 7, .* length 0' <<<"$output"
    # The times are those of the clock on the wall.
    then=$(tcpdump -ttnr "$file" 2>/dev/null | sed -n '1s/\..*//p')
    ((EPOCHSECONDS - then < 60 && then <= EPOCHSECONDS))
    # TCP checksums on lo look wrong, as nobody ever fills them in: no reason to complain.
    tcpdump -nvr "$file" 2>/dev/null | grep -q 'cksum .*incorrect'
}

@test "a file that cannot be written is an error" {
    sniffed "-w /dev/full" 'udp()'
    [ "$status" -eq 1 ]
    [ "$output" = "raw_sniff: /dev/full: No space left on device (ENOSPC)" ]
    sniffed "-w $BATS_TEST_TMPDIR/none/file" 'udp()'
    [ "$status" -eq 1 ]
    [ "$output" = "raw_sniff: $BATS_TEST_TMPDIR/none/file: No such file or directory (ENOENT)" ]
}

@test "another interface than lo: both directions, its own packets only" {
    sniffed "-i one" '' # there is none
    [ "$status" -eq 1 ]
    [ "$output" = "raw_sniff: bind to the interface: No such device (ENODEV)" ]
    # shellcheck disable=SC2016 # for the shell inside
    alone sh -c '
ip link add one type veth peer name two && ip addr add 10.1.1.1/24 dev one && ip link set one up && ip link set two up
"$0" -i two -c 1 >"$1" 2>&1 & two=$!
"$0" -i one -c 1 >"$2" 2>&1 & one=$!
until grep -qs listening "$1" && grep -q listening "$2"; do sleep 0.01; done
ip neigh add 10.1.1.2 lladdr 02:00:00:00:00:01 dev one
ip link set one arp off
for i in 1 2 3 4 5 6 7 8 9; do
    python3 -c "
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
s.sendto(bytes.fromhex(\"4500001d0000000040110000010203040506070800350036000900004100\"), (\"one\", 0x0800, 0, 0, b\"\\377\" * 6))"
done
wait $one $two; cat "$1" "$2"' "$SNIFF" "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
    [ "$(grep -c '^1 shown' <<<"$output")" -eq 2 ]
}

@test "an interface that goes away is named" {
    sniffed "-c 9" 'subprocess.run(["ip", "link", "set", "lo", "down"])'
    [ "$status" -eq 1 ]
    [ "${lines[1]}" = "raw_sniff: recvmsg: Network is down (ENETDOWN)" ]
}

# bats test_tags=slow
@test "shown and missed are all that were sent, in a burst of 50,000" {
    sniffed "" '
# QUIET
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    to.bind(("127.0.0.1", 9999))
    for i in range(50000):
        s.sendto(b"x" * 100, ("127.0.0.1", 9999))
    sniffer.send_signal(signal.SIGSTOP)
    for i in range(5000): # for these there is certainly no room
        s.sendto(b"x" * 60000, ("127.0.0.1", 9999))
    sniffer.send_signal(signal.SIGINT)
    sniffer.send_signal(signal.SIGCONT)
said = None'
    [ "$status" -eq 0 ]
    [[ $output =~ ([0-9]+)\ shown,\ 0\ of\ other\ ports,\ ([0-9]+)\ missed ]]
    ((BASH_REMATCH[1] + BASH_REMATCH[2] == 55000 && BASH_REMATCH[2] > 0))
}

@test "what passed before Ctrl-C is shown, and a flood does not keep it running" {
    sniffed "" '
sniffer.send_signal(signal.SIGSTOP)
for port in range(3000, 3050):
    udp(port=port)
sniffer.send_signal(signal.SIGINT)
sniffer.send_signal(signal.SIGCONT)'
    [ "$status" -eq 0 ]
    [ "$(packets | wc -l)" -eq 50 ]
    [ "${lines[-1]}" = "50 shown, 0 of other ports, 0 missed (no room)" ]
    # A flood that never ends: there is always one more packet, even if it is empty.
    command -v strace >/dev/null || missing strace
    # shellcheck disable=SC2016 # for the shell inside
    alone bash -c '
        timeout -k 10 20 strace -D -o /dev/null -e trace=recvmsg -e inject=recvmsg:retval=0:when=2+ "$0" >/dev/null 2>"$1" &
        until grep -qs "listening on" "$1"; do sleep 0.01; done
        for i in 1 2; do (echo >/dev/udp/127.0.0.1/9) 2>/dev/null; done
        kill -INT $!
        wait $!' "$SNIFF" "$BATS_TEST_TMPDIR/flooded"
    [ "$status" -eq 0 ]
    grep -q ' shown, ' "$BATS_TEST_TMPDIR/flooded"
}

@test "Ctrl-C ends it at once, also while its output is not read" {
    # shellcheck disable=SC2016 # for the shell inside
    alone timeout 20 bash -c '
        mkfifo "$1" && exec 4<>"$1"
        "$0" >"$1" 2>"$2" & sniffer=$!
        until grep -qs "listening on" "$2"; do sleep 0.01; done
        # Until it sleeps in its write, and packets are waiting for it.
        until grep -qs pipe /proc/$sniffer/wchan || grep -q "^1 0x1 " /proc/$sniffer/syscall; do
            for i in {1..99}; do (echo >/dev/udp/127.0.0.1/9) 2>/dev/null; done
        done
        kill -INT $sniffer
        wait $sniffer' "$SNIFF" "$BATS_TEST_TMPDIR/fifo" "$BATS_TEST_TMPDIR/errors"
    [ "$status" -eq 130 ]
}

@test "a reader that walks away ends it" {
    # shellcheck disable=SC2016 # for the shell inside
    alone bash -c '
        "$0" 2>"$1" | head -n 1 &
        until grep -qs "listening on" "$1"; do sleep 0.01; done
        for ((i = 0; i < 500; i++)); do
            (echo >/dev/udp/127.0.0.1/9) 2>/dev/null
            grep -q "(EPIPE)" "$1" && break
            sleep 0.02
        done
        cat "$1"' "$SNIFF" "$BATS_TEST_TMPDIR/errors"
    [[ ${lines[-1]} = "raw_sniff: write to standard output: "*"(EPIPE)" ]]
}

@test "without the right: what helps a user, and what helps root in a container" {
    public_copy raw_sniff
    run as_user "$COPY" -w "$BATS_TEST_TMPDIR/file"
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "raw_sniff: socket AF_PACKET: Operation not permitted (EPERM)" ]
    [ "${lines[1]}" = "hint: make demo-sniff; root: --cap-add NET_RAW" ]
    [ ! -e "$BATS_TEST_TMPDIR/file" ] # it has not touched the file
    alone setpriv --bounding-set=-all --inh-caps=-all "$SNIFF"
    [ "$status" -eq 1 ]
    [ "${lines[1]}" = "hint: make demo-sniff; root: --cap-add NET_RAW" ]
}

@test "each wrong option is named, status 2" {
    local args
    for args in "-c 0" "-c abc" "-p 65536" "-p +80" "-i" "-w" "lo"; do
        # shellcheck disable=SC2086 # words, not one argument
        run --separate-stderr "$SNIFF" $args
        # shellcheck disable=SC2154 # set by run
        [ "$status" -eq 2 ] && [ -z "$output" ] && [[ ${stderr_lines[0]} = "raw_sniff: '${args##* }' is "* ]] &&
            [[ ${stderr_lines[1]} = 'usage: raw_sniff '* ]]
    done
}

# bats test_tags=slow
@test "make demo-sniff shows a conversation by itself, many times at once" {
    "$ROOT/scripts/sandbox" true 2>/dev/null || missing "a network of its own"
    local pids=() i
    for i in {1..5}; do
        timeout 30 make -s -C "$ROOT" demo-sniff >"$BATS_TEST_TMPDIR/$i" 2>&1 3>&- </dev/null &
        pids+=("$!")
    done
    for i in {1..5}; do
        wait "${pids[i - 1]}"
        for what in 'SYN seq 0 len 0' 'SYN ACK seq 0 ack 1 len 0' 'PSH ACK seq 1 ack 1 len 5' \
            'PSH ACK seq 1 ack 6 len 5' 'FIN ACK seq 6 ack 6 len 0' 'FIN ACK seq 6 ack 7 len 0'; do
            grep -qF " $what" "$BATS_TEST_TMPDIR/$i"
        done
        tail -n 1 "$BATS_TEST_TMPDIR/$i" | grep -qE '^[0-9]+ shown, 0 of other ports, 0 missed'
        [ "$(grep -cE '.{81}' "$BATS_TEST_TMPDIR/$i")" -eq 0 ]
    done
}
