# `make tour`, `make watch`, scripts/faults; for the recorder see recorder.bats.
load bats_helper

# fake NAME CODE: a demo of our own making in a copy of the toolkit's layout, so
# that the tools can be shown one that lies. Sets $ROOT to that copy.
fake() {
    local copy=$BATS_TEST_TMPDIR/$1
    mkdir -p "$copy/$1"
    cp -r "$BATS_TEST_DIRNAME"/../{*.h,scripts} "$copy"
    printf '#define _GNU_SOURCE\n#include "../common.h"\n%s\n' "$2" >"$copy/$1/$1.c"
    cc -g -o "$copy/$1/$1" "$copy/$1/$1.c"
    ROOT=$copy
}

@test "tour plays a conversation with both sides, and counts" {
    run "$ROOT/scripts/tour" tcp_server
    [ "$status" -eq 0 ]
    [[ $output = *'
client | > hello
server | 127.0.0.1:'*' says "hello" (5 bytes)
client | HELLO
client | > how are you?
'*'
server | 127.0.0.1:'*' hung up (end of stream)
'* ]]
    [ "${lines[-1]}" = "1 of 1 demos did what they promise" ]
    run ! grep -E '.{81}' <<<"$output"
}

@test "tour runs no demo whose output cannot be written" {
    UNDER="touch $BATS_TEST_TMPDIR/was-run" run bash -c '"$1" tcp_reset >/dev/full' - "$ROOT/scripts/tour"
    [ "$status" -eq 1 ] && [ ! -e "$BATS_TEST_TMPDIR/was-run" ] && [[ $output = *"write error"* ]]
}

@test "tour at a terminal waits for Enter between two demos" {
    /usr/bin/python3 -c 'import pexpect' || missing "python3-pexpect"
    timeout 60 /usr/bin/python3 - "$ROOT/scripts/tour" 3>&- <<'END'
import pexpect, sys
t = pexpect.spawn(sys.argv[1], ["tcp_server", "udp_demo"], timeout=20, encoding="utf-8")
t.expect_exact("Enter: the next one")
assert "udp_demo" not in t.before
t.sendline("")
t.expect_exact("======== udp_demo")
t.expect_exact("2 of 2 demos did what they promise")
t.expect(pexpect.EOF)
END
}

@test "tour tells of a demo that does not keep its promise" {
    fake tcp_liar 'int main(void) { puts("fine"); return 1; }'
    echo "Idea: lie." >"$ROOT/tcp_liar/README.md"
    run "$ROOT/scripts/tour" tcp_liar
    [ "$status" -eq 1 ]
    [ "${lines[-1]}" = "0 of 1 demos did what they promise; not so: tcp_liar" ]
}

@test "watch shows a running server, its connection, and TIME-WAIT after it" {
    start tcp_server 127.0.0.1 0
    python '
import subprocess
s = dial(sys.argv[1])
s.sendall(b"x"); s.recv(1)
def watch():
    return subprocess.run([sys.argv[2] + "/scripts/watch", "1"], stdout=subprocess.PIPE, text=True).stdout
before = watch()
assert "LISTEN     127.0.0.1:%s " % sys.argv[1] in before, before
assert "ESTAB      127.0.0.1:%s " % sys.argv[1] in before, before
s.close()
port = ":%s " % sys.argv[1]
for attempt in range(100):
    if any(line.startswith("TIME-WAIT") and port in line for line in watch().splitlines()):
        sys.exit()
sys.exit(watch())' "$PORT" "$ROOT"
}

@test "watch shows AF_UNIX by its path" {
    command -v ss >/dev/null || missing "ss, in iproute2"
    start unix_demo server "$BATS_TEST_TMPDIR/s"
    grep -qF "LISTEN     $BATS_TEST_TMPDIR/s" <<<"$("$ROOT/scripts/watch" 1)"
}

@test "watch without ss reads /proc/net/tcp" {
    start tcp_server 127.0.0.1 0
    mkdir "$BATS_TEST_TMPDIR/bin"
    for tool in bash env dirname tr awk od readlink sleep cat; do
        ln -s "$(command -v $tool)" "$BATS_TEST_TMPDIR/bin"
    done
    PATH=$BATS_TEST_TMPDIR/bin run "$ROOT/scripts/watch" 1
    [ "$status" -eq 0 ]
    grep -q "^LISTEN     127.0.0.1:$PORT .* tcp_server:$PID\$" <<<"$output"
}

# bats test_tags=slow
@test "the fault matrix finds a hidden failure, a crash, and what is left behind" {
    fake_faults() { # NAME CODE FINDING
        fake "$1" "int main(void) { int fd = socket(AF_INET, SOCK_STREAM, 0); $2 }"
        run "$ROOT/scripts/faults" "$1"
        [ "$status" -eq 1 ] && [[ $output = *"FINDING: $1 "*": $3"* ]]
    }
    fake_faults tcp_hides '(void)fd; return 0;' "HIDES the failure"
    fake_faults tcp_mute 'return fd == -1;' "FAILS WITHOUT NAMING"
    fake_faults tcp_half 'if (fd == -1) { fprintf(stderr, "socket\n"); die("sorry"); } return 0;' \
        "FAILS WITHOUT NAMING"
    fake_faults tcp_crash 'if (fd == -1) abort(); return 0;' "CRASHES"
    fake_faults tcp_leaves 'if (fd == -1 && fork() == 0) pause(); if (fd == -1) die("socket"); return 0;' \
        "LEAVES BEHIND: a process"
    fake_faults tcp_litters 'if (fd == -1) { fclose(fopen("name", "w")); die("socket"); } return 0;' \
        "LEAVES BEHIND: name"
    # An interrupted call that is not made anew; as data on a socket go by write, too.
    fake_faults tcp_gives_up 'int a, b; (void)fd; connected_pair(&a, &b);
        if (write(a, "x", 1) == -1 && errno != EINTR) die("write"); return 0;' "HIDES the failure"
}

# bats test_tags=slow
@test "the fault matrix finds who does not obey Ctrl-C, is disturbed by a signal, or is slow without a word" {
    fake_faults() { # NAME CODE FINDING
        fake "$1" "#include <time.h>
            int main(int argc, char *argv[]) { begin_story(argc, argv, \"usage: x\\n\"); $2 }"
        run "$ROOT/scripts/faults" "$1"
        [ "$status" -eq 1 ] && [[ $output = *"FINDING: $1 "*": $3"* ]]
    }
    local call='if (socket(AF_INET, SOCK_STREAM, 0) == -1) die("socket");'
    fake_faults tcp_deaf "signal(SIGINT, SIG_IGN); $call return 0;" "SIGINT: DOES NOT OBEY Ctrl-C, status 0"
    fake_faults tcp_litters "fclose(fopen(\"name\", \"w\")); $call unlink(\"name\"); return 0;" \
        "SIGINT: LEAVES BEHIND: name"
    fake_faults tcp_disturbed "signal(SIGALRM, SIG_DFL); $call return 0;" "SIGALRM: IS DISTURBED"
    fake_faults tcp_slow "struct timespec a, b; clock_gettime(CLOCK_MONOTONIC, &a); $call
        clock_gettime(CLOCK_MONOTONIC, &b);
        return (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 > 45;" "SLOW: IS TOO SLOW, status 1"
}

# bats test_tags=slow
@test "the fault matrix knows an interrupted call that is made anew" {
    fake tcp_again 'int main(int argc, char *argv[]) { int a, b;
        begin_story(argc, argv, "usage: x\n"); connected_pair(&a, &b);
        while (write(a, "x", 1) == -1) if (errno != EINTR) die("write"); return 0; }'
    run "$ROOT/scripts/faults" tcp_again
    [ "$status" -eq 0 ]
    grep -qE '^tcp_again +write +1 made  1 in time, 3 named, 1 obeyed, 1 repeated, 1 undisturbed$' <<<"$output"
    run "$ROOT/scripts/faults" -a tcp_again
    [ "$status" -eq 0 ]
    grep -qE '^tcp_again +write +1 made  1 in time, 8 named, 1 obeyed, 1 repeated, 1 undisturbed$' <<<"$output"
}

# bats test_tags=slow
@test "the fault matrix of the echo pair has no finding" {
    run "$ROOT/scripts/faults" tcp_server tcp_client
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} =~ ^[1-9][0-9]+" runs, 0 findings"$ ]]
    # An accept that fails for ever burns no CPU.
    grep -qE '^tcp_server server +accept .* 4 rested' <<<"$output"
}

# bats test_tags=slow
@test "mutants names what a story does not notice, and forgives what has a reason" {
    command -v tcc >/dev/null || missing tcc
    local copy=$BATS_TEST_TMPDIR/copy
    mkdir "$copy"
    cp -r "$ROOT"/{Makefile,common.h,scripts,sock_resolve} "$copy"
    run "$copy/scripts/mutants" sock_resolve
    [ "$status" -eq 0 ]
    grep -qE '^sock_resolve +10 mutants  6 killed, 4 explained$' <<<"$output"
    sed -i '/listen/d' "$copy/scripts/mutants.spared"
    run "$copy/scripts/mutants" sock_resolve
    [ "$status" -eq 1 ]
    [ "${lines[-1]}" = "2 survivors without a reason" ]
    [[ $output = *"    survived: sock_resolve.c:"*": 1 -> 10"* ]]
    run "$copy/scripts/mutants" tcp_nothing
    [ "$status" -eq 2 ]
    [ "${lines[0]}" = "mutants: there is no story 'tcp_nothing'" ]
}
