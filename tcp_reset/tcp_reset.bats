load ../scripts/bats_helper

@test "the story is true: strace saw each call that it prints" {
    tells_the_truth tcp_reset
}

@test "SIGPIPE really kills a child, and SIGKILL another" {
    trace -e trace=none
    "${UNDER[@]}" "$ROOT/tcp_reset/tcp_reset" 3>&-
    grep -q 'SIGPIPE {si_signo=SIGPIPE' "$TRACE"
    grep -q '+++ killed by SIGPIPE' "$TRACE"
    grep -q '+++ killed by SIGKILL' "$TRACE"
}

@test "each reset was a reset on the wire" {
    # The kernel's own count of resets received, in a network where only we are.
    run --separate-stderr "$ROOT/scripts/sandbox" bash -c "
        '$ROOT/tcp_reset/tcp_reset' >/dev/null
        awk '/^Tcp:/ && !head { split(\$0, name); head = 1; next }
             /^Tcp:/ { for (i in name) if (name[i] == \"OutRsts\") print \$i }' /proc/net/snmp"
    # Scenes 1 to 6: linger, unread, killed, written twice, SIGPIPE, rude client.
    [ "$output" -ge 6 ]
}

@test "10 at once do not disturb each other, and leave no process behind" {
    many tcp_reset 10
}

@test "a kernel that hides a reset is found out" {
    run --separate-stderr strace -qq -o /dev/null -e trace=recvfrom \
        -e inject=recvfrom:retval=0:when=1 "$ROOT/tcp_reset/tcp_reset"
    [ "$status" -eq 1 ]
    [[ $stderr = "tcp_reset: scene 1: not on this kernel: not an end, an error"* ]]
}
