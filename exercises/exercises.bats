# bats file_tags=slow
load ../scripts/bats_helper
load helper

@test "every exercise has all its parts, is listed, and is told about in the docs" {
    local name
    for name in $(names); do
        for part in "starts/$name.c" "solutions/$name.c" "hints/$name.txt" "checks/$name.py"; do
            [ -s "exercises/$part" ]
        done
        grep -q "^@test \"$name: the check is worth trusting\" {" exercises/slow.bats
        local hints
        hints=$(($(grep -cx -e --- "exercises/hints/$name.txt") + 1))
        [ $hints -ge 2 ]
        [ $hints -le 3 ]
        run ! grep -E '.{81}' <<<"$(expand "exercises/hints/$name.txt")"
        [[ $(sed -n "s/^$name .*  *\(tcp\|udp\|unix\|sock\|raw\)_\w* .*/yes/p" exercises/LIST) = yes ]]
    done
    for part in starts solutions; do
        [ "$(names | sort)" = "$(find exercises/$part -type f -printf '%f\n' | sed 's/\.c$//' | sort)" ]
    done
    # The table in docs/exercises.md is the output of this command.
    diff <(exercise table) <(grep '^|' docs/exercises.md | sed -n '/^| exercise /,$p')
}

@test "every broken start compiles without a warning, 30 to 100 lines below its header" {
    local name cc lines
    for name in $(names); do
        for cc in gcc clang; do
            command -v $cc >/dev/null || continue
            [ -z "$($cc -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
                -Wmissing-prototypes -Wformat=2 "exercises/starts/$name.c" 2>&1)" ]
        done
        lines=$(sed '1,/^ \*\/$/d' "exercises/starts/$name.c" | wc -l)
        [ "$lines" -ge 30 ]
        [ "$lines" -le 100 ]
        grep -q "^ \* Symptom: " "exercises/starts/$name.c"
        grep -q "^ \* Check:   make exercise-$name$" "exercises/starts/$name.c"
        run ! grep -E '.{81}' <<<"$(expand "exercises/starts/$name.c")"
    done
}

@test "symptoms that hang on the machine happen as the head says: hostile_length, files_leak" {
    cp exercises/starts/hostile_length.c exercises/starts/files_leak.c "$BATS_TEST_TMPDIR"
    cd "$BATS_TEST_TMPDIR" || return
    # However much is above the array on the stack: gcc and clang, a large and a small environment.
    local cc LOG
    for cc in gcc clang; do
        command -v $cc >/dev/null || continue
        LOG=$BATS_TEST_TMPDIR/$cc.log
        $cc -g -fsanitize=address hostile_length.c -o hostile_length
        env -i PATH="$PATH" ./hostile_length 0 >"$LOG" 2>&1 3>&- &
        PIDS+=("$!")
        wait_for 'listening on'
        (eval "$(sed -n 's/^ \* *\((printf .*)\) | nc .*/\1/p' hostile_length.c)") \
            >"/dev/tcp/127.0.0.1/$(sed -n 's/^listening on .*://p' "$LOG")" || true
        wait_for 'AddressSanitizer: stack-buffer-overflow'
    done
    cc files_leak.c -o files_leak
    LOG=$BATS_TEST_TMPDIR/files_leak.log
    (eval "$(sed -n 's/.*; (\(ulimit .*; \)\(.*\))$/\1 exec \2/p' files_leak.c)") >"$LOG" 2>&1 3>&- &
    PIDS+=("$!")
    wait_for 'listening on'
    python "$(sed -n '/^ \* *from socket/,/^ \* *for i/s/^ \* *//p' files_leak.c)
send_fds(c, [b'.'], [f.fileno()])
assert c.recv(99) == b'0 open, 0 bytes\n'"
}

@test "the students' files are, to begin with, the starts that reset restores" {
    local name
    for name in $(names); do
        cmp "exercises/starts/$name.c" "exercises/$name.c" || missing "exercises/$name.c as it was at the start"
    done
}

@test "no hostile program hurts the checker, hangs it, stays behind or passes" {
    hostile
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
    turned_down first_server 'first_server.c is missing; the broken start: make reset-first_server'
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
    turned_down first_server 'does not compile' "$DIR/first_server.c:12:25: error: 'nonsense' undeclared"
    student first_server '#include "/dev/zero"'
    turned_down first_server 'does not compile'
    student first_server '#include "/dev/stdin"
    int main(void) { int unused; return 0; }'
    turned_down first_server 'the compiler warns' 'unused variable'
}

@test "with tcc there is a verdict, too, without the sanitizer that it only seems to have" {
    command -v tcc >/dev/null || missing tcc
    cp exercises/solutions/hostile_length.c "$DIR"
    CC=tcc run exercise check hostile_length
    [[ $status -eq 0 && $output = *"unkind kernel"* && $output != *sanitizer* ]]
}

@test "check tells what was expected and what happened, list what is done and next" {
    turned_down one_client_only 'ok   the first client is answered' \
        'NO   the second client is answered' 'expected:  127.0.0.1:' 'happened:  Connection refused' \
        'program:   it has ended with status 0' "Hint 1 of 3: make hint-one_client_only DIR=$DIR"
    cp exercises/solutions/first_server.c exercises/solutions/one_client_only.c "$DIR"
    run exercise check one_client_only
    [ "$status" -eq 0 ]
    [[ $output = *"Done! Compare: make solution-one_client_only"* ]]
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
    [ "$(wc -l <"$BATS_TEST_TMPDIR/shown")" -eq 18 ]
    exercise check one_client_only >"$BATS_TEST_TMPDIR/said" || true
    sed -E -i "s/127.0.0.1:[0-9]+/127.0.0.1:<port>/; s| DIR=$DIR$||
        s/b'[a-z]{8}'/b'<word>'/; s/b'[A-Z]{8}'/b'<WORD>'/" "$BATS_TEST_TMPDIR/said"
    # The words that record it are for exercises/ alone, and here is a DIR=.
    diff <(grep -vx ' *recorded:  make ladder-exercise-one_client_only' "$BATS_TEST_TMPDIR/shown") "$BATS_TEST_TMPDIR/said"
}

@test "a failure is told by what differs, and blamed on what is left open" {
    sed 's/text\[128\]/text[64]/' exercises/solutions/string_without_end.c >"$DIR/string_without_end.c"
    turned_down string_without_end 'came, behind byte 63:'
    sed 's/close(files\[i\]);/if (i > 0)\n\t&/' exercises/solutions/files_leak.c >"$DIR/files_leak.c"
    turned_down files_leak 'each file that came is closed'
    sed 's/no answer/too late/' exercises/solutions/udp_waits_forever.c >"$DIR/udp_waits_forever.c"
    turned_down udp_waits_forever 'it printed "udp_waits_forever: too late'
}

@test "what is to be typed by hand gives the program the same bytes" {
    turned_down empty_message "printf '" "\n' | ./empty_message 8080 &"
    turned_down icmp_checksum_odd "printf 'abc\n' | ./icmp_checksum_odd &"
    local shell words='
sys.path.insert(0, "exercises/checks")
sys.dont_write_bytecode = True
from harness import typed
'
    for shell in sh bash; do
        $shell -c "$(python "$words print(typed(b'-n%' + bytes(range(256)), 400) + 'cat')")" >"$BATS_TEST_TMPDIR/typed"
        cmp "$BATS_TEST_TMPDIR/typed" <(python "$words sys.stdout.buffer.write(b'-n%' + bytes(range(256)))")
    done
}

@test "a ready line that is printed and not flushed is told from none" {
    sed '/fflush/d' exercises/solutions/one_client_only.c >"$DIR/one_client_only.c"
    turned_down one_client_only 'there was no such line, though it' 'fflush(stdout) is missing'
    student one_client_only 'int main(void) { pause(); }'
    turned_down one_client_only 'there was no such line'
    [[ $output != *fflush* ]]
}

@test "what a student prints on standard error does not count" {
    cp exercises/solutions/half_close.c "$DIR"
    echo '__attribute__((constructor)) static void chat(void) { fputs("here I am", stderr); }' >>"$DIR/half_close.c"
    [[ $(exercise check half_close) = *"Done!"* ]]
}

@test "200 threads, or 64 workers, are no crime" {
    # with EXERCISE WORDS: its solution, with these words before the first accept.
    with() {
        sed 's/^int main(/static void *rest(void *none) { for (;;) pause(); return none; }\n&/
            s/^	int listen_fd = start_listening.*/&\n\tpthread_t thread;\n\tfor (int i = 0; i < '"$2"'/
            s/^#include <unistd.h>/#include <pthread.h>\n&/' "exercises/solutions/$1.c" >"$DIR/$1.c"
        run exercise check "$1"
        [[ $output = *"Done!"* ]] || { echo "$output"; return 1; }
    }
    with dies_of_sigpipe '200; i++)\n\t\tif (pthread_create(\&thread, NULL, rest, NULL) != 0) abort();'
    with dies_of_sigpipe '64; i++)\n\t\tif (fork() == 0)\n\t\t\trest(\&thread);'
}

@test "a failure under the unkind kernel only has a title of its own, the way to repeat it, and the rule" {
    sed 's/errno == EINTR/errno == ENOTTY/' exercises/solutions/one_client_only.c >"$DIR/one_client_only.c"
    turned_down one_client_only 'NO   only under the unkind kernel: the first client is answered' \
        'scripts/exercise unkind ./one_client_only 8080 &' 'a rule of the house' 'EINTR'
}

@test "warnings are shown on success, too, as an editor can jump to them" {
    cp exercises/solutions/half_close.c "$DIR"
    echo 'static int unused(void) { return 1; }' >>"$DIR/half_close.c"
    run exercise check half_close
    [ "$status" -eq 0 ] && [[ $output = *$'\n'"$DIR/half_close.c:"*"warning: "*"Done!"* ]]
}

@test "a verdict comes in time, and a terminal sees what is tried" {
    student first_server "int main(void) { puts(\"listening on 127.0.0.1:1\"); fflush(stdout); for (;;) usleep(1000); }"
    local start=$SECONDS
    # shellcheck disable=SC2016 # for the shell that script(1) starts
    EXERCISE_SECONDS=6 TERM=xterm run script -qec 'exec scripts/exercise check first_server' /dev/null 3>&-
    [ "$status" -eq 1 ]
    [ $((SECONDS - start)) -lt 12 ]
    student one_message_only "$(sed '/^int main/,$d' exercises/solutions/one_message_only.c)
        int main(void) { int fd = start_listening(\"0\"); for (;;) usleep(1000); return fd; }"
    EXERCISE_SECONDS=8 TERM=xterm run script -qec 'exec scripts/exercise check one_message_only' /dev/null 3>&-
    [[ $output = *"  ...  the first message is answered ("* ]] || { echo "$output"; return 1; }
}

@test "on a terminal, the last line of make is the verdict" {
    # shellcheck disable=SC2016
    run env -u MAKEFLAGS -u MAKELEVEL script -qec "make -s -C '$ROOT' exercise-half_close DIR=$DIR" /dev/null 3>&-
    [ "$status" -eq 0 ] && [[ ${lines[-1]} = "Not yet. "* ]]
}

@test "no way to a verdict without a way out: deleted, full, noexec" {
    sed 's/^int main(.*/&/; s/^	int listen_fd = start_listening.*/\tunlink(argv[0]);\n&/' \
        exercises/solutions/one_client_only.c >"$DIR/one_client_only.c"
    grep -q unlink "$DIR/one_client_only.c"
    turned_down one_client_only 'it has deleted itself'
    unshare -Urm true || missing "user namespaces"
    # shellcheck disable=SC2016 # for the shell inside
    local inside='mount -t tmpfs -o "$2" tmpfs "$1" && TMPDIR=$1 EXERCISE_PLAIN=1 scripts/exercise check half_close'
    mkdir "$BATS_TEST_TMPDIR/small"
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
    run unshare -Urm bash -c "$inside" _ "$BATS_TEST_TMPDIR/small" noexec 3>&-
    [[ $output = *"mounted noexec?"*"TMPDIR=/var/tmp"* ]] || { echo "$output"; return 1; }
    run unshare -Urm bash -c "$inside" _ "$BATS_TEST_TMPDIR/small" size=24k 3>&-
    [[ $output = *"TMPDIR=/var/tmp"* ]] || { echo "$output"; return 1; }
}

@test "in the cage nothing can be read: no home, no solutions, no other student" {
    unshare -Urpfn true || missing "user namespaces"
    mkdir "$BATS_TEST_TMPDIR/other"
    echo 'int secret;' >"$BATS_TEST_TMPDIR/other/half_close.c"
    chmod -R a+rX "$BATS_TEST_TMPDIR"
    for path in "$BATS_TEST_TMPDIR/other/half_close.c" "$ROOT/exercises/solutions/half_close.c" "$HOME/.profile"; do
        student half_close "#include \"$path\"
            int main(void) { return 0; }"
        turned_down half_close 'does not compile' 'No such file or directory'
        student half_close "int main(void) { int fd = open(\"$path\", O_RDONLY); puts(fd == -1 ? \"closed\" : \"open\"); return 0; }"
        turned_down half_close 'it said:   closed'
    done
}

@test "grade refuses without the cage, and says why" {
    export EXERCISE_PLAIN=1
    run exercise grade
    [ "$status" -eq 1 ]
    [[ $output = *"there is no cage"*"another student's files"*"PLAIN=1"* ]]
    XML=$BATS_TEST_TMPDIR/grade.xml PLAIN=1 run exercise points half_close
    [ "$status" -eq 1 ] && [[ ${lines[-1]} = "half_close: 0 of 10 points (SEED="* ]]
}

@test "a task has points for each case" {
    sed 's/buf\[1001\]/buf[1002]/' exercises/solutions/line_server.c >"$DIR/line_server.c"
    run exercise check line_server
    [ "$status" -eq 1 ] && [[ $output = *"NO   a line that is too long "*"(10 points)"*"90 of 100 points"* ]]
}

@test "the routers of a task, and its bad line, can be had by hand" {
    unshare -Urn true || missing "user namespaces"
    local name
    for name in traceroute reliable_udp; do
        cc -o "$BATS_TEST_TMPDIR/$name" "exercises/solutions/$name.c"
    done
    run exercise routers -s 2 "$BATS_TEST_TMPDIR/traceroute" 10.66.4.1
    [ "$status" -eq 0 ]
    [ "$output" = $' 1  10.66.1.1\n 2  *\n 3  10.66.3.1\n 4  10.66.4.1' ]
    run exercise routers "$BATS_TEST_TMPDIR/traceroute" 10.66.99.1
    [ "$status" -eq 1 ]
    [ "${lines[-1]}" = " 3  10.66.3.1" ]
    "$BATS_TEST_TMPDIR/reliable_udp" receive 0 >"$BATS_TEST_TMPDIR/got" 2>"$BATS_TEST_TMPDIR/said" 3>&- &
    PIDS+=("$!")
    wait_for 'listening on' "$BATS_TEST_TMPDIR/said"
    local port relayed
    port=$(sed -n 's/.*://p' "$BATS_TEST_TMPDIR/said")
    scripts/exercise relay 0 "$port" lose=20 twice=50 shuffle=20 >"$BATS_TEST_TMPDIR/relay" 3>&- &
    PIDS+=("$!")
    wait_for 'listening on' "$BATS_TEST_TMPDIR/relay"
    relayed=$(sed -n 's/.*://p' "$BATS_TEST_TMPDIR/relay")
    "$BATS_TEST_TMPDIR/reliable_udp" send "$relayed" <"$ROOT/docs/exercises.md"
    cmp "$BATS_TEST_TMPDIR/got" "$ROOT/docs/exercises.md"
}

@test "raw sockets are for a network of one's own: without the cage, traceroute is not run" {
    EXERCISE_PLAIN=1 turned_down traceroute 'in a network of its own only'
    cp exercises/solutions/traceroute.c "$DIR"
    EXERCISE_PLAIN=1 turned_down traceroute 'in a network of its own only'
}

@test "hints come one by one, the solution after the check or by force" {
    local n
    for n in 1 2 3; do
        run exercise hint half_close
        [ "$status" -eq 0 ]
        [[ ${lines[0]} = "half_close, hint $n of 3:" ]]
    done
    [[ $output = *"shutdown(fd, SHUT_WR)"* ]]
    [[ $(exercise hint half_close) = "These were all hints"*"1. "*"3. "* ]]
    run exercise solution half_close
    [ "$status" -eq 1 ]
    [[ $output = *"first mend it yourself"*"FORCE=1"* ]]
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
    [ -L "$DIR/half_close.c.mine2" ]
    [ ! -L "$DIR/half_close.c" ]
    [ "$(cat "$DIR/half_close.c.mine1")" = first ]
    rm "$DIR/half_close.c"
    exercise reset half_close
    cmp "$DIR/half_close.c" exercises/starts/half_close.c
    exercise hint half_close
    echo again >"$DIR/half_close.c"
    exercise reset half_close
    [[ $(exercise hint half_close) = "half_close, hint 1 of 3:"* ]]
    DIR=/nowhere run exercise reset half_close
    [ "$status" -eq 1 ]
    [ "$output" = "exercise: there is no folder /nowhere" ]
    DIR=/proc run exercise reset half_close # nobody can write there
    [ "$status" -eq 1 ] && [[ $output = "exercise: /proc/half_close.c: "* ]]
}

@test "grade: a line per exercise, a total, JUnit XML; status 0 only if all are done" {
    "$ROOT/scripts/sandbox" true || export PLAIN=1 # else it would refuse
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
    [ "$status" -eq 0 ]
    [ "${lines[-2]}" = "3 of 3 done" ]
    grep -q 'tests="3" failures="0"' grade.xml
}

@test "wrong use and unknown names are named" {
    for words in "" nonsense "check" "list x" "check a b"; do
        # shellcheck disable=SC2086 # words, not one argument
        run exercise $words
        [ "$status" -eq 2 ]
        [[ ${lines[1]} = "usage: exercise COMMAND [NAME]" ]]
    done
    for command in check hint solution reset judge; do
        run exercise $command ../LIST
        [ "$status" -eq 1 ]
        [[ ${lines[0]} = "exercise: there is no exercise '../LIST'" ]]
    done
    [[ $(exercise -h) = "exercise COMMAND [NAME]: "* ]]
    run exercise unkind ./no_such_program
    [ "$status" -eq 1 ] && [ "$output" = "exercise: ./no_such_program: No such file or directory" ]
}

@test "the make targets reach all of that" {
    local make=(env -u MAKEFLAGS -u MAKELEVEL make -s -C "$ROOT" "DIR=$DIR")
    [[ $("${make[@]}" exercises) = *"Next: make exercise-first_server DIR=$DIR" ]]
    run "${make[@]}" exercise-half_close
    [ "$status" -eq 2 ]
    [[ $output = *"make hint-half_close DIR=$DIR"* ]]
    [[ $("${make[@]}" hint-half_close) = "half_close, hint 1 of 3:"* ]]
    run "${make[@]}" solution-half_close
    [ "$status" -eq 2 ]
    "${make[@]}" solution-half_close FORCE=1 | cmp - exercises/solutions/half_close.c
    [[ $("${make[@]}" reset-half_close) = *"as it was at the start" ]]
    run "${make[@]}" exercise-nonsense
    [ "$status" -eq 2 ] && [[ $output = *"there is no exercise 'nonsense'"* ]]
}

@test "the unkind kernel: an echo is right under it, and it says what it does" {
    start_unkind() {
        UNDER=(env UNKIND_TELLS=1 "$ROOT/scripts/exercise" unkind)
        start tcp_server 127.0.0.1 0
    }
    start_unkind
    cc -o "$BATS_TEST_TMPDIR/half_close" exercises/solutions/half_close.c
    run --separate-stderr "${UNDER[@]}" "$BATS_TEST_TMPDIR/half_close" "$PORT" <<<$'hello, world\nhow are you?'
    [ "$status" -eq 0 ]
    [ "$output" = $'HELLO, WORLD\nHOW ARE YOU?' ]
    grep -q '^unkind: \(recv\|read\): at most this many bytes: 1$' <<<"$stderr"
    grep -q '^unkind: \(recv\|read\): interrupted (EINTR)$' <<<"$stderr"
    grep -q '^unkind: accept: interrupted (EINTR)$' "$LOG"
    # connect goes on by itself, is not to be called again, and so is left alone.
    run ! grep -q '^unkind: connect' <<<"$stderr"
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
