# scripts/record and scripts/show: make ladder-FOLDER, make trace-FOLDER, the witness.
# bats file_tags=slow
load bats_helper

# record ARGS...: sets $RECORD, the document.
record() {
    command -v strace >/dev/null || missing strace
    "$ROOT/scripts/sandbox" true || missing "a network of its own"
    RECORD=$BATS_TEST_TMPDIR/record.json
    timeout 60 "$ROOT/scripts/record" -o "$RECORD" "$@" 3>&-
}

show() { LC_ALL=C.UTF-8 "$ROOT/scripts/show" "$@" "$RECORD"; }

# document CODE: run CODE in Python; d is the document.
document() {
    /usr/bin/python3 -c "
import json, re, sys
d = json.load(open(sys.argv[1]))
$1" "$RECORD" "$ROOT"
}

# story NAME CODE: a story in a copy of the toolkit; sets $ROOT to that.
story() {
    local copy=$BATS_TEST_TMPDIR/$1
    mkdir -p "$copy/$1"
    cp -r "$ROOT"/{*.h,scripts} "$copy"
    printf '#include "../common.h"\nint main(int argc, char *argv[]) { int a, b; char c[1];
begin_story(argc, argv, "usage: story\\n"); scene("one");\nconnected_pair(&a, &b);\n%s\n}\n' "$2" >"$copy/$1/$1.c"
    cc -g -w -o "$copy/$1/$1" "$copy/$1/$1.c"
    ROOT=$copy
}

@test "a ladder: calls at their sides, segments between, states as they were read, claims" {
    record demo tcp_reset
    run show ladder -s 1
    [ "$output" = '1. The client slams the door: with linger 0, close is a reset.
            client                                            server
            │                           listen(listen_fd, 1) = 0 │
            │                                                    │ LISTEN
            │ connect(fd, to, sizeof *to) = 0                    │
            │──────────────────── SYN  seq=0 ───────────────────►│
            │◄─────────────── SYN ACK  seq=0 ack=1 ──────────────│
            │───────────────── ACK  seq=1 ack=1 ────────────────►│
ESTABLISHED │                                                    │ ESTABLISHED
            │                  accept(listen_fd, NULL, NULL) = 5 │
            │ setsockopt(client_fd, SOL_SOCKET, ...) = 0         │
            │ close(client_fd) = 0                               │
            │─────────────── RST ACK  seq=1 ack=1 ──────────────►│
     CLOSED │                                                    │ CLOSED
            │  recv(conn_fd, buf, sizeof buf, 0) = -1 ECONNRESET │
            │                not an end, an error                │
            │              recv(conn_fd, buf, sizeof buf, 0) = 0 │
            │  reported once; then recv returns 0, as at an end  │' ]
    [[ $(show ladder -a -s 1) = *"|-----"*"- SYN  seq=0 --"*"->|"* ]]
    run ! env LC_ALL=C.UTF-8 grep -E '.{81}' <<<"$(show ladder)"
}

@test "no segment is lost; each comes after its call, and before the peer's call" {
    record demo tcp_halfclose
    document '
assert d["captured"] and d["missed"] == 0 and d["pause"] > 0 and len(d["segments"]) > 15
sends = [c for c in d["calls"] if c["name"] == "send" and c["result"] > 0 and c["text"].count("\"client\"")]
recvs = [c for c in d["calls"] if c["name"] == "recv" and c["text"].count("\"server\"") and (c["result"] or 0) > 0]
bytes_sent = [s for s in d["segments"] if s["length"] == 15]
assert sends and len(sends) == len(recvs) == len(bytes_sent)
for send, segment, recv in zip(sends, bytes_sent, recvs):
    assert send["begin"] < segment["time"] < recv["end"], (send, segment, recv)'
}

# alike FILE: its ladder without addresses, ports, process ids, times, and what depends on them:
# bare ACKs, which wait 40 ms for company, and how many of many.
alike() {
    "$ROOT/scripts/show" ladder -u "$1" | sed -E '/[─:] ACK  seq|FIN_WAIT_[12] |again|more like these/d
        s/127(\.[0-9]+){3}|\/tmp\/tmp\.\w+/<address>/g; s/:[0-9]{4,5}\>/:<port>/g; s/\(?[0-9.]+ ?[mu]s( later)?\)?( \|[ *]*)?/<time>/g
        s/((fork\(\)|getppid\(\)|wait(pid)?\(.*\)) =|process|called) [0-9]+/\1 <n>/g; s/TCP [0-9]+ > [0-9]+/TCP/; s/[ ─]+/ /g; s/│//g
        /^ *<time> *$/d'
}

# in_order FILE: no segment was lost, each came after a call that sent it and before the end of one
# that received its bytes.
in_order() {
    /usr/bin/python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
assert d["missed"] == 0, d["missed"]
ends = {at: (s["local"], s["peer"]) for at, s in enumerate(d["sockets"]) if s["kind"] == "TCP" and s["local"] and s["peer"]}
calls = [(c, ends[c["socket"]]) for c in d["calls"] if c["socket"] in ends and (c["result"] or 0) > 0]
data = [(s["time"], (s["from"], s["to"])) for s in d["segments"] if s["protocol"] == "TCP" and s["length"]]
for call, own in calls:
    if call["system_call"] in ("recvfrom", "recvmsg", "read", "readv"):
        assert any(way == own[::-1] and time < call["end"] for time, way in data), call
for time, way in data:
    if way in ends.values():
        assert any(own == way and call["begin"] < time for call, own in calls), (time, way)' "$1"
}

# TIMES recordings (2) must have the same ladder, and three more may have another. (On a busy machine
# a timer of the kernel may outlast a pause.)
export TIMES=${TIMES:-2}
same_again() { # DEMO
    local try sum
    local -A seen
    for ((try = 1; try <= TIMES + 3; try++)); do
        "$ROOT/scripts/record" -o "$BATS_TEST_TMPDIR/$1.json" demo "$1" 3>&- || return
        in_order "$BATS_TEST_TMPDIR/$1.json" || return
        alike "$BATS_TEST_TMPDIR/$1.json" >"$BATS_TEST_TMPDIR/$1.$try"
        sum=$(cksum <"$BATS_TEST_TMPDIR/$1.$try")
        seen[$sum]=$((${seen[$sum]-0} + 1))
        [ "${seen[$sum]}" -lt "$TIMES" ] || return 0
    done
    echo "$1: $((TIMES + 3)) recordings, so many of each ladder: ${seen[*]}"
    diff "$BATS_TEST_TMPDIR/$1.1" "$BATS_TEST_TMPDIR/$1.2"
}

@test "two recordings are the same but for ports, process ids and times: a story, two processes, three" {
    command -v strace >/dev/null || missing strace
    "$ROOT/scripts/sandbox" true || missing "a private network"
    for demo in tcp_reset tcp_server unix_pair; do same_again $demo; done
}

@test "the same of all demos, in at most ten minutes" {
    command -v strace >/dev/null || missing strace
    "$ROOT/scripts/sandbox" true || missing "a private network"
    export -f same_again alike in_order
    export ROOT BATS_TEST_TMPDIR
    # raw_sniff prints each bare ACK itself.
    "$ROOT/scripts/table" -d | grep -v raw_sniff | timeout $((300 * TIMES)) xargs -P 2 -I DEMO bash -c 'same_again DEMO' 3>&-
}

@test "a call that the kernel began anew after a signal is one call; one that ended with EINTR is there" {
    cat >"$BATS_TEST_TMPDIR/again.c" <<'END'
#include "../common.h"
static void on_alarm(int number) { (void)number; }
int main(void)
{
	int client_fd, conn_fd;
	char c;
	connected_pair(&client_fd, &conn_fd);
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm, .sa_flags = SA_RESTART}, NULL);
	if (fork() == 0) {
		sleep(2);
		return send(client_fd, "x", 1, 0) != 1;
	}
	alarm(1);
	recv(conn_fd, &c, 1, 0);
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
	alarm(1);
	return recv(conn_fd, &c, 1, 0) != -1;
}
END
    cc -g -I "$ROOT/scripts" -o "$BATS_TEST_TMPDIR/again" "$BATS_TEST_TMPDIR/again.c"
    record -- "$BATS_TEST_TMPDIR/again"
    document '
seen = [(c["name"], c["result"], c["errno"]) for c in d["calls"] if c["name"] in ("recv", "rt_sigreturn")]
assert seen == [("recv", 1, None), ("recv", -1, "EINTR")], seen'
}

@test "UDP, ICMP errors, AF_UNIX and more than two processes have their ladders" {
    record demo udp_silence
    [[ $(show ladder -s 2) = *"send(fd, "*"UDP  6 bytes ──"*"◄──"*" ICMP port unreachable "*"-1 ECONNREFUSED"* ]]
    record demo unix_pair
    [[ $(show ladder) = *"socketpair("*" send(pair[0], "*" bytes ──"*"►"* ]]
    record demo tcp_fork
    [[ $(show ladder) = *"SYN  seq=0"*"accept("*"send("*"5 bytes"*"HELLO"* ]]
    document 'assert len(d["processes"]) > 2'
}

@test "each document is as the schema says" {
    for demo in tcp_server udp_silence unix_fdpass raw_icmp; do
        record demo "$demo"
        document '
schema = json.load(open(sys.argv[2] + "/docs/recorder.schema.json"))
kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
def check(value, rule, where):
    assert "enum" not in rule or value in rule["enum"], (where, value)
    names = rule.get("type", [])
    names = [names] if isinstance(names, str) else names
    assert not names or any(type(value) is kinds[name] for name in names), (where, value)
    if isinstance(value, dict):
        assert set(rule["required"]) <= set(value) <= set(rule["properties"]), (where, set(value) ^ set(rule["properties"]))
        for key in value:
            check(value[key], rule["properties"][key], where + "." + key)
    if isinstance(value, list):
        for each in value:
            check(each, rule["items"], where)
check(d, schema, "document")
assert d["calls"] and d["processes"]'
    done
}

@test "a trace shows each call below the source line that made it: 24 lines for tcp_server" {
    record -n demo tcp_server
    run show trace -p tcp_server
    [[ $output = *"tcp_server.c:"*" int listen_fd = socket("*"
                   socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3"*"listening on 127."*' says "hello" (5 bytes)'* ]]
    [ "${#lines[@]}" -le 24 ]
    local line
    line=$(grep -o 'tcp_server.c:[0-9]* .*listen(listen_fd.*' <<<"$output")
    [[ $(sed -n "$(cut -d: -f2 <<<"$line" | cut -d' ' -f1)p" "$ROOT/tcp_server/tcp_server.c") = *"listen(listen_fd"* ]]
    run ! grep -E '.{81}' <<<"$output"
    record -n demo tcp_disconnect
    grep -qE '^ {19}\.\.\. and [1-9][0-9]* more calls like these$' <<<"$(show trace)"
}

@test "the picture for a page is an SVG with a title and words for those who do not see it" {
    record demo tcp_reset
    show svg -s 1 >"$BATS_TEST_TMPDIR/picture.svg"
    /usr/bin/python3 -c '
import sys, xml.etree.ElementTree as tree
root, name = tree.parse(sys.argv[1]).getroot(), "{http://www.w3.org/2000/svg}"
assert root.find(name + "title").text.startswith("tcp_reset")
assert "client calls close(client_fd) = 0. client sends RST ACK" in root.find(name + "desc").text
assert any("SYN" in (text.text or "") for text in root.iter(name + "text"))
assert "prefers-color-scheme: dark" in root.find(name + "style").text' "$BATS_TEST_TMPDIR/picture.svg"
}

@test "a program of your own: a server that nobody calls is called; escape sequences stay harmless" {
    printf '%s\n' '#include <arpa/inet.h>' '#include <stdio.h>' '#include <unistd.h>' 'int main(void) {' \
        'int fd = socket(AF_INET, SOCK_STREAM, 0), conn_fd; char buf[99];' \
        'puts("\033[31mred"); fflush(stdout);' \
        'listen(fd, 5); conn_fd = accept(fd, 0, 0);' \
        'write(conn_fd, buf, read(conn_fd, buf, 99)); }' >"$BATS_TEST_TMPDIR/mine.c"
    cc -g -w -o "$BATS_TEST_TMPDIR/mine" "$BATS_TEST_TMPDIR/mine.c"
    record -- "$BATS_TEST_TMPDIR/mine"
    run show ladder
    [[ $output = *'\033[31mred'*"accept(fd, 0, 0) = "*"read(conn_fd, buf, 99) = 5"*"write(conn_fd, "*"5 bytes"* ]]
    for view in ladder trace svg mermaid; do run ! grep -q $'\033' <<<"$(show $view)"; done
}

# c_program CODE [CODE-BEFORE-MAIN]: a program in C, recorded, and shown; a is 127.0.0.1:8080.
c_program() {
    cat >"$BATS_TEST_TMPDIR/mine.c" <<END
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static struct sockaddr_in there = {.sin_family = AF_INET};
static struct sockaddr *a = (struct sockaddr *)&there;
static char b[5000];
$2
int main(int argc, char *argv[])
{
there.sin_port = htons(8080);
there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
$1
}
END
    "${CC:-cc}" -g -w -pthread ${FLAGS:+"$FLAGS"} -o "$BATS_TEST_TMPDIR/mine" "$BATS_TEST_TMPDIR/mine.c"
    record -n -- "$BATS_TEST_TMPDIR/mine" 2>"$BATS_TEST_TMPDIR/said"
    run show ladder
}

@test "a program of your own: of two calls in one line, and of brackets in a string, what was called is shown" {
    local listens='int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), s;
        bind(l, a, sizeof there); listen(l, 5); connect(c, a, sizeof there); s = accept(l, 0, 0);'
    c_program "$listens"'
send(c, "a", 1, 0); send(c, "bc", 2, 0);
send(c, "smile :)", 8, 0);
recv(s, b, // the answer (
     11, MSG_WAITALL);'
    [[ $output = *'send(4, "a", 1, 0) = 1 '*'send(4, "bc", 2, 0) = 2 '*'send(c, "smile :)", 8, 0) = 8 '*'recv(s, b, 11, MSG_WAITALL) = 11 '* ]]
    FLAGS=-no-pie c_program "$listens"'
send(s, "bye", 3, 0);'
    [[ $output = *'send(s, "bye", 3, 0) = 3 '* ]]
}

@test "a program of your own: threads, a greeting in another process, one datagram stand where they belong" {
    c_program 'int l = socket(AF_INET, SOCK_STREAM, 0); pthread_t t;
bind(l, a, sizeof there); listen(l, 5);
pthread_create(&t, 0, client, 0); pthread_join(t, 0);
puts("main: over");' 'static void *client(void *x) {
    int c = socket(AF_INET, SOCK_STREAM, 0); connect(c, a, sizeof there); puts("thread: over"); return x; }'
    [[ $output = *'connect(c, a, '*'SYN  seq=0'*'thread: over'*'main: over'* ]]
    document 'assert len(d["processes"]) == 1'
    c_program 'if (argc > 1) return write(5, "220 hi", 6) < 0;
int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), s;
bind(l, a, sizeof there); listen(l, 5); connect(c, a, sizeof there); s = accept(l, 0, 0);
if (!fork()) execl(argv[0], argv[0], "5", NULL);
recv(c, b, 9, 0);'
    document 'assert [d["sockets"][c["socket"]]["side"] for c in d["calls"] if c["name"] == "write"] == ["server"]'
    c_program 'int s = socket(AF_INET, SOCK_DGRAM, 0);
bind(s, a, sizeof there);
if (!fork()) return sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, a, sizeof there) < 0;
recv(s, b, 9, 0);'
    [[ $output = *'bind(s'*'sendto('*'UDP  1 byte '*'recv(s, b, 9, 0) = 1 '* ]]
}

@test "a program of your own: who has a caller is left alone; the same ports again are not sent again" {
    c_program 'int l = socket(AF_INET, SOCK_DGRAM, 0), c;
bind(l, a, sizeof there);
if (!fork()) { close(l); c = socket(AF_INET, SOCK_DGRAM, 0); connect(c, a, sizeof there);
    for (int i = 0; i < 3; i++) { send(c, "ping", 4, 0); recv(c, b, 9, 0); sleep(1); } return 0; }
for (int i = 0; i < 3; i++) { socklen_t n = sizeof there; recvfrom(l, b, 9, 0, a, &n); sendto(l, "pong", 4, 0, a, n); }
wait(0); puts("all three");'
    [[ $output = *'all three'* ]]
    c_program 'int l = socket(AF_INET, SOCK_STREAM, 0);
bind(l, a, sizeof there); listen(l, 5);
for (int i = 0; i < 2; i++) {
    int c = socket(AF_INET, SOCK_STREAM, 0); struct sockaddr_in me = there; me.sin_port = htons(9000);
    setsockopt(c, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    bind(c, (struct sockaddr *)&me, sizeof me); connect(c, a, sizeof there); send(c, "abc", 3, 0); close(c);
}'
    [ "$(grep -c 'SYN  seq=0' <<<"$output")" -eq 2 ]
    [[ $output != *again* ]]
}

@test "a program of your own: what is cut says so, a crash too, names are any bytes, SIGTERM leaves nothing" {
    c_program 'memset(b, 120, 5000); strcpy(b + 4990, "\nsecond\n"); write(1, b, 5000); puts("fourth"); kill(getpid(), SIGSEGV);'
    [[ $output = *'xx...'*'fourth'* && $(tail -n 1 "$BATS_TEST_TMPDIR/said") = "record: $BATS_TEST_TMPDIR/mine was ended by SIGSEGV" ]]
    cd "$BATS_TEST_TMPDIR"
    c_program 'int l = socket(AF_UNIX, SOCK_STREAM, 0); struct sockaddr far = {AF_UNIX, "x\344.sock"};
bind(l, &far, sizeof far); listen(l, 5); recv(accept(l, 0, 0), b, 99, 0);'
    [[ $output = *'listen(l, 5) = 0'*'= 5 '* ]]
    mkdir tmp
    RECORD=$BATS_TEST_TMPDIR/record
    TMPDIR=$BATS_TEST_TMPDIR/tmp "$ROOT/scripts/record" -o "$RECORD" -- /usr/bin/python3 -c 'import signal, socket
socket.socket(); print("waits", flush=True); signal.pause()' >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
    PIDS+=($!)
    within 30 grep -q waits "$BATS_TEST_TMPDIR/said"
    kill $!
    wait $! || true
    [[ $(show ladder) = *'socket('* && -z $(ls tmp) ]]
}

@test "a program of your own: a script, IPv6, a blank in a path; a client is not answered, no child is left" {
    local mine=$BATS_TEST_TMPDIR/mine
    cd "$BATS_TEST_TMPDIR"
    python_program() { # CODE: it is run by /usr/bin/python3, recorded, and shown
        printf '#!/usr/bin/python3\nimport os, socket, time\n%s\n' "$1" >"$mine"
        chmod +x "$mine"
        record -- ./mine
        run show ladder
    }
    python_program 's = socket.create_server(("::1", 8080), family=socket.AF_INET6)
c = s.accept()[0]
while data := c.recv(9): c.send(data.upper())'
    [[ $output = *'listen(3, '*'accept(3, '*'recv(4, "hello"'*'send(4, "HELLO"'* ]]
    python_program 's = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 8080))
s.sendto(b"1 HELLO", s.recvfrom(99)[1])'
    [[ $output = *'recvfrom(3, "1 hello"'*'sendto(3, "1 HELLO"'* ]]
    python_program 's = socket.socket(socket.AF_UNIX)
s.bind("a path"); s.listen()
c = s.accept()[0]
c.send(c.recv(9).upper())'
    [[ $output = *'bind(3, {sa_family=AF_UNIX, ...) = 0'*'recv(4, "hello"'* ]]
    python_program 's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2)
s.sendto(b"question", ("127.0.0.1", 9))
try: print("answer", s.recvfrom(99))
except OSError: print("none")'
    [[ $output = *'sendto(3, "question"'* && $output = *none* && $output != *answer* ]]
    python_program 'if os.fork() == 0: time.sleep(600)'
    run ! pgrep -f "$mine"
}

@test "where TMPDIR has a blank, a demo is played all the same" {
    mkdir "$BATS_TEST_TMPDIR/a b"
    TMPDIR="$BATS_TEST_TMPDIR/a b" record demo unix_demo
    [[ $(show ladder) = *'connect('*'5 bytes'*' HELLO '* ]]
}

@test "Ctrl-C ends the program that is recorded, and its ladder is drawn" {
    /usr/bin/python3 -c 'import pexpect' || missing "python3-pexpect"
    timeout 60 /usr/bin/python3 - "$ROOT" 3>&- <<'END'
import pexpect, sys
line = "%s/scripts/record -- /usr/bin/python3 -c 'import signal, socket; s = socket.socket(); print(1 + 1); signal.pause()' | %s/scripts/show ladder -a"
t = pexpect.spawn("bash", ["-c", line % (sys.argv[1], sys.argv[1])], timeout=30, encoding="utf-8", dimensions=(24, 80))
t.expect_exact("2\r")
t.sendintr()
t.expect_exact("client  ")
t.expect_exact("socket(")
t.expect(pexpect.EOF)
assert "scripts/" not in t.before, t.before # no traceback of theirs
END
}

@test "an exercise is played with a peer, and ended if both wait for ever" {
    record exercise one_message_only
    # Its close races with the client's second line: where that is first, close is a reset.
    [[ $(show ladder) = *"close(conn_fd)"*@("FIN ACK"*"the server hung up"|"RST ACK"*ECONNRESET)* ]]
    record exercise half_close
    [[ $(show ladder) = *"HOW ARE YOU?"*"recv("*" = ?  ("*" ms)"* ]]
    mkdir "$BATS_TEST_TMPDIR/mine"
    printf 'int pause(void);\nint main(void) { return pause(); }\n' >"$BATS_TEST_TMPDIR/mine/one_message_only.c"
    DIR=$BATS_TEST_TMPDIR/mine record exercise one_message_only # it never listens
    run "$ROOT/scripts/record" exercise nonsense
    [ "$status" -eq 2 ] && [[ ${lines[0]} = "record: there is no exercise 'nonsense'" ]]
}

@test "the witness believes a story that is true and none that is not" {
    local code='CALL("a", close(a)); CALL("b", recv(b, c, 1, 0)); CALL("b", shutdown(b, SHUT_WR));'
    story true "$code"
    record -n demo true
    run show witness
    [ "$status" -eq 0 ]
    [ "$output" = "3 calls agree with what was recorded" ]
    for lie in 'narrate("b", "recv(b, c, 1, 0)", 1)' 'narrate("b", "listen(b, 2)", 0)' \
        'errno = EBADF; narrate("b", "recv(b, c, 1, 0)", -1); unjudged = false' \
        'recv(b, c, 1, MSG_PEEK); narrate("b", "recv(b, c, 1, MSG_WAITALL)", 0)' \
        'shutdown(b, SHUT_RD); narrate("b", "shutdown(b, SHUT_RDWR)", 0)'; do
        ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
        story liar "$code $lie;"
        record -n demo liar
        run show witness
        [ "$status" -eq 1 ] && [[ $output = "witness: this was not recorded, or not in this place:"* ]] || {
            echo "$lie: $output"
            return 1
        }
    done
}

@test "at a terminal a ladder stops after 24 lines, also with TERM=dumb" {
    /usr/bin/python3 -c 'import pexpect' || missing "python3-pexpect"
    record demo tcp_reset
    timeout 60 env TERM=dumb /usr/bin/python3 - "$ROOT/scripts/show" "$RECORD" 3>&- <<'END'
import pexpect, sys
t = pexpect.spawn(sys.argv[1], ["ladder", sys.argv[2]], timeout=20, encoding="utf-8", dimensions=(24, 80))
t.expect_exact("Enter: more, q: enough")
assert t.before.count("\n") == 23 and "\x1b" not in t.before, t.before
t.sendline("")
t.expect_exact("Enter: more, q: enough")
t.sendline("q")
t.expect(pexpect.EOF)
END
}

@test "an ordinary user, without source lines, without a network of its own: it works, or one sentence" {
    local copy=$BATS_TEST_TMPDIR/copy
    as_user "$ROOT/scripts/sandbox" true || missing "a network of its own"
    public_copy tcp_reset
    as_user "$ROOT/scripts/record" -- "$COPY" 3>&- | as_user "$ROOT/scripts/show" ladder | grep -q 'RST ACK'
    RECORD=$BATS_TEST_TMPDIR/calls
    PATH=$(without unshare addr2line) timeout 60 "$ROOT/scripts/record" demo tcp_reset >"$RECORD" 2>"$RECORD.said" 3>&-
    [[ $(cat "$RECORD.said") = "record: calls only, no segments, no states; a server is not called: sandbox: unshare: not found" ]]
    document 'assert not d["captured"] and d["missed"] is None and d["segments"] == [] and len(d["calls"]) > 20'
}

@test "without strace, or where it may not trace: one true sentence" {
    PATH=$(without strace) run --separate-stderr "$ROOT/scripts/record" demo tcp_reset
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    [[ $stderr = *"record: this needs strace, "* ]]
    printf '#!/bin/sh\necho "strace: ptrace(PTRACE_TRACEME): not permitted" >&2\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/strace"
    chmod +x "$BATS_TEST_TMPDIR/bin/strace"
    PATH=$BATS_TEST_TMPDIR/bin run --separate-stderr "$ROOT/scripts/record" demo tcp_reset
    [ "$status" -eq 1 ] && [[ ${stderr_lines[*]} = "record: strace may not trace a program here (strace: ptrace"* ]]
}

@test "the pictures in all pages come out as recorded; one that does not is found" {
    cd "$ROOT"
    local pages
    mapfile -t pages < <(grep -lE '^(%%|\$) make ladder-' ./*/*.md)
    [ ${#pages[@]} -ge 7 ]
    "$ROOT/scripts/sandbox" true || missing "a network of its own"
    timeout 250 scripts/pictures "${pages[@]}" 3>&-
    mkdir "$BATS_TEST_TMPDIR/tcp_reset"
    local file
    for file in README.md beside.svg; do
        sed 's/RST ACK/FIN ACK/' "tcp_reset/$file" >"$BATS_TEST_TMPDIR/tcp_reset/$file"
    done
    run timeout 200 scripts/pictures "$BATS_TEST_TMPDIR/tcp_reset/README.md" 3>&-
    [ "$status" -eq 1 ] && [[ $output = *"tcp_reset, scene "*", beside: not as recorded"*"svg-beside: not as recorded"* ]]
}

@test "wrong use of record and show: what is wrong, the usage line, status 2" {
    for words in 'record demo nonsense' 'record -x' record 'record -- /no/such/program' show 'show nonsense' 'show ladder -s x'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr "$ROOT"/scripts/$words </dev/null
        [ "$status" -eq 2 ] && [ -z "$output" ] && [ "${#stderr_lines[@]}" -eq 2 ] && [[ ${stderr_lines[1]} = "usage: "* ]] || {
            echo "$words: $status $output $stderr"
            return 1
        }
    done
}
