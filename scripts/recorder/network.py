"""Captures segments on loopback, and reads the kernel's tables of sockets.

The capturing side is ours and not raw_sniff, nor tcpdump: both show the incoming copy of a packet,
whose time may be later than that of its answer. Here it is the outgoing copy, in the order of
sending, with the kernel's own time of it.
"""
import contextlib
import ctypes
import fcntl
import re
import socket
import struct
import threading
import time
from pathlib import Path

SO_TIMESTAMPNS, SOL_PACKET, PACKET_STATISTICS, PACKET_OUTGOING, SO_RCVBUFFORCE = 35, 263, 6, 4, 33
CLONE_NEWNET, SIOCSIFFLAGS, IFF_UP_RUNNING = 0x40000000, 0x8914, 0x49
PERIOD = 0.002  # seconds between two looks at the tables
LAST = 0.02  # so long nothing has come, when it ends
FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"]
STATES = ["?", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT", "CLOSED",
          "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "SYN_RECV"]
PROTOCOLS = {6: "TCP", 17: "UDP", 1: "ICMP", 58: "ICMP"}
ICMP = {(1, 0, 0): "echo reply", (1, 8, 0): "echo request", (1, 3, 3): "port unreachable",  # on loopback no other
        (58, 129, 0): "echo reply", (58, 128, 0): "echo request", (58, 1, 4): "port unreachable"}
# The first byte, length, protocol and addresses in a header of IPv4, of IPv6.
HEADERS = {4: struct.Struct("!BxH5xB2x4s4s"), 6: struct.Struct("!B3xHBx16s16s")}


class Watcher(threading.Thread):
    """Captures every packet that is sent on loopback, and reads the tables of TCP sockets again and
    again if it SAMPLES, until stop()."""

    def __init__(self, samples):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        with contextlib.suppress(PermissionError):
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind(("lo", 3))
        self.socket.settimeout(PERIOD if samples else LAST)
        self.over, self.samples, self.packets = threading.Event(), samples, []
        self.looks, self.changes, self.ends, self.known, self.lines = [(0, 0)], [], {}, {}, None
        self.start()

    def run(self):
        while True:
            if self.samples and time.time_ns() - self.looks[-1][1] > PERIOD * 10**9:
                self.look()
            over = self.over.is_set()  # then this wait is one of LAST
            try:
                data, notes, _, address = self.socket.recvmsg(256, 256)
            except TimeoutError:
                if over:
                    return
                continue
            if address[2] == PACKET_OUTGOING:
                seconds, nanoseconds = struct.unpack("qq", notes[0][2])
                self.packets.append((seconds * 10**9 + nanoseconds, data))

    def look(self):
        """Note what has changed in the tables. A socket that is in none is CLOSED."""
        asked, lines = time.time_ns(), table("tcp", "tcp6")
        self.looks.append((asked, time.time_ns()))
        if lines == self.lines:
            return
        self.lines, seen = lines, {}
        for line in map(str.split, lines):
            ends = address(line[1]), address(line[2])
            seen[ends] = STATES[int(line[3], 16)]
            if not ends[1].endswith(":0"):
                self.ends[line[9]] = ends
        seen = dict.fromkeys(self.known, "CLOSED") | seen
        for (local, peer), state in sorted(seen.items() - self.known.items()):
            self.changes.append({"time": self.looks[-1][1], "asked": asked, "local": local, "peer": peer,
                                 "state": state})
        self.known = seen

    def stop(self, pauses):
        """End it; ({segments and states as in docs/recorder.md, missed: how many packets were, ends: (local, peer)
        of each inode}, whether there was a look in each of these PAUSES, (begin, end) in ns)."""
        self.socket.settimeout(LAST)
        self.over.set()
        self.join()
        if self.samples:
            self.look()
        _, missed = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        segments = relative([segment for packet in self.packets if (segment := parsed(*packet))])
        return {"segments": segments, "missed": missed, "states": self.changes, "ends": self.ends}, \
            all(any(begin <= asked and read <= end for asked, read in self.looks) for begin, end in pauses)


def parsed(when, data):
    """A packet as a dictionary, see docs/recorder.md; None for what is not shown (ARP, neighbours)."""
    header = HEADERS.get(data[0] >> 4 if data else 0)
    if not header or len(data) < header.size:
        return None
    first, length, protocol, *hosts = header.unpack_from(data)
    start, length = (first % 16 * 4, length) if first < 0x60 else (40, length + 40)
    rest = data[start:]
    if protocol not in PROTOCOLS or len(rest) < (14 if protocol == 6 else 8):
        return None
    ports = [f":{port}" for port in struct.unpack_from("!HH", rest)] if protocol in (6, 17) else ["", ""]
    segment = {"time": when, "protocol": PROTOCOLS[protocol], "from": host(hosts[0]) + ports[0],
               "to": host(hosts[1]) + ports[1], "flags": None, "seq": None, "ack": None, "length": 0, "payload": ""}
    body = 8
    if protocol == 6:
        segment["seq"], ack, offset, flags = struct.unpack_from("!4xIIBB", rest)
        segment["ack"], body = ack if flags & 16 else None, offset >> 4 << 2
        segment["flags"] = [name for bit, name in enumerate(FLAGS) if flags >> bit & 1]
    elif segment["protocol"] == "ICMP":
        kind = ICMP.get((protocol, rest[0], rest[1]), f"type {rest[0]} code {rest[1]}")
        segment["flags"] = [kind]
        if not kind.startswith("echo") and (about := parsed(when, rest[8:])):
            segment["about"] = {key: about[key] for key in ("protocol", "from", "to")}
    segment["length"] = max(0, length - start - body)
    segment["payload"] = rest[body:body + 32][:segment["length"]].decode("latin-1")
    return segment


def relative(segments):
    """Let sequence numbers count from the first one of their direction, as readers do."""
    first = {}
    for segment in segments:
        if segment["protocol"] == "TCP":
            there, back = (segment["from"], segment["to"]), (segment["to"], segment["from"])
            if "SYN" in segment["flags"] or there not in first:
                first[there] = segment["seq"]
            if segment["ack"] is not None:
                segment["ack"] = (segment["ack"] - first.setdefault(back, segment["ack"] - 1)) % 2**32
            segment["seq"] = (segment["seq"] - first[there]) % 2**32
    return segments


def fresh():
    """Enter another network of our own: nothing is left of an earlier run, and its tables of sockets are
    short, so that reading them takes 0.1 ms (else 3 ms and more; Linux before 6.1 cannot)."""
    with contextlib.suppress(OSError):  # slower, and right all the same
        Path("/proc/sys/net/ipv4/tcp_child_ehash_entries").write_text("1024", encoding="ascii")
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP_RUNNING))


def table(*names):
    """The lines of /proc/net/NAME of these names; of one that is not there, none."""
    files = [path for path in (Path("/proc/net", name) for name in names) if path.exists()]
    return [line for path in files for line in path.read_text("utf-8", "surrogateescape").splitlines()[1:]]


def host(packed):
    """The bytes of an address as 127.0.0.1 or [::1]; [::ffff:127.0.0.1] is 127.0.0.1, too."""
    family, form = (socket.AF_INET, "{}") if len(packed) == 4 else (socket.AF_INET6, "[{}]")
    return plain(form.format(socket.inet_ntop(family, packed)))


def address(text):
    """An address of /proc/net/tcp, 0100007F:1F90, as 127.0.0.1:8080."""
    words, port = text.split(":")
    packed = b"".join(struct.pack("=I", int(words[at:at + 8], 16)) for at in range(0, len(words), 8))
    return f"{host(packed)}:{int(port, 16)}"


def plain(text):
    """[::ffff:127.0.0.1]:80 is the IPv4 address 127.0.0.1:80."""
    return re.sub(r"^\[::ffff:([\d.]+)\]", r"\1", text)
