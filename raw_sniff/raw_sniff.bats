load ../scripts/bats_helper

SNIFF=$ROOT/raw_sniff/raw_sniff

# sniffed "OPTIONS" CODE ARGS...: what raw_sniff prints, and its status, while
# Python does this in a private network. It is told to end when Python has ended,
# unless an option ends it before. In CODE, put(bytes) sends an IP packet of any
# kind over loopback.
sniffed() {
    # shellcheck disable=SC2086 # options are words
    alone /usr/bin/python3 -c '
import os, signal, socket, struct, subprocess, sys, time
wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
def put(packet, kind=0x0800):
    wire.sendto(packet, ("lo", kind))
def read_all(): # the sniffer has room for some 200 packets; wait until it is empty
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with open("/proc/net/packet") as file:
            if all(line.split()[6] == "0" for line in file if " 0003 " in line):
                return
        time.sleep(0.001)
def udp(host="127.0.0.1", family=socket.AF_INET, port=9999, data=b"hello"):
    with socket.socket(family, socket.SOCK_DGRAM) as to, socket.socket(family, socket.SOCK_DGRAM) as s:
        to.bind((host, port))
        s.sendto(data, (host, port))
        return s.getsockname()[1]
words, code, sys.argv = sys.argv[1].split("\n"), sys.argv[2], sys.argv[2:]
sniffer = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
first = sniffer.stderr.readline()
print(first, end="")
if first.startswith("listening on"):
    exec(code)
    if "-c" not in words:
        sniffer.send_signal(signal.SIGTERM)
said, complaint = sniffer.communicate(timeout=20)
print(said, complaint, sep="", end="")
sys.exit(sniffer.returncode)' "$(printf '%s\n' "$SNIFF" $1)" "$2" "${@:3}"
}

# packets: the lines of packets in $output, without their times.
packets() {
    sed -nE 's/^ *[0-9]+\.[0-9]{6} //p' <<<"$output"
}

# The options that take every capability from a command, root's too.
POWERLESS=(setpriv --bounding-set=-all --inh-caps=-all)

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
    up="127.0.0.1:$port > 127.0.0.1:8080 TCP" down="127.0.0.1:8080 > 127.0.0.1:$port TCP"
    # Bare ACKs come when the kernel likes; all else is certain.
    diff - <(packets | grep -v 'TCP ACK .* len 0$') <<END
$up SYN seq 0 len 0
$down SYN+ACK seq 0 ack 1 len 0
$up PSH+ACK seq 1 ack 1 len 5
$down PSH+ACK seq 1 ack 6 len 10
$up FIN+ACK seq 6 ack 11 len 0
$down FIN+ACK seq 11 ack 7 len 0
END
    [ "$(packets | sed -n 3p)" = "$up ACK seq 1 ack 1 len 0" ]
    [ "$(packets | tail -n 1)" = "$up ACK seq 7 ack 12 len 0" ]
    [ "$(packets | sort | uniq -d | wc -l)" -eq 0 ]
    [ "${lines[-1]}" = "$(packets | wc -l) packets shown" ]
}

@test "times begin at 0 and do not go back" {
    sniffed "" "$CONVERSATION"
    times=$(sed -nE 's/^ *([0-9]+\.[0-9]{6}) .*/\1/p' <<<"$output")
    [ "$(head -n 1 <<<"$times")" = 0.000000 ]
    sort -nc <<<"$times"
}

@test "checksums that the hardware is to fill in are nothing to complain of" {
    # On loopback nobody ever does: tcpdump calls these packets incorrect.
    sniffed "-x -w $BATS_TEST_TMPDIR/file" "$CONVERSATION"
    [ "$(grep -ciE 'checksum|corrupt|incorrect|MALFORMED' <<<"$output")" -eq 0 ]
    command -v tcpdump >/dev/null || missing tcpdump
    tcpdump -nvr "$BATS_TEST_TMPDIR/file" 2>/dev/null | grep -q 'cksum .*incorrect'
}

@test "a connection that was there before: numbers begin at 1" {
    sniffed "-c 2" '
a = bytes.fromhex("450000290000000040060000 7f000001 7f000001")
def tcp(frm, to, seq, ack, flags):
    return a + struct.pack("!HHIIBBHHH", frm, to, seq, ack, 0x50, flags, 1, 0, 0) + b"x"
put(tcp(1000, 2000, 4294967295, 77, 0x10))
put(tcp(2000, 1000, 77, 0, 0x10))'
    diff - <(packets) <<END
127.0.0.1:1000 > 127.0.0.1:2000 TCP ACK seq 1 ack 1 len 1
127.0.0.1:2000 > 127.0.0.1:1000 TCP ACK seq 1 ack 2 len 1
END
}

@test "a port that is used again begins at 0 again; the last 512 connections are known" {
    sniffed "-c 611" '
def tcp(frm, to, seq, ack, flags):
    return bytes.fromhex("450000280000000040060000 7f000001 7f000001") + \
        struct.pack("!HHIIBBHHH", frm, to, seq, ack, 0x50, flags, 1, 0, 0)
for seq in 5000, 900000:
    put(tcp(1, 80, seq, 0, 2))
    put(tcp(80, 1, seq + 7, seq + 1, 0x12))
    put(tcp(1, 80, seq + 1, seq + 8, 0x10))
put(tcp(1, 80, 7777, 0, 2))
put(tcp(80, 1, 0, 7778, 0x14)) # refused
for port in range(1000, 1600):
    put(tcp(port, 80, port * 999, 0, 2))
    port % 20 or read_all()
for port in 1599, 1100, 1000: # the last one is forgotten
    put(tcp(port, 80, port * 999 + 6, 1, 0x10))'
    [ "$(packets | sed 's/.*TCP //' | sed -n 1,6p | sort | uniq -c | sed 's/^ *//')" = \
        $'2 ACK seq 1 ack 1 len 0\n2 SYN seq 0 len 0\n2 SYN+ACK seq 0 ack 1 len 0' ]
    [ "$(packets | grep -c ' SYN seq 0 len 0$')" -eq 603 ]
    [ "$(packets | grep RST)" = "127.0.0.1:80 > 127.0.0.1:1 TCP RST+ACK seq 0 ack 1 len 0" ]
    diff - <(packets | tail -n 3) <<'END'
127.0.0.1:1599 > 127.0.0.1:80 TCP ACK seq 6 ack 1 len 0
127.0.0.1:1100 > 127.0.0.1:80 TCP ACK seq 6 ack 1 len 0
127.0.0.1:1000 > 127.0.0.1:80 TCP ACK seq 1 ack 1 len 0
END
}

@test "UDP and ICMP, IPv4 and IPv6" {
    sniffed "" '
print("ports", udp(), udp("::1", socket.AF_INET6, data=b""))
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
    s.sendto(struct.pack("!BBHHH", 8, 0, 0xe0f8, 0x1234, 3) + b"abc", ("127.0.0.1", 0))
with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as s:
    s.sendto(struct.pack("!BBHHH", 128, 0, 0, 9, 2), ("::1", 0))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.sendto(b"12345", ("127.0.0.1", 9))'
    [ "$status" -eq 0 ]
    read -r _ v4 v6 <<<"$(grep '^ports ' <<<"$output")"
    for line in "127.0.0.1:$v4 > 127.0.0.1:9999 UDP len 5" "[::1]:$v6 > [::1]:9999 UDP len 0" \
        "127.0.0.1 > 127.0.0.1 ICMP echo request id 4660 seq 3 len 3" \
        "::1 > ::1 ICMPv6 echo request id 9 seq 2 len 0" \
        "::1 > ::1 ICMPv6 echo reply id 9 seq 2 len 0" \
        "127.0.0.1 > 127.0.0.1 ICMP unreachable, code 3 len 33"; do
        packets | grep -qxF "$line"
    done
}

@test "packets of every kind, sound and hostile, in words" {
    sniffed "-c 42" '
import glob
for name in sorted(glob.glob(sys.argv[1] + "/*")):
    with open(name, "rb") as file:
        packet = file.read()
    if packet: # in the order of their names
        put(packet, 0x86dd if packet[0] >> 4 == 6 else 0x0800)
' "$ROOT/raw_sniff/fuzz/corpus-packet"
    [ "$status" -eq 0 ]
    packets >"$BATS_TEST_TMPDIR/packets"
    diff "$ROOT/raw_sniff/tests/corpus-in-words" "$BATS_TEST_TMPDIR/packets"
}

@test "no byte outside of a packet is read" {
    cd "$ROOT/raw_sniff"
    cc -g -fsanitize=address,undefined -fno-sanitize-recover=all tests/prefixes.c fuzz/packet.c \
        packet.c print.c count.c -o "$BATS_TEST_TMPDIR/prefixes" || missing "the address sanitizer"
    run "$BATS_TEST_TMPDIR/prefixes" fuzz/corpus-packet/*
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${output% inputs}" -gt 2000 ]
}

@test "what is not IP is not shown" {
    sniffed "" '
put(bytes(28), 0x0806)
udp()'
    [ "$(packets | wc -l)" -eq 1 ]
}

@test "-c: so many packets that are shown, then it ends" {
    sniffed "-c 2 -p 7000" '
for port in 6000, 7000, 6001, 7000, 7000:
    udp(port=port)'
    [ "$status" -eq 0 ]
    [ "$(packets | grep -c ':7000 UDP len 5$')" -eq 2 ]
    [ "$(packets | wc -l)" -eq 2 ]
    [ "${lines[-1]}" = "2 packets shown" ]
}

@test "-p: to this port and from it, TCP and UDP, over IPv6 too" {
    sniffed "-p 8080" "udp(port=80)
udp(port=808)
udp('::1', socket.AF_INET6, port=8080)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(('127.0.0.1', 8080))
    s.sendto(b'', ('127.0.0.1', 9)) # the answer is ICMP, which has no ports
$CONVERSATION"
    [ "$(packets | grep -vc ':8080 ')" -eq 0 ]
    [ "$(packets | grep -c UDP)" -eq 2 ]
    packets | grep -q '> 127.0.0.1:8080 TCP SYN '
    packets | grep -q '^127.0.0.1:8080 > .* TCP SYN+ACK '
}

@test "-x: all bytes in hex, and as text without anything a terminal would obey" {
    sniffed "-x -c 1" '
put(bytes.fromhex("4500002d000000004011000001020304050607080035003600190000") + b"AB\x1b[2J~\x7f\x80\xff z\n\t\0\xc2\x9b")'
    diff - <(sed -n 3,5p <<<"$output") <<'END'
       0  45 00 00 2d 00 00 00 00 40 11 00 00 01 02 03 04  E..-....@.......
      16  05 06 07 08 00 35 00 36 00 19 00 00 41 42 1b 5b  .....5.6....AB.[
      32  32 4a 7e 7f 80 ff 20 7a 0a 09 00 c2 9b           2J~... z.....
END
    [ "$(grep -c $'\033' <<<"$output")" -eq 0 ]
}

@test "-w: a file that tcpdump reads, with the packets that were shown" {
    command -v tcpdump >/dev/null || missing tcpdump
    file=$BATS_TEST_TMPDIR/file.pcap
    sniffed "-p 8080 -w $file" "udp()
udp('::1', socket.AF_INET6, port=8080, data=b'six')
$CONVERSATION"
    [ "$status" -eq 0 ]
    run --separate-stderr tcpdump -nr "$file"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -gt 6 ]
    grep -qE '^[0-9:.]+ IP6 ::1\.[0-9]+ > ::1\.8080: UDP, length 3$' <<<"$output"
    grep -qE ' IP 127\.0\.0\.1\.[0-9]+ > 127\.0\.0\.1\.8080: Flags \[S\], seq' <<<"$output"
    grep -qE ' > 127\.0\.0\.1\.8080: Flags \[P\.\], seq 1:6, ack 1, .* length 5' <<<"$output"
    grep -qE ' IP 127\.0\.0\.1\.8080 > .* Flags \[F\.\], seq 11, ack 7, .* length 0' <<<"$output"
    # The times are those of the clock on the wall.
    then=$(tcpdump -ttnr "$file" 2>/dev/null | sed -n '1s/\..*//p')
    ((EPOCHSECONDS - then < 60 && then <= EPOCHSECONDS))
}

@test "-w: each packet is in the file at once, and the largest one whole" {
    command -v tcpdump >/dev/null || missing tcpdump
    file=$BATS_TEST_TMPDIR/file.pcap
    sniffed "-c 2 -w $file" '
udp(data=bytes(65507))
end = time.monotonic() + 10
while os.path.getsize(sys.argv[1]) < 65535 and time.monotonic() < end:
    time.sleep(0.01)
print("size", os.path.getsize(sys.argv[1]))
udp()' "$file"
    grep -qx "size $((24 + 16 + 65535))" <<<"$output"
    packets | grep -q ' UDP len 65507$'
    run --separate-stderr tcpdump -nr "$file"
    [[ ${lines[0]} = *"UDP, length 65507" && ${#lines[@]} -eq 2 ]]
}

@test "a file that cannot be written is an error" {
    sniffed "-w /dev/full" 'udp()'
    [ "$status" -eq 1 ]
    [ "$output" = "raw_sniff: write to /dev/full: No space left on device (ENOSPC)" ]
    sniffed "-w $BATS_TEST_TMPDIR/none/file" 'udp()'
    [ "$status" -eq 1 ]
    [ "$output" = "raw_sniff: open $BATS_TEST_TMPDIR/none/file: No such file or directory (ENOENT)" ]
}

@test "-i: that interface only; the default is all" {
    two='
subprocess.run("ip link add one type veth peer name two && ip addr add 10.1.1.1/24 dev one &&"
    "ip link set one up && ip link set two up", shell=True, check=True)'
    send='
udp()
with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as s:
    s.sendto(bytes.fromhex("4500001d000000004011000001020304050607080035003600090000 41"),
        ("one", 0x0800, 0, 0, bytes([255] * 6)))'
    # On its way out of one end and into the other: two packets on two interfaces.
    sniffed "-p 53" "$two$send"
    [ "$(packets)" = $'1.2.3.4:53 > 5.6.7.8:54 UDP len 1\n1.2.3.4:53 > 5.6.7.8:54 UDP len 1' ]
    sniffed "-i lo" "$two$send"
    [ "${lines[0]}" = "listening on lo" ]
    packets | grep -q ':9999 UDP'
    [ "$(packets | grep -c '1\.2\.3\.4')" -eq 0 ]
}

@test "an interface that is not there, and one that goes away" {
    run "$SNIFF" -i nonesuch
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "raw_sniff: interface nonesuch: No such device (ENODEV)" ]
    [[ ${lines[1]} = "hint: "* ]]
    sniffed "-i lo -c 9" 'subprocess.run(["ip", "link", "set", "lo", "down"])'
    [ "$status" -eq 1 ]
    [ "${lines[1]}" = "raw_sniff: recvmsg: Network is down (ENETDOWN)" ]
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
    [ "${lines[-1]}" = "50 packets shown" ]
    # A flood that never ends: there is always one more packet, and be it an empty one.
    command -v strace >/dev/null || missing strace
    # shellcheck disable=SC2016 # for the shell inside
    alone bash -c '
        timeout -k 10 20 strace -D -o /dev/null -e trace=recvmsg -e inject=recvmsg:retval=0 "$0" 2>"$1" &
        until grep -q "listening on" "$1"; do sleep 0.01; done
        kill $!
        echo >/dev/udp/127.0.0.1/9
        wait $!' "$SNIFF" "$BATS_TEST_TMPDIR/flooded"
    [ "$status" -eq 0 ]
    grep -qx '0 packets shown' "$BATS_TEST_TMPDIR/flooded"
}

@test "packets for which there was no room are counted" {
    sniffed "" '
sniffer.send_signal(signal.SIGSTOP)
for i in range(40):
    udp(data=bytes(60000))
sniffer.send_signal(signal.SIGTERM)
sniffer.send_signal(signal.SIGCONT)'
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} =~ ^([0-9]+)\ packets?\ shown,\ ([0-9]+)\ missed: ]]
    shown=${BASH_REMATCH[1]} missed=${BASH_REMATCH[2]}
    [ "$shown" -eq "$(packets | wc -l)" ]
    # The lost ones were of both directions.
    ((missed > 0 && shown + missed >= 40 && 2 * shown + missed <= 81))
}

@test "a reader that walks away ends it" {
    # shellcheck disable=SC2016 # for the shell inside
    alone bash -c '
        "$0" -c 1000000 2>"$1" | head -n 1 &
        until grep -q "listening on" "$1"; do sleep 0.01; done
        while kill -0 $! 2>/dev/null; do (echo >/dev/udp/127.0.0.1/9) 2>/dev/null; done
        for ((i = 0; i < 500; i++)); do
            (echo >/dev/udp/127.0.0.1/9) 2>/dev/null
            grep -q "(EPIPE)" "$1" && break
            sleep 0.02
        done
        cat "$1"' "$SNIFF" "$BATS_TEST_TMPDIR/errors"
    [[ ${lines[-1]} = "raw_sniff: write to standard output: "*"(EPIPE)" ]]
}

@test "without privilege: what is missing, and three ways out" {
    run "${POWERLESS[@]}" "$SNIFF"
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "raw_sniff: socket AF_PACKET: Operation not permitted (EPERM)" ]
    [[ ${lines[1]} = "hint: "*"sudo raw_sniff/raw_sniff" ]]
    [[ ${lines[2]} = "hint: "*"sudo setcap cap_net_raw+ep raw_sniff/raw_sniff" ]]
    [[ ${lines[3]} = "hint: "*"make demo-sniff" ]]
    # It has not touched the file.
    run "${POWERLESS[@]}" "$SNIFF" -w "$BATS_TEST_TMPDIR/file"
    [ ! -e "$BATS_TEST_TMPDIR/file" ]
}

@test "the privilege is given up before the first packet" {
    sniffed "" '
with open(f"/proc/{sniffer.pid}/status") as file:
    print(*(line for line in file if line.startswith("Cap")), sep="")'
    grep -qE '^CapEff:\s+0+$' <<<"$output"
    grep -qE '^CapPrm:\s+0+$' <<<"$output"
}

@test "each wrong option is named" {
    refuses() {
        # shellcheck disable=SC2086 # words, not one argument
        run --separate-stderr "$SNIFF" $1
        # shellcheck disable=SC2154 # set by run
        [ "$status" -eq 2 ] && [ -z "$output" ] && [ "${stderr_lines[0]}" = "raw_sniff: $2" ] &&
            [[ ${stderr_lines[1]} = 'usage: raw_sniff '* ]]
    }
    refuses "-c 0" "COUNT '0' is not a number from 1 to 1000000000"
    refuses "-c abc" "COUNT 'abc' is not a number from 1 to 1000000000"
    refuses "-p 0" "PORT '0' is not a number from 1 to 65535"
    refuses "-p 65536" "PORT '65536' is not a number from 1 to 65535"
    refuses "-p +80" "PORT '+80' is not a number from 1 to 65535"
    refuses "-i" "option -i needs a value"
    refuses "-w" "option -w needs a value"
    refuses "lo" "'lo' is too much"
}

@test "make demo-sniff shows a conversation by itself, many times at once" {
    "$ROOT/scripts/sandbox" true 2>/dev/null || missing "a private network"
    local pids=() i
    for i in {1..5}; do
        timeout 30 make -s -C "$ROOT" demo-sniff >"$BATS_TEST_TMPDIR/$i" 2>&1 3>&- </dev/null &
        pids+=("$!")
    done
    for i in {1..5}; do
        wait "${pids[i - 1]}"
        for what in 'SYN seq 0 len 0' 'SYN+ACK seq 0 ack 1 len 0' 'PSH+ACK seq 1 ack 1 len 5' \
            'PSH+ACK seq 1 ack 6 len 5' 'FIN+ACK seq 6 ack 6 len 0' 'FIN+ACK seq 6 ack 7 len 0'; do
            grep -qF " TCP $what" "$BATS_TEST_TMPDIR/$i"
        done
        tail -n 1 "$BATS_TEST_TMPDIR/$i" | grep -qE '^[0-9]+ packets shown$'
        [ "$(grep -cE '.{81}' "$BATS_TEST_TMPDIR/$i")" -eq 0 ]
    done
}
