from echo import bounds, leave_together, leaves_nothing  # noqa: F401: bounds is a round of its own


def check(lab):
    with lab.case("a client is answered, as often as it speaks"):
        lab.client(lab.server()).talk(3)

    with lab.case("a second client is answered while the first is silent"):
        server = lab.server()
        first, second = lab.client(server), lab.client(server)
        first.talk()
        second.talk(2, "the second client's answer")
        first.talk()

    with lab.case("it hangs up when the client has"):
        client = lab.client(lab.server())
        client.talk()
        client.half_close()
        client.hear_end()

    leaves_nothing(lab)
    leave_together(lab)

    with lab.case("it rests when clients have left"):
        server = lab.server()
        for _ in range(5):
            client = lab.client(server)
            client.talk()
            client.close()
        server.must_rest("when all clients have left")
        lab.client(server).talk()
