#!/usr/bin/env bats
load ../scripts/bats_helper

export ASAN_OPTIONS=detect_leaks=0 # LeakSanitizer does not work under strace

@test "tells the truth, as strace sees it" {
    tells_the_truth unix_fdpass
}

@test "the guest reads what it is not allowed to open" {
    run "$ROOT/unix_fdpass/unix_fdpass"
    [ "$status" -eq 0 ]
    [[ $output == *'it reads "the cake is in the oven\n"'*'open(path, O_RDONLY | O_CLOEXEC)'*'= -1 EACCES'* ]]
}

@test "the same open file has different numbers on both sides" {
    run "$ROOT/unix_fdpass/unix_fdpass"
    keeper=$(sed -n 's/^   keeper  memfd_create(.* = \([0-9]*\)$/\1/p' <<<"$output")
    guest=$(sed -n 's/.*its number here is \([0-9]*\)$/\1/p' <<<"$output")
    [ "$keeper" -gt 2 ] && [ "$guest" -gt 2 ] && [ "$keeper" -ne "$guest" ]
}

@test "names the process and the user that called" {
    command -v strace >/dev/null || missing strace
    run strace -qq -f -e trace=exit_group -e signal=none \
        -o "$BATS_TEST_TMPDIR/exits" "$ROOT/unix_fdpass/unix_fdpass"
    read -r pid _ <"$BATS_TEST_TMPDIR/exits" # the first to exit: the keeper
    [[ $output == *"pid $pid, uid $(id -u), gid $(id -g)"* ]]
}

@test "the kernel chooses an abstract name of six bytes" {
    run "$ROOT/unix_fdpass/unix_fdpass"
    # \000 and five characters
    grep -qE '^   the kernel chose "\\000[0-9a-f]{5}", 6 bytes$' <<<"$output"
}

@test "descriptors that nobody took are closed in the end" {
    run "$ROOT/unix_fdpass/unix_fdpass"
    # The pipe, told by its read: in 5 and 7 on the way, then closed; in 6
    # leaked, then closed.
    run grep -A1 -E '^   pipe ' <<<"$output"
    run grep -oE '= (0|-1 EAGAIN)' <<<"$output"
    [ "$(tr '\n' ' ' <<<"$output")" = "= -1 EAGAIN = 0 = -1 EAGAIN = 0 = -1 EAGAIN = 0 " ]
}

@test "works for an ordinary user" {
    public_copy unix_fdpass
    run as_user "$COPY"
    [ "$status" -eq 0 ]
    [[ $output == *"uid $(as_user id -u),"* ]]
}

@test "has no file that could be left behind" {
    command -v strace >/dev/null || missing strace
    run strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=%file "$ROOT/unix_fdpass/unix_fdpass"
    [ "$status" -eq 0 ]
    grep -q open "$BATS_TEST_TMPDIR/trace" # that is: strace saw something
    run ! grep -E 'O_CREAT|mkdir|mknod|bind' "$BATS_TEST_TMPDIR/trace"
}

@test "a keeper that fails is told from one that did its work" {
    command -v strace >/dev/null || missing strace
    run strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=sendmsg \
        -e inject=sendmsg:error=ETOOMANYREFS:when=1 "$ROOT/unix_fdpass/unix_fdpass"
    [ "$status" -eq 1 ]
    [[ $output == *'unix_fdpass: scene 3: sendmsg('*' (ETOOMANYREFS)'* ]]
    [[ $output == *'unix_fdpass: the keeper failed'* ]]
}

@test "ten at once do not disturb each other" {
    for i in {1..10}; do
        "$ROOT/unix_fdpass/unix_fdpass" >"$BATS_TEST_TMPDIR/$i" 2>&1 3>&- &
        PIDS+=("$!")
    done
    for pid in "${PIDS[@]}"; do
        ended "$pid"
    done
    [ "$(grep -l '^Remember: ' "$BATS_TEST_TMPDIR"/* | wc -l)" -eq 10 ]
}
