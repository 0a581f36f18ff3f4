#!/usr/bin/python3
"""relay [-h] PORT TO [lose=20] [twice=20] [shuffle=30] [delay=5]: a line as bad as you like.

Passes UDP datagrams on between whoever sends to its PORT and the port TO, in both
directions. Of 100 it loses `lose`, and lets `twice` come once more, later; each
takes `delay` ms and, by chance, up to `shuffle` ms more. It has room for 32
datagrams in each direction, of 1200 bytes at most. Not given: 0, and 5 ms.
"""
import heapq
import os
import random
import select
import socket
import sys
import time

ROOM, LARGEST = 32, 1200


class Relay:
    """One that passes datagrams on while step() is called; where to send to: .port.
    `lose` and `twice` are chances, from 0 to 1; `delay` and `shuffle` are seconds."""

    def __init__(self, target, port=0, lose=0.0, twice=0.0, shuffle=0.0, delay=0.005):
        self.lose, self.twice, self.shuffle, self.delay = lose, twice, shuffle, delay
        self.front, self.back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for sock, at in (self.front, port), (self.back, 0):
            sock.bind(("127.0.0.1", at))
            sock.setblocking(False)
        self.port = self.front.getsockname()[1]
        self.target, self.sender = ("127.0.0.1", target), None
        self.waiting, self.count = [], 0
        self.under_way = {self.front: 0, self.back: 0}  # to be sent by this one
        self.dead = set()  # those by which nothing is sent
        self.bytes = 0     # that the sender has sent

    def close(self):
        self.front.close()
        self.back.close()

    def step(self, seconds):
        """Wait so long for datagrams, and pass on what is due. True if some came."""
        if self.waiting:
            seconds = min(seconds, max(0, self.waiting[0][0] - time.monotonic()))
        ready = select.select([self.front, self.back], [], [], seconds)[0]
        for sock in ready:
            for _ in range(ROOM):  # not for ever, should it be flooded
                try:
                    data, address = sock.recvfrom(65536)
                except BlockingIOError:
                    break
                if sock is self.front:
                    self.sender = address
                    self.bytes += len(data)
                self.take(self.back if sock is self.front else self.front, data)
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            _, _, sock, data, first = heapq.heappop(self.waiting)
            self.under_way[sock] -= first
            if sock not in self.dead:
                sock.sendto(data, self.target if sock is self.back else self.sender)
        return bool(ready)

    def take(self, sock, data):
        if len(data) > LARGEST or self.under_way[sock] == ROOM or random.random() < self.lose:
            return
        due = time.monotonic() + self.delay + random.random() * self.shuffle
        self.under_way[sock] += 1
        self.wait(due, sock, data, True)
        if random.random() < self.twice:
            self.wait(due + 0.005 + random.random() / 20, sock, data, False)

    def wait(self, due, sock, data, first):
        self.count += 1  # of those that are due at the same time, the first is first
        heapq.heappush(self.waiting, (due, self.count, sock, data, first))


def main():
    if sys.argv[1:2] == ["-h"]:
        print(__doc__.strip(), flush=True)
        return
    try:
        how = {word.split("=")[0]: float(word.split("=")[1]) for word in sys.argv[3:]}
        relay = Relay(int(sys.argv[2]), int(sys.argv[1]), lose=how.pop("lose", 0) / 100, twice=how.pop("twice", 0) / 100,
                      shuffle=how.pop("shuffle", 0) / 1000, delay=how.pop("delay", 5) / 1000)
        if how:
            raise ValueError
    except (IndexError, ValueError):
        print("relay: two ports, and settings like lose=20, are wanted\nusage: " + __doc__.split(":", maxsplit=1)[0],
              file=sys.stderr)
        sys.exit(2)
    except (OSError, OverflowError) as error:
        sys.exit(f"relay: port {sys.argv[1]}: {error}")
    print(f"listening on 127.0.0.1:{relay.port}", flush=True)
    while True:
        relay.step(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except OSError as failure:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(f"relay: {failure.strerror}")
