# Where students really are, each place emulated by scripts/elsewhere: whatever does not
# work there says the cause, and a way out that works there; everything else works.
# bats file_tags=slow
load bats_helper

setup() {
    SOLUTIONS=$BATS_TEST_TMPDIR/solutions
    cp -r "$ROOT/exercises/solutions" "$SOLUTIONS"
    chmod -R a+rwX "$BATS_TEST_TMPDIR"
}

# there KIND COMMAND...: run it there; sets $said and $ended. Neither a traceback nor a
# complaint of the shell is a cause.
there() {
    cd "$ROOT" || return
    run env EXERCISE_SECONDS=60 timeout 100 scripts/elsewhere "$@" </dev/null 3>&-
    said=$output ended=$status
    echo "$*: status $ended: $said"
    [[ $said != "elsewhere: "* ]] || missing "a way to make such a machine"
    [ "$ended" -ne 124 ]
    run ! grep -E 'Traceback|: line [0-9]+: ' <<<"$said"
}

# fails_well KIND CAUSE WAY_OUT COMMAND...: it fails there, and says both.
fails_well() {
    there "$1" "${@:4}"
    [ "$ended" -ne 0 ]
    [[ $said = *$2* ]]
    [[ $said = *$3* ]]
}

works() { # KIND COMMAND...
    there "$@"
    [ "$ended" -eq 0 ]
}

# talk KIND NAME: `make -s demo-NAME` in two terminals of that machine; NAME's server is
# found by the client.
talk() {
    # shellcheck disable=SC2016 # for the shell there
    there "$1" scripts/sandbox bash -c '
        export XDG_RUNTIME_DIR=$2
        make -s "demo-$1" >"$2/$1" & server=$!
        until grep -qs "listening on" "$2/$1"; do sleep 0.05; done
        echo hello | make -s "demo-$1"; status=$?
        pkill -s 0 "_(server|demo)$"; wait $server; exit $status' - "$2" "$BATS_TEST_TMPDIR"
    [ "$ended" -eq 0 ]
    [[ $said = *"this terminal becomes a client"*HELLO* ]]
}

@test "no namespaces: what needs a network of its own says so; the rest works" {
    local no="a network of its own: unshare: "
    fails_well no-namespaces "$no" "hint: " make -s demo-icmp
    fails_well no-namespaces "$no" "hint: " make -s demo-sniff
    fails_well no-namespaces "$no" "hint: " scripts/two-hosts true
    fails_well no-namespaces "$no" "hint: " scripts/ask unreachable
    fails_well no-namespaces "no cage" "hint: " make -s grade DIR="$SOLUTIONS" XML="$BATS_TEST_TMPDIR/xml"
    works no-namespaces make -s exercise-half_close DIR="$SOLUTIONS"
    works no-namespaces scripts/ask clients
    works no-namespaces make -s demo-tcp_reset
    there no-namespaces make -s doctor
    [[ $said = *"no   a network of its own"*"         -> "* ]]
}

@test "no right to raw and packet sockets: what helps a user, and what helps root" {
    fails_well no-raw "socket SOCK_RAW: Operation not permitted (EPERM)" "hint: " raw_icmp/raw_icmp
    fails_well no-raw "socket AF_PACKET: Operation not permitted (EPERM)" "--cap-add NET_RAW" raw_sniff/raw_sniff
}

@test "a kernel without packet sockets: the sniffer says so, and no option is to blame" {
    need_network
    fails_well no-packet "socket AF_PACKET: Address family not supported" "hint: this kernel has none" make -s demo-sniff
    fails_well no-packet "EAFNOSUPPORT" "hint: " scripts/ask datagram-size
    works no-packet make -s trace-tcp_reset
    [[ $said = *"record: calls only, no segments, no states; a server is not called: packet sockets: "* ]]
    there no-packet make -s doctor
    [[ $said = *"no   packet sockets"*"         -> "* ]]
}

@test "a kernel without IPv6: named, and 127.0.0.1 works" {
    need_network
    fails_well no-ipv6 "EAFNOSUPPORT" "hint: " tcp_server/tcp_server ::1 0
    fails_well no-ipv6 "EAFNOSUPPORT" "hint: " sock_dualstack/sock_dualstack
    fails_well no-ipv6 "EAFNOSUPPORT" "hint: " scripts/ask scope
    works no-ipv6 sock_resolve/sock_resolve
    works no-ipv6 scripts/tour tcp_server udp_demo
    there no-ipv6 make -s doctor
    [[ $said = *"no   IPv6 on loopback"*"         -> "* ]]
}

@test "nobody may trace: the recorder names the capability" {
    fails_well no-ptrace "strace may not trace" "--cap-add SYS_PTRACE" make -s trace-tcp_reset
    there no-ptrace make -s doctor
    [[ $said = *"no   strace may trace"*"         -> "* ]]
}

@test "/proc/net is hidden: the second terminal is a client all the same; states are not to be seen" {
    talk hidden-proc-net tcp
    talk hidden-proc-net udp
    talk hidden-proc-net unix
    fails_well hidden-proc-net "/proc/net/tcp: No such file" "hint: " tcp_handshake/tcp_handshake
    fails_well hidden-proc-net "/proc/net/tcp: No such file" "hint: " tcp_close/tcp_close
    fails_well hidden-proc-net "/proc/net is hidden" "hint: " make -s demo-sniff
    works hidden-proc-net make -s demo-icmp
    works hidden-proc-net scripts/watch 1
}

@test "a folder whose file system has no sockets: AF_UNIX says so, and /tmp works" {
    fails_well no-socket-files "(EPERM)" "hint: this path works: /tmp/" \
        unix_demo/unix_demo server ./no.sock
    works no-socket-files scripts/tour unix_demo
    works no-socket-files unix_stale/unix_stale
    works no-socket-files make -s exercise-stale_socket_file DIR="$SOLUTIONS"
}

@test "a TMPDIR of 90 bytes: demos, a tour and verdicts as anywhere, also without namespaces" {
    works long-tmp scripts/tour unix_demo
    works long-tmp unix_stale/unix_stale
    works long-tmp make -s exercise-stale_socket_file DIR="$SOLUTIONS"
    works long-tmp scripts/elsewhere no-namespaces make -s exercise-stale_socket_file DIR="$SOLUTIONS"
    works long-tmp scripts/ask unix-file
    [[ $(TMPDIR=$(printf '/x%.0s' {1..45}) make -n -C "$ROOT" test) = *" TMPDIR=/tmp bats "* ]]
}

@test "nothing in TMPDIR can be run: what needs another one says so" {
    works noexec-tmp make -s exercise-half_close DIR="$SOLUTIONS" # it has a cage, with a TMPDIR of its own
    fails_well noexec-tmp "mounted noexec" "TMPDIR=/var/tmp make" \
        scripts/elsewhere no-namespaces make -s exercise-half_close DIR="$SOLUTIONS"
    fails_well noexec-tmp "mounted noexec" "hint: another folder: TMPDIR=/var/tmp" make -s unkind-tcp_server HOST=x.invalid
    works noexec-tmp make -s demo-tcp_reset
    there noexec-tmp make -s doctor
    [[ $said = *"yes  a C compiler"*"no   programs run in TMPDIR"*"         -> "* ]]
}

@test "nothing in our folder can be run, or it cannot be written: make says so, and where to copy it" {
    fails_well noexec "mounted noexec" "cp -r . /var/tmp/dialtone" make demo-tcp
    fails_well read-only "tcp_reset cannot be written" "cp -r . /var/tmp/dialtone" make -s -B demo-tcp_reset
    works read-only make -s demo-tcp_reset
    works read-only make -s demo
    there read-only make -s doctor
    [[ $said = *"no   this folder"*"         -> "* ]]
}

@test "no place for temporary files at all: named by what needs one" {
    fails_well nowhere "no place for temporary files" "hint: TMPDIR=/dev/shm" make -s doctor
    fails_well nowhere "mktemp: " "Read-only file system" scripts/tour tcp_server
    fails_well nowhere "No usable temporary directory" "hint: " make -s trace-tcp_reset
    works nowhere make -s demo-tcp_reset
}

@test "elsewhere: the command's own status; wrong use: status 2" {
    run "$ROOT/scripts/elsewhere" no-packet sh -c 'exit 3'
    [ "$status" -eq 3 ]
    run "$ROOT/scripts/elsewhere" on-the-moon true
    [ "$status" -eq 2 ]
    [ "${lines[0]}" = "elsewhere: on-the-moon is no KIND" ]
    [[ ${lines[1]} = "usage: elsewhere "* ]]
    run "$ROOT/scripts/elsewhere" -h
    [[ $status -eq 0 && $output = "usage: elsewhere "* ]]
}
