load ../scripts/bats_helper
# guess: 0 stays 0: no time-out .*? = (-?\d+.*?) it waited (\d+) ms -> -1 EAGAIN 0; -1 EAGAIN [1-9]\d*; 7 \d+

@test "recv gives up with EAGAIN, connect with EINPROGRESS, neither before its time" {
    run -0 "$ROOT/tcp_timeout/tcp_timeout"
    [ "$(grep -c ' recv(.*= -1 EAGAIN$' <<<"$output")" -eq 1 ]
    [ "$(grep -c ' connect(.*= -1 EINPROGRESS$' <<<"$output")" -eq 1 ]
    local waited
    mapfile -t waited < <(sed -n 's/.*it waited \([0-9]*\) ms.*/\1/p' <<<"$output")
    [ "${#waited[@]}" -eq 3 ]
    [ "${waited[0]}" -ge 180 ]
    [ "${waited[0]}" -lt 1900 ]
    [ "${waited[1]}" -ge 700 ]
    [ "${waited[1]}" -lt 2000 ]
    [ "${waited[2]}" -ge 180 ] && [ "${waited[2]}" -lt 1900 ]
}

@test "a microsecond becomes a tick of the kernel's clock, zero stays zero" {
    python '
s = socket.socket()
for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
    for asked, least, most in ((1, 1000, 10000), (200000, 200000, 200000), (0, 0, 0)):
        s.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", 0, asked))
        seconds, us = struct.unpack("ll", s.getsockopt(socket.SOL_SOCKET, option, 16))
        assert seconds == 0 and least <= us <= most, (asked, seconds, us)'
    run -0 "$ROOT/tcp_timeout/tcp_timeout"
    [[ $output == *'=> 0 stays 0: no time-out'* ]]
}

@test "a recv that has given up has lost nothing: the next one gets what came late" {
    python '
a, b = socket.socketpair()
b.settimeout(None) # a blocking socket; the kernel limits it
b.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 50000))
try:
    sys.exit(b.recv(100))
except BlockingIOError:
    pass
a.send(b"late")
assert b.recv(100) == b"late"'
}

@test "needs no privilege, and ten at once do not disturb each other" {
    many tcp_timeout 10
}

@test "goes on after a stop, which interrupts a recv that has a time-out" {
    LOG=$BATS_TEST_TMPDIR/log
    "$ROOT/tcp_timeout/tcp_timeout" >"$LOG" 2>&1 3>&- &
    PIDS+=("$!")
    wait_for 'the kernel has it'
    kill -STOP "$!"
    wait_for '^State:.*stopped' "/proc/$!/status"
    kill -CONT "$!"
    ended "$!"
    grep -q 'dials on until close$' "$LOG"
}

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    names_failures tcp_timeout setsockopt:ENOBUFS:1 getsockopt:ENOBUFS:1 socket:EMFILE:4
}
