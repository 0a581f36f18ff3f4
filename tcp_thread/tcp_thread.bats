load ../scripts/bats_helper
load ../scripts/many_helper
# guess: served \S+, (\d) still here .*?served \S+, (\d) still here -> 0 0; 1 0; 1 1

# talks_across COUNT: so many clients talk at the same time, each about itself.
# Prints how many answers were somebody else's, or in part.
talks_across() {
    python '
import threading
wrong = []
def talk(me):
    s = dial(sys.argv[1])
    said = (b"%d " % me) * 2000
    for turn in range(20):
        s.sendall(said)
        got = b""
        while len(got) < len(said):
            got += s.recv(65536)
        if got != said.upper():
            wrong.append(me)
            return
threads = [threading.Thread(target=talk, args=(i,)) for i in range(int(sys.argv[2]))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(wrong))' "$PORT" "$1"
}

# checked SED-SCRIPT: build that variant with ThreadSanitizer and start it.
checked() {
    variant tcp_thread "$1" -fsanitize=thread -pthread || missing "gcc's ThreadSanitizer"
    # It needs memory at fixed addresses: no randomness, where that can be had.
    setarch -R true 2>/dev/null && UNDER=(setarch -R)
    launch "${UNDER[@]}" "$VARIANT" 127.0.0.1 0
}

@test "serves 1,000 clients at once, in one process" {
    start tcp_thread 127.0.0.1 0
    serves_at_once 1000
    wait_for '^served 127.0.0.1:[0-9]*, 0 still here$'
    [ "$(find "/proc/$PID/task" -mindepth 1 -maxdepth 1 | wc -l)" -ge 1 ]
    [ -z "$(ps -o pid= --ppid "$PID")" ]
}

@test "each client on the line has a thread, which ends with it" {
    start tcp_thread -q 127.0.0.1 0
    python '
def threads():
    return len(os.listdir("/proc/%s/task" % sys.argv[2]))
clients = [dial(sys.argv[1]) for _ in range(10)]
for s in clients:
    s.sendall(b"x")
    assert s.recv(1) == b"X"
assert threads() == 11
for s in clients:
    s.close()
while threads() > 1:
    time.sleep(0.02)' "$PORT" "$PID"
}

@test "answers exactly, also a client that reads late" {
    start tcp_thread -q 127.0.0.1 0
    echoes_exactly
}

@test "a reset ends nobody else's conversation" {
    start tcp_thread 127.0.0.1 0
    resets_end_nobody_else
    grep -q '^tcp_thread: recv from 127.0.0.1:[0-9]*: Connection reset by peer (ECONNRESET)$' "$LOG"
}

@test "output that nobody reads stalls nobody" {
    unread_output_stalls_nobody tcp_thread 300
}

@test "clients that have left leave no memory behind" {
    local most=150 # KiB
    [ -z "${ASAN_OPTIONS-}" ] || most=2000 # its own book-keeping
    start tcp_thread -q 127.0.0.1 0
    python '
def kib(name):
    with open("/proc/%s/status" % sys.argv[2]) as status:
        return int(status.read().split(name + ":")[1].split()[0])
def come_and_go(count):
    for _ in range(count):
        s = dial(sys.argv[1])
        s.sendall(b"x")
        assert s.recv(1) == b"X"
come_and_go(200)
before = kib("VmRSS"), kib("VmSize")
come_and_go(600)
grown = kib("VmRSS") - before[0], kib("VmSize") - before[1]
assert grown[0] < int(sys.argv[3]) and grown[1] < 1000000, grown' "$PORT" "$PID" "$most"
}

@test "-q, IPv6, a taken port, Ctrl-C" {
    keeps_the_contract tcp_thread
}

@test "if there can be no thread, one client is lost and not the server" {
    trace -e 'trace=?clone3,clone' -e 'inject=?clone3,clone:error=EAGAIN:when=1'
    start tcp_thread 127.0.0.1 0
    python '
s = dial(sys.argv[1])
assert s.recv(1) == b""
s = dial(sys.argv[1])
s.sendall(b"next")
assert s.recv(4) == b"NEXT"' "$PORT"
    grep -q '^tcp_thread: pthread_create for a client: .* (EAGAIN)$' "$LOG"
}

@test "100 clients at the same time: each hears its own words" {
    start tcp_thread -q 127.0.0.1 0
    [ "$(talks_across 100)" -eq 0 ]
}

# hears_others: how many bytes of another client's are in the answer of one that did not read for a
# while, so that its thread stood in send, in the midst of its buffer.
hears_others() {
    python '
import select
slow = socket.socket()
slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
slow.connect(("127.0.0.1", int(sys.argv[1])))
slow.setblocking(False)
sent = 0
while select.select([], [slow], [], 0.5)[1]:
    sent += slow.send(b"a" * 65536)
with dial(sys.argv[1]) as other:
    other.sendall(b"b" * 65536)
    other.shutdown(socket.SHUT_WR)
    all_of(other)
slow.settimeout(10)
slow.shutdown(socket.SHUT_WR)
heard = all_of(slow)
assert len(heard) == sent, (len(heard), sent)
print(sent - heard.count(b"A"))' "$PORT"
}

@test "shown: with one buffer for all threads, clients hear each other" {
    launch "$ROOT/tcp_thread/tcp_thread" -q 127.0.0.1 0
    [ "$(hears_others)" -eq 0 ]
    variant tcp_thread 's/^\tchar buf\[/\tstatic char buf[/' -pthread
    launch "$VARIANT" -q 127.0.0.1 0
    local tries
    for ((tries = 0; tries < 5; tries++)); do # half a second may be too short for a busy machine
        [ "$(hears_others)" -eq 0 ] || return 0
    done
    false
}

# bats test_tags=slow
@test "ThreadSanitizer finds nothing" {
    checked ''
    talks_across 20
    resets_end_nobody_else
    run ! grep -A 20 'WARNING: ThreadSanitizer' "$LOG"
}

# bats test_tags=slow
@test "shown: without the mutex all seems well, and ThreadSanitizer knows better" {
    variant tcp_thread '/pthread_mutex_[un]*lock/d' -pthread
    launch "$VARIANT" 127.0.0.1 0
    [ "$(talks_across 20)" -eq 0 ]
    wait_for ' 0 still here$'
    checked '/pthread_mutex_[un]*lock/d'
    talks_across 20
    wait_for 'WARNING: ThreadSanitizer: data race'
    wait_for 'Location is global .clients.'
}
