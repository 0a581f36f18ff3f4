"""Knows which socket a call is about, from the descriptors of each process and what strace -yy says of them."""
import re

from .network import plain

NOTE = re.compile(r"\d+<((?:TCP|UDP|UNIX|RAW|PACKET|ICMP|PING|NETLINK)[\w-]*):\[(.*?)\]>(?=[,)]|$)")
# Who calls and who is called. Where neither says so: the side that speaks first is the one that calls.
SIDES = {"connect": "client", "accept": "server", "accept4": "server", "listen": "server"}
SPEAKS = dict.fromkeys(["sendto", "sendmsg", "sendmmsg", "write"], "client") | \
    dict.fromkeys(["recvfrom", "recvmsg", "recvmmsg", "read"], "server")


class Sockets:
    """All sockets of a run: found is the list of them, see docs/recorder.md."""

    def __init__(self):
        self.found = []
        self.tables = {}  # of each process: {descriptor: index of found}

    def about(self, call):
        """The index of the socket that a call is about, or has made (the first of two); or None."""
        table, note = self.tables.setdefault(call.pid, {}), NOTE.match(call.arguments)
        if call.name in ("socket", "accept", "accept4") and (-1 if call.result is None else call.result) >= 0:
            kind = "PACKET" if call.arguments.startswith("AF_PACKET") else "?"
            table[call.result] = self.new(call, NOTE.match(f"{call.result}{call.made}"), SIDES.get(call.name), kind)
            return table[call.result]
        if call.name == "socketpair" and call.result == 0:
            one, two = map(int, re.findall(r"(?<=[\[ ])\d+(?=[<,\]])", call.arguments)[-2:])
            table[one], table[two] = (self.new(call, None, side, "UNIX") for side in ("client", "server"))
            return table[one]
        number = re.match(r"\d+", call.arguments)
        number = int(number[0]) if number else None
        if note and number not in table:  # it came by another way: with exec, or in a message
            table[number] = self.new(call, note, None)
        index = table.get(number)
        if index is not None:
            self.noted(self.found[index], note, SIDES.get(call.name))
            if call.name == "close" and call.result == 0:
                del table[number]
            if call.name in ("dup", "dup2", "dup3") and (call.result or 0) >= 0:
                table[call.result] = index
        return index

    def new(self, call, note, side, kind="?"):
        kind = re.sub("v6$|-.*", "", note[1]) if note else kind
        self.found.append({"process": call.pid, "kind": kind, "inode": None, "local": None, "peer": None, "side": None})
        self.noted(self.found[-1], note, side)
        return len(self.found) - 1

    @staticmethod
    def noted(known, note, side):
        """Keep what a NOTE says of a socket: its addresses, or an inode number."""
        known["side"] = known["side"] or side
        local, _, peer = re.sub(r',".*', "", note[2]).partition("->") if note else ("", "", "")
        if known["kind"] == "UNIX" or local.isdigit():
            known["inode"] = local or known["inode"]
            known["peer"] = peer or known["peer"]
        else:
            known["local"] = plain(local) or known["local"]
            known["peer"] = plain(peer) or known["peer"]

    def finish(self, calls, ends):
        """The sides by who speaks first, in CALLS of a document; addresses by ENDS, {inode: (local, peer)}."""
        sides = {known["local"] or known["inode"]: known["side"] for known in self.found if known["side"]}
        for call in calls:
            if call["socket"] is not None:
                known = self.found[call["socket"]]
                known["side"] = known["side"] or sides.get(known["local"] or known["inode"] or "") or \
                    SPEAKS.get(call["system_call"])
        for known in self.found:
            if known["kind"] == "TCP" and not known["peer"] and known["inode"] in ends:
                known["local"], known["peer"] = ends[known["inode"]]
        return self.found
