#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make_ima_signatures: tests/vectors/ima: an IMA list with a signature of each kind in it, good and bad.

usage: make_ima_signatures.py OUT

Signatures of version 2 and of metadata are evmctl's (ima-evm-utils), appended ones openssl cms's. evmctl 1.4 has no
version 3: what it signs is put together here as the kernel does (struct ima_file_id), the signature is
openssl's. As root, on a file system that keeps security.* attributes, for evmctl reads them from a file.

OUT/list is the list; OUT/expected has a line for each entry: index, which signature, what it is, with which key;
OUT/*.der are the keys' certificates. Private keys are thrown away.
"""
import os, re, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from forge import Entry, H, be, le

IDS = {"sha1": 2, "sha256": 4, "sha384": 5, "sha512": 6}
KINDS = {"rsa": ["rsa:2048"], "p256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
         "p384": ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], "rsa-other": ["rsa:2048"],
         "skid": ["rsa:2048"], "revoked": ["rsa:2048"], "p256-unknown": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]}
out = os.path.abspath(sys.argv[1])
os.makedirs(out, exist_ok=True)
os.chdir(tempfile.mkdtemp())
entries, expected = [], []


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more).stdout


for name, kind in KINDS.items():
    id_ = "0102030405060708" if name == "skid" else "hash"
    run("openssl", "req", "-x509", "-nodes", "-newkey", *kind, "-keyout", name + ".key", "-out", name + ".pem", "-days",
        "36500", "-subj", "/O=Assay's tests/CN=ima test " + name, "-addext", "subjectKeyIdentifier=" + id_)
    if name != "p256-unknown":
        run("openssl", "x509", "-in", name + ".pem", "-outform", "der", "-out", out + "/" + name + ".der")
    # evmctl asks a file of the same name for the identifier
    run("openssl", "x509", "-in", name + ".pem", "-pubkey", "-noout", "-out", name + ".pub")


def write(data=b"the contents\n"):
    if os.path.exists("file"):
        os.unlink("file")  # and its attributes
    with open("file", "wb") as f:
        f.write(data)
    return data


def v2(key, alg="sha256", data=b"the contents\n", *more):
    write(data)
    run("evmctl", "ima_sign", "--sigfile", "-a", alg, "--key", key + ".key", *more, "file")
    return open("file.sig", "rb").read()


def raw_sign(key, alg, value):
    with open("value", "wb") as f:
        f.write(value)
    return run("openssl", "pkeyutl", "-sign", "-inkey", key + ".key", "-in", "value", "-pkeyopt", "digest:" + alg)


def v3(key, digest, kind=6, alg="sha256"):
    """struct signature_v2_hdr over H(struct ima_file_id)"""
    signature = raw_sign(key, alg, H(alg, bytes([kind, IDS[alg]]), digest))
    return bytes([kind, 3, IDS[alg]]) + v2(key)[3:7] + be(len(signature), 2) + signature


def add(which, state, key, entry):
    entries.append(entry)
    expected.append((which, state, key))


def contents(state, key, sig, data=b"the contents\n", alg="sha256", path="/usr/bin/tool"):
    add("contents", state, key, Entry.of(path, H(alg, data), alg, sig))


def typed(state, key, sig, digest, kind=b"verity:", alg="sha256"):
    fields = [kind + alg.encode() + b":\0" + digest, b"/usr/bin/tool\0", sig]
    add("contents", state, key, Entry(fields, "ima-sigv2"))


add("contents", "none", "-", Entry.of("boot_aggregate", bytes(32)))
contents("none", "-", b"")

# --- version 2
for key, alg in (("rsa", "sha256"), ("rsa", "sha1"), ("rsa", "sha512"), ("p256", "sha256"), ("p384", "sha384")):
    contents("good", key, v2(key, alg), alg=alg)
contents("good", "skid", v2("skid", "sha256", b"the contents\n", "--keyid-from-cert", "skid.pem"))
contents("revoked", "revoked", v2("revoked"))
contents("no-key", "-", v2("p256-unknown"))
sig = v2("rsa")
contents("wrong", "rsa", sig, b"other contents\n")
contents("wrong", "rsa", sig[:40] + bytes([sig[40] ^ 1]) + sig[41:])
contents("wrong", "rsa-other", sig[:3] + v2("rsa-other")[3:7] + sig[7:])      # another key's identifier
contents("wrong", "p256", sig[:3] + v2("p256")[3:7] + sig[7:])               # ... of another kind of key
contents("wrong", "-", sig + b"\0")                                          # bytes left over
contents("wrong", "-", sig[:-1])
contents("wrong", "-", sig[:7] + be(0xFFFF, 2) + sig[9:])
contents("wrong", "-", sig[:9])
contents("wrong", "-", sig[:7] + b"\0\0")
contents("wrong", "-", b"\7" + sig[1:])
contents("wrong", "-", b"\6" + sig[1:])                                      # version 2 as one over fs-verity
contents("wrong", "-", sig[:2] + b"\6" + sig[3:])                            # another algorithm
contents("wrong", "rsa", sig[:1] + b"\3" + sig[2:])                          # version 2 as version 3
contents("unsupported", "-", sig[:1] + b"\1" + sig[2:])
contents("unsupported", "-", sig[:1] + b"\4" + sig[2:])
contents("wrong", "-", sig, alg="sha512")                                    # the entry has another algorithm

# --- version 3
digest = H("sha256", b"an fs-verity descriptor")
typed("good", "rsa", v3("rsa", digest), digest)
typed("good", "p256", v3("p256", digest), digest)
typed("good", "rsa", v3("rsa", digest, 3), digest, b"ima:")
typed("good", "rsa", v2("rsa"), H("sha256", b"the contents\n"), b"ima:")
typed("wrong", "rsa", v3("rsa", digest), H("sha256", b"another"))
typed("wrong", "-", v3("rsa", digest), digest, b"ima:")                      # said to be of contents
typed("wrong", "-", v3("rsa", digest, 3), digest)                            # ... of fs-verity
typed("wrong", "-", bytes([6, 2]) + v3("rsa", digest)[2:], digest)
typed("wrong", "rsa", bytes([3]) + v3("rsa", digest)[1:], digest, b"ima:")
typed("wrong", "rsa", v2("rsa")[:1] + b"\3" + v2("rsa")[2:], H("sha256", b"the contents\n"), b"ima:")
typed("no-key", "-", v3("p256-unknown", digest), digest)


# --- metadata
def xattrs(ima):
    return [(b"security.selinux", b"system_u:object_r:bin_t:s0\0"), (b"security.ima", ima),
            (b"security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))]


def portable(key, attributes, uid=1000, gid=50, mode=0o100755, *more):
    write()
    for name, value in attributes:
        os.setxattr("file", name, value)
    run("evmctl", "sign", "--portable", "--key", key + ".key", "--uid", str(uid), "--gid", str(gid), "--mode", str(mode), *more, "file")
    return os.getxattr("file", "security.evm")


def evm(state, key, sig, attributes, uid=1000, gid=50, mode=0o100755, data=b"the contents\n", names=None, lengths=None):
    if names is None:
        names = b"|".join(n for n, _ in attributes) + b"\0"
    if lengths is None:
        lengths = b"".join(le(len(v)) for _, v in attributes)
    fields = [b"sha256:\0" + H("sha256", data), b"/usr/bin/tool\0", sig, names, lengths, b"".join(v for _, v in attributes),
              le(uid), le(gid), le(mode, 2)]
    add("metadata", state, key, Entry(fields, "evm-sig"))


hashed = xattrs(b"\4\4" + H("sha256", b"the contents\n"))
signed = xattrs(v2("rsa"))
good = portable("rsa", hashed)
evm("none", "-", b"", hashed)
evm("good", "rsa", good, hashed)
evm("good", "p256", portable("p256", hashed), hashed)
evm("good", "rsa", portable("rsa", hashed, 1000, 50, 0o100755, "--m32"), hashed)
evm("good", "rsa", portable("rsa", signed), signed)
evm("good", "rsa", portable("rsa", [hashed[1]]), [hashed[1]])
evm("no-key", "-", portable("p256-unknown", hashed), hashed)
evm("revoked", "revoked", portable("revoked", hashed), hashed)
evm("wrong", "rsa", good, hashed, mode=0o104755)
evm("wrong", "rsa", good, hashed, uid=0)
evm("wrong", "rsa", good, hashed, gid=0)
evm("wrong", "rsa", good, [(hashed[0][0], b"system_u:object_r:passwd_exec_t:s0\0")] + hashed[1:])
evm("wrong", "rsa", good, hashed[1:])                                        # an attribute removed
evm("wrong", "-", good, hashed, data=b"other contents\n")                    # metadata hold, contents do not
evm("wrong", "rsa", portable("rsa", signed), signed, data=b"other contents\n")
evm("wrong", "-", good, [hashed[0], hashed[2]])                              # without security.ima
evm("wrong", "-", good, hashed, lengths=le(5) + le(5) + le(5))
evm("wrong", "-", good, hashed, lengths=le(0xFFFFFFFF) * 3)
evm("wrong", "-", good, hashed, names=b"security.ima|" * 100)
evm("wrong", "-", good, hashed, names=b"")
evm("wrong", "-", b"\3" + good[1:], hashed)
evm("wrong", "-", b"\2" + bytes(20), hashed)                                 # an HMAC of the machine
add("contents", "unsupported", "-", Entry.of("/usr/bin/tool", H("sha256", b"the contents\n"), sig=good))
add("metadata", "wrong", "-", Entry([b"sha256:\0" + H("sha256", b"the contents\n"), b"/usr/bin/tool\0", good], "d-ng|n-ng|evmsig"))


# --- appended
def cms(key, data=b"a module\n", alg="sha256", *more):
    write(data)
    return run("openssl", "cms", "-sign", "-in", "file", "-binary", "-outform", "DER", "-nosmimecap", "-md", alg, "-signer",
               key + ".pem", "-inkey", key + ".key", *(more or ("-noattr", "-nocerts")))


def module(state, key, sig, digest=H("sha256", b"a module\n"), alg="sha256"):
    contents_ = H("sha256", b"a module\n" + sig + b"~Module signature appended~\n")
    fields = [b"sha256:\0" + contents_, b"/usr/lib/modules/6/tool.ko\0", b"",
              b"%s:\0" % alg.encode() + digest if digest else b"", sig]
    add("appended", state, key, Entry(fields, "ima-modsig"))


def attributes_digest(sig):
    """of the signed attributes, as a SET: what the kernel logs then"""
    with open("cms.der", "wb") as f:
        f.write(sig)
    for line in run("openssl", "asn1parse", "-inform", "DER", "-in", "cms.der").decode().splitlines():
        found = re.match(r" *(\d+):d=\d+ +hl=(\d+) +l= *(\d+) cons: cont \[ 0 \]", line)
        if found and int(found[1]) > 100:  # the one before holds the SignedData
            at, head, size = (int(n) for n in found.groups())
            return H("sha256", b"\x31" + sig[at + 1:at + head + size])
    raise ValueError("no signed attributes")


good = cms("rsa")
module("none", "-", b"", None)
module("good", "rsa", good)
module("good", "rsa", cms("rsa", b"a module\n", "sha512"), H("sha512", b"a module\n"), "sha512")
module("good", "p256", cms("p256"))
module("good", "rsa", cms("rsa", b"a module\n", "sha256", "-noattr", "-nocerts", "-keyid"))
module("good", "skid", cms("skid", b"a module\n", "sha256", "-noattr", "-nocerts", "-keyid"))
module("good", "rsa", cms("rsa", b"a module\n", "sha256", "-noattr"))
with_attributes = cms("rsa", b"a module\n", "sha256", "-nocerts")
module("unsupported", "-", with_attributes, attributes_digest(with_attributes))  # not where Linux wants it
module("wrong", "-", with_attributes)                                        # the digest is not the attributes'
module("no-key", "-", cms("p256-unknown"))
module("revoked", "revoked", cms("revoked"))
module("wrong", "rsa", good, H("sha256", b"another module\n"))
module("wrong", "-", good, H("sha512", b"a module\n"), "sha512")
module("wrong", "-", good + b"\0")
module("wrong", "-", good[:-1])
module("wrong", "-", b"no DER")
module("wrong", "-", cms("rsa", b"a module\n", "sha256", "-noattr", "-nocerts", "-nodetach"))
module("unsupported", "-", cms("rsa", b"a module\n", "sha256", "-noattr", "-nocerts", "-signer", "p256.pem", "-inkey", "p256.key"))
module("wrong", "rsa", good[:-5] + bytes([good[-5] ^ 1]) + good[-4:])

with open(out + "/list", "wb") as f:
    f.write(b"".join(e.bytes() for e in entries))
with open(out + "/expected", "w") as f:
    for i, row in enumerate(expected):
        f.write("%d %s %s %s\n" % ((i,) + row))
