from harness import Peer, Wrong

EXPECTED = b"".join(b"%63d\n" % n for n in range(16 * 1024 * 1024 // 64))


def compare(got):
    if got == EXPECTED:
        return
    if EXPECTED.startswith(got):
        raise Wrong(f"{len(EXPECTED)} bytes, then the end of the stream",
                    f"{len(got)} bytes came, and then the end of the stream")
    same = next(n for n in range(len(got)) if got[n:n + 1] != EXPECTED[n:n + 1])
    raise Wrong(f"{len(EXPECTED)} bytes, once and in order",
                f"{len(got)} bytes came, and from byte {same} on they are not what should have come")


def slow(lab, server):
    """A client that reads nothing until the server has been woken by some ticks."""
    client = lab.client(server)
    client.wait_for_bytes(30000)
    before = server.wake_ups()
    lab.until(lambda: server.wake_ups() >= before + 8)  # or sleeps through them, as is its right
    server.must_not_spin("while its client does not read", 0.4, 0.15)
    return client


def check(lab):
    with lab.case("a client that reads slowly gets all of it"):
        server = lab.server()
        compare(slow(lab, server).hear_end())

    with lab.case("a client that reads at once gets all of it"):
        compare(lab.client(lab.server()).hear_end())

    with lab.case("a client that leaves in the middle does no harm"):
        server = lab.server()
        for leave in Peer.reset, Peer.vanish:
            leave(slow(lab, server))
            client = lab.client(server)
            client.hear(EXPECTED[:1 << 20], "the next client's first MiB")
            client.reset()

    with lab.case("nothing is left of clients that came and went"):
        server = lab.server()

        def visit():
            client = lab.client(server)
            client.hear(EXPECTED[:64], "the first line")
            client.reset()
        lab.must_stay_the_same(visit)
