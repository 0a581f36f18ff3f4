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
        table, result = self.tables.setdefault(call.pid, {}), -1 if call.result is None else call.result
        if call.name == "socketpair" and result == 0:
            one, two = map(int, re.findall(r"(?<=[\[ ])\d+(?=[<,\]])", call.arguments)[-2:])
            table[one], table[two] = self.new(call, "UNIX", "client"), self.new(call, "UNIX", "server")
            return table[one]
        made = call.name in ("socket", "accept", "accept4") and result >= 0
        about = f"{result}{call.made}" if made else call.arguments
        number, note = int(re.match(r"\d*", about)[0] or -1), NOTE.match(about)
        if made or note and number not in table:  # else it came by another way: with exec, or in a message
            kind = re.sub("v6$|-.*", "", note[1]) if note else "PACKET" if "AF_PACKET" in call.arguments else "?"
            table[number] = self.new(call, kind)
        if number not in table:
            return None
        index, known = table[number], self.found[table[number]]
        known["side"] = known["side"] or SIDES.get(call.name)
        local, _, peer = re.sub(r',".*', "", note[2]).partition("->") if note else ("", "", "")
        key = "inode" if known["kind"] == "UNIX" or local.isdigit() else "local"
        known[key], known["peer"] = plain(local) or known[key], plain(peer) or known["peer"]
        if call.name == "close" and result == 0:
            del table[number]
        if call.name in ("dup", "dup2", "dup3") and result >= 0:
            table[result] = index
        return index

    def new(self, call, kind, side=None):
        """The index of another socket that CALL has made."""
        self.found.append({"process": call.pid, "kind": kind, "inode": None, "local": None, "peer": None, "side": side})
        return len(self.found) - 1

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
