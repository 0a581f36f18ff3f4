from echo import bounds, bytes_like_others, leaves_nothing  # noqa: F401: bounds is a round of its own


def check(lab):
    with lab.case("a client is answered"):
        lab.client(lab.server()).talk(3)

    with lab.case("the next client is served when the first has hung up"):
        server = lab.server()
        first = lab.client(server)
        first.talk()
        first.close()
        lab.settle()
        lab.client(server).talk(what="the next client's answer")
        server.must_use_little(0.2, "two short talks")

    with lab.case("it sleeps when all clients have hung up"):
        server = lab.server()
        for _ in range(3):
            client = lab.client(server)
            client.talk()
            client.close()
        server.must_rest("when all clients have hung up")

    with lab.case("a single byte is no hang-up"):
        client = lab.client(lab.server())
        client.say(b"a")
        client.hear(b"A")
        client.say(b"\0")
        client.hear(b"\0")
        client.talk()

    with lab.case("a client that never said a word may leave as well"):
        server = lab.server()
        lab.client(server).close()
        lab.client(server).talk()
        server.must_rest("when a client is silent")

    bytes_like_others(lab)
    leaves_nothing(lab)
