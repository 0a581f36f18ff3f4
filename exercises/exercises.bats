load ../scripts/bats_helper

# Exercises are checked in a folder of the test's own, never in exercises/, where
# a student may be at work. DIR tells scripts/exercise where that is.
setup() {
    unset CFLAGS # of `make sanitize`: a broken start would break in other ways
    export DIR=$BATS_TEST_TMPDIR/student
    mkdir "$DIR"
    cp "$ROOT"/exercises/starts/*.c "$DIR"
    cd "$ROOT" || return
}

AS=() # another user, perhaps
exercise() {
    "${AS[@]}" scripts/exercise "$@" 3>&-
}

names() {
    sed -n 's/^\([a-z]\w*\) .*/\1/p' exercises/LIST
}

# proves NAME: the check turns down the broken start and each wrong repair, for
# the reason given in wrong/REASONS, and lets the solution pass.
proves() {
    unset DIR
    exercises/checks/prove.py "$1" 3>&-
}

# student NAME CODE: what the student has written; main is in CODE. Its processes
# have the name $MARK, by which `running` counts those that are left.
student() {
    MARK=left.$$.$BATS_TEST_NUMBER
    printf '#define _GNU_SOURCE\n%s\n%s\n%s\n' "$INCLUDES" "$2" "
__attribute__((constructor)) static void mark(void) { prctl(PR_SET_NAME, \"$MARK\"); }" >"$DIR/$1.c"
}

running() {
    cat /proc/[0-9]*/comm 2>/dev/null | grep -cx "${MARK-none}"
}

INCLUDES='#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>'

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

@test "every exercise has all its parts, is listed, and is told about in the docs" {
    local name
    for name in $(names); do
        grep -q "^@test \"$name: the check is worth trusting\" {" exercises/exercises.bats
        for part in "starts/$name.c" "solutions/$name.c" "hints/$name.txt" "checks/$name.py"; do
            [ -s "exercises/$part" ]
        done
        local hints
        hints=$(($(grep -cx -e --- "exercises/hints/$name.txt") + 1))
        [ $hints -ge 2 ] && [ $hints -le 3 ]
        run ! grep -E '.{81}' <<<"$(expand "exercises/hints/$name.txt")"
        [[ $(sed -n "s/^$name .*  *\(tcp\|udp\|unix\|sock\|raw\)_\w* .*/yes/p" exercises/LIST) = yes ]]
    done
    for part in starts solutions; do
        [ "$(names | sort)" = "$(find exercises/$part -type f -printf '%f\n' | sed 's/\.c$//' | sort)" ]
    done
    # The table in docs/exercises.md is the output of this command.
    diff <(exercise table) <(grep '^|' docs/exercises.md | sed -n '/^| exercise /,$p')
}

@test "every broken start compiles without a warning, 30 to 80 lines below its header" {
    local name cc lines
    for name in $(names); do
        for cc in gcc clang; do
            command -v $cc >/dev/null || continue
            [ -z "$($cc -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
                -Wmissing-prototypes -Wformat=2 "exercises/starts/$name.c" 2>&1)" ]
        done
        lines=$(sed '1,/^ \*\/$/d' "exercises/starts/$name.c" | wc -l)
        [ "$lines" -ge 30 ] && [ "$lines" -le 80 ]
        grep -q "^ \* Symptom: " "exercises/starts/$name.c"
        grep -q "^ \* Check:   make exercise-$name$" "exercises/starts/$name.c"
        run ! grep -E '.{81}' <<<"$(expand "exercises/starts/$name.c")"
    done
}

@test "the students' files are, to begin with, the starts that reset restores" {
    local name
    for name in $(names); do
        cmp "exercises/starts/$name.c" "exercises/$name.c" || missing "exercises/$name.c as it was at the start"
    done
}

# turned_down NAME WORDS...: the check fails, in words, with no trace of a stack,
# within 80 columns, and leaves no process behind.
turned_down() {
    run --separate-stderr exercise check "$1"
    [ "$status" -eq 1 ] && [ -z "$stderr" ] || {
        echo "status $status: $output $stderr"
        return 1
    }
    local words
    for words in "${@:2}"; do
        [[ $output = *"$words"* ]] || {
            echo "no '$words' in: $output"
            return 1
        }
    done
    # The compiler's own words and our folder's name may be wider.
    output=${output%%the compiler warns:*}
    output=${output%%does not compile*}
    run ! grep -E '.{81}|Traceback|core dumped' <<<"${output%%DIR=*}"
    [ "$(running)" -eq 0 ]
}

hostile() {
    student first_server 'int main(void) { for (;;) ; }'
    turned_down first_server 'a line "listening on ..."' 'is running, and has used'

    student first_server 'int main(void) { for (;;) fork(); }'
    turned_down first_server 'does it fork without end'

    student first_server 'int main(void) { signal(SIGTERM, SIG_IGN); signal(SIGHUP, SIG_IGN);
        if (fork() == 0) { setsid(); if (fork() == 0) for (;;) pause(); } return 0; }'
    turned_down first_server 'it has ended with status 0'

    student first_server 'int main(void) { volatile char *p = NULL; *p = 1; }'
    turned_down first_server 'was ended by SIGSEGV'

    student first_server 'int main(void) { for (int i = 0; i < 1000; i++) close(i); for (;;) pause(); }'
    turned_down first_server 'there was no such line' 'waits in pause'

    student first_server 'int main(void) { for (;;) printf("listening on 127.0.0.1:80\n"); }'
    turned_down first_server 'takes that one'

    student first_server 'int main(void) { kill(getppid(), SIGKILL); puts("listening on 127.0.0.1:8080"); pause(); }'
    turned_down first_server 'first_server'

    student first_server 'int main(void) { for (;;) *(volatile char *)malloc(1 << 28) = 1; }'
    turned_down first_server 'was ended by SIGSEGV'

    student first_server 'int main(void) { int fd = open("big", O_CREAT | O_WRONLY, 0600);
        for (;;) write(fd, "0123456789012345678901234567890", 31); }'
    turned_down first_server 'was ended by SIGXFSZ'

    student first_server 'int main(void) { puts("\033[2J\033]0;title\007"); return 3; }'
    turned_down first_server '\x1b[2J' 'it has ended with status 3'

    # It tries to say for the checker, or for the checker's parent, that all is well.
    student first_server 'static void report_for(int pid) { char path[64]; for (int fd = 0; fd < 64; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd); int out = open(path, O_WRONLY);
        if (out > 2) dprintf(out, "{\"name\": \"first_server\", \"done\": true, \"cases\": []}"); } }
        int main(void) { char path[64]; int grandparent; snprintf(path, sizeof path, "/proc/%d/stat", getppid());
        FILE *file = fopen(path, "r"); fscanf(file, "%*d (%*[^)]) %*c %d", &grandparent);
        report_for(getppid()); report_for(grandparent); kill(getppid(), SIGKILL); pause(); }'
    turned_down first_server 'Not yet'
}

@test "no hostile program hurts the checker, hangs it, stays behind or passes" {
    hostile
}

@test "nor does it where the system allows no namespaces" {
    export EXERCISE_PLAIN=1
    hostile
}

# as_nobody: what follows is done by an ordinary user, in a copy that it can read.
as_nobody() {
    [ "$(id -u)" -eq 0 ] || skip "all tests are run by an ordinary user"
    command -v runuser >/dev/null || missing runuser
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
    cp -r exercises scripts "$BATS_TEST_TMPDIR"
    cd "$BATS_TEST_TMPDIR" || return
    chmod -R a+rX exercises scripts student
    chown nobody student
    AS=(runuser -u nobody --)
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

@test "in the cage, the student's program can write nowhere else and kill nobody" {
    unshare -Urpfn true || missing "user namespaces"
    local bystander
    sleep 100 3>&- &
    bystander=$!
    PIDS+=("$bystander")
    export EVIDENCE=$BATS_TEST_TMPDIR/evidence
    touch "$EVIDENCE"
    chmod 666 "$EVIDENCE"
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
    student first_server "int main(void) { int fd = open(\"$EVIDENCE\", O_WRONLY);
        if (fd != -1) dprintf(fd, \"guilty\"); kill(-1, SIGKILL); puts(\"alive\"); fflush(stdout); pause(); }"
    turned_down first_server 'alive'
    kill -0 "$bystander"
    [ ! -s "$EVIDENCE" ]
    # The same program outside of the cage, to show that it does try.
    student first_server "int main(void) { int fd = open(\"$EVIDENCE\", O_WRONLY);
        if (fd != -1) dprintf(fd, \"guilty\"); return 0; }"
    EXERCISE_PLAIN=1 turned_down first_server 'status 0'
    [ -s "$EVIDENCE" ]
}

@test "a link that a program leaves where it was built is not written through" {
    echo untouched >"$BATS_TEST_TMPDIR/evidence"
    student overflow_by_one "$(cat exercises/solutions/overflow_by_one.c)
        __attribute__((constructor)) static void lay_a_trap(void) {
        char path[256] = {0}; ssize_t n = readlink(\"/proc/self/exe\", path, sizeof path - 16);
        while (n > 0 && path[n - 1] != '/') n--;
        strcpy(path + n, \"empty.c\"); symlink(\"$BATS_TEST_TMPDIR/evidence\", path); }"
    [[ $(EXERCISE_PLAIN=1 exercise check overflow_by_one) = *"Done!"* ]]
    [ "$(cat "$BATS_TEST_TMPDIR/evidence")" = untouched ]
}

@test "a file that cannot be checked is told why" {
    rm "$DIR/first_server.c"
    turned_down first_server 'first_server.c is missing'
    ln -s /etc/passwd "$DIR/first_server.c"
    turned_down first_server 'is a symbolic link'
    rm "$DIR/first_server.c"
    mkfifo "$DIR/first_server.c"
    turned_down first_server 'is not a regular file'
    rm "$DIR/first_server.c"
    mkdir "$DIR/first_server.c"
    turned_down first_server 'is not a regular file'
    rmdir "$DIR/first_server.c"
    : >"$DIR/first_server.c"
    turned_down first_server 'is empty'
    head -c 100000 /dev/zero | tr '\0' ' ' >"$DIR/first_server.c"
    turned_down first_server 'is larger than 64 KiB'
    student first_server 'int main(void) { return nonsense; }'
    turned_down first_server 'does not compile' "first_server.c:12:25: error: 'nonsense' undeclared"
    student first_server '#include "/dev/zero"'
    turned_down first_server 'does not compile'
    student first_server '#include "/dev/stdin"
    int main(void) { int unused; return 0; }'
    turned_down first_server 'the compiler warns' 'unused variable'
}

@test "check tells what was expected and what happened, list what is done and next" {
    turned_down one_client_only 'ok   the first client is answered' \
        'NO   the second client is answered' 'expected:  127.0.0.1:' 'happened:  Connection refused' \
        'program:   it has ended with status 0' "Hint 1 of 3: make hint-one_client_only DIR=$DIR"
    cp exercises/solutions/first_server.c exercises/solutions/one_client_only.c "$DIR"
    run exercise check one_client_only
    [ "$status" -eq 0 ] && [[ $output = *"Done! Compare: make solution-one_client_only"* ]]
    run exercise list
    [[ ${lines[0]} = "  not yet  first_server "* && ${lines[1]} = "  done     one_client_only "* ]]
    [[ $output = *$'\n'"1 of $(names | wc -l) done"* && $output = *"Next: make exercise-first_server"* ]]
    run ! grep -E '.{81}' <<<"$output"
    exercise check first_server
    [[ $(exercise list) = *"2 of "*"Next: make exercise-one_message_only"* ]]
    echo '/* changed */' >>"$DIR/one_client_only.c"
    [[ $(exercise list) = *"changed  one_client_only"*"1 of "*"Next: make exercise-one_client_only"* ]]
}

@test "docs/exercises.md shows what check really says" {
    sed -n '/^\$ make exercise-one_client_only$/,/^```$/p' docs/exercises.md | sed '1d;$d' >"$BATS_TEST_TMPDIR/shown"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/shown")" -eq 8 ]
    exercise check one_client_only >"$BATS_TEST_TMPDIR/said" || true
    sed -E -i "s/127.0.0.1:[0-9]+/127.0.0.1:<port>/; s| DIR=$DIR$||" "$BATS_TEST_TMPDIR/said"
    diff "$BATS_TEST_TMPDIR/shown" "$BATS_TEST_TMPDIR/said"
}

@test "hints come one by one, the solution after the check or by force" {
    local n
    for n in 1 2 3; do
        run exercise hint half_close
        [ "$status" -eq 0 ] && [[ ${lines[0]} = "half_close, hint $n of 3:" ]]
    done
    [[ $output = *"shutdown(fd, SHUT_WR)"* ]]
    [[ $(exercise hint half_close) = "These were all hints"*"1. "*"3. "* ]]
    run exercise solution half_close
    [ "$status" -eq 1 ] && [[ $output = *"first mend it yourself"*"FORCE=1"* ]]
    FORCE=1 exercise solution half_close | cmp - exercises/solutions/half_close.c
    cp exercises/solutions/half_close.c "$DIR"
    exercise check half_close
    exercise solution half_close | cmp - exercises/solutions/half_close.c
}

@test "reset restores the start and keeps every file of the student" {
    [[ $(exercise reset half_close) = "half_close.c is as it was at the start" ]]
    echo first >"$DIR/half_close.c"
    exercise reset half_close
    cmp "$DIR/half_close.c" exercises/starts/half_close.c
    [ "$(cat "$DIR/half_close.c.mine1")" = first ]
    ln -sf /nowhere "$DIR/half_close.c"
    exercise reset half_close
    [ -L "$DIR/half_close.c.mine2" ] && [ ! -L "$DIR/half_close.c" ] && [ "$(cat "$DIR/half_close.c.mine1")" = first ]
    rm "$DIR/half_close.c"
    exercise reset half_close
    cmp "$DIR/half_close.c" exercises/starts/half_close.c
    exercise hint half_close
    echo again >"$DIR/half_close.c"
    exercise reset half_close
    [[ $(exercise hint half_close) = "half_close, hint 1 of 3:"* ]]
    DIR=/nowhere run exercise reset half_close
    [ "$status" -eq 1 ] && [ "$output" = "exercise: there is no folder /nowhere" ]
    DIR=/proc run exercise reset half_close # nobody can write there
    [ "$status" -eq 1 ] && [[ $output = "exercise: /proc/half_close.c: "* ]]
}

@test "grade: a line per exercise, a total, JUnit XML; status 0 only if all are done" {
    cp exercises/solutions/one_client_only.c exercises/solutions/icmp_checksum_odd.c "$DIR"
    printf '#include "nothing.h"\n\033[2J]]>&' >"$DIR/half_close.c"
    # Nothing else of the folder is trusted.
    mkdir -p "$DIR/.state" "$DIR/checks"
    echo "raise SystemExit(0)" | tee "$DIR/checks/harness.py" >"$DIR/checks/first_server.py"
    sha256sum <"$DIR/first_server.c" | cut -d' ' -f1 >"$DIR/.state/first_server.done"
    export XML=$BATS_TEST_TMPDIR/grade.xml
    run exercise grade
    [ "$status" -eq 1 ]
    [[ ${lines[0]} = "first_server "*"not yet: it says where it listens" ]]
    [ "$(grep -cE '.{81}' <<<"${output%JUnit*}")" -eq 0 ]
    [[ $output = *"half_close "*"not yet: half_close.c does not compile"* ]]
    local all
    all=$(names | wc -l)
    [ "$(grep -c '  done$' <<<"$output")" -eq 2 ]
    [ "${lines[-2]}" = "2 of $all done" ]
    [ "${lines[-1]}" = "JUnit XML: $XML" ]
    python '
import xml.etree.ElementTree
suite = xml.etree.ElementTree.parse(sys.argv[1]).getroot()
assert suite.tag == "testsuite" and int(suite.get("tests")) == len(suite) == int(sys.argv[2])
assert int(suite.get("failures")) == len(suite) - 2
failed = {case.get("name"): case[0].text for case in suite if len(case)}
assert len(failed) == len(suite) - 2 and "one_client_only" not in failed
assert "nothing.h" in failed["half_close"]
assert "it says where it listens" in failed["first_server"]' "$XML" "$all"
    # The student's folder is left as it was.
    [ -z "$(find "$DIR" -newer "$XML")" ]
    DIR=/nowhere run exercise grade
    [ "$status" -eq 1 ] && [[ $output = "exercise: there is no folder /nowhere" ]]
}

@test "grade: status 0 if all are done" {
    # That each solution passes is proved above: here a course of three is enough.
    cp -r exercises scripts "$BATS_TEST_TMPDIR"
    cp exercises/solutions/*.c "$DIR"
    cd "$BATS_TEST_TMPDIR" || return
    sed -i '/^[a-z]/{/^\(half_close\|empty_message\|icmp_checksum_odd\) /!d}' exercises/LIST
    run exercise grade
    [ "$status" -eq 0 ] && [ "${lines[-2]}" = "3 of 3 done" ]
    grep -q 'tests="3" failures="0"' grade.xml
}

@test "wrong use and names that are none are told so" {
    for words in "" nonsense "check" "list x" "check a b"; do
        # shellcheck disable=SC2086 # words, not one argument
        run exercise $words
        [ "$status" -eq 2 ] && [[ ${lines[1]} = "usage: exercise COMMAND [NAME]" ]]
    done
    for command in check hint solution reset judge; do
        run exercise $command ../LIST
        [ "$status" -eq 1 ] && [[ ${lines[0]} = "exercise: there is no exercise '../LIST'" ]]
    done
    [[ $(exercise -h) = "exercise COMMAND [NAME]: "* ]]
    run exercise unkind ./no_such_program
    [ "$status" -eq 1 ] && [ "$output" = "exercise: ./no_such_program: No such file or directory" ]
}

@test "the make targets reach all of that" {
    local make=(env -u MAKEFLAGS -u MAKELEVEL make -s -C "$ROOT" "DIR=$DIR")
    [[ $("${make[@]}" exercises) = *"Next: make exercise-first_server DIR=$DIR" ]]
    run "${make[@]}" exercise-half_close
    [ "$status" -eq 2 ] && [[ $output = *"make hint-half_close DIR=$DIR"* ]]
    [[ $("${make[@]}" hint-half_close) = "half_close, hint 1 of 3:"* ]]
    run "${make[@]}" solution-half_close
    [ "$status" -eq 2 ]
    "${make[@]}" solution-half_close FORCE=1 | cmp - exercises/solutions/half_close.c
    [[ $("${make[@]}" reset-half_close) = *"as it was at the start" ]]
    run "${make[@]}" exercise-nonsense
    [ "$status" -eq 2 ] && [[ $output = *"there is no exercise 'nonsense'"* ]]
}

@test "the unkind kernel: the echo pair is right under it, and it says what it does" {
    start_unkind() {
        UNDER=(env UNKIND_TELLS=1 "$ROOT/scripts/exercise" unkind)
        start tcp_server 127.0.0.1 0
    }
    start_unkind
    run --separate-stderr "${UNDER[@]}" tcp_client/tcp_client 127.0.0.1 "$PORT" <<<$'hello, world\nhow are you?'
    [ "$status" -eq 0 ] && [ "$output" = $'HELLO, WORLD\nHOW ARE YOU?' ]
    grep -q '^unkind: recv: at most this many bytes: 1$' <<<"$stderr"
    grep -q '^unkind: recv: interrupted (EINTR)$' <<<"$stderr"
    grep -q '^unkind: connect: interrupted (EINTR)$' <<<"$stderr"
    grep -q '^unkind: accept: interrupted (EINTR)$' "$LOG"
}

@test "the unkind kernel: datagrams stay whole, non-blocking calls are not interrupted" {
    run scripts/exercise unkind /usr/bin/python3 -c '
import socket
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
for n in range(12):
    a.send(b"x" * 1000)
    assert len(b.recv(2000)) == 1000
c, d = socket.socketpair()
c.setblocking(False)
for n in range(12):
    try:
        c.recv(10)
    except BlockingIOError:
        continue
lengths = set()
for n in range(12):
    lengths.add(d.send(b"y" * 1000))
assert {1, 500, 1000} == lengths, lengths
print("all is well")' 3>&-
    [ "$status" -eq 0 ] && [ "${lines[-1]}" = "all is well" ]
}
