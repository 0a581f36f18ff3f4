load ../scripts/bats_helper

setup_file() {
    "$ROOT/tcp_fdopen/tcp_fdopen" >"$BATS_FILE_TMPDIR/story"
}

# scene N: the lines of that scene.
scene() {
    awk -v from="$1. " 'index($0, from) == 1 { on = 1 } $0 == "" { on = 0 } on' \
        "$BATS_FILE_TMPDIR/story"
}

@test "tells the truth" {
    tells_the_truth tcp_fdopen
}

@test "getline finds the lines, and poll does not see what it has read ahead" {
    [ "$(scene 1 | sed -n 's/^   line = //p' | tr '\n' ' ')" = '"one\n" "two\n" "three\n" ' ]
    scene 1 | grep -qE ' poll\(.* = 0$'
    scene 1 | grep -qE 'conn_fd is ([0-9]+), fileno\(in\) is \1$'
}

@test "what fprintf wrote leaves with fflush, in one piece, and not before" {
    command -v strace >/dev/null || missing strace
    [ "$(scene 2 | grep -cE ' poll\(.* = 0$')" -eq 2 ]
    scene 2 | grep -qF 'buf = "hello, client\n"'
    strace -o "$BATS_TEST_TMPDIR/trace" -e trace=poll,write,writev \
        "$ROOT/tcp_fdopen/tcp_fdopen" >/dev/null
    # glibc writes with write, musl with writev; the story's own output is fd 1.
    grep -vE '^writev?\(1,' "$BATS_TEST_TMPDIR/trace" |
        grep -B2 '"hello, client' | grep -cE '^poll.* = 0 \(Timeout\)' | grep -qx 2
    [ "$(grep -cE '^writev?\([^1].*"hello' "$BATS_TEST_TMPDIR/trace")" -eq 1 ]
}

@test "one FILE for both directions loses the answer or the next line" {
    scene 3 | grep -qE '^   the answer (never came, .*|came, the second line never came)$'
    scene 3 | grep -q '^   => something is lost'
}

@test "a second fclose on the same descriptor closes a stranger's socket" {
    [ "$(scene 4 | grep -c -- '= -1 EBADF')" -eq 2 ]
    scene 4 | grep -q '^   => and loses the socket behind it'
}

@test "with dup, the last fclose flushes and ends the stream" {
    scene 5 | grep -qF 'buf = "bye\n"'
    scene 5 | grep -qE ' recv\(.* = 0$'
    [ "$(scene 5 | grep -c -- '= -1')" -eq 0 ]
}

@test "needs no privilege, and ten at once do not disturb each other" {
    many tcp_fdopen 10
}

@test "ends with the call and the error when a call fails" {
    command -v strace >/dev/null || missing strace
    run -1 strace -o /dev/null -e inject=dup:error=EMFILE "$ROOT/tcp_fdopen/tcp_fdopen"
    [[ $output == *'tcp_fdopen: dup: '*'(EMFILE)'* ]]
    run -1 strace -o /dev/null -e inject=sendto:error=ENOBUFS:when=1 \
        "$ROOT/tcp_fdopen/tcp_fdopen"
    [[ $output == *'tcp_fdopen: send: '*'(ENOBUFS)'* ]]
}
