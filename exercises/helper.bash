# For exercises/*.bats, beside scripts/bats_helper.bash.

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

# proves NAME: the check turns down the broken start and each wrong repair, for
# the reason given in wrong/REASONS, and lets the solution pass.
proves() {
    unset DIR
    exercises/checks/prove.py "$1" 3>&-
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
    # Nor are lines cut that are to be typed.
    output=$(grep -v 'scripts/exercise unkind' <<<"$output")
    run ! grep -E '.{81}|Traceback|core dumped' <<<"${output%%DIR=*}"
    [ "$(running)" -eq 0 ]
}

# hostile: what programs have tried.
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

# A class of its own; few exercises, which take little time.
class() {
    unset CFLAGS DIR
    CLASS=$BATS_TEST_TMPDIR/class
    OUT=$BATS_TEST_TMPDIR/grades
    mkdir "$CLASS"
    command -v parallel >/dev/null || missing parallel
}

# hands_in STUDENT EXERCISE FILE
hands_in() {
    mkdir -p "$CLASS/$1"
    cp "$3" "$CLASS/$1/$2.c"
}

grade_class() { # [NAME=VALUE...]
    env DIR="$CLASS" OUT="$OUT" NAMES="half_close icmp_checksum_odd" "$@" scripts/grade-class 3>&-
}
