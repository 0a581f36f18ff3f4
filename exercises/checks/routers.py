#!/usr/bin/python3
"""routers [-h] [-s N] COMMAND...: run a command three routers away from a target.

  here 10.66.1.2 -- 10.66.1.1 router 1 -- 10.66.2.1 router 2 -- 10.66.3.1 router 3
                                                        -- 10.66.4.1 the target

  -s N   router N says nothing, though it passes packets on (not given: none)

Each is a network namespace with the kernel's own routing (network_namespaces(7)),
joined to the next by a veth(4), in a network of one's own (scripts/sandbox), which
takes no root. Router 3 knows no other networks, and says so.
"""
import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
# rtnetlink(7): requests, their flags, and attributes of links, addresses, routes, rules
NEWLINK, DELLINK, NEWADDR, NEWROUTE, NEWRULE = 16, 17, 20, 24, 32
REQUEST, ACK, CREATE = 1, 4, 0x400
ADDRESS, IFNAME, LINKINFO, AF_SPEC, NET_NS_FD = 1, 3, 18, 26, 28
INFO_KIND, INFO_DATA, VETH_PEER, INET_CONF, FORWARDING = 1, 2, 1, 1, 1
SIOCETHTOOL, ETHTOOL_GLINK, UP, NOARP = 0x8946, 0xa, 0x1, 0x80
IFA_LOCAL, RTA_DST, RTA_GATEWAY, FRA_DST, FRA_IIFNAME, BLACKHOLE = 2, 1, 5, 1, 3, 6


def attribute(kind, *values):
    """One attribute; of bytes, or of other attributes."""
    value = b"".join(values)
    return struct.pack("HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def request(kind, header, *attributes, flags=0):
    """Ask the kernel to change the network that we are in."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        body = header + b"".join(attributes)
        sock.send(struct.pack("IHHII", 16 + len(body), kind, REQUEST | ACK | flags, 1, 0) + body)
        error = -struct.unpack_from("i", sock.recv(65536), 16)[0]
    if error:
        raise OSError(error, os.strerror(error))


def interface(index, up=0):
    """Up, and without ARP: both ends of a cable have the same hardware address."""
    return struct.pack("BxHiII", socket.AF_UNSPEC, 0, index, up and (UP | NOARP), up and (UP | NOARP))


def add_cable(other):
    """A veth: its end here is `next`, its end in the network OTHER is `back`."""
    hardware = attribute(ADDRESS, b"\2\0\0\0\0\1")
    there = attribute(VETH_PEER, interface(0), attribute(IFNAME, b"back\0"), hardware,
                      attribute(NET_NS_FD, struct.pack("i", other)))
    request(NEWLINK, interface(0), attribute(IFNAME, b"next\0"), hardware,
            attribute(LINKINFO, attribute(INFO_KIND, b"veth"), attribute(INFO_DATA, there)), flags=CREATE)


def set_up(name, address=None):
    """Bring it up, with an address; what comes in there is passed on."""
    forwarding = attribute(INET_CONF, attribute(FORWARDING, struct.pack("I", 1)))
    request(NEWLINK, interface(socket.if_nametoindex(name), up=1), attribute(AF_SPEC, attribute(socket.AF_INET, forwarding)))
    if address:
        request(NEWADDR, struct.pack("BBBBI", socket.AF_INET, 24, 0, 0, socket.if_nametoindex(name)),
                attribute(IFA_LOCAL, socket.inet_aton(address)), flags=CREATE)


def plug_in(name):
    """The kernel notices late that there is somebody at the other end, after a second
    perhaps, and loses all until then: unless it is asked."""
    answer = (ctypes.c_uint32 * 2)(ETHTOOL_GLINK, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP16x", name.encode(), ctypes.addressof(answer)))


def add_route(gateway, network=None):
    """By this gateway to that network, or to all others."""
    header = struct.pack("BBBBBBBBI", socket.AF_INET, 24 if network else 0, 0, 0, 254, 3, 0, 1, 0)  # main, boot, unicast
    request(NEWROUTE, header, attribute(RTA_GATEWAY, socket.inet_aton(gateway)),
            *([attribute(RTA_DST, socket.inet_aton(network))] if network else []), flags=CREATE)


def say_nothing():
    """What this router has to say itself goes nowhere."""
    request(NEWRULE, struct.pack("BBBBBBBBI", socket.AF_INET, 0, 0, 0, 0, 0, 0, BLACKHOLE, 0),
            attribute(FRA_IIFNAME, b"lo\0"), flags=CREATE)


class Routers:
    """Three routers in a row, and the target behind them; here is their one end."""

    def __init__(self, number=66, silent=(), count=3):
        self.number, self.nets = number, []
        try:
            self.nets.append(os.open("/proc/self/ns/net", os.O_RDONLY))
            for _ in range(count + 1):
                if libc.unshare(CLONE_NEWNET) == -1:
                    raise OSError(ctypes.get_errno(), "no network namespace")
                set_up("lo")
                self.nets.append(os.open("/proc/self/ns/net", os.O_RDONLY))
            for hop in range(count + 1):
                with self.at(hop):
                    add_cable(self.nets[hop + 1])
                    set_up("next", self.own(hop + 1)[:-1] + "2")
                with self.at(hop + 1):
                    set_up("back", self.own(hop + 1))
                    if hop == count:
                        add_route(self.own(hop + 1)[:-1] + "2")
                    elif hop > 0:
                        add_route(self.own(hop + 1)[:-1] + "2", self.own(1)[:-1] + "0")
            for hop in range(count):
                with self.at(hop):
                    add_route(self.own(hop + 1))
            for hop in range(count + 1):
                for where, name in (hop, "next"), (hop + 1, "back"):
                    with self.at(where):
                        plug_in(name)
            for hop in silent:
                with self.at(hop):
                    say_nothing()
        finally:
            if self.nets:
                libc.setns(self.nets[0], CLONE_NEWNET)

    def own(self, hop):
        """The address by which a router answers; behind the last one, the target's."""
        return f"10.{self.number}.{hop}.1"

    @contextlib.contextmanager
    def at(self, hop):
        """What is inside happens in the network of router HOP (0: here)."""
        if libc.setns(self.nets[hop], CLONE_NEWNET) == -1:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(self.nets[0], CLONE_NEWNET)

    def close(self):
        request(DELLINK, interface(socket.if_nametoindex("next")))
        for net in self.nets:
            os.close(net)


def main():
    words = sys.argv[1:]
    if words[:1] == ["-h"]:
        print(__doc__.strip(), flush=True)
        return
    silent = []
    if words[:1] == ["-s"]:
        if words[1:2] not in (["1"], ["2"], ["3"]):
            wrong_use("-s takes 1, 2 or 3")
        silent, words = [int(words[1])], words[2:]
    if not words or words[0].startswith("-"):
        wrong_use("which command?")
    try:
        for net in Routers(silent=silent).nets:
            os.set_inheritable(net, True)  # they last as long as the command
    except OSError as error:
        sys.exit(f"routers: this kernel cannot play three routers: {error.strerror}")
    try:
        os.execvp(words[0], words)
    except OSError as error:
        sys.exit(f"routers: {words[0]}: {error.strerror}")


def wrong_use(what):
    print(f"routers: {what}\nusage: " + __doc__.split(":", maxsplit=1)[0], file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
