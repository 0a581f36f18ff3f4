load ../scripts/bats_helper
# guess: bind\(new_fd, where, sizeof server\) = (-?\d+).*?neither.*? = (-?\d+).*?only the new.*?bind.*? = (-?\d+).*?only the old.*? = (-?\d+).*?both -> -1 0 -1 0; -1 0 0 0; -1 -1 -1 0

story=$ROOT/tcp_reuseaddr/tcp_reuseaddr

@test "the option is set before bind, where the story says so, and nowhere else" {
    command -v strace >/dev/null || missing strace
    strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=socket,setsockopt,bind "$story" >/dev/null
    # For each bind to a port that is asked for: was the option set on that socket?
    run awk '/^socket/ { option[$NF] = "without" }
        { fd = $1; gsub(/[^0-9]/, "", fd) }
        /SO_REUSEADDR, \[1\]/ { option[fd] = "with" }
        /^bind/ && !/htons\(0\)/ { print option[fd], /EADDRINUSE/ ? "in use" : "bound" }' "$BATS_TEST_TMPDIR/trace"
    echo "$output"
    [ "${lines[*]}" = "without bound without in use with in use with bound without in use with bound \
with in use with bound without bound without bound" ]
}

@test "TIME_WAIT is on the side that closed first, as ss shows, too" {
    command -v ss >/dev/null || missing ss
    # Scene 1: the server's address, twice; scene 3: the client's, 127.0.0.1.
    alone bash -c "'$story' >/dev/null && ss -Htan state time-wait"
    [ "$(awk '{ print $3 ~ /^127\.0\.0\.1:/ ? "client" : "server" }' <<<"$output" | sort | tr '\n' ' ')" = "client server server " ]
}

# bats test_tags=slow
@test "TIME_WAIT lasts 60 s, whatever tcp_fin_timeout and tcp_tw_reuse are" {
    command -v ss >/dev/null || missing ss
    for setting in tcp_fin_timeout=5 tcp_fin_timeout=200 tcp_tw_reuse=0 tcp_tw_reuse=1 tcp_tw_reuse=2; do
        alone bash -c "echo ${setting#*=} >/proc/sys/net/ipv4/${setting%=*} && '$story' >/dev/null &&
            ss -Htano state time-wait"
        [ "$status" -eq 0 ]
        [ "${#lines[@]}" -eq 3 ]
        # Longer than 5 s and shorter than 200: it is neither of the two settings.
        for line in "${lines[@]}"; do
            [[ $line =~ timer:\(timewait,(1min,|[345][0-9]sec,) ]]
        done
    done
}

@test "a live TCP server: no second one on its address, nor on 0.0.0.0; 127.0.0.2 is free" {
    python '
import errno
def bound(host, port, reuse=1, kind=socket.SOCK_STREAM):
    s = socket.socket(type=kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
    s.bind((host, port))
    return s
def in_use(call):
    try:
        call()
        sys.exit("not in use")
    except OSError as e:
        assert e.errno == errno.EADDRINUSE, e
first = bound("127.0.0.1", 0)
port = first.getsockname()[1]
second = bound("127.0.0.1", port) # neither listens yet ...
first.listen()
in_use(second.listen) # ... and only one may
second.close()
for host in "127.0.0.1", "0.0.0.0":
    in_use(lambda: bound(host, port))
bound("127.0.0.2", port).listen()
# UDP: the option lets both have the address, and the newcomer gets the datagrams.
old = bound("127.0.0.1", 0, kind=socket.SOCK_DGRAM)
new = bound("127.0.0.1", old.getsockname()[1], kind=socket.SOCK_DGRAM)
socket.socket(type=socket.SOCK_DGRAM).sendto(b"whose?", old.getsockname())
assert new.recv(10) == b"whose?"
in_use(lambda: bound("127.0.0.1", old.getsockname()[1], 0, socket.SOCK_DGRAM))'
}

@test "a leftover that is not in TIME_WAIT yet: both must have the option as well" {
    python '
for old_reuse in 0, 1:
    for new_reuse in 0, 1:
        old = socket.socket()
        old.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, old_reuse)
        old.bind(("127.3.4.5", 0))
        old.listen()
        where = old.getsockname()
        client = socket.create_connection(where)
        conn = old.accept()[0] # stays: ESTABLISHED
        old.close()
        new = socket.socket()
        new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, new_reuse)
        try:
            new.bind(where)
            bound = 1
        except OSError:
            bound = 0
        assert bound == (old_reuse and new_reuse), (old_reuse, new_reuse, bound)'
}

@test "the option after bind comes too late: only another bind looks at it" {
    python '
old = socket.create_server(("127.0.0.1", 0)) # Python sets the option itself
where = old.getsockname()
client = socket.create_connection(where)
conn = old.accept()[0]
conn.close()
client.recv(1)
client.close()
old.close()
new = socket.socket()
for expected in "in use", "bound":
    try:
        new.bind(where)
        seen = "bound"
    except OSError:
        seen = "in use"
    assert seen == expected, seen
    new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    assert (new.getsockname() == where) == (seen == "bound")'
}

@test "where TIME_WAIT is not kept the story does not pretend that it was" {
    alone bash -c "echo 0 >/proc/sys/net/ipv4/tcp_max_tw_buckets && '$story' 2>&1"
    [ "$status" -eq 1 ]
    [[ $output = *"tcp_reuseaddr: scene 1: not on this kernel: neither server set SO_REUSEADDR: in use"* ]]
}

@test "on a kernel that binds without the option it says so, status 1" {
    command -v strace >/dev/null || missing strace
    # The third bind is that of the server that is started again.
    run --separate-stderr strace -qq -o /dev/null -e trace=bind \
        -e inject=bind:retval=0:when=3 "$story"
    [ "$status" -eq 1 ]
    [[ $stderr = "tcp_reuseaddr: scene 1: not on this kernel: neither server set SO_REUSEADDR: in use"* ]]
}

# bats test_tags=slow
@test "a call that fails is named, status 1" {
    names_failures tcp_reuseaddr socket:EMFILE:1 setsockopt:ENOMEM:1 listen:EADDRINUSE:1 \
        accept:EMFILE:1 poll:ENOMEM:1
}

# bats test_tags=slow
@test "50 at once do not disturb each other, and leave no process behind" {
    many tcp_reuseaddr 50
}

# bats test_tags=slow
@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_reuseaddr
}

@test "without TIME_WAIT on the whole machine bind needs no option" {
    command -v /usr/bin/python3 >/dev/null || missing python3
    for buckets in 0 1000; do
        alone bash -c "echo $buckets >/proc/sys/net/ipv4/tcp_max_tw_buckets && /usr/bin/python3 -c '
import socket
old = socket.create_server((\"127.0.0.1\", 0), reuse_port=False)
old.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
where = old.getsockname()
client = socket.create_connection(where, 10)
conn = old.accept()[0]
conn.close()
client.recv(1)
client.close()
old.close()
socket.socket().bind(where)'"
        if [ "$buckets" -eq 0 ]; then
            [ "$status" -eq 0 ]
        else
            [[ $output = *"Address already in use"* ]]
        fi
    done
}

@test "sysctls prints this machine's values, and what is absent" {
    run --separate-stderr "$ROOT/scripts/sysctls"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [ "${#lines[@]}" -eq 12 ] # six settings, one line on each
    for name in net.ipv4.tcp_tw_reuse net.ipv4.tcp_fin_timeout net.ipv4.tcp_syncookies \
        net.ipv4.tcp_max_tw_buckets net.core.somaxconn net.ipv4.tcp_tw_recycle; do
        value=$(cat "/proc/sys/${name//.//}" 2>/dev/null) || value=absent
        grep -qxF "$name = $value" <<<"$output"
    done
    [ "$(grep -cE '.{81}' <<<"$output")" -eq 0 ]
}

@test "sysctls reads the values anew, and changes nothing" {
    command -v strace >/dev/null || missing strace
    alone bash -c "echo 17 >/proc/sys/net/ipv4/tcp_fin_timeout && '$ROOT/scripts/sysctls'"
    [ "$status" -eq 0 ]
    [[ $output = *"net.ipv4.tcp_fin_timeout = 17"* ]]
    trace -e trace=open,openat,creat
    "${UNDER[@]}" "$ROOT/scripts/sysctls" >/dev/null 3>&-
    grep -q '/proc/sys/net/ipv4/tcp_fin_timeout' "$TRACE"
    [ "$(grep -cE '/proc/sys/.*(O_WRONLY|O_RDWR|O_CREAT)' "$TRACE")" -eq 0 ]
}

@test "sysctls notices a full disk" {
    run bash -c "'$ROOT/scripts/sysctls' >/dev/full"
    [ "$status" -ne 0 ]
    [ "${#lines[@]}" -eq 1 ]
}

@test "sysctls: -h helps, anything else is wrong use" {
    run --separate-stderr "$ROOT/scripts/sysctls" -h
    [ "$status" -eq 0 ]
    [[ $output = "usage: scripts/sysctls"* ]]
    run --separate-stderr "$ROOT/scripts/sysctls" -w
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [[ $stderr = "sysctls: '-w' is too much"* ]]
}
