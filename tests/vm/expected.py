#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes what must be found in a bundle, as JSON, without any code of Assay.

usage: expected.py BUNDLE VIOLATIONS INITRD PACKAGE...

VIOLATIONS is the guest kernel's own count. The PCRs are those tpm2_pcrread printed in
the guest; nothing is replayed here. "unexplained" lists the IMA entries whose path and
SHA-256 are neither in the initrd nor in a package, with the kind of each:

    unpackaged      no package has the path
    changed         a package has the path with other content
    tomtou          violation: opened for writing after it was measured
    open-writers    violation: measured while open for writing
"""
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile


def files_below(root):
    """{path: SHA-256} of the regular files."""
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as data:
                    found["/" + os.path.relpath(path, root)] = hashlib.sha256(data.read()).hexdigest()
    return found


def unpack(command, file):
    """{path: SHA-256} of what the cpio archive that command prints for file holds."""
    with tempfile.TemporaryDirectory() as root:
        archive = subprocess.run(command + [file], stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["cpio", "-idm", "--quiet", "--no-absolute-filenames"], input=archive, cwd=root, check=True)
        return files_below(root)


def read_pcrs(path):
    """{bank: {index: hex}} from tpm2_pcrread's output."""
    banks = {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            if match := re.fullmatch(r"\s*(sha\d+):\s*", line):
                bank = banks.setdefault(match[1], {})
            elif match := re.fullmatch(r"\s*(\d+)\s*: 0x([0-9A-F]+)\s*", line):
                bank[match[1]] = match[2].lower()
    return banks


def read_ima(path):
    """(index, path, SHA-256) of each entry of the ASCII list that names a file."""
    with open(path, encoding="utf-8") as lines:
        for index, line in enumerate(lines):
            fields = line.rstrip("\n").split(" ")
            if fields[4].startswith("/"):
                yield index, fields[4], fields[3].removeprefix("sha256:")


def unexplained(entries, known):
    measured = set()
    for index, path, digest in entries:
        if known.get(path) != digest:
            if int(digest, 16) == 0:
                kind = "tomtou" if path in measured else "open-writers"
            else:
                kind = "changed" if path in known else "unpackaged"
            yield {"index": index, "path": path, "sha256": digest, "kind": kind}
        measured.add(path)


def count_events(path):
    """As tpm2_eventlog counts them, the Spec ID event included."""
    listing = subprocess.run(["tpm2_eventlog", path], capture_output=True, check=True).stdout
    return listing.count(b"\n- EventNum:")


def main():
    bundle, violations, initrd, *packages = sys.argv[1:]
    known = unpack(["zstd", "-dc"], initrd)
    for package in packages:
        known.update(unpack(["rpm2cpio"], package))
    ima = os.path.join(bundle, "ascii_runtime_measurements")
    with open(ima, "rb") as log:
        ima_entries = log.read().count(b"\n")
    json.dump({
        "event_count": count_events(os.path.join(bundle, "binary_bios_measurements")),
        "ima_entry_count": ima_entries,
        "ima_violation_count": int(violations),
        "unexplained": list(unexplained(read_ima(ima), known)),
        "pcrs": read_pcrs(os.path.join(bundle, "pcrs.yaml")),
    }, sys.stdout, indent=1)
    print()


main()
