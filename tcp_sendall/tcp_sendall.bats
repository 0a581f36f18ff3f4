load ../scripts/bats_helper

# part N: the lines of scene N.
part() {
    "$ROOT/tcp_sendall/tcp_sendall" 3>&- | awk -v n="$1" '/^[0-9]\. / { on = ($1 == n ".") } on'
}

@test "the story is true: strace saw each call that it prints" {
    tells_the_truth tcp_sendall
}

@test "without a reader: full, full, short, EAGAIN, and the queues hold the sum" {
    local sum scene
    scene=$(part 1)
    [[ $(sed -nE 's/.* send\(.* = (-?[0-9]+).*/\1/p' <<<"$scene" | tr '\n' ' ') =~ ^(100000\ )+([0-9]+)\ -1\ $ ]]
    [ "${BASH_REMATCH[2]}" -lt 100000 ]
    sum=$(sed -nE 's/.* send\(.* = ([0-9]+)$/\1/p' <<<"$scene" | awk '{ sum += $1 } END { print sum }')
    [[ $scene =~ "send queue: "([0-9]+)" bytes; receive queue: "([0-9]+)" bytes" ]]
    [ $((BASH_REMATCH[1] + BASH_REMATCH[2])) -eq "$sum" ]
    [[ $scene =~ "recv(conn_fd, heard, sent, MSG_WAITALL)"\ +"= $sum" ]]
}

@test "once all is read and acknowledged, the sender's kernel has let it go" {
    [[ $(part 1) = *"recv("*"send queue: 0 bytes; receive queue: 0 bytes"* ]]
}

@test "the program that ignores the count: what is missing is what was not taken" {
    [[ $(part 2) =~ "message, ALL, MSG_DONTWAIT)"\ +"= "([0-9]+).*[^0-9]([0-9]+)" bytes are missing, the first at offset "([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -eq "${BASH_REMATCH[3]}" ]
    [ $((BASH_REMATCH[1] + BASH_REMATCH[2])) -eq $((16 << 20)) ]
}

@test "the cure: 8 MiB through small buffers, in many sends, asleep while there is no room" {
    trace -e trace=sendto,poll,ppoll
    run "${UNDER[@]}" "$ROOT/tcp_sendall/tcp_sendall" 3>&-
    [ "$status" -eq 0 ]
    # The loop is in the program, and a blocking send has one inside. No room: it
    # sleeps, and does not ask again and again.
    sed -n '/EAGAIN/!d;:a;n;p;ba' "$TRACE" | sed '1,/"The end\."/d' >"$TRACE.3"
    [ "$(grep -c 'MSG_DONTWAIT.*) = [0-9]' "$TRACE.3")" -gt 1 ]
    [ "$(grep -A1 'EAGAIN' "$TRACE.3" | grep -c 'poll(.*POLLOUT')" -eq "$(grep -c 'EAGAIN' "$TRACE.3")" ]
    grep -qE 'sendto\(.*, 8388608, 0, NULL, 0\) = 8388608$' "$TRACE.3"
}

@test "a time-out or a signal cuts it short: a count, then EAGAIN or EINTR" {
    # Python's own send repeats after a signal; libc's does not.
    python '
import ctypes, signal
libc = ctypes.CDLL(None, use_errno=True)
def two_sends(cut_short):
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.socket()
    client.connect(listener.getsockname())
    client.setblocking(True)
    conn = listener.accept()[0]
    cut_short(client)
    results = []
    while -1 not in results:
        results += [libc.send(client.fileno(), b"x" * (64 << 20), 64 << 20, 0)]
    error = ctypes.get_errno()
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert len(results) > 1 and 0 < results[0] < 64 << 20, results
    return error
def time_out(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 50000))
def signals(client):
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.siginterrupt(signal.SIGALRM, True)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
import errno
assert two_sends(time_out) == errno.EAGAIN
assert two_sends(signals) == errno.EINTR'
}

@test "10 at once do not disturb each other, and leave no process behind" {
    many tcp_sendall 10
}

@test "a call that fails is named, status 1" {
    names_failures tcp_sendall send:ENOBUFS:1 send:ENOBUFS:6 send:EPIPE:8 recv:ECONNRESET:1 \
        recv:ECONNRESET:3 ioctl:ENOTTY:1 setsockopt:ENOMEM:2 fork:EAGAIN:1
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_sendall
}
