# shellcheck disable=SC2154 # run sets stderr
load ../scripts/bats_helper
# guess: srwx------ 1 \S+ \S+ (\d+)  -> 0; 5; 10

setup() {
    S=$BATS_TEST_TMPDIR/s
    DEMO=$ROOT/unix_demo/unix_demo
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR # the default path is in here
    OWN=$BATS_TEST_TMPDIR/dialtone-$(id -u)
}

# client ARGS...: the client on the standard input that is given.
client() {
    run --separate-stderr timeout 20 "$DEMO" client "$@" 3>&-
}

# stale: a file at $S that a killed server has left.
stale() {
    start unix_demo server "$S"
    kill -9 "$PID"
    ended "$PID" || [ "$?" -eq 137 ]
    [ -S "$S" ]
}

@test "an echo, and a file that is a socket, ours alone, and stays empty" {
    start unix_demo server "$S"
    client "$S" < <(printf 'Grüße\n\nlast line without newline')
    [ "$status" -eq 0 ]
    [ "$output" = $'GRüßE\nLAST LINE WITHOUT NEWLINE' ]
    [ "$stderr" = "connected to $S" ]
    [ "$(stat -c '%A %s %b' "$S")" = 'srwx------ 0 0' ]
    wait_for '^client says 7 bytes$'
}

@test "a megabyte comes back whole, and none of it is in the file" {
    start unix_demo -q server "$S"
    yes "$(seq -s ' abcdefghij ' 100)" | head -n 1000 >"$BATS_TEST_TMPDIR/said"
    timeout 20 "$DEMO" client "$S" <"$BATS_TEST_TMPDIR/said" >"$BATS_TEST_TMPDIR/heard"
    cmp <(tr '[:lower:]' '[:upper:]' <"$BATS_TEST_TMPDIR/said") "$BATS_TEST_TMPDIR/heard"
    [ "$(stat -c '%s %b' "$S")" = '0 0' ]
    [ "$(wc -l <"$LOG")" -eq 1 ] # -q
}

@test "Ctrl-C, kill and a closed terminal take the file away" {
    local signal
    for signal in INT TERM HUP; do
        UNDER=(python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])')
        start unix_demo server
        [ -S "$OWN/echo.sock" ]
        kill -"$signal" "$PID"
        ended "$PID" || [ "$?" -gt 128 ]
        [ ! -e "$OWN" ]
    done
}

@test "a signal at any call between bind and the end leaves nothing" {
    command -v strace >/dev/null || missing strace
    local call
    for call in bind listen accept; do
        run timeout 10 strace -qq -o /dev/null -e trace="$call" \
            -e inject="$call:signal=TERM:when=1" "$DEMO" server
        [ "$status" -eq 143 ]
        [ ! -e "$OWN" ]
    done
}

@test "what kill -9 has left is refused by connect, and replaced by a server" {
    stale
    client "$S" <<<hello
    [ "$status" -eq 1 ]
    [[ $stderr = "unix_demo: connect to $S: Connection refused (ECONNREFUSED)
hint: nobody listens: start a server there" ]]
    start unix_demo server "$S"
    client "$S" <<<hello
    [ "$output" = HELLO ]
}

@test "who lives is not replaced: listening, bound only, full, of another type" {
    LOG=$BATS_TEST_TMPDIR/log
    python "
kept = []
for name, kind in ('bound', 1), ('listening', 1), ('full', 1), ('dgram', 2), ('seq', 5):
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind('$S.' + name)
    kept.append(s)
    if name in ('listening', 'full'):
        s.listen(0)
    if name == 'full':
        kept.append(socket.socket(socket.AF_UNIX))
        kept[-1].connect('$S.full')
print('ready', flush=True)
time.sleep(15)" >"$LOG" &
    PIDS+=("$!")
    wait_for ready
    local name
    for name in bound listening full dgram seq; do
        run timeout 10 "$DEMO" server "$S.$name"
        [ "$status" -eq 1 ]
        [[ $output = "unix_demo: bind to $S.$name: "*"(EADDRINUSE)
hint: it is alive, or no socket of yours
hint: this path works: /"* ]]
        [ -S "$S.$name" ]
    done
    cd "$BATS_TEST_TMPDIR" # and by a relative name
    run timeout 10 "$DEMO" server s.bound
    [[ $status -eq 1 && -S $S.bound ]]
}

@test "a file, a directory, a link, a pipe: refused, and left alone" {
    stale
    echo precious >"$S.file"
    mkdir "$S.dir"
    ln -s "$S.nothing" "$S.dangling"
    ln -s "$S" "$S.link" # to a socket that nobody has
    mkfifo "$S.pipe"
    local name before
    for name in file dir dangling link pipe; do
        before=$(stat -c '%i %F' "$S.$name")
        run timeout 10 "$DEMO" server "$S.$name"
        [ "$status" -eq 1 ]
        [[ $output = *"(EADDRINUSE)"* ]]
        [ "$(stat -c '%i %F' "$S.$name")" = "$before" ]
    done
    [ -S "$S" ]
    [ "$(cat "$S.file")" = precious ]
    [ ! -e "$S.nothing" ]
}

@test "a file, or another server's socket, that has taken the place of ours stays" {
    start unix_demo server "$S"
    first=$PID
    rm "$S"
    start unix_demo server "$S"
    kill "$first"
    ended "$first" || [ "$?" -eq 143 ]
    [ -S "$S" ]
    second=$PID
    rm "$S"
    echo precious >"$S"
    kill "$second"
    ended "$second" || [ "$?" -eq 143 ]
    [ "$(cat "$S")" = precious ]
}

@test "a socket that somebody else has left is left alone" {
    [ "$(id -u)" -eq 0 ] || skip "only root can play two users"
    chmod o+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR"
    mkdir -m 777 "$BATS_TEST_TMPDIR/open"
    S=$BATS_TEST_TMPDIR/open/s
    stale
    chmod 666 "$S"
    public_copy unix_demo
    run as_user timeout 10 "$COPY" server "$S"
    [[ $status -eq 1 && $output = *"(EADDRINUSE)"* && -S $S ]]
    chmod 700 "$S"
    run as_user timeout 10 "$COPY" client "$S" </dev/null
    [[ $status -eq 1 && $output = *"connect to $S: Permission denied (EACCES)"*"hint: you may not write there"* ]]
    chmod 755 "$BATS_TEST_TMPDIR/open"
    run as_user timeout 10 "$COPY" server "$BATS_TEST_TMPDIR/open/t"
    [[ $status -eq 1 && $output = *"(EACCES)"*"hint: you may not write there"*"this path works: /"* ]]
}

@test "a file system without sockets: the hint names the cause and a path that works" {
    command -v strace >/dev/null || missing strace
    local error
    for error in EOPNOTSUPP EPERM EIO; do
        run timeout 10 strace -qq -o /dev/null -e trace=bind -e inject=bind:error=$error "$DEMO" server "$S"
        [ "$status" -eq 1 ]
        [[ $output = *"($error)"*"hint: that place takes no stream sockets" ]]
    done
}

@test "where it does not work: the hint names the cause, and a path that does" {
    local where cause
    while IFS=: read -r where cause; do
        run timeout 10 "$DEMO" server "$where"
        [ "$status" -eq 1 ] && [[ $output = *"hint: $cause"*"hint: this path works: "* ]] || {
            echo "$where: status $status: $output"
            return 1
        }
        S=${output##*works: }
        [ ! -e "$S" ] # it was only tried
        start unix_demo server "$S"
        client "$S" <<<hello
        [ "$output" = HELLO ]
    done <<END
$BATS_TEST_TMPDIR/none/s:no such directory
$(printf "/tmp/%0300d" 7):a path has room for 107 bytes
/etc/passwd:it is alive, or no socket of yours
END
    # And where /tmp itself has no sockets: one that the user named, and its own.
    for where in /tmp/s ''; do
        # shellcheck disable=SC2016 # expanded inside
        alone unshare -m bash -c 'exec 9<"$0" && mount -t devpts none /tmp && unset XDG_RUNTIME_DIR &&
            timeout 10 /proc/self/fd/9 server $1' "$DEMO" "$where" # the demo may be in /tmp
        [[ $status -eq 1 && $output = *"hint: that place takes no stream sockets"*"works: /dev/shm/"* ]]
    done
}

@test "a path of 107 bytes is used, one of 108 refused by both roles" {
    local long role
    long=$BATS_TEST_TMPDIR/$(printf "%0$((106 - ${#BATS_TEST_TMPDIR}))d" 7)
    [ "${#long}" -eq 107 ]
    start unix_demo server "$long"
    client "$long" <<<hello
    [ "$output" = HELLO ]
    for role in server client; do
        run timeout 10 "$DEMO" "$role" "${long}x" </dev/null
        [ "$status" -eq 1 ]
        [[ $output = *"(ENAMETOOLONG)"*"hint: a path has room for 107 bytes"* ]]
    done
}

@test "the default directory is ours alone, or refused by both roles" {
    local role mode
    mkdir -m 700 "$BATS_TEST_TMPDIR/real"
    for role in server client; do
        mkdir -m 755 "$OWN"
        run timeout 10 "$DEMO" "$role" </dev/null
        [[ $status -eq 1 && $output = "unix_demo: $OWN is not yours alone"* ]]
        rmdir "$OWN"
        ln -s real "$OWN"
        run timeout 10 "$DEMO" "$role" </dev/null
        [[ $status -eq 1 && $output = "unix_demo: $OWN is not yours alone"* ]]
        rm "$OWN"
    done
    UNDER=(sh -c 'umask 777; exec "$@"' sh)
    start unix_demo server
    [ "$(stat -c '%A %u' "$OWN")" = "drwx------ $(id -u)" ]
    client <<<hello
    [ "$output" = HELLO ]
}

@test "nothing there; a server that hangs up; a reader of answers who is gone" {
    client "$S" <<<hello
    [[ $status -eq 1 && $stderr = *"(ENOENT)"*"hint: no such directory, or no server yet"* ]]
    LOG=$BATS_TEST_TMPDIR/log
    python "
s = socket.socket(socket.AF_UNIX)
s.bind('$S')
s.listen()
print('ready', flush=True)
c, _ = s.accept()
c.recv(9)
c.close()" >"$LOG" &
    PIDS+=("$!")
    wait_for ready
    client "$S" <<<hello
    [[ $status -eq 1 && $stderr = *"unix_demo: the server hung up" ]]
    start unix_demo -q server "$S.2"
    run bash -c "yes | timeout 20 '$DEMO' client $S.2 | head -n 1; exit \${PIPESTATUS[1]}"
    [[ $status -eq 1 && $output = *"(EPIPE)"* ]]
}

@test "survives accept without a descriptor, and a client that leaves its answer unread" {
    trace -e trace=accept -e inject=accept:error=EMFILE:when=1
    start unix_demo server "$S"
    python "
s = socket.socket(socket.AF_UNIX)
s.connect('$S')
s.sendall(b'a' * 1000)
s.recv(1)
s.close()"
    client "$S" <<<hello
    [ "$output" = HELLO ]
    grep -q '^unix_demo: accept a client: .* (EMFILE)$' "$LOG"
    grep -q 'recv or send: client: .*(ECONNRESET)$' "$LOG"
}

@test "a call that fails is named, with its errno" {
    command -v strace >/dev/null || missing strace
    local fault
    for fault in socket:error=EMFILE:when=2 bind:error=ENOMEM listen:error=EADDRINUSE; do
        run timeout 10 strace -qq -o /dev/null -e trace="${fault%%:*}" -e inject="$fault" "$DEMO" server "$S"
        [[ $status -eq 1 && $output = "unix_demo: "*"${fault%%:*}"*" (E"*")"* ]]
        [ ! -e "$S" ]
    done
    start unix_demo server "$S"
    for fault in socket:error=EMFILE connect:error=ETIMEDOUT sendto:error=EPIPE recvfrom:error=EIO; do
        run timeout 10 strace -qq -o /dev/null -e trace="${fault%%:*}" -e inject="$fault" "$DEMO" client "$S" <<<hello
        [[ $status -eq 1 && $output = *"unix_demo: "*" (E"*")"* ]]
    done
}

@test "wrong use: one line that says what, the usage line, status 2" {
    local args words
    for args in '' servers 'client a b' -x 'server '; do
        IFS=' ' read -r -a words <<<"$args"
        [ "$args" != 'server ' ] || words+=('') # as an unset variable in quotes
        run timeout 10 "$DEMO" "${words[@]}"
        [[ $status -eq 2 && ${#lines[@]} -eq 2 && ${lines[1]} = "usage: unix_demo "* ]]
    done
}

@test "make demo-unix: first a server, then a client; after kill -9 a server again" {
    /usr/bin/python3 -c 'import pexpect' || missing "python3-pexpect"
    timeout 60 /usr/bin/python3 -c '
import os, re, signal, sys, pexpect
def demo(words="demo-unix"):
    return pexpect.spawn("make", ["-s", *words.split()], cwd=sys.argv[1], timeout=10,
                         encoding="utf-8", dimensions=(24, 200))
a = demo(); a.expect_exact("listening on " + sys.argv[2] + "/echo.sock")
for words in "demo-unix", "demo-unix_demo", "demo-unix-client":
    b = demo(words); b.expect_exact("connected to "); b.sendline("hello"); b.expect_exact("HELLO")
    b.sendcontrol("d"); b.expect(pexpect.EOF); b.close(); assert b.exitstatus == 0
b = demo(); b.expect(r"server, process (\d+), is running")
os.kill(int(b.match[1]), signal.SIGKILL); a.expect(pexpect.EOF)
a = demo(); a.expect_exact("listening on ")
b = demo("demo-unix-server"); b.expect_exact("(EADDRINUSE)"); b.expect(pexpect.EOF)
a.sendcontrol("c"); a.expect(pexpect.EOF)
at = sys.argv[2] + ".my"
a = demo("demo-unix SOCKET=" + at); a.expect_exact("make demo-unix SOCKET=" + at)
a.expect_exact("listening on " + at)
b = demo("demo-unix SOCKET=" + at); b.expect_exact("connected to " + at)
' "$ROOT" "$OWN" 3>&-
}
