from harness import word


def greet(client, name):
    client.say(name + b"\n")
    client.hear(b"hello, " + name + b"\n")


def outlives_a_reset(lab):
    with lab.case("a client that slams the door is not the last one"):
        server = lab.server()
        client = lab.client(server)
        greet(client, word())
        client.reset()
        client = lab.client(server)
        greet(client, word())
        client.close()
        server.pause()
        client = lab.client(server)
        client.say(b"ada\n" * 20)
        client.close()  # its first answer will be reset
        server.resume()
        greet(lab.client(server), word())


def check(lab):
    with lab.case("a name is answered at once"):
        greet(lab.client(lab.server()), word())

    with lab.case("one name after another, and several at once"):
        client = lab.client(lab.server())
        for length in 3, 100, 1:
            greet(client, word(length))
        client.say(b"ada\nbob\n")
        client.hear(b"hello, ada\nhello, bob\n")

    with lab.case("it hangs up when the client has, and serves the next"):
        server = lab.server()
        for _ in range(2):
            client = lab.client(server)
            greet(client, word())
            client.half_close()
            client.hear_end()

    outlives_a_reset(lab)

    with lab.case("nothing is left of clients that came and went"):
        server = lab.server()

        def visit():
            client = lab.client(server)
            greet(client, word())
            client.half_close()
            client.hear_end()
            client.close()
        lab.must_stay_the_same(visit)
