# `make doctor`, and the places where students really are, emulated.
# bats file_tags=slow
load bats_helper

@test "doctor: one screen of 80x24, as an ordinary user too" {
    run timeout 60 "$ROOT/scripts/doctor"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -le 24 ]
    run ! grep -E '.{81}' <<<"$output"
    [ -z "${CI:-}" ] || run ! grep -E '^  no ' <<<"$output" # what may be missing elsewhere
    run "$ROOT/scripts/doctor" nonsense
    [ "$status" -eq 2 ] && [[ $output = "doctor: "*$'\n'"usage: doctor"* ]]
}

# bats test_tags=slow
@test "where networks of one's own are forbidden: doctor says so, and what allows them" {
    unshare -Ur true || missing "user namespaces"
    run unshare -Ur bash -c 'echo 0 >/proc/sys/user/max_user_namespaces
        exec setpriv --bounding-set=-sys_admin --inh-caps=-all "$@"' - "$ROOT/scripts/doctor"
    [[ $output = *"no   a network of its own"*$'\n'"         -> "*"max_user_namespaces"* ]]
}

# bats test_tags=slow
@test "where /proc/net is hidden and tracing is denied: doctor says so" {
    unshare -Urmpf true || missing "mount and pid namespaces"
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\necho "strace: ptrace: Operation not permitted" >&2\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/strace"
    chmod +x "$BATS_TEST_TMPDIR/bin/strace"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run unshare -Urmpf bash -c 'mount -t proc -o subset=pid proc /proc && exec "$@"' \
        - "$ROOT/scripts/doctor"
    [[ $output = *"no   /proc/net can be read"*"no   strace may trace"*"-> in a container: --cap-add SYS_PTRACE"* ]]
}

@test "without python3: doctor says what it cannot tell, and that python3 is missing" {
    PATH=$(without python3) run "$ROOT/scripts/doctor"
    [[ $output = *"?    sockets in "*"?    packet sockets "*"?    port 8080 is free "*"-> python3 would tell, which is missing"*"no   python3 "*"no   pexpect "* ]]
    run ! grep -E '.{81}' <<<"$output"
}

@test "a temporary folder with a long name: doctor names the way out" {
    local deep
    deep=$BATS_TEST_TMPDIR/$(printf 'x%.0s' {1..90})
    mkdir "$deep"
    TMPDIR=$deep run "$ROOT/scripts/doctor"
    [[ $output = *"no   sockets in "*"TMPDIR=/tmp"* ]]
    TMPDIR=/nonexistent run "$ROOT/scripts/doctor"
    [ "$status" -eq 1 ] && [[ ${lines[-2]} = "doctor: there is no place for temporary files: /nonexistent"* ]]
}

@test "no IPv6: ::1 is no address, and localhost goes on to 127.0.0.1" {
    unshare -Urnm true || missing "a network and a mount namespace"
    cat >"$BATS_TEST_TMPDIR/hosts" <<<$'::1 localhost\n127.0.0.1 localhost'
    # shellcheck disable=SC2016 # for the shell inside
    run unshare -Urnm bash -c 'ip link set lo up && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 &&
        mount --bind "$2/hosts" /etc/hosts && cd "$1" || exit 99
        tcp_server/tcp_server ::1 2>&1
        tcp_server/tcp_server -q 127.0.0.1 & server=$!
        until grep -qs 1F90 /proc/net/tcp; do :; done
        echo hello | tcp_client/tcp_client localhost
        kill $server' - "$ROOT" "$BATS_TEST_TMPDIR"
    [[ $output = *"tcp_server: bind: "*"(EADDRNOTAVAIL)"*"hint: "*HELLO* ]]
}

# bats test_tags=slow
@test "a checkout with Windows' line ends wanted, and a zip without run bits: both work" {
    [ -d "$ROOT/.git" ] || [ -f "$ROOT/.git" ] || missing "a git repository"
    cd "$BATS_TEST_TMPDIR"
    git -c core.autocrlf=true -c safe.directory='*' clone -q "$ROOT" clone
    run ! grep -rlI $'\r' clone --include=demo --include=Makefile --include='*.c'
    git -C clone archive --format=zip -o "$PWD/copy.zip" HEAD
    python 'import zipfile; zipfile.ZipFile("copy.zip").extractall("copy")' # which sets no run bits
    [ ! -x copy/scripts/demo ]
    local folder target
    for folder in clone copy; do
        for target in demo demo-tcp_reset doctor exercises hint-first_server unkind-tcp_server; do
            HOST=x.invalid run make -s -C "$folder" "$target" HOST=x.invalid
            [[ $status -eq 0 || $target = unkind-* && $output = *"look up x.invalid: "* ]]
        done
    done
}

@test "TERM=dumb and NO_COLOR: no escape sequence from what clears screens and draws" {
    start tcp_server 127.0.0.1 0
    cd "$ROOT"
    local command
    for command in 'scripts/watch 1' 'scripts/demo' 'scripts/table -m' 'scripts/doctor' 'make -s help'; do
        # On a terminal of its own, as only there it would be coloured.
        TERM=dumb NO_COLOR=1 run timeout 60 script -qec "$command" /dev/null </dev/null
        [ "$status" -eq 0 ] && [[ $output != *$'\033'* ]] || {
            echo "$command: status $status: $output"
            return 1
        }
    done
}

@test "40 columns: the terminals of make demo-tcp still work" {
    COLUMNS=40 run make -s -C "$ROOT" demo
    [ "$status" -eq 0 ]
}
