import contextlib

from harness import Wrong


def too_long(lab, length, ends=False):
    server = lab.server()
    client = lab.client(server)
    client.say(b"z" * length)
    if ends:  # a program that has room for more may wait for this
        lab.settle()
        with contextlib.suppress(Wrong):  # or it has hung up already
            client.say(b"\n")
    client.hear_any_end("a client whose line is too long is hung up on")
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

    with lab.case("a line that is too long by one byte is not answered"):
        client = lab.client(lab.server())
        client.say(b"abc\n")
        client.hear(b"3\n")
        client.say(b"z" * 128 + b"\n")
        client.hear_no_answer("a line of 128 bytes is too long: the client is hung up on")

    with lab.case("a byte 0 is a byte like others"):
        client = lab.client(lab.server())
        client.say(b"a\0b\n")
        client.hear(b"3\n", "the answer to a, a byte 0, and b:")
        client.say(b"\0\n")
        client.hear(b"1\n")

    with lab.case("a line that was not finished is not answered"):
        client = lab.client(lab.server())
        client.say(b"abc\nde")
        client.hear(b"3\n")
        client.half_close()
        if rest := client.hear_end("the end of the stream"):
            raise Wrong("no answer to a line that never ended", f"{rest!r} came")

    with lab.case("what one client left unfinished is not the next one's"):
        server = lab.server()
        for ending in b"unfinished", b"x" * 300:
            first = lab.client(server)
            first.say(b"abc\n")
            first.hear(b"3\n")
            first.say(ending)
            lab.settle()
            first.close()
            lab.settle()
            second = lab.client(server)
            second.say(b"de\n")
            second.hear(b"2\n", "the next client's answer")
            second.close()

    with lab.case("nothing is left of clients that came and went"):
        server = lab.server()

        def visit():
            client = lab.client(server)
            client.say(b"ab\n")
            client.hear(b"2\n")
            client.half_close()
            client.hear_end("your program hangs up when its client has")
            client.close()
        lab.must_stay_the_same(visit)


def bounds(lab):
    with lab.case("nothing is written beyond the end of an array"):
        for length in 128, 129, 300:
            too_long(lab, length, ends=True)
