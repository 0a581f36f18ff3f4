load ../scripts/bats_helper

# in_private_network COMMAND: a shell command in a network of its own, $STORY there.
in_private_network() {
    unshare -Urn ip link set lo up 2>/dev/null || missing "unshare -Urn, ip"
    run env STORY="$ROOT/tcp_reuseaddr/tcp_reuseaddr" unshare -Urn bash -c "ip link set lo up; $1"
}

@test "the story is true: strace saw each call that it prints" {
    tells_the_truth tcp_reuseaddr
}

@test "of four ways to start again, only the one with the option on both sides binds" {
    run "$ROOT/tcp_reuseaddr/tcp_reuseaddr"
    [ "$status" -eq 0 ]
    in_use='-1 EADDRINUSE ('
    way() { grep -A1 -F "old $1, new $2:" <<<"$output" | tail -n 1; }
    [[ $(way without without) = *"= $in_use"* ]]
    [[ $(way without with) = *"= $in_use"* ]]
    [[ $(way with without) = *"= $in_use"* ]]
    [[ $(way with with) = *"bind(fd, where, size) "*" = 0" ]]
    [[ $output = *"it listens, and has its first client"* ]]
}

@test "strace sees the option where the story says that it is" {
    trace -e trace=setsockopt,bind,socket,listen
    "${UNDER[@]}" "$ROOT/tcp_reuseaddr/tcp_reuseaddr" 3>&-
    # Scene 3: bind fails, then the option, then bind succeeds, on one socket.
    awk '{ call = $2; sub(/\(.*/, "", call); fd = $2; gsub(/[^0-9]/, "", fd)
           print call, fd, /EADDRINUSE/ ? "in_use" : "ok" }' "$TRACE" | tr '\n' ';' |
        grep -qE 'bind ([0-9]+) in_use;setsockopt \1 ok;bind \1 ok;'
    # Four in scenes 1 and 2, one in scene 3, one in scene 4, and no other call fails.
    [ "$(grep -c 'EADDRINUSE' "$TRACE")" -eq 6 ]
    [ "$(grep -c '= -1' "$TRACE")" -eq 6 ]
}

@test "TIME_WAIT is on the side that closed first, as ss shows, too" {
    command -v ss >/dev/null || missing ss
    in_private_network "\$STORY && ss -Htan state time-wait"
    [ "$status" -eq 0 ]
    # Scene 1: the server's address; scene 5: the client's. Each has a row in ss,
    # as local address.
    mapfile -t owners < <(sed -n 's,.*/proc/net/tcp: \([0-9.:]*\)[ ,].*,\1,p' <<<"$output")
    [ "${#owners[@]}" -eq 2 ]
    for owner in "${owners[@]}"; do
        awk -v own="$owner" '$1 ~ /^[0-9]+$/ && $3 == own { found = 1 } END { exit !found }' <<<"$output"
    done
    [[ ${owners[0]} != 127.0.0.1:* && ${owners[1]} = 127.0.0.1:* ]]
}

@test "the time left is that of our connection, not of another with the same client port" {
    # On each port that a client can get, some connections to other servers are in
    # TIME_WAIT already, with 57 s left at the most. Ours has longer.
    cat >"$BATS_TEST_TMPDIR/neighbours.py" <<'END'
import socket, time
for host in range(9, 17):
    server = socket.create_server(("127.0.0.%d" % host, 1009))
    for _ in range(190):
        client = socket.create_connection(server.getsockname(), 10)
        conn = server.accept()[0]
        client.close()
        conn.recv(1)
        conn.close()
def longest():
    rows = [row.split() for row in open("/proc/net/tcp").readlines()[1:]]
    return max(int(row[5][3:], 16) for row in rows if row[3] == "06")
end = time.monotonic() + 20
while longest() > 5700 and time.monotonic() < end:
    time.sleep(0.05)
END
    in_private_network "echo 40000 40199 >/proc/sys/net/ipv4/ip_local_port_range &&
        /usr/bin/python3 '$BATS_TEST_TMPDIR/neighbours.py' && \$STORY"
    [ "$status" -eq 0 ]
    [[ $output =~ ", the client, waits "([0-9.]+)" s" ]]
    awk -v s="${BASH_REMATCH[1]}" 'BEGIN { exit !(s > 57) }'
}

@test "TIME_WAIT has up to 60 s left, whatever tcp_fin_timeout and tcp_tw_reuse are" {
    for setting in tcp_fin_timeout=5 tcp_fin_timeout=200 tcp_tw_reuse=0 tcp_tw_reuse=1 tcp_tw_reuse=2; do
        in_private_network "echo ${setting#*=} >/proc/sys/net/ipv4/${setting%=*} && \$STORY"
        [ "$status" -eq 0 ]
        [[ $output =~ "is in TIME_WAIT, for "([0-9.]+)" s more" ]]
        # Longer than 5 s and shorter than 200: it is neither of the two settings.
        awk -v s="${BASH_REMATCH[1]}" 'BEGIN { exit !(s > 30 && s <= 61) }'
    done
}

@test "50 at once do not disturb each other, and leave no process behind" {
    many tcp_reuseaddr 50
}

@test "on a kernel that binds without the option it says so, status 1" {
    command -v strace >/dev/null || missing strace
    # The second bind is that of the server that is started again.
    run --separate-stderr strace -qq -o /dev/null -e trace=bind \
        -e inject=bind:retval=0:when=2 "$ROOT/tcp_reuseaddr/tcp_reuseaddr"
    [ "$status" -eq 1 ]
    [[ $stderr = "tcp_reuseaddr: scene 1: not on this kernel: all sockets are closed, and yet the address is in use"* ]]
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_reuseaddr
}

@test "where TIME_WAIT is not kept the story does not pretend that it saw it" {
    command -v strace >/dev/null || missing strace
    # Its pauses take no time here: poll does nothing.
    in_private_network "echo 0 >/proc/sys/net/ipv4/tcp_max_tw_buckets &&
        strace -qq -o /dev/null -e trace=poll -e inject=poll:retval=0 \$STORY 2>&1"
    [ "$status" -eq 1 ]
    [[ $output = *"tcp_reuseaddr: wait for TIME_WAIT of 127."*"ETIMEDOUT"* ]]
}

@test "without TIME_WAIT on the whole machine bind needs no option" {
    command -v /usr/bin/python3 >/dev/null || missing python3
    for buckets in 0 1000; do
        in_private_network "echo $buckets >/proc/sys/net/ipv4/tcp_max_tw_buckets && /usr/bin/python3 -c '
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
    in_private_network "echo 17 >/proc/sys/net/ipv4/tcp_fin_timeout && '$ROOT/scripts/sysctls'"
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
