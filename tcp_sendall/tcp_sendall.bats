load ../scripts/bats_helper
# guess: PIECE, MSG_DONTWAIT\) = (-?\d+) \S+ send\(client_fd, message \+ sent, PIECE, MSG_DONTWAIT\) = -1 -> 100000; -1; (?!100000)\d+

# part N: the lines of scene N.
part() {
    "$ROOT/tcp_sendall/tcp_sendall" 3>&- | awk -v n="$1" '/^[0-9]\. / { on = ($1 == n ".") } on'
}

@test "without a reader: full, full, short, EAGAIN, and all that was counted arrives" {
    local sum scene
    scene=$(part 1)
    [[ $(sed -nE 's/.* send\(.* = (-?[0-9]+).*/\1/p' <<<"$scene" | tr '\n' ' ') =~ ^(100000\ )+([0-9]+)\ -1\ $ ]]
    [ "${BASH_REMATCH[2]}" -lt 100000 ]
    sum=$(sed -nE 's/.* send\(.* = ([0-9]+)$/\1/p' <<<"$scene" | awk '{ sum += $1 } END { print sum }')
    [[ $scene =~ "recv(conn_fd, heard, sent, MSG_WAITALL)"\ +"= $sum" ]]
}

@test "both queues hold what send counted; once it is acknowledged, our kernel has let it go" {
    python '
import fcntl
def held(s, queue): # SIOCOUTQ, FIONREAD
    return struct.unpack("i", fcntl.ioctl(s.fileno(), queue, b"    "))[0]
def becomes(look, wanted):
    for _ in range(500): # there is no event for an ACK
        if look() == wanted:
            return
        time.sleep(0.01)
    sys.exit("%d, and not %d" % (look(), wanted))
server = socket.create_server(("127.0.0.1", 0))
client = dial(server.getsockname()[1])
conn = server.accept()[0]
client.setblocking(False)
sent = 0
try:
    while True:
        sent += client.send(b"x" * 100000)
except BlockingIOError:
    pass
becomes(lambda: held(client, 0x5411) + held(conn, 0x541B), sent)
assert held(client, 0x5411) > 0
conn.setblocking(True) # or MSG_WAITALL would not wait
assert len(conn.recv(sent, socket.MSG_WAITALL)) == sent
becomes(lambda: held(client, 0x5411), 0)'
}

@test "the program that ignores the count: what is missing is what was not taken" {
    [[ $(part 2) =~ "message, ALL, MSG_DONTWAIT)"\ +"= "([0-9]+).*[^0-9]([0-9]+)" bytes are missing, the first at offset "([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -eq "${BASH_REMATCH[3]}" ]
    [ $((BASH_REMATCH[1] + BASH_REMATCH[2])) -eq $((1 << 20)) ]
}

@test "the cure: in several sends, before each of which it sleeps until there is room" {
    trace -e trace=sendto,poll,ppoll
    run "${UNDER[@]}" "$ROOT/tcp_sendall/tcp_sendall" 3>&-
    [ "$status" -eq 0 ]
    sed '1,/"The end\."/d' "$TRACE" >"$TRACE.3"
    [ "$(grep -c 'MSG_DONTWAIT.*) = [0-9]' "$TRACE.3")" -gt 1 ]
    [ "$(grep -A1 'poll(.*POLLOUT' "$TRACE.3" | grep -c 'sendto(.*MSG_DONTWAIT')" -eq "$(grep -c 'sendto(' "$TRACE.3")" ]
    run ! grep -q 'sendto(.*, 0, NULL, 0)' "$TRACE" # not one of them may wait
}

@test "a send that may wait has this loop inside: 8 MiB in one call" {
    python '
server = socket.create_server(("127.0.0.1", 0))
client = dial(server.getsockname()[1])
client.setblocking(True)
conn = server.accept()[0]
child = os.fork() # the server, which reads to the end
if child == 0:
    client.close()
    os._exit(len(all_of(conn)) != 8 << 20)
assert client.send(bytes(8 << 20)) == 8 << 20
client.close()
assert os.waitpid(child, 0)[1] == 0'
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

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    names_failures tcp_sendall send:ENOBUFS:1 send:ENOBUFS:5 send:EPIPE:7 recv:ECONNRESET:1 \
        recv:ECONNRESET:3 recv:ECONNRESET:4 ioctl:ENOTTY:1 setsockopt:ENOMEM:2
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_sendall
}
