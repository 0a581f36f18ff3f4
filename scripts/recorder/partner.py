"""The other side for a program that has none: our own server or client, recorded as well."""
import os
import signal
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Exercises that are clients, or no socket program, and what they are told; the others are servers.
CLIENTS = {"empty_message": ("tcp_server/tcp_server", "127.0.0.1", "8080"),
           "half_close": ("tcp_server/tcp_server", "127.0.0.1", "8080"),
           "time_begins_anew": ("tcp_server/tcp_server", "127.0.0.1", "8080"),
           "first_address_only": ("tcp_server/tcp_server", "127.0.0.1", "8080"),
           "udp_waits_forever": ("udp_demo/udp_demo", "server", "127.0.0.1", "8080")}
WORDS = {"udp_waits_forever": ["8080", "hello"], "icmp_checksum_odd": [], "believes_the_header": [],
         "stale_socket_file": ["socket"], "deletes_users_file": ["socket"], "files_leak": ["socket"]}
SAID = b"hello\nhow are you?\n"


def build(name, folder):
    """Compile exercises/NAME.c into FOLDER; the command line that runs it. Ends us if it cannot be."""
    program = f"{folder}/{name}"
    source = Path(os.environ.get("DIR") or ROOT / "exercises") / f"{name}.c"
    if subprocess.run(["cc", "-O1", "-g", "-w", "-o", program, source.resolve()], check=False).returncode:
        raise SystemExit(1)  # the compiler has said why
    if name == "reliable_udp":  # both ends are the student's
        return ["sh", "-c", '"$0" receive 8080 & exec "$0" send 8080', program]
    return [program, *WORDS.get(name, ["8080"])]


def listening():
    """How our client is told to call who listens here: its words; None while nobody does."""
    for line in table("tcp"):
        if line[3] == "0A":
            return ["tcp_client/tcp_client", "127.0.0.1", str(int(line[1].split(":")[1], 16))]
    for line in table("udp"):
        if line[3] == "07":
            return ["udp_demo/udp_demo", "client", "127.0.0.1", str(int(line[1].split(":")[1], 16))]
    for line in table("unix"):
        if line[3] == "00010000" and len(line) > 7:
            return ["unix_demo/unix_demo", "client", line[7]]
    return None


def table(name):
    """The lines of /proc/net/NAME, as lists of words."""
    try:
        return [line.split() for line in Path("/proc/net", name).read_text(encoding="utf-8").splitlines()[1:]]
    except OSError:
        return []


def serve(words, name, output):
    """Start the server that exercise NAME calls, under WORDS, until it listens; or None."""
    if name not in CLIENTS:
        return None
    server = subprocess.Popen([*words, ROOT / CLIENTS[name][0], *CLIENTS[name][1:]], stdout=output, stderr=output)
    until(listening, 10)
    return server


def call(words, process, output, folder, patience):
    """Call PROCESS, which runs in FOLDER, with our own client once it listens and nobody else has
    called for PATIENCE seconds; then end it as Ctrl-C does. Who does not listen is left alone."""
    until(lambda: process.poll() is not None or listening(), 3600)
    time.sleep(patience)
    if process.poll() is not None or any(line[3] not in ("0A", "07") for line in table("tcp")):
        return
    program, *arguments = listening()
    client = subprocess.Popen([*words, ROOT / program, *arguments], cwd=folder, stdin=subprocess.PIPE, stdout=output, stderr=output)
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
        time.sleep(0.01)
