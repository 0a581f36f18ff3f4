load ../scripts/bats_helper

# client ARGS...: the client on the standard input that is given; sets $status,
# $output and $stderr (bats' run would close standard input's pipe too early).
client() {
    status=0
    timeout 20 "$ROOT/tcp_client/tcp_client" "$@" >"$BATS_TEST_TMPDIR/out" \
        2>"$BATS_TEST_TMPDIR/err" 3>&- || status=$?
    output=$(tr -d '\0' <"$BATS_TEST_TMPDIR/out")
    stderr=$(cat "$BATS_TEST_TMPDIR/err")
}

# serve CODE: a server that does CODE with its one client c. Sets $PORT.
serve() {
    LOG=$BATS_TEST_TMPDIR/serve.${#PIDS[@]}.log
    python "
s = socket.create_server(('127.0.0.1', 0))
print('listening on 127.0.0.1:%d' % s.getsockname()[1], flush=True)
c, _ = s.accept()
$1" >"$LOG" 2>&1 &
    PIDS+=("$!")
    wait_for 'listening on'
    PORT=$(sed -n 's/.*listening on .*://p' "$LOG")
}

# on_a_terminal CODE: the client on a real terminal, played by CODE with pexpect;
# t is the terminal, sys.argv[2] the port.
on_a_terminal() {
    timeout 30 /usr/bin/python3 -c "
import os, sys, pexpect
t = pexpect.spawn(sys.argv[1], ['127.0.0.1', sys.argv[2]], timeout=10, encoding='utf-8', dimensions=(24, 80))
t.expect_exact('> ')
$1" "$ROOT/tcp_client/tcp_client" "$PORT" 3>&-
}

@test "a filter: each line is a message, and standard output is clean" {
    start tcp_server 127.0.0.1 0
    client 127.0.0.1 "$PORT" < <(printf 'a\nb\nlast line without newline')
    [ "$status" -eq 0 ]
    [ "$output" = $'A\nB\nLAST LINE WITHOUT NEWLINE' ]
    wait_for 'hung up'
    grep -q ' says "b" (1 byte)' "$LOG"
    grep -q ' says "last line without newline" (25 bytes)' "$LOG"
}

@test "shows both addresses, its own with the port that the kernel chose" {
    start tcp_server 127.0.0.1 0
    client 127.0.0.1 "$PORT" <<<hello
    [[ $stderr =~ ^"connected: we are 127.0.0.1:"([0-9]+)", the server is 127.0.0.1:$PORT"$ ]]
    grep -q "^127.0.0.1:${BASH_REMATCH[1]} connected to 127.0.0.1:$PORT$" "$LOG"
}

@test "an empty line is not sent, and the first one says why" {
    start tcp_server 127.0.0.1 0
    client 127.0.0.1 "$PORT" < <(printf '\n\na\n\n')
    [ "$status" -eq 0 ]
    [ "$output" = A ]
    [ "$(grep -c 'an empty line is not sent' <<<"$stderr")" -eq 1 ]
    wait_for 'hung up'
    [ "$(grep -c ' says ' "$LOG")" -eq 1 ]
}

@test "q quits, and so does the end of input; a q inside a line does not" {
    start tcp_server 127.0.0.1 0
    client 127.0.0.1 "$PORT" < <(printf 'qq\nq\nnot sent\n')
    [ "$status" -eq 0 ]
    [ "$output" = QQ ]
    client 127.0.0.1 "$PORT" </dev/null
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "a line longer than any buffer comes back whole" {
    start tcp_server -q 127.0.0.1 0
    local long=$BATS_TEST_TMPDIR/long
    yes 'abcdefghij' | tr -d '\n' | head -c 3000001 >"$long"
    client 127.0.0.1 "$PORT" <"$long"
    [ "$status" -eq 0 ]
    cmp <(LC_ALL=C tr '[:lower:]' '[:upper:]' <"$long"; echo) "$BATS_TEST_TMPDIR/out"
}

@test "a line of exactly one buffer, and one of a buffer that ends in q" {
    start tcp_server -q 127.0.0.1 0
    local line
    line=$(printf '%016384d' 7)
    client 127.0.0.1 "$PORT" < <(printf '%s\n%sq\nend\n' "$line" "$line")
    [ "$status" -eq 0 ]
    [ "$output" = "$line"$'\n'"${line}Q"$'\nEND' ]
}

@test "all bytes but the newline pass through a pipe unharmed" {
    start tcp_server -q 127.0.0.1 0
    python 'sys.stdout.buffer.write(bytes(b for b in range(256) if b != 10) + b"\n")' \
        >"$BATS_TEST_TMPDIR/bytes"
    client 127.0.0.1 "$PORT" <"$BATS_TEST_TMPDIR/bytes"
    [ "$status" -eq 0 ]
    cmp <(LC_ALL=C tr '[:lower:]' '[:upper:]' <"$BATS_TEST_TMPDIR/bytes") "$BATS_TEST_TMPDIR/out"
}

@test "an answer in pieces is put together" {
    serve '
for piece in (b"HE", b"L", b"LO"):
    if piece == b"HE":
        c.recv(100)
    c.sendall(piece)
    # The next piece only after the client has acknowledged this one.
    while struct.unpack("i", __import__("fcntl").ioctl(c, 0x5411, b"    "))[0]:
        pass
assert c.recv(100) == b"next"
c.sendall(b"NEXT")'
    client 127.0.0.1 "$PORT" < <(printf 'hello\nnext\n')
    [ "$status" -eq 0 ]
    [ "$output" = $'HELLO\nNEXT' ]
}

@test "an answer shorter than the question is taken at its newline" {
    serve '
c.recv(100)
c.sendall(b"ok\n")
c.recv(100)
c.sendall(b"2\n")'
    client 127.0.0.1 "$PORT" < <(printf 'hello\nhello\n')
    [ "$status" -eq 0 ]
    [ "$output" = $'ok\n2' ]
}

@test "a short answer without a newline costs two seconds, then it is an error" {
    serve '
c.recv(100)
c.sendall(b"hm")
assert c.recv(1) == b""'
    client 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 1 ]
    [ "$output" = hm ]
    [[ $stderr = *"tcp_client: recv: Resource temporarily unavailable (EAGAIN)"*"hint: "* ]]
}

@test "a server that hangs up in the middle" {
    serve '
c.recv(100)
c.close()'
    client 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 1 ]
    [[ $stderr = *"the server hung up (end of stream)" ]]
}

@test "a server that resets" {
    serve '
c.recv(100)
reset(c)'
    client 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 1 ]
    [[ $stderr = *"tcp_client: recv: Connection reset by peer (ECONNRESET)" ]]
}

@test "a server that never answers" {
    serve 'assert c.recv(100) == b"hello"; c.recv(1)'
    client 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 1 ]
    [[ $stderr = *"(EAGAIN)"*"another client"* ]]
}

@test "a server that never picks up: connected, but not served" {
    LOG=$BATS_TEST_TMPDIR/log
    python '
s = socket.create_server(("127.0.0.1", 0), backlog=0)
print("listening on 127.0.0.1:%d" % s.getsockname()[1], flush=True)
sys.stdin.read()' >"$LOG" < <(sleep 20) &
    PIDS+=("$!")
    wait_for 'listening on'
    PORT=$(sed 's/.*://' "$LOG")
    client 127.0.0.1 "$PORT" <<<hello & # takes the queue's one place
    PIDS+=("$!")
    wait_for '^connected' "$BATS_TEST_TMPDIR/err"
    run timeout 10 "$ROOT/tcp_client/tcp_client" 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 1 ]
    [[ ${lines[0]} = "tcp_client: connect to 127.0.0.1:$PORT: "*" (EINPROGRESS)" ]]
    [[ ${lines[1]} = "hint: no answer in time: "* ]]
}

@test "refused: errno's name and a hint" {
    client 127.0.0.1 1 </dev/null
    [ "$status" -eq 1 ]
    [ "$stderr" = "tcp_client: connect to 127.0.0.1:1: Connection refused (ECONNREFUSED)
hint: nothing listens there; start tcp_server first" ]
}

@test "unreachable: errno's name and a hint" {
    run "$ROOT/scripts/sandbox" "$ROOT/tcp_client/tcp_client" 192.0.2.1 80
    [ "$status" -eq 1 ]
    [[ ${lines[0]} = "tcp_client: connect to 192.0.2.1:80: "*" (ENETUNREACH)" ]]
    [[ ${lines[1]} = "hint: no way leads there"* ]]
}

@test "a name that nobody has" {
    client no.such.name.invalid </dev/null
    [ "$status" -eq 1 ]
    [[ $stderr = "tcp_client: look up no.such.name.invalid: "*" (EAI_"*")"*"hint: "* ]]
}

@test "tries each address of a name until one answers" {
    start tcp_server 127.0.0.1 0
    # A private /etc/hosts in which the name has two addresses, the first dead.
    printf '::1 twofold\n127.0.0.1 twofold\n' >"$BATS_TEST_TMPDIR/hosts"
    run unshare -Urm bash -c "mount --bind '$BATS_TEST_TMPDIR/hosts' /etc/hosts &&
        '$ROOT/tcp_client/tcp_client' twofold $PORT <<<hello"
    [[ $output != *"ermission denied"* ]] || missing "a mount namespace"
    [ "$status" -eq 0 ]
    [[ $output = *"connect to [::1]:$PORT: "*"connected: we are 127.0.0.1:"*HELLO ]]
}

@test "speaks IPv6" {
    grep -q . /proc/net/if_inet6 || missing "IPv6"
    start tcp_server ::1 0
    client ::1 "$PORT" <<<six
    [ "$status" -eq 0 ]
    [ "$output" = SIX ]
    [[ $stderr = "connected: we are [::1]:"*", the server is [::1]:$PORT" ]]
}

@test "connect and recv interrupted: goes on" {
    start tcp_server 127.0.0.1 0
    run strace -qq -e trace=connect,recvfrom -e inject=connect,recvfrom:error=EINTR:when=1 \
        -o "$BATS_TEST_TMPDIR/trace" "$ROOT/tcp_client/tcp_client" 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = HELLO ]
    [ "$(grep -c EINTR "$BATS_TEST_TMPDIR/trace")" -eq 2 ]
}

@test "wrong use: one line that says what, the usage line, status 2" {
    local args
    for args in '127.0.0.1 abc' '127.0.0.1 0' '127.0.0.1 65536' '127.0.0.1 99999' \
        '127.0.0.1 localhost' '127.0.0.1 80 80' '-x'; do
        # shellcheck disable=SC2086 # words, not one argument
        run "$ROOT/tcp_client/tcp_client" $args
        [ "$status" -eq 2 ] && [ "${#lines[@]}" -eq 2 ] &&
            [[ ${lines[0]} = "tcp_client: "* && ${lines[1]} = "usage: tcp_client "* ]] || {
            echo "tcp_client $args: status $status: $output"
            return 1
        }
    done
}

@test "a reader of our answers who walks away ends us, with a message" {
    start tcp_server -q 127.0.0.1 0
    run bash -c "yes | timeout 20 '$ROOT/tcp_client/tcp_client' 127.0.0.1 $PORT | head -n 1
        exit \${PIPESTATUS[1]}"
    [ "$status" -eq 1 ]
    [[ $output = *"write to standard output: Broken pipe (EPIPE)" ]]
}

@test "on a terminal: prompts, and the server's bytes made safe" {
    serve '
c.recv(100)
c.sendall(b"\x1b]0;x\x07\n")
c.recv(100)
c.sendall("你好\n".encode())
c.recv(1)'
    on_a_terminal '
t.sendline("hello")
t.expect_exact("\\033]0;x\\a\\n\r\n> ")
t.sendline("hello")
t.expect_exact("你好\\n\r\n> ")
t.sendline("q")
t.expect(pexpect.EOF)
t.close()
assert t.exitstatus == 0, t'
}

@test "on a terminal: a late answer is shown when it comes" {
    start tcp_server 127.0.0.1 0
    on_a_terminal '
second = pexpect.spawn(sys.argv[1], ["127.0.0.1", sys.argv[2]], timeout=10, encoding="utf-8")
second.expect_exact("> ")
second.sendline("anybody?")
second.expect_exact("(EAGAIN)")
second.expect_exact("> ")
t.sendline("q")
second.expect_exact("ANYBODY?\r\n> ")
second.sendline("q")
second.expect(pexpect.EOF)
second.close()
assert second.exitstatus == 0, second'
}

@test "on a terminal: a server that hangs up while we may type is noticed at once" {
    start tcp_server 127.0.0.1 0
    on_a_terminal "
t.sendline('hello')
t.expect_exact('HELLO\r\n> ')
os.kill($PID, 15)
t.expect_exact('the server hung up (end of stream)')
t.expect(pexpect.EOF)
t.close()
assert t.exitstatus == 0, t"
}

@test "on a terminal: Ctrl-C leaves at once" {
    start tcp_server 127.0.0.1 0
    on_a_terminal '
t.sendcontrol("c")
t.expect(pexpect.EOF)
t.close()
assert t.signalstatus == 2, t'
    wait_for 'hung up'
}
