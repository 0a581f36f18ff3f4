load ../scripts/bats_helper
# guess: kill\(child, SIGKILL\) = 0 server recv\(.*?\) = (-?\d+(?: E\w+)?) -> 0; -1 ECONNRESET; -1 EAGAIN

@test "each reset was a reset on the wire, and the one who was killed was killed" {
    # The kernel's own count of resets sent, in a network where only we are: linger,
    # unread, the rude client, not accepted.
    alone --separate-stderr bash -c "
        '$ROOT/tcp_reset/tcp_reset' >/dev/null
        awk '/^Tcp:/ && !head { split(\$0, name); head = 1; next }
             /^Tcp:/ { for (i in name) if (name[i] == \"OutRsts\") print \$i }' /proc/net/snmp"
    [ "$output" -eq 4 ]
    command -v strace >/dev/null || missing strace
    TRACE=$BATS_TEST_TMPDIR/trace
    UNDER=(strace -f -qq -o "$TRACE" -e trace=none)
    "${UNDER[@]}" "$ROOT/tcp_reset/tcp_reset" 3>&-
    [ "$(grep -c '+++ killed by SIGKILL' "$TRACE")" -eq 1 ]
}

@test "a server that dies resets the client who waits, and ends the one it talked to" {
    for signal in INT KILL; do
        start tcp_server 127.0.0.1 0
        python '
served, waiting = dial(sys.argv[1]), dial(sys.argv[1])
served.sendall(b"x")
assert served.recv(1) == b"X"
os.kill(int(sys.argv[2]), int(sys.argv[3]))
assert served.recv(1) == b""
try:
    sys.exit("the waiting client got %r" % waiting.recv(1))
except ConnectionResetError:
    pass' "$PORT" "$PID" "$(kill -l $signal)"
        ended "$PID" || true
    done
}

@test "what came before the reset is read first; after it, 0 and EPIPE" {
    python '
import select, signal
def told(call, error):
    try:
        sys.exit("not told: %r" % call())
    except error:
        pass
def gone(s):
    wait = select.poll()
    wait.register(s, 0)
    assert wait.poll(10000), "no reset came"
def kill_the_owner(s):
    child = os.fork() # has a copy of it
    if child == 0:
        time.sleep(20)
        os._exit(1)
    s.close()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
for cut in reset, socket.socket.close, kill_the_owner: # the last two with bytes unread
    server = socket.create_server(("127.0.0.1", 0))
    client = dial(server.getsockname()[1])
    conn = server.accept()[0]
    server.close()
    conn.sendall(b"unread")
    client.recv(6, socket.MSG_PEEK)
    client.sendall(b"bye")
    assert conn.recv(3, socket.MSG_PEEK) == b"bye"
    cut(client)
    gone(conn)
    assert conn.recv(100) == b"bye"
    told(lambda: conn.recv(100), ConnectionResetError)
    assert conn.recv(100) == b""
    told(lambda: conn.send(b"x"), BrokenPipeError)
# After SHUT_RDWR bytes that come are a reset: recv tells the one who had shut down,
# the one who sent is told at its next send only.
server = socket.create_server(("127.0.0.1", 0))
client = dial(server.getsockname()[1])
conn = server.accept()[0]
conn.shutdown(socket.SHUT_RDWR)
client.send(b"x")
gone(client)
told(lambda: conn.recv(1), ConnectionResetError)
assert conn.recv(1) == b"" and client.recv(1) == b""
told(lambda: client.send(b"x"), BrokenPipeError)'
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

# bats test_tags=slow
@test "50 at once do not disturb each other, and leave no process behind" {
    many tcp_reset 50
}

@test "a kernel that hides a reset is found out" {
    command -v strace >/dev/null || missing strace
    run --separate-stderr strace -qq -o /dev/null -e trace=recvfrom \
        -e inject=recvfrom:retval=0:when=1 "$ROOT/tcp_reset/tcp_reset"
    [ "$status" -eq 1 ]
    [[ $stderr = "tcp_reset: scene 1: not on this kernel: not an end, an error"* ]]
    # A claim that is false of a call that fails is told once, and as what it is.
    run --separate-stderr strace -qq -o /dev/null -e trace=recvfrom \
        -e inject=recvfrom:error=EIO:when=1 "$ROOT/tcp_reset/tcp_reset"
    [[ $status -eq 1 && $stderr = *"not on this kernel"*" = -1 EIO" ]]
    [[ $stderr != *"this should not fail"* ]]
}

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    names_failures tcp_reset fork:EAGAIN:1 setsockopt:ENOMEM:1 setsockopt:ENOMEM:2 \
        accept:EMFILE:4 kill:EPERM:1
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_reset
}
