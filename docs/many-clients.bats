# What docs/many-clients.md shows. Its transcript is replayed by transcripts.bats.
load ../scripts/bats_helper

# block LANGUAGE NUMBER: the text of that code block of the page.
block() {
    awk -v start="^\`\`\`$1\$" -v wanted="$2" '
        inside && /^```$/ { inside = 0 }
        inside && number == wanted { print }
        $0 ~ start { inside = 1; number++ }' "$ROOT/docs/many-clients.md"
}

# build NUMBER OPTION...: that C program of the page.
build() {
    PROGRAM=$BATS_TEST_TMPDIR/program
    block c "$1" >"$PROGRAM.c"
    "${CC:-cc}" -iquote "$ROOT/docs" "${@:2}" -o "$PROGRAM" "$PROGRAM.c"
}

@test "FD_SET(1024) writes behind the set, and the page says what" {
    build 1 -O0 -U_FORTIFY_SOURCE
    run -0 "$PROGRAM"
    [[ $output = "behind the set: "* && $output != *"no harm" ]]
    case $(printf '\1\0' | od -An -td2) in # the page shows it as little-endian machines do
    *' 1') [ "$output" = "$(block text 1)" ] ;;
    esac
}

@test "FD_SET(1024) aborts with _FORTIFY_SOURCE, on glibc" {
    build 1 -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
    ldd "$PROGRAM" | grep -q 'libc\.so\.6' || missing "glibc"
    run "$PROGRAM"
    [ "$status" -eq 134 ] && [[ $output = *"terminated"* ]]
}

@test "FD_SET(1024) is not checked by musl" {
    command -v musl-gcc >/dev/null || missing musl-gcc
    CC=musl-gcc build 1 -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
    run -0 "$PROGRAM"
    [[ $output != *"no harm" ]]
}

@test "close does not wake a blocked accept, which takes the next client; shutdown does" {
    build 2 -pthread -w
    local i
    for i in 1 2 3 4 5; do
        run -0 "$PROGRAM"
        [ "$output" = "$(block text 2)" ]
    done
}

@test "the load of make bench checks every byte, and measures what it says" {
    cc -O1 -o "$BATS_TEST_TMPDIR/load" "$ROOT/bench/load.c"
    local shape
    start tcp_fork -q 127.0.0.1 0
    for shape in flight mute burst churn idle; do
        run -0 "$BATS_TEST_TMPDIR/load" "$shape" "$PORT" "$PID" 20 100
        # Whole microseconds on the clock; so short, CPU time of children may be 0 ticks.
        [[ $output =~ ^[0-9]+\.[0-9]{3}\ [0-9]+\.[0-9]{3}$ && $output != 0.000* ]]
    done
    # A server that answers in lower case from the second turn on.
    /usr/bin/python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 0))
print("listening on 127.0.0.1:%d" % s.getsockname()[1], flush=True)
c = s.accept()[0]
for turn in range(100):
    data = c.recv(64)
    c.sendall(data.upper() if turn < 1 else data)' >"$BATS_TEST_TMPDIR/wrong.log" 3>&- &
    PIDS+=("$!")
    LOG=$BATS_TEST_TMPDIR/wrong.log
    wait_for 'listening on'
    run "$BATS_TEST_TMPDIR/load" flight "$(sed 's/.*://' "$LOG")" "$!" 1 10
    [ "$status" -eq 1 ] && [ "$output" = "load: client 0 got a wrong answer" ]
}

@test "one client port, three connections: the four numbers differ" {
    start tcp_epoll 127.0.0.1 0
    python '
clients = []
for i in 1, 2, 3:
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.%d" % i, clients[0].getsockname()[1] if clients else 0))
    s.connect(("127.0.0.1", int(sys.argv[1])))
    clients.append(s)
for s in clients:
    s.sendall(b"x")
    assert s.recv(1) == b"X"
assert len({s.getsockname()[1] for s in clients}) == 1' "$PORT"
    [ "$(sed -n 's/^127.0.0.[123]:\([0-9]*\) connected$/\1/p' "$LOG" | sort | uniq -c | awk '{ print $1 }')" = 3 ]
}
