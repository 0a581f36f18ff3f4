load ../scripts/bats_helper

@test "one client more than the limit is connected, for each n; one more is not" {
    tells_the_truth tcp_backlog # and leaves what it printed in $output
    for n in 0 1 2 5; do
        grep -qx "   n = $n: $((n + 1)) connected, $((n + 1)) in the queue, its limit is $n" <<<"$output"
    done
    # Four late clients, and the one with a limit.
    [ "$(grep -c 'connect(fd, to, size) *= -1 EINPROGRESS' <<<"$output")" -eq 5 ]
    [[ $output =~ after\ ([0-9.]+)\ s:\ SYN\ sent\ [2-9]\ times,\ state\ SYN_SENT ]]
    [ "$(grep -c 'sent [01] times' <<<"$output")" -eq 0 ]
    # The first repetition comes after a second (RFC 6298), never before.
    awk -v t="${BASH_REMATCH[1]}" 'BEGIN { exit !(t >= 0.9) }'
    [[ $output = *", state ESTABLISHED"*"a repeated SYN got in"* ]]
    [[ $output = *"where nobody accepts, the late clients wait on"* ]]
}

@test "N is another backlog, also for who presses Ctrl-Z while connect waits" {
    # Connects: eight that wait, the late one, and the tenth is the one that has a
    # limit. It is stopped in this call, and then continued.
    LOG=$BATS_TEST_TMPDIR/log
    trace -e trace=connect -e inject=connect:signal=SIGSTOP:when=10
    "${UNDER[@]}" "$ROOT/tcp_backlog/tcp_backlog" 7 >"$LOG" 2>&1 3>&- &
    PID=$!
    PIDS+=("$PID")
    wait_for 'stopped by SIGSTOP' "$TRACE"
    kill -CONT "$PID"
    ended "$PID"
    output=$(<"$LOG")
    [[ $output = *"EINTR (Interrupted system call)"*"EALREADY (Operation already in progress)"*"given up after"* ]]
    [[ $output = *"n = 7: 8 connected, 8 in the queue, its limit is 7"* ]]
    [[ $output = *"n = 7: 18 more accepted, 18 are connected"* ]]
    [ "$(grep -c 'listen(listen_fd, n)' <<<"$output")" -eq 1 ]
}

@test "the kernel counts the dropped calls, and cuts the limit to somaxconn" {
    unshare -Urn ip link set lo up 2>/dev/null || missing "unshare -Urn, ip"
    command -v nstat >/dev/null || missing nstat
    trace -e trace=listen,connect,accept,accept4
    # shellcheck disable=SC2016 # for that bash to expand
    run unshare -Urn bash -c 'ip link set lo up && echo 2 >/proc/sys/net/core/somaxconn &&
        "$@" && nstat -azs TcpExtListenOverflows' - "${UNDER[@]}" "$ROOT/tcp_backlog/tcp_backlog" 5
    [ "$status" -eq 0 ]
    [[ $output = *"n = 5: 3 connected, 3 in the queue, its limit is 2"*"net.core.somaxconn allows no more"* ]]
    [[ $output =~ TcpExtListenOverflows\ +([0-9]+) ]]
    # The late client's SYN at least twice, and that of the one with a limit.
    [ "${BASH_REMATCH[1]}" -ge 3 ]

    # It really asked for 5; then three connected and the fourth was one too many,
    # all before the first accept.
    grep -qE 'listen\([0-9]+, 5\) += 0' "$TRACE"
    sed '/accept/,$d' "$TRACE" >"$TRACE.before"
    [ "$(grep -cE 'connect\(.* = 0$' "$TRACE.before")" -eq 3 ]
    [ "$(grep -cE 'connect\(.* = -1 EINPROGRESS' "$TRACE.before")" -eq 1 ]
}

@test "a backlog that is no number from 0 to 400 is wrong use" {
    for n in "" x 3x " 3" +3 401 99999999999999999999; do
        run --separate-stderr "$ROOT/tcp_backlog/tcp_backlog" "$n"
        [ "$status" -eq 2 ]
        [ -z "$output" ]
        [[ $stderr = "tcp_backlog: N '$n' is not a number from 0 to 400"* ]]
    done
    run --separate-stderr "$ROOT/tcp_backlog/tcp_backlog" 1 2
    [ "$status" -eq 2 ]
    [[ $stderr = "tcp_backlog: '2' is too much"* ]]
}

@test "50 at once do not disturb each other, and leave no process behind" {
    many tcp_backlog 50
}

@test "a connection that the kernel refuses is named, status 1" {
    command -v strace >/dev/null || missing strace
    # listen has done nothing, but says that it has: connect is refused.
    run --separate-stderr strace -qq -o /dev/null -e trace=listen \
        -e inject=listen:retval=0 "$ROOT/tcp_backlog/tcp_backlog" 1
    [ "$status" -eq 1 ]
    [[ $stderr = "tcp_backlog: connect, to be no. 1 in the queue: Connection refused (ECONNREFUSED)"* ]]
}

@test "on a kernel that refuses the one too many it says so, status 1" {
    command -v strace >/dev/null || missing strace
    run --separate-stderr strace -qq -o /dev/null -e trace=connect \
        -e inject=connect:error=ECONNREFUSED:when=3 "$ROOT/tcp_backlog/tcp_backlog" 1
    [ "$status" -eq 1 ]
    [[ $stderr = "tcp_backlog: connect to a full queue: Connection refused (ECONNREFUSED)"* ]]
}

@test "whichever call comes out otherwise, it does not go on" {
    notices_lies tcp_backlog 1
}
