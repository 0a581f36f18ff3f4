load ../scripts/bats_helper
# guess: 2\. A signal .*?(?:(\d+) ms recv = -1 EAGAIN|the waiting (never) ends) -> 4[5-9]\d; [5-9]\d\d; never

# The milliseconds at the left of the lines that hold $1.
times() {
    sed -n "s/^ *\([0-9]*\) ms | *\* $1.*/\1/p" <<<"$output"
}

@test "a time-out that signals interrupt outlasts its 450 ms, a deadline does not" {
    run -0 "$ROOT/tcp_deadline/tcp_deadline"
    local recvs polls
    [ "$(times 'recv = -1 EAGAIN')" -ge 430 ]
    [ "$(times 'recv = -1 EAGAIN')" -lt 2000 ]
    mapfile -t recvs < <(times 'recv = -1 EINTR')
    [ "${#recvs[@]}" -eq 6 ]
    [ "${recvs[-1]}" -gt 550 ]
    mapfile -t polls < <(times 'poll = -1 EINTR')
    [ "${#polls[@]}" -ge 1 ]
    [ "$(times 'poll = 0')" -ge 450 ] && [ "$(times 'poll = 0')" -lt 2000 ]
}

# C's own recv, for Python's would call again by itself. The handler runs every
# 80 ms; siginterrupt(False) is SA_RESTART.
WAIT='
import ctypes, errno, signal
recv = ctypes.CDLL(None, use_errno=True).recv
signal.signal(signal.SIGALRM, lambda number, frame: None)
signal.setitimer(signal.ITIMER_REAL, 0.08, 0.08)
client, server = socket.socketpair()
client.setblocking(True)
server.setblocking(True)
def wait(restart):
    signal.siginterrupt(signal.SIGALRM, not restart)
    n = recv(server.fileno(), ctypes.create_string_buffer(100), 100, 0)
    return n if n >= 0 else errno.errorcode[ctypes.get_errno()]
'

@test "SA_RESTART lets recv wait on through signals, as long as it has no time-out" {
    python "$WAIT"'
assert wait(False) == "EINTR"
if os.fork() == 0:
    time.sleep(0.5)
    client.send(b"hi")
    os._exit(0)
assert wait(True) == 2  # after six signals
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 0))
assert wait(True) == "EINTR"
signal.setitimer(signal.ITIMER_REAL, 0)  # or else it rings while Python ends'
}

@test "needs no privilege, and ten at once do not disturb each other" {
    many tcp_deadline 10
}

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    names_failures tcp_deadline setsockopt:ENOBUFS:1 setitimer:EINVAL:1+
}
