#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The bare cost of unpacking packages: their payloads through liblzma, zlib and zstd, and what comes
out through SHA-256, and nothing else.
usage: bare_unpack.py DIR"""
import hashlib
import lzma
import pathlib
import struct
import subprocess
import sys
import zlib

BLOCK = 1 << 18


def header_size(data, at):
    entries, store = struct.unpack(">II", data[at + 8:at + 16])
    return 16 + 16 * entries + store


def unpack(payload):
    if payload[:4] == b"\x28\xb5\x2f\xfd":  # zstd has no module here: its own program
        yield subprocess.run(["zstd", "-dc"], input=payload, stdout=subprocess.PIPE, check=True).stdout
        return
    unpacker = lzma.LZMADecompressor() if payload[:1] == b"\xfd" else zlib.decompressobj(31)
    for at in range(0, len(payload), BLOCK):
        yield unpacker.decompress(payload[at:at + BLOCK])


for package in sorted(pathlib.Path(sys.argv[1]).glob("*.rpm")):
    data = package.read_bytes()
    at = 96 + header_size(data, 96)
    at = (at + 7) // 8 * 8
    digest = hashlib.sha256()
    for block in unpack(memoryview(data)[at + header_size(data, at):]):
        digest.update(block)
    digest.digest()
