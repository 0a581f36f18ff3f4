load ../scripts/bats_helper
# guess: (\w+) (\w+) => it hears; the client closed first -> CLOSED CLOSED; TIME_WAIT CLOSED; CLOSED TIME_WAIT

@test "each state of an end is held, read for both ends, and released" {
    diff - <("$ROOT/tcp_close/tcp_close" | grep -E '^   [A-Z_0-9]+  +[A-Z_0-9]+$') <<END
   FIN_WAIT_1   ESTABLISHED
   FIN_WAIT_2   CLOSE_WAIT
   FIN_WAIT_2   LAST_ACK
   TIME_WAIT    CLOSED
   FIN_WAIT_1   FIN_WAIT_1
   FIN_WAIT_1   CLOSING
   TIME_WAIT    TIME_WAIT
END
}

# rows(which, *options): what ss shows of these connections, a line each. Another
# test may have the same port, but not the same address: see bound_socket.
SS='
import subprocess
def address_of(pid):
    return f"127.{pid // 256 % 256}.{pid % 256}.1"
address = address_of(os.getpid())
def rows(which, *options):
    shown = subprocess.run(["ss", "-Htan", *options, which], stdout=subprocess.PIPE, text=True).stdout
    return [row for row in shown.splitlines() if f" {address}:" in row]
def states(which):
    return " ".join(sorted(row.split()[0] for row in rows(which)))
def until(state, which):
    for _ in range(500):
        if states(which) == state:
            return
        time.sleep(0.02)
    sys.exit(f"{which}: {states(which)}, not {state}")
def pair():
    listener = socket.create_server((address, 0))
    port = listener.getsockname()[1]
    client = socket.create_connection((address, port))
    conn, _ = listener.accept()
    listener.close()
    return client, conn, f"sport = :{port}", f"dport = :{port}"
'

@test "-w: at each state ss sees what the program says; Enter goes on; only TIME_WAIT is left" {
    command -v ss >/dev/null || missing ss
    python "$SS"'
held = ["ESTAB FIN-WAIT-1", "CLOSE-WAIT FIN-WAIT-2", "FIN-WAIT-2 LAST-ACK", "TIME-WAIT",
        "FIN-WAIT-1 FIN-WAIT-1", "CLOSING FIN-WAIT-1", "TIME-WAIT TIME-WAIT"]
story = subprocess.Popen([sys.argv[1], "-w"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
address = address_of(story.pid)
for wanted in held:
    look = next(line for line in story.stdout if "   look: ss -tan " in line)
    which = look.split(chr(39))[1]
    assert states(which) == wanted, (states(which), wanted)
    story.stdin.write("\n")
    story.stdin.flush()
assert story.wait() == 0
assert states(which) == "TIME-WAIT TIME-WAIT", states(which)' "$ROOT/tcp_close/tcp_close"
}

@test "TIME_WAIT is for whoever closes first, whichever end that is, and lasts 60 s" {
    command -v ss >/dev/null || missing ss
    python "$SS"'
for server_first in (False, True):
    client, conn, server_end, client_end = pair()
    first, second = (conn, client) if server_first else (client, conn)
    its_end, the_other = (server_end, client_end) if server_first else (client_end, server_end)
    first.close()
    assert second.recv(1) == b""
    second.close()
    until("TIME-WAIT", its_end)
    until("", the_other)
    timer = rows(its_end, "-o")[0]
    assert "timer:(timewait,59" in timer or "timer:(timewait,1min" in timer, timer'
}

@test "CLOSE_WAIT lasts while the program does not close; the kernel ends a FIN_WAIT_2 that nobody owns" {
    command -v ss >/dev/null || missing ss
    python "$SS"'
client, conn, server_end, client_end = pair()
client.shutdown(socket.SHUT_WR)
until("CLOSE-WAIT", server_end)
until("FIN-WAIT-2", client_end)
assert "timer:" not in rows(server_end, "-o")[0] + rows(client_end, "-o")[0]
client.close()  # now its FIN_WAIT_2 has a limit: net.ipv4.tcp_fin_timeout
assert "timer:(timewait," in rows(client_end, "-o")[0], rows(client_end, "-o")
assert states(server_end) == "CLOSE-WAIT"
conn.close()
until("", server_end)'
}

@test "-w: end of input goes on, and no watchdog ends the run" {
    command -v strace >/dev/null || missing strace
    run strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=alarm,setitimer "$ROOT/tcp_close/tcp_close" -w </dev/null
    [ "$status" -eq 0 ]
    [ "$(grep -c '   look: ss -tan ' <<<"$output")" -eq 7 ]
    tail -n 1 "$BATS_TEST_TMPDIR/trace" | grep -E '^alarm\(0\)|it_value=\{tv_sec=0'
}

@test "wrong use of -w is told" {
    for args in "-w x" "-w -x" "-x -w" "w"; do
        # shellcheck disable=SC2086 # words, not one argument
        run --separate-stderr "$ROOT/tcp_close/tcp_close" $args
        [ "$status" -eq 2 ]
        [ -z "$output" ]
        [[ $stderr = "tcp_close: '"[-wx]*"' is "*$'\n'"usage: tcp_close [-w]" ]]
    done
}

# bats test_tags=slow
@test "a call that fails is named" {
    names_failures tcp_close shutdown:ENOTCONN:1 shutdown:ENOTCONN:2 shutdown:ENOTCONN:3 \
        setsockopt:EPERM:1 setsockopt:EPERM:5 getsockname:ENOBUFS:2
}

# bats test_tags=slow
@test "20 at once, by a user without privilege, do not disturb each other" {
    many tcp_close 20
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_close
}
