#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Revocation lists for tests, without any of Assay's code.
usage: make_dbx.py OUT ENTRY...     an ENTRY is
           digest:HEX               the SHA-256 of an image
           x509:FILE                a certificate, DER or PEM
           tbs256:FILE[:TIME]       the SHA-256 of its TBSCertificate, TIME as 2020-07-29T00:00:00
           tbs384:..., tbs512:...   likewise
           unknown:HEX              a list of a type that nobody knows
       make_dbx.py --variable OUT ENTRY...   with the attributes of an efivarfs file in front
       make_dbx.py --certificates PE DIR     the certificates of a PE file's signatures: DIR/0.der, ..."""
import base64
import hashlib
import re
import struct
import subprocess
import sys
import uuid

TYPES = {
    "digest": "c1c41626-504c-4092-aca9-41f936934328",
    "x509": "a5c059a1-94e4-4aa7-87b5-ab155c2bf072",
    "tbs256": "3bd2a492-96c0-4079-b420-fcf98ef103ed",
    "tbs384": "7076876e-80c2-4ee6-aad2-28b349a6865b",
    "tbs512": "446dbf63-2502-4cda-bcfa-2465d2b0fe9d",
    "unknown": "00112233-4455-6677-8899-aabbccddeeff",
}
OWNER = uuid.UUID("77fa9abd-0359-4d32-bd60-28f4e78f784b").bytes_le


def certificate(path):
    data = open(path, "rb").read()
    pem = re.search(rb"-----BEGIN CERTIFICATE-----(.*?)-----END", data, re.S)
    return base64.b64decode(pem.group(1)) if pem else data


def contents(der):
    """Of a DER value: where its contents begin, and its end."""
    size, at = der[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(der[2:at], "big")
    return at, at + size


def tbs(der):
    inner = der[contents(der)[0]:]
    return inner[:contents(inner)[1]]


def efi_time(text):
    if not text:
        return bytes(16)
    return struct.pack("<H5B9x", *map(int, re.split("[-T:]", text)))


def entry(text):
    kind, _, value = text.partition(":")
    if kind in ("digest", "unknown"):
        data = bytes.fromhex(value)
    elif kind == "x509":
        data = certificate(value)
    else:
        path, _, time = value.partition(":")
        data = hashlib.new("sha" + kind[3:], tbs(certificate(path))).digest() + efi_time(time)
    size = 16 + len(data)
    return uuid.UUID(TYPES[kind]).bytes_le + struct.pack("<III", 28 + size, 0, size) + OWNER + data


def certificates(pe, folder):
    data = open(pe, "rb").read()
    header = struct.unpack_from("<I", data, 0x3C)[0]
    optional = header + 24
    directories = optional + (112 if struct.unpack_from("<H", data, optional)[0] == 0x20B else 96)
    at, size = struct.unpack_from("<II", data, directories + 4 * 8)
    end, n = at + size, 0
    while at < end:
        length = struct.unpack_from("<I", data, at)[0]
        pem = subprocess.run(["openssl", "pkcs7", "-inform", "DER", "-print_certs"], check=True,
                             input=data[at + 8:at + length], capture_output=True).stdout
        for body in re.findall(rb"-----BEGIN CERTIFICATE-----(.*?)-----END", pem, re.S):
            with open(f"{folder}/{n}.der", "wb") as out:
                out.write(base64.b64decode(body))
            n += 1
        at += (length + 7) & ~7


def main(arguments):
    if arguments[:1] == ["--certificates"]:
        certificates(*arguments[1:])
        return
    start = b""
    if arguments[:1] == ["--variable"]:
        start, arguments = struct.pack("<I", 0x27), arguments[1:]
    if len(arguments) < 2:
        sys.exit(__doc__)
    with open(arguments[0], "wb") as out:
        out.write(start + b"".join(map(entry, arguments[1:])))


main(sys.argv[1:])
