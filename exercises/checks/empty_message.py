from harness import Wrong, quoted, word


def talk_of(lab, lines, slowly=False):
    """The program is told these lines; we are the server. What it printed."""
    listener, port = lab.listener()
    program = lab.run(port, stdin=b"".join(line + b"\n" for line in lines))
    server = lab.picked_up(listener, port)
    for line in filter(None, lines):
        server.hear(line, "your program sends the line")
        if slowly:
            program.must_rest("while the server is silent")
            slowly = False
        for byte in line.upper():
            server.say(bytes([byte]))
    if rest := server.hear_end("after the last line, your program hangs up"):
        raise Wrong("nothing but the lines is sent", f"{rest!r} was sent as well")
    status = program.must_end("your program ends at the end of its input")
    if status != 0:
        raise Wrong("status 0 at the end", f"status {status}")
    return program.output


def check(lab):
    with lab.case("each line is sent, its answer printed"):
        lines = [word(5), word(20), b"x"]
        said = talk_of(lab, lines, slowly=True)
        if said != b"".join(line.upper() + b"\n" for line in lines):
            raise Wrong("the three answers are printed", f"something else was printed: {quoted(said)}")

    with lab.case("the line after an empty one is sent and answered"):
        talk_of(lab, [word(), b"", word()])

    with lab.case("nothing is printed for empty lines"):
        lines = [b"", word(), b"", b"", word(3), b""]
        said = talk_of(lab, lines)
        if said != b"".join(line.upper() + b"\n" for line in lines if line):
            raise Wrong("two answers are printed, and nothing else", f"something else was printed: {quoted(said)}")

    with lab.case("a line of spaces is a message like others"):
        talk_of(lab, [b"   ", b"", b" "])


def bounds(lab):
    with lab.case("nothing is written beyond the end of an array"):
        talk_of(lab, [word(3), b"", word(200), word(40)])
