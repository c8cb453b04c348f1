# SPDX-License-Identifier: BSD-2-Clause
"""signature_cases: those of verdict_cases that are about signatures in the IMA log.

Knows nothing of Assay's code: signature_v2_hdr, ima_file_id and h_misc are written here from the kernel's definitions
(security/integrity/integrity.h, evm/evm_crypto.c); signatures are openssl's.
"""
import os, shutil, subprocess

from forge import *

IDS = {"sha1": 2, "sha256": 4, "sha384": 5, "sha512": 6}
KEYS = {}
WC = "/usr/bin/wc"
CONF = "/etc/nsswitch.conf"
FOLDER = None


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **more).stdout


class Signer:
    """A key that signs files, with its certificate."""

    def __init__(self, folder, name, *kind):
        self.private, self.pem = folder + "/" + name + ".key", folder + "/" + name + ".pem"
        run("openssl", "req", "-x509", "-nodes", "-newkey", *kind, "-keyout", self.private, "-out", self.pem, "-days", "36500",
            "-subj", "/O=Assay's tests/CN=" + name, "-addext", "subjectKeyIdentifier=hash")
        self.der = run("openssl", "x509", "-in", self.pem, "-outform", "DER")
        shown = run("openssl", "x509", "-in", self.pem, "-noout", "-ext", "subjectKeyIdentifier").decode()
        self.id = bytes.fromhex(shown.splitlines()[1].strip().replace(":", ""))[-4:]

    def raw(self, digest, alg="sha256"):
        with open(self.private + ".in", "wb") as f:
            f.write(digest)
        return run("openssl", "pkeyutl", "-sign", "-inkey", self.private, "-in", self.private + ".in", "-pkeyopt", "digest:" + alg)

    def sign(self, digest, alg="sha256", kind=3, version=2, id=None):
        if version == 3:
            signature = self.raw(H(alg, bytes([kind, IDS[alg]]), digest), alg)
        else:
            signature = self.raw(digest, alg)
        return bytes([kind, version, IDS[alg]]) + (id or self.id) + be(len(signature), 2) + signature

    def append(self, data, bare=True, attributes=False):
        """PKCS #7 as scripts/sign-file makes it; or with the signer's certificate, or with signed attributes"""
        return run("openssl", "cms", "-sign", "-binary", "-outform", "DER", "-nosmimecap", "-md", "sha256", "-signer", self.pem,
                   "-inkey", self.private, *["-nocerts"][:bare], *["-noattr"][attributes:], input=data)

    def issued_by(self, other):
        """its certificate anew, signed by another's key"""
        run("openssl", "req", "-new", "-key", self.private, "-subj", "/CN=issued", "-out", self.pem + ".csr")
        with open(self.pem + ".ext", "w") as f:
            f.write("subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        run("openssl", "x509", "-req", "-in", self.pem + ".csr", "-set_serial", "7", "-days", "36500", "-CA", other.pem, "-CAkey", other.private,
            "-extfile", self.pem + ".ext", "-out", self.pem)


def make_keys(folder):
    global FOLDER
    FOLDER = folder
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    # That of the capture's own signatures, which evmctl made.
    shutil.copy(top + "/tests/vectors/keys/ima-cert.der", folder + "/capture.der")
    KEYS["rsa"] = Signer(folder, "files-rsa", "rsa:2048")
    KEYS["ec"] = Signer(folder, "files-ec", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    KEYS["unknown"] = Signer(folder, "unknown", "rsa:2048")
    for name in ("metadata", "modules", "revoked", "issued"):
        KEYS[name] = Signer(folder, name, "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    KEYS["issued"].issued_by(KEYS["modules"])


def digest(m, path):
    return m.ima[m.entry(path)].fields[0].split(b"\0", 1)[1]


def signed(m, path, sig):
    m.ima[m.entry(path)].fields[2] = sig


def buffer(name, contents, lie=None):
    return Entry([b"sha256:\0" + (lie or H("sha256", contents)), name + b"\0", contents], "ima-buf")


def fs_verity(data):
    """The fs-verity digest of a file of one block: descriptor of the kernel's fsverity.rst"""
    assert 0 < len(data) <= 4096
    root = H("sha256", data.ljust(4096, b"\0"))
    return H("sha256", bytes([1, 1, 12, 0, 0, 0, 0, 0]) + le(len(data), 8) + root.ljust(64, b"\0") + bytes(32 + 144))


def metadata(m, path, key, uid=0, gid=0, mode=0o100755, attributes=None, seen={}):
    """An entry of template evm-sig for a file of the capture; seen: what is logged instead of what was signed."""
    attributes = attributes or [(b"security.ima", b"\4\4" + digest(m, path))]
    over = b"".join(v for _, v in attributes) + bytes(12) + le(uid) + le(gid) + le(mode, 2) + bytes(2)
    sig = key.sign(H("sha256", over), kind=5)
    logged = seen.get("attributes", attributes)
    fields = [b"sha256:\0" + seen.get("digest", digest(m, path)), path.encode() + b"\0", sig, b"|".join(n for n, _ in logged) + b"\0",
              b"".join(le(len(v)) for _, v in logged), b"".join(v for _, v in logged),
              le(seen.get("uid", uid)), le(seen.get("gid", gid)), le(seen.get("mode", mode), 2)]
    return Entry(fields, "evm-sig")


def module(m, path, key, data=b"a module", seen=None, **more):
    fields = [b"sha256:\0" + digest(m, path), path.encode() + b"\0", b"", b"sha256:\0" + H("sha256", seen or data), key.append(data, **more)]
    return Entry(fields, "ima-modsig")


def define(case, good, tool_path, tool_bytes):
    I = "IMA: signatures: "
    options = good + " --ima-key @keys/capture.der --ima-key @keys/files-rsa.pem --ima-key @keys/files-ec.pem"
    evil = H("sha256", b"evil")

    def one(name, verdict, findings, rule, policy=None, options=options):
        return case(name, verdict, findings, options, I + rule, policy)

    def simple(name, verdict, findings, rule, make, **more):
        @one(name, verdict, findings, rule, **more)
        def _(m):
            signed(m, WC, make(m, KEYS["rsa"], digest(m, WC)))

    simple("honest-signed-rsa", "pass", "ima.signature-differs:low", "one that holds", lambda m, k, d: k.sign(d))
    simple("honest-signed-ec", "pass", "", "one that holds", lambda m, k, d: KEYS["ec"].sign(d))
    simple("honest-signed-version-3", "pass", "", "version 3 over struct ima_file_id", lambda m, k, d: k.sign(d, version=3))
    simple("honest-signed-no-key-given", "pass", "", "no key, no check", lambda m, k, d: k.sign(d), options=good)
    simple("signature-flipped", "fail", "ima.signature-differs:medium ima.signature:high", "wrong is high",
           lambda m, k, d: k.sign(d)[:60] + bytes([k.sign(d)[60] ^ 1]) + k.sign(d)[61:])
    simple("signature-of-another-file", "fail", "ima.signature:high", "wrong is high", lambda m, k, d: k.sign(digest(m, CONF)))
    simple("file-signature-of-another-key", "fail", "ima.signature:high", "the key is the one its identifier names",
           lambda m, k, d: KEYS["unknown"].sign(d, id=k.id))
    simple("signature-key-id-lies", "fail", "ima.signature:high", "the key is the one its identifier names",
           lambda m, k, d: k.sign(d, id=KEYS["ec"].id))
    simple("signature-of-an-unknown-key", "pass", "ima.signature-key:medium", "a key not known is medium",
           lambda m, k, d: KEYS["unknown"].sign(d))
    simple("signature-2-as-3", "fail", "ima.signature:high", "what a version covers", lambda m, k, d: k.sign(d)[:1] + b"\3" + k.sign(d)[2:])
    simple("signature-3-as-2", "fail", "ima.signature:high", "what a version covers",
           lambda m, k, d: (lambda s: s[:1] + b"\2" + s[2:])(k.sign(d, version=3)))
    simple("signature-of-fs-verity-as-contents", "fail", "ima.signature:high", "what a type covers",
           lambda m, k, d: (lambda s: b"\3" + s[1:])(k.sign(d, kind=6, version=3)))
    simple("signature-another-algorithm", "fail", "ima.signature:high", "over another digest than the entry's",
           lambda m, k, d: k.sign(H("sha512", b"x"), "sha512"))
    simple("signature-bytes-left-over", "fail", "ima.signature:high", "not of its form", lambda m, k, d: k.sign(d) + b"\0")
    simple("signature-cut", "fail", "ima.signature:high", "not of its form", lambda m, k, d: k.sign(d)[:-1])
    simple("signature-size-lies", "fail", "ima.signature:high", "not of its form",
           lambda m, k, d: k.sign(d)[:7] + b"\xff\xff" + k.sign(d)[9:])
    simple("signature-excluded", "fail", "ima.signature:high", "exclusions silence nothing but the look-up",
           lambda m, k, d: k.sign(evil), policy="[ima]\nexclude = /usr/bin/**\n")

    # --- fs-verity digests, which the database has of the test's own files
    def verity(name, verdict, findings, kind, value, sign=None, path=tool_path):
        @one(name, verdict, findings, "fs-verity digests are looked up like others, and for no others")
        def _(m):
            sig = KEYS["rsa"].sign(value, kind=6, version=3) if sign else b""
            m.add(Entry([kind + b":sha256:\0" + value, path.encode() + b"\0"] + ([sig] if sign is not None else []),
                        "ima-ngv2" if sign is None else "ima-sigv2"))

    verity("honest-fs-verity", "pass", "", b"verity", fs_verity(tool_bytes))
    verity("honest-fs-verity-signed", "pass", "", b"verity", fs_verity(tool_bytes), True)
    verity("fs-verity-not-signed", "pass", "", b"verity", fs_verity(tool_bytes), False)
    verity("fs-verity-of-other-bytes", "fail", "ima.digest-mismatch:critical", b"verity", fs_verity(b"evil"))
    verity("fs-verity-is-no-digest-of-contents", "fail", "ima.digest-mismatch:critical", b"ima", fs_verity(tool_bytes))
    verity("contents-are-no-fs-verity-digest", "fail", "ima.digest-mismatch:critical", b"verity", H("sha256", tool_bytes))
    verity("fs-verity-of-an-unknown-file", "fail", "ima.unknown-file:high", b"verity", fs_verity(b"evil"), None, "/opt/tool")
    verity("fs-verity-not-in-the-database", "incomplete", "ima.no-reference:medium", b"verity", fs_verity(b"x"), None, WC)

    # --- metadata
    def evm(name, verdict, findings, seen={}, **more):
        @one(name, verdict, findings, "metadata, as far as they are signed")
        def _(m):
            m.add(metadata(m, WC, KEYS["rsa"], seen=seen, **more))

    label = [(b"security.selinux", b"system_u:object_r:bin_t:s0\0")]
    evm("honest-metadata", "pass", "")
    evm("metadata-mode", "fail", "ima.signature:high", {"mode": 0o104755})
    evm("metadata-owner", "fail", "ima.signature:high", {"uid": 1000}, uid=0)
    evm("metadata-group", "fail", "ima.signature:high", {"gid": 0}, gid=50)

    @one("metadata-attribute", "fail", "ima.signature:high", "metadata, as far as they are signed")
    def _(m):
        ima = [(b"security.ima", b"\4\4" + digest(m, WC))]
        m.add(metadata(m, WC, KEYS["rsa"], attributes=label + ima,
                       seen={"attributes": [(label[0][0], b"system_u:object_r:shell_exec_t:s0\0")] + ima}))

    @one("metadata-of-other-contents", "fail", "ima.signature:high", "metadata name the contents they belong to")
    def _(m):
        m.add(metadata(m, WC, KEYS["rsa"], attributes=[(b"security.ima", b"\4\4" + evil)]))

    @one("metadata-without-contents", "fail", "ima.signature:high", "metadata name the contents they belong to")
    def _(m):
        m.add(metadata(m, WC, KEYS["rsa"], attributes=label))

    # --- appended
    @one("honest-appended", "pass", "", "one that holds")
    def _(m):
        m.add(module(m, WC, KEYS["rsa"]), module(m, WC, KEYS["ec"]))

    @one("appended-to-another-module", "fail", "ima.signature:high", "wrong is high")
    def _(m):
        m.add(module(m, WC, KEYS["rsa"], seen=b"another module"))

    @one("appended-by-an-unknown-key", "pass", "ima.signature-key:medium", "a key not known is medium")
    def _(m):
        m.add(module(m, WC, KEYS["unknown"]))

    # --- what a policy wants
    want = "[ima]\nrequire-signed = /usr/bin/wc\n"
    simple("required-and-signed", "pass", "", "required by policy", lambda m, k, d: k.sign(d), policy=want)
    simple("required-and-not-signed", "fail", "ima.unsigned:high", "required by policy", lambda m, k, d: b"", policy=want)
    simple("required-and-unknown-key", "fail", "ima.unsigned:high", "required by policy",
           lambda m, k, d: KEYS["unknown"].sign(d), policy=want)
    simple("required-and-no-key-given", "fail", "ima.unsigned:high", "required by policy", lambda m, k, d: k.sign(d), policy=want,
           options=good)

    @one("required-and-of-a-template-without", "fail", "ima.unsigned:high", "required by policy", want)
    def _(m):
        for e in m.ima:
            e.fields, e.name = e.fields[:2], "ima-ng"

    accept = "[ima]\naccept-signed = yes\n"

    def unknown(name, verdict, findings, key, policy=None, path="/opt/tool"):
        @one(name, verdict, findings, "no package's file is known for its signature, unless the policy says so", policy)
        def _(m):
            m.add(Entry.of(path, evil, sig=KEYS[key].sign(evil)))

    unknown("unknown-signed", "fail", "ima.unknown-file:high", "rsa")
    unknown("unknown-signed-accepted", "pass", "", "rsa", accept)
    unknown("unknown-signed-by-unknown", "fail", "ima.signature-key:medium ima.unknown-file:high", "unknown", accept)
    unknown("changed-signed-not-accepted", "fail", "ima.digest-mismatch:critical", "rsa", accept, WC)

    # --- keys that the log brings
    learn = "[ima]\nlearn-keys = yes\naccept-signed = yes\n"

    def learned(name, verdict, findings, make, policy=learn, quote_at=None):
        @one(name, verdict, findings, "keys learned from the log", policy)
        def _(m):
            entries = make(KEYS["unknown"])
            m.add(*entries[:quote_at])
            if quote_at is not None:
                m.quote()
                m.add(*entries[quote_at:])

    tool = lambda k: Entry.of("/opt/tool", evil, sig=k.sign(evil))
    learned("learned-key", "pass", "", lambda k: [buffer(b".ima", k.der), tool(k)])
    learned("learned-key-not-allowed", "fail", "ima.signature-key:medium ima.unknown-file:high",
            lambda k: [buffer(b".ima", k.der), tool(k)], accept)
    learned("learned-key-after-its-use", "fail", "ima.signature-key:medium ima.unknown-file:high",
            lambda k: [tool(k), buffer(b".ima", k.der)])
    learned("learned-key-unattested", "incomplete", "ima.learned-key:medium", lambda k: [buffer(b".ima", k.der), tool(k)], quote_at=0)
    learned("learned-key-attested", "pass", "", lambda k: [buffer(b".ima", k.der), tool(k)], quote_at=1)
    learned("learned-key-of-another-digest", "fail", "ima.buffer:critical ima.signature-key:medium ima.unknown-file:high",
            lambda k: [buffer(b".ima", k.der, evil), tool(k)])
    learned("learned-key-of-a-users-keyring", "fail", "ima.signature-key:medium ima.unknown-file:high", lambda k: [buffer(b"_ima", k.der), tool(k)])
    learned("learned-key-of-evm-for-contents", "fail", "ima.signature-key:medium ima.unknown-file:high", lambda k: [buffer(b".evm", k.der), tool(k)])
    learned("learned-key-no-key", "fail", "ima.signature-key:medium ima.unknown-file:high", lambda k: [buffer(b".ima", b"no certificate"), tool(k)])

    @one("blacklisted-hash", "fail", "ima.blacklisted:high", "what the kernel refuses")
    def _(m):
        m.add(buffer(b"blacklisted-hash", evil))

    @one("revoked-key", "fail", "ima.signature:high", "keys that the kernel revokes")
    def _(m):
        m.add(buffer(b".blacklist", KEYS["rsa"].der), Entry.of(WC, digest(m, WC), sig=KEYS["rsa"].sign(digest(m, WC))))

    # --- keyrings of the database: verdicts.sh makes it, and says there what is in which
    rings = good + " --db @rings.db --release mb-1"

    def ring(name, verdict, findings, make, policy=None, rule="keyrings of the database"):
        @one("keyring-" + name, verdict, findings, rule, policy, rings)
        def _(m):
            make(m)

    def file(key, **more):
        return lambda m: signed(m, WC, KEYS[key].sign(digest(m, WC), **more))

    ring("signed", "pass", "ima.signature-differs:low", file("rsa"))
    ring("signature-flipped", "fail", "ima.signature:high",
         lambda m: signed(m, WC, (lambda s: s[:60] + bytes([s[60] ^ 1]) + s[61:])(KEYS["rsa"].sign(digest(m, WC)))))
    ring("signature-by-an-unknown-key", "pass", "ima.signature-key:medium", file("unknown"))
    ring("signature-by-a-key-of-another-release", "pass", "ima.signature-release:medium", file("ec"))
    ring("signature-that-names-a-key-of-another-release", "pass", "ima.signature-key:medium",
         lambda m: signed(m, WC, KEYS["unknown"].sign(digest(m, WC), id=KEYS["ec"].id)))
    ring("required-and-of-another-release", "fail", "ima.unsigned:high", file("ec"), want)
    ring("required-and-signed", "pass", "", file("rsa"), want)
    ring("of-metadata-for-contents", "pass", "ima.signature-key:medium", file("metadata"))
    ring("of-modules-for-contents", "pass", "ima.signature-key:medium", file("modules"))
    ring("of-metadata", "pass", "", lambda m: m.add(metadata(m, WC, KEYS["metadata"])))
    ring("of-contents-for-metadata", "pass", "ima.signature-key:medium", lambda m: m.add(metadata(m, WC, KEYS["rsa"])))
    ring("of-modules", "pass", "", lambda m: m.add(module(m, WC, KEYS["modules"])))
    ring("vouches-for-a-signer", "pass", "", lambda m: m.add(module(m, WC, KEYS["issued"], bare=False)))
    ring("vouches-for-no-certificate-that-is-not-there", "pass", "ima.signature-key:medium", lambda m: m.add(module(m, WC, KEYS["issued"])))
    ring("vouches-for-no-contents", "pass", "ima.signature-key:medium", file("issued"))
    ring("and-a-broken-chain", "fail", "ima.signature:high", lambda m: m.add(module(m, WC, KEYS["issued"], seen=b"evil", bare=False)))
    ring("revokes-one-of-its-own", "fail", "ima.signature:high", file("revoked"))
    stranger = lambda key: lambda m: m.add(Entry.of("/opt/tool", evil, sig=KEYS[key].sign(evil)))
    ring("accepts-a-file-of-no-package", "pass", "", stranger("rsa"), accept)
    ring("of-another-release-accepts-nothing", "fail", "ima.signature-release:medium ima.unknown-file:high", stranger("ec"), accept)
    loaded = "keys that the kernel took into its keyrings"
    ring("was-given-its-own-key", "pass", "", lambda m: m.add(buffer(b".ima", KEYS["rsa"].der)), rule=loaded)
    ring("was-given-a-strange-key", "pass", "ima.keyring:medium", lambda m: m.add(buffer(b".ima", KEYS["unknown"].der)), rule=loaded)
    ring("was-given-a-key-of-another-release", "pass", "ima.keyring:medium", lambda m: m.add(buffer(b".ima", KEYS["ec"].der)), rule=loaded)
    ring("was-given-a-key-of-another-keyring", "pass", "ima.keyring:medium", lambda m: m.add(buffer(b".evm", KEYS["rsa"].der)), rule=loaded)
    ring("was-given-no-key", "pass", "ima.keyring:medium", lambda m: m.add(buffer(b".ima", b"no certificate")), rule=loaded)
    ring("that-the-database-lacks", "pass", "", lambda m: m.add(buffer(b".machine", KEYS["unknown"].der)), rule=loaded)
    ring("of-a-user-is-nobodys-word", "pass", "", lambda m: m.add(buffer(b"_ima", KEYS["unknown"].der)), rule=loaded)
