load ../scripts/bats_helper

# One run for all tests that only read what it printed.
setup_file() {
    "$BATS_TEST_DIRNAME/tcp_nodelay" >"$BATS_FILE_TMPDIR/output" 2>&1 3>&-
}

setup() {
    output=$(cat "$BATS_FILE_TMPDIR/output")
}

# part N: the lines of scene N.
part() {
    awk -v n="$1" '/^[0-9]\. / { on = ($1 == n ".") } on' <<<"$output"
}

# row NAME: the numbers of a line of the table: quickest, median, slowest, how
# many had to wait, of how many. (A noisy measurement is followed by another.)
row() {
    part 3 | sed -nE "s/^   $1 +([0-9.]+) ms +([0-9.]+) ms +([0-9.]+) ms +([0-9]+) of +([0-9]+)\$/\1 \2 \3 \4 \5/p" | tail -n 1
}

CURES=("one larger write" "TCP_NODELAY" "MSG_MORE, but for the last" "TCP_CORK, and off at the end")

@test "the story is true: strace saw each call that it prints" {
    tells_the_truth tcp_nodelay
}

@test "pieces of 1024: a part of the answer is held back, the trip takes 40 ms" {
    [[ $(part 1 | tail -n 9) =~ "server's kernel: "\ *([0-9]+)" bytes held back" ]]
    local held=${BASH_REMATCH[1]}
    [[ $(part 1 | tail -n 9) =~ "client's kernel: "\ *([0-9]+)" bytes have arrived" ]]
    ((held > 0 && held + BASH_REMATCH[1] == 5000))
    [[ $(part 1 | tail -n 3) =~ "round trip took "([0-9]+)"."[0-9]" ms." ]]
    [ "${BASH_REMATCH[1]}" -ge 20 ]
}

@test "as soon as the client acknowledges, nothing is held back" {
    [[ $(part 2) = *"TCP_QUICKACK"*"recv("*"= 1024"*"server's kernel:    0 bytes held back, 0 segments without ACK"*"3976 bytes have arrived"* ]]
}

@test "measured: pieces are slow, and have bytes held back" {
    local quickest median slowest held trips
    read -r quickest median slowest held trips < <(row "pieces of 1024")
    [ "$trips" -eq 5 ] && [ "$held" -ge 1 ] && [ "${slowest%.*}" -ge 20 ]
    awk "BEGIN { exit !($quickest <= $median && $median <= $slowest) }"
}

@test "measured: each cure has round trips without waiting, and they are quicker" {
    local slow quickest median slowest held trips name
    read -r _ _ slow _ _ < <(row "pieces of 1024")
    for name in "${CURES[@]}"; do
        read -r quickest median slowest held trips < <(row "$name")
        [ "$trips" -eq 21 ] && [ "$held" -le 10 ]
        awk "BEGIN { exit !($quickest <= $median && $median <= $slowest && $quickest < $slow) }"
    done
}

@test "the cures are what they are called" {
    trace -e trace=setsockopt,sendto
    "${UNDER[@]}" "$ROOT/tcp_nodelay/tcp_nodelay" 3>&-
    # 22 round trips with each, the first of which is not measured
    [ "$(grep -c 'TCP_NODELAY, \[1\], 4) = 0' "$TRACE")" -ge 1 ]
    [ "$(grep -c 'TCP_CORK, \[1\], 4) = 0' "$TRACE")" -ge 22 ]
    [ "$(grep -c 'TCP_CORK, \[1\], 4) = 0' "$TRACE")" -eq "$(grep -c 'TCP_CORK, \[0\], 4) = 0' "$TRACE")" ]
    [ "$(grep -c 'MSG_MORE.*) = 1024' "$TRACE")" -ge 88 ]
    # "one larger write": 22 requests and 22 answers in a row
    [ "$(sed -nE 's/.*sendto.* = ([0-9]+)$/\1/p' "$TRACE" | uniq -c | awk '$2 == 5000 && $1 > n { n = $1 } END { print n }')" -ge 44 ]
}

@test "10 at once do not disturb each other, and leave no process behind" {
    many tcp_nodelay 10
}

@test "a call that fails is named, status 1" {
    names_failures tcp_nodelay send:EPIPE:1 send:EPIPE:2 send:EPIPE:14 send:EPIPE:100 \
        recv:ENOMEM:1 recv:ENOMEM:100 ioctl:ENOTTY:3 ioctl:ENOTTY:5 getsockopt:ENOBUFS:1 \
        setsockopt:ENOMEM:1 setsockopt:ENOMEM:2 setsockopt:ENOMEM:10 setsockopt:ENOMEM:11
}
