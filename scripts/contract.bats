# What is promised of every demo, tried on every folder that is there.
load bats_helper

# every_demo COMMAND...: run COMMAND with each demo's name in $1; name the first
# for which it fails.
every_demo() {
    local source
    for source in "$ROOT"/*/; do
        source=${source%/}
        [ -e "$source/${source##*/}.c" ] || continue
        "$@" "${source##*/}" || {
            echo "${source##*/} breaks the rule; status ${status-}, output: ${output-} ${stderr-}"
            return 1
        }
    done
}

@test "each folder is listed in DEMOS, with a lesson and tests" {
    listed() {
        "$ROOT/scripts/table" -d | grep -qx "$1" &&
            [ -s "$ROOT/$1/README.md" ] && [ -s "$ROOT/$1/$1.bats" ] && [ -x "$ROOT/$1/$1" ]
    }
    every_demo listed
}

@test "the tables in README.md and docs/symptoms.md are in step with the lessons" {
    run "$ROOT/scripts/table" -c
    [ "$status" -eq 0 ]
}

@test "-h: usage with an example on standard output, status 0" {
    helps() {
        run --separate-stderr "$ROOT/$1/$1" -h
        [ "$status" -eq 0 ] && [ -z "$stderr" ] && [[ ${lines[0]} = "usage: $1"* ]] &&
            grep -q "^example: .*$1" <<<"$output" && ! grep -E '.{81}' <<<"$output"
    }
    every_demo helps
}

@test "wrong use: what is wrong, the usage line, status 2, nothing on standard output" {
    refuses() {
        local args
        for args in "-?" "a b c d e f" "--nonsense"; do
            # shellcheck disable=SC2086 # words, not one argument
            run --separate-stderr "$ROOT/$1/$1" $args </dev/null
            # shellcheck disable=SC2154 # set by run
            [ "$status" -eq 2 ] && [ -z "$output" ] && [ "${#stderr_lines[@]}" -eq 2 ] &&
                [[ ${stderr_lines[0]} = "$1: "* && ${stderr_lines[1]} = "usage: $1"* ]] || return 1
        done
    }
    every_demo refuses
}

@test "a full disk is noticed: status 1" {
    notices() {
        run --separate-stderr bash -c "'$ROOT/$1/$1' -h >/dev/full"
        [ "$status" -eq 1 ] && [[ $stderr = "$1: write to standard output: "*"(ENOSPC)" ]]
    }
    every_demo notices
}

@test "a TCP or UDP server whose output cannot be written, or has no reader any more, ends with status 1" {
    programs '
for command in servers[:-1]:
    full = subprocess.run(command, stdout=open("/dev/full", "wb"), stderr=subprocess.PIPE, timeout=20)
    assert full.returncode == 1 and b"write to standard output: " in full.stderr, (command, full)
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    line = server.stdout.readline().decode().strip()
    server.stdout.close()
    host, port = line.removeprefix("listening on ").split(":")
    kind = socket.SOCK_DGRAM if "udp_demo" in command[0] else socket.SOCK_STREAM
    for _ in range(2):
        try:
            client = socket.socket(socket.AF_INET, kind)
            client.settimeout(10)
            client.connect((host, int(port)))
            client.send(b"hello")
            if kind == socket.SOCK_STREAM: # UDP does not tell that it has ended
                client.recv(9)
            client.close()
        except OSError: # it has ended meanwhile
            pass
    if "tcp_fork" in command[0] or "tcp_reuseport" in command[0]: # it is a child that prints
        assert b"write to standard output: Broken pipe (EPIPE)" in server.stderr.readline(), command
        server.send_signal(signal.SIGINT)
    else:
        assert server.wait(10) == 1 and b"(EPIPE)" in server.stderr.read(), command'
}

# bats test_tags=slow
@test "cc in the folder, without flags, builds it; so does tcc" {
    builds() {
        (cd "$ROOT/$1" && cc "$1.c" -o "$BATS_TEST_TMPDIR/$1") && "$BATS_TEST_TMPDIR/$1" -h >/dev/null
        ! command -v tcc >/dev/null || tcc -w "$ROOT/$1/$1.c" -o "$BATS_TEST_TMPDIR/$1" &&
            "$BATS_TEST_TMPDIR/$1" -h >/dev/null
    }
    every_demo builds
}

# programs CODE: run CODE in Python; stories are the names of those demos, servers
# the command lines of the programs that wait for clients.
programs() {
    timeout 120 /usr/bin/python3 -c "
import os, pathlib, signal, socket, subprocess, sys, time
root = pathlib.Path(sys.argv[1])
demos = subprocess.run([root / 'scripts/table', '-d'], stdout=subprocess.PIPE, text=True).stdout.split()
source = {demo: (root / demo / (demo + '.c')).read_text() for demo in demos}
stories = [demo for demo in demos if 'begin_story(' in source[demo]]
def path(demo): return str(root / demo / demo)
servers = [[path(demo), '127.0.0.1', '0'] for demo in demos if '[-q] [HOST [PORT]]' in source[demo] and demo != 'udp_demo']
servers += [[path('udp_demo'), 'server', '127.0.0.1', '0'], [path('unix_demo'), 'server', sys.argv[2] + '/socket']]
assert len(stories) > 5 and len(servers) > 2
def field(pid, name): # of /proc/PID/status
    return next(l.split()[1] for l in open(f'/proc/{pid}/status') if l.startswith(name + ':'))
def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, 'waited for 20 s'
        time.sleep(0.01)
$1" "$ROOT" "$BATS_TEST_TMPDIR" 3>&-
}

@test "whatever the starter did to it: signals ignored or blocked, descriptors closed" {
    programs '
def spoil():
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
def close_all():
    spoil()
    for fd in 0, 1, 2: os.close(fd)
for command in servers:
    server = subprocess.Popen(command, preexec_fn=spoil, stdout=subprocess.PIPE)
    assert b"listening on" in server.stdout.readline(), command
    pid = server.pid
    spoilt = sum(1 << number - 1 for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM))
    assert int(field(pid, "SigBlk"), 16) == 0 and int(field(pid, "SigIgn"), 16) & spoilt == 0, command
    server.send_signal(signal.SIGINT)
    assert server.wait(10) in (-signal.SIGINT, 128 + signal.SIGINT), (command, server.returncode)
running = [(story, subprocess.Popen([path(story)], preexec_fn=how, stdout=subprocess.DEVNULL, close_fds=False))
           for story in stories for how in (spoil, close_all)]
for story, process in running:
    assert process.wait(60) == 0, (story, process.returncode)'
}

@test "Ctrl-C ends every program at once, also while nobody reads its output" {
    programs '
for command in servers + [[path(story)] for story in stories]:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while os.write(writer, b"x" * 4096): pass
    except BlockingIOError:
        os.set_blocking(writer, True)
    process = subprocess.Popen(command, stdout=writer)
    os.close(writer)
    until(lambda: "pipe_write" in open(f"/proc/{process.pid}/wchan").read())
    process.send_signal(signal.SIGINT)
    assert process.wait(5) in (-signal.SIGINT, 128 + signal.SIGINT), (command, process.returncode)
    os.close(reader)'
}

@test "a story that hangs is ended and says where; being stopped (Ctrl-Z) does not count" {
    programs '
story = sys.argv[2] + "/story"
common = (root / "common.h").read_text()
assert common.count("alarm(5)") == 2
quick = common.replace("alarm(5)", "alarm(1)") # the same watchdog, with 4 s for its 20
pathlib.Path(story + ".c").write_text(source["tcp_disconnect"].replace("#include \"../common.h\"", quick))
subprocess.run(["cc", "-w", "-o", story, story + ".c"], check=True)
reader, writer = os.pipe()
os.set_blocking(writer, False)
filled = 0
while True: # all but the last 100 bytes: nobody reads, so the story hangs when it has printed that much
    try:
        filled += os.write(writer, b"x" * 4096)
    except BlockingIOError:
        break
os.read(reader, 4096)
os.set_blocking(writer, True)
os.write(writer, b"x" * 3900)
hangs = subprocess.Popen([story], stdout=writer, stderr=subprocess.PIPE)
stopped = subprocess.Popen([story], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
stopped.send_signal(signal.SIGSTOP)
begun = time.monotonic()
said = hangs.communicate(timeout=20)[1]
assert hangs.returncode == 1 and b"20 s are over; the last call was\n   " in said and b"(" in said, (hangs.returncode, said)
until(lambda: time.monotonic() - begun > 6) # time itself is the matter
stopped.send_signal(signal.SIGCONT)
out, err = stopped.communicate(timeout=20)
assert err == b"" and stopped.returncode == 0, (stopped.returncode, err, out)'
}

@test "the header comment says what, what to watch and what next, in 12 lines" {
    has_header() {
        local header
        header=$(sed '/^ \*\/$/q' "$ROOT/$1/$1.c")
        [ "$(wc -l <<<"$header")" -le 14 ] && [[ $header = "/* $1 - "* ]] &&
            grep -q '^ \* Watch: ' <<<"$header" && grep -q '^ \* Next: ' <<<"$header"
    }
    every_demo has_header
}

@test "each source and each lesson leads on to the next demo of the list" {
    leads_on() {
        local next
        next=$("$ROOT/scripts/table" -d | grep -x -A 1 "$1" | sed -n 2p)
        [ -n "$next" ] || next=exercises # after the last one
        grep -q "^ \* Next:   .*$next" "$ROOT/$1/$1.c" &&
            grep -q "^Read next: .*$next" "$ROOT/$1/README.md"
    }
    every_demo leads_on
}

@test "each lesson asks for a guess, with two or three choices; its tests say what makes which right" {
    asks() {
        local choices
        choices=$(sed -n '/^Guess before you run: /,/^$/{ /^Choices: /,/^$/p }' "$ROOT/$1/README.md" | tr '\n' ' ')
        [[ $choices =~ ^Choices:\ [^\;]+(\;\ [^\;]+){1,2}\.\ +$ ]] &&
            [ "$(grep -c '^# guess: .* -> .*; ' "$ROOT/$1/$1.bats")" -eq 1 ]
    }
    every_demo asks
}

@test "the lesson of each demo holds a transcript" {
    has_transcript() {
        grep -q '^```console$' "$ROOT/$1/README.md"
    }
    every_demo has_transcript
}

@test "make help names the targets a user needs" {
    run make -s -C "$ROOT" help
    for target in all demo demo-tcp test lint sanitize clean; do
        grep -q "^make $target " <<<"$output"
    done
}

@test "a binary is built anew when common.h or the flags change, and else not" {
    cp -r "$ROOT" "$BATS_TEST_TMPDIR/copy"
    cd "$BATS_TEST_TMPDIR/copy"
    local build='make tcp_client/tcp_client'
    $build
    [ -z "$($build)" ]
    touch common.h
    [[ $($build) = *"tcp_client.c"* ]]
    [[ $($build CPPFLAGS=-DDIALTONE) = *"-DDIALTONE"* ]]
    [[ $($build) != *"-DDIALTONE"* ]]
    [ -z "$($build)" ]
}

@test "the default build is hardened: PIE, full RELRO, fortified calls, stack protector" {
    command -v readelf >/dev/null || missing readelf
    cp -r "$ROOT" "$BATS_TEST_TMPDIR/copy"
    cd "$BATS_TEST_TMPDIR/copy"
    env -u CFLAGS -u CPPFLAGS -u HARDEN -u LDFLAGS make -s -B tcp_client/tcp_client
    local about
    about=$(readelf -hldsW tcp_client/tcp_client)
    for sign in 'Type: *DYN' 'GNU_RELRO' 'BIND_NOW' '__[a-z]*printf_chk' '__stack_chk_fail'; do
        grep -q "$sign" <<<"$about" || { echo "no sign of $sign" && return 1; }
    done
    run ! grep -q 'GNU_STACK.*RWE' <<<"$about"
}
