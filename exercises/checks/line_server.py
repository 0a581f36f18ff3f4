from echo import call_together
from harness import Wrong, word

POINTS = 100


def line(client, length=8):
    said = word(length)
    client.say(said + b"\n")
    client.hear(said.upper() + b"\n")


def pieces(lab):
    client = lab.client(lab.server())
    client.say(b"abc")
    lab.settle()
    client.hear_nothing_more("no answer to half a line")
    client.say(b"de\nfg")
    client.hear(b"ABCDE\n")
    client.say(b"h\ni\nj\n")
    client.hear(b"FGH\nI\nJ\n")
    client.say(b"".join(b"%d\n" % n for n in range(500)))
    client.hear(b"".join(b"%d\n" % n for n in range(500)), "500 answers")


def check(lab):
    with lab.case("a line is answered in upper case", 10):
        client = lab.client(lab.server())
        for _ in range(3):
            line(client)

    with lab.case("lines in pieces, and several at once", 15):
        pieces(lab)

    with lab.case("an empty line, a long one, and one with a byte 0", 10):
        client = lab.client(lab.server())
        for length in 0, 1000, 1, 999:
            line(client, length)
        client.say(b"a\0b\n")
        client.hear(b"A\0B\n")

    with lab.case("a line that is too long is not answered, and hung up on", 10):
        server = lab.server()
        for body in b"x" * 1001 + b"\n", b"x" * 50000:
            client = lab.client(server)
            client.say(body)
            client.hear_no_answer("a client whose line is too long is hung up on")
        line(lab.client(server))

    with lab.case("a line that was not finished is not answered", 10):
        client = lab.client(lab.server())
        client.say(b"abc\nde")
        client.hear(b"ABC\n")
        client.half_close()
        if rest := client.hear_end():
            raise Wrong("no answer to a line that never ended", f"{rest!r} came")

    with lab.case("forty clients at once", 15):
        call_together(lab, b"\n")
        server = lab.server()
        clients = [lab.client(server) for _ in range(2)]
        line(clients[1])
        line(clients[0])
        for _ in range(38):
            clients.append(lab.client(server))
            line(clients[-1])
        for client in clients[::-1]:
            line(client)

    with lab.case("a client that resets its connection harms nobody", 5):
        server = lab.server()
        stays = lab.client(server)
        line(stays)
        for _ in range(10):
            client = lab.client(server)
            client.say(b"x\nhalf a line")
            client.reset()
        line(stays)
        line(lab.client(server))

    with lab.case("a client that reads nothing stops nobody else", 10):
        server = lab.server()
        deaf, other = lab.client(server, small_window=True), lab.client(server)
        line(deaf)
        deaf.fill(b"a" * 999 + b"\n")
        line(other)
        line(lab.client(server))

    with lab.case("nothing is left of clients that came and went", 5):
        server = lab.server()

        def visit():
            client = lab.client(server)
            line(client)
            client.half_close()
            client.hear_end()
            client.close()
        lab.must_stay_the_same(visit)
        server.must_rest("when all clients have left")

    with lab.unkind_kernel(), lab.case("all of that under an unkind kernel", 5):
        pieces(lab)


def bounds(lab):
    with lab.case("nothing is written beyond the end of an array", 5):
        server = lab.server()
        for length in 999, 1000, 1001, 1002, 5000:
            client = lab.client(server)
            client.say(b"y" * length + b"\n")
            lab.settle()
        line(lab.client(server), 1000)
