# shellcheck disable=SC2030,SC2031 # each test is a process of its own
load ../scripts/bats_helper

# The story takes most of a second, waiting: one run for the tests that read.
setup_file() {
    "$ROOT/tcp_timeout/tcp_timeout" >"$BATS_FILE_TMPDIR/story"
}

# scene N: the lines of that scene.
scene() {
    awk -v from="$1. " 'index($0, from) == 1 { on = 1 } $0 == "" { on = 0 } on' \
        "$BATS_FILE_TMPDIR/story"
}

# number SED-PATTERN: the number in its \(...\), from standard input.
number() {
    sed -n "s/.*$1.*/\1/p" | head -n 1
}

@test "tells the truth" {
    tells_the_truth tcp_timeout
}

@test "measures each wait, and none is shorter than its time-out" {
    [ "$(scene 1 | number 'waited \([0-9]*\) ms')" -ge 180 ]
    [ "$(scene 1 | number 'waited \([0-9]*\) ms')" -lt 5000 ]
    [ "$(scene 2 | number 'waited \([0-9]*\) ms, until')" -ge 29 ]
    [ "$(scene 4 | number 'waited \([0-9]*\) ms')" -ge 58 ]
    [ "$(scene 4 | number 'waited \([0-9]*\) ms, in pieces')" -ge 49 ]
}

@test "reads back what it set; a microsecond becomes a tick, zero stays zero" {
    [ "$(scene 1 | grep -cF 'read back: {0 s, 200000 us}')" -eq 1 ]
    [ "$(scene 2 | number 'read back: {0 s, \([0-9]*\) us}')" -gt 1 ]
    scene 2 | grep -qF 'read back: {0 s, 0 us}'
    scene 5 | grep -qF 'read back: on; after 10 s of silence, every 5 s, 3 times'
}

@test "says how each call gives up" {
    scene 1 | grep -A1 ' recv(' | grep -q -- '-1 EAGAIN'
    [ "$(scene 3 | grep -A1 ' connect(' | grep -c -- '-1 EINPROGRESS')" -eq 2 ]
    scene 3 | grep -qE ' poll\(.* = 0$'
    [ "$(scene 4 | grep ' recv(' | grep -c -- '-1 EINTR')" -ge 2 ]
    scene 4 | grep -qE ' poll\(.* = 0$'
}

@test "a cut cable looks like a silent peer, until the kernel gives up" {
    if scene 6 | grep -q 'left out'; then missing "private network"; fi
    scene 6 | grep -qE ' send\(.* = 6$'
    scene 6 | grep -q -- '-1 EAGAIN'
    scene 6 | grep -q -- '-1 ETIMEDOUT'
    [ "$(scene 6 | number '   \([0-9]*\) ms after send')" -ge 20 ]
}

@test "leaves one scene out where there is no private network" {
    command -v strace >/dev/null || missing strace
    run -0 strace -o /dev/null -e inject=unshare:error=EPERM \
        "$ROOT/tcp_timeout/tcp_timeout"
    [[ $output == *'left out: it takes a private network (EPERM)'*Remember* ]]
}

@test "needs no privilege, and ten at once do not disturb each other" {
    many tcp_timeout 10
}

@test "goes on after a stop, which interrupts calls that have a time-out" {
    "$ROOT/tcp_timeout/tcp_timeout" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
    PIDS+=("$!")
    wait_for 'read back' "$BATS_TEST_TMPDIR/log"
    kill -STOP "$!"
    wait_for '^State:.*stopped' "/proc/$!/status"
    kill -CONT "$!"
    ended "$!"
    grep -q '^Remember' "$BATS_TEST_TMPDIR/log"
}

@test "a call that fails is named, status 1" {
    names_failures tcp_timeout setsockopt:ENOBUFS:1 getsockopt:ENOBUFS:1 socket:EMFILE:3
}
