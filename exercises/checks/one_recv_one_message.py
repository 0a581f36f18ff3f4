from harness import Wrong


def too_long(lab, length):
    server = lab.server()
    client = lab.client(server)
    client.say(b"z" * length)
    client.hear_any_end("a client whose line does not end is hung up on")
    client = lab.client(server)
    client.say(b"abc\n")
    client.hear(b"3\n", "the next client's answer")
    server.must_rest("while a client is silent")


def check(lab):
    with lab.case("a line is answered by its length"):
        client = lab.client(lab.server())
        for length in 5, 1, 127, 0:
            client.say(b"x" * length + b"\n")
            client.hear(b"%d\n" % length)

    with lab.case("two lines that come at once get two answers"):
        client = lab.client(lab.server())
        client.say(b"abc\nde\n")
        client.hear(b"3\n2\n", "the answers")

    with lab.case("half a line now and half of it later get one answer"):
        server = lab.server()
        client = lab.client(server)
        client.say(b"abc")
        lab.settle()
        client.hear_nothing_more("no answer to half a line")
        client.say(b"de\n")
        client.hear(b"5\n")

    with lab.case("a line is answered when it is whole, though the next has begun"):
        client = lab.client(lab.server())
        client.say(b"abcd\nef")
        client.hear(b"4\n")
        client.say(b"g\n")
        client.hear(b"3\n")

    with lab.case("a line that comes one byte at a time gets one answer"):
        server = lab.server()
        client = lab.client(server)
        for byte in b"hello, world\n":
            client.say(bytes([byte]))
            lab.settle()
        client.hear(b"12\n")
        client.hear_nothing_more("one answer to one line")

    with lab.case("a thousand lines at once get a thousand answers"):
        client = lab.client(lab.server())
        lengths = [n * 37 % 128 for n in range(1000)]
        client.say(b"".join(b"y" * n + b"\n" for n in lengths))
        client.half_close()
        got = client.hear_end("a thousand answers, then the end")
        if got != b"".join(b"%d\n" % n for n in lengths):
            right = sum(1 for n, line in zip(lengths, got.split(b"\n")) if line == b"%d" % n)
            raise Wrong("a thousand right answers", f"{right} were right, of {got.count(10)}")

    with lab.case("a line that is too long: the client is hung up on"):
        too_long(lab, 100000)

    with lab.case("nothing is written beyond the end of an array"):
        if lab.rebuilt("-fsanitize=address"):
            too_long(lab, 300)
