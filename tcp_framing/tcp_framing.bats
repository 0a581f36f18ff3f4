load ../scripts/bats_helper

# One run for all tests that only read what it printed.
setup_file() {
    "$BATS_TEST_DIRNAME/tcp_framing" >"$BATS_FILE_TMPDIR/output" 2>&1 3>&-
}

setup() {
    output=$(cat "$BATS_FILE_TMPDIR/output")
}

# part N: the lines of scene N.
part() {
    awk -v n="$1" '/^[0-9]\. / { on = ($1 == n ".") } on' <<<"$output"
}

@test "the story is true: strace saw each call that it prints" {
    tells_the_truth tcp_framing
}

@test "three sends arrive in one recv" {
    [ "$(part 1 | grep -c 'send(')" -eq 3 ]
    [ "$(part 1 | grep -c 'recv(')" -eq 1 ]
    part 1 | grep -qx '   server heard "onetwothree"'
}

@test "one send, three recvs: nothing is deleted" {
    [ "$(part 2 | sed -n 's/^   server heard "\(.*\)"$/\1/p' | tr -d '\n')" = "Hello, world" ]
    [ "$(part 2 | sed -nE 's/.*recv\(.* = ([0-9]+)$/\1/p' | tr '\n' ' ')" = "5 5 2 " ]
}

@test "a length or a newline: the same messages from recvs of 1, 5 and 4096 bytes" {
    local scene size
    for scene in 3 5; do
        for size in 1 5 4096; do
            part "$scene" | grep -qE "^   recv of at most +$size: \"one\" \"two\" \"three\"\$"
        done
    done
}

@test "the recvs were really of that size" {
    trace -e trace=recvfrom
    "${UNDER[@]}" "$ROOT/tcp_framing/tcp_framing" 3>&-
    # 23 bytes with lengths and 14 with newlines, each byte alone, and after each
    # of the two the end of the stream.
    [ "$(grep -cE ', 1, 0, NULL, NULL\) += 1$' "$TRACE")" -eq 37 ]
    [ "$(grep -cE ', 1, 0, NULL, NULL\) += 0$' "$TRACE")" -eq 2 ]
    grep -qE ', 5, 0, NULL, NULL\) += 5$' "$TRACE"
}

@test "the length is on the wire in network byte order" {
    part 3 | grep -qx '   wire    00 00 00 03 6f 6e 65 00 00 00 03 74 77 6f 00 00 00 05 74 68 72 65 65'
    trace -e trace=sendto -xx -s 64
    "${UNDER[@]}" "$ROOT/tcp_framing/tcp_framing" 3>&-
    grep -qF '"\x00\x00\x00\x03\x6f\x6e\x65\x00\x00\x00\x03\x74\x77\x6f\x00\x00\x00\x05\x74\x68\x72\x65\x65", 23' "$TRACE"
}

@test "a length that is too large is refused, and no memory asked for" {
    [[ $(part 4) = *"wire    ff ff ff ff 78"*"recv of at most 4096: too long: refused"* ]]
    trace -e trace=mmap,brk,recvfrom
    "${UNDER[@]}" "$ROOT/tcp_framing/tcp_framing" 3>&-
    # Nothing near the 4 GiB that were announced is mapped once messages come in.
    # (The sanitizers map some memory of their own at any time.)
    [ "$(sed -n '/recvfrom/,$p' "$TRACE" |
        awk -F', ' '/mmap/ && $2 > 16 * 1024 * 1024' | grep -c .)" -eq 0 ]
    grep -q 'recvfrom(' "$TRACE" # that is: strace saw something
}

@test "a stream cut off inside a message is not taken for a whole one" {
    part 4 | grep -qx '   recv of at most 4096: "one" "two" then cut off'
}

@test "lines: a newline inside makes two messages, no newline makes none" {
    part 5 | grep -qx '   recv of at most 4096: "on" "e"'
    part 5 | grep -qx '   recv of at most 4096: too long: refused'
}

@test "the struct is longer than its data, and in this machine's byte order" {
    local order
    order=$(/usr/bin/python3 -c 'import struct; print(struct.pack("=I", 0x01020304).hex(" "))')
    [[ $(part 6) =~ "struct  41 "([0-9a-f]{2}\ ){3}"$order " ]]
    local sent
    sent=$(part 6 | sed -nE 's/.*sizeof order, 0\) += ([0-9]+)$/\1/p')
    [ "$sent" -gt 7 ]
    [ "$(part 6 | sed -n 's/^   struct  //p' | wc -w)" -eq "$sent" ]
    part 6 | grep -qx '   wire    41 01 02 03 04 05 06'
}

@test "10 at once do not disturb each other, and leave no process behind" {
    many tcp_framing 10
}

@test "a reset while messages come in is named, status 1" {
    run --separate-stderr strace -qq -o /dev/null -e trace=recvfrom \
        -e inject=recvfrom:error=ECONNRESET:when=10 "$ROOT/tcp_framing/tcp_framing"
    [ "$status" -eq 1 ]
    [ "$stderr" = "tcp_framing: recv: Connection reset by peer (ECONNRESET)" ]
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_framing
}
