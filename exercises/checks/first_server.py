from echo import bounds, bytes_like_others, leaves_nothing  # noqa: F401: bounds is a round of its own
from harness import Wrong


def check(lab):
    with lab.case("it says where it listens"):
        lab.server()

    with lab.case("it listens where it was told to"):
        port = lab.free_port()
        lab.client(lab.server(port))

    with lab.case("a client is answered, as often as it speaks"):
        client = lab.client(lab.server())
        lab.settle()
        client.talk(3)

    with lab.case("it hangs up when the client has"):
        server = lab.server()
        client = lab.client(server)
        client.talk()
        client.half_close()
        if rest := client.hear_end():
            raise Wrong("after the end of the stream nothing more", f"{rest!r} came")

    with lab.case("one client after another is served"):
        server = lab.server()
        for _ in range(5):
            client = lab.client(server)
            client.talk(2)
            client.close()
        server.must_rest("when all clients have left")

    bytes_like_others(lab)
    leaves_nothing(lab)

    with lab.case("a port that another server has is refused"):
        first = lab.server()
        second = lab.run(first.port)
        status = second.must_end("a second server on the same port gives up: bind fails")
        if status == 0 or second.said(b"listening"):
            raise Wrong("the second server gives up, with a status other than 0: err(1, \"bind\")",
                        f"it ended with status {status}")
