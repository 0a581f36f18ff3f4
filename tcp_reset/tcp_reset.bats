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
    # The kernel's own count of resets sent, in a network where only we are. One
    # in each scene: linger, unread, killed, written twice, SIGPIPE, rude client. In
    # the second, an ACK of "bye" that comes after the reset may draw one more.
    run --separate-stderr "$ROOT/scripts/sandbox" bash -c "
        '$ROOT/tcp_reset/tcp_reset' >/dev/null
        awk '/^Tcp:/ && !head { split(\$0, name); head = 1; next }
             /^Tcp:/ { for (i in name) if (name[i] == \"OutRsts\") print \$i }' /proc/net/snmp"
    [ "$status" -ne 125 ] || missing "a private network: $stderr"
    [ "$output" -eq 6 ] || [ "$output" -eq 7 ]
}

@test "after a reset ss shows no connection any more, although a socket is still open" {
    command -v ss >/dev/null || missing ss
    python '
import select, subprocess
server = socket.create_server(("127.0.0.1", 0))
client = dial(server.getsockname()[1])
conn = server.accept()[0]
ends = server.getsockname()[1], client.getsockname()[1]
def rows(): # of this connection, seen from either end
    pair = "( sport = :%d and dport = :%d )"
    return subprocess.run(["ss", "-Htan", "state", "connected", "( " + pair % ends + " or " + pair % ends[::-1] + " )"],
        stdout=subprocess.PIPE, text=True, check=True).stdout.count("\n")
assert rows() == 2, rows()
reset(client)
wait = select.poll()
wait.register(conn, 0)
assert wait.poll(10000), "no reset came"
assert rows() == 0, rows()'
}

@test "50 at once do not disturb each other, and leave no process behind" {
    many tcp_reset 50
}

@test "a kernel that hides a reset is found out" {
    command -v strace >/dev/null || missing strace
    run --separate-stderr strace -qq -o /dev/null -e trace=recvfrom \
        -e inject=recvfrom:retval=0:when=1 "$ROOT/tcp_reset/tcp_reset"
    [ "$status" -eq 1 ]
    [[ $stderr = "tcp_reset: scene 1: not on this kernel: not an end, an error"* ]]
    [[ $stderr = *"last call:  recv(conn_fd, buf, sizeof buf, 0) = 0"* ]]
}

@test "a reset that does not come is said, and not waited for without end" {
    command -v strace >/dev/null || missing strace
    # poll says that its time is over; its calls wait for data and for resets.
    local wanted=("2: wait for data" "2: wait for the reset" "3: wait for data" "4: wait for the reset")
    for number in "${!wanted[@]}"; do
        run --separate-stderr strace -qq -o /dev/null -e trace=poll \
            -e inject=poll:retval=0:when=$((number + 1)) "$ROOT/tcp_reset/tcp_reset"
        [ "$status" -eq 1 ]
        [[ $stderr = "tcp_reset: scene ${wanted[number]}: "*"(ETIMEDOUT)" ]]
    done
}

@test "a call that fails is named, status 1" {
    names_failures tcp_reset fork:EAGAIN:1 fork:EAGAIN:2 poll:ENOMEM:1 socket:EMFILE:11 \
        bind:EADDRINUSE:6 listen:EADDRINUSE:6 getsockname:ENOBUFS:6 socket:EMFILE:12 \
        connect:ECONNREFUSED:6 setsockopt:ENOMEM:2 accept:EMFILE:6
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_reset
}
