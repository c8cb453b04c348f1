# SPDX-License-Identifier: BSD-2-Clause
"""authority: certificate authorities that lie as told. Writes X.509 certificates and revocation lists
from RFC 5280's definitions (4.1, 4.2, 5.1), with whatever is wrong in them; signatures are openssl's.

Knows nothing of Assay's code. Run, it makes the vectors of tests/unit/core/test_crypto_certificate.c:

usage: authority.py OUT
"""
import base64, os, subprocess, sys

# --- DER ---------------------------------------------------------------------------------------------


def der(tag, *parts):
    data = b"".join(parts)
    size = len(data)
    if size < 128:
        return bytes([tag, size]) + data
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + data


def sequence(*parts):
    return der(0x30, *parts)


def integer(n):
    return der(0x02, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def oid(dotted):
    first, second, *rest = (int(n) for n in dotted.split("."))
    out = bytes([first * 40 + second])
    for n in rest:
        groups = [n & 0x7F]
        while n > 0x7F:
            n >>= 7
            groups.append(0x80 | n & 0x7F)
        out += bytes(reversed(groups))
    return der(0x06, out)


def bits(*numbers):
    """A named bit list."""
    top = max(numbers)
    octets = bytearray(top // 8 + 1)
    for n in numbers:
        octets[n // 8] |= 0x80 >> n % 8
    return der(0x03, bytes([7 - top % 8]), bytes(octets))


def dated(text):
    """UTCTime until 2049, as RFC 5280 wants it; text is YYYYMMDDHHMMSSZ."""
    return der(0x17, text[2:].encode()) if "1950" <= text[:4] < "2050" else der(0x18, text.encode())


def name(*rdns):
    """(OID, text) each"""
    return sequence(*(der(0x31, sequence(oid(o), der(0x0C, t.encode()))) for o, t in rdns))


def common_name(text):
    return name(("2.5.4.3", text)) if text else sequence()


SIGNATURES = {"rsa": {"md5": "1.2.840.113549.1.1.4", "sha1": "1.2.840.113549.1.1.5", "sha256": "1.2.840.113549.1.1.11"},
              "ec": {"sha1": "1.2.840.10045.4.1", "sha256": "1.2.840.10045.4.3.2"}}

# --- extensions --------------------------------------------------------------------------------------

EK_USAGE, AIK_USAGE, TLS_USAGE, ANY_USAGE = "2.23.133.8.1", "2.23.133.8.3", "1.3.6.1.5.5.7.3.1", "2.5.29.37.0"
SIGNING, ENCIPHERMENT, AGREEMENT, CERT_SIGN, CRL_SIGN = 0, 2, 4, 5, 6


def extension(dotted, value, critical=False):
    return sequence(oid(dotted), der(0x01, b"\xff") if critical else b"", der(0x04, value))


def constraints(ca, path=None):
    return extension("2.5.29.19", sequence(der(0x01, b"\xff") if ca else b"", integer(path) if path is not None else b""), True)


def key_usage(*numbers):
    return extension("2.5.29.15", bits(*numbers), True)


def extended(*oids):
    return extension("2.5.29.37", sequence(*(oid(o) for o in oids)))


def tpm_names(critical=True):
    """What an EK certificate says of its TPM: a directory name of attributes nobody else knows."""
    said = name(("2.23.133.2.1", "id:54455354"), ("2.23.133.2.2", "forged"), ("2.23.133.2.3", "id:00010002"))
    return extension("2.5.29.17", sequence(der(0xA4, said)), critical)


def permitted(rdns):
    """Name constraints: only directory names below this."""
    return extension("2.5.29.30", sequence(der(0xA0, sequence(der(0xA4, rdns)))), True)


CA = (constraints(True), key_usage(CERT_SIGN, CRL_SIGN))
EK = (constraints(False), key_usage(ENCIPHERMENT), extended(EK_USAGE), tpm_names())
AK = (constraints(False), key_usage(SIGNING), extended(AIK_USAGE), tpm_names())

# --- authorities -------------------------------------------------------------------------------------


class Signer:
    """A key of an authority in folder/NAME.key, made if it is not there."""

    def __init__(self, folder, label, kind="ec:P-256"):
        self.private = os.path.join(folder, label + ".key")
        self.kind, number = kind.split(":")
        if not os.path.exists(self.private):
            more = {"rsa": "rsa_keygen_bits:", "ec": "ec_paramgen_curve:"}[self.kind] + number
            subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", self.kind.upper(), "-pkeyopt", more, "-out", self.private],
                           check=True, stderr=subprocess.DEVNULL)
        self.spki = subprocess.run(["openssl", "pkey", "-in", self.private, "-pubout", "-outform", "DER"],
                                   check=True, capture_output=True).stdout

    def sign(self, message, alg):
        return subprocess.run(["openssl", "dgst", "-" + alg, "-sign", self.private], input=message, check=True,
                              capture_output=True).stdout


class Authority:
    """A subject with a key, whose certificate is self-signed unless an authority issues it."""

    serial = 0x1000

    def __init__(self, subject, signer, issuer=None, extensions=CA, **more):
        self.subject = common_name(subject) if isinstance(subject, str) else subject
        self.signer = signer
        self.certificate = (issuer or self).issue(self.subject, signer.spki, extensions, **more)

    def signed(self, body, alg):
        algorithm = sequence(oid(SIGNATURES[self.signer.kind][alg]), der(0x05) if self.signer.kind == "rsa" else b"")
        whole = body(algorithm)
        return sequence(whole, algorithm, der(0x03, b"\0", self.signer.sign(whole, alg)))

    def issue(self, subject, spki, extensions, begin="20200101000000Z", end="20991231235959Z", alg="sha256", serial=None):
        """A certificate, DER."""
        if serial is None:
            Authority.serial += 1
            serial = Authority.serial
        subject = common_name(subject) if isinstance(subject, str) else subject
        return self.signed(lambda algorithm: sequence(
            der(0xA0, integer(2)), integer(serial), algorithm, self.subject, sequence(dated(begin), dated(end)), subject, spki,
            der(0xA3, sequence(*extensions)) if extensions else b""), alg)

    def revoke(self, *serials, begin="20200101000000Z", end="20991231235959Z"):
        """A revocation list, DER."""
        revoked = sequence(*(sequence(integer(n), dated(begin)) for n in serials)) if serials else b""
        return self.signed(lambda algorithm: sequence(integer(1), algorithm, self.subject, dated(begin), dated(end), revoked), "sha256")


def pem(*ders, what="CERTIFICATE"):
    out = b""
    for one in ders:
        lines = base64.encodebytes(one).replace(b"\n", b"")
        out += b"-----BEGIN %s-----\n" % what.encode()
        out += b"".join(lines[i:i + 64] + b"\n" for i in range(0, len(lines), 64))
        out += b"-----END %s-----\n" % what.encode()
    return out


# --- vectors -----------------------------------------------------------------------------------------


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    for old in os.listdir(out):
        if old != "README.md":
            os.unlink(os.path.join(out, old))

    def write(file, data):
        with open(os.path.join(out, file), "wb") as f:
            f.write(data)

    keys = {label: Signer(out, label) for label in ("root", "other", "middle", "below", "ek", "rsa", "small")}
    keys["rsa"] = Signer(out, "rsa-root", "rsa:2048")
    keys["small"] = Signer(out, "rsa-small", "rsa:1024")
    root = Authority("Root", keys["root"])
    middle = Authority("Middle", keys["middle"], root)
    ek = keys["ek"].spki
    write("root.pem", pem(root.certificate))
    write("middle.pem", pem(middle.certificate))
    write("both.pem", pem(middle.certificate, root.certificate))
    write("other.pem", pem(Authority("Root", keys["other"]).certificate))
    rsa_root = Authority("RSA Root", keys["rsa"], alg="sha1")
    write("rsa.pem", pem(rsa_root.certificate))
    good = middle.issue("", ek, EK, serial=0x77)
    write("good.pem", b"What NV held:\n" + pem(good, middle.certificate))
    write("good.der", good)
    write("good-chain.der", good + middle.certificate)
    write("good-padded.der", good + bytes(50) + b"\xff" * 50)
    write("good-tpm12.bin", b"\x10\x01\0" + (len(good) + 2).to_bytes(2, "big") + b"\x10\x02" + good + b"\xff" * 20)
    write("bad-tpm12-short.bin", b"\x10\x01\0" + (len(good) + 2).to_bytes(2, "big") + b"\x10\x02" + good[:-1])
    write("bad-tpm12-type.bin", b"\x10\x01\1" + (len(good) + 2).to_bytes(2, "big") + b"\x10\x02" + good)
    write("bad-bytes-after.der", good + b"x")
    write("bad-key.pem", b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n")
    write("bad-cut.pem", pem(good)[:-20])
    write("bad-cut.der", good[:-1])
    write("bad-no-certificate.der", root.revoke())
    write("good-ak.pem", pem(middle.issue("", ek, AK), middle.certificate))
    agreement = (constraints(False), key_usage(AGREEMENT), extended(EK_USAGE), tpm_names())
    write("good-agreement.pem", pem(middle.issue("", ek, agreement), middle.certificate))
    write("good-bare.pem", pem(middle.issue("TPM", ek, ()), middle.certificate))
    write("good-google-ak.pem", pem(middle.issue("", ek, (constraints(False), key_usage(SIGNING), extended(EK_USAGE))), middle.certificate))
    write("bad-ak-of-ek.pem", pem(middle.issue("", ek, (constraints(False), extended(EK_USAGE))), middle.certificate))
    write("bad-ca.pem", pem(middle.issue("TPM", ek, CA), middle.certificate))
    write("bad-tls.pem", pem(middle.issue("TPM", ek, (constraints(False), key_usage(ENCIPHERMENT), extended(TLS_USAGE))), middle.certificate))
    write("bad-any.pem", pem(middle.issue("TPM", ek, (constraints(False), key_usage(ENCIPHERMENT), extended(ANY_USAGE))), middle.certificate))
    critical = (*EK, extension("1.3.6.1.4.1.99999.1", sequence(), True))
    write("bad-critical.pem", pem(middle.issue("", ek, critical), middle.certificate))
    write("bad-expired.pem", pem(middle.issue("", ek, EK, end="20210101000000Z"), middle.certificate))
    write("bad-early.pem", pem(middle.issue("", ek, EK, begin="20980101000000Z"), middle.certificate))

    def through(file, extensions, below=None, of=root, leaf=EK, **more):
        """A chain whose middle certificate is otherwise."""
        middle = Authority("Middle", keys["middle"], of, extensions, **more)
        chain = [middle.certificate]
        if below:
            middle = Authority("Below", keys["below"], middle, below)
            chain.insert(0, middle.certificate)
        write(file, pem(middle.issue("TPM", ek, leaf), *chain))

    through("bad-middle-expired.pem", CA, end="20210101000000Z")
    through("bad-middle-no-ca.pem", (constraints(False), key_usage(CERT_SIGN)))
    through("bad-middle-says-nothing.pem", (key_usage(CERT_SIGN),))
    through("bad-middle-key-usage.pem", (constraints(True), key_usage(SIGNING)))
    through("bad-middle-tls.pem", (*CA, extended(TLS_USAGE)))
    through("good-middle-any.pem", (*CA, extended(ANY_USAGE)))
    through("good-middle-ek.pem", (*CA, extended(EK_USAGE)))
    through("good-path-1.pem", (constraints(True, 1), key_usage(CERT_SIGN)), CA)
    through("bad-path-0.pem", (constraints(True, 0), key_usage(CERT_SIGN)), CA)
    vendor = name(("2.5.4.10", "Vendor"))
    through("bad-names.pem", (*CA, permitted(vendor)))
    middle_of = Authority("Middle", keys["middle"], root, (*CA, permitted(vendor)))
    below_it = name(("2.5.4.10", "Vendor"), ("2.5.4.3", "TPM"))
    write("good-names.pem", pem(middle_of.issue(below_it, ek, EK[:3]), middle_of.certificate))
    write("bad-sha1.pem", pem(rsa_root.issue("TPM", ek, EK, alg="sha1")))
    write("bad-md5.pem", pem(rsa_root.issue("TPM", ek, EK, alg="md5")))
    write("good-sha1-root.pem", pem(rsa_root.issue("TPM", ek, EK)))
    through("bad-sha1-middle.pem", CA, of=rsa_root, alg="sha1")
    small = Authority("Small", keys["small"], root)
    write("bad-small.pem", pem(small.issue("TPM", ek, EK), small.certificate))
    write("bad-small-leaf.pem", pem(middle.issue("TPM", keys["small"].spki, EK), middle.certificate))
    forged = Authority("Middle", keys["other"], Authority("Root", keys["other"]))
    write("bad-self-made.pem", pem(forged.issue("", ek, EK), forged.certificate, Authority("Root", keys["other"]).certificate))
    flipped = bytearray(good)
    flipped[-5] ^= 1
    write("bad-signature.pem", pem(bytes(flipped), middle.certificate))
    write("revoked.crl", pem(middle.revoke(0x77), what="X509 CRL"))
    write("revoked-old.crl", middle.revoke(0x77, begin="20200102000000Z", end="20200103000000Z"))
    write("revoked-none.crl", middle.revoke(0x78))
    write("revoked-forged.crl", forged.revoke(0x77))
    serial = next(n for n in range(0x1000, 0x2000) if integer(n) in middle.certificate[:30])
    write("revoked-middle.crl", root.revoke(serial))
    for file in os.listdir(out):
        if file.endswith(".key"):
            os.unlink(os.path.join(out, file))


if __name__ == "__main__":
    main()
