#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tdx: quotes of a TDX machine that never was, signed by keys of its own from the report to the root.

usage: tdx.py OUT      makes the vectors of tests/vectors/tdx

Written from Intel's documents of the format (TDX DCAP Quoting Library API, A.3 and A.4; SDM 3D, REPORT);
knows nothing of Assay's code.
"""
import hashlib, os, struct, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import authority

INTEL_QE = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
INTEL_SIGNER = bytes.fromhex("dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5")
SGX = "1.2.840.113741.1.13.1"
PCK = (authority.constraints(False), authority.key_usage(0, 1), authority.extension(SGX, authority.sequence()))


def raw(signature):
    """r and s of a DER signature, 32 bytes each."""
    out, at = b"", 2
    for _ in range(2):
        size = signature[at + 1]
        out += signature[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return out


class Platform:
    """A processor with its certificates, and the keys in it; parts may be set before a quote is made."""

    def __init__(self, folder, leaf=PCK, root="root"):
        self.attestation = authority.Signer(folder, "tdx-attestation")
        self.other = authority.Signer(folder, "tdx-other")
        self.pck = authority.Signer(folder, "tdx-pck")
        self.root = authority.Authority("Test SGX Root CA " + root, authority.Signer(folder, "tdx-" + root))
        self.middle = authority.Authority("Test SGX PCK Platform CA", authority.Signer(folder, "tdx-middle"), self.root)
        self.leaf = self.middle.issue("Test SGX PCK Certificate", self.pck.spki, leaf)
        self.qe_signer, self.qe_product, self.qe_flags = INTEL_SIGNER, 2, 0x15
        self.sign_with, self.report_key = self.attestation, self.attestation

    def quote(self, rtmrs, report_data=b"", version=4, attributes=1 << 28, seam_signer=bytes(48), body=None, tail=b""):
        head = struct.pack("<HHI4x", version, 2, 0x81) + INTEL_QE + bytes(20)
        report = (bytes(range(16)) + b"\x11" * 48 + seam_signer + bytes(8) + struct.pack("<QQ", attributes, 0x61ae7)
                  + b"\x22" * 48 + b"\x33" * 48 + b"\x44" * 48 + b"\x55" * 48 + b"".join(rtmrs) + report_data.ljust(64, b"\0"))
        assert len(report) == 584
        if version == 5:
            kind = body or 3
            report += bytes(64) if kind == 3 else b""
            head += struct.pack("<HI", kind, len(report))
        signed = head + report
        key, auth = self.attestation.spki[-64:], bytes(range(32))
        said = hashlib.sha256(self.report_key.spki[-64:] + auth).digest()
        qe = (bytes(48) + struct.pack("<QQ", self.qe_flags, 0xe7) + b"\x66" * 32 + bytes(32) + self.qe_signer + bytes(96)
              + struct.pack("<HH", self.qe_product, 4) + bytes(60) + said + bytes(32))
        assert len(qe) == 384
        chain = authority.pem(self.leaf, self.middle.certificate, self.root.certificate)
        chain = (chain if isinstance(chain, bytes) else chain.encode()) + b"\0"
        behind = (qe + raw(self.pck.sign(qe, "sha256")) + struct.pack("<H", len(auth)) + auth
                  + struct.pack("<HI", 5, len(chain)) + chain)
        data = raw(self.sign_with.sign(signed, "sha256")) + key + struct.pack("<HI", 6, len(behind)) + behind
        return signed + struct.pack("<I", len(data)) + data + tail


def registers(log):
    """RTMR0 to RTMR3 that a CCEL log of one bank (SHA-384) ends in."""
    values = [bytes(48) for _ in range(4)]
    at = 32 + struct.unpack_from("<I", log, 28)[0]
    while at + 12 <= len(log) and log[at:].strip(b"\0\xff"):
        register, kind, n = struct.unpack_from("<III", log, at)
        digest = log[at + 14:at + 62]
        assert n == 1
        at += 62
        at += 4 + struct.unpack_from("<I", log, at)[0]
        if kind != 3:
            values[register - 1] = hashlib.sha384(values[register - 1] + digest).digest()
    return values


def event(register, kind, data, digest=None):
    return (struct.pack("<III", register, kind, 1) + struct.pack("<H", 12) + (digest or hashlib.sha384(data).digest())
            + struct.pack("<I", len(data)) + data)


def ccel(more=b""):
    """A log as EDK II's: a firmware's event, separators, an application's, a command line."""
    spec = b"Spec ID Event03\0" + struct.pack("<I", 0) + bytes([0, 2, 0, 2]) + struct.pack("<IHH", 1, 12, 48) + b"\0"
    log = struct.pack("<II", 1, 3) + bytes(20) + struct.pack("<I", len(spec)) + spec
    log += event(1, 8, "1.0\0".encode("utf-16-le")) + event(1, 4, bytes(4)) + event(2, 4, bytes(4))
    log += event(3, 0xd, b"kernel_cmdline: /vmlinuz root=/dev/vda\0", hashlib.sha384(b"/vmlinuz root=/dev/vda").digest())
    return log + more


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    keys = os.path.join(out, ".keys")
    os.makedirs(keys, exist_ok=True)
    platform = Platform(keys)
    log = ccel()
    nonce = bytes.fromhex("00112233445566778899aabbccddeeff")
    for name, data in (("v4.quote", platform.quote(registers(log), nonce, tail=bytes(30))),
                       ("v5-1.0.quote", platform.quote(registers(log), nonce, version=5, body=2)),
                       ("v5-1.5.quote", platform.quote(registers(log), nonce, version=5)), ("ccel", log)):
        with open(os.path.join(out, name), "wb") as f:
            f.write(data)
    text = authority.pem(platform.root.certificate)
    with open(os.path.join(out, "root.pem"), "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    for name in os.listdir(keys):
        os.remove(os.path.join(keys, name))
    os.rmdir(keys)


if __name__ == "__main__":
    main()
