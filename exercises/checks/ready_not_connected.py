import socket

from harness import Wrong, quoted


def must_say(lab, *expected, meanwhile=None):
    """The program says of these ports what is expected."""
    program = lab.run(*(port for port, _ in expected))
    if meanwhile:
        program.must_not_spin("while there is no answer", 0.3, 0.15)
        meanwhile()
    status = program.must_end("your program ends when it has said all", within=6)
    lines = [line.decode("ascii", "replace") for line in program.output.splitlines()]
    for line, (port, state) in zip([*lines, *[""] * len(expected)], expected):
        if line != f"{port} {state}":
            raise Wrong(f'the line "{port} {state}"', f"it printed {quoted(line.encode())}")
    if len(lines) != len(expected) or status != 0:
        raise Wrong(f"{len(expected)} lines, status 0", f"there were {len(lines)} lines, status {status}")


def busy(lab):
    """A listener at which so many wait to be picked up that the next one has no answer."""
    listener = lab.adopt(socket.create_server(("127.0.0.1", 0), backlog=0))
    lab.tell("s = create_server(('127.0.0.1', 8080), backlog=0)")
    lab.tell("c = create_connection(('127.0.0.1', 8080))")
    lab.adopt(socket.create_connection(listener.getsockname()))
    return listener


def check(lab):
    with lab.case("somebody listens: open"):
        must_say(lab, (lab.listener()[1], "open"))

    with lab.case("nobody listens: closed"):
        must_say(lab, (lab.free_port(), "closed"))

    with lab.case("nobody picks up: no answer"):
        closed, called = lab.free_port(), busy(lab).getsockname()[1]
        must_say(lab, (closed, "closed"), (called, "no answer"), (lab.listener()[1], "open"))

    if not lab.unkind:
        with lab.case("nobody picks up, and then nobody listens: closed"):
            listener = busy(lab)
            must_say(lab, (listener.getsockname()[1], "closed"), meanwhile=listener.close)

    with lab.case("300 ports"):
        must_say(lab, *[(lab.free_port(), "closed")] * 299, (lab.listener()[1], "open"))
