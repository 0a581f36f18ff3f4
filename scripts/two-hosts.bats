# What scripts/two-hosts promises.
# bats file_tags=slow
load bats_helper

TWO_HOSTS=$ROOT/scripts/two-hosts

need_hosts() { # not by asking two-hosts: its faults must not become skips
    # shellcheck disable=SC2016 # for the shell inside
    unshare -Urmnp --fork --mount-proc sh -c '
        PATH=$PATH:/usr/sbin:/sbin; ip link add name a type veth peer name b' ||
        missing "network namespaces joined by veth"
}

# hosts WORDS...: two-hosts, bounded. (A loaded machine may need most of that.)
hosts() {
    timeout -k 2 90 "$TWO_HOSTS" "$@" 3>&-
}

nothing_left() { ! pgrep -af "$1"; } # PATTERN: no process matches

@test "left and right are two computers: each has its name and its address" {
    need_hosts
    [ "$(hosts ip -4 -br addr show scope global)" = "$(hosts left ip -4 -br addr show scope global)" ]
    [[ $(hosts left ip -4 -br addr show scope global) = *" 10.0.1.1/24 "* ]]
    [[ $(hosts right ip -4 -br addr show scope global) = *" 10.0.2.1/24 "* ]]
    [[ $(hosts right ip -6 -br addr show scope global) = *" fd00:2::1/64 "* ]]
    run hosts left getent ahostsv4 right
    [[ ${lines[0]} = "10.0.2.1 "* ]]
    if command -v hostname >/dev/null; then
        [ "$(hosts right hostname)" = right ]
        [ "$(hosts left hostname)" = left ]
    fi
}

@test "a server on right serves a client on left, with the client's own address" {
    need_hosts
    run hosts right "$ROOT/tcp_server/tcp_server" 0.0.0.0 8080 \
        + left sh -c "echo hello | '$ROOT/tcp_client/tcp_client' right 8080"
    [ "$status" -eq 0 ]
    grep -qx HELLO <<<"$output"
    grep -qE '^10\.0\.1\.1:[0-9]+ says "hello"' <<<"$output"
}

@test "the way leads through the router, over IPv6 too" {
    need_hosts
    # What left sends is on both cables of the router: its TTL, 1 less on the second.
    seen=$BATS_TEST_TMPDIR/seen
    run hosts router python3 -c '
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
s.settimeout(10)
seen = set()
while len(seen) < 4:
    packet, where = s.recvfrom(2000)
    protocol = packet[9 if packet[0] >> 4 == 4 else 6]
    if protocol == socket.IPPROTO_UDP and packet.endswith(b"to right"):
        ttl = packet[8] if packet[0] >> 4 == 4 else packet[7]
        seen.add((packet[0] >> 4, where[0], ttl))
with open(sys.argv[1], "w") as file:
    print(*sorted(seen), file=file)' "$seen" + left python3 -c '
import os, socket, sys, time
for family, host in ((socket.AF_INET, "10.0.2.1"), (socket.AF_INET6, "fd00:2::1")):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.connect((host, 9))
    s.send(b"to right")
    try:
        s.settimeout(10)
        s.recv(1) # nobody has that port, and right says so
    except ConnectionRefusedError:
        print("refused by", s.getpeername()[0])
end = time.monotonic() + 10
while time.monotonic() < end and not (os.path.exists(sys.argv[1]) and os.path.getsize(sys.argv[1])):
    time.sleep(0.02)' "$seen"
    echo "$output"
    [ "$status" -eq 0 ]
    grep -qx "refused by 10.0.2.1" <<<"$output"
    grep -qx "refused by fd00:2::1" <<<"$output"
    [ "$(<"$seen")" = "(4, 'left', 64) (4, 'right', 63) (6, 'left', 64) (6, 'right', 63)" ]
}

@test "a packet whose TTL is 1 ends at the router, which says so" {
    need_hosts
    run hosts left python3 -c '
import socket
icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
icmp.settimeout(10)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
udp.sendto(b"hello", (socket.gethostbyname("right"), 9))
packet, sender = icmp.recvfrom(2000)
print(sender[0], "type", packet[20], "code", packet[21])'
    [ "$output" = "10.0.1.254 type 11 code 0" ]
}

# bats test_tags=slow
@test "no such machine: a connected UDP socket hears what the router says only with IP_RECVERR" {
    need_hosts
    run hosts left python3 -c '
import socket
IP_RECVERR = 11
icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
icmp.settimeout(20)
for asks in 0, 1:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IP, IP_RECVERR, asks)
    udp.settimeout(1)
    udp.connect(("10.0.2.9", 9))
    udp.send(b"hello")
    packet, sender = icmp.recvfrom(2000)
    try:
        udp.recv(9)
    except OSError as error:
        print(sender[0], "type", packet[20], "code", packet[21], error)'
    [ "$output" = "10.0.1.254 type 3 code 1 timed out
10.0.1.254 type 3 code 1 [Errno 113] No route to host" ]
}

@test "there is no way to the network outside" {
    need_hosts
    [ "$(hosts left sh -c "ls /sys/class/net >/dev/null; ip -o link | wc -l")" -eq 2 ]
    inside=$(hosts readlink /proc/self/ns/net)
    [ -n "$inside" ] && [ "$inside" != "$(readlink /proc/self/ns/net)" ]
}

@test "without root" {
    need_hosts
    [ "$(id -u)" -ne 0 ] || as=(runuser -u nobody --)
    copy=$(mktemp -d /tmp/dialtone.XXXXXX)
    mkdir "$copy/scripts" && cp "$ROOT/scripts/"{two-hosts,sandbox} "$copy/scripts/" && chmod -R go+rX "$copy"
    run timeout 30 "${as[@]}" "$copy/scripts/two-hosts" right id -u 3>&-
    rm -r "$copy"
    [ "$status" -eq 0 ]
    [ "$output" = 0 ]
}

@test "the exit status is the command's, death by a signal too" {
    need_hosts
    run hosts right sh -c 'exit 7'
    [ "$status" -eq 7 ]
    # shellcheck disable=SC2016 # $$ is that of the inner shell
    run hosts sh -c 'kill -TERM $$'
    [ "$status" -eq 143 ]
    run hosts true
    [ "$status" -eq 0 ] && [ -z "$output" ]
}

@test "arguments, standard input, the folder and PATH arrive as they are" {
    need_hosts
    cd "$BATS_TEST_TMPDIR"
    # shellcheck disable=SC2016 # as above
    run hosts right sh -c 'cat; printf "[%s]" "$@"; echo; pwd; echo "$PATH"' sh 'a b' '' '*' + '+ x' <<<'input'
    [ "${lines[0]}" = input ]
    [ "${lines[1]}" = '[a b][][*][+][+ x]' ]
    [ "${lines[2]}" = "$BATS_TEST_TMPDIR" ]
    [ "${lines[3]}" = "$PATH" ]
}

@test "when the last command ends, the others and what they began are gone" {
    need_hosts
    unique=987654$$
    run hosts right sh -c "sleep $unique.1 & exec nc -l 9" + left sh -c "setsid sleep $unique.2 & exit 3"
    [ "$status" -eq 3 ]
    within 5 nothing_left "^sleep $unique"
}

@test "when it is killed, whichever way, nothing remains" {
    need_hosts
    for signal in TERM KILL HUP; do
        unique=987653$$$signal
        log=$BATS_TEST_TMPDIR/$signal
        "$TWO_HOSTS" right sh -c "echo up; exec python3 -c 'import time; time.sleep(60)' $unique" >"$log" 2>&1 3>&- &
        PIDS+=("$!")
        wait_for '^up$' "$log"
        kill -"$signal" "$!"
        within 5 nothing_left "$unique"
    done
}

@test "files in /tmp, mounts and names of hosts are left as they were" {
    need_hosts
    before=$(cat /etc/hosts /proc/self/mounts)
    mkdir "$BATS_TEST_TMPDIR/tmp"
    TMPDIR=$BATS_TEST_TMPDIR/tmp hosts grep -q right /etc/hosts
    [ "$(cat /etc/hosts /proc/self/mounts)" = "$before" ]
    [ -z "$(ls "$BATS_TEST_TMPDIR/tmp")" ]
}

@test "inside, two-hosts reaches the hosts that are there" {
    need_hosts
    # shellcheck disable=SC2016 # for the shell inside
    run hosts left sh -c '
        readlink /proc/self/ns/net
        "$0" right "$0" left readlink /proc/self/ns/net
        "$0" right ip -4 -br addr show scope global' "$TWO_HOSTS"
    [ "${lines[0]}" = "${lines[1]}" ]
    [[ ${lines[2]} = *" 10.0.2.1/24 "* ]]
}

@test "without a command: an explanation and a shell, which a second terminal can join" {
    need_hosts
    command -v script >/dev/null && [ -x /usr/bin/python3 ] || missing "python3"
    run timeout 50 /usr/bin/python3 - "$TWO_HOSTS" 3>&- <<'END'
import re, sys
import pexpect
first = pexpect.spawn(sys.argv[1], encoding="utf-8", timeout=10, dimensions=(24, 80))
first.expect(r"-j (\d+) right bash")
pid = first.match[1]
first.expect(r"left:.*# ")
first.sendline("sh -c 'echo it runs; exec sleep 60'")
first.expect(r"[\r\n]it runs\r")
first.sendintr()  # Ctrl-C is for what runs in the shell, not for the shell
first.expect(r"left:.*# ")
second = pexpect.spawn(sys.argv[1], ["-j", pid, "right", "bash", "--norc"], encoding="utf-8", timeout=10)
second.expect("# ")
second.sendline("ip -4 -br addr show scope global; pwd; echo end")
second.expect(r"\r\nend")
print(second.before)
first.sendline("exit 5")
first.expect(pexpect.EOF)
first.wait()
second.expect(pexpect.EOF)  # it went with the others
print("status", first.exitstatus)
END
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output = *" 10.0.2.1/24 "*"$PWD"* ]]
    grep -qx 'status 5' <<<"$output"
}

@test "many at once do not disturb each other" {
    need_hosts
    local pids=() i
    for i in {1..5}; do
        hosts right "$ROOT/tcp_server/tcp_server" 0.0.0.0 8080 \
            + left sh -c "echo run $i | '$ROOT/tcp_client/tcp_client' right 8080" >"$BATS_TEST_TMPDIR/$i" 2>&1 &
        pids+=("$!")
    done
    for i in {1..5}; do
        wait "${pids[i - 1]}"
        grep -qx "RUN $i" "$BATS_TEST_TMPDIR/$i"
    done
}

@test "where it is forbidden: 125, the reason, the ways out" {
    need_hosts
    powerless=(setpriv --bounding-set=-all --inh-caps=-all)
    # shellcheck disable=SC2016 # $@ is for the inner shell
    run unshare -Ur bash -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"' _ \
        "${powerless[@]}" "$TWO_HOSTS" echo it ran
    [ "$status" -eq 125 ]
    [[ $output = *'a network of its own: unshare: '*'hint: '*'sysctl -w user.max_user_namespaces='* ]]
    [[ $output != *'it ran'* ]]
    # Some of it is allowed, but no namespace for processes.
    # shellcheck disable=SC2016
    run unshare -Ur bash -c 'echo 0 >/proc/sys/user/max_pid_namespaces; exec "$@"' _ \
        "$TWO_HOSTS" echo it ran
    [ "$status" -eq 125 ]
    [[ ${lines[0]} = 'two-hosts: hosts of its own: unshare: '* && ${lines[1]} = 'hint: '* ]]
    [[ $output != *'it ran'* ]]
}

@test "where the cables cannot be had: 125 and the reason" {
    need_hosts
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\ncase "$*" in *veth*) echo "Unknown device type." >&2; exit 2 ;; esac\nexec %s "$@"\n' \
        "$(PATH=$PATH:/usr/sbin:/sbin command -v ip)" >"$BATS_TEST_TMPDIR/bin/ip"
    chmod +x "$BATS_TEST_TMPDIR/bin/ip"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run hosts echo it ran
    [ "$status" -eq 125 ]
    [ "${lines[0]}" = 'two-hosts: set up the hosts: Unknown device type.' ]
    [[ ${lines[1]} = 'hint: '* && $output != *'it ran'* ]]
}

@test "-h prints the usage on standard output" {
    run --separate-stderr "$TWO_HOSTS" -h
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [[ $output = 'usage: two-hosts '*Example:* ]]
}

@test "each wrong use is named: status 2; a command that is not there: 127" {
    refuses() { # MESSAGE WORDS...
        run "$TWO_HOSTS" "${@:2}"
        [ "$status" -eq 2 ] && [ "${lines[0]}" = "two-hosts: $1" ] && [[ ${lines[1]} = 'usage: two-hosts '* ]]
    }
    refuses 'unknown option -x' -x
    refuses 'option -j needs a value' -j
    refuses "PID 'x1' is not a number" -j x1 ls
    refuses 'which command?' -j 1
    refuses 'which command?' right
    refuses 'which command?' true + right
    run -127 "$TWO_HOSTS" right no-such-command
    [ "$output" = 'two-hosts: no-such-command: command not found' ]
    run "$TWO_HOSTS" -j "$$" ls
    [ "$status" -eq 1 ] && [ "$output" = "two-hosts: process $$ runs no two hosts" ]
}
