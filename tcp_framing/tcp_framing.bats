load ../scripts/bats_helper

# part N: the lines of scene N.
part() {
    "$ROOT/tcp_framing/tcp_framing" 3>&- | awk -v n="$1" '/^[0-9]\. / { on = ($1 == n ".") } on'
}

@test "the story is true: strace saw each call that it prints" {
    tells_the_truth tcp_framing
}

@test "three sends arrive in one recv" {
    [[ $(part 1) = *"= 3"*"= 3"*"= 5"*"recv("*"= 11"*'server heard "onetwothree"'* ]]
}

@test "one send, three recvs: nothing is deleted" {
    [[ $(part 2) = *"= 12"*"= 5"*"= 5"*"= 2"*'server heard "Hello" ", wor" "ld"'* ]]
}

@test "the recvs were really of that size, and the length in network byte order" {
    trace -e trace=sendto,recvfrom -xx -s 64
    "${UNDER[@]}" "$ROOT/tcp_framing/tcp_framing" 3>&-
    # 23 bytes, each of them alone, and the end of the stream
    [ "$(grep -cE ', 1, 0, NULL, NULL\) += 1$' "$TRACE")" -ge 23 ]
    grep -qE ', 5, 0, NULL, NULL\) += 5$' "$TRACE" # "three"
    grep -qF '"\x00\x00\x00\x03\x6f\x6e\x65\x00\x00\x00\x03\x74\x77\x6f\x00\x00\x00\x05\x74\x68\x72\x65\x65", 23' "$TRACE"
}

@test "a length that is too large is refused, and no memory asked for" {
    trace -e trace=mmap,brk,recvfrom -xx
    "${UNDER[@]}" "$ROOT/tcp_framing/tcp_framing" 3>&-
    # Behind the hostile length nothing is read, and nothing near 4 GiB mapped.
    # (The sanitizers map some memory of their own at any time.)
    grep -F '"\xff\xff\xff\xff"' -A 1000 "$TRACE" >"$TRACE.2"
    [ "$(grep -c recvfrom "$TRACE.2")" -eq 1 ]
    [ "$(awk -F', ' '/mmap/ && $2 > 16 * 1024 * 1024' "$TRACE.2" | grep -c .)" -eq 0 ]
}

@test "10 at once do not disturb each other, and leave no process behind" {
    many tcp_framing 10
}

@test "a call that fails is named, status 1" {
    names_failures tcp_framing send:EPIPE:2 send:EPIPE:5 recv:ECONNRESET:1 recv:ECONNRESET:10
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_framing
}
