#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""boot_cases: bundles for what an audit has to say of a boot, by one change each of an honest one.

usage: boot_cases.py CAPTURE CERTIFICATE OUT

CAPTURE is a boot by shim and GRUB with Secure Boot on; CERTIFICATE (DER) is nobody's. Writes OUT/NAME/ for each
case, quoted over what the change makes of the PCRs by OUT/keys/ak.pub, and OUT/cases: lines of NAME, whether
the check boot.profile passes, and what has to be found: code, severity, subject and a text of the message,
each after a tab. The honest case has to give nothing.
"""
import os, struct, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from forge import *

DRIVER_CONFIG, AUTHORITY = 0x80000001, 0x800000E0
X509 = bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072")
SHA256 = bytes.fromhex("2616c4c14c509240aca941f936934328")
OWNER = bytes(range(16))
CASES = []


def case(name, result, *found):
    def keep(make):
        CASES.append((name, result, found, make))
        return make
    return keep


def name_of(event):
    length = struct.unpack_from("<Q", event.data, 16)[0]
    return event.data[32:32 + 2 * length].decode("utf-16-le")


def data_of(event):
    length = struct.unpack_from("<Q", event.data, 16)[0]
    return event.data[32 + 2 * length:]


def variable(event, data, name=None):
    """The event with other contents, or another name, too."""
    name = (name or name_of(event)).encode("utf-16-le")
    whole = event.data[:16] + struct.pack("<QQ", len(name) // 2, len(data)) + name + data
    return Event.over(event.pcr, event.kind, whole)


def find(m, name, nth=0):
    return [i for i, e in enumerate(m.boot) if e.kind in (DRIVER_CONFIG, AUTHORITY) and name_of(e) == name][nth]


def put(m, name, data, nth=0):
    at = find(m, name, nth)
    m.boot[at] = variable(m.boot[at], data)


def entries(kind, *items):
    size = 16 + len(items[0])
    return kind + struct.pack("<III", 28 + size * len(items), 0, size) + b"".join(OWNER + i for i in items)


def lists(data):
    """The lists of a database, whole."""
    while data:
        size = struct.unpack_from("<I", data, 16)[0]
        yield data[:size]
        data = data[size:]


@case("honest", "pass")
def _(m):
    pass


# --- the state --------------------------------------------------------------------------------------------------

@case("secure-boot-off", "fail", ("boot.secure-boot", "high", "PCR 7, SecureBoot", "Secure Boot is off, the release expects it on"))
def _(m):
    put(m, "SecureBoot", b"\0")


@case("setup-mode", "fail", ("boot.secure-boot", "high", "PCR 7, PK", "PK is empty: the firmware is in setup mode"))
def _(m):
    put(m, "PK", b"")


@case("setup-mode-measured", "fail", ("boot.secure-boot", "high", "PCR 7, SetupMode", "SetupMode is on: keys can be enrolled"))
def _(m):
    at = find(m, "SecureBoot")
    m.boot.insert(at + 1, variable(m.boot[at], b"\1", "SetupMode"))


@case("audit-mode", "fail", ("boot.secure-boot", "high", "PCR 7, AuditMode", "AuditMode is on: images run whoever signed them"))
def _(m):
    at = find(m, "dbx")
    m.boot.insert(at + 1, variable(m.boot[at], b"\1", "AuditMode"))


# --- keys and lists ---------------------------------------------------------------------------------------------

@case("db-has-more", "fail", ("boot.keys", "high", "PCR 7, db", "db is not the release's: it has 'Nobody'"))
def _(m):
    put(m, "db", data_of(m.boot[find(m, "db")]) + entries(X509, STRANGER))


@case("db-has-a-digest", "fail", ("boot.keys", "high", "PCR 7, db", "db is not the release's: it has sha256:1111111111111111..."))
def _(m):
    put(m, "db", data_of(m.boot[find(m, "db")]) + entries(SHA256, b"\x11" * 32))


@case("db-has-less", "fail", ("boot.keys", "high", "PCR 7, db", "db is not the release's: it lacks 'Microsoft Windows Production PCA 2011'"))
def _(m):
    put(m, "db", b"".join(l for l in lists(data_of(m.boot[find(m, "db")])) if b"Windows Production" not in l))


@case("db-reordered", "fail", ("boot.keys", "high", "PCR 7, db", "the same entries in another order"))
def _(m):
    put(m, "db", b"".join(reversed(list(lists(data_of(m.boot[find(m, "db")]))))))


@case("another-kek", "fail", ("boot.keys", "high", "PCR 7, KEK", "KEK is not the release's: it has 'Nobody', and lacks "))
def _(m):
    put(m, "KEK", entries(X509, STRANGER))


@case("another-pk", "fail", ("boot.keys", "high", "PCR 7, PK", "PK is not the release's: it has 'Nobody', and lacks 'Debian UEFI Secure Boot (PK/KEK key)'"))
def _(m):
    put(m, "PK", entries(X509, STRANGER))


@case("dbx-older", "fail", ("boot.dbx", "high", "PCR 7, dbx", "dbx is older than the release's: 1 entries are missing (sha256:"))
def _(m):
    put(m, "dbx", b"")


@case("dbx-other", "fail", ("boot.dbx", "high", "PCR 7, dbx", "1 entries are missing (sha256:"))
def _(m):
    put(m, "dbx", entries(SHA256, b"\x11" * 32))


@case("dbx-newer", "pass", ("boot.dbx", "info", "PCR 7, dbx", "dbx is newer than the release's: it has 2 entries more (sha256:1111111111111111..., 'Nobody')"))
def _(m):
    put(m, "dbx", data_of(m.boot[find(m, "dbx")]) + entries(SHA256, b"\x11" * 32) + entries(X509, STRANGER))


@case("dbx-broken", "fail", ("boot.component", "high", "PCR 7, dbx", "is not the release's"))
def _(m):
    put(m, "dbx", data_of(m.boot[find(m, "dbx")])[:-1])


@case("variable-that-lies", "fail", ("boot.component", "high", "PCR 7, db", "is not the release's"),
      ("log.data-mismatch", "high", "PCR 7", "EV_EFI_VARIABLE_DRIVER_CONFIG: the digest is not the hash of its data"))
def _(m):
    at = find(m, "db")
    real = variable(m.boot[at], entries(X509, STRANGER))
    m.boot[at] = Event(7, DRIVER_CONFIG, real.digests, m.boot[at].data)


# --- who authorised ---------------------------------------------------------------------------------------------

@case("another-authority", "fail", ("boot.authority", "high", "PCR 7, db", "an image was authorised by 'Nobody' of db, the release's by 'Microsoft Corporation UEFI CA 2011' of db"))
def _(m):
    put(m, "db", OWNER + STRANGER, 1)


@case("another-shim-authority", "fail", ("boot.authority", "high", "PCR 7, MokListRT", "an image was authorised by 'Nobody' of MokListRT, the release's by 'Debian Secure Boot CA' of MokListRT"))
def _(m):
    put(m, "MokListRT", OWNER + STRANGER)


@case("authority-by-digest", "fail", ("boot.authority", "high", "PCR 7, db", "an image was authorised by sha256:2222222222222222... of db"))
def _(m):
    put(m, "db", OWNER + b"\x22" * 32, 1)


@case("one-authority-more", "fail", ("boot.authority", "high", "PCR 7, db", "an image was authorised by 'Nobody' of db, which authorises none of the release's"))
def _(m):
    at = find(m, "db", 1)
    m.boot.insert(at + 1, variable(m.boot[at], OWNER + STRANGER))


@case("sbat-level-older", "fail", ("boot.dbx", "high", "PCR 7, SbatLevel", "the SBAT level is older than the release's: sbat,1,2021030218"))
def _(m):
    put(m, "SbatLevel", b"sbat,1,2021030218\n")


@case("sbat-level-newer", "pass", ("boot.dbx", "info", "PCR 7, SbatLevel", "the SBAT level is newer than the release's: sbat,1,2099010100"))
def _(m):
    put(m, "SbatLevel", b"sbat,1,2099010100\nshim,4\ngrub,5\n")


# --- command lines ----------------------------------------------------------------------------------------------

def kernel_line(m):
    return next(i for i, e in enumerate(m.boot) if e.data.startswith(b"kernel_cmdline: "))


def change_line(m, change):
    """What GRUB measures of the kernel's command line: the command, and what the kernel gets."""
    old = m.boot[kernel_line(m)].data[len(b"kernel_cmdline: "):].rstrip(b"\0")
    new = change(old)
    for i, e in enumerate(m.boot):
        if e.pcr == 8 and e.kind == IPL and old in e.data:
            data = e.data.replace(old, new)
            text = data.split(b": ", 1)[1].rstrip(b"\0")
            m.boot[i] = Event(8, IPL, [(ALGS[a], H(a, text)) for a in ALGS], data)


WORDS = "PCR 8, command line"


@case("words-added", "fail",
      ("boot.command-line", "high", WORDS, "it has init=/bin/sh (starts another first program), ima=off (switches IMA off), "
       "single (starts a single-user shell), S (starts a single-user shell), efi=runtime (changes how the kernel uses the firmware), harmless; so do PCR 8, "))
def _(m):
    change_line(m, lambda old: old + b" init=/bin/sh ima=off single S efi=runtime harmless")


@case("words-lost", "fail", ("boot.command-line", "high", WORDS, "it lacks ima_policy=tcb (IMA measures less without it); so do PCR 8, "))
def _(m):
    change_line(m, lambda old: old.replace(b" ima_policy=tcb", b""))


@case("words-reordered", "fail", ("boot.command-line", "high", WORDS, "the same words in another order; so do PCR 8, "))
def _(m):
    change_line(m, lambda old: b" ".join(old.split(b" ")[:1] + old.split(b" ")[:0:-1]))


@case("command-line-alone", "fail", ("boot.command-line", "high", WORDS, "it has selinux=0 (switches SELinux off)"))
def _(m):
    at = kernel_line(m)
    text = m.boot[at].data[len(b"kernel_cmdline: "):].rstrip(b"\0") + b" selinux=0"
    m.boot[at] = Event(8, IPL, [(ALGS[a], H(a, text)) for a in ALGS], b"kernel_cmdline: " + text + b"\0")


def main():
    global STRANGER
    capture, certificate, out = sys.argv[1:]
    with open(certificate, "rb") as f:
        STRANGER = f.read()
    os.makedirs(out + "/keys", exist_ok=True)
    keys = {"ak": Key(out + "/keys", "ak", "ec:P-256")}
    with open(out + "/keys/ak.pub", "wb") as f:
        f.write(keys["ak"].public())
    with open(out + "/cases", "w") as cases:
        for name, result, found, make in CASES:
            machine = Machine(capture, keys)
            make(machine)
            machine.boot_again()
            machine.write(out + "/" + name)
            print(name, result, *("\t".join(one) for one in found), sep="\t", file=cases)


main()
