"""What is demanded of every TCP server that answers in upper case."""
import socket

from harness import Wrong, family, stat_of, word, zombies


def bytes_like_others(lab):
    with lab.case("a byte 0 is a byte like others, and so is a newline"):
        client = lab.client(lab.server())
        client.talk(said=b"\n")
        client.talk(said=b"two\nlines\n")
        client.talk(said=b"be\0fore and after\0")
        client.talk()


def leaves_nothing(lab):
    """Neither descriptors nor children."""
    with lab.case("nothing is left of clients that came and went"):
        server = lab.server()

        def visit():
            client = lab.client(server)
            client.talk()
            client.half_close()
            client.hear_end("your program hangs up when its client has")
            client.close()
        lab.must_stay_the_same(visit)
        server.must_live("when clients have left")


def some_clients(lab, server, count):
    """They come one by one: a SYN beyond the backlog is sent again a second later."""
    clients = []
    for _ in range(count):
        clients.append(lab.client(server))
        clients[-1].talk()
    return clients


def call_together(lab, ending=b""):
    """The next client is there before a thread has begun to serve the first."""
    server = lab.server()
    for _ in range(3):
        server.pause()
        clients = [lab.client(server) for _ in range(5)]
        words = [word() + ending for _ in clients]
        for client, said in zip(clients, words):
            client.say(said)
        server.resume()
        for client, said in zip(clients, words):
            client.hear(said.upper(), "its own answer")


def leave_together(lab):
    """A server that is one process for each client gets one signal for them all."""
    with lab.case("nothing is left of clients that leave at the same time"):
        server = lab.server()
        clients = some_clients(lab, server, 12)
        server.pause()
        for client in clients:
            client.close()
        lab.until(lambda: all(stat_of(pid)[0] in "ZXT" for pid in family()), within=1)
        server.resume()
        for _ in range(2):  # a server may look after its children when the next client comes
            client = lab.client(server)
            client.talk()
            client.close()
        lab.reap_orphans()
        lab.until(lambda: zombies() <= 3, within=0.3)
        if (left := zombies()) > 3:
            raise Wrong("children that have ended are waited for: all of them",
                        f"12 clients left at the same time, and {left} zombies are left")


def bounds(lab):
    """With the address sanitizer: much at once, and one client after another."""
    with lab.case("nothing is written beyond the end of an array"):
        server = lab.server()
        client = lab.client(server)
        for length in 1, 1023, 1024, 1025, 4096, 70000:
            client.talk(said=b"x" * length)
        client.close()
        lab.client(server).talk()


def many_at_once(lab):
    """With the address sanitizer: twice as many clients as are promised service."""
    with lab.case("nothing is written beyond the end of an array"):
        server = lab.server()
        client = lab.client(server)
        client.talk(said=b"x" * 5000)
        clients = [client]
        for _ in range(39):
            clients.append(lab.client(server))
            clients[-1].talk()
        for _ in range(40):  # they may be turned away
            lab.caller(server)
            lab.until(server.ended, asleep=0.005)
        if server.ended():
            lab.look_for_sanitizer()
            raise Wrong("80 clients at once: 40 are served, the others served or turned away", "your program is gone")
        for client in clients[:3]:
            client.talk()


def everybody_at_once(lab):
    """Clients that speak before the first of them has its answer; one of them
    reads nothing until the others have spoken."""
    with lab.case("clients that speak at the same time get each its own answer"):
        server = lab.server()
        clients = some_clients(lab, server, 10)
        server.pause()
        words = [word(200) for _ in clients]
        for client, said in zip(clients, words):
            client.say(said)
        server.resume()
        for client, said in zip(clients, words):
            client.hear(said.upper(), "its own answer")

    with lab.case("a client that reads late gets its own bytes"):
        server = lab.server()
        late, other = lab.client(server, small_window=True), lab.client(server)
        late.talk()
        other.talk()
        count = late.fill(b"a" * 65536)
        said = b"b" * 3000
        other.say(said)  # and the answer may have to wait, if one loop serves all
        lab.settle()
        late.half_close()
        late.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # now it reads, and fast
        got = late.hear_end("all that it sent, in upper case, then the end of the stream")
        if got != b"A" * count:
            raise Wrong(f'{count} times "A"', f"{len(got)} bytes came, {len(got) - got.count(b'A')} of them others: of "
                        "the other client?")
        other.hear(said.upper(), "the other client's answer")
