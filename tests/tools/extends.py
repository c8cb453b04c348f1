#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""extends: what a kernel and systemd extend, as lines for tpm_extend (tests/e2e/swtpm.sh), and their logs.

usage: extends.py ima LIST FIRST LAST      entries FIRST to LAST - 1 of a list, each bank its own template hash
       extends.py ima-padded LIST FIRST LAST     the same, SHA-1 in every bank, padded with zeros
       extends.py systemd LOG WORD=PCR...  what systemd-pcrextend extends for a word; the record is appended to LOG
"""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from forge import ALGS, Userspace, read_ima

EVENTS = {"os-separator": "os-separator"}


def line(pcr, digests):
    print(pcr, ",".join("%s=%s" % (alg, digest.hex()) for alg, digest in digests))


what, path, *rest = sys.argv[1:]
if what == "systemd":
    with open(path, "ab") as log:
        for word in rest:
            string, pcr = word.rsplit("=", 1)
            kind = EVENTS.get(string, "machine-id" if string.startswith("machine-id:") else "phase")
            record = Userspace(int(pcr), string, kind, algs=tuple(ALGS))
            log.write(record.bytes())
            line(record.pcr, record.digests.items())
else:
    with open(path, "rb") as f:
        for entry in read_ima(f.read())[int(rest[0]):int(rest[1])]:
            line(entry.pcr, [(alg, entry.extends(alg, what == "ima-padded")) for alg in ALGS])
