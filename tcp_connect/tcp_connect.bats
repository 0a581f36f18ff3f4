load ../scripts/bats_helper

setup_file() {
    "$ROOT/tcp_connect/tcp_connect" >"$BATS_FILE_TMPDIR/story"
}

# scene N: the lines of that scene.
scene() {
    awk -v from="$1. " 'index($0, from) == 1 { on = 1 } $0 == "" { on = 0 } on' \
        "$BATS_FILE_TMPDIR/story"
}

@test "tells the truth" {
    tells_the_truth tcp_connect
}

@test "SO_ERROR, after poll, tells a refused connect from one that succeeded; once" {
    scene 1 | grep -q ' connect(.*= -1 EINPROGRESS$'
    [ "$(scene 1 | grep -cE '^   error = ECONNREFUSED$')" -eq 1 ]
    [ "$(grep -c '^   error = ' "$BATS_FILE_TMPDIR/story")" -eq 1 ]
    scene 2 | tail -n 2 | grep -q ' accept(.*= [1-9][0-9]*$'
}

@test "a refused connect is ready for everything: POLLOUT, POLLERR and POLLHUP" {
    trace -e trace=poll,ppoll
    "${UNDER[@]}" "$ROOT/tcp_connect/tcp_connect" 3>&-
    grep -m 1 -E 'poll\(' "$TRACE" | grep -q 'revents=POLLOUT|POLLERR|POLLHUP'
}

@test "connect again while it dials: EALREADY; interrupted: EINTR, and it goes on" {
    scene 2 | grep -q ' connect(.*= -1 EALREADY$'
    scene 3 | grep -q ' connect(.*= -1 EINTR$'
    [ "$(scene 3 | grep -c ' connect(')" -eq 1 ]
    scene 3 | tail -n 2 | grep -q ' accept(.*= [1-9][0-9]*$'
}

@test "needs no privilege, leaves no process behind, ten at once" {
    many tcp_connect 10
}

@test "a call that fails is named, status 1" {
    names_failures tcp_connect socket:EMFILE:2 getsockopt:ENOPROTOOPT:1 fork:EAGAIN:1
}
