#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
load ../scripts/bats_helper

export ASAN_OPTIONS=detect_leaks=0 # LeakSanitizer does not work under strace
options=$ROOT/sock_options/sock_options

@test "tells the truth, as strace sees it" {
    tells_the_truth sock_options
}

@test "as a tool, too, it tells the truth" {
    tells_the_truth sock_options SO_RCVBUF 10000
}

@test "lists the options that matter to a beginner" {
    run "$options"
    for name in SO_TYPE SO_ERROR SO_REUSEADDR SO_REUSEPORT SO_KEEPALIVE SO_LINGER SO_RCVBUF \
        SO_SNDBUF SO_RCVTIMEO SO_SNDTIMEO SO_BROADCAST TCP_NODELAY TCP_MAXSEG IP_TTL IPV6_V6ONLY; do
        [ "$(grep -cE "^   $name +(int|flag|linger|time) " <<<"$output")" -eq 1 ]
    done
}

@test "the defaults are those that Python reads" {
    "$options" >"$BATS_TEST_TMPDIR/table"
    python '
words = {"off": 0, "on": 1}
checked = 0
for line in open(sys.argv[1]):
    if line.startswith("2."): break
    name, kind, *values = (line.split() + [""] * 4)[:4]
    if kind not in ("int", "flag"): continue
    level = {"SO": socket.SOL_SOCKET, "TCP": socket.IPPROTO_TCP, "IP": socket.IPPROTO_IP,
             "IPV6": socket.IPPROTO_IPV6}[name.split("_")[0]]
    family = socket.AF_INET6 if name.startswith("IPV6") else socket.AF_INET
    for kind, shown in zip((socket.SOCK_STREAM, socket.SOCK_DGRAM), values):
        try:
            value = socket.socket(family, kind).getsockopt(level, getattr(socket, name))
        except OSError:
            value = "-"
        assert value == words.get(shown) or str(value) == shown, (line, value)
        checked += 1
assert checked == 36, checked' "$BATS_TEST_TMPDIR/table"
}

@test "SO_RCVBUF is doubled, and capped at twice rmem_max" {
    run "$options"
    [[ $output == *'asked for 10000, got 20000'* ]]
    [[ $output == *"asked for 2147483647, got $((2 * $(</proc/sys/net/core/rmem_max)))"* ]]
}

@test "sets an option and reads it back, for TCP and UDP" {
    run "$options" SO_RCVBUF 10000
    [ "$status" -eq 0 ]
    [ "$(grep -c 'asked for 10000, got 20000' <<<"$output")" -eq 2 ]
    run "$options" tcp_nodelay on
    [ "$status" -eq 0 ]
    [[ $output == *'TCP_NODELAY, level IPPROTO_TCP, type flag'* ]]
    [ "$(grep -c 'asked for on, got on' <<<"$output")" -eq 1 ]
}

@test "without a VALUE it only reads" {
    run "$options" SO_KEEPALIVE
    [ "$status" -eq 0 ]
    [ "$(grep -c 'SO_KEEPALIVE is off' <<<"$output")" -eq 2 ]
    [[ $output != *setsockopt* ]]
}

@test "knows structures: linger and time" {
    run "$options" SO_LINGER 5
    [[ $output == *'SO_LINGER is off'*'asked for 5 s, got 5 s'* ]]
    run "$options" SO_LINGER off
    [[ $output == *'asked for off, got off'* ]]
    run "$options" SO_RCVTIMEO 1500
    [[ $output == *'is no limit'*'asked for 1.500000 s, got 1.500000 s'* ]]
}

@test "says with errno's name what the kernel refuses" {
    refuses() { # NAME VALUE ERRNO HINT
        run --separate-stderr "$options" "$1" "$2"
        [ "$status" -eq 1 ]
        [[ $stderr == "sock_options: setsockopt $1 to $2: "*" ($3)"*"hint: $4"* ]]
    }
    refuses SO_TYPE 2 ENOPROTOOPT 'it can only be read'
    refuses IP_TTL 256 EINVAL 'out of range'
    refuses TCP_MAXSEG 1 EINVAL 'out of range'
}

@test "says when a value takes privilege" {
    command -v strace >/dev/null || missing strace
    run strace -qq -o /dev/null -e trace=setsockopt -e inject=setsockopt:error=EPERM \
        "$options" IP_TOS 8
    [ "$status" -eq 1 ]
    [[ $output == *'(EPERM)'*'takes privilege'* ]]
}

@test "wrong use is told before anything is done" {
    for value in '' ' 1' -1 +1 2147483648 1x 0x10 on 1.5; do
        run --separate-stderr "$options" SO_RCVBUF "$value"
        [ "$status" -eq 2 ] && [ -z "$output" ]
        [[ $stderr == "sock_options: VALUE '$value' is not a number from 0 to 2147483647"* ]]
    done
    run --separate-stderr "$options" SO_NONSENSE
    [ "$status" -eq 2 ]
    [[ $stderr == "sock_options: NAME 'SO_NONSENSE' is none of the table"* ]]
    run --separate-stderr "$options" SO_RCVBUF 1 2
    [ "$status" -eq 2 ]
    [[ $stderr == "sock_options: '2' is too much"* ]]
}

@test "a broadcast takes SO_BROADCAST, and arrives then" {
    run "$options"
    [[ $output == *'sendto('*'= -1 EACCES'*SO_BROADCAST*'sendto('*'= 1'*'recv('*'= 1'* ]]
}

@test "SO_ERROR tells the end of a connect once" {
    run "$options"
    [[ $output == *'EINPROGRESS'*'SO_ERROR is '*', ECONNREFUSED'*'SO_ERROR is 0'* ]]
}

@test "goes on without IPv6" {
    command -v strace >/dev/null || missing strace
    local trace=$BATS_TEST_TMPDIR/trace number
    strace -qq -o "$trace" -e trace=socket "$options" >/dev/null
    # The first AF_INET6 socket of the table is a question: is there IPv6?
    number=$(grep -n AF_INET6 "$trace" | head -1 | cut -d: -f1)
    run strace -qq -o /dev/null -e trace=socket \
        -e inject=socket:error=EAFNOSUPPORT:when="$number" "$options"
    [ "$status" -eq 0 ]
    grep -qE '^   IPV6_V6ONLY +flag +- +off' <<<"$output"
    # So is the last but one: it decides about the scene.
    run strace -qq -o /dev/null -e trace=socket \
        -e inject=socket:error=EAFNOSUPPORT:when="$(($(wc -l <"$trace") - 1))" "$options"
    [ "$status" -eq 0 ]
    [[ $output != *'IPV6_V6ONLY before bind'* ]]
    [[ $output == *Remember* ]]
}

@test "works for an ordinary user" {
    public_copy sock_options
    run as_user "$COPY"
    [ "$status" -eq 0 ]
}

@test "ten at once do not disturb each other" {
    for i in {1..10}; do
        "$options" >"$BATS_TEST_TMPDIR/$i" 2>&1 3>&- &
        PIDS+=("$!")
    done
    for pid in "${PIDS[@]}"; do
        ended "$pid"
    done
    [ "$(grep -l '^Remember: ' "$BATS_TEST_TMPDIR"/* | wc -l)" -eq 10 ]
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies sock_options
}
