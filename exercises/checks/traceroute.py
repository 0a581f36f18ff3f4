import random
import re
import socket
import struct

from harness import Unfit, Wrong
from icmp_checksum_odd import total
from routers import Routers

POINTS = 100
RAW = True          # it needs raw sockets, and a network of its own
ETH_P_IP = 0x0800
TIME_EXCEEDED, UNREACHABLE, ECHO_REPLY = 11, 3, 0
BEFORE_LAST = 4     # the hop of the target, behind three routers


def icmp(kind, code, rest, body):
    """An ICMP message with the right checksum."""
    message = struct.pack("!BBHI", kind, code, 0, rest) + body
    return message[:2] + struct.pack("!H", 0xffff - total(message)) + message[4:]


def ip(source, to, body, options=b""):
    """An IP packet with the right checksum."""
    header = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 20 + len(options) + len(body), 1, 0, 64, 1, 0,
                         socket.inet_aton(source), socket.inet_aton(to)) + options
    return header[:10] + struct.pack("!H", 0xffff - total(header)) + header[12:] + body


def of_another(packet):
    """The same question as another program would have asked it: another id or source port."""
    head = (packet[0] & 15) * 4
    at = head + (4 if packet[9] == socket.IPPROTO_ICMP else 0)
    other = bytes([packet[at] ^ 1, packet[at + 1] ^ 2])
    return packet[:at] + other + packet[at + 2:]


class Way:
    """Three routers, and the program that asks for them. Silent ones say nothing themselves;
    nor do those in `says`: there, what says[N](packet, way) returns is sent when a packet ends."""

    def __init__(self, lab, silent=(), says=None):
        self.lab, self.seen, self.quiet = lab, {}, [*silent, *(says or {})][:1]
        try:
            self.routers = lab.adopt(Routers(random.randint(16, 250), {*silent, *(says or {})}))
        except OSError as error:
            raise Unfit(f"this kernel cannot play three routers: {error.strerror}") from None
        self.address = self.routers.own
        self.home = self.address(1)[:-1] + "2"
        self.says, self.ears, self.towards_us = says or {}, {}, {}
        for hop in self.says:
            with self.routers.at(hop):
                ear = lab.adopt(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)))
                ear.bind(("back", ETH_P_IP))
                ear.setblocking(False)
                self.ears[hop] = ear

    def step(self):
        """Let the routers say what they have to."""
        for hop, ear in self.ears.items():
            try:
                packet, sender = ear.recvfrom(2048)
            except BlockingIOError:
                continue
            if packet[8] == 1 and hop not in self.seen:  # its last hop
                self.seen[hop], self.towards_us[hop] = packet, ("back", ETH_P_IP, 0, 0, sender[4])
                for answer in self.says[hop](packet, self):
                    self.say(hop, answer)
        return False

    def say(self, hop, answer):
        """Router HOP sends this packet."""
        self.ears[hop].sendto(answer, self.towards_us[hop])
        return []

    def exceeded(self, packet, hop, options=b""):
        """What router HOP says of this packet."""
        return ip(self.address(hop), self.home, icmp(TIME_EXCEEDED, 0, 0, packet), options)

    def must_print(self, *wanted, to=0, status=0, hops=None):
        """A line for each; a word, or several of which one is right."""
        target = self.address(to or BEFORE_LAST)
        words = [target] if hops is None else [target, hops]
        program = self.lab.run(*words)
        shown = " ".join(["10.66." + target.split(".", 2)[2], *map(str, words[1:])])
        self.lab.steps[-1] = self.lab.steps[-1].split(" ./")[0].replace("$", "$ scripts/exercise routers", 1) \
            + "".join(f" -s {hop}" for hop in self.quiet) + f" ./{self.lab.name} {shown}"
        lines = -1
        while not self.lab.until(lambda: program.ended() or self.step(), asleep=1.2):
            program.pump()
            lines, before = program.output.count(b"\n"), lines
            if lines == before or lines > len(wanted) + 1:  # else it asks more than once, and gets on
                raise Wrong("your program ends", f"it did not end; {self.shown(program)}")
        program.pump()
        got = re.findall(r"^[ \t]*(\d+)[ \t]+(\S+)", program.output.decode("utf-8", "replace"), re.M)
        lines = [(str(hop), (words,) if isinstance(words, str) else words) for hop, words in enumerate(wanted, 1)]
        expected = "; ".join(f"{hop} {' or '.join(words)}" for hop, words in lines)
        if len(got) != len(lines) or any(a != b or word not in words for (a, word), (b, words) in zip(got, lines)):
            raise Wrong(f"lines: {expected}", self.shown(program))
        if program.process.returncode != status:
            raise Wrong(f"it ends with status {status}", f"it {program.state()}")

    @staticmethod
    def shown(program):
        return "lines: " + "; ".join(" ".join(line.split()) for line in
                                     program.output[:400].decode("utf-8", "replace").splitlines())


def all_the_way(lab):
    way = Way(lab)
    way.must_print(*(way.address(hop) for hop in (1, 2, 3, 4)))


def strangers(packet, way):
    """What is no answer to this packet: answers to another program's, and pieces."""
    source, answer = way.address(3), way.exceeded(packet, 3)
    other, target = of_another(packet), way.address(BEFORE_LAST)
    head = (packet[0] & 15) * 4
    yield ip(source, way.home, icmp(5, 1, 0, packet))  # a redirect; behind the pieces, it may still be in the array
    for length in 8 + head, 12, 8, 4, 0:
        yield ip(source, way.home, answer[20:20 + length])
    yield ip(source, way.home, icmp(TIME_EXCEEDED, 0, 0, bytes([0x4f]) + packet[1:head]))  # its header is not there
    yield way.exceeded(other, 3)
    if packet[9] == socket.IPPROTO_ICMP:
        asked = other[head:]
        yield ip(target, way.home, icmp(ECHO_REPLY, 0, struct.unpack("!I", asked[4:8])[0], asked[8:]))
    else:
        yield ip(target, way.home, icmp(UNREACHABLE, 3, 0, other))


def check(lab):
    with lab.case("a neighbour", 10):
        way = Way(lab)
        way.must_print(way.address(1), to=1)

    with lab.case("three routers, and the target", 20):
        all_the_way(lab)

    with lab.case("no more than HOPS lines", 5):
        way = Way(lab)
        way.must_print(way.address(1), way.address(2), status=1, hops=2)

    with lab.case("a router that says nothing", 10):
        way = Way(lab, silent=[2])
        way.must_print(way.address(1), "*", way.address(3), way.address(4))

    with lab.case("an answer that comes too late", 10):
        way = Way(lab, says={2: lambda packet, way: [],
                             3: lambda packet, way: way.say(2, way.exceeded(way.seen[2], 2)) if 2 in way.seen else []})
        way.must_print(way.address(1), ("*", way.address(2)), "*", way.address(4))

    with lab.case("answers to other programs' packets, and pieces of answers", 15):
        way = Way(lab, says={2: strangers})
        way.must_print(way.address(1), "*", way.address(3), way.address(4))

    with lab.case("an answer whose IP header is longer", 10):
        way = Way(lab, says={2: lambda packet, way: [way.exceeded(packet, 2, options=b"\1\1\1\0")]})
        way.must_print(*(way.address(hop) for hop in (1, 2, 3, 4)))

    with lab.case("a router that knows no way", 10):
        way = Way(lab)
        way.must_print(*(way.address(hop) for hop in (1, 2, 3)), to=99, status=1)

    with lab.unkind_kernel(), lab.case("all of that under an unkind kernel", 5):
        all_the_way(lab)


def bounds(lab):
    with lab.case("nothing is read or written beyond the end of an array", 5):
        way = Way(lab, says={2: strangers})
        way.must_print(way.address(1), "*", way.address(3), way.address(4))
