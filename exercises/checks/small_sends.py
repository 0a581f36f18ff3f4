import time

from answer_stays import greet, outlives_a_reset
from harness import Wrong, word


def milliseconds(client, length):
    """The shortest of some answers to names of that LENGTH: on a busy machine a few may take longer."""
    best = 1e9
    for _ in range(8):
        start = time.monotonic()
        greet(client, word(length))
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
            for length in 8, 100, 1:
                client = lab.client(server, lazy=True)
                if (took := milliseconds(client, length)) > 25:
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

    outlives_a_reset(lab)


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
