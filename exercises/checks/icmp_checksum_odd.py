import random
import struct

from harness import Wrong, quoted

ANY = [byte for byte in range(1, 256) if byte != ord("\n")]


def total(packet, folds=99):
    """What a receiver gets."""
    padded = packet + b"\0" * (len(packet) % 2)
    value = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while value > 0xffff and folds:
        value = (value & 0xffff) + (value >> 16)
        folds -= 1
    return value


def payload(length):
    return bytes(random.choices(ANY, k=length))


def try_all(lab, payloads):
    program = lab.run(stdin=b"".join(each + b"\n" for each in payloads))
    program.must_end("your program ends at the end of its input")
    lines = program.output.split(b"\n")[:-1]
    if len(lines) != len(payloads):
        raise Wrong(f"{len(payloads)} lines of input, as many packets", f"{len(lines)} lines were printed")
    for number, (line, each) in enumerate(zip(lines, payloads), 1):
        lab.tell_line(each)
        try:
            packet = bytes.fromhex(line.decode())
        except ValueError:
            raise Wrong("packets in hexadecimal", f"{quoted(line)} was printed") from None
        if packet[:2] != b"\x08\0" or packet[4:] != struct.pack("!HH", 0x1234, number) + each:
            raise Wrong(f"packet {number} has the header of an echo request and the line's {len(each)} bytes",
                        f"it has another header or payload: {line.decode()[:60]}")
        if total(packet) != 0xffff:
            raise Wrong(f"the words of the packet with {len(each)} bytes of payload add up to ffff",
                        f"they add up to {total(packet):04x}")


def check(lab):
    with lab.case("payloads of even length"):
        try_all(lab, [b"", b"ab", *(payload(2 * n) for n in range(30))])

    with lab.case("payloads of odd length"):
        try_all(lab, [payload(200), b"abc", b"a", *(payload(2 * n + 1) for n in range(30, -1, -1))])

    with lab.case("payloads that carry twice"):
        found = []
        for number in range(1, 9):  # the sum, folded once, is still too large
            head = b"\x08\0\0\0" + struct.pack("!HH", 0x1234, number)
            each = payload(random.randint(800, 900))
            while total(head + each, 1) <= 0xffff:
                each = each[8:] + payload(8)
            found.append(each)
        try_all(lab, found)


def bounds(lab):
    with lab.case("nothing is touched beyond the end of an array"):
        try_all(lab, [b"", b"a", b"ab", payload(999), payload(1000)])
