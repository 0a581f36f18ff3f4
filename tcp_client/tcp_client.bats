load ../scripts/bats_helper
# guess: connected: we are 127\.0\.0\.1:(\d+) -> 0; 8080; (?!8080)[1-9]\d+

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

@test "shows its own address, with the port that the kernel chose" {
    start tcp_server 127.0.0.1 0
    client 127.0.0.1 "$PORT" <<<hello
    [[ $stderr =~ ^"connected: we are 127.0.0.1:"([0-9]+)$ ]]
    grep -q "^127.0.0.1:${BASH_REMATCH[1]} connected$" "$LOG"
}

@test "an empty line is not sent, and that is said" {
    start tcp_server 127.0.0.1 0
    client 127.0.0.1 "$PORT" < <(printf '\n\na\n\n')
    [ "$status" -eq 0 ]
    [ "$output" = A ]
    [ "$(grep -c 'an empty line is not sent' <<<"$stderr")" -eq 3 ]
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
    [[ $stderr = *"tcp_client: recv an answer: Resource temporarily unavailable (EAGAIN)"*"hint: "* ]]
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
    [[ $stderr = *"tcp_client: recv an answer: Connection reset by peer (ECONNRESET)" ]]
}

@test "a server that never answers" {
    serve 'assert c.recv(100) == b"hello"; c.recv(1)'
    client 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 1 ]
    [[ $stderr = *"(EAGAIN)"*"hint: is it serving another?"* ]]
}

@test "refused: errno's name and a hint" {
    client 127.0.0.1 1 </dev/null
    [ "$status" -eq 1 ]
    [ "$stderr" = "tcp_client: connect to 127.0.0.1:1: Connection refused (ECONNREFUSED)
hint: start tcp_server there first" ]
}

@test "unreachable: errno's name" {
    need_network
    run "$ROOT/scripts/sandbox" "$ROOT/tcp_client/tcp_client" 192.0.2.1 80
    [ "$status" -eq 1 ]
    [[ ${lines[0]} = "tcp_client: connect to 192.0.2.1:80: "*" (ENETUNREACH)" ]]
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
    [[ $output != *"ermission denied"* && $output != *"unshare failed"* ]] || missing "a mount namespace"
    [ "$status" -eq 0 ]
    [[ $output = *"connect to [::1]:$PORT: "*"connected: we are 127.0.0.1:"*HELLO ]]
}

@test "speaks IPv6" {
    grep -q . /proc/net/if_inet6 || missing "IPv6"
    start tcp_server ::1 0
    client ::1 "$PORT" <<<six
    [ "$status" -eq 0 ]
    [ "$output" = SIX ]
    [[ $stderr = "connected: we are [::1]:"* ]]
}

@test "recv interrupted (Ctrl-Z, fg): goes on" {
    start tcp_server 127.0.0.1 0
    run strace -qq -e trace=recvfrom -e inject=recvfrom:error=EINTR:when=1 \
        -o "$BATS_TEST_TMPDIR/trace" "$ROOT/tcp_client/tcp_client" 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = HELLO ]
    [ "$(grep -c EINTR "$BATS_TEST_TMPDIR/trace")" -eq 1 ]
}

@test "wrong use: one line that says what, the usage line, status 2" {
    local args
    for args in '127.0.0.1 abc' '127.0.0.1 65536' '127.0.0.1 99999' \
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
    [[ $output = *"write to standard output: Broken pipe (EPIPE)" ]] && [ "$(grep -c EPIPE <<<"$output")" -eq 1 ]
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
t.expect_exact("\\033]0;x\\007\r\n> ")
t.sendline("hello")
t.expect_exact("你好\r\n> ")
t.sendline("q")
t.expect(pexpect.EOF)
t.close()
assert t.exitstatus == 0, t'
}

@test "on a terminal: a late answer comes with the next line" {
    start tcp_server 127.0.0.1 0
    on_a_terminal '
second = pexpect.spawn(sys.argv[1], ["127.0.0.1", sys.argv[2]], timeout=10, encoding="utf-8")
second.expect_exact("> ")
second.sendline("anybody?")
second.expect_exact("(EAGAIN)")
second.expect_exact("> ")
t.sendline("q")
t.expect(pexpect.EOF)
second.sendline("hello")
second.expect_exact("ANYBODY?HELLO\r\n> ")
second.sendline("q")
second.expect(pexpect.EOF)
second.close()
assert second.exitstatus == 0, second'
}

@test "on a terminal: that the server is gone is noticed at the next line" {
    start tcp_server 127.0.0.1 0
    on_a_terminal "
t.sendline('hello')
t.expect_exact('HELLO\r\n> ')
os.kill($PID, 9)
t.sendline('still there?')
t.expect('the server hung up|ECONNRESET')
t.expect(pexpect.EOF)
t.close()
assert t.exitstatus == 1, t"
}

@test "on a terminal: two lines pasted at once are two messages, with or without line editing" {
    start tcp_server 127.0.0.1 0
    on_a_terminal '
import termios
for canonical in True, False:
    if not canonical:
        mode = termios.tcgetattr(t.child_fd); mode[3] &= ~termios.ICANON
        termios.tcsetattr(t.child_fd, termios.TCSANOW, mode)
    t.send("one\ntwo\n")
    t.expect_exact("ONE"); t.expect_exact("TWO"); t.expect_exact("> ")'
    [ "$(grep -c ' says "one"' "$LOG")" -eq 2 ]
}

@test "on a terminal: text, Ctrl-D, Ctrl-D: the text is sent, and nothing is left for the shell" {
    start tcp_server 127.0.0.1 0
    timeout 30 /usr/bin/python3 - "$ROOT/tcp_client/tcp_client" 127.0.0.1 "$PORT" 3>&- <<'END'
import sys, pexpect
t = pexpect.spawn("sh", timeout=10, encoding="utf-8", env={"PS1": "shell% "})
t.expect_exact("shell% ")
t.sendline(" ".join(sys.argv[1:]))
t.expect_exact("> ")
t.send("text"); t.sendcontrol("d"); t.sendcontrol("d")
t.expect_exact("TEXT\r\n")
t.expect_exact("shell% ")
t.sendline("echo status $?"); t.expect_exact("status 0\r\n"); t.expect_exact("shell% ")
END
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
