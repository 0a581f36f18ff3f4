load ../scripts/bats_helper

# One run for all tests that only read what it printed.
setup_file() {
    "$BATS_TEST_DIRNAME/tcp_sendall" >"$BATS_FILE_TMPDIR/output" 2>&1 3>&-
}

story() {
    output=$(cat "$BATS_FILE_TMPDIR/output")
}

# part N: the lines of scene N.
part() {
    awk -v n="$1" '/^[0-9]\. / { on = ($1 == n ".") } on' <<<"$output"
}

# results N: what each send of scene N returned, e.g. "100000 30966 -1".
results() {
    part "$1" | sed -nE '/ send\(/{/= /!N;s/.*= (-?[0-9]+).*/\1/p}' | tr '\n' ' '
}

@test "the story is true: strace saw each call that it prints" {
    tells_the_truth tcp_sendall
}

@test "without a reader: full, full, short, EAGAIN, and the queues hold the sum" {
    story
    [[ $(results 1) =~ ^(100000\ )+([0-9]+\ )+-1\ $ ]]
    local n sum=0 queued arrived heard
    for n in $(results 1); do
        ((n < 0)) || sum=$((sum + n))
    done
    ((sum % 100000 != 0))
    queued=$(part 1 | sed -nE '0,/SIOCOUTQ/s/.*\(SIOCOUTQ\) +([0-9]+) bytes/\1/p')
    arrived=$(part 1 | sed -nE '0,/FIONREAD/s/.*\(FIONREAD\) +([0-9]+) bytes/\1/p')
    ((arrived > 0 && queued + arrived == sum))
    heard=$(part 1 | sed -nE 's/.*heard: +([0-9]+) bytes.*/\1/p')
    [ "$heard" -eq "$sum" ]
}

@test "once all is read and acknowledged, the sender's kernel has let it go" {
    story
    part 1 | grep -qE '\(SIOCOUTQ\) +0 bytes'
    part 2 | grep -qE '\(SIOCOUTQ\) +0 bytes'
}

@test "the program that ignores the count: what is missing is what was not taken" {
    story
    local n sum=0 hole=0 at=0
    for n in $(results 2); do
        ((n >= 0)) || n=0
        sum=$((sum + n))
        ((hole > 0 || n == 100000)) || hole=$((at + n))
        at=$((at + 100000))
    done
    [ "$at" -eq 600000 ]
    part 2 | grep -q "^   $((at - sum)) of 600000 bytes are missing, the first at offset $hole\$"
}

@test "the cure: 8 MiB through small buffers, with send saying EAGAIN in between" {
    trace -e trace=sendto
    run "${UNDER[@]}" "$ROOT/tcp_sendall/tcp_sendall" 3>&-
    [ "$status" -eq 0 ]
    [ "$(part 3 | grep -cE '8388608 bytes, checksum [0-9a-f]{16}$')" -eq 2 ]
    [ "$(part 3 | grep -oE 'checksum .*' | sort -u | wc -l)" -eq 1 ]
    # The loop is in the program: many sends, each given what is left.
    [ "$(grep -c 'MSG_DONTWAIT|MSG_NOSIGNAL.*) = [0-9]' "$TRACE")" -gt 1 ]
}

@test "a send that may wait takes 8 MiB in one call" {
    story
    [ "$(results 4)" = "8388608 " ]
}

@test "a time-out or a signal cuts it short: a count, then EAGAIN or EINTR" {
    story
    [[ $(results 5) =~ ^([1-9][0-9]*\ )+-1\ ([1-9][0-9]*\ )+-1\ $ ]]
    [[ $(part 5) = *"= -1 EAGAIN"*"With a signal"*"= -1 EINTR"* ]]
}

@test "the signal is real" {
    trace -e trace=sendto -e signal=SIGALRM
    "${UNDER[@]}" "$ROOT/tcp_sendall/tcp_sendall" 3>&-
    grep -q 'SIGALRM' "$TRACE"
}

@test "10 at once do not disturb each other, and leave no process behind" {
    many tcp_sendall 10
}

@test "broken off while the client is a process of its own, it leaves none behind" {
    # The 30th recv is in scene 3. strace ends when the last process has ended.
    run --separate-stderr timeout 20 strace -qq -f -o "$BATS_TEST_TMPDIR/trace" -e trace=recvfrom,exit_group \
        -e inject=recvfrom:error=ECONNRESET:when=30 "$ROOT/tcp_sendall/tcp_sendall"
    [ "$status" -eq 1 ]
    grep -qx 'tcp_sendall: recv: Connection reset by peer (ECONNRESET)' <<<"$stderr"
    [[ $output = *"3. The cure"* ]] && [[ $output != *"4. "* ]]
    [ "$(grep -c 'exit_group(1)' "$BATS_TEST_TMPDIR/trace")" -eq 2 ]
}

@test "what the client cannot do ends the story, status 1" {
    run --separate-stderr timeout 20 strace -qq -f -o /dev/null -e trace=sendto \
        -e inject=sendto:error=ENOBUFS:when=12 "$ROOT/tcp_sendall/tcp_sendall"
    [ "$status" -eq 1 ]
    [ "$stderr" = "tcp_sendall: send: No buffer space available (ENOBUFS)" ]
    [[ $output = *"3. The cure"* ]] && [[ $output != *"4. "* ]]
}

@test "a reset in the midst of reading is named, status 1" {
    run --separate-stderr strace -qq -o /dev/null -e trace=recvfrom \
        -e inject=recvfrom:error=ECONNRESET:when=1 "$ROOT/tcp_sendall/tcp_sendall"
    [ "$status" -eq 1 ]
    [ "$stderr" = "tcp_sendall: recv: Connection reset by peer (ECONNRESET)" ]
}
