load ../scripts/bats_helper
load ../scripts/many_helper
# guess: sport = :8080 \| grep .*?\'((?: "tcp_fork",pid=\S+)+) -> "\S+; ("\w+",\S+ ?){2}; ("\w+",\S+ ?){3}

# zombies_of PID: how many of its children have ended and were not waited for.
zombies_of() {
    ps -o stat= --ppid "$1" | awk '/^Z/ { n++ } END { print n + 0 }'
}

# children_of PID
children_of() {
    ps -o pid= --ppid "$1" | wc -l
}

# all_end_at_once COUNT: so many clients hang up while the server is stopped, so that
# many signals become one.
all_end_at_once() {
    python '
def held():
    return len(os.listdir("/proc/%s/fd" % sys.argv[2]))
before = held()
clients = [dial(sys.argv[1]) for _ in range(int(sys.argv[3]))]
for s in clients:
    s.sendall(b"x")
    assert s.recv(1) == b"X"
while held() > before: # it has not closed all its copies yet
    time.sleep(0.02)
os.kill(int(sys.argv[2]), 19)
for s in clients:
    s.shutdown(socket.SHUT_WR)
    assert s.recv(1) == b""
def zombies():
    with open("/proc/%s/task/%s/children" % (sys.argv[2], sys.argv[2])) as children:
        return sum(open("/proc/%s/stat" % pid).read().rsplit(") ")[1][0] == "Z" for pid in children.read().split())
while zombies() < len(clients):
    time.sleep(0.02)
os.kill(int(sys.argv[2]), 18)' "$PORT" "$PID" "$1"
}

@test "serves 100 clients at once, each by a process of its own" {
    start tcp_fork 127.0.0.1 0
    serves_at_once 100
    wait_for '^process [0-9]* has served 127.0.0.1:[0-9]*$'
    within 10 prints 100 grep -c 'has served' "$LOG"
    [ "$(sed -n 's/^process \([0-9]*\) .*/\1/p' "$LOG" | sort -u | wc -l)" -eq 100 ]
}

@test "answers exactly, also a client that reads late" {
    start tcp_fork -q 127.0.0.1 0
    echoes_exactly
}

@test "a reset ends nobody else's conversation" {
    start tcp_fork 127.0.0.1 0
    resets_end_nobody_else
    grep -q '^tcp_fork: recv from 127.0.0.1:[0-9]*: Connection reset by peer (ECONNRESET)$' "$LOG"
}

@test "output that nobody reads stalls nobody" {
    unread_output_stalls_nobody tcp_fork 200 ended
}

@test "-q, IPv6, a taken port, Ctrl-C" {
    keeps_the_contract tcp_fork
}

@test "no zombie is left, though one signal stands for many" {
    start tcp_fork -q 127.0.0.1 0
    all_end_at_once 50
    within 10 prints 0 children_of "$PID"
}

@test "shown: one waitpid for each signal leaves zombies" {
    variant tcp_fork 's/while (waitpid(/if (waitpid(/'
    launch "$VARIANT" -q 127.0.0.1 0
    all_end_at_once 50
    within 10 prints "$(children_of "$PID")" zombies_of "$PID"
    [ "$(zombies_of "$PID")" -gt 10 ]
}

@test "no zombie is left either when our starter has blocked SIGCHLD" {
    launch /usr/bin/python3 -c '
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
os.execv(sys.argv[1], sys.argv[1:])' "$ROOT/tcp_fork/tcp_fork" -q 127.0.0.1 0
    all_end_at_once 20
    within 10 prints 0 children_of "$PID"
}

@test "if fork fails, one client is lost and not the server" {
    trace -e trace=clone,fork -e 'inject=?fork,clone:error=EAGAIN:when=1'
    start tcp_fork 127.0.0.1 0
    python '
s = dial(sys.argv[1])
assert s.recv(1) == b""
s = dial(sys.argv[1])
s.sendall(b"next")
assert s.recv(4) == b"NEXT"' "$PORT"
    grep -q '^tcp_fork: fork for 127.0.0.1:[0-9]*: .* (EAGAIN)$' "$LOG"
}

@test "shown: if the parent keeps its copy, the client never sees the end" {
    variant tcp_fork '/copy is closed/,$ { /close(conn_fd)/d }'
    launch "$VARIANT" 127.0.0.1 0
    python '
s = dial(sys.argv[1])
s.sendall(b"bye")
s.shutdown(socket.SHUT_WR)
assert s.recv(3) == b"BYE"
s.settimeout(0.5)
try:
    sys.exit("it came: %r" % s.recv(1))
except TimeoutError:
    pass' "$PORT"
    wait_for 'has served' # the child is gone
}

# after_the_parent: a client talks, the parent is killed.
after_the_parent() {
    exec {CLIENT}<>"/dev/tcp/127.0.0.1/$PORT"
    echo hello >&"$CLIENT"
    read -r -u "$CLIENT" answer && [ "$answer" = HELLO ]
    kill -9 "$PID"
    run ! ended "$PID"
}

@test "the parent is killed: a conversation goes on, and a new server has the port" {
    start tcp_fork -q 127.0.0.1 0
    after_the_parent
    start tcp_fork -q 127.0.0.1 "$PORT"
    echo 'still there?' >&"$CLIENT"
    read -r -u "$CLIENT" answer && [ "$answer" = 'STILL THERE?' ]
}

@test "shown: if the child keeps its copy, callers hang and the address is in use" {
    variant tcp_fork 's/^\t*close(listen_fd);//'
    launch "$VARIANT" -q 127.0.0.1 0
    after_the_parent
    python '
s = dial(sys.argv[1])  # connected, though nobody will ever accept
s.sendall(b"hello?")
s.settimeout(0.5)
try:
    sys.exit("who was that? %r" % s.recv(1))
except TimeoutError:
    pass' "$PORT"
    run "$ROOT/tcp_fork/tcp_fork" 127.0.0.1 "$PORT"
    [ "$status" -eq 1 ] && [[ $output = *"(EADDRINUSE)"* ]]
}
