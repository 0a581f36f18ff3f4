import random
import time

from harness import Wrong, quoted
from relay import Relay

POINTS = 100
SILENCE = 2     # s without a datagram, after which nothing will come
STAYS = 4       # s until the receiver has ended, once the sender has


def chance(length):
    """Bytes that nobody can know beforehand."""
    return random.randbytes(length)


class Line:
    """A receiver, the relay, a sender, and what is to go from one to the other."""

    def __init__(self, lab, data, **how):
        self.lab, self.data = lab, data
        self.receiver = lab.run("receive", 0)
        self.relay = lab.adopt(Relay(int(lab.ready(self.receiver).rsplit(":", 1)[1]), **how))
        words = [f"{name}={value * (100 if name in ('lose', 'twice') else 1000):g}" for name, value in how.items()]
        lab.tell("$ " + " ".join(["scripts/exercise relay 9090 8080", *words]))
        self.start = time.monotonic()
        self.sender = lab.run("send", self.relay.port, stdin=data)
        lab.steps[-1] = f"$ head -c {len(data)} /dev/urandom | ./{lab.name} send 9090"

    def arrived(self):
        return f"{len(self.receiver.output)} of {len(self.data)} bytes had arrived"

    def look(self):
        """Is it right, as far as it has got?"""
        for program in self.sender, self.receiver:
            program.pump()
        got = self.receiver.output
        if not self.data.startswith(got):
            first = next((n for n, (a, b) in enumerate(zip(got, self.data)) if a != b), len(self.data))
            raise Wrong("the receiver prints what the sender was given",
                        f"byte {first} is not what was sent" if first < len(self.data)
                        else f"it prints more: {quoted(got[first:])}")
        if self.receiver.ended() and got != self.data:
            raise Wrong("the receiver prints all of it", f"it ended when {self.arrived()}")
        if self.sender.ended() and self.sender.process.returncode:
            raise Wrong("the sender ends with status 0", f"it {self.sender.state()}; {self.arrived()}")

    def over(self):
        return self.sender.ended() and (self.receiver.output == self.data or self.receiver.ended())

    def carry(self, seconds=8, meanwhile=lambda: None):
        """Until the sender has ended, and all has arrived."""
        moved = looked = time.monotonic()
        while not self.over():
            if self.relay.step(0.02):
                moved = time.monotonic()
            self.look()
            meanwhile()
            now = time.monotonic()
            if now - looked > 0.1:
                self.lab.until(lambda: False, within=0.001)
                looked = now
            if now - moved > (STAYS if self.sender.ended() else SILENCE):
                raise Wrong("all bytes arrive, and the sender ends",
                            f"{self.arrived()}, and no datagram was sent for {now - moved:.0f} s")
            if now - self.start > seconds:
                raise Wrong(f"all bytes arrive within {seconds} s, and the sender ends", self.arrived())
        self.look()
        if self.receiver.output != self.data:
            raise Wrong("the receiver prints all of it", self.arrived())

    def both_end(self):
        status = self.receiver.must_end(f"the receiver ends within {STAYS} s after the sender", within=STAYS)
        self.look()
        if status:
            raise Wrong("the receiver ends with status 0", f"it {self.receiver.state()}")


def dead_once(line, begins, seconds, *socks):
    """A function that lets these sockets of the relay send nothing for so long,
    once begins() has become true."""
    since = []

    def meanwhile():
        if not since and begins():
            since.append(time.monotonic())
        line.relay.dead = set(socks) if since and time.monotonic() < since[0] + seconds else set()
    return meanwhile


def check(lab):
    with lab.case("all bytes arrive in order, and both end", 15):
        line = Line(lab, chance(50000))
        line.carry()
        line.both_end()

    with lab.case("no bytes at all, one, and bytes 0", 5):
        for data in b"", b"x", bytes(2000):
            Line(lab, data).carry()

    with lab.case("one datagram of five is lost", 15):
        Line(lab, chance(20000), lose=0.2).carry()

    with lab.case("each datagram comes twice, the second time later", 10):
        Line(lab, chance(40000), twice=1, delay=0.01).carry()

    with lab.case("datagrams overtake each other", 10):
        Line(lab, chance(20000), shuffle=0.03).carry()

    with lab.case("the line is dead for a second", 5):
        line = Line(lab, chance(15000), delay=0.02)
        line.carry(meanwhile=dead_once(line, lambda: line.relay.bytes > 5000, 1, line.relay.front, line.relay.back))

    with lab.case("the answers to the last of it get lost", 5):
        line = Line(lab, chance(3000))
        line.carry(meanwhile=dead_once(line, lambda: line.receiver.output == line.data, 0.5, line.relay.front))

    with lab.case("nobody answers: the sender gives up", 5):
        nobody, start = lab.datagrams(), time.monotonic()
        sender = lab.run("send", nobody.getsockname()[1], stdin=b"hello")
        if sender.must_end("the sender ends when nobody has answered for 2 s", within=5) != 1:
            raise Wrong("the sender ends with status 1", f"it {sender.state()}")
        if (took := time.monotonic() - start) < 1.5:
            raise Wrong("the sender gives up after 2 s", f"it gave up after {took:.1f} s")

    with lab.case("60 KiB within 1.5 s, where an answer takes 50 ms", 15):
        Line(lab, chance(60 << 10), delay=0.025).carry(seconds=1.5)

    with lab.case("not much more on the line than there is to send", 5):
        for _ in range(3):  # on a busy machine answers come late, and more is sent again
            line = Line(lab, chance(40000))
            line.carry()
            if line.relay.bytes <= 3 * len(line.data):
                break
        else:
            raise Wrong(f"{3 * len(line.data)} bytes at most are sent for {len(line.data)}",
                        f"{line.relay.bytes} bytes were")

    with lab.unkind_kernel(), lab.case("all of that under an unkind kernel", 5):
        Line(lab, chance(20000), lose=0.1).carry()


def bounds(lab):
    with lab.case("nothing is written beyond the end of an array", 5):
        for length in 1000, 20000:
            Line(lab, chance(length), lose=0.1).carry()
