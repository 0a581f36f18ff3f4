from echo import bounds, bytes_like_others, leaves_nothing  # noqa: F401: bounds is a round of its own


def check(lab):
    with lab.case("the first client is answered"):
        lab.client(lab.server()).talk(3)

    with lab.case("the second client is answered, after the first has left"):
        server = lab.server()
        first = lab.client(server)
        first.talk()
        first.close()
        lab.settle()
        second = lab.client(server, "127.0.0.1:{port} takes a second call, after the first")
        second.talk(what="the second client's answer")

    with lab.case("twenty clients are served in turn"):
        server = lab.server()
        for _ in range(20):
            client = lab.client(server)
            client.talk()
            client.close()
            lab.settle()

    with lab.case("it hangs up when the client has"):
        server = lab.server()
        client = lab.client(server)
        client.talk()
        client.half_close()
        client.hear_end()

    with lab.case("a client that slams the door is not the last one"):
        server = lab.server()
        client = lab.client(server)
        client.talk()
        client.reset()
        lab.client(server).talk()
        server.must_rest("when a client is silent")

    bytes_like_others(lab)
    leaves_nothing(lab)
