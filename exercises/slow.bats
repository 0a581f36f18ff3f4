# What takes minutes: not in `make test`, but in `make test-slow` and in CI.
# bats file_tags=slow
load ../scripts/bats_helper
load helper

@test "first_server: the check is worth trusting" {
    proves first_server
}

@test "one_client_only: the check is worth trusting" {
    proves one_client_only
}

@test "one_message_only: the check is worth trusting" {
    proves one_message_only
}

@test "spins_at_hangup: the check is worth trusting" {
    proves spins_at_hangup
}

@test "second_client_waits: the check is worth trusting" {
    proves second_client_waits
}

@test "dies_of_reset: the check is worth trusting" {
    proves dies_of_reset
}

@test "dies_of_sigpipe: the check is worth trusting" {
    proves dies_of_sigpipe
}

@test "address_in_use: the check is worth trusting" {
    proves address_in_use
}

@test "option_too_late: the check is worth trusting" {
    proves option_too_late
}

@test "empty_message: the check is worth trusting" {
    proves empty_message
}

@test "half_close: the check is worth trusting" {
    proves half_close
}

@test "one_recv_one_message: the check is worth trusting" {
    proves one_recv_one_message
}

@test "short_send: the check is worth trusting" {
    proves short_send
}

@test "forgotten_htons: the check is worth trusting" {
    proves forgotten_htons
}

@test "string_without_end: the check is worth trusting" {
    proves string_without_end
}

@test "overflow_by_one: the check is worth trusting" {
    proves overflow_by_one
}

@test "udp_wrong_address: the check is worth trusting" {
    proves udp_wrong_address
}

@test "udp_waits_forever: the check is worth trusting" {
    proves udp_waits_forever
}

@test "stale_socket_file: the check is worth trusting" {
    proves stale_socket_file
}

@test "deletes_users_file: the check is worth trusting" {
    proves deletes_users_file
}

@test "icmp_checksum_odd: the check is worth trusting" {
    proves icmp_checksum_odd
}

@test "left_children: the check is worth trusting" {
    proves left_children
}

@test "forgotten_close: the check is worth trusting" {
    proves forgotten_close
}

@test "hostile_length: the check is worth trusting" {
    proves hostile_length
}

@test "answer_stays: the check is worth trusting" {
    proves answer_stays
}

@test "small_sends: the check is worth trusting" {
    proves small_sends
}

@test "time_begins_anew: the check is worth trusting" {
    proves time_begins_anew
}

@test "ready_not_connected: the check is worth trusting" {
    proves ready_not_connected
}

@test "files_leak: the check is worth trusting" {
    proves files_leak
}

@test "first_address_only: the check is worth trusting" {
    proves first_address_only
}

@test "believes_the_header: the check is worth trusting" {
    proves believes_the_header
}

@test "line_server: the check is worth trusting" {
    proves line_server
}

@test "chat_server: the check is worth trusting" {
    proves chat_server
}

@test "reliable_udp: the check is worth trusting" {
    proves reliable_udp
}

@test "traceroute: the check is worth trusting" {
    proves traceroute
}

@test "nor does it where the system allows no namespaces" {
    export EXERCISE_PLAIN=1
    hostile
}

@test "nor does it for an ordinary user" {
    as_nobody
    hostile
    cp exercises/solutions/dies_of_reset.c "$DIR"
    [[ $(exercise check dies_of_reset) = *"Done!"* ]]
    [[ $(exercise list) = *"done     dies_of_reset"* ]]
}

@test "nor does it for an ordinary user where the system allows no namespaces" {
    as_nobody
    export EXERCISE_PLAIN=1
    hostile
    cp exercises/solutions/dies_of_reset.c "$DIR"
    [[ $(exercise check dies_of_reset) = *"Done!"* ]]
}

@test "grade-class: hostile submissions: nothing survives, nobody else's verdict changes" {
    class
    unshare -Urpfn true || missing "user namespaces"
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
    chmod -R a+rwX "$CLASS"
    hands_in anna half_close exercises/solutions/half_close.c
    hands_in anna icmp_checksum_odd exercises/solutions/icmp_checksum_odd.c
    evil() { # NAME CODE
        DIR=$CLASS/$1
        mkdir "$DIR"
        student half_close "$2"
    }
    evil output 'int main(void) { for (;;) puts("done done done"); }'
    evil forks 'int main(void) { for (;;) fork(); }'
    evil memory 'int main(void) { for (;;) memset(malloc(1 << 26), 1, 1 << 26); }'
    evil daemon 'int main(void) { for (int i = 0; i < 5; i++) if (fork() == 0) { setsid(); signal(SIGTERM, SIG_IGN); for (;;) pause(); } return 0; }'
    evil kills 'int main(void) { for (;;) kill(-1, SIGKILL); }'
    evil deletes "int main(void) { unlink(\"$CLASS/anna/half_close.c\"); symlink(\"/etc/passwd\", \"$CLASS/anna/x\");
        int fd = open(\"$ROOT/exercises/checks/harness.py\", O_WRONLY | O_APPEND); if (fd != -1) dprintf(fd, \"# was here\"); return 0; }"
    evil fills 'int main(void) { char name[20], block[65536] = {0}; for (int i = 0; i < 100000; i++) {
        snprintf(name, 20, "f%d", i); int fd = open(name, O_CREAT | O_WRONLY, 0600); for (int n = 0; n < 64; n++)
        if (write(fd, block, 65536) < 0) break; close(fd); } return 0; }'
    evil steals "#include \"$CLASS/anna/half_close.c\""
    evil solves "#include \"$ROOT/exercises/solutions/half_close.c\""
    evil bomb '#define A(x) x x x x x x x x
#define B(x) A(A(A(A(A(A(A(A(x))))))))
int main(void) { B(B(puts("");)) }'
    evil includes '#include "half_close.c"'
    evil zero '#include "/dev/zero"'
    mkdir "$CLASS/fifo" "$CLASS/big" "$CLASS/folder"
    mkfifo "$CLASS/fifo/half_close.c"
    truncate -s 1G "$CLASS/big/half_close.c"
    mkdir "$CLASS/folder/half_close.c"
    local before
    before=$(cat exercises/checks/*.py "$CLASS/anna"/*.c | sha256sum)
    mkdir -m 1777 "$BATS_TEST_TMPDIR/tmp"
    run grade_class TMPDIR="$BATS_TEST_TMPDIR/tmp"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [ "$(grep -c ',20$' "$OUT/grades.csv")" -eq 1 ]
    grep -q '^anna,10,10,20$' "$OUT/grades.csv"
    [ "$(grep -c ',0,0,0$' "$OUT/grades.csv")" -eq 15 ] || { cat "$OUT/grades.csv"; return 1; }
    [ "$before" = "$(cat exercises/checks/*.py "$CLASS/anna"/*.c | sha256sum)" ]
    [ ! -e "$CLASS/anna/x" ]
    local left
    left=$(grep -lxE "left\.$$\.[0-9]+" /proc/[0-9]*/comm 2>/dev/null) || true
    [ -z "$left" ]
    [ -z "$(find "$BATS_TEST_TMPDIR/tmp" -name 'grade-class-*')" ]
}

@test "grade-class: on other machines, by ssh" {
    class
    command -v /usr/sbin/sshd >/dev/null || missing sshd
    [ "$(id -u)" -eq 0 ] || skip "all tests are run by root as well"
    local home=$BATS_TEST_TMPDIR/ssh
    mkdir -m 700 "$home"
    ssh-keygen -q -t ed25519 -N '' -f "$home/host"
    ssh-keygen -q -t ed25519 -N '' -f "$home/id"
    cp "$home/id.pub" "$home/authorized"
    mkdir -p /run/sshd
    local port
    port=$(python 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    /usr/sbin/sshd -D -e -p "$port" -o ListenAddress=127.0.0.1 -h "$home/host" -o "AuthorizedKeysFile=$home/authorized" \
        -o StrictModes=no -o PidFile=none -o UsePAM=no -o MaxStartups=100 -f /dev/null 2>"$home/log" 3>&- &
    PIDS+=("$!")
    wait_for 'listening on' "$home/log" || wait_for 'Server listening' "$home/log"
    # A `ssh` of our own, which knows that machine: parallel and grade-class find it first.
    mkdir "$home/bin"
    printf '#!/bin/sh\nexec /usr/bin/ssh -F /dev/null -p %s -i %s -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$@"\n' \
        "$port" "$home/id" >"$home/bin/ssh"
    chmod +x "$home/bin/ssh"
    hands_in anna half_close exercises/solutions/half_close.c
    hands_in bert half_close exercises/starts/half_close.c
    run grade_class NAMES=half_close HOSTS=127.0.0.1 PATH="$home/bin:$PATH"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    grep -q '^anna,10,10$' "$OUT/grades.csv"
    grep -q '^bert,0,0$' "$OUT/grades.csv"
    [ "$(cut -f2 "$OUT/.joblog" | grep -c 127.0.0.1)" -eq 2 ]
    [ -z "$(find "$HOME" -maxdepth 1 -name 'dialtone-grade-*')" ]
    run grade_class NAMES=half_close HOSTS=127.0.0.1 PATH="$home/bin:$PATH" STUDENTS=anna
    [[ $output = *"; 1 checked in"* ]]
}
