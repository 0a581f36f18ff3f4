from harness import Wrong, quoted, word


def ask(lab, server, sock, said, who="an answer"):
    sock.sendto(said, ("127.0.0.1", server.port))
    got, sender = lab.datagram(sock, f"{who} to {quoted(said)}")
    if got != said.upper():
        raise Wrong(f"{who} {quoted(said.upper())}", f"{quoted(got)} came")
    if sender != ("127.0.0.1", server.port):
        raise Wrong("the answer comes from the server's own port", f"it came from port {sender[1]}")


def check(lab):
    with lab.case("a client is answered"):
        server, client = lab.server(), lab.datagrams()
        for _ in range(3):
            ask(lab, server, client, word())

    with lab.case("a second client gets its own answer"):
        server, first, second = lab.server(), lab.datagrams(), lab.datagrams()
        ask(lab, server, first, word(), "the first client's answer")
        ask(lab, server, second, word(), "the second client's answer")
        ask(lab, server, first, word(), "the first client's answer")

    with lab.case("many clients, in any order"):
        server = lab.server()
        clients = [lab.datagrams() for _ in range(20)]
        for client in clients + clients[::-1] + clients[::3]:
            ask(lab, server, client, word())

    with lab.case("clients that all speak before the first answer"):
        server = lab.server()
        clients = [lab.datagrams() for _ in range(10)]
        server.pause()
        words = [word() for _ in clients]
        for client, said in zip(clients, words):
            client.sendto(said, ("127.0.0.1", server.port))
        server.resume()
        for client, said in zip(clients, words):
            got = lab.datagram(client, f"an answer to {quoted(said)}")[0]
            if got != said.upper():
                raise Wrong(f"the answer {quoted(said.upper())}", f"{quoted(got)} came")

    with lab.case("an empty datagram is answered by an empty one"):
        server, client = lab.server(), lab.datagrams()
        for said in word(), b"", word(), b"":
            ask(lab, server, client, said)
        server.must_rest("when nobody speaks")

    with lab.case("a byte 0 is a byte like others"):
        server, client = lab.server(), lab.datagrams()
        ask(lab, server, client, b"be\0fore and after\0")


def bounds(lab):
    with lab.case("nothing is written beyond the end of an array"):
        server, client = lab.server(), lab.datagrams()
        for length in 1, 100, 512, 1000:
            ask(lab, server, client, word(length))
        for length in 1024, 1025, 2048, 4096, 9000:  # may be cut
            client.sendto(b"y" * length, ("127.0.0.1", server.port))
            lab.datagram(client, "an answer, cut or whole")
        ask(lab, server, client, word())
