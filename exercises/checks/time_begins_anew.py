import contextlib
import time

from harness import Wrong, quoted, word


def begin(lab):
    """(its beginning, the program, we as its server)"""
    listener, port = lab.listener()
    start = time.monotonic()
    program = lab.run(port)
    return start, program, lab.picked_up(listener, port)


def must_print(program, line):
    status = program.must_end("your program ends when it has its line", within=5)
    if program.output.replace(b".", b"") != line or status != 0:
        raise Wrong(f"{quoted(line)} is printed, status 0", f"it printed {quoted(program.output)}, status {status}")


def in_pieces(lab, pause):
    """A line with a pause in it. Once more, if on a busy machine it was too long."""
    for _ in range(5):
        start, program, server = begin(lab)
        line = word() + b"\n"
        server.say(line[:3])
        if pause:
            lab.until(program.ended, within=pause)
        with contextlib.suppress(Wrong):
            server.say(line[3:])
        if time.monotonic() - start < 0.45:
            must_print(program, line)
            return


def too_late(lab, every=5.0, said=b""):
    """We say something now and then, but no line; and after 500 ms it is over."""
    took = 0
    for _ in range(3):  # a busy machine has three tries
        start, program, server = begin(lab)
        program.must_not_spin("while no answer comes", 0.3, 0.15)
        while time.monotonic() - start < 3 and not lab.until(program.ended, within=min(every, 3)):
            with contextlib.suppress(OSError):
                server.sock.send(said)
        took = 1000 * (time.monotonic() - start)
        status = program.must_end('your program says "no answer" and ends', within=0.1)
        if status != 1 or not program.said(b"no answer"):
            raise Wrong('it says "no answer", status 1', f"it printed {quoted(program.told)}, status {status}")
        if took < 470:
            raise Wrong("it waits for 500 ms", f"it gave up after {took:.0f} ms")
        if program.output.count(b".") < 3:
            raise Wrong("it prints a dot every 100 ms", f"it printed {quoted(program.output)} in {took:.0f} ms")
        if took < 900:
            return
    raise Wrong("it waits for 500 ms", f"it waited {took:.0f} ms")


def byte_too_late(lab):
    """When it goes on, a byte is there, and the time has been over for long."""
    _, program, server = begin(lab)
    lab.until(program.ended, within=0.2)
    program.pause()
    with contextlib.suppress(Wrong):  # on a busy machine it may have ended
        server.say(b"x")
    lab.until(program.ended, within=0.6)
    program.resume()
    status = program.must_end("your program ends, though there is no time left to wait", within=3)
    if status != 1 or not program.said(b"no answer"):
        raise Wrong('it says "no answer", status 1', f"it printed {quoted(program.told)}, status {status}")


def check(lab):
    with lab.case("a line is printed"):
        in_pieces(lab, 0)

    with lab.case("no answer: it gives up after 500 ms, with dots until then"):
        too_late(lab)

    with lab.case("a line that takes 250 ms is printed"):
        in_pieces(lab, 0.25)

    with lab.case("a line that comes byte by byte, too slowly: it gives up as well"):
        too_late(lab, 0.1, b"x")

    with lab.case("a byte that comes when the time is over: it gives up as well"):
        byte_too_late(lab)


def bounds(lab):
    with lab.case("nothing is written beyond the end of an array"):
        _, program, server = begin(lab)
        server.say(b"x" * 5000 + b"\n")
        server.close()
        program.must_end("your program ends", within=5)
