from echo import bounds, bytes_like_others, leaves_nothing  # noqa: F401: bounds is a round of its own


def check(lab):
    with lab.case("a client is answered"):
        lab.client(lab.server()).talk(3)

    with lab.case("the next client is served after a reset"):
        server = lab.server()
        first = lab.client(server)
        first.talk()
        first.reset()
        lab.settle()
        lab.client(server, "127.0.0.1:{port} takes a call after a client has reset its connection").talk()

    with lab.case("a reset before it was picked up does no harm"):
        server = lab.server()
        first, second = lab.client(server), lab.client(server)
        first.talk()
        second.say(b"nobody will hear this")
        second.reset()
        first.close()
        lab.client(server).talk()

    with lab.case("a client that goes without reading its answer does no harm"):
        server = lab.server()
        client = lab.client(server)
        client.say(b"x" * 1000)
        client.wait_for_bytes(1)
        client.close()  # bytes are unread: the kernel sends a reset
        lab.client(server).talk()

    with lab.case("a client that is gone before it is answered does no harm"):
        server = lab.server()
        server.pause()
        client = lab.client(server)
        client.say(b"is anybody there?")
        client.vanish()
        server.resume()
        lab.client(server).talk()

    with lab.case("a hundred resets do no harm"):
        server = lab.server()
        for _ in range(100):
            client = lab.client(server)
            client.talk()
            client.reset()
        lab.client(server).talk()
        server.must_rest("when a client is silent")

    with lab.case("nothing is left of a client that reset its connection"):
        server = lab.server()

        def visit():
            client = lab.client(server)
            client.talk()
            client.reset()
        lab.must_stay_the_same(visit)

    bytes_like_others(lab)
    leaves_nothing(lab)
