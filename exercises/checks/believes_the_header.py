import random
import struct

from harness import Wrong, quoted


def udp(payload, length=None):
    return struct.pack("!4H", 53, random.randrange(1024, 65536), len(payload) + 8 if length is None else length,
                       0) + payload


def ip(payload, protocol=17, words=5, total=None):
    """A packet; its header has so many words of 4 bytes."""
    total = words * 4 + len(payload) if total is None else total
    return (struct.pack("!BBHHHBBH", 0x40 + words, 0, total, 0, 0, 64, protocol, 0) + bytes(8)
            + random.randbytes(max(0, words - 5) * 4) + payload)


def shown(datagram):
    """What is to be printed of it."""
    from_port, to_port = struct.unpack("!2H", datagram[:4])
    return " ".join([f"UDP {from_port} > {to_port}:", *(f"{byte:02x}" for byte in datagram[8:])])


def try_all(lab, *packets):
    """(packet, what is to be printed)"""
    program = lab.run(stdin=b"".join(packet.hex().encode() + b"\n" for packet, _ in packets))
    status = program.must_end("your program ends at the end of its input")
    lines = program.output.decode("ascii", "replace").split("\n")[:-1]
    for number, (packet, expected) in enumerate(packets, 1):
        line = lines[number - 1] if number <= len(lines) else ""
        if line != expected:
            lab.tell_line(packet.hex().encode())
            raise Wrong(f"of packet {number}, {quoted(packet.hex().encode())}, it prints {quoted(expected.encode())}",
                        f"it printed {quoted(line.encode())}")
    if len(lines) != len(packets) or status != 0:
        raise Wrong(f"{len(packets)} packets, as many lines, status 0", f"{len(lines)} lines, status {status}")


def good(length, **more):
    datagram = udp(random.randbytes(length))
    return ip(datagram, **more), shown(datagram)


def bad(packet):
    return packet, "malformed"


def check(lab):
    with lab.case("whole packets"):
        try_all(lab, *(good(length) for length in (3, 0, 1, 1472, 8)), *(good(5, words=words) for words in (6, 10, 15)),
                (ip(bytes(30), 6), "protocol 6, 30 bytes"), (ip(b"", 1), "protocol 1, 0 bytes"))

    with lab.case("shorter than the header of IP says"):
        whole = good(100)
        try_all(lab, whole, bad(whole[0][:-1]), bad(whole[0][:60]), bad(whole[0][:28]), bad(whole[0][:20]), good(4),
                bad(ip(udp(b"abc"), total=65535)), bad(ip(bytes(30), 6)[:-1]), bad(ip(bytes(12), 6, total=33)), good(0))

    with lab.case("shorter than the header of UDP says"):
        try_all(lab, good(100), bad(ip(udp(b"abc", 12))), bad(ip(udp(b"abc", 65535))), bad(ip(udp(b"", 9))),
                good(10), bad(ip(udp(b"abcd", 13) + b"x" * 9, total=32)))

    with lab.case("headers that are cut"):
        whole = good(50)
        try_all(lab, whole, *(bad(whole[0][:length]) for length in (1, 2, 9, 10, 12, 19)),
                *(bad(ip(udp(b"")[:length])) for length in (0, 1, 4, 7)), good(1),
                bad(ip(b"", words=15)[:20]), bad(ip(b"", words=6)[:23]))

    with lab.case("lengths that are too small"):
        try_all(lab, good(50), bad(ip(udp(b"abc"), total=19)), bad(ip(udp(b"abc"), total=0)),
                bad(ip(udp(b"abc"), words=4, total=31)), bad(ip(udp(b"abc"), words=0, total=31)),
                bad(ip(udp(b"abc"), words=8, total=31)), *(bad(ip(udp(b"abc", length))) for length in (0, 1, 7)))

    with lab.case("what follows a packet is not part of it"):
        whole = good(5)
        try_all(lab, (whole[0] + b"\0" * 13, whole[1]), (ip(b"ab", 6) + b"padding", "protocol 6, 2 bytes"))

    with lab.case("what follows a UDP datagram in its packet is not printed"):
        datagrams = [udp(random.randbytes(length)) for length in (3, 0, 100)]
        try_all(lab, *((ip(each + b"more"), shown(each)) for each in datagrams))


def bounds(lab):
    with lab.case("nothing is read beyond the end of an array"):
        try_all(lab, bad(ip(udp(b"x" * 1972), total=65535)), bad(ip(udp(b"x" * 1972, 65535))), good(1972))
