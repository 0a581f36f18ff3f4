load ../scripts/bats_helper
# guess: I AM FIRST 3\$ \S+ (connected|tcp_client: connect).*? is anybody there\? (.*?) 2\$ -> tcp_client.*; connected .*EAGAIN.*; connected IS ANYBODY.*

@test "answers in upper case, again and again, and one client after another" {
    start tcp_server 127.0.0.1 0
    python '
for name in (b"first", b"second"):
    s = dial(sys.argv[1])
    for i in range(3):
        s.sendall(name)
        assert s.recv(100) == name.upper()
    s.close()' "$PORT"
    wait_for 'hung up'
    grep -q '^127.0.0.1:[0-9]* connected$' "$LOG"
    grep -q ' says "second" (6 bytes)$' "$LOG"
    [ "$(grep -c ' hung up (end of stream)' "$LOG")" -ge 1 ]
}

@test "changes a to z and no other of the 256 bytes" {
    start tcp_server -q 127.0.0.1 0
    python '
every = bytes(range(256))
s = dial(sys.argv[1])
s.sendall(every)
s.shutdown(socket.SHUT_WR)
expected = bytes(b - 32 if 97 <= b <= 122 else b for b in every)
assert all_of(s) == expected' "$PORT"
}

@test "a client that reads late loses nothing" {
    start tcp_server -q 127.0.0.1 0
    python '
import itertools, select
s = dial(sys.argv[1])
s.setblocking(False)
can_send = select.poll()
can_send.register(s, select.POLLOUT)
numbers = b"".join(b"line %d\n" % i for i in range(20000))
sent = bytearray()
while can_send.poll(300):  # until the server, and the way to it, are full
    sent += numbers[:s.send(numbers)]
assert len(sent) > 1 << 20
s.settimeout(10)
s.shutdown(socket.SHUT_WR)
assert all_of(s) == bytes(sent).upper()' "$PORT"
}

@test "sets no option but SO_REUSEADDR" {
    trace -e trace=setsockopt
    start tcp_server -q 127.0.0.1 0
    python 's = dial(sys.argv[1]); s.sendall(b"x"); assert s.recv(1) == b"X"' "$PORT"
    [ "$(grep -c setsockopt "$TRACE")" -eq 1 ]
    grep -q 'setsockopt(3, SOL_SOCKET, SO_REUSEADDR, \[1\], 4) = 0' "$TRACE"
}

@test "survives a reset, says so, and serves the next client" {
    start tcp_server 127.0.0.1 0
    python '
s = dial(sys.argv[1])
s.sendall(b"x")
assert s.recv(1) == b"X"
reset(s)
s = dial(sys.argv[1])
s.sendall(b"next")
assert s.recv(4) == b"NEXT"' "$PORT"
    grep -q '^tcp_server: recv from 127.0.0.1:[0-9]*: Connection reset by peer (ECONNRESET)$' "$LOG"
}

@test "survives a client that is gone before it was picked up" {
    start tcp_server 127.0.0.1 0
    python '
first = dial(sys.argv[1])
gone = dial(sys.argv[1])
reset(gone)
first.close()
s = dial(sys.argv[1])
s.sendall(b"next")
assert s.recv(4) == b"NEXT"' "$PORT"
    grep -q 'ECONNRESET' "$LOG"
}

@test "survives a client that never reads its answers and then leaves" {
    start tcp_server 127.0.0.1 0
    python '
s = dial(sys.argv[1])
s.setblocking(False)
import select
wait = select.poll()
wait.register(s, select.POLLOUT)
while wait.poll(200): # until both directions are full
    try:
        s.send(b"x" * 65536)
    except BlockingIOError:
        pass
s.close()
s = dial(sys.argv[1])
s.sendall(b"next")
assert s.recv(4) == b"NEXT"' "$PORT"
    grep -qE '^tcp_server: (send to|recv from) .* \((ECONNRESET|EPIPE)\)$' "$LOG"
}

@test "half a conversation: a client that has said all still gets its answer" {
    start tcp_server 127.0.0.1 0
    python '
s = dial(sys.argv[1])
s.sendall(b"last words")
s.shutdown(socket.SHUT_WR)
assert all_of(s) == b"LAST WORDS"' "$PORT"
}

@test "a second client is connected at once, and served when the first has left" {
    start tcp_server 127.0.0.1 0
    python '
first, second = dial(sys.argv[1]), dial(sys.argv[1])
first.sendall(b"a")
assert first.recv(1) == b"A"
second.sendall(b"b")
second.settimeout(0.2)
try:
    second.recv(1)
    sys.exit("served while the first was on the line")
except TimeoutError:
    pass
first.close()
second.settimeout(10)
assert second.recv(1) == b"B"' "$PORT"
}

@test "a peer's escape sequences do not reach the terminal" {
    start tcp_server 127.0.0.1 0
    python '
s = dial(sys.argv[1])
for peer in b"\x1b]0;x\x07 \xe2\x80\xae", b"\xc2\x9b \xff \\ \xe4\xbd\xa0":
    s.sendall(peer)
    s.recv(100)' "$PORT"
    wait_for 'hung up'
    grep -qF 'says "\033]0;x\007 \342\200\256" (' "$LOG"
    grep -qF 'says "\302\233 \377 \134 你" (' "$LOG"
    run ! env LC_ALL=C grep -q $'[\001-\010\013-\037]' "$LOG"
}

@test "a message of any length is one short line on the screen" {
    start tcp_server 127.0.0.1 0
    python '
s = dial(sys.argv[1])
s.sendall(b"\x01" * 60000)
s.shutdown(socket.SHUT_WR)
assert len(all_of(s)) == 60000' "$PORT"
    wait_for 'hung up'
    run ! grep -E '.{210}' "$LOG" # 40 bytes of four characters each
}

@test "-q prints the ready line and errors, nothing else" {
    start tcp_server -q 127.0.0.1 0
    python '
s = dial(sys.argv[1])
s.sendall(b"x")
s.recv(1)
s.close()
s = dial(sys.argv[1])
s.sendall(b"x")
s.recv(1)
reset(s)
s = dial(sys.argv[1])
s.sendall(b"x")
s.recv(1)' "$PORT"
    grep -q ECONNRESET "$LOG"
    [ "$(wc -l <"$LOG")" -eq 2 ]
}

@test "speaks IPv6" {
    grep -q . /proc/net/if_inet6 || missing "IPv6"
    start tcp_server ::ffff:127.0.0.1 0 # IPv4's loopback, as an IPv6 socket writes it
    run ! grep 'not loopback' "$LOG"
    start tcp_server ::1 0
    grep -q '^listening on \[::1\]:[0-9]*$' "$LOG"
    python '
s = socket.create_connection(("::1", int(sys.argv[1])))
s.sendall(b"six")
assert s.recv(3) == b"SIX"' "$PORT"
    grep -q '^\[::1\]:[0-9]* connected$' "$LOG"
}

@test "listens on loopback unless asked for more, and then says so" {
    start tcp_server 0.0.0.0 0
    wait_for ': other machines can connect$'
    start tcp_server 127.0.0.2 0
    run ! grep 'other machines' "$LOG"
    need_network
    UNDER=("$ROOT/scripts/sandbox") # where port 8080 is surely free
    start tcp_server
    grep -q '^listening on 127.0.0.1:8080$' "$LOG"
}

@test "a port in use: says so, and how to find out who has it" {
    start tcp_server 127.0.0.1 0
    run "$ROOT/tcp_server/tcp_server" 127.0.0.1 "$PORT"
    [ "$status" -eq 1 ]
    [[ ${lines[0]} = "tcp_server: bind: "*" (EADDRINUSE)" ]]
    [ "${lines[1]}" = "hint: who has it? ss -antup" ]
    ss -antup | grep -q ":$PORT .*tcp_server"
}

@test "takes the port back at once after it closed a connection first" {
    start tcp_server 127.0.0.1 0
    python '
s = dial(sys.argv[1])
s.sendall(b"x")
assert s.recv(1) == b"X"
os.kill(int(sys.argv[2]), 9)  # its end is now the one in TIME_WAIT
assert s.recv(1) == b""' "$PORT" "$PID"
    ended "$PID" || true
    start tcp_server 127.0.0.1 "$PORT"
}

@test "somebody else's address, and a name that nobody has" {
    run "$ROOT/tcp_server/tcp_server" 192.0.2.77 0
    [ "$status" -eq 1 ]
    [[ ${lines[0]} = "tcp_server: bind: "*" (EADDRNOTAVAIL)" ]]
    [[ ${lines[1]} = "hint: "* ]]
    run "$ROOT/tcp_server/tcp_server" no.such.name.invalid
    [ "$status" -eq 1 ]
    [[ ${lines[0]} = "tcp_server: look up no.such.name.invalid: "*" (EAI_"*")" ]]
    [[ ${lines[1]} = "hint: "* ]]
}

@test "wrong use: one line that says what, the usage line, status 2" {
    local args
    for args in '127.0.0.1 abc' '127.0.0.1 -1' '127.0.0.1 65536' '127.0.0.1 99999' \
        '127.0.0.1 8080x' '127.0.0.1 +80' '127.0.0.1 99999999999999999999' \
        '127.0.0.1 localhost' '127.0.0.1 80 80' '-b' '-qx' 8080; do
        # shellcheck disable=SC2086 # words, not one argument
        run "$ROOT/tcp_server/tcp_server" $args
        [ "$status" -eq 2 ] && [ "${#lines[@]}" -eq 2 ] &&
            [[ ${lines[0]} = "tcp_server: "* && ${lines[1]} = "usage: tcp_server "* ]] || {
            echo "tcp_server $args: status $status: $output"
            return 1
        }
    done
    for port in '' ' 80' '80 '; do
        run "$ROOT/tcp_server/tcp_server" 127.0.0.1 "$port"
        [ "$status" -eq 2 ]
        [ "${lines[0]}" = "tcp_server: '$port' is not a number that is possible here" ]
    done
}

@test "Ctrl-C and kill end it at once, also while nobody reads its output" {
    local signal
    for signal in INT TERM; do
        # A shell starts background jobs with SIGINT ignored; the server takes it back.
        start tcp_server 127.0.0.1 0
        kill -$signal "$PID"
        ended "$PID" && status=0 || status=$?
        [ "$status" -eq "$((128 + $(kill -l $signal)))" ]
        mkfifo "$BATS_TEST_TMPDIR/full.$signal"
        exec 7<>"$BATS_TEST_TMPDIR/full.$signal"
        "$ROOT/tcp_server/tcp_server" 127.0.0.1 "$PORT" >&7 2>&1 3>&- 7>&- &
        PID=$!
        PIDS+=("$PID")
        read -r <&7
        python '
s = dial(sys.argv[1])
while open("/proc/%s/wchan" % sys.argv[2]).read() not in ("pipe_write", "anon_pipe_write"):
    s.sendall(b"x"); s.recv(1)' "$PORT" "$PID" & # until its pipe is full: no answer comes
        PIDS+=("$!")
        within 10 holds pipe_write "/proc/$PID/wchan"
        kill -$signal "$PID"
        ended "$PID" && status=0 || status=$?
        [ "$status" -eq "$((128 + $(kill -l $signal)))" ]
        exec 7>&-
    done
}

@test "accept interrupted or short of descriptors: goes on, and rests if need be" {
    local error
    for error in EINTR ECONNABORTED EMFILE ENOMEM; do
        trace -e trace=accept,?nanosleep,?clock_nanosleep -e inject=accept:error=$error:when=1
        start tcp_server 127.0.0.1 0
        python '
s = dial(sys.argv[1])
s.sendall(b"x")
assert s.recv(1) == b"X"' "$PORT"
        grep -q "accept.*$error" "$TRACE"
        case $error in E[MN]*) grep -q 'nanosleep.*tv_sec=1' "$TRACE" ;; esac
    done
}

@test "recv and send interrupted: not one byte is lost" {
    trace -e trace=recvfrom,sendto -e inject=recvfrom,sendto:error=EINTR:when=1+2
    start tcp_server -q 127.0.0.1 0
    python '
s = dial(sys.argv[1])
for i in range(5):
    s.sendall(b"x%d" % i)
    assert s.recv(10) == b"X%d" % i' "$PORT"
    grep -q 'sendto.*EINTR' "$TRACE"
}

@test "survives every abuse that a client can think of, and does not grow" {
    start tcp_server 127.0.0.1 0
    "$ROOT/scripts/abuse" tcp "127.0.0.1:$PORT" "$PID"
    grep -q '^tcp_server: accept a client: .* (EMFILE)$' "$LOG"
}
