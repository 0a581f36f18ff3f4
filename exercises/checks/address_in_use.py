from harness import Wrong


def visit(lab, server, number):
    client = lab.client(server)
    client.hear(b"welcome, number %d\n" % number, "the line")
    if rest := client.hear_end():
        raise Wrong("one line, then the end of the stream", f"{rest!r} came after it")
    client.close()


def check(lab):
    with lab.case("it greets its guests and hangs up"):
        server = lab.server()
        for number in 1, 2, 3:
            visit(lab, server, number)

    with lab.case("it can be started again at once, on the same port"):
        server = lab.server()
        visit(lab, server, 1)
        lab.settle()
        server.kill()
        again = lab.server(server.port)
        visit(lab, again, 1)

    with lab.case("it can be started again a second and a third time"):
        port = lab.server().port
        for _ in range(3):
            lab.programs[-1].kill()
            server = lab.server(port)
            visit(lab, server, 1)
            visit(lab, server, 2)

    with lab.case("a port that another server has is refused"):
        first = lab.server()
        second = lab.run(first.port)
        status = second.must_end("a second server on the same port gives up: Address already in use")
        if status == 0 or second.said(b"listening"):
            raise Wrong("the second server gives up, with a status other than 0", f"it ended with status {status}")
        visit(lab, first, 1)
        lab.programs.remove(second)
        first.must_rest("when nobody calls")

    with lab.case("nothing is left of guests that came and went"):
        server = lab.server()
        numbers = iter(range(1, 100))
        lab.must_stay_the_same(lambda: visit(lab, server, next(numbers)))
