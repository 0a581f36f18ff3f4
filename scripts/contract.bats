# What is promised of every demo, tried on every folder that is there.
load bats_helper

@test "each folder is listed in DEMOS, with a lesson and tests" {
    programs '
folders = [file.stem for file in root.glob("*/*.c") if file.stem == file.parent.name]
assert sorted(folders) == sorted(demos), set(folders) ^ set(demos)
for demo in demos:
    for file in "README.md", demo + ".bats":
        assert (root / demo / file).stat().st_size, (demo, file)
    assert os.access(path(demo), os.X_OK), demo'
}

@test "the tables in README.md and docs/symptoms.md are in step with the lessons" {
    run "$ROOT/scripts/table" -c
    [ "$status" -eq 0 ]
}

# What a demo says, and with which status it ends.
SAYS='
def says(demo, *words, **how):
    run = subprocess.run([path(demo), *words], stdin=subprocess.DEVNULL, **{"stdout": subprocess.PIPE, **how}, stderr=subprocess.PIPE, text=True)
    return run.returncode, (run.stdout or "").splitlines(), run.stderr.splitlines()
'

@test "-h: usage with an example on standard output, status 0" {
    programs "$SAYS"'
for demo in demos:
    status, out, err = says(demo, "-h")
    assert status == 0 and not err and out[0].startswith("usage: " + demo), (demo, status, out, err)
    assert any(line.startswith("example: ") and demo in line for line in out) and max(map(len, out)) <= 80, (demo, out)'
}

@test "wrong use: what is wrong, the usage line, status 2, nothing on standard output" {
    programs "$SAYS"'
for demo in demos:
    for words in ["-?"], ["a", "b", "c", "d", "e", "f"], ["--nonsense"]:
        status, out, err = says(demo, *words)
        assert status == 2 and not out and len(err) == 2 and err[0].startswith(demo + ": ") and err[1].startswith("usage: " + demo), \
            (demo, words, status, out, err)'
}

@test "a full disk is noticed: status 1" {
    programs "$SAYS"'
for demo in demos:
    with open("/dev/full", "wb") as full:
        status, _, err = says(demo, "-h", stdout=full)
    assert status == 1 and len(err) == 1 and err[0].startswith(demo + ": write to standard output: ") and err[0].endswith("(ENOSPC)"), \
        (demo, status, err)'
}

@test "a server whose output cannot be written, or has no reader any more, ends with status 1" {
    programs '
for command in servers:
    full = subprocess.run(command, stdout=open("/dev/full", "wb"), stderr=subprocess.PIPE, timeout=20)
    assert full.returncode == 1 and b"write to standard output: No space left on device (ENOSPC)" in full.stderr, (command, full)
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    line = server.stdout.readline().decode().strip()
    server.stdout.close()
    where = line.removeprefix("listening on ")
    kind = socket.SOCK_DGRAM if "udp_demo" in command[0] else socket.SOCK_STREAM
    for _ in range(2):
        try:
            client = socket.socket(socket.AF_UNIX if "/" in where else socket.AF_INET, kind)
            client.settimeout(10)
            client.connect(where if "/" in where else (where.split(":")[0], int(where.split(":")[1])))
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
        assert server.wait(10) == 1 and b"(EPIPE)" in server.stderr.read(), command
assert not os.path.exists(servers[-1][-1]) # its socket file'
}

# bats test_tags=slow
@test "cc in the folder, without flags, builds it; so does tcc" {
    local demo
    for demo in $("$ROOT/scripts/table" -d); do
        cd "$ROOT/$demo"
        cc "$demo.c" -o "$BATS_TEST_TMPDIR/$demo"
        "$BATS_TEST_TMPDIR/$demo" -h >/dev/null
        ! command -v tcc >/dev/null || tcc -w "$demo.c" -o "$BATS_TEST_TMPDIR/$demo"
        "$BATS_TEST_TMPDIR/$demo" -h >/dev/null
    done
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
def unread(): # a pipe with room for 100 bytes: nobody reads, so the story hangs when it has printed that much
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    os.read(reader, 4096)
    os.set_blocking(writer, True)
    os.write(writer, b"x" * 3900)
    return reader, writer
outputs = unread(), unread()
hangs = subprocess.Popen([story], stdout=outputs[0][1], stderr=subprocess.PIPE)
gone, nobody_reads = os.pipe()
os.close(gone)
unheard = subprocess.Popen([story], stdout=outputs[1][1], stderr=nobody_reads)
stopped = subprocess.Popen([story], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
stopped.send_signal(signal.SIGSTOP)
begun = time.monotonic()
said = hangs.communicate(timeout=20)[1]
assert hangs.returncode == 1 and b"20 s are over; the last call was\n   " in said and b"(" in said, (hangs.returncode, said)
assert unheard.wait(20) == 1
until(lambda: time.monotonic() - begun > 6) # time itself is the matter
stopped.send_signal(signal.SIGCONT)
out, err = stopped.communicate(timeout=20)
assert err == b"" and stopped.returncode == 0, (stopped.returncode, err, out)'
}

@test "the header comment says what, what to watch and what next, in 12 lines" {
    programs '
for demo in demos:
    header = source[demo].partition(" */\n")[0].splitlines()
    assert len(header) <= 13 and header[0].startswith(f"/* {demo} - "), (demo, header)
    for word in "Watch: ", "Next: ":
        assert any(line.startswith(" * " + word) for line in header), (demo, word)'
}

@test "each source and each lesson leads on to the next demo of the list" {
    programs '
for demo, following in zip(demos, demos[1:] + ["exercises"]):
    assert re.search(rf"^ \* Next:   .*{following}", source[demo], re.M), (demo, following)
    assert re.search(rf"^Read next: .*{following}", lesson[demo], re.M), (demo, following)'
}

@test "each lesson asks for a guess, with two or three choices; its tests say what makes which right" {
    programs '
for demo in demos:
    asked = re.findall(r"^Guess before you run: .*?\n\n", lesson[demo], re.M | re.S)
    assert len(asked) == 1 and re.search(r"^Choices: [^;]+(; [^;]+){1,2}\.\n\n\Z", asked[0], re.M), (demo, asked)
    tests = (root / demo / (demo + ".bats")).read_text()
    assert len(re.findall("^# guess: .* -> .*; ", tests, re.M)) == 1, demo'
}

@test "the lesson of each demo holds a transcript" {
    programs '
for demo in demos:
    assert re.search("^\x60\x60\x60console$", lesson[demo], re.M), demo'
}

@test "make help names the targets a user needs" {
    run make -s -C "$ROOT" help
    for target in all demo demo-tcp test lint sanitize clean; do
        grep -q "^make $target " <<<"$output"
    done
}

@test "a binary is built anew when common.h or the flags change, and else not" {
    cd "$BATS_TEST_TMPDIR"
    cp -r "$ROOT"/{Makefile,common.h,scripts,tcp_client} .
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
    cd "$BATS_TEST_TMPDIR"
    cp -r "$ROOT"/{Makefile,common.h,scripts,tcp_client} .
    env -u CFLAGS -u CPPFLAGS -u HARDEN -u LDFLAGS make -s -B tcp_client/tcp_client
    local about
    about=$(readelf -hldsW tcp_client/tcp_client)
    for sign in 'Type: *DYN' 'GNU_RELRO' 'BIND_NOW' '__[a-z]*printf_chk' '__stack_chk_fail'; do
        grep -q "$sign" <<<"$about" || { echo "no sign of $sign" && return 1; }
    done
    run ! grep -q 'GNU_STACK.*RWE' <<<"$about"
}
