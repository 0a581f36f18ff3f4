from harness import Wrong, word


def exchange(lab, given, answer, slowly=False):
    listener, port = lab.listener()
    program = lab.run(port, stdin=given)
    server = lab.picked_up(listener, port)
    heard = server.hear_end("the server hears the end of the stream")
    if heard != given:
        raise Wrong(f"the server hears the {len(given)} bytes of the input",
                    f"it heard {len(heard)} bytes" + ("" if given.startswith(heard) else ", and others"))
    if slowly:
        program.must_rest("while the server is silent")
    server.say(answer[:1])
    lab.settle()
    server.say(answer[1:])
    server.close()
    status = program.must_end("your program ends when the server has hung up")
    if program.output != answer or status != 0:
        raise Wrong(f"the answer of {len(answer)} bytes is printed, status 0",
                    f"{len(program.output)} bytes were printed, status {status}")


def check(lab):
    with lab.case("the server hears the end of the input, and can still answer"):
        exchange(lab, word() + b"\n", word() + b"\n")

    with lab.case("a long input arrives whole"):
        exchange(lab, b"\n".join(word(50) for _ in range(4000)), word(100))

    with lab.case("a long answer is printed whole"):
        exchange(lab, word(), b"\n".join(word(40) for _ in range(5000)))

    with lab.case("no input is an input, too"):
        exchange(lab, b"", word(30), slowly=True)

    with lab.case("a byte 0 is a byte like others"):
        exchange(lab, b"be\0fore and after\n", b"\0an answer\0too\n")


def bounds(lab):
    with lab.case("nothing is written beyond the end of an array"):
        exchange(lab, b"x" * 70000, b"y" * 70000)
