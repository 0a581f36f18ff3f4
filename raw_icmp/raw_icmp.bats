load ../scripts/bats_helper

PING=$ROOT/raw_icmp/raw_icmp
TOOLS=$ROOT/raw_icmp/tests

# behind_a_router COMMAND...: like alone, see tests/behind-a-router.
behind_a_router() {
    run timeout 30 "$TOOLS/behind-a-router" "$@" 3>&-
    echo "$output"
    [ "$status" -ne 125 ] || missing "network namespaces joined by veth"
}

# start_alone OPTIONS...: ping in the background, in a private network. Sets PID, LOG.
start_alone() {
    alone true
    LOG=$BATS_TEST_TMPDIR/ping.${#PIDS[@]}.log
    "$ROOT/scripts/sandbox" "$PING" "$@" >"$LOG" 2>&1 3>&- &
    PID=$!
    PIDS+=("$PID")
}

# For sh -c: run the program that is $0 with the words of each argument in turn, and
# print its status.
# shellcheck disable=SC2016 # for the shell inside
EACH='for words; do "$0" $words; echo "status $?"; done'

# forged SCENARIO OPTIONS...: ping 127.0.0.1 (::1 for a v6_ scenario), where
# answers come as tests/forge.py has them; standard output and error together.
forged() {
    local host=127.0.0.1
    [[ $1 = v6_* ]] && host=::1
    alone "$TOOLS/forge.py" "$1" "$PING" "${@:2}" "$host"
}

# routed "OPTIONS"...: a ping for each, from behind a router.
routed() {
    behind_a_router sh -c "$EACH" "$PING" "$@"
}

# The options that take every capability from a command, root's too.
POWERLESS=(setpriv --bounding-set=-all --inh-caps=-all)

# says LINE...: each is a line of the output, where # is any number.
says() {
    local line
    for line in "$@"; do
        sed -E 's/[0-9]+(\.[0-9]+)? ms/# ms/g; s/time [0-9]+ms/time #ms/' <<<"$output" | grep -qxF -- "$line" || {
            echo "this line is missing: $line"
            return 1
        }
    done
}

# lacks PATTERN: no line of the output matches it.
lacks() {
    if grep -nE -e "$1" <<<"$output"; then
        echo "no line was to match: $1"
        return 1
    fi
}

# parsed [-p] KIND HEX...: what the parser says about these bytes, under sanitizers
# where the compiler has them.
parsed() {
    local parse=$BATS_FILE_TMPDIR/parse
    local sources=("$TOOLS/parse.c" "$ROOT"/raw_icmp/{packet,words,show}.c)
    if [ ! -e "$parse" ]; then
        cc -g -fsanitize=address,undefined -fno-sanitize-recover=all "${sources[@]}" \
            -o "$parse.$BATS_TEST_NUMBER" 2>/dev/null ||
            cc "${sources[@]}" -o "$parse.$BATS_TEST_NUMBER"
        mv "$parse.$BATS_TEST_NUMBER" "$parse"
    fi
    run "$parse" "$@"
    echo "$output"
    [ "$status" -eq 0 ]
}

# refuses "ARGUMENTS" MESSAGE: wrong use, in these words.
refuses() {
    # shellcheck disable=SC2086 # words, not one argument
    run --separate-stderr "$PING" $1
    # shellcheck disable=SC2154 # set by run
    [ "$status" -eq 2 ] && [ -z "$output" ] && [ "${stderr_lines[0]}" = "raw_icmp: $2" ] &&
        [[ ${stderr_lines[1]} = 'usage: raw_icmp '* ]] || {
        echo "$1: status $status, $stderr"
        return 1
    }
}

# ---- As ping prints it ----

# same_as_ping "OPTIONS"... (in the network of "${WHERE[@]}"): the same lines and
# status as iputils ping, where times are any number and versions differ in a blank
# after the name.
same_as_ping() {
    local program
    command -v ping >/dev/null || missing "ping (iputils-ping)"
    for program in "$PING" ping; do
        "${WHERE[@]}" sh -c "$EACH" "$program" "$@"
        sed -E '/^hint: /d; s/[0-9]+(\.[0-9]+)? ms/# ms/; s/time [0-9]+ms/time #ms/
            s/([0-9.]+\/){3}[0-9.]+ ms/# ms/; s/= [0-9./]+# ms/= # ms/; s/, pipe [0-9]+//
            s/^(PING [^ (]*) ?\(/\1 (/' <<<"$output" >"$BATS_TEST_TMPDIR/${program##*/}"
    done
    diff "$BATS_TEST_TMPDIR/raw_icmp" "$BATS_TEST_TMPDIR/ping"
}

@test "lines, statistics and status are those of iputils ping" {
    WHERE=(alone)
    same_as_ping "-c 2 -i 0.2 127.0.0.1" "-c 2 -i 0.2 -q 127.0.0.1" "-c 1 -s 65507 127.0.0.1" \
        "-c 1 -s 17 -t 7 127.0.0.1" "-4 -c 1 localhost" "-6 -c 2 -i 0.2 ::1"
}

@test "when nobody answers, too" {
    WHERE=(alone "$TOOLS/forge.py" silence)
    same_as_ping "-c 2 -i 0.01 -W 0.1 127.0.0.1"
    grep -qx 'status 1' <<<"$output"
}

@test "times have as many digits as those of ping: three that say something" {
    local interval
    for interval in 0.15 0.02; do
        # The first reply comes after the second request: it takes that long.
        forged late -c 2 -i "$interval"
        grep -qE '^64 bytes .* icmp_seq=1 ttl=64 time=([1-9][0-9]\.[0-9]|[1-9][0-9]{2,}) ms$' <<<"$output"
        [ "$interval" != 0.15 ] || grep -qE ' icmp_seq=1 ttl=64 time=[0-9]+ ms$' <<<"$output"
        grep -qE ' icmp_seq=2 ttl=64 time=(0\.[0-9]{3}|[1-9]\.[0-9]{2}|[1-9][0-9]\.[0-9]|[1-9][0-9]{2,}) ms$' <<<"$output"
    done
}

@test "behind a router, errors read as those of iputils ping" {
    WHERE=(behind_a_router)
    same_as_ping "-c 1 -t 1 10.0.2.1" "-c 1 10.0.2.1" "-c 1 10.0.7.1" "-c 1 10.0.9.1" "-c 1 fd00:2::1" \
        "-c 1 -t 1 fd00:2::1" "-c 1 fd00:7::1" "-c 1 fd00:8::1"
    [ "$(grep -c '^From' <<<"$output")" -eq 6 ]
}

@test "each wrong option and operand is named" {
    refuses "-c 0 h" "COUNT '0' is not a number from 1 to 1000000000"
    refuses "-c abc h" "COUNT 'abc' is not a number from 1 to 1000000000"
    refuses "-s 65508 h" "BYTES '65508' is not a number from 0 to 65507"
    refuses "-s -1 h" "BYTES '-1' is not a number from 0 to 65507"
    refuses "-t 256 h" "TTL '256' is not a number from 1 to 255"
    refuses "-t 0 h" "TTL '0' is not a number from 1 to 255"
    local option seconds
    for option in -i -W -w; do
        for seconds in abc 0 -1 1e3 0x1 1. .5 1.5s 86401 nan 1.2.3; do
            refuses "$option $seconds h" "SECONDS '$seconds' is not a number from 0.002 to 86400"
        done
    done
    refuses "-c" "option -c needs a value"
    refuses "" "which HOST?"
    refuses "h x" "'x' is too much"
    refuses "-4 -6 h" "-4 and -6 exclude each other"
}

@test "a host that is not one is named, status 2" {
    alone --separate-stderr "$PING" no-such-host.invalid
    [ "$status" -eq 2 ]
    [[ $stderr = "raw_icmp: look up no-such-host.invalid: "*"(EAI_"* ]]
    alone --separate-stderr "$PING" -4 ::1
    [ "$status" -eq 2 ]
    [[ $stderr = "raw_icmp: look up ::1: "* ]]
    for host in 0.0.0.0 224.0.0.1 :: ff02::1; do
        alone --separate-stderr "$PING" "$host"
        [ "$status" -eq 2 ]
        [[ $stderr = "raw_icmp: $host is not the address of one host: "* ]]
    done
    alone --separate-stderr "$PING" 10.9.9.9
    [ "$status" -eq 2 ]
    [[ $stderr = "raw_icmp: sendto 10.9.9.9: "*"(ENETUNREACH)"* ]]
}

@test "Ctrl-C ends it with the statistics, status 0 as replies came" {
    start_alone -i 0.01 127.0.0.1
    wait_for 'icmp_seq=3'
    kill -TERM "$PID" # bash lets background processes ignore SIGINT
    ended "$PID"
    tail -n 2 "$LOG" | grep -q ', 0% packet loss, time [0-9]*ms$'
}

@test "-w ends it when the time is over, -c 2 -w goes on until 2 came" {
    forged silence -w 0.1 -i 0.02
    [ "$status" -eq 1 ]
    [[ $output =~ ([0-9]+)\ packets\ transmitted ]]
    [ "${BASH_REMATCH[1]}" -le 6 ]
    forged only_first -c 2 -w 0.1 -i 0.02
    [ "$status" -eq 1 ] # one came, but not all that were asked for
    grep -q ' packets transmitted, 1 received, ' <<<"$output"
    forged late -c 2 -w 20 -i 0.1 -W 0.05
    [ "$status" -eq 0 ]
    [[ $output =~ ([0-9]+)\ packets\ transmitted,\ 2\ received ]]
    [ "${BASH_REMATCH[1]}" -ge 3 ]
}

@test "a reader who goes away ends it" {
    # shellcheck disable=SC2016 # for the shell inside
    alone bash -c '"$0" -i 0.01 127.0.0.1 | head -n 1; echo "status ${PIPESTATUS[0]}"' "$PING"
    says "PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data." "status 1"
    [[ $output = *"write to standard output: "*"(EPIPE)"* ]]
}

@test "ten at once keep their replies apart" {
    # shellcheck disable=SC2016 # for the shell inside
    alone bash -c '
        for i in {1..10}; do
            "$0" -c 5 -i 0.01 127.0.0.1 >"$1/$i" 2>&1 & pids+=($!)
        done
        for pid in "${pids[@]}"; do wait "$pid" || exit; done' "$PING" "$BATS_TEST_TMPDIR"
    [ "$status" -eq 0 ]
    local i
    for i in {1..10}; do
        grep -q '^5 packets transmitted, 5 received, 0% packet loss' "$BATS_TEST_TMPDIR/$i"
        [ "$(wc -l <"$BATS_TEST_TMPDIR/$i")" -eq 10 ]
    done
}

# ---- Taken apart ----

@test "-v shows each field of IP and ICMP behind its bytes" {
    alone "$PING" -c 1 -v 127.0.0.1
    # Our own request, which lo brings back to us, and then the reply.
    [ "$(grep -c '^  IP header, 20 bytes:$' <<<"$output")" -eq 2 ]
    says "64 bytes from 127.0.0.1: type 8, our own request on its way" \
        "    45           version 4, header length 5 * 4" \
        "    00 54        total length 84" \
        "    01           protocol 1, ICMP" \
        "    7f 00 00 01  from 127.0.0.1" \
        "    08           type 8, echo request" \
        "    00           type 0, echo reply" \
        "    00 01        sequence number 1" \
        "    30 31 32 33 34 35 36 37                          01234567"
    lacks WRONG
    lacks '.{81}'
}

@test "with IPv6 there is no IP header to show" {
    alone "$PING" -c 1 -v ::1
    says "PING ::1 (::1) 56 data bytes" "64 bytes from ::1: type 128, our own request on its way" \
        "    81           type 129, echo reply"
    lacks "IP header"
}

@test "the time is from the kernel's stamp, not from when we were woken" {
    command -v strace >/dev/null || missing strace
    # We oversleep each reply by 300 ms. (Not the first one: the kernel begins to
    # stamp packets a moment after somebody has asked for it.)
    alone strace -o /dev/null -e trace=ppoll -e inject=ppoll:delay_enter=300000 \
        "$PING" -c 3 -i 0.05 127.0.0.1
    [[ $output =~ icmp_seq=3\ ttl=64\ time=([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -lt 250 ]
}

# ---- Hostile answers: reported, not counted, and the good one still counts ----

@test "a reply with a bad checksum is corrupt" {
    forged bad_checksum -c 1
    says "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=# ms (BAD CHECKSUM!)" \
        "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=# ms" \
        "1 packets transmitted, 1 received, +1 corrupted, 0% packet loss, time #ms"
}

@test "a reply to a sequence number never sent is a stranger's" {
    forged never_sent -c 1
    says "64 bytes from 127.0.0.1: icmp_seq=1001 ttl=64 (NEVER SENT!)" \
        "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=# ms" \
        "1 packets transmitted, 1 received, +1 strangers, 0% packet loss, time #ms"
}

@test "a reply from another address is a stranger's" {
    forged other_source -c 1
    says "64 bytes from 127.0.0.2: icmp_seq=1 ttl=64 time=# ms (DIFFERENT ADDRESS!)" \
        "1 packets transmitted, 1 received, +1 strangers, 0% packet loss, time #ms"
}

@test "a reply to another ping is nobody's business" {
    forged other_id -c 1
    [ "$(grep -c 'bytes from' <<<"$output")" -eq 1 ]
    says "1 packets transmitted, 1 received, 0% packet loss, time #ms"
}

@test "a reply that is cut within its header is no reply" {
    forged cut_header -c 1
    [ "$(grep -c 'bytes from' <<<"$output")" -eq 1 ]
    says "1 packets transmitted, 1 received, 0% packet loss, time #ms"
}

@test "a reply with less data is called truncated, as ping does; more is wrong" {
    forged cut_data -c 1
    says "19 bytes from 127.0.0.1: icmp_seq=1 ttl=64 (truncated)"
    forged too_long -c 1
    says "65 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=# ms (WRONG DATA!)" \
        "1 packets transmitted, 1 received, +1 corrupted, 0% packet loss, time #ms"
}

@test "40 bytes of IP options change nothing" {
    for scenario in options_40 record_route; do
        forged "$scenario" -c 1 -v
        says "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=# ms" "  IP header, 60 bytes:" \
            "  IP options, 40 bytes:" "1 packets transmitted, 1 received, 0% packet loss, time #ms"
    done
}

@test "of three replies to one request, two are duplicates" {
    forged duplicate -c 2 -i 0.05
    [ "$(grep -c '(DUP!)$' <<<"$output")" -ge 2 ]
    grep -qE '^2 packets transmitted, 2 received, \+[234] duplicates, 0% packet loss' <<<"$output"
}

@test "a tampered time stamp in the data fools nobody" {
    forged tampered_time -c 1
    says "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=# ms (WRONG DATA!)" \
        "1 packets transmitted, 1 received, +1 corrupted, 0% packet loss, time #ms"
}

@test "a reply that took longer than -W is late" {
    forged late -c 2 -i 0.1 -W 0.05
    says "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=# ms (LATE!)"
    grep -q ', +[12] late, ' <<<"$output"
    lacks ' 2 received'
}

@test "an error that claims ihl 15, or is cut anywhere, is ignored" {
    for scenario in quoted_ihl_15 cut_quote v6_other_quoted; do
        forged "$scenario" -c 1
        lacks '^From'
        says "1 packets transmitted, 1 received, 0% packet loss, time #ms"
    done
}

@test "an error that quotes somebody else's packet is ignored" {
    forged other_quoted -c 1
    lacks '^From'
    says "1 packets transmitted, 1 received, 0% packet loss, time #ms"
}

@test "an error about a request never sent, or a corrupt one, does not count" {
    forged quoted_never_sent -c 1
    says "From 127.0.0.2 icmp_seq=1001 Time to live exceeded (NEVER SENT!)" \
        "1 packets transmitted, 1 received, +1 strangers, 0% packet loss, time #ms"
    forged error_bad_checksum -c 1
    says "From 127.0.0.2 icmp_seq=1 Time to live exceeded (BAD CHECKSUM!)" \
        "1 packets transmitted, 1 received, +1 corrupted, 0% packet loss, time #ms"
}

@test "each request has one outcome: what comes after it is a duplicate" {
    forged error_after_reply -c 2 -i 0.05
    says "From 127.0.0.2 icmp_seq=1 Time to live exceeded (DUP!)"
    grep -qE '^2 packets transmitted, 2 received, \+[12] duplicates, 0%' <<<"$output"
    forged reply_after_error -c 2 -i 0.05
    says "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=# ms (DUP!)"
    grep -qE '^2 packets transmitted, 0 received, \+[12] duplicates, \+2 errors, 100%' <<<"$output"
    [ "$status" -eq 1 ]
}

@test "each kind of error about our request is told in words" {
    forged every_error -c 22 -i 0.002
    says "From 127.0.0.2 icmp_seq=1 Destination Net Unreachable" \
        "From 127.0.0.2 icmp_seq=2 Destination Host Unreachable" \
        "From 127.0.0.2 icmp_seq=4 Destination Port Unreachable" \
        "From 127.0.0.2 icmp_seq=5 Frag needed and DF set (mtu = 1280)" \
        "From 127.0.0.2 icmp_seq=14 Packet filtered" \
        "From 127.0.0.2 icmp_seq=17 Dest Unreachable, Bad Code: 16" \
        "From 127.0.0.2 icmp_seq=18 Source Quench" \
        "From 127.0.0.2 icmp_seq=19 Time to live exceeded" \
        "From 127.0.0.2 icmp_seq=20 Frag reassembly time exceeded" \
        "From 127.0.0.2 icmp_seq=21 Time exceeded, Bad Code: 9" \
        "From 127.0.0.2 icmp_seq=22 Parameter problem: pointer = 20" \
        "hint: a firewall on the way forbids it"
    lacks '.{81}'
    grep -q '^22 packets transmitted, 1 received, +21 errors' <<<"$output"
    forged redirect -c 1
    says "From 127.0.0.2 icmp_seq=1 Redirect Host(New nexthop: 127.0.0.9)" \
        "1 packets transmitted, 1 received, 0% packet loss, time #ms"
    forged error_quoting_options -c 1 -v
    says "From 127.0.0.2 icmp_seq=1 Time to live exceeded" "  quoted: IP header, 60 bytes:"
}

@test "a flood does not keep it from its work" {
    forged flood -c 1 -q # as many as the socket's buffer surely holds
    says "1 packets transmitted, 1 received, +120 strangers, 0% packet loss, time #ms"
    # One that never ends: there is always one more packet, and be it an empty one.
    command -v strace >/dev/null || missing strace
    alone timeout -k 1 10 strace -D -o /dev/null -e trace=recvmsg -e inject=recvmsg:retval=0 \
        "$PING" -c 3 -i 0.05 -W 0.2 -q 127.0.0.1 2>/dev/null
    [ "$status" -eq 1 ]
    grep -q '^3 packets transmitted, 0 received, 100% packet loss' <<<"$output"
}

@test "IPv6: strangers, cut, wrong and double replies" {
    forged v6_hostile -c 1
    says "64 bytes from ::2: icmp_seq=1 ttl=64 time=# ms (DIFFERENT ADDRESS!)" \
        "64 bytes from ::1: icmp_seq=1001 ttl=64 (NEVER SENT!)" \
        "From ::1: a packet of 7 bytes, cut off within the ICMP header" \
        "64 bytes from ::1: icmp_seq=1 ttl=64 time=# ms (WRONG DATA!)" \
        "64 bytes from ::1: icmp_seq=1 ttl=64 time=# ms"
    grep -q ' 1 received' <<<"$output"
}

@test "IPv6: each kind of error about our request is told in words" {
    forged v6_every_error -c 16 -i 0.002
    says "From ::2 icmp_seq=1 Destination unreachable: No route" \
        "From ::2 icmp_seq=4 Destination unreachable: Address unreachable" \
        "From ::2 icmp_seq=8 Destination unreachable: Unknown code 7" \
        "From ::2 icmp_seq=9 Packet too big: mtu=1280" \
        "From ::2 icmp_seq=10 Time exceeded: Hop limit" \
        "From ::2 icmp_seq=14 Parameter problem: Unknown header at 1280" \
        "16 packets transmitted, 0 received, +16 errors, 100% packet loss, time #ms"
    forged v6_quoted_fragment -c 1 -v
    says "From ::2 icmp_seq=1 Time exceeded: Hop limit" "  quoted: IPv6 header, 40 bytes:" \
        "  fragment header, 8 bytes:"
}

# ---- A real router ----

@test "a router answers when the TTL ends there" {
    routed "-c 1 -t 1 -v 10.0.2.1" "-c 1 -t 1 fd00:2::1" "-c 1 -t 2 10.0.2.1"
    [ "$(grep '^status' <<<"$output")" = $'status 1\nstatus 1\nstatus 0' ]
    says "From 10.0.1.254 icmp_seq=1 Time to live exceeded" "  quoted: ICMP header, 8 bytes:" \
        "    0a 00 02 01  to 10.0.2.1" \
        "hint: each router takes 1 off the TTL; here it came to 0: try a larger -t" \
        "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time #ms" \
        "From fd00:1::fe icmp_seq=1 Time exceeded: Hop limit" \
        "64 bytes from 10.0.2.1: icmp_seq=1 ttl=63 time=# ms"
}

@test "a router says that it knows no way, finds nobody, or may not" {
    routed "-c 1 10.0.7.1" "-c 1 10.0.9.1" "-c 1 10.0.8.1"
    says "From 10.0.1.254 icmp_seq=1 Destination Net Unreachable" \
        "From 10.0.1.254 icmp_seq=1 Destination Host Unreachable" \
        "From 10.0.1.254 icmp_seq=1 Packet filtered"
}

@test "too big for the next part of the way: an error, then in pieces" {
    routed "-c 5 -i 0.1 -s 1400 10.0.2.1" "-c 5 -i 0.1 -s 1400 fd00:2::1"
    [ "$(grep '^status' <<<"$output")" = $'status 0\nstatus 0' ]
    says "From 10.0.1.254 icmp_seq=1 Frag needed and DF set (mtu = 1280)" \
        "From fd00:1::fe icmp_seq=1 Packet too big: mtu=1280"
    grep -q "^1408 bytes from 10.0.2.1: icmp_seq=" <<<"$output"
    grep -q "^1408 bytes from fd00:2::1: icmp_seq=" <<<"$output"
}

# ---- Privilege ----

@test "without any privilege: why, and the three ways out, status 2" {
    alone --separate-stderr "${POWERLESS[@]}" "$PING" -c 1 127.0.0.1
    [ "$status" -eq 2 ] && [ -z "$output" ]
    [ "${stderr_lines[0]}" = "raw_icmp: socket SOCK_RAW and SOCK_DGRAM: Permission denied (EACCES)" ]
    [[ ${stderr_lines[1]} = "hint: "*"sudo "* && ${stderr_lines[2]} = *"sudo setcap cap_net_raw+ep "* ]]
    [[ ${stderr_lines[3]} = *"make demo-icmp" ]]
}

# The same as EACH, without capabilities, but with ping_group_range open.
OPEN_DOOR='echo "0 0" >/proc/sys/net/ipv4/ping_group_range'
DGRAM=(sh -c "$OPEN_DOOR && exec ${POWERLESS[*]} sh -c '$EACH' \"\$0\" \"\$@\"" "$PING")

@test "SOCK_DGRAM where the system lets us: it says what is lost" {
    alone "${DGRAM[@]}" "-c 2 -i 0.05 -v 127.0.0.1" "-c 1 ::1"
    [ "$(grep '^status' <<<"$output")" = $'status 0\nstatus 0' ]
    says "raw_icmp: no privilege for SOCK_RAW, so SOCK_DGRAM:" \
        "64 bytes from 127.0.0.1: icmp_seq=2 ttl=64 time=# ms" \
        "    00           type 0, echo reply" \
        "2 packets transmitted, 2 received, 0% packet loss, time #ms" \
        "64 bytes from ::1: icmp_seq=1 ttl=64 time=# ms"
    lacks '^  IP header'
}

@test "SOCK_DGRAM gets errors too, from its error queue" {
    behind_a_router "${DGRAM[@]}" "-c 3 -i 0.01 -t 1 10.0.2.1" "-c 1 -s 1400 10.0.2.1" "-c 1 fd00:8::1"
    says "From 10.0.1.254 icmp_seq=3 Time to live exceeded" \
        "3 packets transmitted, 0 received, +3 errors, 100% packet loss, time #ms" \
        "From 10.0.1.254 icmp_seq=1 Frag needed and DF set (mtu = 1280)" \
        "From fd00:1::fe icmp_seq=1 Destination unreachable: Administratively prohibited"
}

@test "privilege is given up before the first byte from outside" {
    start_alone 127.0.0.1
    wait_for 'icmp_seq=1'
    grep -E '^Cap(In|Pr|Ef)' "/proc/$PID/status"
    [ "$(grep -cE '^Cap(In|Pr|Ef).:\s0+$' "/proc/$PID/status")" -eq 3 ]
}

@test "make demo-icmp needs neither privilege nor options" {
    alone true
    # shellcheck disable=SC2016 # for the shell inside
    run bash -c 'make -s -C "$0" demo-icmp & make -s -C "$0" demo-icmp HOST=::1; wait "$!"' "$ROOT"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^3 packets transmitted, 3 received, 0% packet loss' <<<"$output")" -eq 2 ]
    says "PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data." "PING ::1 (::1) 56 data bytes"
}

# ---- The parser, fed with bytes ----

REPLY="4500 0026 1267 0000 4001 0000 7f000001 7f000001  0000 5c4a 1092 0001 00010203 04050607 0809"

@test "parser: a captured request and reply" {
    # From a packet socket on lo, while iputils ping -c 1 -s 4 was running.
    parsed ipv4 4500 0020 3a1f 4000 4001 02bc 7f00 0001 7f00 0001 0800 b19d 445d 0001 0001 0203
    says "ECHO_REQUEST type=8 code=0 checksum=right id=17501 seq=1 data=4"
    parsed ipv4 4500 0020 3a20 0000 4001 42bb 7f00 0001 7f00 0001 0000 b99d 445d 0001 0001 0203
    says "ECHO_REPLY type=0 code=0 checksum=right id=17501 seq=1 data=4" \
        "    42 bb        header checksum, right"
    parsed icmp 0000 b99d 445d 0001 0001 0203
    says "checksum 0000" "ECHO_REPLY type=0 code=0 checksum=right id=17501 seq=1 data=4"
    parsed icmp 0000 b99d 445d 0001 0001 0204
    says "checksum fffe" "ECHO_REPLY type=0 code=0 checksum=wrong id=17501 seq=1 data=4"
    parsed icmpv6 8100 3824 448e 0001 0001 0203
    says "ECHO_REPLY type=129 code=0 checksum=right id=17550 seq=1 data=4"
}

@test "parser: captured errors, from routers" {
    parsed ipv4 45c0 003c 811a 0000 4001 e1e8 0a00 01fe 0a00 0101 0b00 f4ff 0000 0000 \
        4500 0020 5b5e 4000 0101 077e 0a00 0101 0a00 0201 0800 b0da 4520 0001 0001 0203
    says "ICMP_ERROR type=11 code=0 checksum=right id=0 seq=0 data=32" "error: Time to live exceeded" \
        "quotes id=17696 seq=1 host=10.0.2.1"
    parsed icmpv6 0300 c084 0000 0000 6009 a731 000c 3a01 \
        fd00 0001 0000 0000 0000 0000 0000 0001 fd00 0002 0000 0000 0000 0000 0000 0001 \
        8000 3e38 4575 0001 0001 0203
    says "error: Time exceeded: Hop limit" "quotes id=17781 seq=1 host=253.0.0.2" \
        "    00 00 00 00 00 00 00 01  fd00:2::1"
    parsed icmpv6 8700 f2dc 0000 0000 fd00 0001 0000 0000 0000 0000 0000 00fe 0101 82b8 49bb be4d
    says "OTHER type=135 code=0 checksum=right id=0 seq=0 data=24"
}

@test "parser: the checksum, of odd lengths too (RFC 1071's own example)" {
    parsed icmp 0001 f203 f4f5 f6f7
    says "checksum 220d"
    parsed icmp 0001 f203 f4f5 f6
    says "checksum 2304"
    parsed icmp ff
    says "checksum 00ff"
    parsed icmp
    says "checksum ffff" "flaw: cut off within the ICMP header"
}

@test "parser: a reply cut anywhere is a flaw, never a read beyond its end" {
    parsed -p ipv4 "$REPLY"
    [ "$(grep -c '^flaw: ' <<<"$output")" -eq 38 ]
    [ "$(grep -c '^ECHO_REPLY' <<<"$output")" -eq 1 ]
    [ "${lines[-1]}" = "ECHO_REPLY type=0 code=0 checksum=wrong id=4242 seq=1 data=10" ]
}

@test "parser: each false claim of the IP header is named" {
    local hex=${REPLY// /}
    parsed ipv4 "65${hex:2}"
    says "flaw: not of IP version 4"
    parsed ipv4 "44${hex:2}"
    says "flaw: its IP header claims to be shorter than 20 bytes"
    parsed ipv4 "4f${hex:2}"
    says "flaw: its IP header claims more bytes than there are"
    parsed ipv4 "45000027${hex:8}"
    says "flaw: its total length is not what arrived"
    parsed ipv4 "45000013${hex:8}"
    says "flaw: its total length is not what arrived"
    parsed ipv4 "${hex:0:12}2000${hex:16}"
    says "flaw: a fragment of a packet"
    parsed ipv4 "${hex:0:18}11${hex:20}"
    says "flaw: not ICMP"
    parsed ipv4 "45000022${hex:8}" # what is behind the packet is not part of it
    says "ECHO_REPLY type=0 code=0 checksum=wrong id=4242 seq=1 data=6"
}

@test "parser: an error quotes our request only if it is all there" {
    local head=0b00f4ff00000000 quote=45000054d2910000400100000a0001010a0002010800c8b830240001
    parsed icmp "$head$quote"
    says "quotes id=12324 seq=1 host=10.0.2.1" "error: Time to live exceeded"
    parsed -p icmp "$head$quote"
    [ "$(grep -c '^ICMP_ERROR' <<<"$output")" -eq 29 ] # the quote whole, or cut to 0 to 27 bytes
    [ "$(grep -c '^quotes' <<<"$output")" -eq 1 ]
    [[ ${lines[-1]} = quotes* ]]
    parsed icmp "${head}4f${quote:2}" # ihl 15, and 28 bytes
    lacks '^quotes'
    parsed icmp "${head}40${quote:2}" # ihl 0
    lacks '^quotes'
}
