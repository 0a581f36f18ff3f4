from harness import word

POINTS = 100
KEPT = 200 * 1000    # bytes, below the 256 KiB that are to be kept
SEGMENT = 536        # bytes; with segments as small, the kernel itself keeps little


def join(lab, server, count=2, **how):
    """New clients; the server has picked them up: else it may not know them yet."""
    clients = [lab.client(server, **how) for _ in range(count)]
    lab.settle()
    return clients


def tell(client, others, line):
    client.say(line + b"\n")
    for other in others:
        other.hear(line + b"\n", "the line")


def tell_much(client, other, size):
    """So many bytes, in lines of 1000, as fast as the other hears them; all of them."""
    said = b""
    while len(said) < size:
        part = b"".join(word() + b"." * 991 + b"\n" for _ in range(20))
        client.say(part)
        other.hear(part, "20 lines")
        said += part
    return said


def pieces(lab):
    server = lab.server()
    (first, second, third), (a, b, c) = join(lab, server, 3), (word(), word(), word())
    first.say(a)
    lab.settle()
    second.say(b)
    lab.settle()
    second.say(c + b"\n" + a)
    third.hear(b + c + b"\n", "the line of the client that ended it first")
    first.say(b"\n")
    third.hear(a + b"\n", "the line that came in two pieces")
    first.hear(b + c + b"\n", "the others' line")
    second.hear(a + b"\n", "the others' line")
    first.say(b"".join(b"%d\n" % n for n in range(500)))
    third.hear(b"".join(b"%d\n" % n for n in range(500)), "500 lines")


def deaf_one(lab, server):
    return join(lab, server, 1, small_window=True, segment=SEGMENT)[0]


def check(lab):
    with lab.case("a line goes to all other clients, and not back", 10):
        clients = join(lab, lab.server(), 3)
        for client in (*clients, *clients):  # who hears itself does not hear the next line then
            tell(client, [other for other in clients if other is not client], word())

    with lab.case("lines in pieces, and several at once", 15):
        pieces(lab)

    with lab.case("an empty line, a long one, one with a byte 0, and one that is too long", 10):
        server = lab.server()
        first, second = join(lab, server)
        for line in b"", word(1000), word(1), word(999), b"a\0b":
            tell(first, [second], line)
        for client, body in zip(join(lab, server), (b"x" * 1001 + b"\n", b"x" * 50000)):
            client.say(body)
            client.hear_any_end("a client whose line is too long is hung up on")
        tell(first, [second], word())

    with lab.case("a line that was not finished is not heard", 5):
        server = lab.server()
        first, second, third = join(lab, server, 3)
        third.say(b"abc\nde")
        second.hear(b"abc\n", "the line")
        third.half_close()
        third.hear_end()
        first.hear(b"abc\n", "the line")
        tell(first, [second], b"f")

    with lab.case("forty clients at once", 5):
        server = lab.server()
        clients = join(lab, server, 40)
        for turn in 0, 20, 39:
            tell(clients[turn], clients[:turn] + clients[turn + 1:], word())

    with lab.case("a client that resets its connection harms nobody", 5):
        server = lab.server()
        first, second = join(lab, server)
        for _ in range(3):
            for client in join(lab, server, 4):
                client.say(b"half a line")
                client.reset()
            tell(first, [second], word())
            tell(second, [first], word())
        third = join(lab, server, 1)[0]
        server.pause()
        first.say(b"a\n")
        third.vanish()
        server.resume()
        second.hear(b"a\n", "the line")
        tell(second, [first], word())

    with lab.case("a client that reads nothing stops nobody else", 15):
        server = lab.server()
        first, second = join(lab, server)
        deaf_one(lab, server)
        tell_much(first, second, 2 * KEPT)
        tell(second, [first], word())
        third = join(lab, server, 1)[0]
        tell(first, [second, third], word())
        third.leave()
        deaf = deaf_one(lab, server)
        tell_much(first, second, KEPT)
        server.pause()
        deaf.vanish()  # while something waits for it
        server.resume()
        tell(first, [second], word())

    with lab.case("what a client has not read waits for it", 10):
        server = lab.server()
        first, second = join(lab, server)
        deaf = deaf_one(lab, server)
        deaf.hear(tell_much(first, second, KEPT), f"all {KEPT} bytes that were said,")
        tell(second, [first, deaf], word())
        tell(deaf, [first, second], word())

    with lab.case("a client for whom too much waits is hung up on", 5):
        server = lab.server()
        first, second = join(lab, server)
        deaf = deaf_one(lab, server)
        tell_much(first, second, 3 * KEPT)
        deaf.hear_any_end(f"a client that has not read {3 * KEPT >> 10} KiB is hung up on")
        tell(second, [first], word())

    with lab.case("the server sleeps while nothing happens", 5):
        server = lab.server()
        first, second = join(lab, server)
        tell(first, [second], word())
        server.must_rest("when everything is said")
        deaf_one(lab, server)
        tell_much(first, second, KEPT)
        server.must_rest("while something waits for a client that does not read")

    with lab.case("nothing is left of clients that came and went", 5):
        server = lab.server()
        first = join(lab, server, 1)[0]

        def visit():
            client, deaf = join(lab, server, 1)[0], deaf_one(lab, server)
            tell(client, [first], word())
            deaf.leave()
            client.half_close()
            client.hear_end()
            client.close()
        lab.must_stay_the_same(visit)
        server.must_rest("when all others have left")

    with lab.unkind_kernel(), lab.case("all of that under an unkind kernel", 5):
        pieces(lab)


def bounds(lab):
    with lab.case("nothing is written beyond the end of an array", 5):
        server = lab.server()
        first, second = join(lab, server)
        for length in 1000, 1001, 1002, 5000:
            client = join(lab, server, 1)[0]
            client.say(b"y" * length + b"\n")
            lab.settle()
        for client in first, second:
            client.hear(b"y" * 1000 + b"\n", "the line")
        deaf_one(lab, server)
        tell_much(first, second, 2 * KEPT)
