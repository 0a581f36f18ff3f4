load ../scripts/bats_helper

setup_file() {
    "$ROOT/tcp_nonblock/tcp_nonblock" >"$BATS_FILE_TMPDIR/story"
}

# scene N: the lines of that scene.
scene() {
    awk -v from="$1. " 'index($0, from) == 1 { on = 1 } $0 == "" { on = 0 } on' \
        "$BATS_FILE_TMPDIR/story"
}

# has N CALL RESULT: scene N shows that call with that result.
has() {
    scene "$1" | grep -A1 -F " $2(" | grep -qE -e "$3\$"
}

@test "tells the truth" {
    tells_the_truth tcp_nonblock
}

@test "accept, connect, recv and send each say: not now" {
    has 1 accept ' = -1 EAGAIN \(.*\)'
    has 1 connect ' = -1 EINPROGRESS \(.*\)'
    has 3 recv ' = -1 EAGAIN \(.*\)'
    has 4 send ' = -1 EAGAIN \(.*\)'
}

@test "each of them works once poll has said so" {
    has 1 accept ' = [1-9][0-9]*'
    has 3 recv ' = 5'
    has 3 recv ' = 0'
    has 4 send ' = 4'
    [ "$(scene 1 | grep -c 'revents: POLLOUT$')" -eq 1 ]
    [ "$(scene 3 | grep -c 'revents: POLLIN$')" -eq 2 ]
}

@test "a connection that succeeds and one that is refused are told apart by SO_ERROR" {
    scene 1 | grep -qx '   error = 0'
    scene 2 | grep -q 'revents: POLLOUT POLLERR POLLHUP'
    scene 2 | grep -qE '^   error = [1-9][0-9]* ECONNREFUSED$'
    scene 2 | tail -n 2 | grep -qx '   error = 0'
}

@test "the flag is set where it was set, and not on the accepted socket" {
    [ "$(scene 1 | grep -c 'O_NONBLOCK (.*) is set$')" -eq 1 ]
    [ "$(scene 1 | grep -c 'is not set$')" -eq 1 ]
}

@test "what a full socket took is what its peer reads" {
    local taken
    taken=$(scene 4 | sed -n 's/ *\([0-9]*\) bytes are in them/\1/p')
    [ "$taken" -gt 0 ]
    scene 4 | grep -q "the server reads $taken bytes"
}

@test "busy waiting uses more CPU time than poll does" {
    [ "$(scene 5 | sed -nE 's/.* recv called ([0-9]+) times$/\1/p')" -ge 2000 ]
    scene 5 | awk '
        { cpu = $0; sub(/.*CPU +/, "", cpu) }
        /busy waiting:/ { busy = cpu + 0 }
        /poll: / { polled = cpu + 0 }
        END { exit !(busy > 2 * polled && polled > 0) }'
}

@test "busy waiting is a recv again and again, poll is one call" {
    trace -e trace=recvfrom,poll,ppoll
    "${UNDER[@]}" "$ROOT/tcp_nonblock/tcp_nonblock" 3>&-
    # From the end: the one poll that runs out, and many a recv before it.
    tail -n 1 "$TRACE" | grep -qE 'p?poll\(.*= 0 \(Timeout\)'
    [ "$(tail -n 2001 "$TRACE" | grep -c 'recvfrom(.*= -1 EAGAIN')" -eq 2000 ]
}

@test "needs no privilege, and ten at once do not disturb each other" {
    many tcp_nonblock 10
}

@test "ends with the call and the error when a call fails" {
    command -v strace >/dev/null || missing strace
    run -1 strace -o /dev/null -e inject=fcntl:error=ENOBUFS:when=2 \
        "$ROOT/tcp_nonblock/tcp_nonblock"
    [[ $output == *'tcp_nonblock: scene 1: fcntl('*'(ENOBUFS)'* ]]
    run -1 strace -o /dev/null -e inject=getsockopt:error=ENOBUFS:when=1 \
        "$ROOT/tcp_nonblock/tcp_nonblock"
    [[ $output == *'tcp_nonblock: scene 1: getsockopt('*'(ENOBUFS)'* ]]
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_nonblock
}
