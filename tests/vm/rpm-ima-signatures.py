#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Puts IMA file signatures into a package, as rpmsign --signfiles does.

usage: rpm-ima-signatures.py PACKAGE SIGNATURES

Debian's rpmsign is built without that option. SIGNATURES has a line for each file of
the header's list: what is to be in security.ima, in hex, or nothing for an entry
without a digest. Sign the package itself afterwards.

Like rpmsign, this adds two tags to the signature header: 274 (FILESIGNATURES, an array
of strings) and 275 (FILESIGNATURELENGTH, bytes of the longest).
"""
import struct
import sys

LEAD_SIZE = 96
MAGIC = bytes.fromhex("8eade80100000000")
REGION = 62
BIN, INT32, STRING_ARRAY = 7, 4, 8
INT_SIZES = {3: 2, 4: 4, 5: 8}


def value_size(kind, store, offset, count):
    """Bytes a value takes in the store."""
    if kind in INT_SIZES:
        return count * INT_SIZES[kind]
    if kind in (1, 2, BIN):
        return count
    end = offset
    for _ in range(count):  # strings
        end = store.index(b"\0", end) + 1
    return end - offset


def parse(blob):
    """({tag: (type, count, bytes)}, size) of the header that blob starts with."""
    if blob[:8] != MAGIC:
        sys.exit("no signature header")
    n_entries, store_size = struct.unpack(">II", blob[8:16])
    store_at = 16 + 16 * n_entries
    store = blob[store_at:store_at + store_size]
    tags = {}
    for i in range(n_entries):
        tag, kind, offset, count = struct.unpack_from(">iiii", blob, 16 + 16 * i)
        if tag != REGION:
            size = value_size(kind, store, offset, count)
            tags[tag] = (kind, count, store[offset:offset + size])
    return tags, store_at + store_size


def build(tags):
    """The header as bytes: tags in order, in one region that covers them all."""
    store, entries = b"", []
    for tag, (kind, count, value) in sorted(tags.items()):
        store += bytes(-len(store) % INT_SIZES.get(kind, 1))
        entries.append((tag, kind, len(store), count))
        store += value
    n_entries = len(entries) + 1
    entries.insert(0, (REGION, BIN, len(store), 16))
    store += struct.pack(">iiii", REGION, BIN, -16 * n_entries, 16)
    index = b"".join(struct.pack(">iiii", *entry) for entry in entries)
    return MAGIC + struct.pack(">II", n_entries, len(store)) + index + store


def main():
    path, signatures_path = sys.argv[1:]
    with open(signatures_path, encoding="ascii") as lines:
        signatures = [line.strip() for line in lines]
    with open(path, "rb") as package:
        raw = package.read()
    tags, size = parse(raw[LEAD_SIZE:])
    rest = raw[LEAD_SIZE + size + -size % 8:]
    longest = max((len(s) // 2 for s in signatures), default=0)
    tags[274] = (STRING_ARRAY, len(signatures), b"".join(s.encode() + b"\0" for s in signatures))
    tags[275] = (INT32, 1, struct.pack(">I", longest))
    header = build(tags)
    with open(path, "wb") as package:
        package.write(raw[:LEAD_SIZE] + header + bytes(-len(header) % 8) + rest)


main()
