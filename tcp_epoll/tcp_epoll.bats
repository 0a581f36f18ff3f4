load ../scripts/bats_helper
load ../scripts/many_helper
# guess: accept4\(.*?\) = \d+ .*?(epoll_ctl\(.*?\) = 0(?:.* epoll_ctl\(.*?\) = 0)?) -> epoll_ctl\([^(]*; epoll_ctl\(.*recv\(.*epoll_ctl\(.*; epoll_ctl\(.*epoll_wait\(.*epoll_ctl\(.*

# descriptors: how many of them this machine lets a program have, at most 10,000 and
# some to spare.
descriptors() {
    local hard
    hard=$(ulimit -Hn)
    if [ "$hard" = unlimited ] || [ "$hard" -gt 10100 ]; then hard=10100; fi
    echo "$hard"
}

@test "serves 500 clients at once, in one process and one thread" {
    start tcp_epoll 127.0.0.1 0
    serves_at_once 500
    wait_for '^127.0.0.1:[0-9]* hung up$'
    [ "$(find "/proc/$PID/task" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
    [ -z "$(ps -o pid= --ppid "$PID")" ]
}

# bats test_tags=slow
@test "raises its soft limit of descriptors, says so, and serves all of them" {
    local most
    most=$(descriptors)
    ulimit -Sn 256
    start tcp_epoll 127.0.0.1 0
    wait_for "^($(ulimit -Hn)|65536) descriptors at most$"
    [ "$most" -gt 400 ] || missing "more descriptors than $most"
    serves_at_once $((most - 100)) 1
}

# bats test_tags=slow
@test "an idle client takes at most 256 bytes of the server's memory" {
    start tcp_epoll -q 127.0.0.1 0
    python '
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
def resident():
    with open("/proc/%s/status" % sys.argv[2]) as status:
        return int(status.read().split("VmRSS:")[1].split()[0]) * 1024
def crowd(count):
    clients = [dial(sys.argv[1]) for _ in range(count)]
    for s in clients[::100] + clients[-1:]:
        s.sendall(b"x")
        assert s.recv(1) == b"X"
    return clients
count = (int(sys.argv[3]) - 200) // 2
first = crowd(100)
before = resident()
second = crowd(count)
each = (resident() - before) / count
assert 0 < each <= 256, each' "$PORT" "$PID" "$(descriptors)"
}

@test "answers exactly, also a client that reads late" {
    start tcp_epoll -q 127.0.0.1 0
    echoes_exactly
}

@test "a reset ends nobody else's conversation" {
    start tcp_epoll 127.0.0.1 0
    resets_end_nobody_else
    grep -q '^tcp_epoll: recv from 127.0.0.1:[0-9]*: Connection reset by peer (ECONNRESET)$' "$LOG"
}

@test "a client that never reads delays nobody, takes bounded memory, and leaves without a spin" {
    start tcp_epoll -q 127.0.0.1 0
    never_readers_are_bounded
}

@test "output that nobody reads stalls nobody" {
    unread_output_stalls_nobody tcp_epoll 300
}

@test "-q, IPv6, a taken port, Ctrl-C" {
    keeps_the_contract tcp_epoll
}

# bats test_tags=slow
@test "no descriptor is left: thousands wait, no CPU is burnt, then they are served" {
    start tcp_epoll 127.0.0.1 0
    local count=$(($(descriptors) - 200))
    # More than the kernel's queue holds would wait in connect.
    local queue
    queue=$(cat /proc/sys/net/core/somaxconn)
    [ "$queue" -le 4096 ] || queue=4096
    [ "$count" -le "$queue" ] || count=$queue
    waits_without_descriptors "$count"
}

@test "shown: to look at the listener all the same burns the CPU" {
    variant tcp_epoll '/accept on/,/^}/ { /watch(/d; /resting =/d }'
    launch "$VARIANT" -q 127.0.0.1 0
    run ! waits_without_descriptors 1 2000 # on a busy machine its share of the CPU is small
    [[ $output = *'s of CPU time while it waits'* ]]
}

@test "shown: edge-triggered, a client that says much at once waits for ever" {
    variant tcp_epoll 's/EPOLL_CTL_ADD, fd, EPOLLIN/&|EPOLLET/; s/buf\[64 \* 1024\]/buf[16 * 1024]/'
    launch "$VARIANT" -q 127.0.0.1 0
    python '
import fcntl
s = dial(sys.argv[1])
s.sendall(b"x" * 10)
assert s.recv(10) == b"X" * 10  # less than its buffer: all seems well
os.kill(int(sys.argv[2]), 19)  # until all of it is there: one edge
s.sendall(b"x" * 40000)
while struct.unpack("i", fcntl.ioctl(s, 0x5411, b"    "))[0]:  # SIOCOUTQ: what its kernel has not acknowledged
    time.sleep(0.01)
os.kill(int(sys.argv[2]), 18)
got = 0
s.settimeout(1)
try:
    while got < 40000:
        got += len(s.recv(65536))
    sys.exit("all of it came")
except TimeoutError:
    assert got == 16384, got' "$PORT" "$PID"
}

@test "a call that fails ends one conversation, or is named" {
    local fault
    for fault in accept4:ECONNABORTED recvfrom:EINTR recvfrom:EAGAIN sendto:EINTR sendto:EAGAIN \
        '?epoll_wait,?epoll_pwait:EINTR'; do # musl calls it epoll_pwait
        trace -e "trace=${fault%:*}" -e "inject=${fault%:*}:error=${fault#*:}:when=1"
        start tcp_epoll -q 127.0.0.1 0
        python 's = dial(sys.argv[1]); s.sendall(b"x"); assert s.recv(1) == b"X"' "$PORT"
        grep -q "(INJECTED)" "$TRACE" || return 1
    done
    # The first epoll_ctl is for the listener, the second for a client.
    trace -e trace=epoll_ctl -e inject=epoll_ctl:error=ENOSPC:when=2
    start tcp_epoll -q 127.0.0.1 0
    python '
s = dial(sys.argv[1])
assert s.recv(1) == b""
s = dial(sys.argv[1])
s.sendall(b"x")
assert s.recv(1) == b"X"' "$PORT"
    grep -q '^tcp_epoll: epoll_ctl for 127.0.0.1:[0-9]*: .* (ENOSPC)$' "$LOG"
}
