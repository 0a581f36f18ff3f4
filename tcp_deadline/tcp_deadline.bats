load ../scripts/bats_helper

# The milliseconds at the left of the lines that hold $1.
times() {
    sed -n "s/^ *\([0-9]*\) ms  $1.*/\1/p" <<<"$output"
}

@test "tells the truth" {
    tells_the_truth tcp_deadline
}

@test "a time-out that signals interrupt outlasts its 300 ms, a deadline does not" {
    run -0 "$ROOT/tcp_deadline/tcp_deadline"
    local recvs polls
    mapfile -t recvs < <(times 'recv = -1 EINTR')
    [ "${#recvs[@]}" -ge 2 ] && [ "${recvs[-1]}" -gt 380 ]
    mapfile -t polls < <(times 'poll = -1 EINTR')
    [ "${#polls[@]}" -ge 1 ]
    [ "$(times 'poll = 0')" -ge 300 ] && [ "$(times 'poll = 0')" -lt 1000 ]
    [ "$(times 'recv = -1 EAGAIN' | tail -n 1)" -ge 280 ]
}

@test "SA_RESTART lets recv wait on through signals, as long as it has no time-out" {
    command -v strace >/dev/null || missing strace
    strace -o "$BATS_TEST_TMPDIR/trace" "$ROOT/tcp_deadline/tcp_deadline" 3>&-
    # The kernel's own word for "to be called again": twice before the client spoke.
    sed '/recvfrom.* = 2$/q' "$BATS_TEST_TMPDIR/trace" >"$BATS_TEST_TMPDIR/scene1"
    [ "$(grep -c 'recvfrom.*ERESTARTSYS' "$BATS_TEST_TMPDIR/scene1")" -ge 2 ]
    [ "$(grep -c 'recvfrom.*= -1 EINTR' "$BATS_TEST_TMPDIR/trace")" -ge 2 ]
}

@test "needs no privilege, leaves no process behind, ten at once" {
    many tcp_deadline 10
}

@test "leaves no process behind when it is killed" {
    public_copy tcp_deadline
    LOG=$BATS_TEST_TMPDIR/log
    "$COPY" >"$LOG" 2>&1 3>&- &
    PIDS+=("$!")
    wait_for 'goes on after each'
    kill -9 "$!"
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        pgrep -f "^$COPY" >/dev/null || break
        sleep 0.02
    done
    [ "$tries" -lt 100 ]
}

@test "a call that fails is named, status 1" {
    names_failures tcp_deadline setsockopt:ENOBUFS:1 fork:EAGAIN:1
}
