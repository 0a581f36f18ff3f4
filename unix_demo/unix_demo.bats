# unix_demo, both roles, and `make demo-unix` in real terminals.
load ../scripts/bats_helper

setup() {
    S=$BATS_TEST_TMPDIR/s
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR # the default path is in here
}

# client ARGS...: the client on the standard input that is given; sets $status,
# $output and $stderr (bats' run would close standard input's pipe too early).
client() {
    status=0
    timeout 20 "$ROOT/unix_demo/unix_demo" client "$@" >"$BATS_TEST_TMPDIR/out" \
        2>"$BATS_TEST_TMPDIR/err" 3>&- || status=$?
    output=$(tr -d '\0' <"$BATS_TEST_TMPDIR/out")
    stderr=$(cat "$BATS_TEST_TMPDIR/err")
}

# serve CODE: a server at $S that does CODE with its one client c.
serve() {
    LOG=$BATS_TEST_TMPDIR/serve.${#PIDS[@]}.log
    python "
s = socket.socket(socket.AF_UNIX)
s.bind('$S')
s.listen()
print('listening on $S', flush=True)
c, _ = s.accept()
$1" >"$LOG" 2>&1 &
    PIDS+=("$!")
    wait_for 'listening on'
}

# stale: a name at $S that nobody listens to, left behind as kill -9 leaves it.
stale() {
    start unix_demo server "$S"
    kill -9 "$PID"
    ended "$PID" || [ "$?" -eq 137 ]
    [ -S "$S" ]
}

# ordinary COMMAND...: a shell command line, run as an ordinary user in a
# directory that is open to everybody; $D is our program.
ordinary() {
    chmod o+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR"
    mkdir -p "$BATS_TEST_TMPDIR/open"
    chmod 777 "$BATS_TEST_TMPDIR/open"
    cp "$ROOT/unix_demo/unix_demo" "$BATS_TEST_TMPDIR/open/"
    local user=()
    [ "$(id -u)" -ne 0 ] || user=(runuser -u nobody --)
    run timeout 20 "${user[@]}" env D=./unix_demo sh -c "cd '$BATS_TEST_TMPDIR/open' && $1" </dev/null
}

# in_terminals CODE: Python with pexpect; demo(WORDS) types `make WORDS` in a
# terminal of its own and returns it. path is the default path.
in_terminals() {
    /usr/bin/python3 -c 'import pexpect' || missing "python3-pexpect"
    cat >"$BATS_TEST_TMPDIR/terminals.py" <<END
import os, re, signal, socket, subprocess
import pexpect
ROOT = "$ROOT"
path = "$BATS_TEST_TMPDIR/dialtone-%d/echo.sock" % os.getuid()
def demo(words="demo-unix"):
    return pexpect.spawn("make", ["-s", *words.split()], cwd=ROOT, timeout=10,
                         encoding="utf-8", dimensions=(24, 200))
def server(t, at=path):
    t.expect_exact("This terminal becomes the server.")
    t.expect_exact("listening on " + at)
def client(t, at=path):
    t.expect_exact("connected to " + at)
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
    timeout 60 /usr/bin/python3 "$BATS_TEST_TMPDIR/terminals.py" 3>&-
}

@test "an echo, and a file that is a socket, ours alone, and stays empty" {
    start unix_demo server "$S"
    client "$S" < <(printf 'Grüße\nlast line without newline')
    [ "$status" -eq 0 ]
    [ "$output" = $'GRüßE\nLAST LINE WITHOUT NEWLINE' ]
    [ "$(stat -c '%A %s' "$S")" = 'srw------- 0' ]
    wait_for '^32 bytes came, and went back; the file: srw-------, 0 bytes$'
    grep -q '^the file: srw-------, 0 bytes$' "$LOG"
    grep -q '^process [0-9]*, user '"$(id -u)"' says "Grüße" (7 bytes)$' "$LOG"
    [[ $stderr = "connected to $S: process $PID, user $(id -u)" ]]
}

@test "a long line comes back whole, and none of it is in the file" {
    start unix_demo server "$S"
    local long=$BATS_TEST_TMPDIR/long
    yes 'abcdefghij' | tr -d '\n' | head -c 3000001 >"$long"
    client "$S" <"$long"
    [ "$status" -eq 0 ]
    cmp <(tr '[:lower:]' '[:upper:]' <"$long"; echo) "$BATS_TEST_TMPDIR/out"
    wait_for '^3000001 bytes came, and went back; the file: srw-------, 0 bytes$'
    [ "$(stat -c '%s %b' "$S")" = '0 0' ]
}

# with_umask MASK: what is started from here on has this umask.
with_umask() {
    # shellcheck disable=SC2016 # its own $@
    UNDER=(sh -c "umask $1"'; exec "$@"' sh)
}

@test "the mode does not depend on the umask" {
    with_umask 0
    start unix_demo server "$S"
    [ "$(stat -c '%A' "$S")" = 'srw-------' ]
    with_umask 0777
    start unix_demo server "$S.2"
    [ "$(stat -c '%A' "$S.2")" = 'srw-------' ]
}

@test "Ctrl-C, kill and a closed terminal take the name away" {
    local signal
    for signal in INT TERM HUP; do
        start unix_demo server "$S"
        [ -S "$S" ]
        client "$S" <<<hello # by now it handles signals
        kill -"$signal" "$PID"
        ended "$PID"
        [ ! -e "$S" ]
        [ "$(tail -n 1 "$LOG")" = "stopped by a signal, all sockets closed" ]
    done
}

@test "a file that has taken the place of ours is not deleted" {
    start unix_demo server "$S"
    client "$S" <<<hello
    rm "$S"
    echo precious >"$S"
    kill "$PID"
    ended "$PID"
    [ "$(cat "$S")" = precious ]
}

# stop_halfway: what is started from here on stops itself halfway through the
# removal of a name: when it has looked at $S, and made $S.PID to move it into.
stop_halfway() {
    command -v strace >/dev/null || missing strace
    UNDER=(strace -D -f -qq -o /dev/null -e 'trace=?mkdir,mkdirat'
        -e 'inject=?mkdir,mkdirat:signal=STOP:when=1')
}

# halfway PID: wait until it is there.
halfway() {
    local tries
    for ((tries = 0; tries < 500; tries++)); do
        [ ! -d "$S.$1" ] || return 0
        sleep 0.02
    done
    return 1
}

# go_on PID: let it go on, and return its exit status. (Once would be too early
# if it is just about to stop.)
go_on() {
    local tries
    for ((tries = 0; tries < 500; tries++)); do
        kill -CONT "$1" 2>/dev/null || break
        sleep 0.02
    done
    ended "$1"
}

# somebodys KIND: a file, a directory or a link instead of $S; unchanged: it is.
somebodys() {
    rm "$S"
    case $1 in
    file) echo precious >"$S" ;;
    directory) mkdir "$S" && echo precious >"$S/inside" ;;
    link) ln -s "$S.nothing" "$S" ;;
    esac
}
unchanged() {
    case $1 in
    file) [ "$(cat "$S")" = precious ] ;;
    directory) [ "$(cat "$S/inside")" = precious ] ;;
    link) [ "$(readlink "$S")" = "$S.nothing" ] ;;
    esac
}

@test "a file that takes the place of ours at the very last moment is not deleted" {
    local kind
    stop_halfway
    for kind in file directory link; do
        start unix_demo server "$S"
        kill -INT "$PID"
        halfway "$PID"
        somebodys "$kind"
        go_on "$PID"
        unchanged "$kind"
        [ ! -e "$S.$PID" ]
        rm -r "$S"
    done
}

@test "a file that takes a dead server's name at the very last moment is not deleted" {
    local kind
    for kind in file directory link; do
        UNDER=()
        stale
        stop_halfway
        LOG=$BATS_TEST_TMPDIR/$kind.log
        "${UNDER[@]}" "$ROOT/unix_demo/unix_demo" server "$S" >"$LOG" 2>&1 3>&- &
        PID=$!
        PIDS+=("$PID")
        halfway "$PID"
        somebodys "$kind"
        go_on "$PID" || [ "$?" -eq 1 ]
        grep -q '^unix_demo: bind to .*(EADDRINUSE)$' "$LOG"
        unchanged "$kind"
        [ ! -e "$S.$PID" ]
        rm -r "$S"
    done
}

@test "what kill -9 has left behind is recognised and replaced" {
    stale
    client "$S" <<<hello
    [ "$status" -eq 1 ]
    [ "$stderr" = "unix_demo: connect to $S: Connection refused (ECONNREFUSED)
hint: that is a socket, and nobody listens there; start unix_demo server" ]
    start unix_demo server "$S"
    [[ $(cat "$LOG") = "($S: nobody listens there, a killed server
 left it behind; replaced)
listening on $S"* ]]
    client "$S" <<<hello
    [ "$output" = HELLO ]
}

@test "a server that lives is not replaced" {
    start unix_demo server "$S"
    run timeout 10 "$ROOT/unix_demo/unix_demo" server "$S"
    [ "$status" -eq 1 ]
    [[ ${lines[0]} = "unix_demo: bind to $S: "*" (EADDRINUSE)" ]]
    [ "${lines[1]}" = "hint: somebody else has that name: ss -lxp src $S" ]
    [ "${lines[2]}" = "hint: or take another one: unix_demo server ${S}2" ]
    client "$S" <<<hello
    [ "$output" = HELLO ]
}

@test "a server whose queue is full, and a socket of another type, live, too" {
    LOG=$BATS_TEST_TMPDIR/log
    python "
s, d = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('$S')
s.listen(0)
waiting = socket.socket(socket.AF_UNIX)
waiting.connect('$S')
d.bind('$S.dgram')
print('ready', flush=True)
d.recv(1)" >"$LOG" &
    PIDS+=("$!")
    wait_for ready
    local name
    for name in "$S" "$S.dgram"; do
        run timeout 10 "$ROOT/unix_demo/unix_demo" server "$name"
        [ "$status" -eq 1 ]
        [[ $output = *"(EADDRINUSE)"* ]]
        [ -S "$name" ]
    done
    client "$S" <<<hello
    [[ $status -eq 1 && $stderr = *"connect to $S: "*"(EAGAIN)"*"hint: the queue is full"* ]]
    client "$S.dgram" <<<hello
    [[ $status -eq 1 && $stderr = *"(EPROTOTYPE)"*"hint: that is a socket of another type"* ]]
}

@test "a file, a directory, a link, a pipe: refused, and left alone" {
    stale
    echo precious >"$S.file"
    mkdir "$S.dir"
    ln -s "$S.nothing" "$S.dangling"
    ln -s "$S" "$S.link" # to a socket that nobody listens to
    mkfifo "$S.pipe"
    local name before
    for name in file dir dangling link pipe; do
        before=$(stat -c '%i %F' "$S.$name")
        run timeout 10 "$ROOT/unix_demo/unix_demo" server "$S.$name"
        [ "$status" -eq 1 ]
        [[ $output = "unix_demo: bind to $S.$name: "*" (EADDRINUSE)
hint: that is a "*", not a socket of ours, and is left alone
hint: take another path: "* ]]
        [ "$(stat -c '%i %F' "$S.$name")" = "$before" ]
    done
    [ -S "$S" ]
    [ "$(cat "$S.file")" = precious ]
    [ ! -e "$S.nothing" ]
    client "$S.file" <<<hello
    [ "$status" -eq 1 ]
    [[ $stderr = *"(ECONNREFUSED)"*"hint: that is a regular file, and nobody listens there"* ]]
}

@test "a path of 107 bytes is used, one of 108 refused by both roles" {
    local long
    long=$BATS_TEST_TMPDIR/$(printf "%0$((106 - ${#BATS_TEST_TMPDIR}))d" 7)
    [ "${#long}" -eq 107 ]
    start unix_demo server "$long"
    client "$long" <<<hello
    [ "$output" = HELLO ]
    local role
    for role in server client; do
        run timeout 10 "$ROOT/unix_demo/unix_demo" "$role" "${long}x" </dev/null
        [ "$status" -eq 1 ]
        [[ ${lines[0]} = "unix_demo: a path of 108 bytes: "*" (ENAMETOOLONG)" ]]
        [[ ${lines[1]} = "hint: 107 is the most; "* ]]
    done
}

@test "nothing there, and no such directory" {
    client "$S" <<<hello
    [ "$status" -eq 1 ]
    [ "$stderr" = "unix_demo: connect to $S: No such file or directory (ENOENT)
hint: nothing has that name; start unix_demo server first" ]
    run timeout 10 "$ROOT/unix_demo/unix_demo" server "$S/x/s"
    [ "$status" -eq 1 ]
    [[ $output = "unix_demo: bind to $S/x/s: No such file or directory (ENOENT)"*"hint: is there such a directory?"* ]]
}

@test "no permission: to connect, and to make a name" {
    start unix_demo server "$S"
    [ "$(id -u)" -eq 0 ] || chmod 0 "$S"
    ordinary "\$D client $S"
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "unix_demo: connect to $S: Permission denied (EACCES)" ]
    [[ ${lines[1]} = "hint: connecting takes permission to write to the"* ]]
    mkdir "$BATS_TEST_TMPDIR/closed"
    chmod 555 "$BATS_TEST_TMPDIR/closed"
    ordinary "\$D server ../closed/s"
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "unix_demo: bind to ../closed/s: Permission denied (EACCES)" ]
    [[ ${lines[1]} = "hint: a new name takes permission to write in its directory"* ]]
}

@test "a name that somebody else has left behind is left alone" {
    [ "$(id -u)" -eq 0 ] || skip "only root can play two users"
    mkdir "$BATS_TEST_TMPDIR/open"
    S=$BATS_TEST_TMPDIR/open/s
    stale
    chmod 666 "$S"
    ordinary "\$D server s"
    [ "$status" -eq 1 ]
    [[ ${lines[0]} = "unix_demo: bind to s: "*" (EADDRINUSE)" ]]
    [ -S "$S" ]
}

@test "the default path is in a directory that only we can enter, and goes with us" {
    with_umask 0777 # it would be closed to us, too, if the umask had a say
    start unix_demo server
    local dir
    dir=$BATS_TEST_TMPDIR/dialtone-$(id -u)
    grep -qx "listening on $dir/echo.sock" "$LOG"
    [ "$(stat -c '%A %u' "$dir")" = "drwx------ $(id -u)" ]
    client <<<hello
    [ "$output" = HELLO ]
    kill "$PID"
    ended "$PID"
    [ ! -e "$dir" ]
}

@test "without XDG_RUNTIME_DIR the default path is in /tmp" {
    unset XDG_RUNTIME_DIR
    run strace -qq -f -o "$BATS_TEST_TMPDIR/trace" -e trace=connect -e inject=connect:error=ENOENT \
        "$ROOT/unix_demo/unix_demo" client </dev/null
    [[ ${lines[0]} = "unix_demo: connect to /tmp/dialtone-$(id -u)/echo.sock: "* ]]
    # shellcheck disable=SC2016 # the words in the script, not their meaning
    [ "$(sed -n 's/^path=\(.*\)$/\1/p' "$ROOT/scripts/demo")" = \
        '${SOCKET:-${XDG_RUNTIME_DIR:-/tmp}/dialtone-$(id -u)/echo.sock}' ]
}

@test "a directory of that name which others can enter is refused by both roles" {
    local dir role
    dir=$BATS_TEST_TMPDIR/dialtone-$(id -u)
    mkdir "$BATS_TEST_TMPDIR/real"
    chmod 700 "$BATS_TEST_TMPDIR/real"
    for role in server client; do
        mkdir "$dir"
        chmod 755 "$dir"
        run timeout 10 "$ROOT/unix_demo/unix_demo" "$role" </dev/null
        [ "$status" -eq 1 ]
        [ "${lines[0]}" = "unix_demo: $dir is not a directory that is ours alone" ]
        rmdir "$dir"
        ln -s real "$dir"
        run timeout 10 "$ROOT/unix_demo/unix_demo" "$role" </dev/null
        [ "$status" -eq 1 ]
        [ "${lines[0]}" = "unix_demo: $dir is not a directory that is ours alone" ]
        rm "$dir"
    done
}

@test "five servers at once at a stale name: one has it, and it answers" {
    stale
    local i
    LOG=$BATS_TEST_TMPDIR/five.log
    for i in {1..5}; do
        "$ROOT/unix_demo/unix_demo" server "$S" >>"$LOG" 2>&1 3>&- &
        PIDS+=("$!")
    done
    wait_for 'listening on'
    for ((i = 0; i < 500; i++)); do # until all but one have given up
        [ "$(grep -c 'EADDRINUSE' "$LOG")" -lt 4 ] || break
        sleep 0.02
    done
    [ "$(grep -c '^listening on' "$LOG")" -eq 1 ]
    [ "$(grep -c 'EADDRINUSE' "$LOG")" -eq 4 ]
    client "$S" <<<hello
    [ "$output" = HELLO ]
}

@test "a server between bind and listen is not taken for a dead one" {
    command -v strace >/dev/null || missing strace
    UNDER=(strace -D -f -qq -o /dev/null -e trace=listen -e inject=listen:delay_enter=700000)
    LOG=$BATS_TEST_TMPDIR/slow.log
    "${UNDER[@]}" "$ROOT/unix_demo/unix_demo" server "$S" >"$LOG" 2>&1 3>&- &
    PIDS+=("$!")
    local tries
    for ((tries = 0; tries < 500; tries++)); do
        [ ! -S "$S" ] || break
        sleep 0.01
    done
    run timeout 10 "$ROOT/unix_demo/unix_demo" server "$S"
    [ "$status" -eq 1 ]
    [[ $output = *"(EADDRINUSE)"* ]]
    wait_for 'listening on'
    client "$S" <<<hello
    [ "$output" = HELLO ]
}

# fails_at CALL ARGS...: with CALL failing, the program ends with status 1 and
# names it.
fails_at() {
    command -v strace >/dev/null || missing strace
    run timeout 20 strace -qq -o /dev/null -e trace="$1" -e inject="$1:error=EBADF" \
        "$ROOT/unix_demo/unix_demo" "${@:2}" <<<hello
    [ "$status" -eq 1 ] && grep -q "^unix_demo: .*: Bad file descriptor (EBADF)$" <<<"$output" || {
        echo "$*: status $status: $output"
        return 1
    }
}

@test "a call that fails is named, with its errno; status 1, and no name left" {
    local call
    for call in socket mkdir flock bind listen accept; do
        fails_at "$call" server
        [ ! -e "$BATS_TEST_TMPDIR/dialtone-$(id -u)/echo.sock" ]
        [ "$call" != bind ] || [ ! -e "$BATS_TEST_TMPDIR/dialtone-$(id -u)" ]
    done
    start unix_demo server "$S"
    for call in socket setsockopt connect sendto recvfrom; do
        fails_at "$call" client "$S"
    done
}

@test "server: lives through accept that fails, a reset, and a peer nobody knows" {
    trace -e trace=accept,getsockopt -e inject=accept:error=EMFILE:when=1 \
        -e inject=getsockopt:error=EPERM:when=1
    start unix_demo server "$S"
    python "
s = socket.socket(socket.AF_UNIX)
s.connect('$S')
s.sendall(b'a' * 1000)
s.recv(1) # the rest of the answer stays unread: a reset
s.close()"
    client "$S" <<<hello
    [ "$output" = HELLO ]
    grep -q '^unix_demo: accept: .* (EMFILE)$' "$LOG"
    grep -q '^unix_demo: getsockopt SO_PEERCRED: Operation not permitted (EPERM)$' "$LOG"
    grep -q '^unix_demo: recv from somebody: Connection reset by peer (ECONNRESET)$' "$LOG"
}

@test "server: bytes that could harm a terminal are escaped" {
    start unix_demo server "$S"
    client "$S" < <(printf '\033]0;x\007\n')
    [ "$output" = $'\033]0;X\a' ]
    wait_for 'says "\\033\]0;x\\a" \(6 bytes\)$'
    run ! grep -q $'\033' "$LOG"
}

@test "client: empty lines are not sent; q quits, and so does the end of input" {
    start unix_demo server "$S"
    client "$S" < <(printf '\nqq\n\nq\nnot sent\n')
    [ "$status" -eq 0 ]
    [ "$output" = QQ ]
    wait_for '^2 bytes came'
    client "$S" </dev/null
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "client: a server that never answers, one that hangs up, one that resets" {
    serve 'c.recv(9); c.recv(9)'
    client "$S" <<<hello
    [[ $status -eq 1 && $stderr = *"unix_demo: recv: Resource temporarily unavailable (EAGAIN)"*"another client"* ]]
    rm "$S"
    serve 'c.recv(9); c.close()'
    client "$S" <<<hello
    [[ $status -eq 1 && $stderr = *"the server hung up (end of stream)" ]]
    rm "$S"
    serve 'c.recv(2); c.close()'
    client "$S" <<<hello
    [[ $status -eq 1 && $stderr = *"unix_demo: recv: Connection reset by peer (ECONNRESET)" ]]
}

@test "client: connect and recv interrupted: goes on" {
    command -v strace >/dev/null || missing strace
    start unix_demo server "$S"
    run timeout 20 strace -qq -e trace=connect,recvfrom,sendto \
        -e inject=connect,recvfrom,sendto:error=EINTR:when=1 \
        -o "$BATS_TEST_TMPDIR/trace" "$ROOT/unix_demo/unix_demo" client "$S" <<<hello
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = HELLO ]
    [ "$(grep -c EINTR "$BATS_TEST_TMPDIR/trace")" -eq 3 ]
}

@test "client: a reader of our answers who walks away ends us, with a message" {
    start unix_demo server "$S"
    run bash -c "yes | timeout 20 '$ROOT/unix_demo/unix_demo' client $S | head -n 1
        exit \${PIPESTATUS[1]}"
    [ "$status" -eq 1 ]
    [[ $output = *"write to standard output: Broken pipe (EPIPE)" ]]
}

@test "both: Python, netcat and socat are other sides" {
    start unix_demo server "$S"
    [ "$(python "
s = socket.socket(socket.AF_UNIX)
s.connect('$S')
s.sendall(b'hello')
print(s.recv(9).decode())")" = HELLO ]
    local tool
    for tool in "nc -N -U $S" "socat - UNIX-CONNECT:$S"; do
        command -v "${tool%% *}" >/dev/null || continue
        # shellcheck disable=SC2086 # words, not one argument
        [ "$(timeout 10 $tool <<<hello)" = HELLO ]
    done
    S=$S.python
    serve 'c.sendall(c.recv(9).title())'
    client "$S" <<<hello
    [ "$output" = Hello ]
}

# listens: wait until somebody listens at $S; see proc_net(5).
listens() {
    wait_for " 00010000 0001 01 +[0-9]+ $S\$" /proc/net/unix
}

@test "client: netcat and socat are servers, too" {
    local done=
    if command -v nc >/dev/null; then
        S=$BATS_TEST_TMPDIR/nc
        nc -l -U "$S" > >(cat >"$S.heard") < <(echo short) 3>&- &
        PIDS+=("$!")
        listens
        client "$S" <<<'something longer' # the newline ends the answer
        [ "$status" -eq 0 ]
        [ "$output" = short ]
        wait_for '^something longer$' "$S.heard"
        done=yes
    fi
    if command -v socat >/dev/null; then
        S=$BATS_TEST_TMPDIR/socat
        socat "UNIX-LISTEN:$S" PIPE 3>&- &
        PIDS+=("$!")
        listens
        client "$S" <<<hello
        [ "$status" -eq 0 ]
        [ "$output" = hello ]
        done=yes
    fi
    [ "$done" ] || skip "nobody has netcat or socat here"
}

@test "wrong use: one line that says what, the usage line, status 2" {
    local args
    for args in '' 'servers' 'client a b' '-x' 'client -x'; do
        # shellcheck disable=SC2086 # words, not one argument
        run timeout 10 "$ROOT/unix_demo/unix_demo" $args
        [ "$status" -eq 2 ] && [ "${#lines[@]}" -eq 2 ] &&
            [[ ${lines[0]} = "unix_demo: "* && ${lines[1]} = "usage: unix_demo "* ]] || {
            echo "unix_demo $args: status $status: $output"
            return 1
        }
    done
    run timeout 10 "$ROOT/unix_demo/unix_demo" client ''
    [ "$status" -eq 2 ]
    [ "${lines[0]}" = "unix_demo: PATH is empty" ]
}

@test "make demo-unix: the first terminal is the server, the second a client" {
    in_terminals '
a = demo(); server(a)
b = demo(); client(b); talk(b, "hello")
assert end(b, "d") == 0
c = demo("demo-unix_demo"); client(c); talk(c, "me too")
assert end(c, "d") == 0
interrupt(a)
assert not os.path.exists(os.path.dirname(path))'
}

@test "make demo-unix: typed at the same moment: one server, one client" {
    in_terminals '
for attempt in range(5):
    both = [demo(), demo()]
    roles = [t.expect([r"listening on \S+\r\n", "connected to "]) for t in both]
    assert sorted(roles) == [0, 1], roles
    a, b = both if roles == [0, 1] else reversed(both)
    b.expect_exact("> ")
    talk(b, "hello")
    assert end(b, "d") == 0
    interrupt(a)'
}

@test "make demo-unix: after kill -9 of the server the next one becomes the server" {
    in_terminals '
a = demo(); server(a)
b = demo()
b.expect(r"server, process (\d+), is running"); pid = int(b.match[1])
client(b); talk(b, "hello")
os.kill(pid, signal.SIGKILL)
failed(a)
b.expect_exact("the server hung up (end of stream)")
b.expect(pexpect.EOF)
a = demo()
a.expect_exact("nobody listens there, a killed server")
a.expect_exact("listening on " + path)
b = demo(); client(b); talk(b, "hello again")
assert end(b, "d") == 0
interrupt(a)'
}

@test "make demo-unix: SOCKET= passes through, and into the words shown" {
    in_terminals '
at = os.path.dirname(os.path.dirname(path)) + "/my"
words = "demo-unix SOCKET=" + at
a = demo(words)
a.expect_exact("make " + words)
a.expect_exact("listening on " + at)
b = demo(words); client(b, at); talk(b, "hello")
assert end(b, "d") == 0
interrupt(a)'
}

@test "make demo-unix-server and demo-unix-client choose the role" {
    in_terminals '
b = demo("demo-unix-client")
b.expect_exact("(ENOENT)")
failed(b)
a = demo("demo-unix-server"); a.expect_exact("listening on " + path)
b = demo("demo-unix-client"); client(b); talk(b, "hello")
assert end(b, "d") == 0
second = demo("demo-unix-server")
second.expect_exact("(EADDRINUSE)")
failed(second)
interrupt(a)'
}

@test "make demo-unix: a name that another program has: who, and what to type" {
    in_terminals '
at = os.path.dirname(os.path.dirname(path)) + "/my.sock"
other = socket.socket(socket.AF_UNIX)
other.bind(at)
other.listen()
a = demo("demo-unix SOCKET=" + at)
a.expect_exact("(EADDRINUSE)")
a.expect_exact("ss -lxp src " + at)
a.expect_exact("Another program has that address.")
a.expect_exact("make demo-unix SOCKET=" + at.replace("my", "my2"))
failed(a)
open(at + ".file", "w").close()
a = demo("demo-unix SOCKET=" + at + ".file")
a.expect_exact("that is a regular file")
a.expect_exact("make demo-unix SOCKET=")
failed(a)'
}
