load ../scripts/bats_helper
# guess: icmp_seq=1001 ttl=64 (time|\(NEVER SENT!\))(?:.*?icmp_seq=1 ttl=64 (time))? -> time.*; \(NEVER SENT!\); \(NEVER SENT!\) time

PING=$ROOT/raw_icmp/raw_icmp
TOOLS=$ROOT/raw_icmp/tests

# For sh -c: run the program that is $0 with the words of each argument in turn, and
# print its status.
# shellcheck disable=SC2016 # for the shell inside
EACH='for words; do "$0" $words; echo "status $?"; done'

# forged SCENARIO OPTIONS...: ping 127.0.0.1, where answers come as tests/forge.py has
# them; standard output and error together.
forged() {
    alone "$TOOLS/forge.py" "$1" "$PING" "${@:2}" 127.0.0.1
}

# behind_a_router COMMAND...: like alone, see tests/behind-a-router.
behind_a_router() {
    run timeout 30 "$TOOLS/behind-a-router" "$@" 3>&-
    echo "$output"
    [ "$status" -ne 125 ] || missing "network namespaces joined by veth"
}

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

# refused SCENARIO LINE: the forgery is told in that line, and does not count; the
# good reply that follows it does.
refused() {
    forged "$1" -c 1
    says "$2" "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=# ms" \
        "1 packets transmitted, 1 received, 0% packet loss, time #ms"
    [ "$status" -eq 0 ]
}

# same_as_ping "OPTIONS"... (in the network of "${WHERE[@]}"): the same lines and
# status as iputils ping, but for times and its last line.
same_as_ping() {
    local program
    command -v ping >/dev/null || missing "ping (iputils-ping)"
    for program in "$PING" ping; do
        "${WHERE[@]}" sh -c "$EACH" "$program" "$@"
        sed -E '/^rtt /d; /^(pipe [0-9]+)?$/d; s/[0-9]+(\.[0-9]+)? ms/# ms/; s/time [0-9]+ms/time #ms/
            s/, pipe [0-9]+//' <<<"$output" >"$BATS_TEST_TMPDIR/${program##*/}"
    done
    diff "$BATS_TEST_TMPDIR/raw_icmp" "$BATS_TEST_TMPDIR/ping"
}

@test "lines and status are those of iputils ping" {
    WHERE=(alone)
    same_as_ping "-c 2 -i 0.2 127.0.0.1" "-c 1 -s 65507 127.0.0.1" "-c 1 -s 17 -t 7 127.0.0.1"
    WHERE=(alone "$TOOLS/forge.py" silence)
    same_as_ping "-c 2 -i 0.01 -W 0.1 127.0.0.1"
    grep -qx 'status 1' <<<"$output"
    WHERE=(behind_a_router)
    same_as_ping "-c 1 -t 1 10.0.2.1" "-c 1 10.0.2.1" "-c 1 10.0.7.1" "-c 1 10.0.8.1" "-c 1 10.0.9.1"
    [ "$(grep -c '^From' <<<"$output")" -eq 4 ]
}

@test "a reply that is forged is told from a good one" {
    refused bad_checksum "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 (BAD CHECKSUM!)"
    refused never_sent "64 bytes from 127.0.0.1: icmp_seq=1001 ttl=64 (NEVER SENT!)"
    refused other_source "64 bytes from 127.0.0.2: icmp_seq=1 ttl=64 (DIFFERENT ADDRESS!)"
    refused other_id "From 127.0.0.1: Echo reply, not for us"
    refused other_id_bad_checksum "From 127.0.0.1: Echo reply (BAD CHECKSUM!)"
    refused cut_data "19 bytes from 127.0.0.1: icmp_seq=1 ttl=64 (WRONG DATA!)"
    refused too_long "65 bytes from 127.0.0.1: icmp_seq=1 ttl=64 (WRONG DATA!)"
    refused tampered_time "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 (WRONG DATA!)"
    refused cut_header "PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data." # the kernel keeps those
    [ "${#lines[@]}" -eq 4 ]
    refused good "--- 127.0.0.1 ping statistics ---"
    refused only_first "--- 127.0.0.1 ping statistics ---"
}

@test "40 bytes of IP options change nothing" {
    refused options_40 "--- 127.0.0.1 ping statistics ---"
    refused record_route "--- 127.0.0.1 ping statistics ---"
}

@test "each request has one outcome: what comes after it is a duplicate" {
    forged duplicate -c 2 -i 0.05
    [ "$(grep -c '(DUP!)$' <<<"$output")" -ge 2 ]
    says "2 packets transmitted, 2 received, 0% packet loss, time #ms"
    forged error_after_reply -c 2 -i 0.05
    says "From 127.0.0.2 icmp_seq=1 Time to live exceeded (DUP!)" \
        "2 packets transmitted, 2 received, 0% packet loss, time #ms"
    forged reply_after_error -c 2 -i 0.05
    says "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 (DUP!)" \
        "2 packets transmitted, 0 received, +2 errors, 100% packet loss, time #ms"
    [ "$status" -eq 1 ]
}

@test "a reply that took longer than -W is late" {
    forged late -c 2 -i 0.1 -W 0.05
    says "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 (LATE!)" \
        "2 packets transmitted, 1 received, 50% packet loss, time #ms"
    forged late -c 2 -i 0.1 -W 5
    says "2 packets transmitted, 2 received, 0% packet loss, time #ms"
    forged good -c 1 -W 1000 # it does not wait when all is answered
    [ "$status" -eq 0 ]
    forged silence -c 1 -i 0.01 -W 0.5 # the last one, too, has that long
    [[ $output =~ time\ ([0-9]+)ms$ ]] && ((BASH_REMATCH[1] >= 500 && BASH_REMATCH[1] < 5000))
}

@test "without options: a second between two, two seconds for a reply, a TTL of 64" {
    command -v strace >/dev/null || missing strace
    forged silence -c 2
    [[ $output =~ time\ ([0-9]+)ms$ ]]
    ((BASH_REMATCH[1] >= 3000 && BASH_REMATCH[1] < 5000))
    forged good -c 2
    [[ $output =~ time\ ([0-9]+)ms$ ]]
    ((BASH_REMATCH[1] >= 1000 && BASH_REMATCH[1] < 3000))
    alone strace -e trace=setsockopt "$PING" -c 1
    grep -q 'IP_TTL, \[64\], 4) *= 0' <<<"$output"
}

@test "an error counts only if it quotes a request of ours, whole and outstanding" {
    refused quoted_ihl_15 "From 127.0.0.2: Time to live exceeded, not for us"
    refused cut_quote "From 127.0.0.2: Time to live exceeded, not for us"
    [ "$(grep -c ', not for us$' <<<"$output")" -eq 28 ]
    refused other_quoted "From 127.0.0.2: Time to live exceeded, not for us"
    [ "$(grep -c ', not for us$' <<<"$output")" -eq 8 ]
    refused quoted_never_sent "From 127.0.0.2 icmp_seq=1001 Time to live exceeded (NEVER SENT!)"
    refused error_bad_checksum "From 127.0.0.2 icmp_seq=1 Time to live exceeded (BAD CHECKSUM!)"
    refused redirect "From 127.0.0.2 icmp_seq=1 ICMP type 5, code 1"
    forged error_quoting_options -c 1
    says "From 127.0.0.2 icmp_seq=1 Time to live exceeded"
}

@test "what is no answer to us is told by its kind" {
    refused other_kinds "From 127.0.0.2: Echo request, not for us"
    says "From 127.0.0.2: Echo reply, not for us" "From 127.0.0.2: Destination Port Unreachable, not for us" \
        "From 127.0.0.2: Time to live exceeded, not for us" "From 127.0.0.2: ICMP type 10, code 0, not for us"
    [ "$(grep -c ', not for us$' <<<"$output")" -eq 5 ]
}

@test "each kind of error about our request is told in words or numbers" {
    forged every_error -c 22 -i 0.002
    says "From 127.0.0.2 icmp_seq=1 Destination Net Unreachable" \
        "From 127.0.0.2 icmp_seq=2 Destination Host Unreachable" \
        "From 127.0.0.2 icmp_seq=3 Destination Protocol Unreachable" \
        "From 127.0.0.2 icmp_seq=4 Destination Port Unreachable" \
        "From 127.0.0.2 icmp_seq=5 Frag needed and DF set (mtu = 1280)" \
        "From 127.0.0.2 icmp_seq=6 ICMP type 3, code 5" \
        "From 127.0.0.2 icmp_seq=14 Packet filtered" \
        "From 127.0.0.2 icmp_seq=17 ICMP type 3, code 16" \
        "From 127.0.0.2 icmp_seq=18 ICMP type 4, code 0" \
        "From 127.0.0.2 icmp_seq=19 Time to live exceeded" \
        "From 127.0.0.2 icmp_seq=20 ICMP type 11, code 1" \
        "From 127.0.0.2 icmp_seq=22 ICMP type 12, code 0"
    grep -q '^22 packets transmitted, 1 received, +21 errors' <<<"$output"
}

@test "TTL n passes n - 1 routers" {
    behind_a_router sh -c "$EACH" "$PING" "-c 1 -t 1 10.0.2.1" "-c 1 -t 2 10.0.2.1" "-c 1 -t 1 10.0.1.254"
    [ "$(grep '^status' <<<"$output")" = $'status 1\nstatus 0\nstatus 0' ]
    says "From 10.0.1.254 icmp_seq=1 Time to live exceeded" \
        "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time #ms" \
        "64 bytes from 10.0.2.1: icmp_seq=1 ttl=63 time=# ms"
}

@test "too big for the next part of the way: an error, then in pieces" {
    behind_a_router "$PING" -c 5 -i 0.1 -s 1400 10.0.2.1
    [ "$status" -eq 0 ]
    says "From 10.0.1.254 icmp_seq=1 Frag needed and DF set (mtu = 1280)"
    grep -q "^1408 bytes from 10.0.2.1: icmp_seq=" <<<"$output"
}

@test "neither a flood nor a tiny interval keeps it from its work" {
    forged flood -c 1
    [ "$(grep -c '(NEVER SENT!)$' <<<"$output")" -eq 120 ]
    says "1 packets transmitted, 1 received, 0% packet loss, time #ms"
    alone "$PING" -c 200 -i 0.002 127.0.0.1
    says "200 packets transmitted, 200 received, 0% packet loss, time #ms"
    # One that never ends: there is always one more packet, even if it is empty.
    command -v strace >/dev/null || missing strace
    alone timeout -k 1 10 strace -D -o /dev/null -e trace=recvfrom -e inject=recvfrom:retval=0 \
        "$PING" -c 3 -i 0.05 -W 0.2 127.0.0.1
    [ "$status" -eq 1 ]
    says "3 packets transmitted, 0 received, 100% packet loss, time #ms"
}

@test "Ctrl-C ends it at once with the statistics, at any interval" {
    local interval pid
    alone true
    for interval in 0.002 86400; do
        LOG=$BATS_TEST_TMPDIR/$interval
        "$ROOT/scripts/sandbox" "$PING" -i $interval 127.0.0.1 >"$LOG" 2>&1 3>&- &
        pid=$!
        PIDS+=("$pid")
        wait_for 'icmp_seq=1 '
        kill -INT "$pid"
        ended "$pid"
        tail -n 1 "$LOG" | grep -qE '^[0-9]+ packets transmitted, [0-9]+ received, .* packet loss, time [0-9]+ms$'
    done
}

@test "Ctrl-C ends it at once, also while its output is not read" {
    # shellcheck disable=SC2016 # for the shell inside
    alone timeout 20 bash -c '
        mkfifo "$1" && exec 4<>"$1"
        "$0" -i 0.002 >"$1" & ping=$!
        # Until it sleeps in its write.
        until grep -qs pipe /proc/$ping/wchan || grep -q "^1 0x1 " /proc/$ping/syscall; do sleep 0.02; done
        kill -INT $ping
        wait $ping' "$PING" "$BATS_TEST_TMPDIR/fifo"
    [ "$status" -eq 130 ]
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
        [ "$(grep -c '!)$' "$BATS_TEST_TMPDIR/$i")" -eq 0 ]
    done
}

@test "each wrong option and operand is named, status 2" {
    local args
    for args in "-c 0" "-c abc" "-s 65508" "-s -1" "-t 0" "-t 256" "-c 2.5" "-s 1." "-i 0" "-i 0x1" "-W 1e3" "-i nan" "-W 1.5s" "-i 1.2.3" "-c" "h x"; do
        # shellcheck disable=SC2086 # words, not one argument
        run --separate-stderr "$PING" $args
        # shellcheck disable=SC2154 # set by run
        [ "$status" -eq 2 ] && [ -z "$output" ] && [[ ${stderr_lines[0]} = "raw_icmp: '${args##* }' is "* ]] &&
            [[ ${stderr_lines[1]} = 'usage: raw_icmp '* ]] || {
            echo "$args: status $status, $stderr"
            return 1
        }
    done
}

@test "a host that does not exist, and one that cannot be reached, are named" {
    alone --separate-stderr "$PING" no-such-host.invalid
    [ "$status" -eq 1 ]
    [[ $stderr = "raw_icmp: look up no-such-host.invalid: "*"(EAI_"* ]]
    alone --separate-stderr "$PING" ::1
    [ "$status" -eq 1 ]
    [ "$stderr" = "raw_icmp: ::1 has no IPv4 address" ]
    alone --separate-stderr "$PING" -c 1 10.9.9.9
    [ "$status" -eq 1 ]
    [[ $stderr = "raw_icmp: sendto: "*"(ENETUNREACH)"* ]]
    alone "$PING" -c 1 localhost
    says "PING localhost (127.0.0.1) 56(84) bytes of data."
}

@test "without the right: what helps a user, and what helps root in a container" {
    public_copy raw_icmp
    run as_user "$COPY" -c 1
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "raw_icmp: socket SOCK_RAW: Operation not permitted (EPERM)" ]
    [[ ${lines[1]} = "hint: make demo-icmp, or sudo "* && ${lines[2]} = "hint: ping "*net.ipv4.ping_group_range* ]]
    alone setpriv --bounding-set=-all --inh-caps=-all "$PING" -c 1
    [ "$status" -eq 1 ]
    [[ ${lines[1]} = "hint: in a container: "*"--cap-add NET_RAW" && $output != *sudo* ]]
}

@test "under root it becomes another user before the first byte from outside" {
    [ "$(id -u)" -eq 0 ] || missing root
    # shellcheck disable=SC2016 # for the shell inside
    unshare -n sh -c 'ip link set lo up && exec "$0" -i 0.1 127.0.0.1' "$PING" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
    PIDS+=("$!")
    wait_for 'icmp_seq=1 ' "$BATS_TEST_TMPDIR/log"
    grep -E '^(Uid|Gid|Groups|Cap)' "/proc/$!/status"
    [ "$(grep -cE '^[UG]id:(\s+65534){4}$' "/proc/$!/status")" -eq 2 ]
    grep -qE '^Groups:\s*$' "/proc/$!/status"
    # Not even an exec could bring those back: it is no root that lost them.
    [ "$(grep -cE '^Cap(Inh|Prm|Eff|Amb):\s+0+$' "/proc/$!/status")" -eq 4 ]
}

@test "make demo-icmp needs neither privilege nor options, twice at once" {
    alone true
    # shellcheck disable=SC2016 # for the shell inside
    run bash -c 'make -s -C "$0" demo-icmp & make -s -C "$0" demo-icmp; wait "$!"' "$ROOT"
    [ "$status" -eq 0 ]
    [ "$(grep -c '^3 packets transmitted, 3 received, 0% packet loss' <<<"$output")" -eq 2 ]
}

# bats test_tags=slow
@test "no byte outside of a packet is read, wherever it is cut" {
    cd "$ROOT/raw_icmp"
    cc -g -fsanitize=address,undefined -fno-sanitize-recover=all ../raw_sniff/tests/prefixes.c fuzz/packet.c \
        -o "$BATS_TEST_TMPDIR/prefixes" || missing "the address sanitizer"
    run "$BATS_TEST_TMPDIR/prefixes" fuzz/corpus-packet/*
    echo "$output"
    [ "$status" -eq 0 ]
}
