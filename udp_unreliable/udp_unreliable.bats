load ../scripts/bats_helper

# scene N: what the story (in $output) printed as its scene N.
scene() {
    sed -n "/^$1\. /,/^$/p" <<<"$output"
}

story() {
    run --separate-stderr "$ROOT/udp_unreliable/udp_unreliable"
    [ "$status" -eq 0 ]
}

# private: whether this machine lets us have the network that scene 7 needs.
private() {
    "$ROOT/scripts/sandbox" true || missing "a private network"
}

@test "tells the truth" {
    tells_the_truth udp_unreliable
}

@test "keeps boundaries, loses the tail, survives an empty datagram" {
    story
    [ "$(scene 1 | grep -c ' server  recv(server_fd, buf, sizeof buf, 0) .* = 3$')" -eq 2 ]
    scene 2 | grep -q ' server  recv(server_fd, buf, sizeof buf, 0) .* = 4$'
    scene 2 | grep -qF ' = -1 EAGAIN ('
    scene 2 | grep -q ' server  recvmsg(server_fd, &message, 0) .* = 4$'
    scene 2 | grep -q ' server  recv(server_fd, buf, sizeof buf, MSG_TRUNC) .* = 10$'
    scene 3 | grep -q ' server  recv(server_fd, buf, sizeof buf, 0) .* = 0$'
    scene 3 | grep -q ' server  recv(server_fd, buf, sizeof buf, 0) .* = 4$'
}

@test "65507 bytes arrive, 65508 are refused" {
    story
    scene 4 | grep -q ' server  recv(server_fd, bytes, sizeof bytes, 0) .* = 65507$'
    scene 4 | grep -qF ' = -1 EMSGSIZE ('
}

@test "the lost and the arrived of a burst add up, and the kernel saw them, too" {
    trace -e trace=sendto,recvmsg
    run "${UNDER[@]}" "$ROOT/udp_unreliable/udp_unreliable"
    [ "$status" -eq 0 ]
    [[ $(scene 5) =~ \ ([0-9]+)" arrived; the next to arrive brings SO_RXQ_OVFL: "([0-9]+)" lost" ]]
    [ "${BASH_REMATCH[1]}" -ge 1 ]
    [ "$((BASH_REMATCH[1] + BASH_REMATCH[2]))" -eq 100 ]
    [ "$(grep -c 'sendto(.*"card".* = 4$' "$TRACE")" -ge 101 ]
    # one recvmsg more for the datagram that brought the count
    [ "$(grep -c 'recvmsg(.*"card".* = 4$' "$TRACE")" -eq "$((BASH_REMATCH[1] + 1))" ]
    scene 5 | grep -qF '... 100 of these, each = 4: the sender saw no error'
}

@test "nobody there: a connected socket is told, another is not" {
    story
    scene 6 | grep -A 1 ' client  recv(connected_fd' | grep -qF ' = -1 ECONNREFUSED ('
    scene 6 | grep -A 1 ' client  recv(plain_fd' | grep -qF ' = -1 EAGAIN ('
    scene 6 | grep -q ' client  sendto(plain_fd.* = 6$'
}

@test "damaged: never arrives, is counted; as an ordinary user" {
    private
    # Root stands for anybody else here: a copy that nobody may run, too.
    local copy=$BATS_TEST_TMPDIR/udp_unreliable user=()
    cp "$ROOT/udp_unreliable/udp_unreliable" "$copy"
    chmod o+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR" "$copy"
    [ "$(id -u)" -ne 0 ] || user=(runuser -u nobody --)
    run "${user[@]}" "$copy"
    [ "$status" -eq 0 ]
    scene 7 | grep -qF '=> a datagram made by hand arrives: "pay 100"'
    scene 7 | grep -qF '=> no byte of it arrives'
    scene 7 | grep -qF '/proc/net/snmp, Udp, InCsumErrors: +1'
    [[ $(<"$BATS_TEST_DIRNAME/README.md") = *"$(scene 7)"* ]] # just as the lesson has it
}

@test "no private network: the scene says so in one line, and the story goes on" {
    command -v strace >/dev/null || missing strace
    local call
    for call in unshare:error=EPERM unshare:error=ENOSPC ioctl:error=EPERM:when=1+; do
        run timeout 20 strace -f -qq -o /dev/null -e trace="${call%%:*}" -e inject="$call" \
            "$ROOT/udp_unreliable/udp_unreliable"
        [ "$status" -eq 0 ]
        [ "$(scene 7 | wc -l)" -eq 3 ] # title, reason, empty line
        [[ $(scene 7) = *"(left out: no private network can be had here: E"*")"* ]]
        [[ $output = *"Remember: "* ]]
    done
}

@test "a call that fails: status 1, its name and errno" {
    command -v strace >/dev/null || missing strace
    local call
    for call in socket bind getsockname setsockopt sendto recvfrom recvmsg connect; do
        run --separate-stderr timeout 20 strace -f -qq -o /dev/null -e trace="$call" \
            -e inject="$call:error=ENOBUFS" "$ROOT/udp_unreliable/udp_unreliable"
        [ "$status" -eq 1 ] && [[ $stderr = *ENOBUFS* && $stderr = *"${call%from}"* ]] || {
            echo "$call: status $status: $stderr"
            return 1
        }
    done
}

@test "the child's failure is the story's" {
    private
    command -v strace >/dev/null || missing strace
    run timeout 20 strace -f -qq -o /dev/null -e 'trace=?open,openat' \
        -e 'inject=?open,openat:error=ENOENT' -P /proc/self/net/snmp "$ROOT/udp_unreliable/udp_unreliable"
    [ "$status" -eq 1 ]
    [[ $output = *"open /proc/self/net/snmp: "*" (ENOENT)"*"scene 7 failed"* ]]
}

@test "ten at once do not disturb each other, and leave no process behind" {
    many udp_unreliable 10
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies udp_unreliable
}
