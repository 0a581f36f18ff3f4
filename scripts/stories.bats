# What is promised of every story, tried on every one.
load bats_helper

@test "each story keeps its promise: status 0, no complaint, 80 columns, no escape sequence in a pipe" {
    programs '
running = [(story, subprocess.Popen([path(story)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)) for story in stories]
for story, process in running:
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, ""), (story, process.returncode, err)
    wrong = [line for line in out.splitlines() if len(line) > 80 or "\33" in line]
    assert out and not wrong, (story, wrong)'
}

# bats test_tags=slow,witness
@test "each story tells the truth: the recorder saw each call that it prints" {
    command -v strace >/dev/null || missing strace
    # Its calls are enough here: no segments (RECORD_HERE), no states (-n). Each in a network of its own, if that
    # can be: tcp_close reads the list of all connections, and another test may have 10,000. Under strace, on a
    # busy machine, a story about time may find that it was too slow.
    export RECORD_HERE=0 WHERE=$ROOT/scripts/sandbox
    "$WHERE" true 2>/dev/null || WHERE='env'
    programs '
import concurrent.futures, json
def told(story):
    record = f"{sys.argv[2]}/{story}.json"
    for _ in range(5):
        subprocess.run([os.environ["WHERE"], root / "scripts/record", "-n", "-o", record, "demo", story], check=True, timeout=60)
        if json.loads(pathlib.Path(record).read_text())["status"] == 0:
            break
    return subprocess.run([root / "scripts/show", "witness", record], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
with concurrent.futures.ThreadPoolExecutor(2 * os.cpu_count()) as pool:
    for story, witness in zip(stories, pool.map(told, stories)):
        assert witness.returncode == 0 and "calls agree" in witness.stdout, (story, witness.stdout)'
}

# bats test_tags=slow
@test "each story lives beside neighbours that have two of three ports" {
    need_network
    programs '
crowded = """
import socket, subprocess, sys
with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as file:
    file.write("36600 37199")
held = [socket.socket(socket.AF_INET, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM) for _ in range(400)]
for at, neighbour in enumerate(held):
    neighbour.bind(("127.0.0.1", 36600 + at % 400 * 3 // 2))
    if neighbour.type == socket.SOCK_STREAM: neighbour.listen()
running = [(path, subprocess.Popen([path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
           for path in sys.argv[1:] for _ in range(4)]
for path, process in running:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, (path, out)
"""
subprocess.run([root / "scripts/sandbox", "/usr/bin/python3", "-IS", "-c", crowded, *map(path, stories)], check=True)'
}
