from harness import Wrong, quoted, unlike, word


def ask(lab, server, sock, name):
    """What the server answers to a datagram."""
    sock.sendto(name, ("127.0.0.1", server.port))
    return lab.datagram(sock, f"an answer to {quoted(name)}")[0]


def greet(lab, server, sock, name):
    got = ask(lab, server, sock, name)
    if got != b"hello, " + name:
        raise Wrong(f"to {quoted(name)}, the answer {quoted(b'hello, ' + name)}", unlike(got, b"hello, " + name))


def check(lab):
    with lab.case("a guest is greeted with its name"):
        server, guest = lab.server(), lab.datagrams()
        greet(lab, server, guest, word())

    with lab.case("a short name after a long one"):
        server, guest = lab.server(), lab.datagrams()
        for length in 9, 3, 12, 1:
            greet(lab, server, guest, word(length))

    with lab.case("an empty name after a long one, and what follows"):
        server, guest = lab.server(), lab.datagrams()
        for length in 20, 0, 5, 0:
            greet(lab, server, guest, word(length))

    with lab.case("the longest name, and then a short one"):
        server, guest = lab.server(), lab.datagrams()
        for length in 63, 62, 2, 63, 10:
            greet(lab, server, guest, word(length))
        server.must_rest("when no guest comes")


def bounds(lab):
    with lab.case("nothing is written beyond the end of an array"):
        server, guest = lab.server(), lab.datagrams()
        for length in 63, 0, 63, 1:
            greet(lab, server, guest, word(length))
        for length in 64, 65, 128, 1000:  # more than it must take
            guest.sendto(word(length), ("127.0.0.1", server.port))
            lab.settle()
            server.must_live("after a name that is too long")
