import contextlib
import select
import socket

from harness import Peer, Wrong, quoted, word

FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}


def servers(lab, *hosts):
    """Servers of ours at these addresses, and a port that is theirs alone; {} if
    there is no such address here."""
    for _ in range(50):
        port = lab.free_port()
        listening = {}
        with contextlib.suppress(OSError):
            for host, family in FAMILIES.items():
                listener = lab.adopt(socket.create_server((host, port), family=family))
                if host in hosts:
                    listening[host] = listener
                else:
                    listener.close()
        if set(listening) == set(hosts):
            return listening, port
    return {}, 0


def is_found(lab, *hosts):
    """The program prints what one of the servers says, and calls no other."""
    listening, port = servers(lab, *hosts)
    if not listening:
        return
    for n, host in enumerate(hosts, 1):
        lab.tell(f"s{n} = create_server(({host!r}, 8080), family={FAMILIES[host].name})")
    program, calls = lab.run(port), list(listening.values())
    if not lab.until(lambda: select.select(calls, [], [], 0)[0]):
        raise Wrong("your program calls the server at " + " or ".join(f"{host}, port {port}" for host in hosts),
                    "it did not call")
    called = select.select(calls, [], [], 0)[0][0]
    server, said = Peer(lab, lab.adopt(called.accept()[0])), word(5000)
    lab.tell(f"{server.name}, _ = s{calls.index(called) + 1}.accept()")
    server.say(said)
    server.close()
    status = program.must_end("your program ends when the server has hung up")
    if program.output != said or status != 0:
        raise Wrong(f"{len(said)} bytes are printed, status 0",
                    f"it printed {quoted(program.output)}, status {status}")
    if select.select(calls, [], [], 0)[0]:
        raise Wrong("one call is enough", "your program called once more")


def check(lab):
    with lab.case("a server at ::1 is found"):
        is_found(lab, "::1")

    with lab.case("a server at 127.0.0.1 is found"):
        is_found(lab, "127.0.0.1")

    with lab.case("a server at both is called once"):
        is_found(lab, "127.0.0.1", "::1")

    with lab.case("no server: status 1"):
        program = lab.run(lab.free_port())
        status = program.must_end("your program ends if there is no server")
        if status != 1:
            raise Wrong("status 1 if there is no server", "it ended otherwise")
