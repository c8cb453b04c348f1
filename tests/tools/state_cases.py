#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""state_cases: bundles of one machine at several times, for audits that go on where another ended.

usage: state_cases.py CAPTURE OUT KEYS

Writes, for each KIND of list (honest, attacked: with an unknown file, padded: in two banks, kexec: two kernels):
OUT/KIND/whole/      all entries, and a quote over them
OUT/KIND/first-N/    the first N entries, and a quote over them, from before
OUT/KIND/rest-N/     the other entries only, and the quote of the whole
and OUT/history/, OUT/boot/, OUT/reboot/: what the same machine may show later. Prints lines of KIND and N.
"""
import copy, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from forge import *


def main():
    capture, out, keys = sys.argv[1:]
    os.makedirs(keys, exist_ok=True)
    key = {"ak": Key(keys, "ak"), "other": Key(keys, "other")}
    for name in key:
        with open(keys + "/%s.pub" % name, "wb") as f:
            f.write(key[name].public())

    def machine():
        return Machine(capture, key)

    def write(m, name):
        os.makedirs(out + "/" + name, exist_ok=True)
        m.write(out + "/" + name)

    kinds = {}
    for kind in ("honest", "attacked", "padded", "kexec"):
        m = machine()
        selection = [("sha256", ALL)]
        m.systemd()
        selection = [("sha256", range(16))]
        if kind == "attacked":
            m.ima.insert(3, Entry.of("/usr/bin/evil", H("sha256", b"evil")))
            m.ima.insert(40, Entry.of("/usr/bin/evil2", H("sha256", b"evil2")))
        if kind == "padded":
            m.padded = {"sha256"}
            selection = [("sha1", range(16)), ("sha256", range(16))]
        if kind == "kexec":
            command = b"console=ttyS0"
            m.ima.insert(30, Entry([b"sha256:\0" + H("sha256", command), b"kexec-cmdline\0", command], "ima-buf"))
            m.ima.insert(31, m.aggregate())
        kinds[kind] = (m, selection)
    for kind, (m, selection) in kinds.items():
        whole = copy.deepcopy(m)
        whole.quote(selection, clock=200)
        write(whole, kind + "/whole")
        for n in (1, 4, 31, len(m.ima) - 1, len(m.ima)):
            first = copy.deepcopy(m)
            del first.ima[n:]
            if n == 4: # user space's log grows, too
                del first.user[-2:]
            first.quote(selection, clock=100)
            write(first, "%s/first-%d" % (kind, n))
            rest = copy.deepcopy(whole)
            rest.ima_bytes = b"".join(e.bytes() for e in m.ima[n:])
            write(rest, "%s/rest-%d" % (kind, n))
            print(kind, n)
    m, selection = kinds["honest"]
    other = copy.deepcopy(m)
    other.ima[20] = Entry.of("/usr/bin/evil", H("sha256", b"evil"))
    other.quote(selection, clock=300)
    write(other, "history")
    other = copy.deepcopy(m)
    other.boot.append(Event.over(14, IPL, b"something else"))
    other.quote(selection, clock=300)
    write(other, "boot")
    other = copy.deepcopy(m)
    other.user[13] = Userspace(11, "ready")
    other.quote(selection, clock=300)
    write(other, "userspace")
    other = copy.deepcopy(m)
    other.ima[20] = Entry.of("/usr/bin/evil", H("sha256", b"evil"))
    other.quote(selection, clock=300, reset=3)
    write(other, "reboot")
    for name, more in (("clock", {"clock": 150}), ("reset", {"clock": 300, "reset": 1}), ("restart", {"clock": 300, "restart": 0})):
        other = copy.deepcopy(m)
        other.quote(selection, **more)
        write(other, "rollback-" + name)
    other = copy.deepcopy(m)
    other.quote(selection, clock=200, restart=1)
    write(other, "restarted")


main()
