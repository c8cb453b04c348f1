# SPDX-License-Identifier: BSD-2-Clause
"""forge: a machine whose owner lies. Loads the logs of a real capture, lets a test change what the
TPM saw, signs a quote over that with keys in software (to a verifier as good as a TPM's), lets the
test change what is shown, and writes the bundle.

Knows nothing of Assay's code: formats are written here from the TCG's and the kernel's
definitions (PC Client Platform Firmware Profile 1.05 r23, 10.2; TPM 2.0 part 2, 10.12, 12.2; Linux
security/integrity/ima/ima_fs.c, ima_template_lib.c). Hashes are Python's, signatures openssl's.
"""
import hashlib, json, os, struct, subprocess

ALGS = {"sha1": 0x0004, "sha256": 0x000B, "sha384": 0x000C, "sha512": 0x000D}
BANKS = ("sha1", "sha256", "sha384")
NO_ACTION, SEPARATOR, IPL = 3, 4, 13
ALL = list(range(15))
NONCE = bytes.fromhex("00112233445566778899aabbccddeeff")
OF_NO_BANK = bytes(31) + b"\1"  # a PCR's value in a bank of an algorithm that is given by its number
GOOD_KEY = 0x00050072  # fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign


def H(alg, *parts):
    return hashlib.new(alg, b"".join(parts)).digest()


def size_of(alg):
    return hashlib.new(alg).digest_size


def le(n, size=4):
    return n.to_bytes(size, "little")


def be(n, size):
    return n.to_bytes(size, "big")


def tpm2b(data):
    return be(len(data), 2) + data


class Event:
    """One record of a boot log; digests is a list of (TPM_ALG_ID, bytes)."""

    def __init__(self, pcr, kind, digests, data):
        self.pcr, self.kind, self.digests, self.data = pcr, kind, digests, data

    @classmethod
    def over(cls, pcr, kind, data, algs=tuple(ALGS)):
        return cls(pcr, kind, [(ALGS[a], H(a, data)) for a in algs], data)

    def value(self, alg):
        for algorithm, value in self.digests:
            if algorithm == ALGS[alg]:
                return value
        return None

    def bytes(self):
        head = le(self.pcr) + le(self.kind) + le(len(self.digests))
        return head + b"".join(le(a, 2) + v for a, v in self.digests) + le(len(self.data)) + self.data


class Entry:
    """One record of an IMA list, with the fields of its template; a violation extends ones."""

    def __init__(self, fields, name="ima-sig", pcr=10, violation=False, lie=None):
        self.fields, self.name, self.pcr, self.violation = list(fields), name, pcr, violation
        self.lie = lie        # instead of the right template hash
        self.tail = b""       # bytes in the template data behind the last field

    @classmethod
    def of(cls, path, digest, alg="sha256", sig=b"", **more):
        path = path if isinstance(path, bytes) else path.encode()
        return cls([alg.encode() + b":\0" + digest, path + b"\0", sig], **more)

    @property
    def path(self):
        return self.fields[1].rstrip(b"\0").decode("latin-1")

    def data(self):
        return b"".join(le(len(f)) + f for f in self.fields) + self.tail

    def hashed(self):
        if self.name != "ima":
            return self.data()
        return self.fields[0] + self.fields[1].ljust(256, b"\0")

    def logged(self, alg="sha1"):
        if self.lie is not None:
            return self.lie
        return bytes(size_of(alg)) if self.violation else H(alg, self.hashed())

    def extends(self, alg, padded):
        size = size_of(alg)
        if self.violation:
            return b"\xff" * size
        return H("sha1", self.hashed()).ljust(size, b"\0") if padded else H(alg, self.hashed())

    def bytes(self, alg="sha1"):
        name = self.name if isinstance(self.name, bytes) else self.name.encode()
        head = le(self.pcr) + self.logged(alg) + le(len(name)) + name
        if self.name == "ima":
            return head + self.fields[0] + le(len(self.fields[1])) + self.fields[1] + self.tail
        return head + le(len(self.data())) + self.data()

    def text(self):
        alg, digest = self.fields[0].split(b"\0", 1)
        shown = b"%s%s %s" % (alg, digest.hex().encode(), self.fields[1].rstrip(b"\0"))
        if self.name == "ima-sig":
            shown += b" " + self.fields[2].hex().encode()
        return b"%2d %s %s %s\n" % (self.pcr, self.logged().hex().encode(), self.name.encode(), shown)


class Userspace:
    """One record of systemd's log of what it extended; what is measured is the string, unless said."""

    def __init__(self, pcr, string, kind="phase", measured=None, algs=("sha1", "sha256", "sha384"), boot="0" * 32):
        self.pcr, self.string, self.kind, self.algs, self.boot = pcr, string, kind, list(algs), boot
        measured = string.encode() if measured is None else measured
        self.digests = {a: H(a, measured) for a in algs}
        self.target = "pcr"

    def bytes(self):
        record = {self.target: self.pcr,
                  "digests": [{"hashAlg": a, "digest": self.digests[a].hex()} for a in self.algs],
                  "content_type": "systemd",
                  "content": {"string": self.string, "bootId": self.boot, "timestamp": 1515761, "eventType": self.kind}}
        return b"\x1e" + json.dumps(record, separators=(",", ":")).encode() + b"\n"


def read_boot(data):
    def record(at):
        pcr, kind, n = struct.unpack_from("<III", data, at)
        at += 12
        digests = []
        for _ in range(n):
            algorithm = struct.unpack_from("<H", data, at)[0]
            size = {v: size_of(k) for k, v in ALGS.items()}[algorithm]
            digests.append((algorithm, data[at + 2:at + 2 + size]))
            at += 2 + size
        size = struct.unpack_from("<I", data, at)[0]
        return Event(pcr, kind, digests, data[at + 4:at + 4 + size]), at + 4 + size

    size = struct.unpack_from("<I", data, 28)[0]
    at, events = 32 + size, []
    while at < len(data):
        event, at = record(at)
        events.append(event)
    return data[:32 + size], events


def read_ima(data):
    at, entries = 0, []
    while at < len(data):
        pcr, digest, size = struct.unpack_from("<I20sI", data, at)
        name = data[at + 28:at + 28 + size].decode()
        at += 28 + size
        size = struct.unpack_from("<I", data, at)[0]
        end, at, fields = at + 4 + size, at + 4, []
        while at < end:
            size = struct.unpack_from("<I", data, at)[0]
            fields.append(data[at + 4:at + 4 + size])
            at += 4 + size
        entries.append(Entry(fields, name, pcr, violation=digest == bytes(20)))
    return entries


class Key:
    """An attestation key; kind is rsa:BITS[:EXPONENT], ec:CURVE or plain EC curve names of openssl."""

    def __init__(self, folder, name, kind="rsa:2048", attributes=GOOD_KEY, name_alg="sha256", scheme="sha256"):
        self.kind, self.attributes, self.name_alg, self.scheme = kind, attributes, name_alg, scheme
        self.private = os.path.join(folder, name + ".key")
        if not os.path.exists(self.private):
            what, number, *exponent = kind.split(":")
            if what == "rsa":
                more = ["-pkeyopt", "rsa_keygen_bits:" + number]
                more += ["-pkeyopt", "rsa_keygen_pubexp:" + exponent[0]] if exponent else []
            else:
                more = ["-pkeyopt", "ec_paramgen_curve:" + number]
            subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", what.upper(), *more, "-out", self.private],
                           check=True, stderr=subprocess.DEVNULL)

        self.pem_text = self.openssl("pkey", "-pubout")
        self.der = self.openssl("pkey", "-pubout", "-outform", "DER")
        self.modulus = b""
        if kind.startswith("rsa"):
            self.modulus = bytes.fromhex(self.openssl("rsa", "-noout", "-modulus").decode().strip().split("=")[1])

    def openssl(self, command, *arguments):
        return subprocess.run(["openssl", command, "-in", self.private, *arguments], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def pem(self):
        return self.pem_text

    def public(self, attributes=None, scheme=True):
        """TPM2B_PUBLIC"""
        what, number, *exponent = self.kind.split(":")
        head = be(ALGS[self.name_alg], 2) + be(self.attributes if attributes is None else attributes, 4) + tpm2b(b"")
        signing = be(0x0014 if what == "rsa" else 0x0018, 2) + be(ALGS[self.scheme], 2) if scheme else be(0x0010, 2)
        if what == "rsa":
            exponent = int(exponent[0]) if exponent else 0
            area = be(1, 2) + head + be(0x10, 2) + signing + be(int(number), 2) + be(exponent, 4) + tpm2b(self.modulus)
        else:
            curve, size = {"P-256": (3, 32), "P-384": (4, 48), "P-521": (5, 66), "P-224": (2, 28)}[number]
            area = be(0x23, 2) + head + be(0x10, 2) + signing + be(curve, 2) + be(0x10, 2)
            area += tpm2b(self.der[-2 * size:-size]) + tpm2b(self.der[-size:])
        return tpm2b(area)

    def name(self):
        return be(ALGS[self.name_alg], 2) + H(self.name_alg, self.public()[2:])

    def sign(self, message, alg=None):
        """TPMT_SIGNATURE"""
        alg = alg or self.scheme
        signed = subprocess.run(["openssl", "dgst", "-" + alg, "-sign", self.private], input=message,
                                check=True, capture_output=True).stdout
        if self.kind.startswith("rsa"):
            return be(0x0014, 2) + be(ALGS[alg], 2) + tpm2b(signed)
        at = 3 if signed[1] & 0x80 else 2
        r = signed[at + 2:at + 2 + signed[at + 1]]
        s = signed[at + 2 + len(r) + 2:]
        return be(0x0018, 2) + be(ALGS[alg], 2) + tpm2b(r.lstrip(b"\0")) + tpm2b(s.lstrip(b"\0"))


class Machine:
    def __init__(self, capture, keys):
        with open(capture + "/binary_bios_measurements", "rb") as f:
            self.spec_id, self.boot = read_boot(f.read())
        with open(capture + "/binary_runtime_measurements", "rb") as f:
            self.ima = read_ima(f.read())
        self.keys = keys           # by name: Key
        self.files = {}            # of the bundle, beside the logs: path -> bytes
        self.locality = 0
        self.padded = set()        # banks that IMA extends with padded SHA-1
        self.unextended = set()    # banks that IMA does not extend
        self.user = []             # Userspace records
        self.more = []             # extends that no log shows: (pcr, bytes)
        self.quoted = False
        self.boot_bytes = self.ima_bytes = self.user_bytes = None # instead of the logs
        self.form = None           # of an agent, that the bundle is wrapped in (wrap_evidence.py)

    # --- what is there to change -----------------------------------------------------------------

    def entry(self, path):
        return next(i for i, e in enumerate(self.ima) if e.path == path)

    def event(self, pcr, kind=None):
        return next(i for i, e in enumerate(self.boot) if e.pcr == pcr and kind in (None, e.kind))

    def add(self, *entries):
        self.ima += entries

    def aggregate(self, alg="sha256", n=10):
        """A boot_aggregate of this boot."""
        pcrs = self.pcrs(alg)
        return Entry.of("boot_aggregate", H(alg, *(pcrs[i] for i in range(n))), alg)

    def boot_again(self):
        """After a change of the boot log: the first entry of IMA's is made to fit."""
        self.ima[0] = self.aggregate()

    def systemd(self, *more):
        """What systemd extends in a boot: as of 260, without disks."""
        self.user = [Userspace(pcr, "os-separator", "os-separator") for pcr in (*range(8), 9, 12, 13, 14)]
        self.user += [Userspace(11, "enter-initrd"), Userspace(11, "leave-initrd"),
                      Userspace(15, "machine-id:0123456789abcdef0123456789abcdef", "machine-id"),
                      Userspace(15, "cryptsetup:root:1234", "volume-key", b"an HMAC"),
                      Userspace(11, "sysinit"), Userspace(11, "ready"), *more]

    def merged(self):
        """Userspace records and entries in the order that they are extended in: m.between says behind which
        entry each record comes; by default all behind the first."""
        between = getattr(self, "between", None) or [1] * len(self.user)
        out, at = [], 0
        for record, n in zip(self.user, between):
            out += self.ima[at:n] + [record]
            at = max(at, n)
        return out + self.ima[at:]

    # --- what the TPM holds ----------------------------------------------------------------------

    def pcrs(self, alg):
        size = size_of(alg)
        values = [(b"\xff" if 17 <= i <= 22 else b"\0") * size for i in range(24)]
        values[0] = be(self.locality, size)

        def extend(pcr, digest):
            values[pcr] = H(alg, values[pcr], digest)

        for event in self.boot:
            if event.kind != NO_ACTION and event.pcr < 24 and event.value(alg):
                extend(event.pcr, event.value(alg))
        for entry in self.merged():
            if isinstance(entry, Userspace):
                if alg in entry.digests and entry.target == "pcr":
                    extend(entry.pcr, entry.digests[alg])
            elif alg not in self.unextended:
                extend(entry.pcr, entry.extends(alg, alg in self.padded))
        for pcr, data in self.more:
            extend(pcr, H(alg, data))
        return values

    def quote(self, selection=None, name="", key="ak", nonce=NONCE, magic=0xFF544347, kind=0x8018, clock=27270,
              reset=2, restart=0, safe=1, before=b"", after=b"", hash_alg=None, pcrs_file=True, values=None,
              beyond=(), digest=None):
        """Signs what the TPM holds now. selection: [(bank, PCRs)]; beyond: PCRs of 24 and more."""
        selection = [("sha256", ALL)] if selection is None else selection
        key = self.keys[key] if isinstance(key, str) else key
        hash_alg = hash_alg or key.scheme
        values = values or {alg: self.pcrs(alg) for alg in ALGS}
        select, flat = be(len(selection), 4), b""
        for alg, pcrs in selection:
            bits = sum(1 << i for i in list(pcrs) + list(beyond))
            size = 4 if beyond else 3
            select += be(ALGS[alg] if isinstance(alg, str) else alg, 2) + be(size, 1) + le(bits, size)
            flat += b"".join(values[alg][i] if isinstance(alg, str) else OF_NO_BANK for i in sorted(pcrs))
        body = be(kind, 2) + tpm2b(b"\0\x0b" + H("sha256", b"signer")) + tpm2b(nonce) + be(clock, 8) + be(reset, 4)
        body += be(restart, 4) + be(safe, 1) + be(0x2019102300163636, 8)
        if kind == 0x8018:
            body += select + tpm2b(H(hash_alg, flat) if digest is None else digest)
        elif kind == 0x8017:  # certify
            body += tpm2b(key.name()) + tpm2b(key.name())
        message = before + be(magic, 4) + body + after
        suffix = "-" + name if name else ""
        self.files["quote%s.msg" % suffix] = message
        self.files["quote%s.sig" % suffix] = key.sign(message, hash_alg)
        self.files["ak%s.pub" % suffix] = key.public()
        if pcrs_file:
            self.files["quote%s.pcrs" % suffix] = select + self.digest_lists(selection, values)
        self.quoted = True

    @staticmethod
    def digest_lists(selection, values):
        """As tpm2_quote -F marshaled writes them: lists of at most 8."""
        digests = [values[alg][i] if isinstance(alg, str) else OF_NO_BANK for alg, pcrs in selection for i in sorted(pcrs)]
        lists = [digests[i:i + 8] for i in range(0, len(digests), 8)] or [[]]
        return be(len(lists), 4) + b"".join(be(len(some), 4) + b"".join(tpm2b(d) for d in some) for some in lists)

    def write(self, folder):
        if not self.quoted:
            self.quote()
        files = dict(self.files)
        files.setdefault("binary_bios_measurements", self.boot_bytes if self.boot_bytes is not None else
                         self.spec_id + b"".join(e.bytes() for e in self.boot))
        files.setdefault("binary_runtime_measurements", self.ima_bytes if self.ima_bytes is not None else
                         b"".join(e.bytes() for e in self.ima))
        if self.user or self.user_bytes is not None:
            files.setdefault("tpm2-measure.log", self.user_bytes if self.user_bytes is not None else
                             b"".join(r.bytes() for r in self.user))
        for path, contents in files.items():
            if contents is None:
                continue
            path = os.path.join(os.fsencode(folder), path if isinstance(path, bytes) else path.encode())
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(contents)
