#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""verdict_cases: one bundle for each sentence of the rules of judgement, by one change of an honest one.

usage: verdict_cases.py CAPTURE OUT [NAME...]     all cases, or these
       verdict_cases.py --catalogue               prints docs/verdict-catalogue.md

Writes OUT/tree (files of the release besides the capture's), OUT/NAME/ for each case, OUT/keys/*.pub (what an operator may name), OUT/NAME.policy where a
case has one, and OUT/cases: lines of
NAME, verdict, "code:severity ..." (all findings but those of the honest bundle), options and the rule,
between tabs. docs/verdict-catalogue.md is the same list for people.
"""
import json, os, shutil, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import authority
from forge import *
import signature_cases
import tdx
import wrap_evidence

CASES = []
GOOD = "--ak @keys/ak.pub --nonce " + NONCE.hex()


def case(name, verdict, findings="", options=GOOD, rule="", policy=None):
    """verdict: pass, fail, incomplete, or several that are right, between bars"""
    def keep(make):
        CASES.append((name, verdict, findings, options, rule, policy, make))
        return make
    return keep


WC = "/usr/bin/wc"
ID = "/usr/lib/x86_64-linux-gnu/libc.so.6"
CONF = "/etc/nsswitch.conf"
EVIL = H("sha256", b"evil")
# A program of the release (OUT/tree) whose SHA-1 begins as a signature in security.ima does (03).
TOOL = "/usr/bin/tool"
TOOL_BYTES = next(b for b in (b"#!/bin/sh\n: %d\n" % i for i in range(1 << 16)) if H("sha1", b)[0] == 3)


def digest(m, path):
    return m.ima[m.entry(path)].fields[0].split(b"\0", 1)[1]


# --- honest, and odd but honest -------------------------------------------------------------------

R = "From findings to an exit status"


@case("honest", "pass", rule=R)
def _(m):
    pass


@case("honest-three-banks", "pass", rule="Quote: the strongest bank decides")
def _(m):
    m.quote([("sha1", ALL), ("sha256", ALL), ("sha384", ALL)])


@case("honest-padded-banks", "pass", rule="IMA: each bank may use the padded SHA-1")
def _(m):
    m.padded = {"sha256", "sha384"}
    m.quote([("sha256", ALL), ("sha384", ALL)])


@case("honest-own-and-padded", "pass", rule="IMA: each bank its own way")
def _(m):
    m.padded = {"sha384"}
    m.quote([("sha1", ALL), ("sha256", ALL), ("sha384", ALL)])


@case("honest-sha1-beside-sha256-in-parts", "pass", rule="Quote: several quotes, PCRs in parts")
def _(m):
    m.quote([("sha256", range(8))])
    m.quote([("sha256", range(8, 15))], name="rest")


@case("honest-one-bank-in-two-selections", "pass", rule="Quote: selection")
def _(m):
    m.quote([("sha256", range(8)), ("sha256", range(8, 15))])


@case("honest-no-pcrs-file", "pass", rule="Quote: quote.pcrs may be absent")
def _(m):
    m.quote(pcrs_file=False)


@case("honest-no-pcrs-file-padded", "pass", rule="Quote: quote.pcrs may be absent")
def _(m):
    m.padded = {"sha256"}
    m.quote(pcrs_file=False)


@case("honest-log-past-the-quote", "pass", rule="IMA: entries after the prefix, all known, may pass")
def _(m):
    tail = m.ima[-3:]
    del m.ima[-3:]
    m.quote()
    m.ima += tail


@case("honest-log-past-the-quote-no-pcrs-file", "pass", rule="IMA: entries after the prefix, all known, may pass")
def _(m):
    tail = m.ima[-3:]
    del m.ima[-3:]
    m.quote(pcrs_file=False)
    m.ima += tail


@case("quotes-at-two-times", "pass", rule="IMA: the longest prefix that reproduces quoted PCR 10")
def _(m):
    tail = m.ima[-3:]
    del m.ima[-3:]
    m.quote(clock=100)
    m.ima += tail
    m.quote(name="later", clock=200)


@case("honest-trailing-zeros", "pass", rule="Boot log: the area is larger than the log")
def _(m):
    m.quote()
    m.files["binary_bios_measurements"] = m.spec_id + b"".join(e.bytes() for e in m.boot) + bytes(4096)


@case("honest-trailing-ones", "pass", rule="Boot log: the area is larger than the log")
def _(m):
    m.quote()
    m.files["binary_bios_measurements"] = m.spec_id + b"".join(e.bytes() for e in m.boot) + b"\xff" * 4096


@case("honest-appended-records", "pass", rule="Boot log: trailing records some systems add are passed over and counted")
def _(m):
    m.quote()
    for i in range(3):
        m.boot.append(Event(0xFFFFFFFF, NO_ACTION, [(ALGS["sha256"], H("sha256", bytes([i])))] if i else [], b"WBCL\0" + bytes(16)))
    for event in m.boot[-3:]:
        event.digests = [(a, H(n, b"x")) for n, a in ALGS.items()]


@case("honest-unknown-event-type", "pass", rule="Boot log: unknown types are kept")
def _(m):
    m.boot.append(Event.over(14, 0x0A0A0A0A, b"what nobody knows"))


@case("honest-no-action-with-zeros", "pass", rule="Boot log: EV_NO_ACTION never extends")
def _(m):
    m.boot.insert(3, Event(5, NO_ACTION, [(a, bytes(size_of(n))) for n, a in ALGS.items()], b"a note"))


@case("honest-locality-3", "pass", rule="Boot log: startup locality from its event")
def _(m):
    m.locality = 3
    m.boot.insert(0, Event(0, NO_ACTION, [(a, bytes(size_of(n))) for n, a in ALGS.items()], b"StartupLocality\0\3"))
    m.boot_again()


@case("honest-locality-3-no-pcrs-file", "pass", rule="Boot log: startup locality from its event")
def _(m):
    m.locality = 3
    m.boot.insert(0, Event(0, NO_ACTION, [(a, bytes(size_of(n))) for n, a in ALGS.items()], b"StartupLocality\0\3"))
    m.boot_again()
    m.quote(pcrs_file=False)


@case("locality-3-unstated", "pass", "log.locality:low", rule="Boot log: absent, and 0 doesn't fit but 3 does: low")
def _(m):
    m.locality = 3
    m.boot_again()


@case("locality-4-unstated", "pass", "log.locality:low", rule="Boot log: absent, and 0 doesn't fit but 4 does: low")
def _(m):
    m.locality = 4
    m.boot_again()


@case("locality-3-unstated-no-pcrs-file", "pass", "log.locality:low", rule="Boot log: absent, and 0 doesn't fit but 3 does: low")
def _(m):
    m.locality = 3
    m.boot_again()
    m.quote(pcrs_file=False)


@case("locality-4-unstated-no-pcrs-file", "pass", "log.locality:low", rule="Boot log: absent, and 0 doesn't fit but 4 does: low")
def _(m):
    m.locality = 4
    m.boot_again()
    m.quote(pcrs_file=False)


@case("locality-3-unstated-log-past-the-quote-no-pcrs-file", "pass", "log.locality:low",
      rule="Boot log: absent, and 0 doesn't fit but 3 does: low")
def _(m):
    m.locality = 3
    m.boot_again()
    tail = m.ima[-3:]
    del m.ima[-3:]
    m.quote(pcrs_file=False)
    m.ima += tail


@case("honest-ascii-list", "pass", rule="Bundle: binary or ascii list")
def _(m):
    m.files["ascii_runtime_measurements"] = b"".join(e.text() for e in m.ima)
    m.files["binary_runtime_measurements"] = None


@case("honest-sha256-list", "pass", rule="Bundle: files by name (*_sha256)")
def _(m):
    m.files["binary_runtime_measurements_sha256"] = b"".join(e.bytes("sha256") for e in m.ima)
    m.files["binary_runtime_measurements"] = None


@case("honest-ima-ng", "pass", rule="IMA: templates")
def _(m):
    for e in m.ima:
        e.fields, e.name = e.fields[:2], "ima-ng"


@case("honest-ngv2", "pass", rule="IMA: templates")
def _(m):
    for e in m.ima:
        e.fields, e.name = [b"ima:" + e.fields[0], e.fields[1]], "ima-ngv2"


@case("honest-format-string", "pass", rule="IMA: a descriptor without a name shows its format")
def _(m):
    for e in m.ima:
        e.name = "d-ng|n-ng|sig"


@case("honest-first-kexec", "pass", "ima.kexec:info", rule="IMA: a further boot_aggregate is a kexec: info")
def _(m):
    buf = b"console=ttyS0"
    m.add(Entry([b"sha256:\0" + H("sha256", buf), b"kexec-cmdline\0", buf], "ima-buf"), m.aggregate())
    m.add(Entry.of(WC, digest(m, WC)))


@case("kexec-unmeasured", "pass", "ima.kexec:medium", rule="IMA: a kexec'd kernel that no event measured is medium by default")
def _(m):
    m.add(m.aggregate(), Entry.of(WC, digest(m, WC)))


@case("honest-odd-name", "incomplete", "ima.unknown-file:high", rule="IMA: paths are bytes")
def _(m):
    m.quote()
    m.add(Entry.of("/srv/\u65e5\u672c_(1);$x'".encode(), EVIL))
    # high, but after the quote: weakened
    CASES_FIX["honest-odd-name"] = "ima.unknown-file:medium"


CASES_FIX = {}

def kexec_record(m, name="kexec_execute", lost=0, segment=1 << 20, size=4096):
    text = b"kexec_segment_size=%d;ima_binary_runtime_size=%d;ima_runtime_measurements_count=%d;" % (segment, size, len(m.ima) + lost)
    m.add(Entry([b"sha256:\0" + H("sha256", text), name.encode() + b"\0", text], "ima-buf"))


@case("honest-kexec-twice", "pass", "ima.kexec:info", rule="IMA: a further boot_aggregate is a kexec: info")
def _(m):
    for command in (b"console=ttyS0", b"console=ttyS0 quiet"):
        m.add(Entry([b"sha256:\0" + H("sha256", command), b"kexec-cmdline\0", command], "ima-buf"))
        kexec_record(m, "kexec_load")
        kexec_record(m)
        m.add(m.aggregate(), Entry.of(WC, digest(m, WC)))


@case("kexec-lost-entries", "fail", "ima.lost-entries:high", rule="facts 3.7: counts tell lost records")
def _(m):
    kexec_record(m, lost=3)
    m.add(m.aggregate())


@case("kexec-too-little-memory", "pass", "ima.lost-entries:medium ima.kexec:info", rule="facts 3.7: the buffer can be too small")
def _(m):
    kexec_record(m, segment=1024)
    m.add(m.aggregate())


@case("kexec-entries-removed", "fail", "ima.lost-entries:high ima.unattested:high pcr.mismatch:critical", rule="IMA: no prefix but the empty one")
def _(m):
    kexec_record(m)
    m.add(m.aggregate())
    m.quote()
    del m.ima[20:25]


@case("kexec-splice-of-another-boot", "fail", "ima.boot-aggregate:high", rule="IMA: a further boot_aggregate: same rules")
def _(m):
    kexec_record(m)
    m.add(Entry.of("boot_aggregate", H("sha256", b"another boot")))


@case("kexec-list-not-restored", "fail", "ima.unattested:high pcr.mismatch:critical", rule="IMA: no prefix but the empty one")
def _(m):
    kexec_record(m)
    n = len(m.ima)
    m.add(m.aggregate(), Entry.of(WC, digest(m, WC)))
    m.quote()
    del m.ima[:n]


# --- quotes ------------------------------------------------------------------------------------------

Q = "Quote: "


@case("magic", "fail", "quote.structure:critical", rule=Q + "magic")
def _(m):
    m.quote(magic=0xFF544346)


@case("magic-lookalike-of-external-data", "fail", "quote.structure:critical", rule=Q + "magic")
def _(m):
    m.quote(magic=0x00000000)


@case("certify-instead-of-quote", "fail", "quote.structure:critical", rule=Q + "type quote")
def _(m):
    m.quote(kind=0x8017)


@case("type-time", "fail", "quote.structure:critical", rule=Q + "type quote")
def _(m):
    m.quote(kind=0x8019)


@case("bytes-before", "fail", "quote.structure:critical", rule=Q + "no bytes before")
def _(m):
    m.quote(before=b"\0")


@case("size-before", "fail", "quote.structure:critical", rule=Q + "no bytes before")
def _(m):
    m.quote()
    inner = m.files["quote.msg"]
    m.files["quote.msg"] = tpm2b(inner)
    m.files["quote.sig"] = m.keys["ak"].sign(m.files["quote.msg"])


@case("bytes-after", "fail", "quote.structure:critical", rule=Q + "no bytes after")
def _(m):
    m.quote(after=b"\0")


@case("bytes-after-unsigned", "fail", "quote.structure:critical quote.signature:critical", rule=Q + "no bytes after")
def _(m):
    m.quote()
    m.files["quote.msg"] += b"\0"


@case("signature-of-another-key", "fail", "quote.signature:critical", rule=Q + "signature")
def _(m):
    m.quote()
    m.files["quote.sig"] = m.keys["other"].sign(m.files["quote.msg"])


@case("signature-all-zeros", "fail", "quote.signature:critical", rule=Q + "signature")
def _(m):
    m.quote()
    m.files["quote.sig"] = m.files["quote.sig"][:6] + bytes(256)


@case("signature-empty", "fail", "quote.signature:critical|quote.malformed:high", rule=Q + "signature")
def _(m):
    m.quote()
    m.files["quote.sig"] = be(0x14, 2) + be(0xB, 2) + tpm2b(b"")


@case("signature-null-algorithm", "fail", "quote.signature:critical", rule=Q + "signature: a TPM's way to say not signed")
def _(m):
    m.quote()
    m.files["quote.sig"] = be(0x10, 2)


@case("signature-file-empty", "fail", "quote.malformed:high", rule=Q + "a malformed signature is a finding")
def _(m):
    m.quote()
    m.files["quote.sig"] = b""


@case("signature-missing", "incomplete", rule=Q + "signature")
def _(m):
    m.quote()
    m.files["quote.sig"] = None


@case("message-empty", "fail", "quote.malformed:high", rule=Q + "a malformed quote is a finding")
def _(m):
    m.quote()
    m.files["quote.msg"] = b""


@case("message-missing", "incomplete", rule=Q + "no quote: incomplete")
def _(m):
    m.quote()
    m.files["quote.msg"] = None


@case("signed-with-sha1", "fail", "quote.weak-hash:high", rule=Q + "SHA-1 as signature hash",
      options="--ak @keys/sha1.pub --nonce " + NONCE.hex())
def _(m):
    m.quote(key="sha1")


@case("signed-with-another-hash-than-the-key", "fail", "quote.signature:critical", rule=Q + "the scheme and hash must be the key's own")
def _(m):
    m.quote(hash_alg="sha384")


@case("signature-hash-relabelled", "fail", "quote.signature:critical", rule=Q + "those of the signature structure")
def _(m):
    m.quote()
    m.files["quote.sig"] = m.files["quote.sig"][:2] + be(0x0C, 2) + m.files["quote.sig"][4:]


@case("plain-signature", "pass", rule=Q + "a raw signature takes the scheme from the key")
def _(m):
    m.quote()
    m.files["quote.sig"] = m.files["quote.sig"][6:]


@case("plain-signature-key-without-scheme", "incomplete", rule=Q + "if the key has none, it is not judged")
def _(m):
    m.quote()
    m.files["quote.sig"] = m.files["quote.sig"][6:]
    m.files["ak.pub"] = m.keys["ak"].public(scheme=False)


@case("plain-signature-key-pem", "incomplete", rule=Q + "if the key has none, it is not judged")
def _(m):
    m.quote()
    m.files["quote.sig"] = m.files["quote.sig"][6:]
    m.files["ak.pub"] = None
    m.files["ak.pem"] = m.keys["ak"].pem()


@case("nonce-of-operator-differs", "fail", "quote.nonce:critical", rule=Q + "--nonce given and different: critical",
      options="--ak @keys/ak.pub --nonce 00")
def _(m):
    pass


@case("nonce-prefix-only", "fail", "quote.nonce:critical", rule=Q + "--nonce given and different: critical")
def _(m):
    m.quote(nonce=NONCE[:8])


@case("nonce-and-more", "fail", "quote.nonce:critical", rule=Q + "--nonce given and different: critical")
def _(m):
    m.quote(nonce=NONCE + b"\0")


@case("nonce-empty-in-quote", "fail", "quote.nonce:critical", rule=Q + "--nonce given and different: critical")
def _(m):
    m.quote(nonce=b"")


@case("nonce-file-says-otherwise", "pass", rule=Q + "the operator's nonce counts")
def _(m):
    m.files["nonce"] = b"0badc0de\n"


@case("nonce-of-bundle-differs", "fail", "quote.nonce:high", rule=Q + "a bundle's own nonce that differs: high", options="--ak @keys/ak.pub")
def _(m):
    m.files["nonce"] = b"0badc0de\n"


@case("nonce-of-bundle-fits", "pass", rule=Q + "none given: does not lower the verdict", options="--ak @keys/ak.pub")
def _(m):
    m.files["nonce"] = NONCE.hex().encode()


@case("nonce-none", "pass", rule=Q + "none given: does not lower the verdict", options="--ak @keys/ak.pub")
def _(m):
    pass


@case("nonce-own-records-differ", "fail", "quote.nonce:critical", rule=Q + "own-records and different: critical",
      options="--ak @keys/ak.pub", policy="[evidence]\nown-records = yes\n")
def _(m):
    m.files["nonce"] = b"0badc0de\n"


@case("nonce-required", "incomplete", rule=Q + "by default does not lower the verdict", options="--ak @keys/ak.pub",
      policy="[evidence]\nrequire-nonce = yes\n")
def _(m):
    m.files["nonce"] = NONCE.hex().encode()


@case("nonce-empty-file", "fail", "quote.malformed:high", rule=Q + "nonce", options="--ak @keys/ak.pub")
def _(m):
    m.files["nonce"] = b""


@case("nonce-right-in-one-quote-only", "fail", "quote.nonce:critical", rule=Q + "several quotes, each is judged")
def _(m):
    m.quote()
    m.quote(name="old", nonce=b"yesterday")


@case("no-quote", "incomplete", rule=Q + "no quote: incomplete")
def _(m):
    m.quoted = True
    m.files["ak.pub"] = m.keys["ak"].public()


@case("one-of-two-quotes-is-bad", "fail", "quote.signature:critical", rule=Q + "several quotes, each is judged")
def _(m):
    m.quote()
    m.quote(name="two")
    m.files["quote-two.sig"] = m.keys["other"].sign(m.files["quote-two.msg"])


@case("one-of-two-quotes-does-not-fit", "fail", "pcr.mismatch:critical", rule=Q + "several quotes, each is judged")
def _(m):
    m.quote()
    m.more = [(4, b"another image")]
    m.quote(name="two")


@case("second-quote-by-unbound-key", "incomplete", "key.unbound:medium", rule="Keys: none: key.unbound, incomplete")
def _(m):
    m.quote()
    m.quote(name="two", key="other")


@case("second-quote-by-unbound-key-covers-the-rest", "incomplete", "key.unbound:medium pcr.unquoted:medium",
      rule="Keys: an unbound key's quote covers nothing")
def _(m):
    m.quote([("sha256", range(9))])
    m.quote(name="two", key="other")


@case("unbound-key-vouches-for-ima", "incomplete", "key.unbound:medium pcr.unquoted:medium",
      rule="Keys: an unbound key's quote covers nothing")
def _(m):
    m.quote([("sha256", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14])])
    m.quote([("sha256", [10])], name="two", key="other")


@case("named-quote-with-another-named-key", "fail", "quote.signature:critical", rule=Q + "quote-NAME with ak-NAME")
def _(m):
    m.quote()
    m.quote(name="two")
    m.files["ak-two.pub"] = m.keys["other"].public()


@case("named-quote-without-its-key", "pass", rule=Q + "else any AK in the bundle that verifies it")
def _(m):
    m.quote()
    m.quote(name="two")
    m.files["ak-two.pub"] = None


@case("values-of-another-boot", "fail", "quote.pcr-digest:critical", rule=Q + "quote.pcrs must hash to the signed digest")
def _(m):
    m.quote()
    kept = m.files["quote.pcrs"]
    m.more = [(9, b"another kernel")]
    m.quote()
    m.files["quote.pcrs"] = kept


@case("values-with-another-selection", "fail", "quote.pcr-digest:critical", rule=Q + "over the signed selection")
def _(m):
    m.quote([("sha256", [14])])
    few = m.files["quote.pcrs"]
    m.quote()
    m.files["quote.pcrs"] = few


@case("values-file-of-more-pcrs", "pass", rule=Q + "over the signed selection")
def _(m):
    m.quote([("sha256", list(range(24))), ("sha1", ALL)])
    many = m.files["quote.pcrs"]
    m.quote()
    m.files["quote.pcrs"] = many


@case("values-forged-for-unquoted-pcrs", "incomplete", "pcr.unquoted:medium", rule=Q + "over the signed selection")
def _(m):
    m.quote([("sha256", list(range(24)))])
    many = m.files["quote.pcrs"]
    m.quote([("sha256", range(9))])
    m.files["quote.pcrs"] = many


@case("values-cut-short", "fail", "quote.malformed:high", rule=Q + "a malformed quote is a finding")
def _(m):
    m.quote()
    m.files["quote.pcrs"] = m.files["quote.pcrs"][:-1]


@case("values-plain", "pass", rule=Q + "quote.pcrs: values")
def _(m):
    m.quote()
    m.files["quote.pcrs"] = b"".join(m.pcrs("sha256")[i] for i in ALL)


@case("selection-empty", "fail", "quote.selection:high", rule=Q + "selection empty: high")
def _(m):
    m.quote([])


@case("selection-empty-bank", "fail", "quote.selection:high", rule=Q + "selection without any TPM PCR: high")
def _(m):
    m.quote([("sha256", [])])


@case("selection-beyond-only", "fail", "quote.selection:high", rule=Q + "selection without any TPM PCR: high")
def _(m):
    m.quote([("sha256", [])], beyond=[24, 25])


@case("selection-beyond-too", "pass", "quote.selection:medium", rule=Q + "bits for PCRs the TPM lacks: medium")
def _(m):
    m.quote(beyond=[24, 31])


@case("selection-beyond-too-with-values", "pass", "quote.selection:medium", rule=Q + "bits for PCRs the TPM lacks: medium")
def _(m):
    m.quote([("sha1", ALL), ("sha256", ALL)], beyond=[24, 31])


@case("selection-beyond-too-no-pcrs-file", "pass", "quote.selection:medium", rule=Q + "bits for PCRs the TPM lacks: medium")
def _(m):
    m.quote(beyond=[30], pcrs_file=False)


@case("selection-empty-beside-good", "fail", "quote.selection:high", rule=Q + "several quotes, each is judged")
def _(m):
    m.quote()
    m.quote([], name="two")


@case("sha1-only", "fail", "quote.weak-bank:high", rule=Q + "only SHA-1 quoted: high by default")
def _(m):
    m.quote([("sha1", ALL)])


@case("sha1-only-allowed", "pass", "quote.weak-bank:medium", rule=Q + "only SHA-1 quoted: high by default",
      policy="[severity]\nquote.weak-bank = medium\n")
def _(m):
    m.ima[0] = m.aggregate("sha1", 8)
    m.quote([("sha1", ALL)])


@case("sha1-only-allowed-aggregate-of-sha256", "incomplete", "quote.weak-bank:medium", rule="IMA: boot_aggregate from the quoted values",
      policy="[severity]\nquote.weak-bank = medium\n")
def _(m):
    m.quote([("sha1", ALL)])


@case("sha1-for-the-rest", "incomplete", "pcr.unquoted:medium", rule="Boot log: a PCR in SHA-1 only is not covered")
def _(m):
    m.quote([("sha256", range(9)), ("sha1", ALL)])


@case("sha1-beside-sha256-of-one-pcr", "incomplete", "pcr.unquoted:medium", rule="Boot log: a PCR in SHA-1 only is not covered")
def _(m):
    m.quote([("sha256", [23]), ("sha1", ALL)])


@case("sha256-bank-with-no-pcrs", "fail", "quote.weak-bank:high", rule=Q + "only SHA-1 quoted: high by default")
def _(m):
    m.quote([("sha256", []), ("sha1", ALL)])


@case("bank-the-log-lacks", "incomplete", "pcr.bank:medium", rule=Q + "a quoted bank the boot log lacks: incomplete")
def _(m):
    m.quote([("sha256", ALL), ("sha384", ALL)])
    n = len(ALGS)
    fields = m.spec_id[32:]
    algs = b"".join(le(a, 2) + le(size_of(k), 2) for k, a in ALGS.items() if k != "sha384")
    body = fields[:24] + le(n - 1) + algs + b"\0"
    m.spec_id = m.spec_id[:28] + le(len(body)) + body
    for e in m.boot:
        e.digests = [d for d in e.digests if d[0] != ALGS["sha384"]]


@case("only-bank-the-log-lacks", "incomplete", "pcr.bank:medium", rule=Q + "a quoted bank the boot log lacks: incomplete")
def _(m):
    m.quote()
    algs = b"".join(le(a, 2) + le(size_of(k), 2) for k, a in ALGS.items() if k != "sha256")
    body = m.spec_id[32:56] + le(len(ALGS) - 1) + algs + b"\0"
    m.spec_id = m.spec_id[:28] + le(len(body)) + body
    for e in m.boot:
        e.digests = [d for d in e.digests if d[0] != ALGS["sha256"]]


@case("bank-nobody-knows", "incomplete", "pcr.bank:medium", rule=Q + "a quoted bank the boot log lacks: incomplete")
def _(m):
    m.quote([("sha256", ALL), (0x0027, [0])], pcrs_file=False)


@case("bank-nobody-knows-with-values", "incomplete", "pcr.bank:medium", rule=Q + "a quoted bank the boot log lacks: incomplete")
def _(m):
    m.quote([("sha256", ALL), (0x0027, [0])])


@case("only-bank-nobody-knows", "incomplete", "pcr.bank:medium", rule=Q + "a quoted bank the boot log lacks: incomplete")
def _(m):
    m.quote([(0x0027, ALL)], pcrs_file=False)


@case("only-bank-nobody-knows-with-values", "incomplete", "pcr.bank:medium", rule=Q + "a quoted bank the boot log lacks: incomplete")
def _(m):
    m.quote([(0x0027, ALL)])
    m.files["quote.pcrs"] = bytes(range(32)) * len(ALL)


@case("restart-count-backwards", "fail", "quote.rollback:high", rule=Q + "counters going backwards")
def _(m):
    m.quote(clock=100, reset=5, restart=3)
    m.quote(name="later", clock=200, reset=5, restart=2)


@case("honest-quotes-of-two-boots", "incomplete", rule=Q + "each is judged; the logs are of one boot")
def _(m):
    kept, m.boot = m.boot, m.boot[:-1]
    m.quote(name="before", clock=100, reset=4)
    m.boot = kept
    m.quote(clock=200, reset=5)


@case("quote-of-an-earlier-boot-fits-the-logs", "fail", "pcr.mismatch:critical", rule=Q + "the logs are of the latest boot")
def _(m):
    m.quote(name="before", clock=100, reset=4)
    m.more = [(4, b"evil")]
    m.quote(clock=200, reset=5)


@case("later-quote-covers-less", "fail", "quote.rollback:high", rule=Q + "clock going backwards")
def _(m):
    tail = m.ima[-3:]
    del m.ima[-3:]
    m.quote(clock=200)
    m.ima += tail
    m.quote(name="earlier", clock=100)


@case("later-quote-covers-less-of-user-space", "fail", "quote.rollback:high", rule=Q + "clock going backwards")
def _(m):
    m.systemd()
    tail = m.user[-2:]
    del m.user[-2:]
    m.quote([("sha256", range(16))], clock=200)
    m.user += tail
    m.quote([("sha256", range(16))], name="earlier", clock=100)


@case("reset-count-backwards", "fail", "quote.rollback:high", rule=Q + "counters going backwards")
def _(m):
    m.quote(clock=100, reset=5)
    m.quote(name="later", clock=200, reset=4)


@case("clock-backwards", "fail", "quote.rollback:high", rule=Q + "counters going backwards")
def _(m):
    m.quote(clock=200, reset=4)
    m.quote(name="later", clock=100, reset=5)


@case("clock-unsafe", "pass", "quote.unsafe:low", rule=Q + "safe = no: low")
def _(m):
    m.quote(safe=0)


@case("clock-safe-neither", "fail", "quote.malformed:high", rule=Q + "structure")
def _(m):
    m.quote(safe=2)


@case("pcr-digest-empty", "fail", "quote.pcr-digest:critical", rule=Q + "quote.pcrs must hash to the signed digest")
def _(m):
    m.quote(digest=b"")


@case("pcr-digest-empty-no-pcrs-file", "fail", "pcr.mismatch:critical", rule=Q + "quote.pcrs may be absent")
def _(m):
    m.quote(digest=b"", pcrs_file=False)


# --- keys ----------------------------------------------------------------------------------------------

K = "Keys: "
for bit, what in ((0x2, "fixed-tpm"), (0x10, "fixed-parent"), (0x20, "sensitive-data-origin"), (0x10000, "restricted"), (0x40000, "sign")):
    @case("key-not-" + what, "fail", "key.attributes:critical", rule=K + "an AK must be " + what)
    def _(m, bit=bit):
        m.quote()
        m.files["ak.pub"] = m.keys["ak"].public(GOOD_KEY & ~bit)


@case("key-decrypt", "fail", "key.attributes:critical", rule=K + "an AK must be not decrypt")
def _(m):
    m.quote()
    m.files["ak.pub"] = m.keys["ak"].public(GOOD_KEY | 0x20000)


@case("operators-key-not-restricted", "fail", "key.attributes:critical", rule=K + "attributes; nothing in a bundle vouches for itself",
      options="--ak @keys/unrestricted.pub --nonce " + NONCE.hex())
def _(m):
    m.quote(key="unrestricted")
    m.files["ak.pub"] = m.keys["unrestricted"].public(GOOD_KEY)


@case("operators-key-not-restricted-none-in-bundle", "fail", "key.attributes:critical", rule=K + "attributes",
      options="--ak @keys/unrestricted.pub --nonce " + NONCE.hex())
def _(m):
    m.quote(key="unrestricted")
    m.files["ak.pub"] = None


@case("operators-key-not-restricted-pem-in-bundle", "fail", "key.attributes:critical", rule=K + "attributes",
      options="--ak @keys/unrestricted.pub --nonce " + NONCE.hex())
def _(m):
    m.quote(key="unrestricted")
    m.files["ak.pub"] = None
    m.files["ak.pem"] = m.keys["unrestricted"].pem()


@case("key-1024", "fail", "key.weak:high", rule=K + "RSA >= 2048", options="--ak @keys/short.pub --nonce " + NONCE.hex())
def _(m):
    m.quote(key="short")


@case("key-exponent-3", "fail", "key.attributes:critical", rule=K + "exponent 65537", options="--ak @keys/three.pub --nonce " + NONCE.hex())
def _(m):
    m.quote(key="three")


@case("key-p224", "fail", "key.weak:high", rule=K + "P-256, P-384, P-521", options="--ak @keys/p224.pub --nonce " + NONCE.hex())
def _(m):
    m.quote(key="p224")


@case("key-p384", "pass", rule=K + "P-256, P-384, P-521", options="--ak @keys/p384.pub --nonce " + NONCE.hex())
def _(m):
    m.quote(key="p384")


@case("key-name-alg-sha1", "fail", "key.attributes:critical", rule=K + "nameAlg SHA-256 or stronger", options="--ak @keys/name1.pub --nonce " + NONCE.hex())
def _(m):
    m.quote(key="name1")


@case("key-pem-unnamed", "incomplete", "key.unbound:medium", rule=K + "ak.pem alone hides the attributes", options="--nonce " + NONCE.hex())
def _(m):
    m.quote()
    m.files["ak.pub"] = None
    m.files["ak.pem"] = m.keys["ak"].pem()


@case("key-pem-named", "pass", rule=K + "unless --ak names that key")
def _(m):
    m.quote()
    m.files["ak.pub"] = None
    m.files["ak.pem"] = m.keys["ak"].pem()


@case("key-pem-differs", "fail", "key.conflict:high", rule=K + "ak.pem and ak.pub that differ")
def _(m):
    m.quote()
    m.files["ak.pem"] = m.keys["other"].pem()


@case("key-pem-is-the-signer", "fail", "key.conflict:high quote.signature:critical", rule=K + "ak.pem and ak.pub that differ")
def _(m):
    m.quote()
    m.files["ak.pub"] = m.keys["other"].public()
    m.files["ak.pem"] = m.keys["ak"].pem()


@case("key-name-of-another", "fail", "key.conflict:high", rule=K + "the name is the key's")
def _(m):
    m.quote()
    m.files["ak.name"] = m.keys["other"].name()


@case("key-malformed", "fail", "key.malformed:high", rule=R)
def _(m):
    m.quote()
    m.files["ak.pub"] = b"\x01\x18" + b"\0" * 280


@case("key-with-bytes-after", "fail", "key.malformed:high", rule=R)
def _(m):
    m.quote()
    m.files["ak.pub"] += b"\0"


@case("key-unbound", "incomplete", "key.unbound:medium", rule=K + "none: key.unbound, incomplete", options="--nonce " + NONCE.hex())
def _(m):
    pass


@case("key-other-is-bound", "incomplete", "key.unbound:medium", rule=K + "none: key.unbound, incomplete",
      options="--ak @keys/other.pub --nonce " + NONCE.hex())
def _(m):
    pass


@case("key-unbound-raised", "fail", "key.unbound:high", rule=K + "a policy may raise", options="--nonce " + NONCE.hex(),
      policy="[severity]\nkey.unbound = high\n")
def _(m):
    pass


# --- boot log ------------------------------------------------------------------------------------------------

B = "Boot log: "
ZEROS = [(a, bytes(size_of(n))) for n, a in ALGS.items()]


@case("event-removed", "fail", "pcr.mismatch:critical", rule=B + "reproduce every quoted PCR, whole")
def _(m):
    m.quote()
    del m.boot[m.event(4, 0x80000003)]


@case("last-event-removed", "fail", "pcr.mismatch:critical", rule=B + "no prefix of it will do")
def _(m):
    m.quote()
    del m.boot[-1]


@case("event-made-no-action", "fail", "log.no-action:medium pcr.mismatch:critical", rule=B + "EV_NO_ACTION never extends")
def _(m):
    m.quote()
    m.boot[m.event(4, 0x80000003)].kind = NO_ACTION


@case("no-action-made-event", "fail", "pcr.mismatch:critical", rule=B + "EV_NO_ACTION never extends")
def _(m):
    m.boot.insert(3, Event(14, NO_ACTION, ZEROS, b"a note"))
    m.quote()
    m.boot[3].kind = IPL


@case("no-action-with-digest", "pass", "log.no-action:medium", rule=B + "EV_NO_ACTION with a digest: medium")
def _(m):
    m.boot.insert(3, Event.over(4, NO_ACTION, b"a note"))


@case("spec-id-with-digest", "pass", "log.no-action:medium", rule=B + "EV_NO_ACTION with a digest: medium")
def _(m):
    m.spec_id = m.spec_id[:8] + b"\1" * 20 + m.spec_id[28:]


@case("no-action-beyond-23", "pass", rule=B + "PCR index over 23: allowed for EV_NO_ACTION")
def _(m):
    m.boot.insert(3, Event(99, NO_ACTION, ZEROS, b"a note"))


@case("event-beyond-23", "fail", "log.structure:high", rule=B + "PCR index over 23 else high")
def _(m):
    m.boot.insert(3, Event.over(24, IPL, b"nowhere"))


@case("event-moved-beyond-23", "fail", "log.structure:high pcr.mismatch:critical", rule=B + "PCR index over 23 else high")
def _(m):
    m.quote()
    m.boot[m.event(4, 0x80000003)].pcr = 0xFFFFFFFF


@case("event-moved-to-an-unquoted-pcr", "fail", "pcr.mismatch:critical pcr.unquoted:medium", rule=B + "reproduce every quoted PCR")
def _(m):
    m.quote()
    m.boot[m.event(4, 0x80000003)].pcr = 15


@case("event-moved-to-a-reset-pcr", "fail", "pcr.mismatch:critical", rule=B + "reproduce every quoted PCR")
def _(m):
    m.quote(selection=[("sha256", list(range(24)))])
    m.boot[m.event(4, 0x80000003)].pcr = 17


@case("spec-id-again", "fail", "log.structure:high", rule=B + "a second Spec ID event")
def _(m):
    m.boot.insert(5, Event(0, NO_ACTION, ZEROS, m.spec_id[32:]))


@case("spec-id-again-of-one-bank", "fail", "log.structure:high", rule=B + "a second Spec ID event")
def _(m):
    body = m.spec_id[32:56] + le(1) + le(4, 2) + le(20, 2) + b"\0"
    m.boot.insert(5, Event(0, NO_ACTION, ZEROS, body))


@case("digest-twice", "fail", "log.structure:high", rule=B + "two digests of one algorithm in an event")
def _(m):
    m.quote()
    e = m.boot[m.event(4, 0x80000003)]
    e.digests.append((ALGS["sha256"], EVIL))


@case("digest-twice-the-right-one-last", "fail", "log.structure:high pcr.mismatch:critical", rule=B + "two digests of one algorithm in an event")
def _(m):
    m.quote()
    e = m.boot[m.event(4, 0x80000003)]
    e.digests.insert(0, (ALGS["sha256"], EVIL))


@case("digest-missing-of-quoted-bank", "fail", "log.structure:high pcr.mismatch:critical", rule=B + "digests missing for an announced bank")
def _(m):
    m.quote()
    e = m.boot[m.event(4, 0x80000003)]
    e.digests = [d for d in e.digests if d[0] != ALGS["sha256"]]


@case("digest-missing-of-other-bank", "fail", "log.structure:high", rule=B + "digests missing for an announced bank")
def _(m):
    m.quote()
    e = m.boot[m.event(4, 0x80000003)]
    e.digests = [d for d in e.digests if d[0] != ALGS["sha1"]]


@case("digests-none", "fail", "log.structure:high pcr.mismatch:critical", rule=B + "digests missing for an announced bank")
def _(m):
    m.quote()
    m.boot[m.event(4, 0x80000003)].digests = []


@case("digest-in-another-order", "pass", rule=B + "digests in any order")
def _(m):
    for e in m.boot:
        e.digests.reverse()


@case("spec-id-wrong-size", "fail", "log.structure:high|log.malformed:high pcr.mismatch:critical", rule=B + "a Spec ID whose sizes are not the algorithms'")
def _(m):
    m.quote()
    at = m.spec_id.index(le(0xB, 2) + le(32, 2))
    m.spec_id = m.spec_id[:at] + le(0xB, 2) + le(48, 2) + m.spec_id[at + 4:]


@case("spec-id-algorithm-twice", "fail", "log.structure:high", rule=B + "Spec ID")
def _(m):
    body = m.spec_id[32:]
    n = len(ALGS)
    body = body[:24] + le(n + 1) + body[28:28 + 4 * n] + le(4, 2) + le(20, 2) + body[28 + 4 * n:]
    m.spec_id = m.spec_id[:28] + le(len(body)) + body


@case("one-bank-right-another-wrong", "fail", "pcr.mismatch:critical", rule="Quote: a log that agrees in one bank and not in another")
def _(m):
    m.quote([("sha256", ALL), ("sha384", ALL)])
    e = m.boot[m.event(4, 0x80000003)]
    e.digests = [(a, H("sha384", b"evil") if a == ALGS["sha384"] else d) for a, d in e.digests]


@case("weak-bank-wrong", "fail", "pcr.mismatch:critical", rule="Quote: a log that agrees in one bank and not in another")
def _(m):
    m.quote([("sha1", ALL), ("sha256", ALL)])
    e = m.boot[m.event(4, 0x80000003)]
    e.digests = [(a, H("sha1", b"evil") if a == ALGS["sha1"] else d) for a, d in e.digests]


@case("unquoted-bank-wrong", "pass", rule="Quote: only quoted banks decide")
def _(m):
    m.quote()
    e = m.boot[m.event(4, 0x80000003)]
    e.digests = [(a, H("sha512", b"evil") if a == ALGS["sha512"] else d) for a, d in e.digests]


@case("pcr-4-unquoted", "incomplete", "pcr.unquoted:medium", rule=B + "every PCR the logs extend must be quoted")
def _(m):
    m.quote([("sha256", [i for i in ALL if i != 4])])


@case("pcr-4-unquoted-and-stripped", "incomplete|fail", "boot.separator:high ima.boot-aggregate:high pcr.unquoted:medium", rule=B + "by default 0-5 and 7")
def _(m):
    m.quote([("sha256", [i for i in ALL if i != 4])])
    m.boot = [e for e in m.boot if e.pcr != 4]


@case("pcr-10-unquoted", "incomplete", "pcr.unquoted:medium", rule=B + "(and 10 with IMA)")
def _(m):
    m.quote([("sha256", [i for i in ALL if i != 10])])


@case("pcr-10-only", "incomplete", "pcr.unquoted:medium", rule=B + "by default 0-5 and 7")
def _(m):
    m.quote([("sha256", [10])])


@case("extend-in-no-log", "fail", "pcr.mismatch:critical", rule=B + "a log that passes while a PCR has extends no log explains fails")
def _(m):
    m.more = [(11, b"enter-initrd")]
    m.quote()


@case("extend-in-no-log-of-a-logged-pcr", "fail", "pcr.mismatch:critical", rule=B + "a log that passes while a PCR has extends no log explains fails")
def _(m):
    m.more = [(12, b"kernel")]
    m.quote()


@case("extend-in-no-log-no-pcrs-file", "fail", "pcr.mismatch:critical", rule=B + "a log that passes while a PCR has extends no log explains fails")
def _(m):
    m.more = [(11, b"enter-initrd")]
    m.quote(pcrs_file=False)


@case("locality-stated-wrong", "fail", "log.locality:high", rule=B + "stated and wrong: high")
def _(m):
    m.quote()
    m.boot.insert(0, Event(0, NO_ACTION, ZEROS, b"StartupLocality\0\3"))


@case("locality-stated-wrong-no-pcrs-file", "fail", "log.locality:high", rule=B + "stated and wrong: high")
def _(m):
    m.quote(pcrs_file=False)
    m.boot.insert(0, Event(0, NO_ACTION, ZEROS, b"StartupLocality\0\3"))


@case("locality-late", "fail", "log.locality:high", rule=B + "late: high")
def _(m):
    m.boot.insert(4, Event(0, NO_ACTION, ZEROS, b"StartupLocality\0\0"))


@case("locality-late-and-true", "fail", "log.locality:high", rule=B + "late: high")
def _(m):
    m.locality = 3
    m.boot.insert(4, Event(0, NO_ACTION, ZEROS, b"StartupLocality\0\3"))
    m.boot_again()


@case("locality-twice", "fail", "log.locality:high", rule=B + "twice: high")
def _(m):
    for _i in range(2):
        m.boot.insert(0, Event(0, NO_ACTION, ZEROS, b"StartupLocality\0\0"))


@case("locality-1", "fail", "log.locality:high", rule=B + "stated and wrong: high")
def _(m):
    m.locality = 1
    m.boot.insert(0, Event(0, NO_ACTION, ZEROS, b"StartupLocality\0\1"))
    m.boot_again()


@case("locality-in-another-pcr", "pass", rule=B + "from a StartupLocality event")
def _(m):
    m.quote()
    m.boot.insert(0, Event(5, NO_ACTION, ZEROS, b"StartupLocality\0\0"))


@case("data-of-a-variable", "fail", "log.data-mismatch:high", rule=B + "data that doesn't match its digest")
def _(m):
    m.quote()
    e = m.boot[m.event(7, 0x80000001)]
    e.data = e.data[:-1] + bytes([e.data[-1] ^ 1])


@case("data-of-a-separator", "fail", "log.data-mismatch:high", rule=B + "data that doesn't match its digest")
def _(m):
    m.quote()
    m.boot[m.event(4, SEPARATOR)].data = b"\xff" * 4


@case("separator-error", "fail", "boot.separator:high", rule=B + "error separators")
def _(m):
    m.boot[m.event(4, SEPARATOR)] = Event.over(4, SEPARATOR, b"\1\0\0\0")
    m.boot_again()


@case("separator-missing", "fail", "boot.separator:high", rule=B + "missing")
def _(m):
    del m.boot[m.event(6, SEPARATOR)]
    m.boot_again()


@case("separator-twice", "fail", "boot.separator:high", rule=B + "doubled")
def _(m):
    m.boot.append(Event.over(2, SEPARATOR, bytes(4)))
    m.boot_again()


READY = b"Calling EFI Application from Boot Option"


def never_ready(m, but=None):
    """As firmware that never says that it is ready to boot: Google's of 2019, as a quote of one confirms."""
    m.boot = [e for e in m.boot if not (e.kind == SEPARATOR and e.pcr < 7 and e.pcr != but) and not e.data.startswith(READY)]


@case("separators-never-ready", "pass", "boot.separator:medium", rule=B + "separators (an honest log never fails)")
def _(m):
    never_ready(m)
    m.boot_again()


@case("separators-never-ready-but-one", "fail", "boot.separator:high", rule=B + "missing")
def _(m):
    never_ready(m, but=3)
    m.boot_again()


@case("separators-missing-though-ready", "fail", "boot.separator:high", rule=B + "missing")
def _(m):
    m.boot = [e for e in m.boot if not (e.kind == SEPARATOR and e.pcr < 7)]
    m.boot_again()


@case("separators-never-ready-nor-in-pcr-7", "fail", "boot.separator:high", rule=B + "missing")
def _(m):
    never_ready(m)
    m.boot = [e for e in m.boot if e.kind != SEPARATOR]
    m.boot_again()


@case("separators-never-ready-and-firmware-after", "fail", "boot.separator:high", rule=B + "events of the firmware's own types after theirs")
def _(m):
    never_ready(m)
    m.boot.append(Event.over(0, 8, "late\0".encode("utf-16-le")))
    m.boot_again()


@case("separators-stripped-from-the-log", "fail", "pcr.mismatch:critical", rule=B + "reproduce every quoted PCR")
def _(m):
    m.quote()
    never_ready(m)


@case("separator-of-ones", "pass", rule=B + "separators")
def _(m):
    m.boot[m.event(4, SEPARATOR)] = Event.over(4, SEPARATOR, b"\xff" * 4)
    m.boot_again()


@case("separator-empty", "fail", "boot.separator:high", rule=B + "error separators")
def _(m):
    m.boot[m.event(4, SEPARATOR)] = Event.over(4, SEPARATOR, b"")
    m.boot_again()


@case("firmware-after-separator", "fail", "boot.separator:high", rule=B + "events of the firmware's own types after theirs")
def _(m):
    m.boot.append(Event.over(0, 8, "late\0".encode("utf-16-le")))
    m.boot_again()


@case("separators-not-required", "pass", rule=B + "by default", policy="[boot]\nseparators = 0-5,7\n")
def _(m):
    del m.boot[m.event(6, SEPARATOR)]
    m.boot_again()


@case("boot-log-cut", "fail", "log.malformed:high pcr.mismatch:critical", rule=R)
def _(m):
    m.quote()
    m.files["binary_bios_measurements"] = (m.spec_id + b"".join(e.bytes() for e in m.boot))[:-5]


@case("boot-log-with-a-tail", "fail", "log.malformed:high", rule=R)
def _(m):
    m.quote()
    m.files["binary_bios_measurements"] = m.spec_id + b"".join(e.bytes() for e in m.boot) + b"tail"


@case("boot-log-empty", "fail", "log.malformed:high", rule=R)
def _(m):
    m.quote()
    m.files["binary_bios_measurements"] = b""


@case("boot-log-spec-id-only", "fail", "boot.separator:high pcr.mismatch:critical", rule=B + "reproduce every quoted PCR")
def _(m):
    m.quote()
    m.boot = []


@case("boot-log-missing", "incomplete", rule="design: missing evidence makes a verdict incomplete")
def _(m):
    m.quote()
    m.files["binary_bios_measurements"] = None


@case("boot-log-not-required", "pass", rule="policy: require-boot-log", policy="[evidence]\nrequire-boot-log = no\n")
def _(m):
    m.quote()
    m.files["binary_bios_measurements"] = None


@case("boot-log-of-sha1-form", "incomplete", "pcr.bank:medium", rule=Q + "a quoted bank the boot log lacks")
def _(m):
    m.quote()
    m.files["binary_bios_measurements"] = b"".join(le(e.pcr) + le(e.kind) + e.value("sha1") + le(len(e.data)) + e.data for e in m.boot)


@case("boot-log-called-cc", "incomplete", rule=B + "a log of registers is not what a quote covers")
def _(m):
    m.quote()
    m.spec_id = le(1) + m.spec_id[4:]


# --- IMA ------------------------------------------------------------------------------------------------------

I = "IMA: "


@case("list-of-another-boot", "fail", "ima.boot-aggregate:high ima.unattested:high pcr.mismatch:critical", rule=I + "no prefix but the empty one")
def _(m):
    m.quote()
    m.ima[0] = Entry.of("boot_aggregate", EVIL)


@case("entry-removed", "fail", "ima.unattested:high pcr.mismatch:critical", rule=I + "no prefix but the empty one")
def _(m):
    m.quote()
    del m.ima[20]


@case("entry-removed-no-pcrs-file", "fail", "ima.unattested:high pcr.mismatch:critical", rule=I + "no prefix but the empty one")
def _(m):
    m.quote(pcrs_file=False)
    del m.ima[20]


@case("list-all-after-the-quote", "fail", "ima.unattested:high", rule=I + "no prefix but the empty one")
def _(m):
    values = {alg: list(m.pcrs(alg)) for alg in ALGS}
    for alg in ALGS:
        values[alg][10] = bytes(size_of(alg))
    m.quote(values=values)


@case("unknown-after-the-quote", "incomplete", "ima.unknown-file:medium", rule=I + "anything else there makes it incomplete")
def _(m):
    m.quote()
    m.add(Entry.of("/tmp/x", EVIL))


@case("violation-after-the-quote", "incomplete", "ima.violation:medium", rule=I + "anything else there makes it incomplete")
def _(m):
    m.quote()
    m.add(Entry.of(WC, bytes(32), violation=True))


@case("template-hash-after-the-quote", "incomplete", "ima.template-hash:medium", rule=I + "anything else there makes it incomplete")
def _(m):
    m.quote()
    m.add(Entry.of(WC, digest(m, WC), lie=b"\1" * 20))


@case("two-thousand-unknown-after-the-quote", "incomplete", "ima.unknown-file:medium", rule=I + "anything else there makes it incomplete")
def _(m):
    m.quote()
    for i in range(2000):
        m.add(Entry.of("/tmp/x%d" % i, H("sha256", b"%d" % i)))


@case("list-cut-in-an-entry-after-the-quote", "fail", "log.malformed:high", rule=R)
def _(m):
    m.quote()
    m.add(Entry.of(WC, digest(m, WC)))
    m.files["binary_runtime_measurements"] = b"".join(e.bytes() for e in m.ima)[:-3]


@case("sha256-list-not-extended-there", "fail", "ima.unattested:high pcr.mismatch:critical", rule=I + "the strongest quoted bank decides")
def _(m):
    m.unextended = {"sha256"}
    m.quote([("sha1", ALL), ("sha256", ALL)])


@case("sha384-not-extended", "fail", "pcr.mismatch:critical", rule=I + "the strongest quoted bank decides")
def _(m):
    m.unextended = {"sha384"}
    m.quote([("sha256", ALL), ("sha384", ALL)])


@case("banks-quoted-at-different-prefixes", "fail", "pcr.mismatch:critical", rule=I + "one prefix for all banks of a quote")
def _(m):
    tail = m.ima.pop()
    few = {"sha1": m.pcrs("sha1")}
    m.ima.append(tail)
    m.quote([("sha1", ALL), ("sha256", ALL)], values=dict({a: m.pcrs(a) for a in ALGS}, **few))


@case("own-then-padded", "fail", "ima.unattested:high pcr.mismatch:critical", rule=I + "whole log long")
def _(m):
    values = {a: m.pcrs(a) for a in ALGS}
    value = bytes(32)
    for i, e in enumerate(m.ima):
        value = H("sha256", value, e.extends("sha256", i >= 30))
    values["sha256"] = list(values["sha256"])
    values["sha256"][10] = value
    m.quote(values=values)


@case("padded-sha1-collides-with-own", "fail", "ima.unattested:high pcr.mismatch:critical", rule=I + "no prefix")
def _(m):
    m.padded = {"sha256"}
    m.quote()
    m.ima[25] = Entry.of(WC, digest(m, WC))


@case("template-hash", "fail", "ima.template-hash:high", rule=I + "a template hash that isn't the hash of the fields")
def _(m):
    m.quote()
    m.ima[24].lie = b"\1" * 20


@case("template-hash-of-sha1-quoted", "fail", "ima.template-hash:high quote.weak-bank:high", rule=I + "a template hash that isn't the hash of the fields")
def _(m):
    m.quote([("sha1", ALL)])
    e = m.ima[24]
    e.lie = e.logged()
    e.fields[1] = b"/usr/bin/id\0"
    CASES_FIX["template-hash-of-sha1-quoted"] = None


@case("boot-aggregate-of-another-boot", "fail", "ima.boot-aggregate:high", rule=I + "first entry boot_aggregate")
def _(m):
    m.ima[0] = Entry.of("boot_aggregate", EVIL)


@case("boot-aggregate-zero", "fail", "ima.boot-aggregate:high", rule=I + "or all zero")
def _(m):
    m.ima[0] = Entry.of("boot_aggregate", bytes(32))


@case("boot-aggregate-zero-sha1", "fail", "ima.boot-aggregate:high", rule=I + "or all zero")
def _(m):
    m.ima[0] = Entry.of("boot_aggregate", bytes(20), "sha1")


@case("boot-aggregate-of-8", "pass", rule=I + "over PCR 0-7 or 0-9")
def _(m):
    m.ima[0] = m.aggregate(n=8)


@case("boot-aggregate-of-9", "fail", "ima.boot-aggregate:high", rule=I + "over PCR 0-7 or 0-9")
def _(m):
    m.ima[0] = m.aggregate(n=9)


@case("boot-aggregate-sha1-bank-quoted", "pass", rule=I + "of the bank of its algorithm")
def _(m):
    m.ima[0] = m.aggregate("sha1", 8)
    m.quote([("sha1", ALL), ("sha256", ALL)])


@case("boot-aggregate-of-an-unquoted-bank", "incomplete", rule=I + "from the replayed and quoted values")
def _(m):
    m.ima[0] = m.aggregate("sha1", 8)


@case("boot-aggregate-spliced-in-an-unquoted-bank", "incomplete", rule=I + "from the replayed and quoted values")
def _(m):
    # The list of an honest boot was extended by hand after another boot; the log's SHA-1 digests are that boot's.
    m.ima[0] = m.aggregate("sha1", 8)
    e = m.boot[m.event(4, 0x80000003)]
    sha1 = e.value("sha1")
    e.digests = [(a, H(n, b"evil")) for n, a in ALGS.items()]
    m.quote()
    e.digests = [(a, sha1 if n == "sha1" else H(n, b"evil")) for n, a in ALGS.items()]


@case("boot-aggregate-of-pcrs-partly-quoted", "incomplete", rule=I + "from the replayed and quoted values",
      policy="[pcrs]\nrequired = 0-5,7\n")
def _(m):
    m.quote([("sha256", [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14])])


@case("boot-aggregate-sha1-of-8-quoted", "pass", rule=I + "from the replayed and quoted values")
def _(m):
    m.ima[0] = m.aggregate("sha1", 8)
    m.quote([("sha1", range(8)), ("sha256", ALL)])


@case("boot-aggregate-of-a-bank-quoted-without-values", "pass", rule=I + "from the replayed and quoted values")
def _(m):
    m.ima[0] = m.aggregate("sha1", 8)
    m.quote([("sha1", ALL), ("sha256", ALL)], pcrs_file=False)


@case("boot-aggregate-of-an-unquoted-bank-no-pcrs-file", "incomplete", rule=I + "from the replayed and quoted values")
def _(m):
    m.ima[0] = m.aggregate("sha1", 8)
    m.quote(pcrs_file=False)


@case("boot-aggregate-wrong-in-an-unquoted-bank", "fail", "ima.boot-aggregate:high", rule=I + "otherwise: high")
def _(m):
    m.ima[0] = Entry.of("boot_aggregate", H("sha1", b"evil"), "sha1")


@case("kexec-of-another-boot-after-the-quote", "incomplete", "ima.boot-aggregate:medium ima.kexec:medium",
      rule=I + "anything else there makes it incomplete")
def _(m):
    m.quote()
    m.add(Entry.of("boot_aggregate", EVIL))


@case("boot-aggregate-missing", "fail", "ima.structure:high", rule=I + "first entry something else")
def _(m):
    del m.ima[0]


@case("boot-aggregate-a-violation", "fail", "ima.structure:high ima.violation:high", rule=I + "first entry something else")
def _(m):
    m.ima[0] = Entry.of("boot_aggregate", bytes(32), violation=True)


@case("boot-aggregate-second", "fail", "ima.structure:high", rule=I + "first entry something else")
def _(m):
    m.ima[0], m.ima[1] = m.ima[1], m.ima[0]


@case("kexec-of-another-boot", "fail", "ima.boot-aggregate:high ima.kexec:medium", rule=I + "a further one: same rules")
def _(m):
    m.add(Entry.of("boot_aggregate", EVIL))


@case("kexec-zero", "fail", "ima.boot-aggregate:high ima.kexec:medium", rule=I + "a further one: same rules")
def _(m):
    m.add(Entry.of("boot_aggregate", bytes(32)))


@case("changed-file", "fail", "ima.digest-mismatch:critical", rule=I + "known path, unknown digest: critical")
def _(m):
    m.add(Entry.of(WC, EVIL))


@case("unknown-file", "fail", "ima.unknown-file:high", rule=I + "neither known: high")
def _(m):
    m.add(Entry.of("/tmp/evil", EVIL))


@case("program-elsewhere", "fail", "ima.other-path:high", rule=I + "digest known under another path only: high if it became an executable")
def _(m):
    m.add(Entry.of("/tmp/wc", digest(m, WC)))


@case("program-as-library", "fail", "ima.other-path:high", rule=I + "digest known under another path only")
def _(m):
    m.add(Entry.of("/usr/lib/x86_64-linux-gnu/libevil.so", digest(m, WC)))


@case("data-elsewhere", "pass", "ima.other-path:low", rule=I + "low if plain data")
def _(m):
    m.add(Entry.of("/srv/copy.conf", digest(m, CONF)))


@case("data-as-program", "fail", "ima.other-path:high", rule=I + "high if it became an executable")
def _(m):
    m.add(Entry.of("/usr/bin/conf", digest(m, CONF)))


@case("library-in-a-snapshot", "pass", "ima.other-path:low", rule=I + "a snapshot's prefix")
def _(m):
    m.add(Entry.of("/.snapshots/7/snapshot" + ID, digest(m, ID)))


@case("library-in-a-snapshot-usr-merged", "pass", "ima.other-path:low", rule=I + "a snapshot's prefix")
def _(m):
    m.add(Entry.of("/.snapshots/7/snapshot" + ID[4:], digest(m, ID)))


for odd, prefix in (("another-folder", "/tmp"), ("a-lookalike", "/tmp/.snapshots/7/snapshot"), ("no-number", "/.snapshots/x/snapshot"),
                    ("no-number-at-all", "/.snapshots//snapshot"), ("dotdot", "/.snapshots/7/snapshot/../../../tmp")):
    @case("library-below-" + odd, "fail", "ima.other-path:high", rule=I + "a snapshot's prefix, and no other")
    def _(m, prefix=prefix):
        m.add(Entry.of(prefix + ID, digest(m, ID)))


@case("program-in-a-snapshot", "fail", "ima.other-path:high", rule=I + "low for plain data and libraries")
def _(m):
    m.add(Entry.of("/.snapshots/7/snapshot" + WC, digest(m, WC)))


@case("data-as-program-in-a-snapshot", "fail", "ima.other-path:high", rule=I + "high if it became an executable")
def _(m):
    m.add(Entry.of("/.snapshots/7/snapshot/usr/bin/conf", digest(m, CONF)))


@case("data-in-a-snapshot", "pass", "ima.other-path:low", rule=I + "low if plain data")
def _(m):
    m.add(Entry.of("/.snapshots/7/snapshot" + CONF, digest(m, CONF)))


@case("other-bytes-in-a-snapshot", "fail", "ima.unknown-file:high", rule=I + "neither known: high")
def _(m):
    m.add(Entry.of("/.snapshots/7/snapshot" + WC, EVIL))


@case("library-of-another-name", "fail", "ima.other-path:high", rule=I + "digest known under another path only")
def _(m):
    m.add(Entry.of("/usr/lib/x86_64-linux-gnu/libm.so.6", digest(m, ID)))


@case("usr-merged-path", "pass", rule=I + "moved by usr-merge")
def _(m):
    m.add(Entry.of("/bin/wc", digest(m, WC)))


@case("known-file-with-junk-behind-its-nul", "fail", "ima.structure:high", rule=I + "paths are bytes")
def _(m):
    e = Entry.of(WC, digest(m, WC))
    e.fields[1] = WC.encode() + b"\0/tmp/evil\0"
    m.add(e)


@case("known-path-two-nuls", "fail", "ima.structure:high", rule=I + "paths are bytes")
def _(m):
    e = Entry.of(WC, digest(m, WC))
    e.fields[1] += b"\0"
    m.add(e)


@case("path-without-nul", "fail", "ima.structure:high", rule=I + "paths are bytes")
def _(m):
    e = Entry.of(WC, digest(m, WC))
    e.fields[1] = WC.encode()
    m.add(e)


@case("data-behind-the-fields", "fail", "ima.structure:high", rule=I + "the template's fields fill the data")
def _(m):
    e = Entry.of(WC, digest(m, WC))
    e.tail = b"more"
    m.add(e)


for odd, path, codes in (("dotdot", "/usr/bin/../bin/wc", "ima.path:medium ima.other-path:high"),
                         ("doubled-slash", "/usr//bin/wc", "ima.path:medium ima.other-path:high"),
                         ("dot", "/usr/./bin/wc", "ima.path:medium ima.other-path:high"),
                         ("newline", "/usr/bin/wc\n", "ima.path:medium ima.other-path:high"),
                         ("escape", "/usr/bin/\x1b[2Jwc", "ima.path:medium ima.other-path:high"),
                         ("delete", "/usr/bin/wc\x7f", "ima.path:medium ima.other-path:high"),
                         ("deleted", "/usr/bin/wc (deleted)", "ima.path:medium ima.other-path:high"),
                         ("deleted-as-logged", "/usr/bin/wc_(deleted)", "ima.path:medium ima.other-path:high"),
                         ("relative", "usr/bin/wc", "ima.path:medium ima.other-path:high"),
                         ("memfd", "/memfd:wc (deleted)", "ima.path:medium ima.other-path:high"),
                         ("memfd-as-logged", "/memfd:wc_(deleted)", "ima.path:medium ima.other-path:high"),
                         ("trailing-slash", "/usr/bin/wc/", "ima.path:medium ima.other-path:high"),
                         ("empty", "", "ima.path:medium ima.other-path:high")):
    @case("path-" + odd, "fail", codes, rule=I + "never equal to a reference path")
    def _(m, path=path):
        m.add(Entry.of(path, digest(m, WC)))


@case("path-with-dotdot-to-an-excluded-folder", "fail", "ima.path:medium ima.unknown-file:high", rule=I + "exclusions match whole normalised paths",
      policy="[ima]\nexclude = /var/log/**\n")
def _(m):
    m.add(Entry.of("/var/log/../../tmp/evil", EVIL))


@case("path-excluded-folder-only", "fail", "ima.unknown-file:high", rule=I + "exclusions match whole paths", policy="[ima]\nexclude = /var/log/*\n")
def _(m):
    m.add(Entry.of("/var/log/a/b", EVIL))


@case("path-excluded-suffix", "fail", "ima.unknown-file:high", rule=I + "exclusions match whole paths", policy="[ima]\nexclude = /var/log\n")
def _(m):
    m.add(Entry.of("/var/logger", EVIL))


@case("excluded-unknown", "pass", rule=I + "exclusions silence the look-up", policy="[ima]\nexclude = /var/log/**\n")
def _(m):
    m.add(Entry.of("/var/log/a/b", EVIL))


@case("excluded-everything-violation", "fail", "ima.violation:high", rule=I + "exclusions silence nothing but the look-up", policy="[ima]\nexclude = **\n")
def _(m):
    m.add(Entry.of("/var/log/a", bytes(32), violation=True))


@case("excluded-everything-template-hash", "fail", "ima.template-hash:high", rule=I + "exclusions silence nothing but the look-up", policy="[ima]\nexclude = **\n")
def _(m):
    m.quote()
    m.ima[24].lie = b"\1" * 20


@case("excluded-everything-aggregate", "fail", "ima.boot-aggregate:high", rule=I + "exclusions silence nothing but the look-up", policy="[ima]\nexclude = **\n")
def _(m):
    m.ima[0] = Entry.of("boot_aggregate", EVIL)


@case("excluded-everything-buffer", "fail", "ima.buffer:critical", rule=I + "exclusions silence nothing but the look-up", policy="[ima]\nexclude = **\n")
def _(m):
    m.add(Entry([b"sha256:\0" + EVIL, b"kexec-cmdline\0", b"quiet"], "ima-buf"))


@case("excluded-everything-memfd", "fail", "ima.path:medium ima.unknown-file:high", rule=I + "exclusions match whole normalised paths", policy="[ima]\nexclude = **\n")
def _(m):
    m.add(Entry.of("/memfd:x_(deleted)", EVIL))


@case("excluded-everything-relative", "fail", "ima.path:medium ima.unknown-file:high", rule=I + "exclusions match whole normalised paths", policy="[ima]\nexclude = **\n")
def _(m):
    m.add(Entry.of("evil", EVIL))


@case("excluded-weak", "pass", "ima.weak-digest:medium", rule=I + "exclusions silence nothing but the look-up", policy="[ima]\nexclude = /var/log/**\n")
def _(m):
    m.add(Entry.of("/var/log/x", H("sha1", b"x"), "sha1"))


@case("violation", "fail", "ima.violation:high", rule=I + "violation: high by default")
def _(m):
    m.add(Entry.of(WC, bytes(32), violation=True))


@case("violation-with-20-zeros", "fail", "ima.violation:high", rule=I + "zeros of any length")
def _(m):
    m.add(Entry.of(WC, bytes(20), violation=True))


@case("violation-with-a-digest", "fail", "ima.structure:high ima.violation:high", rule=I + "must carry zeros")
def _(m):
    m.add(Entry.of(WC, digest(m, WC), violation=True))


@case("violation-that-extended-its-hash", "fail", "ima.unattested:high pcr.mismatch:critical ima.violation:high ima.structure:high", rule=I + "extend ones")
def _(m):
    m.add(Entry.of(WC, EVIL))
    m.quote()
    m.ima[-1].lie = bytes(20)


@case("violation-hidden-as-a-file", "fail", "ima.unattested:high pcr.mismatch:critical", rule=I + "extend ones")
def _(m):
    m.add(Entry.of(WC, bytes(32), violation=True))
    m.quote()
    m.ima[-1] = Entry.of(WC, digest(m, WC))


@case("violation-hidden-as-ones", "fail", "ima.template-hash:high ima.unattested:high pcr.mismatch:critical", rule=I + "extend ones")
def _(m):
    m.add(Entry.of(WC, bytes(32), violation=True))
    m.quote()
    m.ima[-1] = Entry.of(WC, digest(m, WC), lie=b"\xff" * 20)


@case("violation-hidden-as-ones-sha1", "fail", "ima.template-hash:high", rule=I + "extend ones",
      policy="[severity]\nquote.weak-bank = info\n")
def _(m):
    m.add(Entry.of(WC, bytes(32), violation=True))
    m.quote([("sha1", ALL)])
    m.ima[-1] = Entry.of(WC, digest(m, WC), lie=b"\xff" * 20)
    CASES_FIX["violation-hidden-as-ones-sha1"] = "ima.template-hash:high quote.weak-bank:info"


@case("violation-allowed", "pass", "ima.violation:medium", rule=I + "violation: high by default", policy="[severity]\nima.violation = medium\n")
def _(m):
    m.add(Entry.of(WC, bytes(32), violation=True))


@case("weak-digest", "fail", "ima.weak-digest:medium", rule=I + "weaker than the release's: medium")
def _(m):
    m.add(Entry.of("/var/lib/x", H("sha1", b"x"), "sha1"))
    CASES_FIX["weak-digest"] = None


@case("sha1-of-a-changed-file", "fail", "ima.digest-mismatch:critical ima.weak-digest:medium", rule=I + "known path, unknown digest: critical")
def _(m):
    m.add(Entry.of(WC, H("sha1", b"evil"), "sha1"))


@case("sha512-where-the-database-has-none", "incomplete", "ima.no-reference:medium", rule=I + "the database has no digest of the algorithm")
def _(m):
    m.add(Entry.of(WC, H("sha512", b"evil"), "sha512"))


@case("sha512-of-an-unknown-path", "fail", "ima.unknown-file:high", rule=I + "neither known: high")
def _(m):
    m.add(Entry.of("/tmp/evil", H("sha512", b"evil"), "sha512"))


@case("digest-of-wrong-size", "fail|incomplete", "ima.no-reference:medium", rule=I + "known path, unknown digest")
def _(m):
    m.add(Entry.of(WC, digest(m, WC)[:20]))


@case("digest-too-long", "fail|incomplete", "ima.no-reference:medium", rule=I + "known path, unknown digest")
def _(m):
    m.add(Entry.of(WC, digest(m, WC) + b"x"))


@case("digest-empty", "fail|incomplete", "ima.no-reference:medium", rule=I + "known path, unknown digest")
def _(m):
    m.add(Entry.of(WC, b""))


@case("digest-of-another-algorithm-by-name", "fail|incomplete", "ima.no-reference:medium", rule=I + "known path, unknown digest")
def _(m):
    m.add(Entry.of(WC, digest(m, WC), "sm3"))


@case("digest-algorithm-in-capitals", "fail|incomplete", "ima.no-reference:medium", rule=I + "known path, unknown digest")
def _(m):
    m.add(Entry.of(WC, digest(m, WC), "SHA256"))


@case("digest-algorithm-with-junk", "fail|incomplete", "ima.no-reference:medium", rule=I + "known path, unknown digest")
def _(m):
    m.add(Entry.of(WC, digest(m, WC), "x:sha256"))


@case("verity-digest", "incomplete", "ima.no-reference:medium", rule=I + "digests of fs-verity are not the file's")
def _(m):
    m.add(Entry([b"verity:sha256:\0" + digest(m, WC), WC.encode() + b"\0"], "ima-ngv2"))


@case("digest-of-another-type", "incomplete", "ima.no-reference:medium", rule=I + "a type nobody knows")
def _(m):
    m.add(Entry([b"foo:sha256:\0" + digest(m, WC), WC.encode() + b"\0"], "ima-ngv2"))


@case("unknown-template", "incomplete", "ima.unknown-template:medium", rule=I + "template unknown: medium, incomplete")
def _(m):
    m.ima[30].name = "ima-xy"


@case("unknown-template-for-an-unknown-file", "incomplete", "ima.unknown-template:medium", rule=I + "template unknown: medium, incomplete")
def _(m):
    m.add(Entry.of("/tmp/evil", EVIL))
    m.quote()
    m.ima[-1].name = "ima-xy"


@case("template-ima", "fail", rule=I + "the template ima")
def _(m):
    m.add(Entry([H("sha1", b"x"), b"/var/lib/x"], "ima"))
    CASES_FIX["template-ima"] = None


def relabelled(name, template, codes, make, verdict="fail|incomplete"):
    """The name of a template is not hashed: whoever owns the list may write another."""
    @case("relabelled-" + name, verdict, codes, rule=I + "the template's name is in no hash")
    def _(m):
        make(m)
        m.quote()
        m.ima[-1].name = template


def with_sig(sig, path="/tmp/evil", evil=EVIL):
    return lambda m: m.add(Entry.of(path, evil, sig=sig(m) if callable(sig) else sig))


relabelled("digest-in-the-signature", "sig|n-ng|d", None, with_sig(H("sha1", TOOL_BYTES), TOOL))
relabelled("digest-in-xattr-values", "sig|n-ng|sig|sig|sig|d-ng|sig|sig|sig", None,
           lambda m: m.add(Entry([b"sha256:\0" + EVIL, WC.encode() + b"\0", b"\5sig", b"a", b"b",
                                  b"sha256:\0" + digest(m, WC), bytes(4), bytes(4), bytes(2)], "evm-sig")))
relabelled("path-in-xattr-values", "d-ng|sig|sig|sig|sig|n-ng|sig|sig|sig", None,
           lambda m: m.add(Entry([b"sha256:\0" + digest(m, WC), b"/tmp/wc\0", b"\5sig", b"a", b"b",
                                  WC.encode() + b"\0", bytes(4), bytes(4), bytes(2)], "evm-sig")))
relabelled("file-as-buffer", "ima-buf", None, lambda m: m.add(Entry.of("/tmp/evil", H("sha256", b"\3evil"), sig=b"\3evil")))
relabelled("file-as-buffer-without-signature", "ima-buf", "ima.unknown-file:high", with_sig(b""), "fail")
relabelled("digest-as-buffer", "buf|n-ng|sig", None, with_sig(b""))
relabelled("no-digest", "sig|n-ng|sig", None, with_sig(b"", WC))
relabelled("no-path", "d-ng|sig|sig", None, with_sig(b""))
relabelled("nothing-known", "sig|sig|sig", None, with_sig(b""))
relabelled("ng-as-ima", "ima", None, with_sig(b""), "fail|incomplete")
relabelled("with-a-newline", b"ima-sig\n", None, with_sig(b""), "fail|incomplete")
relabelled("in-capitals", "IMA-SIG", "ima.unknown-template:medium", with_sig(b""), "incomplete")
relabelled("format-with-a-bar-behind", "d-ng|n-ng|sig|", "ima.unknown-template:medium", with_sig(b""), "incomplete")
relabelled("d-modsig", "d-modsig|n-ng|sig", None, with_sig(b"", WC))


@case("buffer", "pass", rule=I + "buffer entries")
def _(m):
    m.add(Entry([b"sha256:\0" + H("sha256", b"6.1.0"), b"kernel_version\0", b"6.1.0"], "ima-buf"))


@case("buffer-wrong", "fail", "ima.buffer:critical", rule=I + "buffer entry whose digest isn't its buffer's")
def _(m):
    m.add(Entry([b"sha256:\0" + EVIL, b"kernel_version\0", b"6.1.0"], "ima-buf"))


@case("buffer-empty-wrong", "fail", "ima.buffer:critical", rule=I + "buffer entry whose digest isn't its buffer's")
def _(m):
    m.add(Entry([b"sha256:\0" + EVIL, b"kernel_version\0", b""], "ima-buf"))


LISTED = "[ima]\nrequire-known-buffers = yes\nexclude = **\n"


def listed(name, verdict, findings="", line=""):
    @case("buffer-" + name, verdict, findings, rule="a policy may list the buffers that there may be", policy=LISTED + line)
    def _(m):
        m.add(Entry([b"sha256:\0" + H("sha256", b"6.1.0"), b"kernel_version\0", b"6.1.0"], "ima-buf"))


VERSION = "known-buffer = sha256:%s " % H("sha256", b"6.1.0").hex()
listed("listed", "pass", line=VERSION + "kernel_version\n")
listed("listed-by-name", "pass", line="known-buffer = any kernel_version\n")
listed("unlisted", "fail", "ima.unknown-buffer:high")
listed("listed-as-another", "fail", "ima.unknown-buffer:high", VERSION + "kexec-cmdline\n")
listed("listed-otherwise", "fail", "ima.unknown-buffer:high", "known-buffer = sha256:%s kernel_version\n" % EVIL.hex())
listed("listed-keys-only", "fail", "ima.unknown-buffer:high", "known-buffer = any *\n")


@case("buffer-of-unknown-hash", "incomplete", "ima.no-reference:medium", rule=I + "buffer entry")
def _(m):
    m.add(Entry([b"wp512:\0" + EVIL, b"kernel_version\0", b"6.1.0"], "ima-buf"))


@case("buffer-with-a-file's-name", "fail", None, rule=I + "buffer entries")
def _(m):
    m.add(Entry([b"sha256:\0" + H("sha256", b"x"), b"/tmp/evil\0", b"x"], "ima-buf"))


@case("entry-in-another-pcr", "incomplete", "pcr.unquoted:medium", rule=I + "entries in other PCRs than 10")
def _(m):
    m.ima[-1].pcr = 15
    m.quote()


@case("entry-in-another-quoted-pcr", "pass", rule=I + "entries in other PCRs than 10")
def _(m):
    m.ima[-1].pcr = 11
    m.quote()


@case("entry-made-up-in-another-pcr", "fail", "pcr.mismatch:critical", rule=I + "a log must give every quoted PCR")
def _(m):
    m.quote()
    m.ima.insert(30, Entry.of(WC, digest(m, WC), pcr=11))


@case("entry-made-up-in-another-pcr-after-the-quote", "pass", rule=I + "entries after the quote")
def _(m):
    m.quote()
    m.add(Entry.of(WC, digest(m, WC), pcr=11))


@case("entry-in-another-pcr-after-the-quote-no-pcrs-file", "pass", rule=I + "entries after the quote")
def _(m):
    m.quote(pcrs_file=False)
    m.add(Entry.of(WC, digest(m, WC), pcr=11))


@case("unknown-in-another-pcr-after-the-quote", "incomplete", "ima.unknown-file:medium", rule=I + "anything else there makes it incomplete")
def _(m):
    m.quote()
    m.add(Entry.of("/tmp/x", EVIL, pcr=11))


@case("entries-of-two-pcrs-around-the-quote", "pass", rule=I + "entries after the quote")
def _(m):
    m.ima[-3].pcr = 11
    tail = m.ima[-2:]
    del m.ima[-2:]
    m.quote()
    tail[0].pcr = 11
    m.ima += tail


@case("entry-in-another-pcr-moved-past-the-quote", "fail", "pcr.mismatch:critical", rule=I + "one prefix for all PCRs of a quote")
def _(m):
    m.ima[20].pcr = 11
    m.quote()
    moved = m.ima.pop(20)
    m.add(Entry.of(WC, digest(m, WC)), moved)


@case("entry-in-another-pcr-not-yet-there", "fail", "pcr.mismatch:critical", rule=I + "one prefix for all PCRs of a quote")
def _(m):
    # PCR 11 as after the entry at its end, PCR 10 as before the last but one.
    m.add(Entry.of(WC, digest(m, WC)), Entry.of(CONF, digest(m, CONF), pcr=11))
    values = {a: list(m.pcrs(a)) for a in ALGS}
    kept, m.ima = m.ima, m.ima[:-2]
    for a in ALGS:
        values[a][10] = m.pcrs(a)[10]
    m.ima = kept
    m.quote(values=values)


@case("all-entries-in-pcr-11", "pass", rule=I + "a kernel configured for another PCR",
      policy="[pcrs]\nrequired = 0-5,7\n")
def _(m):
    for e in m.ima:
        e.pcr = 11


@case("all-entries-in-pcr-11-one-changed", "fail", "ima.unattested:high pcr.mismatch:critical", rule=I + "no prefix but the empty one")
def _(m):
    for e in m.ima:
        e.pcr = 11
    m.quote()
    m.ima[20] = Entry.of(WC, digest(m, WC), pcr=11)


@case("entry-made-up-in-a-boot-pcr", "fail", None, rule=I + "a log must give every quoted PCR")
def _(m):
    m.quote()
    m.ima.insert(30, Entry.of(WC, digest(m, WC), pcr=4))


@case("entry-extended-a-boot-pcr", "fail|pass", None, rule=I + "a log must give every quoted PCR")
def _(m):
    m.ima.insert(30, Entry.of(WC, digest(m, WC), pcr=14))
    m.quote()


@case("entry-in-pcr-24", "fail", "log.malformed:high ima.unattested:high pcr.mismatch:critical", rule=R)
def _(m):
    m.quote()
    m.ima[30].pcr = 24


@case("list-empty", "fail", None, rule="design: missing evidence")
def _(m):
    m.quote()
    m.files["binary_runtime_measurements"] = b""


@case("list-empty-and-never-extended", "incomplete", None, rule="design: missing evidence")
def _(m):
    m.ima = []
    m.quote()


@case("list-missing", "incomplete", rule="design: missing evidence")
def _(m):
    m.quote()
    m.files["binary_runtime_measurements"] = None


@case("list-missing-not-required", "incomplete", rule="design: a PCR that a missing log extended", policy="[evidence]\nrequire-ima-log = no\n")
def _(m):
    m.quote()
    m.files["binary_runtime_measurements"] = None


@case("list-never-there-not-required", "pass", rule="policy: require-ima-log", policy="[evidence]\nrequire-ima-log = no\n")
def _(m):
    m.ima = []
    m.quote()
    m.files["binary_runtime_measurements"] = None


@case("list-is-no-list", "fail", "log.malformed:high", rule=R)
def _(m):
    m.quote()
    m.files["binary_runtime_measurements"] = b"\xff" * 100


@case("ascii-newline-in-a-name", "fail|incomplete", None, rule=I + "paths are bytes")
def _(m):
    m.add(Entry.of("/tmp/evil\n10 0000000000000000000000000000000000000000 ima-sig sha256:" + "00" * 32 + " /x ", EVIL))
    m.quote()
    m.files["ascii_runtime_measurements"] = b"".join(e.text() for e in m.ima)
    m.files["binary_runtime_measurements"] = None


@case("ascii-entry-changed", "fail", None, rule=I + "no prefix but the empty one")
def _(m):
    m.quote()
    text = b"".join(e.text() for e in m.ima).replace(b"/usr/bin/wc", b"/usr/bin/id")
    m.files["ascii_runtime_measurements"] = text
    m.files["binary_runtime_measurements"] = None


@case("ascii-beside-binary-says-otherwise", "pass", rule="Bundle: one list is read")
def _(m):
    m.quote()
    m.files["ascii_runtime_measurements"] = b"".join(e.text() for e in m.ima).replace(b"/usr/bin/wc", b"/usr/bin/id")


# --- user space's log ----------------------------------------------------------------------------------------

U = "Boot log: a userspace log may run past the quote"
FIT = "Boot log: it must reproduce every quoted PCR"
TO_15 = [("sha256", range(16))]


@case("honest-userspace", "pass", rule=FIT)
def _(m):
    m.systemd()
    m.quote(TO_15)


@case("honest-userspace-three-banks", "pass", rule=FIT)
def _(m):
    m.systemd()
    m.quote([(a, range(16)) for a in BANKS])


@case("honest-userspace-past-the-quote", "pass", rule=U)
def _(m):
    m.systemd()
    tail = m.user[-3:]
    del m.user[-3:]
    m.quote(TO_15)
    m.user += tail


@case("honest-userspace-and-ima-past-the-quote", "pass", rule=U)
def _(m):
    m.systemd()
    tail, later = m.user[-3:], m.ima[-3:]
    del m.user[-3:], m.ima[-3:]
    m.padded = {"sha256"}
    m.quote(TO_15)
    m.user += tail
    m.ima += later


@case("honest-userspace-not-yet", "pass", rule=U)
def _(m):
    m.quote(TO_15)
    m.systemd()


@case("honest-userspace-one-bank", "pass", rule="Boot log: systemd extends the banks that are in use")
def _(m):
    m.systemd()
    for record in m.user:
        record.algs, record.digests = ["sha256"], {"sha256": record.digests["sha256"]}
    m.quote([("sha1", range(16)), ("sha256", range(16))])


@case("honest-userspace-no-pcrs-file", "pass", rule="Quote: quote.pcrs may be absent")
def _(m):
    m.systemd()
    m.quote(TO_15, pcrs_file=False)


@case("honest-userspace-past-the-quote-no-pcrs-file", "pass", rule="Quote: quote.pcrs may be absent")
def _(m):
    m.systemd()
    tail, later = m.user[-3:], m.ima[-3:]
    del m.user[-3:], m.ima[-3:]
    m.quote(TO_15, pcrs_file=False)
    m.user += tail
    m.ima += later


@case("honest-userspace-locality-3-unstated", "pass", "log.locality:low", rule="Boot log: absent, and 0 doesn't fit but 3 does: low")
def _(m):
    m.locality = 3
    m.boot_again()
    m.systemd()
    m.quote(TO_15)


@case("honest-userspace-quotes-at-two-times", "pass", rule=U)
def _(m):
    m.systemd()
    tail = m.user[-2:]
    del m.user[-2:]
    m.quote(TO_15, clock=100)
    m.user += tail
    m.quote(TO_15, name="later", clock=200)


@case("honest-userspace-nv-index", "pass", rule="facts: records of NV indexes extend no PCR")
def _(m):
    m.systemd()
    record = Userspace(0x1d10200, "cryptsetup-keyslot:root", "keyslot", b"x")
    record.target = "nv_index"
    m.user.insert(3, record)
    m.quote(TO_15)


@case("honest-userspace-by-line", "pass", rule="facts: JSON-SEQ, as programs pass it on")
def _(m):
    m.systemd()
    m.quote(TO_15)
    m.user_bytes = b"".join(r.bytes() for r in m.user).replace(b"\x1e", b"")


@case("honest-userspace-unknown-event", "pass", rule="facts: unknown events are kept")
def _(m):
    m.systemd(Userspace(13, "what nobody knows", "of-tomorrow", b"something"))
    m.quote(TO_15)


@case("honest-userspace-registers", "pass", rule="facts: cc-measure.log is of registers")
def _(m):
    m.systemd()
    m.quote(TO_15)
    record = Userspace(2, "enter-initrd")
    record.target = "rtmr"
    m.files["cc-measure.log"] = record.bytes()


@case("honest-userspace-kexec", "pass", "ima.kexec:info", rule="IMA: a further boot_aggregate is a kexec: same rules")
def _(m):
    m.systemd()
    buf = b"console=ttyS0"
    m.add(Entry([b"sha256:\0" + H("sha256", buf), b"kexec-cmdline\0", buf], "ima-buf"))
    m.add(m.aggregate()) # the new kernel finds the PCRs as systemd left them
    m.quote(TO_15)


@case("userspace-pcrs-not-quoted", "incomplete", "pcr.unquoted:medium", rule="Boot log: every PCR the logs extend must be quoted")
def _(m):
    m.systemd()
    m.quote()


@case("userspace-record-removed", "fail", "pcr.mismatch:critical", rule=FIT)
def _(m):
    m.systemd()
    m.quote(TO_15)
    del m.user[13]


@case("userspace-record-removed-no-pcrs-file", "fail", "pcr.mismatch:critical", rule=FIT)
def _(m):
    m.systemd()
    m.quote(TO_15, pcrs_file=False)
    del m.user[13]


@case("userspace-record-added", "fail", "pcr.mismatch:critical", rule=FIT)
def _(m):
    m.systemd()
    m.quote(TO_15)
    m.user.insert(13, Userspace(11, "enter-initrd"))


@case("userspace-records-swapped", "fail", "pcr.mismatch:critical", rule=FIT)
def _(m):
    m.systemd()
    m.quote(TO_15)
    m.user[12], m.user[13] = m.user[13], m.user[12]


@case("userspace-string-changed", "fail", "log.data-mismatch:high", rule="Boot log: data that does not match its digest")
def _(m):
    m.systemd()
    m.quote(TO_15)
    m.user[13].string = "ready"


@case("userspace-string-and-digest-changed", "fail", "pcr.mismatch:critical", rule=FIT)
def _(m):
    m.systemd()
    m.quote(TO_15)
    m.user[13] = Userspace(11, "ready")


@case("userspace-string-changed-after-the-quote", "incomplete", "log.data-mismatch:medium", rule=U)
def _(m):
    m.systemd()
    last = m.user.pop()
    m.quote(TO_15)
    last.string = "shutdown"
    m.user.append(last)


@case("userspace-record-of-another-pcr", "fail", "pcr.mismatch:critical", rule=FIT)
def _(m):
    m.systemd()
    m.quote(TO_15)
    m.user[13].pcr = 12


@case("userspace-digest-of-one-bank-changed", "fail", "pcr.mismatch:critical", rule="design: a log that agrees in one bank and not in another")
def _(m):
    m.systemd()
    m.quote([("sha1", range(16)), ("sha256", range(16))])
    m.user[13].digests["sha1"] = H("sha1", b"evil")


@case("userspace-record-moved-past-the-quote", "fail", "pcr.mismatch:critical", rule="IMA: one prefix for all PCRs of a quote")
def _(m):
    m.systemd()
    last = m.user.pop()
    m.quote(TO_15)
    m.user += [last, m.user.pop(15)] # PCR 15's behind PCR 11's after the quote


@case("userspace-log-missing", "fail", "pcr.mismatch:critical", rule="Boot log: nothing may have been systemd")
def _(m):
    m.systemd()
    m.quote(TO_15)
    m.user = []


@case("userspace-log-of-another-boot", "fail", "log.structure:high", rule="Boot log: records of one boot")
def _(m):
    m.systemd()
    m.user[-1].boot = "1" * 32
    m.quote(TO_15)


@case("userspace-log-cut-in-front", "fail", "pcr.mismatch:critical", rule="Boot log: with the explanation the search found")
def _(m):
    m.systemd()
    m.quote(TO_15)
    del m.user[:14]


@case("userspace-log-cut-at-its-end", "fail", "pcr.mismatch:critical", rule=FIT)
def _(m):
    m.systemd()
    m.quote(TO_15)
    del m.user[-2:]


@case("userspace-log-breaks-off", "fail", "log.malformed:high", rule=R)
def _(m):
    m.systemd()
    m.quote(TO_15)
    m.user_bytes = b"".join(r.bytes() for r in m.user)[:-40]


@case("userspace-log-is-no-log", "fail", "log.malformed:high", rule=R)
def _(m):
    m.quote(TO_15)
    m.user_bytes = b"pcr 11"


@case("userspace-digest-twice", "fail", "log.structure:high", rule="Boot log: two digests of one algorithm")
def _(m):
    m.systemd()
    m.quote(TO_15)
    m.user[13].algs.append("sha256")


@case("unlogged-extend-of-pcr-11", "fail", "pcr.mismatch:critical", rule="Boot log: a PCR has extends no log explains")
def _(m):
    m.systemd()
    m.more = [(11, b"evil")]
    m.quote(TO_15)


@case("unlogged-extend-of-pcr-11-no-log", "fail", "pcr.mismatch:critical", rule="Boot log: a PCR has extends no log explains")
def _(m):
    m.more = [(11, b"enter-initrd"), (11, b"leave-initrd")]
    m.quote(TO_15)


@case("unlogged-extend-of-pcr-13", "fail", "pcr.mismatch:critical", rule="Boot log: a PCR has extends no log explains")
def _(m):
    m.systemd()
    m.more = [(13, b"evil")]
    m.quote(TO_15)


@case("userspace-record-hides-an-extend-of-pcr-10", "fail", "ima.unattested:high pcr.mismatch:critical", rule="IMA: no prefix but the empty one")
def _(m):
    m.systemd()
    m.user.append(Userspace(10, "enter-initrd"))
    m.more = [(10, b"evil")]
    m.quote(TO_15)


# IMA and systemd extend one PCR: in which order, no log says.

@case("honest-ima-and-userspace-in-pcr-11", "pass", rule=FIT)
def _(m):
    m.systemd()
    for e in m.ima[5:12]:
        e.pcr = 11
    m.between = [3] * 12 + [3, 8, 8, 8, 10, 11]
    m.quote(TO_15)


@case("honest-ima-and-userspace-in-pcr-11-past-the-quote", "pass", rule=U)
def _(m):
    m.systemd()
    for e in m.ima[5:12]:
        e.pcr = 11
    m.between = [3] * 12 + [3, 8, 8, 8, 10]
    last, tail = m.user.pop(), m.ima[-4:]
    del m.ima[-4:]
    m.quote(TO_15)
    m.user.append(last)
    m.ima += tail


@case("ima-and-userspace-in-pcr-11-record-removed", "fail", "pcr.mismatch:critical", rule=FIT)
def _(m):
    m.systemd()
    for e in m.ima[5:12]:
        e.pcr = 11
    m.between = [3] * 12 + [3, 8, 8, 8, 10, 11]
    m.quote(TO_15)
    del m.user[13]


@case("honest-ima-in-a-pcr-of-the-boot-log", "pass", rule="IMA: a kernel configured for another PCR",
      policy="[pcrs]\nrequired = 0-5, 7\n")
def _(m):
    for e in m.ima:
        e.pcr = 14
    m.quote()


# --- the bundle ------------------------------------------------------------------------------------------------

C = "Bundle: "


@case("cmdline-differs", "pass", "bundle.claim:medium", rule=C + "a cmdline that disagrees")
def _(m):
    m.files["cmdline"] = b"init=/bin/sh\x1b[2J\n"


@case("evidence-json", "pass", rule=C + "evidence.json wins over names")
def _(m):
    m.quote()
    m.files["deep/er/list"] = b"".join(e.bytes() for e in m.ima)
    m.files["binary_runtime_measurements"] = b"not this"
    m.files["evidence.json"] = json.dumps({"files": {"binary_runtime_measurements": "./deep//er/list"}}).encode()


for name, path, verdict, codes in (("absolute", "/etc/passwd", "fail", "bundle.path:high"), ("dotdot", "../other/quote.msg", "fail", "bundle.path:high"),
                                   ("inner-dotdot", "a/../quote.msg", "fail", "bundle.path:high"),
                                   ("missing", "nothing", "incomplete", "bundle.missing:medium"), ("empty", "", "fail", "bundle.path:high"),
                                   ("nul", "quote.msg\0x", "fail", None), ("escape", "a\x1b[2J\u202e", "incomplete", "bundle.missing:medium")):
    @case("evidence-json-" + name, verdict, codes, rule=C + "evidence.json may not leave the bundle")
    def _(m, path=path):
        m.files["evidence.json"] = json.dumps({"files": {"cmdline": path}}).encode()


for name, text, codes in (("no-json", b"{", "bundle.mapping:high"), ("array", b"[]", "bundle.mapping:high"), ("no-files", b"{}", "bundle.mapping:high"),
                          ("unknown-role", b'{"files":{"root.pem":"quote.msg"}}', "bundle.mapping:high"),
                          ("itself", b'{"files":{"evidence.json":"quote.msg"}}', "bundle.mapping:high"),
                          ("twice", b'{"files":{"quote.msg":"quote.msg","quote.msg":"quote.sig"}}', "bundle.mapping:high"),
                          ("number", b'{"files":{"quote.msg":1}}', "bundle.mapping:high"),
                          ("deep", b"[" * 100000, "bundle.mapping:high"),
                          ("of-no-bytes", b"", "bundle.mapping:high"),
                          ("latin-1", b'{"files":{"quote.msg":"\xff"}}', "bundle.mapping:high")):
    @case("evidence-json-" + name, "fail", codes, rule=C + "evidence.json is {\"files\": {...}}")
    def _(m, text=text):
        m.files["evidence.json"] = text


@case("evidence-json-names-escape", "fail", "bundle.mapping:high", rule="Reports: every string is escaped")
def _(m):
    m.files["evidence.json"] = json.dumps({"files": {"\x1b]0;x\x07\u202erole": "quote.msg"}}, ensure_ascii=False).encode()


@case("evidence-json-swaps-keys", "fail", "quote.signature:critical", rule=C + "evidence.json wins over names")
def _(m):
    m.quote()
    m.files["other.pub"] = m.keys["other"].public()
    m.files["evidence.json"] = b'{"files":{"ak.pub":"other.pub"}}'


@case("hostile-names", "fail", None, rule="Reports: every string is escaped")
def _(m):
    m.quote()
    for suffix in (b"\x1b[31m", "\u202e".encode(), b"\xff\xfe", b"\"'<&>", b"a\nb"):
        m.files[b"quote-" + suffix + b".msg"] = b"x"
        m.files[b"ak-" + suffix + b".pub"] = b"x"
    m.add(Entry.of(b"/\x1b[31m\xe2\x80\xae\xff<b>&\"'\n\r\t", EVIL))


@case("hostile-strings-in-the-boot-log", "pass|fail", None, rule="Reports: every string is escaped")
def _(m):
    m.boot.append(Event.over(14, IPL, b"\x1b[31m\xe2\x80\xae\xff\n<b>"))
    m.boot.append(Event.over(8, IPL, b"kernel_cmdline: \x1b[31m\xe2\x80\xae\xff\n<b>\0"))
    m.files["cmdline"] = b"\x1b[31m\xe2\x80\xae\xff\n<b>\"\\"
    m.boot_again()


# --- the forms of agents ------------------------------------------------------------------------------------------

F = "Where evidence comes from: "


def form_case(form, verdict, findings="", change=None, name=None, rule="an honest bundle is one in any form"):
    @case("form-" + (name or form), verdict, findings, rule=F + rule)
    def _(m):
        m.quote()
        m.form = form
        if change:
            change(m)
        m.files["ascii_runtime_measurements"] = b"".join(e.text() for e in m.ima)


for form in ("keylime", "keylime-old", "keylime-string", "keylime-push", "keylime-folder", "go-tpm-tools", "go-attestation", "trustee",
             "fapi", "fapi-files", "other-names", "support-archive"):
    form_case(form, "pass")


def agent_key(m):
    m.more = [(16, wrap_evidence.AGENT_KEY.encode())]
    m.quote([("sha256", list(ALL) + [16])])


def other_agent_key(m):
    m.more = [(16, b"another key")]
    m.quote([("sha256", list(ALL) + [16])])


form_case("keylime-pubkey", "pass", "", agent_key, rule="Keylime extends PCR 16 with the agent's public key")
form_case("keylime-pubkey", "fail", "pcr.mismatch:critical", other_agent_key, "keylime-pubkey-other",
          rule="PCR 16 holds another key than the reply's")


def flip(m):
    message = bytearray(m.files["quote.msg"])
    message[-1] ^= 1
    m.files["quote.msg"] = bytes(message)


for form in ("keylime", "keylime-push", "go-tpm-tools", "go-attestation", "trustee", "fapi", "fapi-files", "other-names"):
    form_case(form, "fail", "quote.signature:critical", flip, form + "-signature", "a signature that does not hold fails in any form")


def reboot(before=None, between=None, after=None):
    """Two boots of one machine: another event and another order of files in the first. before: a change that the first
    quote covers; between: of the first boot's logs behind it; after: of the second boot's."""
    def change(m):
        boot, ima, more = list(m.boot), list(m.ima), list(m.more)
        del m.boot[-1]
        m.ima[1], m.ima[2] = m.ima[2], m.ima[1]
        m.boot_again()
        if before:
            before(m)
        m.quote(name="before", clock=100, reset=4)
        if between:
            between(m)
        m.files["before.bios"] = m.spec_id + b"".join(e.bytes() for e in m.boot)
        m.files["before.ima"] = b"".join(e.text() for e in m.ima)
        m.boot, m.ima, m.more = boot, ima, more
        m.boot_again()
        m.quote(clock=200, reset=5)
        if after:
            after(m)
    return change


for form in ("keylime-reboot", "keylime-reboot-lines", "keylime-reboot-array"):
    form_case(form, "pass", "", reboot(), rule="several boots in one series: each quote against the logs of its boot")
form_case("keylime-reboot", "fail", "ima.unknown-file:high", reboot(before=lambda m: m.add(Entry.of(b"/usr/bin/evil", EVIL))),
          "keylime-reboot-evil-before", "what ran before the reboot is judged, too")
form_case("keylime-reboot", "fail", "pcr.mismatch:critical", reboot(between=lambda m: m.boot.pop()),
          "keylime-reboot-event-hidden-before", "an event that the first boot's log does not show")
form_case("keylime-reboot", "fail", "ima.unattested:high pcr.mismatch:critical", reboot(between=lambda m: m.ima.pop(1)),
          "keylime-reboot-entry-hidden-before", "an entry that the first boot's list does not show")
form_case("keylime-reboot", "fail", "pcr.mismatch:critical", reboot(after=lambda m: m.boot.pop()),
          "keylime-reboot-event-hidden-after", "an event that the latest boot's log does not show")


def swap_boots(m):
    kept = m.files["before.bios"]
    m.files["before.bios"] = m.spec_id + b"".join(e.bytes() for e in m.boot)
    m.boot_bytes = kept


form_case("keylime-reboot", "fail", "pcr.mismatch:critical", reboot(after=swap_boots), "keylime-reboot-logs-exchanged",
          "the logs of one boot beside the quote of another")
form_case("keylime-reboot", "incomplete", "", reboot(after=lambda m: m.files.pop("before.bios")), "keylime-reboot-no-log-before",
          "a boot without its boot log")
form_case("keylime-gap", "fail", "bundle.missing:medium ima.unattested:high", rule="entries between two replies are missing")
form_case("keylime-other-machine", "fail", "bundle.ambiguous:medium", rule="a reply of another list among a machine's")
form_case("keylime-broken", "fail", "bundle.form:high", rule="a part that is not as its form has it")
# Canonical Event Logs: the logs of the machine as one, and what Google's launcher of containers measured.
for form in ("cel-tlv", "cel-named", "cel-json", "cel-sequence", "cel-cbor"):
    form_case(form, "pass")
for form in ("cel-json", "cel-sequence"):
    form_case(form, "pass", "", lambda m: (m.systemd(), m.quote(TO_15)), form + "-userspace", rule="systemd's records, too")
form_case("cel-gap", "fail", "bundle.form:high ima.unattested:high", rule="a record of IMA's is missing: its number, too")
form_case("cel-event-gap", "fail", "bundle.form:high pcr.mismatch:critical", rule="a record of the firmware's is missing")
form_case("cel-cut", "fail", "bundle.form:high ima.unattested:high", rule="a log that breaks off is read up to there")
form_case("cel-not", "fail", "bundle.form:high", rule="a file that has the name of such a log, and is none")
form_case("cel-ima-digest", "fail", "bundle.form:high", rule="a digest of an IMA entry that is not over its template data, in any bank")
form_case("cel-ima-data", "fail", "ima.template-hash:high ima.unattested:high", rule="template data that was changed")
form_case("cel-version", "fail", "bundle.form:high", rule="a log of a version that nobody knows")


def containers(m):
    m.more = [(13, event) for event in wrap_evidence.CONTAINERS]
    m.quote([("sha256", ALL)])


form_case("containers", "pass", "", containers, rule="go-tpm-tools: what the launcher of containers extended explains PCR 13")
form_case("containers-altered", "fail", "bundle.form:high", containers, rule="a container event that its digest is not over")
form_case("containers-missing", "fail", "pcr.mismatch:critical", containers, rule="a container event is missing")
form_case("two-quotes", "incomplete", "bundle.ambiguous:medium", rule="two candidates for one purpose: neither is used")


# --- TDX machines -------------------------------------------------------------------------------------------------

X = "TDX machines: "
TDX = GOOD + " --ca @keys/tdx-root.pem"


def tdx_case(name, verdict, findings="", change=None, options=TDX, rule="", platform=None, log=None, registers=None, ccel=True, **how):
    """A confidential machine with a TPM: an honest bundle, and its TDX quote and log beside it."""
    @case("tdx-" + name, verdict, findings, options, X + rule)
    def _(m):
        one = TPMS["tdx"](**(platform or {}))
        if change:
            change(one)
        honest = tdx.ccel()
        values = tdx.registers(honest)
        if registers:
            registers(values)
        quote = one.quote(values, how.get("nonce", NONCE), **{k: v for k, v in how.items() if k not in ("nonce", "files", "cut")})
        m.files["quote.tdx"] = quote[:how.get("cut", len(quote))]
        if ccel:
            m.files["CCEL"] = log(honest) if log else honest
        m.files.update(how.get("files", {}))


def set_to(**values):
    return lambda platform: [setattr(platform, name, value) for name, value in values.items()]


REGISTER_EXTEND = H("sha384", b"ready")
REGISTER_LOG = (json.dumps({"rtmr": 3, "digests": [{"hashAlg": "sha384", "digest": REGISTER_EXTEND.hex()}], "content_type": "systemd",
                         "content": {"string": "ready", "eventType": "phase"}})).encode()


def ready(values):
    values[3] = H("sha384", values[3] + REGISTER_EXTEND)


tdx_case("honest", "incomplete", rule="each link holds, the registers too; whether the processor is up to date nobody says")
tdx_case("honest-version-5", "incomplete", rule="a quote of version 5", version=5)
tdx_case("honest-userspace", "incomplete", rule="user space's extends of a register", registers=ready, files={"cc-measure.log": b"\x1e" + REGISTER_LOG + b"\n"})
tdx_case("honest-userspace-past-the-quote", "incomplete", rule="user space's log may run past the quote", files={"cc-measure.log": b"\x1e" + REGISTER_LOG + b"\n"})
tdx_case("honest-no-log", "incomplete", rule="no log to hold the registers against", ccel=False)
tdx_case("no-authority", "incomplete", "key.unbound:medium", options=GOOD, rule="nothing says whose processor it was")
tdx_case("signature", "fail", "quote.signature:critical", lambda p: setattr(p, "sign_with", p.other), rule="signed by another key than the quote's")
tdx_case("key", "fail", "key.binding:critical", lambda p: setattr(p, "report_key", p.other), rule="the quoting enclave reports another key")
tdx_case("qe-signature", "fail", "key.binding:critical", lambda p: setattr(p, "pck", p.other), rule="the enclave's report is signed by another processor's key")
tdx_case("qe-signer", "fail", "key.binding:critical", set_to(qe_signer=bytes(32)), rule="an enclave of somebody else on a processor of Intel's")
tdx_case("qe-product", "fail", "key.binding:critical", set_to(qe_product=1), rule="another enclave of Intel's")
tdx_case("qe-debug", "fail", "key.binding:critical", set_to(qe_flags=0x17), rule="a quoting enclave in debug mode")
tdx_case("root", "fail", "key.certificate:high", platform={"root": "other"}, rule="another root than the operator's")
tdx_case("leaf", "fail", "key.certificate:high", platform={"leaf": tdx.PCK[:2]}, rule="a certificate of the root's that is not of a processor")
tdx_case("debug", "fail", "quote.unprotected:critical", rule="a machine that its host can debug", attributes=1)
tdx_case("module", "fail", "quote.unprotected:critical", rule="a TDX module that is not Intel's", seam_signer=b"\1" * 48)
tdx_case("nonce", "fail", "quote.nonce:critical", rule="report data are not the nonce", nonce=b"old")
tdx_case("nonce-more", "fail", "quote.nonce:critical", rule="report data go on behind the nonce", nonce=NONCE + b"x")
tdx_case("event-removed", "fail", "pcr.mismatch:critical", log=lambda log: log[:-1 - log[::-1].index(b"\3\0\0\0"[::-1]) - 3], rule="an event of the log is missing")
tdx_case("event-added", "fail", "pcr.mismatch:critical", log=lambda log: log + tdx.event(4, 0xd, b"more"), rule="an event that the register does not have")
tdx_case("unlogged-extend", "fail", "pcr.mismatch:critical", registers=ready, rule="a register was extended, and no log says by what")
tdx_case("event-data", "fail", "log.data-mismatch:high", log=lambda log: log.replace(b"vda", b"vdb"), rule="data that the event's digest is not over")
tdx_case("quote-cut", "fail", "quote.malformed:high", rule="a quote that breaks off", cut=900)
tdx_case("log-cut", "fail", "log.malformed:high pcr.mismatch:critical", log=lambda log: log[:-10], rule="a log that breaks off")


# --- what binds a key -------------------------------------------------------------------------------------------

B = "Keys: bound means: "
V = "Keys: certificates are judged at --at: "
SECRET = b"what the challenger kept"
ONLY = "--nonce " + NONCE.hex()
CA_OF = ONLY + " --ca @keys/root.pem"
GIVEN = CA_OF + " --credential-secret @keys/secret"
EK_KEY = 0x000300B2  # fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt
TPMS = {}  # keys of the TPM and of its manufacturer, made in main()


def ek_public(key):
    """TPM2B_PUBLIC as TPMs make EKs: AES-128-CFB for what is below, no signing scheme."""
    policy = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
    head = be(ALGS["sha256"], 2) + be(EK_KEY, 4) + tpm2b(policy)
    parameters = be(0x0006, 2) + be(128, 2) + be(0x0043, 2) + be(0x0010, 2)
    if key.kind.startswith("rsa"):
        return tpm2b(be(1, 2) + head + parameters + be(2048, 2) + be(0, 4) + tpm2b(key.modulus))
    return tpm2b(be(0x23, 2) + head + parameters + be(3, 2) + be(0x10, 2) + tpm2b(key.der[-64:-32]) + tpm2b(key.der[-32:]))


def credential_for(ek, secret=SECRET, header=True, seed=None):
    """Of the form TPM2_MakeCredential gives; only the TPM could see what it was made for, so the bytes are any."""
    if seed is None:
        seed = H("sha512", b"seed") * 4 if ek.kind.startswith("rsa") else tpm2b(ek.der[-64:-32]) + tpm2b(ek.der[-32:])
    id_object = tpm2b(H("sha256", b"hmac")) + H("sha512", b"identity")[:2 + len(secret)]
    return (be(0xBADCC0DE, 4) + be(1, 4) if header else b"") + tpm2b(id_object) + tpm2b(seed)


def ek_bundle(m, ek="ek", issuer="middle", extensions=None, certificate=None, public=None, more=(), **how):
    """ek.pub, its certificate and the intermediate in ca/."""
    ek, issuer = TPMS[ek], TPMS[issuer] if isinstance(issuer, str) else issuer
    m.files["ek.pub"] = ek_public(ek if public is None else TPMS[public])
    m.files["ek.crt"] = certificate or issuer.issue("", ek.der, authority.EK if extensions is None else extensions, **how)
    m.files["ca/middle.pem"] = authority.pem(issuer.certificate, *more)


def with_credential(m, ek="ek", secret=SECRET, recovered=SECRET, **more):
    ek_bundle(m, ek, **more)
    m.files["credential.blob"] = credential_for(TPMS[ek], secret)
    m.files["credential.recovered"] = recovered


def ak_certificate(m, key="ak", issuer="middle", extensions=None, more=(), **how):
    issuer = TPMS[issuer] if isinstance(issuer, str) else issuer
    m.files["ak.crt"] = authority.pem(issuer.issue("", m.keys[key].der, authority.AK if extensions is None else extensions, **how),
                                      issuer.certificate, *more)


def certified(m, signer, name=None, kind=0x8017, magic=0xFF544347, alg=None, after=b"", message=None, file="ak"):
    """ak.certify.msg and .sig over the AK's name."""
    name = m.keys["ak"].name() if name is None else name
    body = be(magic, 4) + be(kind, 2) + tpm2b(b"\0\x0b" + H("sha256", b"signer")) + tpm2b(b"") + be(27000, 8) + be(2, 4)
    body += be(0, 4) + be(1, 1) + be(0x2019102300163636, 8)
    body += tpm2b(name) + tpm2b(H("sha256", b"creation") if kind == 0x801A else name)
    message = body + after if message is None else message
    m.files[file + ".certify.msg"] = message
    m.files[file + ".certify.sig"] = signer.sign(message, alg)


def iak_bundle(m, key="iak", issuer="middle", extensions=None, public=None, **how):
    iak, issuer = m.keys[key], TPMS[issuer] if isinstance(issuer, str) else issuer
    m.files["iak.pub"] = (m.keys[public] if public else iak).public()
    m.files["iak.crt"] = authority.pem(issuer.issue("IAK", iak.der, authority.AK if extensions is None else extensions, **how),
                                       issuer.certificate)


def bond(name, verdict, findings="", options=GIVEN, rule="", policy=None, make=None, **how):
    """A case of ek_bundle's and with_credential's arguments."""
    @case(name, verdict, findings, options, rule, policy)
    def _(m):
        (make or with_credential)(m, **{k: v() if callable(v) else v for k, v in how.items()})


CREDENTIAL = B + "a credential was recovered, its secret known from the operator, the EK's certificate chains to --ca"
bond("bound-by-credential", "pass", rule=CREDENTIAL)
bond("bound-by-credential-ecc", "pass", rule=CREDENTIAL, ek="ek-ecc", extensions=lambda: authority.EK)
bond("bound-by-credential-ecc-agreement", "pass", rule=V + "key usage", ek="ek-ecc",
     extensions=lambda: (authority.constraints(False), authority.key_usage(authority.AGREEMENT), authority.extended(authority.EK_USAGE)))
bond("bound-by-credential-no-intermediate-needed", "pass", rule=CREDENTIAL, issuer="root")
bond("bound-by-intermediate-as-anchor", "pass", options=ONLY + " --ca @keys/middle.pem --credential-secret @keys/secret",
     rule="What is trusted: the certificates the operator names")
bond("bound-by-folder-of-authorities", "pass", options=ONLY + " --ca @keys/authorities --credential-secret @keys/secret",
     rule="Operator's options: --ca FILE|DIR")
bond("bound-by-policy", "pass", options=ONLY, rule="What is trusted: or the same in the policy file",
     policy="[trust]\nca = keys/root.pem\ncredential-secret = keys/secret\nat = 2025-01-01\n")
bond("bound-unattested-san-not-critical", "pass", rule=V + "unknown attributes in the SAN",
     extensions=lambda: (*authority.EK[:3], authority.tpm_names(False)))
bond("bound-by-certificate-that-says-nothing", "pass", rule=V + "key usage", extensions=())


@case("bound-by-own-records", "pass", options=CA_OF, rule=CREDENTIAL, policy="[evidence]\nown-records = yes\n")
def _(m):
    with_credential(m)
    m.files["credential.secret"] = SECRET


@case("bound-by-pem-certificate", "pass", options=GIVEN, rule="Evidence bundles: ek.crt (DER or PEM)")
def _(m):
    with_credential(m)
    m.files["ek.crt"] = b"subject=\n" + authority.pem(m.files["ek.crt"])


for padding, fill in (("zeros", bytes(400)), ("ones", b"\xff" * 400)):
    @case("bound-by-certificate-padded-with-" + padding, "pass", options=GIVEN, rule="Keys: EK certificates from NV dumps with padding")
    def _(m, fill=fill):
        with_credential(m)
        m.files["ek.crt"] += fill


@case("bound-by-certificate-with-tpm12-header", "pass", options=GIVEN, rule="Keys: EK certificates from NV dumps")
def _(m):
    with_credential(m)
    stored = b"\x10\x02" + m.files["ek.crt"]
    m.files["ek.crt"] = b"\x10\x01\0" + be(len(stored), 2) + stored + b"\xff" * 100


@case("bound-by-named-credential", "pass", options=CA_OF + " --credential-secret two=@keys/secret", rule=CREDENTIAL)
def _(m):
    with_credential(m)
    m.quote(name="two")
    for file in ("credential.blob", "credential.recovered"):
        m.files[file.replace(".", "-two.")] = m.files.pop(file)


@case("bound-by-blob-without-header", "pass", options=GIVEN, rule=CREDENTIAL)
def _(m):
    with_credential(m)
    m.files["credential.blob"] = credential_for(TPMS["ek"], header=False)


@case("bound-without-ek-pub", "pass", options=GIVEN, rule=CREDENTIAL)
def _(m):
    with_credential(m)
    del m.files["ek.pub"]


bond("ek-wrong-root", "fail", "key.certificate:high key.unbound:medium", options=ONLY + " --ca @keys/other-root.pem --credential-secret @keys/secret",
     rule="Keys: chain failing: key.certificate high")
bond("ek-root-of-the-same-name", "fail", "key.certificate:high", options=ONLY + " --ca @keys/namesake.pem --credential-secret @keys/secret",
     rule=V + "signatures")
bond("ek-not-yet-valid-at", "fail", "key.certificate:high", options=GIVEN + " --at 2019-06-01T00:00:00Z", rule=V + "dates")
bond("ek-expired-at", "fail", "key.certificate:high", rule=V + "dates", options=GIVEN + " --at 2022-06-01", end="20210101000000Z")
bond("ek-expired-now-valid-at", "pass", rule=V + "dates", options=GIVEN + " --at 2020-06-01T12:00:00+02:00", end="20210101000000Z")
bond("ek-intermediate-expired-valid-at", "pass", rule=V + "dates", options=GIVEN + " --at 1591012800", issuer="expired")
bond("ek-intermediate-expired", "fail", "key.certificate:high", rule=V + "dates", issuer="expired")
bond("ek-intermediate-no-ca", "fail", "key.certificate:high", rule=V + "CA bits", issuer="no-ca")
bond("ek-intermediate-path-length", "fail", "key.certificate:high", rule=V + "path length", issuer="too-deep", more=lambda: (TPMS["shallow"].certificate,))
bond("ek-intermediate-may-not-sign", "fail", "key.certificate:high", rule=V + "key usage", issuer="no-signing")
bond("ek-intermediate-for-tls", "fail", "key.certificate:high", rule=V + "key usage", issuer="tls")
bond("ek-name-constraint", "fail", "key.certificate:high", rule=V + "name constraints", issuer="vendor")
bond("ek-name-permitted", "pass", rule=V + "name constraints", issuer="vendor",
     certificate=lambda: TPMS["vendor"].issue(authority.name(("2.5.4.10", "Vendor"), ("2.5.4.3", "TPM")), TPMS["ek"].der, authority.EK[:3]))
bond("ek-signature-over-sha1", "fail", "key.certificate:high", rule="Keys: SHA-1 and MD5 signed certificates are refused", issuer="rsa",
     options=ONLY + " --ca @keys/rsa-root.pem --credential-secret @keys/secret", alg="sha1")
bond("ek-signature-over-md5", "fail", "key.certificate:high", rule="Keys: SHA-1 and MD5 signed certificates are refused", issuer="rsa",
     options=ONLY + " --ca @keys/rsa-root.pem --credential-secret @keys/secret", alg="md5")
bond("ek-root-over-sha1", "pass", rule="Keys: a root's own signature does not matter", issuer="rsa",
     options=ONLY + " --ca @keys/rsa-root.pem --credential-secret @keys/secret")
bond("ek-unknown-critical-extension", "fail", "key.certificate:high", rule=V + "what is critical has to be understood",
     extensions=lambda: (*authority.EK, authority.extension("1.3.6.1.4.1.99999.1", b"\5\0", True)))
bond("ek-key-usage-signing", "fail", "key.certificate:high", rule=V + "key usage", extensions=lambda: authority.AK)
bond("ek-extended-usage-tls", "fail", "key.certificate:high", rule=V + "key usage",
     extensions=lambda: (authority.constraints(False), authority.key_usage(2), authority.extended(authority.TLS_USAGE)))
bond("ek-certificate-of-a-ca", "fail", "key.certificate:high", rule=V + "CA bits", extensions=lambda: authority.CA)
bond("ek-revoked", "fail", "key.certificate:high", rule=V + "revocation lists if given", options=GIVEN + " --ca @keys/revoked.crl", serial=0x77)
bond("ek-others-revoked", "pass", rule=V + "revocation lists if given", options=GIVEN + " --ca @keys/revoked.crl", serial=0x78)
bond("ek-issuer-revoked", "fail", "key.certificate:high", rule=V + "revocation lists if given", options=GIVEN + " --ca @keys/revoked-middle.crl")
bond("ek-pub-of-another-key", "fail", "key.binding:critical key.unbound:medium", rule="Keys: EK public against its certificate", public="ek-two")
bond("ek-self-made-authorities", "fail", "key.certificate:high key.unbound:medium", rule="Keys: certificates in the bundle are intermediates only",
     issuer="forged", more=lambda: (TPMS["forged-root"].certificate,))
bond("ek-self-made-root-alone", "fail", "key.certificate:high key.unbound:medium", rule="Keys: certificates in the bundle are intermediates only",
     issuer="forged-root")
bond("ek-no-ca-given", "incomplete", "key.unbound:medium", rule="What is trusted: nothing in a bundle vouches for itself",
     options=ONLY + " --credential-secret @keys/secret")
bond("ek-chain-fails-though-ak-is-named", "fail", "key.certificate:high", rule="Keys: chain failing: key.certificate high",
     options=GOOD + " --ca @keys/other-root.pem")
bond("credential-recovered-another", "fail", "key.binding:critical key.unbound:medium", rule="Keys: a binding that is there and wrong: key.binding critical",
     recovered=SECRET[:-1] + b"!")
bond("credential-recovered-nothing", "fail", "key.binding:critical", rule="Keys: a binding that is there and wrong: key.binding critical", recovered=b"")
bond("credential-of-another-size", "fail", "key.binding:critical", rule="Keys: a binding that is there and wrong: key.binding critical", secret=SECRET + b"x")
bond("credential-short-secret", "incomplete", "key.unbound:medium", rule=CREDENTIAL, options=CA_OF + " --credential-secret @keys/short-secret",
     secret=b"1234", recovered=b"1234")


@case("credential-for-a-key-of-another-kind", "fail", "key.binding:critical", options=GIVEN, rule="Keys: a credential made for this EK")
def _(m):
    with_credential(m)
    m.files["credential.blob"] = credential_for(TPMS["ek-ecc"])


@case("credential-off-the-curve", "fail", "key.binding:critical", options=GIVEN, rule="Keys: a credential made for this EK")
def _(m):
    with_credential(m, "ek-ecc")
    m.files["credential.blob"] = credential_for(TPMS["ek-ecc"], seed=tpm2b(b"\1" * 32) + tpm2b(b"\2" * 32))


@case("credential-secret-of-the-bundle", "incomplete", "key.unbound:medium", options=CA_OF, rule=CREDENTIAL)
def _(m):
    with_credential(m)
    m.files["credential.secret"] = SECRET


@case("credential-contradicts-the-bundles-own-secret", "fail", "key.binding:critical", options=CA_OF, rule="Keys: a binding that is there and wrong")
def _(m):
    with_credential(m)
    m.files["credential.secret"] = b"another secret, so long."


@case("credential-not-recovered", "incomplete", "key.unbound:medium", options=GIVEN, rule=CREDENTIAL)
def _(m):
    with_credential(m)
    del m.files["credential.recovered"]


@case("credential-without-ek-certificate", "incomplete", "key.unbound:medium", options=GIVEN, rule=CREDENTIAL)
def _(m):
    with_credential(m)
    del m.files["ek.crt"]


@case("credential-for-hidden-name", "incomplete", "key.unbound:medium", options=GIVEN, rule="Keys: ak.pem alone hides the attributes")
def _(m):
    with_credential(m)
    m.quote()
    m.files["ak.pem"] = m.keys["ak"].pem()
    m.files["ak.pub"] = None


for name, cut in (("cut", lambda b: b[:-1]), ("bytes-after", lambda b: b + b"x"), ("empty", lambda b: b""), ("version", lambda b: b[:7] + b"\2" + b[8:])):
    @case("credential-malformed-" + name, "fail", "key.malformed:high", options=GIVEN, rule="From findings: a malformed key is key.malformed high")
    def _(m, cut=cut):
        with_credential(m)
        m.files["credential.blob"] = cut(m.files["credential.blob"])


for name, cut in (("cut", lambda b: b[:-1]), ("bytes-after", lambda b: b + b"x"), ("empty", lambda b: b""), ("text", lambda b: b"no certificate\n")):
    @case("ek-certificate-malformed-" + name, "fail", "key.malformed:high key.unbound:medium", options=GIVEN, rule="From findings: a malformed key is key.malformed high")
    def _(m, cut=cut):
        with_credential(m)
        m.files["ek.crt"] = cut(m.files["ek.crt"])


@case("ek-pub-malformed", "fail", "key.malformed:high", options=GIVEN, rule="From findings: a malformed key is key.malformed high")
def _(m):
    with_credential(m)
    m.files["ek.pub"] = m.files["ek.pub"][:-1]


@case("too-many-certificates", "incomplete", "bundle.limit:medium", options=GIVEN, rule="Keys: limits")
def _(m):
    with_credential(m)
    m.files["ca/many.pem"] = authority.pem(*[TPMS["middle"].certificate] * 200)


@case("revocation-list-of-the-bundle", "pass", options=GIVEN, rule="Keys: revocation lists are the operator's")
def _(m):
    with_credential(m, serial=0x77)
    m.files["ca/middle.pem"] += authority.pem(TPMS["middle"].revoke(0x77), what="X509 CRL")


CERTIFICATE = B + "an AK certificate for this public key chains to --ca and is fit for the purpose"
bond("bound-by-ak-certificate", "pass", options=CA_OF, rule=CERTIFICATE, make=ak_certificate)
bond("bound-by-ak-certificate-of-google", "pass", options=CA_OF, rule=CERTIFICATE, make=ak_certificate,
     extensions=lambda: (authority.constraints(False), authority.key_usage(0), authority.extended(authority.EK_USAGE)))
bond("ak-certificate-for-another-key", "fail", "key.binding:critical key.unbound:medium", options=CA_OF, rule=CERTIFICATE, make=ak_certificate, key="other")
bond("ak-certificate-wrong-root", "fail", "key.certificate:high key.unbound:medium", options=ONLY + " --ca @keys/other-root.pem", rule=CERTIFICATE, make=ak_certificate)
bond("ak-certificate-for-encipherment", "fail", "key.certificate:high key.unbound:medium", options=CA_OF, rule=CERTIFICATE, make=ak_certificate,
     extensions=lambda: authority.EK)
bond("ak-certificate-for-tls", "fail", "key.certificate:high key.unbound:medium", options=CA_OF, rule=CERTIFICATE, make=ak_certificate,
     extensions=lambda: (authority.constraints(False), authority.key_usage(0), authority.extended(authority.TLS_USAGE)))
bond("ak-certificate-of-a-ca", "fail", "key.certificate:high key.unbound:medium", options=CA_OF, rule=CERTIFICATE, make=ak_certificate, extensions=lambda: authority.CA)
bond("ak-certificate-by-self-made-authorities", "fail", "key.certificate:high key.unbound:medium", options=CA_OF, rule=CERTIFICATE, make=ak_certificate,
     issuer="forged", more=lambda: (TPMS["forged-root"].certificate,))
bond("ak-certificate-no-ca-given", "incomplete", "key.unbound:medium", options=ONLY, rule=CERTIFICATE, make=ak_certificate)


@case("ak-certificate-for-ak-pem", "incomplete", options=CA_OF, rule="Keys: ak.pem alone hides the attributes")
def _(m):
    m.quote()
    ak_certificate(m)
    m.files["ak.pem"] = m.keys["ak"].pem()
    m.files["ak.pub"] = None


@case("ak-certificate-for-unrestricted-key", "fail", "key.attributes:critical", options=CA_OF, rule="Keys: an AK must be restricted")
def _(m):
    m.quote(key="unrestricted")
    ak_certificate(m, "unrestricted")


@case("ak-certificate-by-the-ek", "fail", "key.certificate:high key.unbound:medium", options=CA_OF, rule=V + "CA bits")
def _(m):
    issuer = authority.Authority("TPM", TPMS["ek-signer"], TPMS["middle"], authority.EK)
    ak_certificate(m, issuer=issuer, more=(TPMS["middle"].certificate,))


CERTIFY = B + "the AK's name is in a certify or certify-creation attestation by a bound or certified (IAK) key"


@case("bound-by-certify-of-named-key", "pass", options=ONLY + " --ak @keys/other.pub", rule=CERTIFY)
def _(m):
    certified(m, m.keys["other"])


@case("bound-by-creation", "pass", options=ONLY + " --ak @keys/other.pub", rule=CERTIFY)
def _(m):
    certified(m, m.keys["other"], kind=0x801A)


@case("bound-by-certify-of-ecc-key", "pass", options=ONLY + " --ak @keys/p384.pub", rule=CERTIFY)
def _(m):
    certified(m, m.keys["p384"])


@case("bound-by-iak", "pass", options=CA_OF, rule=CERTIFY)
def _(m):
    iak_bundle(m)
    certified(m, m.keys["iak"])


@case("bound-by-certify-after-certify", "pass", options=ONLY + " --ak @keys/p384.pub", rule=CERTIFY)
def _(m):
    m.files["ak-two.pub"] = m.keys["other"].public()
    certified(m, m.keys["p384"], m.keys["other"].name(), file="ak-two")
    certified(m, m.keys["other"])


@case("certify-of-another-name", "fail", "key.binding:critical key.unbound:medium", options=ONLY + " --ak @keys/other.pub", rule=CERTIFY)
def _(m):
    certified(m, m.keys["other"], m.keys["p384"].name())


@case("certify-of-other-attributes", "fail", "key.binding:critical key.unbound:medium", options=ONLY + " --ak @keys/other.pub", rule=CERTIFY)
def _(m):
    certified(m, m.keys["other"], b"\0\x0b" + H("sha256", m.keys["ak"].public(GOOD_KEY & ~0x10000)[2:]))


@case("certify-by-unrestricted-key", "fail", "key.binding:critical key.unbound:medium", options=ONLY + " --ak @keys/unrestricted.pub", rule=CERTIFY)
def _(m):
    certified(m, m.keys["unrestricted"])


@case("certify-by-unrestricted-iak", "fail", "key.binding:critical key.unbound:medium", options=CA_OF, rule=CERTIFY)
def _(m):
    iak_bundle(m, "unrestricted")
    certified(m, m.keys["unrestricted"])


@case("certify-by-itself", "incomplete", "key.unbound:medium", options=ONLY, rule=CERTIFY)
def _(m):
    certified(m, m.keys["ak"])


@case("certify-by-unbound-key", "incomplete", "key.unbound:medium", options=ONLY, rule=CERTIFY)
def _(m):
    m.files["ak-two.pub"] = m.keys["other"].public()
    certified(m, m.keys["other"])


@case("certify-each-other", "incomplete", "key.unbound:medium", options=ONLY, rule=CERTIFY)
def _(m):
    m.files["ak-two.pub"] = m.keys["other"].public()
    certified(m, m.keys["ak"], m.keys["other"].name(), file="ak-two")
    certified(m, m.keys["other"])


@case("certify-signed-by-nobody", "fail", "key.binding:critical key.unbound:medium", options=ONLY + " --ak @keys/other.pub", rule=CERTIFY)
def _(m):
    certified(m, m.keys["p384"])


@case("certify-changed-after-signing", "fail", "key.binding:critical key.unbound:medium", options=ONLY + " --ak @keys/other.pub", rule=CERTIFY)
def _(m):
    certified(m, m.keys["other"])
    message = bytearray(m.files["ak.certify.msg"])
    message[50] ^= 1
    m.files["ak.certify.msg"] = bytes(message)


@case("certify-over-sha1", "fail", "key.binding:critical key.unbound:medium", options=ONLY + " --ak @keys/sha1.pub", rule=CERTIFY)
def _(m):
    certified(m, m.keys["sha1"])


@case("certify-magic", "fail", "key.binding:critical key.unbound:medium", options=ONLY + " --ak @keys/other.pub", rule=CERTIFY)
def _(m):
    certified(m, m.keys["other"], magic=0xFF544346)


@case("certify-is-a-quote", "fail", "key.binding:critical key.unbound:medium", options=ONLY + " --ak @keys/other.pub", rule=CERTIFY)
def _(m):
    certified(m, m.keys["other"], kind=0x8018)


@case("certify-bytes-after", "fail", "key.malformed:high key.unbound:medium", options=ONLY + " --ak @keys/other.pub", rule=CERTIFY)
def _(m):
    certified(m, m.keys["other"], after=b"x")


@case("certify-without-signature", "incomplete", "key.unbound:medium", options=ONLY + " --ak @keys/other.pub", rule=CERTIFY)
def _(m):
    certified(m, m.keys["other"])
    del m.files["ak.certify.sig"]


@case("iak-unchained", "fail", "key.certificate:high key.unbound:medium", options=ONLY + " --ca @keys/other-root.pem", rule=CERTIFY)
def _(m):
    iak_bundle(m)
    certified(m, m.keys["iak"])


@case("iak-certificate-of-another-key", "fail", "key.binding:critical key.unbound:medium", options=CA_OF, rule=CERTIFY)
def _(m):
    iak_bundle(m, "other", public="iak")
    certified(m, m.keys["iak"])


@case("iak-without-certificate", "incomplete", "key.unbound:medium", options=CA_OF, rule=CERTIFY)
def _(m):
    iak_bundle(m)
    certified(m, m.keys["iak"])
    del m.files["iak.crt"]


@case("iak-certificate-for-tls", "fail", "key.certificate:high key.unbound:medium", options=CA_OF, rule=CERTIFY)
def _(m):
    iak_bundle(m, extensions=(authority.constraints(False), authority.key_usage(0), authority.extended(authority.TLS_USAGE)))
    certified(m, m.keys["iak"])


@case("binding-names-escape", "fail", None, options=GIVEN, rule="Reports: every string is escaped")
def _(m):
    hostile = authority.Authority("\x1b[31m\u202e<b>", TPMS["forged-signer"])
    with_credential(m, issuer=hostile)
    m.files["ca/\x1b]0;x.pem"] = b"x"


def make_authorities(folder):
    """What the operator may name is in folder; the rest stays in TPMS."""
    TPMS["tdx"] = lambda **how: tdx.Platform(folder, **how)
    with open(folder + "/tdx-root.pem", "wb") as f:
        text = authority.pem(tdx.Platform(folder).root.certificate)
        f.write(text if isinstance(text, bytes) else text.encode())
    signers = {name: authority.Signer(folder, name) for name in ("root", "middle", "other-root", "namesake", "forged-signer", "deep", "ek-signer")}
    signers["rsa"] = authority.Signer(folder, "rsa-root", "rsa:2048")
    root = authority.Authority("Root", signers["root"])
    of = lambda subject, extensions=authority.CA, issuer=root, signer="middle", **how: authority.Authority(subject, signers[signer], issuer, extensions, **how)
    sign = authority.key_usage(authority.CERT_SIGN)
    TPMS.update({
        "root": root, "middle": of("Middle"), "ek": Key(folder, "ek"), "ek-two": Key(folder, "ek-two"), "ek-ecc": Key(folder, "ek-ecc", "ec:P-256"),
        "expired": of("Expired", end="20210101000000Z"), "no-ca": of("No CA", (authority.constraints(False), sign)),
        "no-signing": of("No signing", (authority.constraints(True), authority.key_usage(authority.SIGNING))),
        "tls": of("TLS", (*authority.CA, authority.extended(authority.TLS_USAGE))), "ek-signer": signers["ek-signer"],
        "vendor": of("Vendor's", (*authority.CA, authority.permitted(authority.name(("2.5.4.10", "Vendor"))))),
        "shallow": of("Shallow", (authority.constraints(True, 0), sign)), "rsa": authority.Authority("RSA Root", signers["rsa"], alg="sha1"),
        "forged-root": authority.Authority("Root", signers["forged-signer"]), "forged-signer": signers["forged-signer"]})
    TPMS["too-deep"] = of("Deep", issuer=TPMS["shallow"], signer="deep")
    TPMS["forged"] = of("Middle", issuer=TPMS["forged-root"], signer="forged-signer")
    middle_serial = next(n for n in range(0x1000, 0x3000) if authority.integer(n) in TPMS["middle"].certificate[:30])
    os.makedirs(folder + "/authorities", exist_ok=True)
    for file, data in (("root.pem", authority.pem(root.certificate)), ("middle.pem", authority.pem(TPMS["middle"].certificate)),
                       ("other-root.pem", authority.pem(authority.Authority("Other", signers["other-root"]).certificate)),
                       ("namesake.pem", authority.pem(authority.Authority("Root", signers["namesake"]).certificate)),
                       ("rsa-root.pem", authority.pem(TPMS["rsa"].certificate)), ("revoked.crl", TPMS["middle"].revoke(0x77)),
                       ("revoked-middle.crl", authority.pem(root.revoke(middle_serial), what="X509 CRL")),
                       ("authorities/root.crt", root.certificate), ("authorities/none.crl", root.revoke()), ("authorities/README", b"not read"),
                       ("secret", SECRET), ("short-secret", b"1234")):
        with open(folder + "/" + file, "wb") as f:
            f.write(data)


signature_cases.define(case, GOOD, TOOL, TOOL_BYTES)


# --- the list for people -----------------------------------------------------------------------------------------

CATALOGUE = """# What an audit makes of it

Each row is a bundle that is made from an honest machine's by one change (tests/tools/verdict_cases.py; what the change
does to PCRs is quoted anew where a forger could have had that), audited by tests/e2e/verdicts.sh, and has to get
this verdict through these findings. Rows that pass are oddities of honest machines, which must not fail anybody; the
others are attacks, after those published on verifiers of attestations, and evidence that is missing or broken.
docs/findings.md says what each code means. Boots are in tests/e2e/audit-boot.sh and docs/boot-prediction.md.
"""


def catalogue():
    sections = {}
    for name, verdict, findings, options, rule, policy, make in CASES:
        section, _, rest = rule.partition(": ")
        sections.setdefault(section if rest else "In general", []).append((name, verdict, findings, rest or rule))
    print(CATALOGUE)
    print("%d cases." % len(CASES))
    for section, rows in sections.items():
        print("\n## %s\n\n| case | rule | verdict | found |\n|---|---|---|---|" % (section[0].upper() + section[1:]))
        for name, verdict, findings, rule in rows:
            found = " or ".join(", ".join("`%s`" % f for f in one.split()) for one in (findings or "").split("|"))
            print("| %s | %s | %s | %s |" % (name, rule.replace("|", "\\|"), verdict.replace("|", " or "), found))


# --- make them ---------------------------------------------------------------------------------------------------

def main():
    if sys.argv[1:] == ["--catalogue"]:
        return catalogue()
    capture, out = sys.argv[1], sys.argv[2]
    os.makedirs(out + "/keys", exist_ok=True)
    os.makedirs(out + "/tree/usr/bin", exist_ok=True)
    with open(out + "/tree" + TOOL, "wb") as f:
        f.write(TOOL_BYTES)
    keys = {"ak": Key(out + "/keys", "ak"), "other": Key(out + "/keys", "other"),
            "sha1": Key(out + "/keys", "sha1", scheme="sha1"), "short": Key(out + "/keys", "short", "rsa:1024"),
            "three": Key(out + "/keys", "three", "rsa:2048:3"), "p224": Key(out + "/keys", "p224", "ec:P-224"),
            "p384": Key(out + "/keys", "p384", "ec:P-384"), "name1": Key(out + "/keys", "name1", name_alg="sha1"),
            "iak": Key(out + "/keys", "iak", "ec:P-256"),
            "unrestricted": Key(out + "/keys", "unrestricted", attributes=GOOD_KEY & ~0x10000)}
    for name, key in keys.items():
        with open(out + "/keys/%s.pub" % name, "wb") as f:
            f.write(key.public())
    make_authorities(out + "/keys")
    signature_cases.make_keys(out + "/keys")
    with open(out + "/cases", "w") as cases:
        for name, verdict, findings, options, rule, policy, make in CASES:
            if sys.argv[3:] and name not in sys.argv[3:]:
                continue
            machine = Machine(capture, keys)
            make(machine)
            if machine.form:
                machine.write(out + "/.plain")
                wrap_evidence.FORMS[machine.form](wrap_evidence.Bundle(out + "/.plain"), out + "/" + name)
                shutil.rmtree(out + "/.plain")
            else:
                machine.write(out + "/" + name)
            findings = CASES_FIX.get(name, findings)
            if policy:
                with open(out + "/" + name + ".policy", "w") as f:
                    f.write(policy)
                options += " --policy @%s.policy" % name
            print(name, verdict, "?" if findings is None else findings or "-", options or "-", rule, sep="\t", file=cases)


main()
