# `make demo-tcp`, typed in real terminals, in a network of its own where port 8080
# is free.
load bats_helper

NETWORK=("$ROOT/scripts/sandbox")

# in_terminals CODE: Python with pexpect; demo(WORDS) types `make WORDS` in a
# terminal of its own and returns it.
in_terminals() {
    /usr/bin/python3 -c 'import pexpect' || missing "python3-pexpect"
    cat >"$BATS_TEST_TMPDIR/terminals.py" <<END
import os, signal, subprocess, sys, time
import pexpect
ROOT = "$ROOT"
def demo(words="demo-tcp"):
    return pexpect.spawn("make", ["-s", *words.split()], cwd=ROOT, timeout=10,
                         encoding="utf-8", dimensions=(24, 80))
def server(t):
    t.expect_exact("This terminal becomes the server.")
    t.expect(r"listening on \S+:(\d+)\r\n")
    return t.match.group(1)
def client(t):
    t.expect_exact("connected: we are ")
    t.expect_exact("> ")
def talk(t, words):
    t.sendline(words)
    t.expect_exact(words.upper() + "\r\n> ")
def end(t, how=None):
    if how: t.sendcontrol(how)
    t.expect(pexpect.EOF)
    t.close()
    assert "***" not in t.before or how is None, t.before
    return t.exitstatus
def interrupt(t): # make itself dies of the signal, and has nothing to complain about
    end(t, "c")
    assert t.before.endswith("^C"), t.before
$1
END
    need_network
    timeout 60 "${NETWORK[@]}" /usr/bin/python3 "$BATS_TEST_TMPDIR/terminals.py" 3>&-
}

@test "the first terminal is the server, the second a client" {
    in_terminals '
a = demo(); server(a)
b = demo(); client(b); talk(b, "hello")
assert end(b, "d") == 0
a.expect_exact("hung up (end of stream)")
interrupt(a)'
}

@test "a third terminal is a client that waits, and says so" {
    in_terminals '
a = demo(); server(a)
b = demo(); client(b); talk(b, "first")
c = demo(); client(c)
c.sendline("second")
c.expect_exact("is it serving another?")
assert end(b, "d") == 0
c.sendline("again") # what was said meanwhile is answered, too
c.expect_exact("SECONDAGAIN\r\n> ")
assert end(c, "d") == 0
interrupt(a)'
}

@test "typed at the same moment: one server, one client" {
    in_terminals '
for attempt in range(5):
    both = [demo(), demo()]
    roles = [t.expect([r"listening on \S+\r\n", "connected: we are "]) for t in both]
    assert sorted(roles) == [0, 1], roles
    a, b = both if roles == [0, 1] else reversed(both)
    b.expect_exact("> ")
    talk(b, "hello")
    assert end(b, "d") == 0
    interrupt(a)'
}

@test "after kill -9 of the server the next one becomes the server" {
    in_terminals '
a = demo(); server(a)
pids = subprocess.run(["pgrep", "-x", "tcp_server", "-P", subprocess.run(["pgrep", "-P", str(a.pid)], capture_output=True, text=True).stdout.strip()], capture_output=True, text=True).stdout.split()
assert len(pids) == 1, pids
os.kill(int(pids[0]), signal.SIGKILL)
a.expect(pexpect.EOF)
a = demo(); server(a)
b = demo(); client(b); talk(b, "hello")
assert end(b, "d") == 0
interrupt(a)'
}

@test "HOST= and PORT= pass through, and into the words for the second terminal" {
    in_terminals '
a = demo("demo-tcp HOST=127.0.0.2 PORT=9000")
a.expect_exact("make demo-tcp HOST=127.0.0.2 PORT=9000")
a.expect_exact("listening on 127.0.0.2:9000")
b = demo("demo-tcp HOST=127.0.0.2 PORT=9000")
client(b); talk(b, "hello")
a.expect_exact(" says \"hello\"")
assert end(b, "d") == 0
interrupt(a)'
}

@test "HOST and PORT in the environment do not count: csh sets HOST by itself" {
    in_terminals '
os.environ.update(HOST="0.0.0.0", PORT="9000")
a = demo()
a.expect_exact("listening on 127.0.0.1:8080")
b = demo(); client(b); talk(b, "hello")
assert end(b, "d") == 0
interrupt(a)'
}

@test "localhost has two addresses: server and client find each other in every pairing" {
    in_terminals '
for ours, theirs in ("demo-tcp HOST=localhost",) * 2, ("demo-tcp", "demo-tcp HOST=localhost"):
    a = demo(ours); server(a)
    b = demo(theirs); client(b); talk(b, "hello")
    assert end(b, "d") == 0
    interrupt(a)'
}

@test "two users on one machine: the second, who may not look into the server, becomes its client" {
    [ "$(id -u)" -eq 0 ] || missing "root, to be two users"
    need_network
    local house
    house=$(mktemp -d /tmp/dialtone.XXXXXX)
    FOLDERS+=("$house")
    cp -r "$ROOT"/{scripts,tcp_server,tcp_client} "$house"
    chmod -R a+rX "$house"
    # Two users need a network that both are in: a network namespace alone, made by root.
    timeout 60 unshare -n bash -c "ip link set lo up; cd '$house' && python3 - " <<'END' 3>&-
import pexpect
def demo(*user):
    return pexpect.spawn("runuser", ["-u", *user, "--", "sh", "scripts/demo", "tcp"], timeout=10,
                         encoding="utf-8", dimensions=(24, 80))
a = demo("nobody"); a.expect_exact("listening on 127.0.0.1:8080")
b = demo("daemon")
b.expect_exact("this terminal becomes a client"); b.expect_exact("> ")
b.sendline("hello"); b.expect_exact("HELLO")
b.sendcontrol("d"); b.expect(pexpect.EOF)
a.sendcontrol("c"); a.expect(pexpect.EOF)
END
}

@test "where /proc/net is hidden the second terminal still becomes the client" {
    NETWORK=(unshare -Urnmpf bash -c 'mount -t proc -o subset=pid proc /proc && ip link set lo up && exec "$@"' -)
    "${NETWORK[@]}" true || missing "a mount and a pid namespace"
    in_terminals '
assert not os.path.exists("/proc/net")
a = demo(); server(a)
b = demo(); client(b); talk(b, "hello")
assert end(b, "d") == 0
interrupt(a)'
}

@test "demo-tcp-server and demo-tcp-client choose the role" {
    in_terminals '
b = demo("demo-tcp-client")
b.expect_exact("Connection refused (ECONNREFUSED)")
assert end(b) != 0
a = demo("demo-tcp-server")
a.expect_exact("listening on 127.0.0.1:8080")
b = demo("demo-tcp-client"); client(b); talk(b, "hello")
assert end(b, "d") == 0
second = demo("demo-tcp-server")
second.expect_exact("(EADDRINUSE)")
assert end(second) != 0
interrupt(a)'
}

@test "a port that another program has: which one, who, and what to type" {
    in_terminals '
import socket
other = socket.create_server(("127.0.0.1", 8080))
a = demo()
a.expect_exact("bind: Address already in use (EADDRINUSE)")
a.expect_exact("ss -antup")
a.expect_exact("make demo-tcp-client")
a.expect_exact("make demo-tcp PORT=8081")
assert end(a) != 0'
}

@test "HOST is another computer: this terminal becomes the client" {
    in_terminals '
import socket
subprocess.run("ip link add left type veth peer right && ip addr add 10.9.9.1/24 dev left && ip link set left up", shell=True, check=True)
a = demo("demo-tcp HOST=10.9.9.2")
a.expect_exact("(EADDRNOTAVAIL)")
a.expect_exact("This terminal becomes a client of 10.9.9.2 instead.")
a.expect_exact("(EHOSTUNREACH)")
assert end(a) != 0'
}

@test "the menu lists every demo" {
    run make -s -C "$ROOT" demo
    [ "$status" -eq 0 ]
    local demo
    for demo in $("$ROOT/scripts/table" -d); do
        grep -q "^  $demo  *[a-z]" <<<"$output"
    done
    run ! grep -E '.{81}' <<<"$output"
}
