from echo import bytes_like_others, call_together, everybody_at_once, leave_together, leaves_nothing
from echo import many_at_once as bounds  # noqa: F401: a round of its own


def check(lab):
    with lab.case("a client is answered, as often as it speaks"):
        lab.client(lab.server()).talk(3)

    with lab.case("a second client is answered while the first is silent"):
        server = lab.server()
        first, second = lab.client(server), lab.client(server)
        first.talk()
        second.talk(2, "the second client's answer")
        first.talk(2, "the first client's answer")
        server.must_rest("while two clients are silent")

    with lab.case("it rests when clients have left"):
        server = lab.server()
        clients = [lab.client(server) for _ in range(4)]
        for client in clients:
            client.talk()
        clients[0].close()
        clients[2].reset()
        clients[3].half_close()
        clients[3].hear_end()
        clients[1].talk()
        server.must_rest("while one client is silent and others have left")

    with lab.case("forty clients at once, each in any order"):
        server = lab.server()
        clients = []
        for _ in range(40):
            clients.append(lab.client(server))
            clients[-1].talk()
        for client in clients[::-1] + clients[::2]:
            client.talk()

    with lab.case("clients that call at the same time are all answered"):
        call_together(lab)

    everybody_at_once(lab)
    bytes_like_others(lab)
    leaves_nothing(lab)
    leave_together(lab)

    with lab.case("a hundred clients come and go"):
        server = lab.server()
        stays = lab.client(server)
        for _ in range(100):
            client = lab.client(server)
            client.talk()
            client.close()
        stays.talk()
        server.must_rest("while one client is silent")
