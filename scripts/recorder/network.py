"""Captures segments on loopback, and reads the kernel's tables of sockets.

The capturing side is ours and not raw_sniff, nor tcpdump: both show the incoming
copy of a packet, whose time may be later than that of its answer. Here it is the
outgoing copy, in the order of sending, with the kernel's own time of it.
"""
import bisect
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
LOOKS = 2  # in each pause: they must agree
FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"]
STATES = ["?", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT", "CLOSED",
          "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "SYN_RECV"]
ICMP = {(0, 0): "echo reply", (8, 0): "echo request", (3, 0): "network unreachable", (3, 1): "host unreachable",
        (3, 3): "port unreachable", (3, 4): "fragmentation needed", (11, 0): "time exceeded"}


class Capture(threading.Thread):
    """Every packet that is sent on loopback, from start() to stop()."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        for option in SO_RCVBUFFORCE, socket.SO_RCVBUF:
            try:
                self.socket.setsockopt(socket.SOL_SOCKET, option, 64 << 20)
                break
            except PermissionError:
                continue
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind(("lo", 3))
        self.socket.settimeout(0.05)
        self.over = threading.Event()
        self.packets = []

    def run(self):
        while True:
            try:
                data, notes, _, address = self.socket.recvmsg(256, 256)
            except TimeoutError:
                if self.over.is_set():
                    return
                continue
            if address[2] == PACKET_OUTGOING:
                seconds, nanoseconds = struct.unpack("qq", notes[0][2])
                self.packets.append((seconds * 10**9 + nanoseconds, data))

    def stop(self):
        """(the segments, how many packets were missed)"""
        self.over.set()
        self.join()
        _, missed = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        return [segment for packet in self.packets if (segment := parsed(*packet))], missed


def parsed(when, data):
    """A packet as a dictionary, see docs/recorder.md; None for what is not shown (ARP, ...)."""
    if not data:
        return None
    if data[0] >> 4 == 4:
        header, protocol, length = (data[0] & 15) * 4, data[9], struct.unpack("!H", data[2:4])[0]
        ends = [socket.inet_ntop(socket.AF_INET, data[at:at + 4]) for at in (12, 16)]
    elif data[0] >> 4 == 6:
        header, protocol, length = 40, data[6], struct.unpack("!H", data[4:6])[0] + 40
        ends = [f"[{socket.inet_ntop(socket.AF_INET6, data[at:at + 16])}]" for at in (8, 24)]
    else:
        return None
    rest = data[header:]
    segment = {"time": when, "flags": None, "seq": None, "ack": None, "length": None, "payload": None}
    if protocol == 6 and len(rest) >= 20:
        ports = struct.unpack("!HH", rest[:4])
        seq, ack, offset, flags = struct.unpack("!IIBB", rest[4:14])
        body = (offset >> 4) * 4
        segment |= {"protocol": "TCP", "seq": seq, "ack": ack if flags & 16 else None,
                    "flags": [name for bit, name in enumerate(FLAGS) if flags >> bit & 1]}
    elif protocol == 17 and len(rest) >= 8:
        ports, body = struct.unpack("!HH", rest[:4]), 8
        segment |= {"protocol": "UDP"}
    elif protocol in (1, 58) and len(rest) >= 8:
        ports, body = None, 8
        kind = ICMP.get((rest[0], rest[1]), f"type {rest[0]} code {rest[1]}") if protocol == 1 else \
            {128: "echo request", 129: "echo reply", 1: "port unreachable"}.get(rest[0], f"type {rest[0]}")
        segment |= {"protocol": "ICMP", "flags": [kind]}
        if kind.endswith(("unreachable", "exceeded", "needed")) and len(rest) >= 36:
            segment["about"] = parsed(when, rest[8:])
        elif protocol == 58 and not kind.startswith("echo"):
            return None  # neighbours and routers
    else:
        return None
    segment["from"], segment["to"] = (f"{end}:{port}" for end, port in zip(ends, ports)) if ports else ends
    segment["length"] = max(0, length - header - body)
    segment["payload"] = rest[body:body + 32][:segment["length"]].decode("latin-1")
    return segment


def relative(segments):
    """Let sequence numbers count from the first one of their direction, as readers do."""
    first = {}
    for segment in segments:
        if segment["protocol"] != "TCP":
            continue
        there, back = (segment["from"], segment["to"]), (segment["to"], segment["from"])
        if "SYN" in segment["flags"] or there not in first:
            first[there] = segment["seq"]
        if segment["ack"] is not None:
            first.setdefault(back, segment["ack"] - 1)
            segment["ack"] = (segment["ack"] - first[back]) % 2**32
        segment["seq"] = (segment["seq"] - first[there]) % 2**32


def small_tables():
    """Enter a network of our own whose tables of sockets are short, so that reading them takes
    0.1 ms (else 3 ms and more). Only in a network of its own; Linux before 6.1 cannot."""
    try:
        Path("/proc/sys/net/ipv4/tcp_child_ehash_entries").write_text("1024", encoding="ascii")
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) == 0:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP_RUNNING))
    except OSError:
        pass  # slower, and right all the same


class Sampler(threading.Thread):
    """Reads the tables of TCP sockets again and again, from start() to stop()."""

    def __init__(self, period=0.0003):
        super().__init__(daemon=True)
        self.period = period
        self.over = threading.Event()
        self.changes, self.looks = [], []
        self.known, self.before = {}, {}  # what two looks agreed about; what the last one saw

    def run(self):
        while not self.over.wait(self.period):
            self.look()

    def pause(self):
        """How many microseconds a program must stand still so that its states are read meanwhile."""
        begin = time.monotonic()
        for _ in range(LOOKS):
            self.look()
        return max(10000, int((time.monotonic() - begin) * 4e6))

    def look(self):
        """Note what has changed, once a second look agrees: it was no passing moment. A socket
        that is in no table is CLOSED."""
        seen, asked = {}, time.time_ns()
        for table, version in ("tcp", 4), ("tcp6", 6):
            try:
                with open("/proc/net/" + table, encoding="ascii") as file:
                    for line in file.read().splitlines()[1:]:
                        cells = line.split()
                        seen[address(cells[1], version), address(cells[2], version)] = STATES[int(cells[3], 16)]
            except OSError:
                return
        self.looks.append((asked, time.time_ns()))
        for ends in sorted(seen.keys() | self.known.keys() | self.before.keys()):
            state = seen.get(ends, "CLOSED")
            if state == self.before.get(ends, "CLOSED") != self.known.get(ends, "CLOSED"):
                self.changes.append({"time": self.looks[-1][1], "asked": asked, "local": ends[0], "peer": ends[1],
                                     "state": state})
                self.known[ends] = state
        self.before = seen

    def missed(self, pauses):
        """Whether one of these pauses, (begin, end) in ns, was over before its states were read."""
        begins = [asked for asked, _ in self.looks]
        for begin, end in pauses:
            first = bisect.bisect_left(begins, begin)
            if first + LOOKS > len(self.looks) or self.looks[first + LOOKS - 1][1] > end:
                return True
        return False

    def stop(self):
        """The changes: [{time, asked, local, peer, state}], the table was read between these two times."""
        self.over.set()
        self.join()
        for _ in range(LOOKS):
            self.look()
        return self.changes


def address(text, version):
    """An address of /proc/net/tcp, 0100007F:1F90, as 127.0.0.1:8080."""
    host, port = text.split(":")
    words = b"".join(struct.pack("=I", int(host[at:at + 8], 16)) for at in range(0, len(host), 8))
    if version == 4:
        return f"{socket.inet_ntop(socket.AF_INET, words)}:{int(port, 16)}"
    return re.sub(r"^(.*)$", r"[\1]", socket.inet_ntop(socket.AF_INET6, words)) + f":{int(port, 16)}"
