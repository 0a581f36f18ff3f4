"""The other side for a program that has none: our own server or client, recorded as well."""
import os
import signal
import subprocess
import time
from pathlib import Path

from .network import address, table

ROOT = Path(__file__).resolve().parent.parent.parent
# Exercises that are clients, with the server that they call; the rest are servers, or call nobody.
CLIENTS = {"udp_waits_forever": ["udp_demo/udp_demo", "server"]} | dict.fromkeys(
    ["empty_message", "half_close", "time_begins_anew", "first_address_only"], ["tcp_server/tcp_server"])
# What they are told on the command line, if it is not a port.
WORDS = {"udp_waits_forever": ["8080", "hello"], "icmp_checksum_odd": [], "believes_the_header": [],
         "traceroute": ["127.0.0.1"], "stale_socket_file": ["socket"], "deletes_users_file": ["socket"],
         "files_leak": ["socket"]}
SAID = b"hello\nhow are you?\n"


def build(name, folder):
    """Compile exercises/NAME.c into FOLDER; the command line that runs it. Ends us if it cannot be."""
    source = Path(os.environ.get("DIR") or ROOT / "exercises") / f"{name}.c"
    if subprocess.run(["cc", "-O1", "-g", "-w", "-o", f"{folder}/{name}", source.resolve()], check=False).returncode:
        raise SystemExit(1)  # the compiler has said why
    if name == "reliable_udp":  # both ends are the student's
        return ["sh", "-c", '"$0" receive 8080 & exec "$0" send 8080', f"{folder}/{name}"]
    return [f"{folder}/{name}", *WORDS.get(name, ["8080"])]


def listening():
    """How our client is told to call who listens here: its words; None while nobody does."""
    for name, state, client in ("tcp", "0A", ["tcp_client/tcp_client"]), ("udp", "07", ["udp_demo/udp_demo", "client"]):
        for line in map(str.split, table(name, name + "6")):
            host, _, port = address(line[1]).rpartition(":")
            if line[3] == state and (name == "tcp" or int(port) < 32768):  # above: the kernel chose it, for a client
                return [ROOT / client[0], *client[1:], host.strip("[]"), port]
    for line in (line.split(maxsplit=7) for line in table("unix")):
        if line[3:5] == ["00010000", "0001"] and len(line) > 7 and line[7][0] != "@":  # that one it cannot call
            return [ROOT / "unix_demo/unix_demo", "client", line[7]]
    return None


def serve(words, name, output):
    """Start the server that exercise NAME calls, under WORDS, until it listens; or None."""
    if name not in CLIENTS:
        return None
    server, *rest = CLIENTS[name]
    process = subprocess.Popen([*words, ROOT / server, *rest, "127.0.0.1", "8080"], stdout=output, stderr=output)
    until(listening, 10)
    return process


def call(words, process, output, folder, patience):
    """Call PROCESS, which runs in FOLDER (None: in ours), with our own client once it listens and nobody else has
    called for PATIENCE seconds; then end it as Ctrl-C does. Who does not listen is left alone."""
    until(lambda: process.poll() is not None or listening(), 3600 if patience else 5)
    until(lambda: process.poll() is not None, patience)
    called = listening()
    busy = any(line.split()[3] != "0A" for line in table("tcp", "tcp6")) or \
        any(int(line.split()[1][-4:], 16) >= 32768 for line in table("udp", "udp6")) or \
        any(line.split()[5:6] == ["03"] and line.split()[7:] for line in table("unix"))
    if process.poll() is not None or not called or busy:
        return
    client = subprocess.Popen([*words, *called], cwd=folder, stdin=subprocess.PIPE, stdout=output, stderr=output)
    try:
        client.communicate(SAID, timeout=8)
    except subprocess.TimeoutExpired:
        client.kill()
    end(process)


def end(process):
    """Ctrl-C; and what does not obey is killed."""
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGKILL:
        if process and process.poll() is None:
            process.send_signal(number)
            until(lambda: process.poll() is not None, 2)


def until(condition, seconds):
    """Wait for CONDITION, so many seconds at most."""
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.005)


def reap(seconds):
    """Wait, so many seconds at most, for all that a program has started, and strace, which runs beside it: they are
    our children once their own parent has ended, for we are a subreaper, see prctl(2). Then kill what is left."""
    def none_left():
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        return False
    until(none_left, seconds)
    while not none_left():
        for child in Path("/proc/self/task", str(os.getpid()), "children").read_text(encoding="ascii").split():
            os.kill(int(child), signal.SIGKILL)
        time.sleep(0.005)
