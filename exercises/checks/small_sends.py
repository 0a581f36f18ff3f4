import time

from harness import Wrong, word


def greet(client, name):
    client.say(name + b"\n")
    client.hear(b"hello, " + name + b"\n")


def milliseconds(client):
    """The shortest of some answers: on a busy machine a few may take longer."""
    best = 1e9
    for _ in range(8):
        start = time.monotonic()
        greet(client, word())
        best = min(best, 1000 * (time.monotonic() - start))
    return best


def check(lab):
    with lab.case("a name is answered"):
        client = lab.client(lab.server())
        for length in 3, 100, 1, 0:
            greet(client, word(length))
        client.say(b"ada\nbob\n")
        client.hear(b"hello, ada\nhello, bob\n")

    if not lab.unkind:  # there, one send becomes several
        with lab.case("no answer waits for an ACK"):
            server = lab.server()
            for _ in range(3):
                client = lab.client(server, lazy=True)
                if (took := milliseconds(client)) > 25:
                    raise Wrong("an answer leaves at once, though the client's ACKs come 40 ms later",
                                f"it took {took:.0f} ms, each time")
                client.close()

    with lab.case("it hangs up when the client has, and nothing is left"):
        server = lab.server()

        def visit():
            client = lab.client(server)
            greet(client, word())
            client.half_close()
            client.hear_end()
            client.close()
        lab.must_stay_the_same(visit)

    with lab.case("a client that slams the door is not the last one"):
        server = lab.server()
        client = lab.client(server)
        greet(client, word())
        client.reset()
        greet(lab.client(server), word())


def bounds(lab):
    with lab.case("nothing is written beyond the end of an array"):
        server = lab.server()
        client = lab.client(server)
        for length in 99, 100:
            greet(client, word(length))
        client.say(b"x" * 5000 + b"\n")  # too long: whatever comes
        lab.settle()
        client.close()
        greet(lab.client(server), word())
