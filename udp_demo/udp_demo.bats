# udp_demo, both roles, and `make demo-udp` in real terminals.
load ../scripts/bats_helper
# guess: > and now\?(?: dropped: number \d from \S+)* (.*?) > q -> no answer.*; ARE YOU THERE\?.*; AND NOW\?

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

# in_terminals CODE: Python with pexpect in a network of its own, where port 8080 is
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
$1
END
    need_network
    timeout 60 "$ROOT/scripts/sandbox" /usr/bin/python3 "$BATS_TEST_TMPDIR/terminals.py" 3>&-
}

@test "server: answers in upper case, and shows who said what" {
    start udp_demo server 127.0.0.1 0
    [ "$(says "'Grüße, 1 x\\n'.encode()")" = 'GRüßE, 1 X' ]
    wait_for '^127\.0\.0\.1:[0-9]+ says "Grüße, 1 x\\012" \(13 bytes\)$'
}

@test "server: changes a to z and no other of the 256 bytes" {
    start udp_demo -q server 127.0.0.1 0
    python "
every = bytes(range(256))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(every, ('127.0.0.1', $PORT))
assert s.recv(999) == bytes(b - 32 if 97 <= b <= 122 else b for b in every)"
    [ "$(wc -l <"$LOG")" -eq 1 ] # -q: the ready line and nothing else
}

@test "server: clients are served in the order of their datagrams, by one socket" {
    trace -e trace=socket,accept,accept4
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
    [ "$(grep -c SOCK_DGRAM "$TRACE")" -eq 1 ]
    run ! grep -q accept "$TRACE"
}

@test "server: an empty datagram is answered with one, and ends nothing" {
    start udp_demo server 127.0.0.1 0
    [ -z "$(says "b''")" ]
    wait_for ' says "" \(0 bytes\)$'
    [ "$(says "b'still there'")" = 'STILL THERE' ]
}

@test "server: the largest datagram comes back whole, on the screen it is short" {
    start udp_demo server 127.0.0.1 0
    [ "$(says "b'a' * 65507" | tr -cd A | wc -c)" -eq 65507 ]
    wait_for ' says "a{40}"\.\.\. \(65507 bytes\)$'
}

@test "server: bytes that could harm a terminal are escaped" {
    start udp_demo server 127.0.0.1 0
    says "b'\\033]0;x\\007\\xff'" >"$BATS_TEST_TMPDIR/answer"
    wait_for 'says "\\033\]0;x\\007\\377" \(7 bytes\)'
    run ! grep -q $'\033' "$LOG"
}

@test "server: a client that has our port at another address is an honest one" {
    start udp_demo server 127.0.0.1 0
    python "
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.2', $PORT))
s.sendto(b'hello', ('127.0.0.1', $PORT))
assert s.recv(9) == b'HELLO'"
}

@test "server: a sender that cannot be answered, and one that forges our address" {
    local host
    for host in 127.0.0.1 0.0.0.0 ::1 ::; do
        alone /usr/bin/python3 -c "
import socket, struct, subprocess
server = subprocess.Popen(['$ROOT/udp_demo/udp_demo', 'server', '$host', '9000'],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
assert server.stdout.readline().startswith('listening on ')
family, own = (socket.AF_INET6, '::1') if ':' in '$host' else (socket.AF_INET, '127.0.0.1')
raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_UDP)
if family == socket.AF_INET6: # it takes a checksum, and the kernel computes it
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_CHECKSUM, 6)
for port in 0, 9000: # checksum 0: none was computed
    raw.sendto(struct.pack('!4H', port, 9000, 10, 0) + b'ha', (own, 0))
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(10)
for words in b'alive', b'and well': # an answer to itself would be between the two
    s.sendto(words, (own, 9000))
    assert s.recv(9) == words.upper()
server.terminate()
print(server.stdout.read())
server.wait(10)"
        [ "$status" -eq 0 ]
        [[ $output = *":0: Invalid argument (EINVAL)"* ]]
        [ "$(grep -c 'says "ha"' <<<"$output")" -eq 2 ]
        [[ $output != *'says "HA"'* ]]
    done
}

@test "server: on 0.0.0.0, too, nobody outside can have it talk to itself: the kernel drops that" {
    cat >"$BATS_TEST_TMPDIR/forge.py" <<'END'
import socket, struct
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for sender in "10.0.2.1", "127.0.0.1", "10.0.1.77": # itself, twice, and a stranger
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 30, 1, 0, 64, 17, 0, socket.inet_aton(sender), b"\x0a\0\2\1")
    raw.sendto(ip + struct.pack("!4H", 9000, 9000, 10, 0) + b"ha", ("10.0.2.1", 0))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.sendto(b"end", ("10.0.2.1", 9000))
s.recv(9)
END
    run timeout 30 "$ROOT/scripts/two-hosts" right "$ROOT/udp_demo/udp_demo" server 0.0.0.0 9000 \
        + router /usr/bin/python3 "$BATS_TEST_TMPDIR/forge.py" 3>&-
    echo "$output"
    [ "$status" -ne 125 ] || missing "network namespaces joined by veth"
    [ "$status" -eq 0 ]
    [[ ${#lines[@]} -eq 4 && ${lines[2]} = '10.0.1.77:9000 says "ha" (2 bytes)' && ${lines[3]} = *'says "end" (3 bytes)' ]]
}

@test "server: a failing sendto or recvfrom costs one answer, not the server" {
    local fault
    for fault in sendto:error=EPERM recvfrom:error=ENOBUFS; do
        trace -e trace=sendto,recvfrom -e "inject=$fault:when=1"
        start udp_demo server 127.0.0.1 0
        python "
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for words in b'one', b'two':
    s.sendto(words, ('127.0.0.1', $PORT))
while s.recv(9) != b'TWO':
    pass"
        grep -q "^udp_demo: ${fault%%:*} .* (${fault##*=})$" "$LOG"
    done
}

@test "a call that fails is named, with its errno; status 1" {
    command -v strace >/dev/null || missing strace
    start udp_demo server 127.0.0.1 0
    local call role
    for role in server client; do
        for call in socket bind getsockname sendto recvfrom; do
            case $role.$call in server.sendto | server.recvfrom | client.bind | client.getsockname) continue ;; esac
            run timeout 20 strace -qq -o /dev/null -e trace="$call" -e inject="$call:error=EBADF" \
                "$ROOT/udp_demo/udp_demo" $role 127.0.0.1 "$([ $role = server ] && echo 0 || echo "$PORT")" <<<hello
            [ "$status" -eq 1 ] && grep -q "^udp_demo: .*$call.*: .* (EBADF)$" <<<"$output" || {
                echo "$role $call: status $status: $output"
                return 1
            }
        done
    done
}

@test "server: a port that is taken: errno's name and who has it; nothing is taken away" {
    start udp_demo server 127.0.0.1 0
    run timeout 10 "$ROOT/udp_demo/udp_demo" server 127.0.0.1 "$PORT"
    [ "$status" -eq 1 ]
    [[ ${lines[0]} = "udp_demo: bind"*" (EADDRINUSE)" && ${lines[1]} = "hint: "*"ss -"* ]]
    [ "$(says "b'mine'")" = MINE ]
}

@test "client: a filter; each line is a datagram with a number, an empty one too" {
    start udp_demo server 127.0.0.1 0
    client 127.0.0.1 "$PORT" < <(printf 'a\n\nlast line without newline')
    [ "$status" -eq 0 ]
    [ "$output" = $'A\n\nLAST LINE WITHOUT NEWLINE' ]
    wait_for ' says "3 last line without newline" \(27 bytes\)$'
    grep -q ' says "1 a" (3 bytes)$' "$LOG"
    grep -q ' says "2 " (2 bytes)$' "$LOG"
    # One port for all of them, which nobody but the kernel has chosen.
    [ "$(sed -n 's/ says.*//p' "$LOG" | sort -u | wc -l)" -eq 1 ]
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

@test "client: asks twice; silence is bounded, has no reason, and is survived" {
    serve '
data, client = s.recvfrom(9)
assert data == s.recv(9) == b"1 one" # the same number again
data, client = s.recvfrom(9)
s.sendto(b"2 TWO", client)'
    SECONDS=0
    client 127.0.0.1 "$PORT" < <(printf 'one\ntwo\n')
    [ "$SECONDS" -lt 8 ] # twice a second
    [ "$status" -eq 1 ]
    [ "$output" = TWO ]
    [ "$(grep -c "^no answer from 127.0.0.1:$PORT: lost? nobody there?$" <<<"$stderr")" -eq 2 ]
}

@test "client: nobody there at all looks just the same" {
    alone bash -c "'$ROOT/udp_demo/udp_demo' client <<<one"
    [ "$status" -eq 1 ]
    [[ $output = *"no answer from 127.0.0.1:8080: lost? nobody there?"* ]]
}

@test "client: answers that are late, or come twice, are dropped and named" {
    serve '
def next():
    global client
    data, client = s.recvfrom(99)
    return data
def answer(*all):
    for words in all:
        s.sendto(words, client)
assert next() == next() == b"1 hello"
assert next() == b"2 hello"
answer(b"1 HELLO", b"1 HELLO", b"2 HELLO!", b"2 HELLO!") # the same words: only the number tells
assert next() == b"3 bye"
answer(b"3", b"33 BYE", b"", b"3 BYE")'
    client 127.0.0.1 "$PORT" < <(printf 'hello\nhello\nbye\n')
    [ "$status" -eq 1 ] # the first had no answer in time
    [ "$output" = $'HELLO!\nBYE' ]
    [ "$(sed -n 's/^dropped: number \([0-9]*\) from 127.0.0.1:'"$PORT"'$/\1/p' <<<"$stderr" | xargs)" = "1 1 2 3 33 0" ]
}

@test "client: a stranger's answer is not the server's" {
    serve '
stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
stranger.bind(("127.0.0.1", 0))
print("stranger", stranger.getsockname()[1], flush=True)
data, client = s.recvfrom(9)
stranger.sendto(b"1 HELLO", client)
s.sendto(b"1 hello to you", client)'
    client 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 0 ]
    [ "$output" = "hello to you" ]
    grep -qx "dropped: number 1 from 127.0.0.1:$(sed -n 's/^stranger //p' "$LOG")" <<<"$stderr"
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
    [[ $stderr = *"no answer from "* ]]
}

@test "client: a line that fits into no datagram is refused by the kernel" {
    start udp_demo server 127.0.0.1 0
    client 127.0.0.1 "$PORT" < <(printf '%065505d\n%065506d\nnext\n' 1 2)
    [ "$status" -eq 1 ] # "1 " and 65505 bytes fit, "2 " and 65506 do not
    [ "$(wc -l <<<"$output")" -eq 2 ]
    [ "${output: -5}" = $'\nNEXT' ]
    [[ $stderr = *"udp_demo: sendto or recvfrom 127.0.0.1:$PORT: "*" (EMSGSIZE)"* ]]
}

@test "client: localhost is ::1 and 127.0.0.1, and a server at either is found" {
    grep -q . /proc/net/if_inet6 || missing "IPv6"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$BATS_TEST_TMPDIR/hosts"
    local host tries
    for host in 127.0.0.1 ::1; do
        for tries in 1 2 3; do # a busy machine may need more than the client's second
            # shellcheck disable=SC2016 # expanded inside
            alone unshare -m bash -c '
                mount --bind "$1" /etc/hosts || exit 125
                "$2" -q server "$3" >"$1.log" 2>&1 & trap "kill $!" EXIT
                until grep -qs "listening on" "$1.log"; do sleep 0.02; done
                printf "one\ntwo\n" | "$2" client localhost' bash "$BATS_TEST_TMPDIR/hosts" \
                "$ROOT/udp_demo/udp_demo" "$host"
            [ "$status" -ne 0 ] || break
        done
        [ "$status" -eq 0 ]
        [[ $output = *ONE*TWO* ]]
        # Once found, it is asked at once.
        [ "$(grep -c '^no answer' <<<"$output")" -le 1 ]
    done
}

@test "client: no way there: sendto is named, with errno" {
    alone bash -c "'$ROOT/udp_demo/udp_demo' client 192.0.2.1 80 <<<one"
    [ "$status" -eq 1 ]
    [[ $output = *"udp_demo: sendto or recvfrom 192.0.2.1:80: "*" (ENETUNREACH)"* ]]
}

@test "client: a wait that is interrupted is begun again" {
    command -v strace >/dev/null || missing strace
    start udp_demo server 127.0.0.1 0
    run timeout 20 strace -qq -e trace=recvfrom -e inject=recvfrom:error=EINTR:when=1 \
        -o "$BATS_TEST_TMPDIR/trace" "$ROOT/udp_demo/udp_demo" client 127.0.0.1 "$PORT" <<<hello
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = HELLO ]
    [[ $output != *"no answer"* ]]
    grep -q EINTR "$BATS_TEST_TMPDIR/trace"
}

@test "client: a reader of our answers who walks away ends us, with a message" {
    start udp_demo server 127.0.0.1 0
    run bash -c "yes | timeout 20 '$ROOT/udp_demo/udp_demo' client 127.0.0.1 $PORT | head -n 1
        exit \${PIPESTATUS[1]}"
    [ "$status" -eq 1 ]
    [[ $output = *"write to standard output: Broken pipe (EPIPE)" ]]
}

@test "client: the server's bytes are made safe" {
    serve '
data, client = s.recvfrom(9)
s.sendto(b"1 \x1b]0;x\x07", client)'
    client 127.0.0.1 "$PORT" <<<hello
    [ "$output" = '\033]0;x\007' ]
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
    wait_for 'not loopback: other machines can'
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
    need_network # port 9000 is free there
    local tool words="nobody has netcat or socat here"
    for tool in 'nc -u -l 127.0.0.1 9000' 'socat UDP-LISTEN:9000,bind=127.0.0.1 PIPE'; do
        command -v "${tool%% *}" >/dev/null || continue
        # shellcheck disable=SC2016 # expanded inside; 2328 is 9000
        words=$(timeout 20 "$ROOT/scripts/sandbox" bash -c '
            $1 < <(echo "1 hello") >/dev/null &
            until grep -qs ":2328 " /proc/net/udp; do sleep 0.02; done
            "$2" client 127.0.0.1 9000 <<<hello
            kill $!' bash "$tool" "$ROOT/udp_demo/udp_demo" 3>&-)
        [[ $words = hello* ]]
    done
    [[ $words = hello* ]] || skip "$words"
}

@test "wrong use: one line that says what, the usage line, status 2" {
    local args
    for args in '' 'servers' 'client 127.0.0.1 65536' 'server 127.0.0.1 99999' \
        'server 127.0.0.1 80 80' '-x' '-q'; do
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
a.expect_exact("\x27nonsense\x27 is not a number")
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
a.expect(r"bind[^\r]*: [^\r]* \(EADDRINUSE\)\r")
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
a.expect(r"sendto or recvfrom 192\.0\.2\.7:8080: [^\r]* \(ENETUNREACH\)\r")
a.sendline("q")
a.expect(pexpect.EOF)'
}
