# udp_demo, both roles, and `make demo-udp` in real terminals.
load ../scripts/bats_helper

# client ARGS...: the client on the standard input that is given; sets $status,
# $output and $stderr (bats' run would close standard input's pipe too early).
client() {
    status=0
    timeout 20 "$ROOT/udp_demo/udp_demo" client "$@" >"$BATS_TEST_TMPDIR/out" \
        2>"$BATS_TEST_TMPDIR/err" 3>&- || status=$?
    output=$(tr -d '\0' <"$BATS_TEST_TMPDIR/out")
    stderr=$(cat "$BATS_TEST_TMPDIR/err")
}

# serve CODE: a server in Python; s is its socket. Sets $PORT.
serve() {
    LOG=$BATS_TEST_TMPDIR/serve.${#PIDS[@]}.log
    python "
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 0))
print('listening on 127.0.0.1:%d' % s.getsockname()[1], flush=True)
$1" >"$LOG" 2>&1 &
    PIDS+=("$!")
    wait_for 'listening on'
    PORT=$(sed -n 's/.*listening on .*://p' "$LOG")
}

# says BYTES: a Python expression for a datagram; prints what the server answers.
says() {
    python "
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto($1, ('127.0.0.1', $PORT))
data, address = s.recvfrom(70000)
assert address == ('127.0.0.1', $PORT)
sys.stdout.buffer.write(data)"
}

# in_terminals CODE: Python with pexpect in a private network, where port 8080 is
# free; demo(WORDS) types `make WORDS` in a terminal of its own and returns it.
in_terminals() {
    /usr/bin/python3 -c 'import pexpect' || missing "python3-pexpect"
    cat >"$BATS_TEST_TMPDIR/terminals.py" <<END
import os, re, signal, socket, subprocess
import pexpect
ROOT = "$ROOT"
def demo(words="demo-udp"):
    return pexpect.spawn("make", ["-s", *words.split()], cwd=ROOT, timeout=10,
                         encoding="utf-8", dimensions=(24, 80))
def server(t):
    t.expect_exact("This terminal becomes the server.")
    t.expect(r"listening on \S+:8080\r\n")
def client(t):
    t.expect_exact("sending to 127.0.0.1:8080")
    t.expect_exact("> ")
def talk(t, words):
    t.sendline(words)
    t.expect_exact(words.upper() + "\r\n> ")
def end(t, key):
    t.sendcontrol(key)
    t.expect(pexpect.EOF)
    t.close()
    assert "***" not in t.before, t.before
    return t.exitstatus
def failed(t):
    t.expect(pexpect.EOF)
    t.close()
    assert t.exitstatus != 0
def interrupt(t):
    end(t, "c")
    assert t.before.endswith("stopped by a signal, all sockets closed\r\n"), t.before
$1
END
    timeout 60 "$ROOT/scripts/sandbox" /usr/bin/python3 "$BATS_TEST_TMPDIR/terminals.py" 3>&-
}

@test "server: answers in upper case, and shows who said what" {
    start udp_demo server 127.0.0.1 0
    [ "$(says "'Grüße, 1 x\\n'.encode()")" = 'GRüßE, 1 X' ]
    wait_for '^127\.0\.0\.1:[0-9]+ says "Grüße, 1 x\\n" \(13 bytes\)$'
}

@test "server: clients are served in the order of their datagrams" {
    start udp_demo server 127.0.0.1 0
    run python "
a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in 'ab')
os.kill($PID, 19)
for s, words in (a, b'a1'), (b, b'b1'), (a, b'a2'), (b, b'b2'):
    s.sendto(words, ('127.0.0.1', $PORT))
os.kill($PID, 18)
assert [a.recv(9), a.recv(9), b.recv(9), b.recv(9)] == [b'A1', b'A2', b'B1', b'B2']
for s in a, b, a, b:
    print('127.0.0.1:%d' % s.getsockname()[1])"
    [ "$status" -eq 0 ]
    [ "$(sed -n 's/ says.*//p' "$LOG")" = "$output" ]
}

@test "server: an empty datagram is answered with one, and ends nothing" {
    start udp_demo server 127.0.0.1 0
    [ -z "$(says "b''")" ]
    wait_for ' says "" \(0 bytes: an empty datagram\)$'
    [ "$(says "b'still there'")" = 'STILL THERE' ]
}

@test "server: what is longer than its buffer is reported as cut" {
    reported() { [ "$(grep -c '^(cut to 1024 bytes: the tail is gone)$' "$LOG")" -eq "$1" ]; }
    start udp_demo server 127.0.0.1 0
    [ "$(says "b'a' * 1024" | wc -c)" -eq 1024 ]
    wait_for ' \(1024 bytes\)$'
    reported 0
    [ "$(says "b'a' * 1025" | wc -c)" -eq 1024 ]
    wait_for ' \(1025 bytes\)$'
    reported 1
    [ "$(says "b'a' * 65507" | wc -c)" -eq 1024 ]
    wait_for ' \(65507 bytes\)$'
    reported 2
}

@test "server: bytes that could harm a terminal are escaped" {
    start udp_demo server 127.0.0.1 0
    says "b'\\033]0;x\\007\\xff'" >"$BATS_TEST_TMPDIR/answer"
    wait_for 'says "\\033\]0;x\\a\\377" \(7 bytes\)'
    run ! grep -q $'\033' "$LOG"
}

@test "server: a sender that cannot be answered, and one that forges our address" {
    "$ROOT/scripts/sandbox" true || missing "a private network"
    local host
    for host in 127.0.0.1 0.0.0.0; do
        run timeout 20 "$ROOT/scripts/sandbox" /usr/bin/python3 -c "
import socket, struct, subprocess
server = subprocess.Popen(['$ROOT/udp_demo/udp_demo', 'server', '$host', '9000'],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
assert server.stdout.readline() == 'listening on $host:9000\n'
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
for port in 0, 9000: # checksum 0: none was computed
    raw.sendto(struct.pack('!4H', port, 9000, 10, 0) + b'ha', ('127.0.0.1', 9000))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
for words in b'alive', b'and well': # an answer to itself would be between the two
    s.sendto(words, ('127.0.0.1', 9000))
    assert s.recv(9) == words.upper()
server.terminate()
print(server.stdout.read())
assert server.wait(10) == 0" 3>&-
        [ "$status" -eq 0 ]
        [[ $output = *"udp_demo: sendto 127.0.0.1:0: Invalid argument (EINVAL)"* ]]
        [ "$(grep -c 'says "ha"' <<<"$output")" -eq 2 ]
        [[ ${output^^} != *'SAYS "HA"'*'SAYS "HA"'*'SAYS "HA"'* ]]
        [[ $output = *"that is our own port: forged, not answered"* ]]
    done
}

@test "server: sendto that fails costs one answer, not the server" {
    trace -e trace=sendto -e inject=sendto:error=EPERM:when=1
    start udp_demo server 127.0.0.1 0
    run python "
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for words in b'one', b'two':
    s.sendto(words, ('127.0.0.1', $PORT))
assert s.recv(9) == b'TWO'"
    [ "$status" -eq 0 ]
    grep -q '^udp_demo: sendto 127.0.0.1:[0-9]*: Operation not permitted (EPERM)$' "$LOG"
}

@test "server: memory that runs out for a moment does not end it" {
    trace -e trace=recvfrom -e inject=recvfrom:error=ENOBUFS:when=1..3
    start udp_demo server 127.0.0.1 0
    [ "$(says "b'still there'")" = 'STILL THERE' ]
    [ "$(grep -c '^udp_demo: recvfrom: No buffer space available (ENOBUFS)$' "$LOG")" -eq 3 ]
}

# fails_at CALL ARGS...: with CALL failing, the program ends with status 1 and
# names it.
fails_at() {
    command -v strace >/dev/null || missing strace
    run timeout 20 strace -qq -o /dev/null -e trace="$1" -e inject="$1:error=EBADF" \
        "$ROOT/udp_demo/udp_demo" "${@:2}" <<<hello
    [ "$status" -eq 1 ] && grep -q "^udp_demo: $1.*: Bad file descriptor (EBADF)$" <<<"$output" || {
        echo "$*: status $status: $output"
        return 1
    }
}

@test "a call that fails is named, with its errno; status 1" {
    local call
    for call in socket bind getsockname recvfrom; do
        fails_at "$call" server 127.0.0.1 0
    done
    start udp_demo server 127.0.0.1 0
    for call in socket sendto getsockname poll recvfrom; do
        fails_at "$call" client 127.0.0.1 "$PORT"
    done
}

@test "server: a port that is taken: errno's name, who has it, another one" {
    start udp_demo server 127.0.0.1 0
    run timeout 10 "$ROOT/udp_demo/udp_demo" server 127.0.0.1 "$PORT"
    [ "$status" -eq 1 ]
    [[ ${lines[0]} = "udp_demo: bind to 127.0.0.1 port $PORT: "*" (EADDRINUSE)" ]]
    [ "${lines[1]}" = "hint: see who has that port: ss -lunp 'sport = :$PORT'" ]
    [[ ${lines[2]} = "hint: or take another one: udp_demo server 127.0.0.1 "* ]]
    [ "$(says "b'mine'")" = MINE ] # nothing was taken away from the first one
}

@test "server: ends on SIGINT and SIGTERM, status 0, with a closing line" {
    local signal
    for signal in INT TERM; do
        start udp_demo server 127.0.0.1 0
        python "
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b'', ('127.0.0.1', $PORT))
s.recv(9)"
        kill -"$signal" "$PID"
        ended "$PID"
        [ "$(tail -n 1 "$LOG")" = "stopped by a signal, all sockets closed" ]
    done
}

@test "client: a filter; each line is a datagram, an empty one too" {
    start udp_demo server 127.0.0.1 0
    client 127.0.0.1 "$PORT" < <(printf 'a\n\nlast line without newline')
    [ "$status" -eq 0 ]
    [ "$output" = $'A\n\nLAST LINE WITHOUT NEWLINE' ]
    grep -q ' says "" (0 bytes: an empty datagram)$' "$LOG"
    [ "$(grep -c ' says ' "$LOG")" -eq 3 ]
}

@test "client: one address for all its questions, which the first sendto gave it" {
    start udp_demo server 127.0.0.1 0
    client 127.0.0.1 "$PORT" < <(printf 'a\nb\n')
    [[ $stderr = "sending to 127.0.0.1:$PORT; "* ]]
    [[ $stderr =~ "(by sendto our socket got the address 0.0.0.0:"([0-9]+)")" ]]
    [ "$(grep -c "^127.0.0.1:${BASH_REMATCH[1]} says " "$LOG")" -eq 2 ]
}

@test "client: q quits, so does the end of input; a q inside a line does not" {
    start udp_demo server 127.0.0.1 0
    client 127.0.0.1 "$PORT" < <(printf 'qq\nq\nnot sent\n')
    [ "$status" -eq 0 ]
    [ "$output" = QQ ]
    client 127.0.0.1 "$PORT" </dev/null
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "client: silence is bounded, has two possible reasons, and is survived" {
    serve '
assert s.recv(9) == b"one"
data, client = s.recvfrom(9)
s.sendto(b"TWO", client)'
    client 127.0.0.1 "$PORT" < <(printf 'one\ntwo\n')
    [ "$status" -eq 1 ]
    [ "$output" = TWO ]
    [[ $stderr = *$'\nno answer: lost, or nobody is there\nhint: '* ]]
}

@test "client: nobody there at all looks just the same" {
    run timeout 20 "$ROOT/scripts/sandbox" bash -c "'$ROOT/udp_demo/udp_demo' client <<<one"
    [ "$status" -eq 1 ]
    [[ $output = *$'\nno answer: lost, or nobody is there\nhint: '* ]]
}

@test "client: a late answer is recognised, and one that comes twice" {
    serve '
data, client = s.recvfrom(9)
def answer(*all):
    for words in all:
        s.sendto(words, client)
assert s.recv(9) == b"two"
assert s.recv(9) == b"three"
answer(b"TWO", b"ONE", b"THREE") # only now the two that are missed
assert s.recv(9) == b"four"
answer(b"THREE", b"FOUR", b"FOUR")
assert s.recv(9) == b"five"
answer(b"FIVE")'
    client 127.0.0.1 "$PORT" < <(printf 'one\ntwo\nthree\nfour\nfive\n')
    [ "$status" -eq 1 ] # two had no answer in time
    [ "$output" = $'THREE\nFOUR\nFIVE' ]
    [ "$(grep -c '^no answer' <<<"$stderr")" -eq 2 ]
    [ "$(grep -c '^hint' <<<"$stderr")" -eq 1 ]
    [ "$(grep '^(late: ' <<<"$stderr" | cut -d'"' -f2 | xargs)" = 'TWO ONE THREE FOUR' ]
}

@test "client: the same words again after silence get their answer" {
    serve '
s.recv(9)
data, client = s.recvfrom(9)
s.sendto(b"HELLO", client)'
    client 127.0.0.1 "$PORT" < <(printf 'hello\nhello\n')
    [ "$output" = HELLO ]
    [[ $stderr != *late* ]]
}

@test "client: a stranger's answer is not the server's" {
    serve '
stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
data, client = s.recvfrom(9)
stranger.sendto(b"HELLO", client)
s.sendto(b"hello to you", client)'
    client 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 0 ]
    [ "$output" = "hello to you" ]
    [[ $stderr =~ "(a stranger, 127.0.0.1:"[0-9]+', says "HELLO": not our server' ]]
}

@test "client: chattering strangers do not make the wait any longer" {
    serve '
stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
data, client = s.recvfrom(9)
s.settimeout(0.2)
for i in range(50):
    stranger.sendto(b"psst", client)
    try:
        s.recv(9) # nothing comes: in 0.2 s the next word
    except TimeoutError:
        pass'
    SECONDS=0
    client 127.0.0.1 "$PORT" <<<hello
    [ "$SECONDS" -lt 8 ]
    [ "$status" -eq 1 ]
    [[ $stderr = *"no answer: "* ]]
}

@test "client: says how much of a long line the server took" {
    start udp_demo server 127.0.0.1 0
    client 127.0.0.1 "$PORT" < <(printf '%02000d\n' 7)
    [ "$status" -eq 0 ]
    [ "${#output}" -eq 1024 ]
    [[ $stderr = *"(of 2000 bytes the server had room for 1024)" ]]
}

@test "client: 65507 bytes fit into a datagram, one more is refused by the kernel" {
    start udp_demo server 127.0.0.1 0
    client 127.0.0.1 "$PORT" < <(printf '%065507d\n%065508d\n%0200000d\nnext\n' 1 2 3)
    [ "$status" -eq 1 ]
    [ "${output: -5}" = $'\nNEXT' ]
    [ "$(grep -c ' says ' "$LOG")" -eq 2 ]
    [ "$(grep -c "^udp_demo: sendto 127.0.0.1:$PORT: .* (EMSGSIZE)$" <<<"$stderr")" -eq 2 ]
}

@test "client: no way there: sendto is named, with errno" {
    run timeout 20 "$ROOT/scripts/sandbox" bash -c "'$ROOT/udp_demo/udp_demo' client 192.0.2.1 80 <<<one"
    [ "$status" -eq 1 ]
    [[ ${lines[-1]} = "udp_demo: sendto 192.0.2.1:80: "*" (ENETUNREACH)" ]]
}

@test "client: calls that are interrupted are made again" {
    command -v strace >/dev/null || missing strace
    start udp_demo server 127.0.0.1 0
    run timeout 20 strace -qq -e trace=sendto,recvfrom,poll \
        -e inject=sendto,recvfrom,poll:error=EINTR:when=1 -o "$BATS_TEST_TMPDIR/trace" \
        "$ROOT/udp_demo/udp_demo" client 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = HELLO ]
    [ "$(grep -c EINTR "$BATS_TEST_TMPDIR/trace")" -eq 3 ]
}

@test "client: a reader of our answers who walks away ends us, with a message" {
    start udp_demo server 127.0.0.1 0
    run bash -c "yes | timeout 20 '$ROOT/udp_demo/udp_demo' client 127.0.0.1 $PORT | head -n 1
        exit \${PIPESTATUS[1]}"
    [ "$status" -eq 1 ]
    [[ $output = *"write to standard output: Broken pipe (EPIPE)" ]]
}

@test "client: on a terminal the server's bytes are made safe, and late ones shown" {
    serve '
data, client = s.recvfrom(9)
s.sendto(b"\x1b]0;x\x07", client)
assert s.recv(9) == b"next"
s.sendto(b"one", client)
s.sendto(b"\x1b[2J", client)'
    timeout 30 /usr/bin/python3 -c '
import sys, pexpect
t = pexpect.spawn(sys.argv[1], ["client", "127.0.0.1", sys.argv[2]], timeout=10, encoding="utf-8", dimensions=(24, 80))
t.expect_exact("> ")
t.sendline("hello")
t.expect_exact("\\033]0;x\\a\r\n> ")
t.sendline("next")
t.expect_exact("one\r\n> ")
t.expect_exact("(late: \"\\033[2J\"")
t.expect_exact("> ")
t.sendline("q")
t.expect(pexpect.EOF)
t.close()
assert t.exitstatus == 0, t' "$ROOT/udp_demo/udp_demo" "$PORT" 3>&-
}

@test "both: IPv6" {
    grep -q . /proc/net/if_inet6 || missing "IPv6"
    start udp_demo server ::1 0
    grep -q "^listening on \[::1\]:$PORT$" "$LOG"
    client ::1 "$PORT" <<<six
    [ "$status" -eq 0 ]
    [ "$output" = SIX ]
}

@test "both: every interface is found from its own machine; serving it is said" {
    start udp_demo server 0.0.0.0 0
    wait_for '^on every interface: other machines can send$'
    client 0.0.0.0 "$PORT" <<<here
    [ "$output" = HERE ]
}

@test "both: netcat and socat are other sides" {
    local tool words
    start udp_demo server 127.0.0.1 0
    words="nobody has netcat or socat here"
    for tool in "nc -u -w 1 127.0.0.1 $PORT" "socat -t 1 - UDP:127.0.0.1:$PORT"; do
        command -v "${tool%% *}" >/dev/null || continue
        # shellcheck disable=SC2086 # words, not one argument
        words=$(timeout 10 $tool <<<hello)
        [ "$words" = HELLO ]
    done
    [ "$words" = HELLO ] || skip "$words"
}

@test "client: netcat and socat are servers, too" {
    "$ROOT/scripts/sandbox" true || missing "a private network" # port 9000 is free there
    local tool words="nobody has netcat or socat here"
    for tool in 'nc -u -l 127.0.0.1 9000' 'socat UDP-LISTEN:9000,bind=127.0.0.1 PIPE'; do
        command -v "${tool%% *}" >/dev/null || continue
        # shellcheck disable=SC2016 # expanded inside; 2328 is 9000
        words=$(timeout 20 "$ROOT/scripts/sandbox" bash -c '
            $1 < <(echo hello) >/dev/null &
            until grep -q ":2328 " /proc/net/udp; do sleep 0.02; done
            "$2" client 127.0.0.1 9000 <<<hello
            kill $!' bash "$tool" "$ROOT/udp_demo/udp_demo" 3>&-)
        [ "$words" = hello ]
    done
    [ "$words" = hello ] || skip "$words"
}

@test "wrong use: one line that says what, the usage line, status 2" {
    local args
    for args in '' 'servers' 'client 127.0.0.1 0' 'client 127.0.0.1 65536' \
        'server 127.0.0.1 99999' 'server 127.0.0.1 80 80' '-x' 'client -x'; do
        # shellcheck disable=SC2086 # words, not one argument
        run timeout 10 "$ROOT/udp_demo/udp_demo" $args
        [ "$status" -eq 2 ] && [ "${#lines[@]}" -eq 2 ] &&
            [[ ${lines[0]} = "udp_demo: "* && ${lines[1]} = "usage: udp_demo "* ]] || {
            echo "udp_demo $args: status $status: $output"
            return 1
        }
    done
}

@test "make demo-udp: the first terminal is the server, all others clients" {
    in_terminals '
a = demo(); server(a)
b = demo(); client(b); talk(b, "hello")
c = demo("demo-udp_demo"); client(c); talk(c, "me too"); talk(b, "and I")
assert end(b, "d") == 0
assert end(c, "d") == 0
interrupt(a)'
}

@test "make demo-udp: typed at the same moment: one server, one client" {
    in_terminals '
for attempt in range(5):
    both = [demo(), demo()]
    roles = [t.expect([r"listening on \S+\r\n", "sending to "]) for t in both]
    assert sorted(roles) == [0, 1], roles
    a, b = both if roles == [0, 1] else reversed(both)
    b.expect_exact("> ")
    talk(b, "hello")
    assert end(b, "d") == 0
    interrupt(a)'
}

@test "make demo-udp: after kill -9 of the server the next one becomes the server" {
    in_terminals '
a = demo(); server(a)
b = demo(); client(b); talk(b, "hello") # a client is left, and is no server
who = subprocess.run(["ss", "-Hlunp", "sport = :8080"], capture_output=True, text=True).stdout
os.kill(int(re.search(r"pid=(\d+)", who)[1]), signal.SIGKILL)
failed(a)
a = demo(); server(a)
talk(b, "hello again")
assert end(b, "d") == 0
interrupt(a)'
}

@test "make demo-udp: HOST= and PORT= pass through, and into the words shown" {
    in_terminals '
words = "demo-udp HOST=127.0.0.2 PORT=9000"
a = demo(words)
a.expect_exact("make " + words)
a.expect_exact("listening on 127.0.0.2:9000")
b = demo(words)
b.expect_exact("sending to 127.0.0.2:9000")
b.expect_exact("> ")
assert end(b, "d") == 0
interrupt(a)
a = demo("demo-udp PORT=nonsense")
a.expect_exact("PORT \x27nonsense\x27 is not a number")
failed(a)'
}

@test "make demo-udp-server and demo-udp-client choose the role" {
    in_terminals '
b = demo("demo-udp-client"); client(b)
a = demo("demo-udp-server"); a.expect_exact("listening on 127.0.0.1:8080")
talk(b, "hello")
assert end(b, "d") == 0
second = demo("demo-udp-server")
second.expect_exact("(EADDRINUSE)")
failed(second)
interrupt(a)'
}

@test "make demo-udp: a port that another program has: who, and what to type" {
    in_terminals '
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other.bind(("127.0.0.1", 8080))
a = demo()
a.expect(r"bind to 127\.0\.0\.1 port 8080: [^\r]* \(EADDRINUSE\)\r")
a.expect_exact("ss -lunp \x27sport = :8080\x27")
a.expect_exact("Another program has that address.")
a.expect_exact("make demo-udp PORT=8081")
failed(a)'
}

@test "make demo-udp: HOST is another computer: this terminal becomes a client" {
    in_terminals '
a = demo("demo-udp HOST=192.0.2.7")
a.expect_exact("(EADDRNOTAVAIL)")
a.expect_exact("This terminal becomes a client of 192.0.2.7 instead.")
a.expect_exact("> ")
a.sendline("hello")
a.expect(r"sendto 192\.0\.2\.7:8080: [^\r]* \(ENETUNREACH\)\r")
failed(a)'
}
