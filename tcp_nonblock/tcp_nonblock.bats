load ../scripts/bats_helper

setup_file() {
    "$ROOT/tcp_nonblock/tcp_nonblock" >"$BATS_FILE_TMPDIR/story"
}

# scene N: the lines of that scene.
scene() {
    awk -v from="$1. " 'index($0, from) == 1 { on = 1 } $0 == "" { on = 0 } on' \
        "$BATS_FILE_TMPDIR/story"
}

@test "tells the truth" {
    tells_the_truth tcp_nonblock
}

@test "accept, recv and send say EAGAIN, and work once poll has said so" {
    scene 1 | grep -q ' accept(.*= -1 EAGAIN$'
    scene 1 | grep -A1 ' poll(.*= 1$' | grep -q ' accept(.*= [1-9][0-9]*$'
    scene 1 | grep -q ' recv(.*= -1 EAGAIN$'
    scene 1 | grep -A1 ' poll(.*= 1$' | grep -q ' recv(.*= 5$'
    scene 1 | tail -n 2 | grep -q ' recv(.*= 0$'
    scene 2 | grep -q ' send(.*= -1 EAGAIN$'
    scene 2 | grep -q ' send(.*= 4$'
}

@test "what a full socket took is what its peer reads" {
    local taken
    taken=$(scene 2 | sed -n 's/ *\([0-9]*\) bytes had been taken.*/\1/p')
    [ "$taken" -gt 0 ]
    scene 2 | grep -q "the server reads $taken$"
}

@test "busy waiting is a recv again and again, poll is one call and costs less CPU" {
    scene 3 | awk '
        /recv, called/ { asked = $3; busy = $5 }
        /poll, called/ { polled = $4 }
        END { exit !(asked >= 2000 && busy > 2 * polled && polled > 0) }'
    trace -e trace=recvfrom,poll,ppoll
    "${UNDER[@]}" "$ROOT/tcp_nonblock/tcp_nonblock" 3>&-
    # From the end: the one poll that runs out, and many a recv before it.
    tail -n 1 "$TRACE" | grep -qE 'p?poll\(.*= 0 \(Timeout\)'
    [ "$(tail -n 2001 "$TRACE" | grep -c 'recvfrom(.*= -1 EAGAIN')" -eq 2000 ]
}

@test "needs no privilege, and ten at once do not disturb each other" {
    many tcp_nonblock 10
}

@test "a call that fails is named, status 1" {
    names_failures tcp_nonblock fcntl:ENOBUFS:2 accept:EMFILE:2
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_nonblock
}
