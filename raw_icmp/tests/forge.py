#!/usr/bin/python3
"""forge.py SCENARIO COMMAND...: run a ping, and answer it as an enemy would.

Must run in a network of its own (scripts/sandbox): there it forbids the kernel
to answer echo requests, and answers those that COMMAND sends to 127.0.0.1
itself, as SCENARIO says: mostly a hostile packet first, and then the good reply.
Exit status: COMMAND's. `forge.py -l` lists the scenarios.
"""
import os
import select
import socket
import struct
import subprocess
import sys

HOST, STRANGER = "127.0.0.1", "127.0.0.2"
IP_NOP, IP_RECORD_ROUTE = 1, 7


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def icmp(kind, code, rest, data, wrong=0):
    """An ICMP message; its checksum is WRONG by so much."""
    message = struct.pack("!BBH4s", kind, code, 0, rest) + data
    right = checksum(message)
    return message[:2] + struct.pack("!H", right ^ wrong) + message[4:]


def ip(payload, source=HOST, target=HOST, options=b"", protocol=1, fragment=0, ihl=None, ttl=64):
    """An IPv4 header, with whatever it is to claim, and PAYLOAD."""
    words = 5 + len(options) // 4
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | (ihl or words), 0, words * 4 + len(payload), 4711,
                         fragment, ttl, protocol, 0, socket.inet_aton(source), socket.inet_aton(target))
    header += options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


class Request:
    """An echo request, as it was seen on the wire without its IP header."""

    def __init__(self, message):
        self.message = message
        self.id, self.seq = struct.unpack("!HH", message[4:8])
        self.data = message[8:]

    def reply(self, seq=None, data=None, wrong=0, ident=None):
        rest = struct.pack("!HH", self.id if ident is None else ident,
                           (self.seq if seq is None else seq) & 0xFFFF)
        return icmp(0, 0, rest, self.data if data is None else data, wrong)

    def quoted(self, ident=None, seq=None, kind=8):
        return struct.pack("!BBHHH", kind, 0, 0, self.id if ident is None else ident,
                           (self.seq if seq is None else seq) & 0xFFFF)


def error(quote, kind=11, code=0, rest=b"\0" * 4, wrong=0):
    return ip(icmp(kind, code, rest, quote, wrong), source=STRANGER)


# ---- The scenarios: from a request to the packets that answer it ----

def good(r):
    return [ip(r.reply())]

def silence(_):
    return []

def only_first(r):
    return [ip(r.reply())] if r.seq == 1 else []

def bad_checksum(r):
    return [ip(r.reply(wrong=0x0100)), ip(r.reply())]

def never_sent(r):
    return [ip(r.reply(seq=r.seq + 1000)), ip(r.reply())]

def other_source(r):
    return [ip(r.reply(), source=STRANGER), ip(r.reply())]

def other_id(r):
    return [ip(r.reply(ident=r.id ^ 1)), ip(r.reply())]

def other_id_bad_checksum(r):
    return [ip(r.reply(ident=r.id ^ 1, wrong=1)), ip(r.reply())]

def other_kinds(r):
    """Everything that may arrive and is no answer to us."""
    rest = struct.pack("!HH", r.id ^ 1, r.seq)
    quote = ip(struct.pack("!4H", 4711, 53, 8, 0), protocol=17)
    others = [icmp(kind, 0, rest, r.data) for kind in (8, 0, 10)] + \
        [icmp(3, 3, b"\0" * 4, quote), icmp(11, 0, b"\0" * 4, quote)]
    return [ip(other, source=STRANGER) for other in others] + [ip(r.reply())]

def cut_header(r):
    return [ip(r.reply()[:n]) for n in range(8)] + [ip(r.reply())]

def cut_data(r):
    return [ip(r.reply(data=r.data[:11])), ip(r.reply())]

def too_long(r):
    return [ip(r.reply(data=r.data + b"x")), ip(r.reply())]

def options_40(r):
    return [ip(r.reply(), options=bytes([IP_NOP] * 40))]

def record_route(r):
    return [ip(r.reply(), options=bytes([IP_RECORD_ROUTE, 39, 40]) + b"\x7f\0\0\1" * 9 + b"\0")]

def duplicate(r):
    return [ip(r.reply())] * 3

def tampered_time(r):
    return [ip(r.reply(data=b"\xff" * 16 + r.data[16:])), ip(r.reply())]

def late(r):
    """Request 1 is answered when request 2 comes, request 2 at once."""
    if r.seq == 1:
        late.first = r
        return []
    return [ip(late.first.reply()), ip(r.reply())] if r.seq == 2 else [ip(r.reply())]

def quoted_ihl_15(r):
    return [error(ip(r.quoted(), ihl=15)), error(ip(r.quoted(), ihl=1)), ip(r.reply())]

def cut_quote(r):
    whole = ip(r.quoted())
    return [error(whole[:n]) for n in range(len(whole))] + [ip(r.reply())]

def other_quoted(r):
    """Errors that are about anything but our request."""
    others = [
        ip(r.quoted(ident=r.id ^ 1)),                   # another ping's
        ip(r.quoted(), target="127.0.0.3"),             # to another host
        ip(r.quoted(), protocol=17),                    # UDP
        ip(r.quoted(kind=0)),                           # a reply
        ip(r.quoted(), fragment=5),                     # from the middle of a packet
        ip(r.quoted(), fragment=256),                   # from further on
        b"\x60" + ip(r.quoted())[1:],                   # IPv6
        b"\x65" + ip(r.quoted())[1:],                   # with the length of an IPv4 header
    ]
    return [error(quote) for quote in others] + [ip(r.reply())]

def quoted_never_sent(r):
    return [error(ip(r.quoted(seq=r.seq + 1000))), ip(r.reply())]

def error_bad_checksum(r):
    return [error(ip(r.quoted()), wrong=1), ip(r.reply())]

def error_after_reply(r):
    return [ip(r.reply()), error(ip(r.quoted()))]

def reply_after_error(r):
    return [error(ip(r.quoted())), ip(r.reply())]

def error_quoting_options(r):
    return [error(ip(r.quoted(), options=bytes([IP_NOP] * 40)))]

def redirect(r):
    return [error(ip(r.quoted()), 5, 1, socket.inet_aton("127.0.0.9")), ip(r.reply())]

def every_error(r):
    """One kind of error per request, in this order."""
    kinds = [(3, code) for code in range(17)] + [(4, 0), (11, 0), (11, 1), (11, 9), (12, 0)]
    kind, code = kinds[(r.seq - 1) % len(kinds)]
    rest = {3: b"\0\0\x05\0", 12: b"\x14\0\0\0"}.get(kind, b"\0" * 4)
    answers = [error(ip(r.quoted()), kind, code, rest)]
    return answers + ([ip(r.reply())] if kind == 4 else [])

def flood(r):
    return [ip(r.reply(seq=r.seq + 1000))] * 120 + [ip(r.reply())]


SCENARIOS = {name: value for name, value in list(globals().items())
             if callable(value) and getattr(value, "__code__", None)
             and value.__code__.co_varnames[:1] in (("r",), ("_",)) and value.__code__.co_argcount == 1}


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


class Wire:
    """IPv4 on lo: our answers bring their own IP header."""

    def __init__(self):
        write("/proc/sys/net/ipv4/icmp_echo_ignore_all", "1")
        self.ear = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.mouth = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def request(self):
        packet = self.ear.recv(65536)
        return Request(packet[20:]) if packet[20:21] == b"\x08" else None

    def say(self, packet):
        self.mouth.sendto(packet, (HOST, 0))


def main():
    if sys.argv[1:] == ["-l"]:
        print("\n".join(SCENARIOS))
        sys.exit()
    if len(sys.argv) < 3 or sys.argv[1] not in SCENARIOS:
        sys.exit(__doc__)
    scenario = SCENARIOS[sys.argv[1]]
    wire = Wire()
    # The command's end shows as the end of this pipe.
    end, kept = os.pipe()
    with subprocess.Popen(sys.argv[2:], pass_fds=[kept]) as command:
        os.close(kept)
        while True:
            ready, _, _ = select.select([wire.ear, end], [], [], 20)
            if not ready:
                command.kill()
                sys.exit("forge.py: nothing happened for 20 s")
            if end in ready:
                break
            request = wire.request()
            for answer in scenario(request) if request else []:
                wire.say(answer)
        sys.exit(command.wait())


if __name__ == "__main__":
    main()
