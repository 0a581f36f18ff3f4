load ../scripts/bats_helper
# guess: no SYN\+ACK (\w+) (\w+) => the ACK is dropped -> ESTABLISHED ESTABLISHED; ESTABLISHED SYN_RECV; SYN_SENT SYN_RECV

@test "each of the five states is held, read for both ends, and released" {
    diff - <("$ROOT/tcp_handshake/tcp_handshake" | grep -E '^   [A-Z_]+  +[A-Z_]+$') <<END
   CLOSED       LISTEN
   SYN_SENT     LISTEN
   SYN_SENT     SYN_RECV
   ESTABLISHED  SYN_RECV
   ESTABLISHED  ESTABLISHED
END
}

@test "both ends are established before accept is called" {
    command -v strace >/dev/null || missing strace
    strace -qq -o "$BATS_TEST_TMPDIR/trace" "$ROOT/tcp_handshake/tcp_handshake" >/dev/null
    run awk '/^write.*ESTABLISHED  ESTABLISHED/ { ready = 1 } /^accept/ { print ready ? "ready" : "not yet" }' \
        "$BATS_TEST_TMPDIR/trace"
    [[ $output = ready ]] || {
        # Into a file or a pipe, too, each line is written at once.
        cat "$BATS_TEST_TMPDIR/trace"
        return 1
    }
}

@test "-w: at each state ss sees what the program says; Enter goes on" {
    command -v ss >/dev/null || missing ss
    python '
import subprocess
held = ["LISTEN", "LISTEN SYN-SENT", "LISTEN SYN-RECV SYN-SENT", "ESTAB LISTEN SYN-RECV",
        "ESTAB ESTAB LISTEN"]
story = subprocess.Popen([sys.argv[1], "-w"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
# Another test may have the same port, but not the same address: see bound_socket.
address = f" 127.{story.pid // 256 % 256}.{story.pid % 256}.1:"
for states in held:
    look = next(line for line in story.stdout if "   look: ss -tan " in line)
    which = look.split(chr(39))[1]
    rows = subprocess.run(["ss", "-Htan", which], stdout=subprocess.PIPE, text=True).stdout
    seen = " ".join(sorted(row.split()[0] for row in rows.splitlines() if address in row))
    assert seen == states, (seen, states)
    story.stdin.write("\n")
    story.stdin.flush()
assert story.wait() == 0
rows = subprocess.run(["ss", "-Htan", which], stdout=subprocess.PIPE, text=True).stdout
assert address not in rows, rows' "$ROOT/tcp_handshake/tcp_handshake"
}

@test "-w: end of input goes on, and no watchdog ends the run" {
    command -v strace >/dev/null || missing strace
    run strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=alarm,setitimer "$ROOT/tcp_handshake/tcp_handshake" -w </dev/null
    [ "$status" -eq 0 ]
    [ "$(grep -c '   look: ss -tan ' <<<"$output")" -eq 5 ]
    tail -n 1 "$BATS_TEST_TMPDIR/trace" | grep -E '^alarm\(0\)|it_value=\{tv_sec=0'
}

@test "wrong use of -w is told" {
    for args in "-w x" "-w -x" "-x -w" "w"; do
        # shellcheck disable=SC2086 # words, not one argument
        run --separate-stderr "$ROOT/tcp_handshake/tcp_handshake" $args
        [ "$status" -eq 2 ]
        [ -z "$output" ]
        [[ $stderr = "tcp_handshake: '"[-wx]*"' is "*$'\n'"usage: tcp_handshake [-w]" ]]
    done
}

# bats test_tags=slow
@test "a call that fails is named" {
    names_failures tcp_handshake socket:EMFILE:2 listen:EADDRINUSE:1 setsockopt:EPERM:1 \
        setsockopt:EPERM:3 connect:ECONNREFUSED:1 send:EPIPE:1 accept:EMFILE:1
}

# bats test_tags=slow
@test "20 at once, by a user without privilege, do not disturb each other" {
    many tcp_handshake 20
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_handshake
}
