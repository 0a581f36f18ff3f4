from harness import Wrong, quoted, unlike, word


def ask(lab, server, sock, name):
    """What the server answers to a datagram."""
    sock.sendto(name, ("127.0.0.1", server.port))
    return lab.datagram(sock, f"an answer to {quoted(name)}")[0]


def greet(lab, server, sock, name):
    got = ask(lab, server, sock, name)
    if got != b"hello, " + name:
        raise Wrong(f"to {quoted(name)}, the answer {quoted(b'hello, ' + name)}", f"{quoted(got)} came")


def greet_long(lab, server, sock, name):
    got = ask(lab, server, sock, name)
    if not got.startswith(b"hello, ") or len(got) < 22 or not (b"hello, " + name).startswith(got):
        raise Wrong(f'to {quoted(name)}, the answer "hello, " and at least 15 bytes of the name',
                    unlike(got, b"hello, " + name))


def all_lengths(lab):
    server, guest = lab.server(), lab.datagrams()
    for length in (*range(15, 35), 63, 64, 65, 127, 128, 129, 1000):
        greet_long(lab, server, guest, word(length))
        greet(lab, server, guest, word(3))


def check(lab):
    with lab.case("a guest is greeted with its name"):
        server, guest = lab.server(), lab.datagrams()
        for length in 3, 8, 1, 15, 0, 2:
            greet(lab, server, guest, word(length))

    with lab.case("a name of 16 bytes harms nobody"):
        server, guest = lab.server(), lab.datagrams()
        greet_long(lab, server, guest, word(16))
        greet(lab, server, guest, word(3))

    with lab.case("names of any length harm nobody"):
        all_lengths(lab)

    with lab.case("nothing is written beyond the end of an array"):
        if lab.rebuilt("-fsanitize=bounds", "-fsanitize-undefined-trap-on-error"):
            all_lengths(lab)
