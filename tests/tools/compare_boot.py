#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares a predicted boot with the one that a machine reports, without any code of Assay.

usage: compare_boot.py PREDICTION LOG PCRS [--profile NAME | --any] [--name NAME] [--table FILE] [--partial PCR,...]
       compare_boot.py --as-prediction LOG
       compare_boot.py --markdown TABLE

PREDICTION is the JSON of `assay refgen boot`, LOG a binary_bios_measurements, PCRS what tpm2_pcrread printed.
Of several profiles the first is compared, which is the default one; or the one named; with --any, the one that fits
best. Within each PCR, events are compared in order: type, and digest in every bank of the log. Banks are compared with the TPM's PCRs 0-9 and 11-14.

Prints a table. A PCR is
    predicted   every event and every bank is equal, computed from the inputs
    assumed     the same, but at least one event rests on an assumption
    baseline    the same, but at least one digest was taken from an earlier log
    partial     what is predicted is equal, at least one event is said to be unknown
    WRONG       an event or a bank differs, is missing or too many
What user space extends later ("userspace") is compared with pcrs-WORD.yaml beside PCRS, where the machine kept its PCRs
after that word.
An empty LOG is one that the operating system never got: then only the PCRs are compared.
Exit status 1 if a PCR is WRONG, or partial and not listed in --partial. --table appends a line for each PCR:
name, PCR, state, equal events, events of the log.

--as-prediction prints the JSON that is right for LOG, --markdown what --table wrote, as a table for the documentation.
"""
import argparse
import difflib
import hashlib
import json
import os
import re
import struct
import sys

ALGORITHMS = {0x4: "sha1", 0xB: "sha256", 0xC: "sha384", 0xD: "sha512", 0x12: "sm3_256"}
NO_ACTION = 3
# TCG PC Client Platform Firmware Profile 1.06, 10.4.1.
TYPES = {
    0x0: "EV_PREBOOT_CERT", 0x1: "EV_POST_CODE", 0x3: "EV_NO_ACTION", 0x4: "EV_SEPARATOR", 0x5: "EV_ACTION",
    0x6: "EV_EVENT_TAG", 0x7: "EV_S_CRTM_CONTENTS", 0x8: "EV_S_CRTM_VERSION", 0x9: "EV_CPU_MICROCODE",
    0xA: "EV_PLATFORM_CONFIG_FLAGS", 0xB: "EV_TABLE_OF_DEVICES", 0xC: "EV_COMPACT_HASH", 0xD: "EV_IPL",
    0xE: "EV_IPL_PARTITION_DATA", 0xF: "EV_NONHOST_CODE", 0x10: "EV_NONHOST_CONFIG", 0x11: "EV_NONHOST_INFO",
    0x12: "EV_OMIT_BOOT_DEVICE_EVENTS", 0x13: "EV_POST_CODE2", 0x80000001: "EV_EFI_VARIABLE_DRIVER_CONFIG",
    0x80000002: "EV_EFI_VARIABLE_BOOT", 0x80000003: "EV_EFI_BOOT_SERVICES_APPLICATION",
    0x80000004: "EV_EFI_BOOT_SERVICES_DRIVER", 0x80000005: "EV_EFI_RUNTIME_SERVICES_DRIVER",
    0x80000006: "EV_EFI_GPT_EVENT", 0x80000007: "EV_EFI_ACTION", 0x80000008: "EV_EFI_PLATFORM_FIRMWARE_BLOB",
    0x80000009: "EV_EFI_HANDOFF_TABLES", 0x8000000A: "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
    0x8000000B: "EV_EFI_HANDOFF_TABLES2", 0x8000000C: "EV_EFI_VARIABLE_BOOT2", 0x8000000D: "EV_EFI_GPT_EVENT2",
    0x80000010: "EV_EFI_HCRTM_EVENT", 0x800000E0: "EV_EFI_VARIABLE_AUTHORITY", 0x800000E1: "EV_EFI_SPDM_FIRMWARE_BLOB",
    0x800000E2: "EV_EFI_SPDM_FIRMWARE_CONFIG",
}
COMPARED = (*range(10), *range(11, 15))
LATER = {}  # profile: what user space extends


class Event:
    """One event: of a log, or predicted. digests: {algorithm: hex}; none where it is unknown."""

    def __init__(self, number, pcr, kind, digests, text, origin="computed"):
        self.number, self.pcr, self.kind, self.digests = number, pcr, kind, digests
        self.text, self.origin = text, origin

    @property
    def unknown(self):
        return self.origin == "unknown" or not self.digests

    def equal(self, logged):
        """Is this prediction what was logged, in every bank of the log?"""
        return self.kind == logged.kind and self.digests == logged.digests

    def key(self):
        return self.kind, tuple(sorted(self.digests.items()))

    def __str__(self):
        digest = self.digests.get("sha256") or next(iter(self.digests.values()), "unknown")
        return f"{self.kind} {digest[:16]} ({self.text})"


def printable(data, limit=70):
    """What of an event's data a reader may recognise."""
    text = data.replace(b"\0", b"").decode("latin-1")
    text = re.sub(r"[^\x20-\x7e]+", ".", text)
    return text if len(text) <= limit else "..." + text[-limit:]


def read_log(path):
    """The events of a crypto-agile log (PFP 1.06, 10.2), less EV_NO_ACTION, which extends nothing."""
    with open(path, "rb") as file:
        log = file.read()
    if not log:
        return None
    pcr, kind = struct.unpack_from("<II", log, 0)
    size = struct.unpack_from("<I", log, 28)[0]
    spec = log[32:32 + size]
    if kind != NO_ACTION or not spec.startswith(b"Spec ID Event03\0"):
        raise ValueError(f"{path}: not a crypto-agile log")
    sizes = dict(struct.unpack_from("<HH", spec, 28 + 4 * n) for n in range(struct.unpack_from("<I", spec, 24)[0]))
    at, number, events = 32 + size, 0, []
    while at < len(log):
        number += 1
        pcr, kind, count = struct.unpack_from("<III", log, at)
        at += 12
        digests = {}
        for _ in range(count):
            algorithm = struct.unpack_from("<H", log, at)[0]
            at += 2
            digests[ALGORITHMS[algorithm]] = log[at:at + sizes[algorithm]].hex()
            at += sizes[algorithm]
        size = struct.unpack_from("<I", log, at)[0]
        data = log[at + 4:at + 4 + size]
        at += 4 + size
        if at > len(log):
            raise ValueError(f"{path}: event {number} is cut short")
        if kind != NO_ACTION:
            events.append(Event(number, pcr, TYPES.get(kind, hex(kind)), digests, printable(data)))
    return events


def read_pcrs(path):
    """{bank: {PCR: hex}} of tpm2_pcrread's output."""
    banks = {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            if match := re.fullmatch(r"\s*(sha\d+):\s*", line):
                bank = banks.setdefault(match[1], {})
            elif match := re.fullmatch(r"\s*(\d+)\s*: 0x([0-9A-Fa-f]+)\s*", line):
                bank[int(match[1])] = match[2].lower()
    return {name: bank for name, bank in banks.items() if bank}


def replay(events):
    """{bank: {PCR: hex}} that the events end in."""
    banks = {}
    for event in events:
        for algorithm, digest in event.digests.items():
            bank = banks.setdefault(algorithm, {})
            old = bytes.fromhex(bank.get(event.pcr, "00" * (len(digest) // 2)))
            bank[event.pcr] = hashlib.new(algorithm, old + bytes.fromhex(digest)).hexdigest()
    return banks


def read_profiles(path):
    """The profiles of a prediction: name, events less EV_NO_ACTION, banks, coverage."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    profiles = []
    for profile in document["profiles"]:
        events = []
        LATER[profile["profile"]] = profile.get("userspace", [])
        for number, event in enumerate(profile["events"]):
            if event["type"] != "EV_NO_ACTION":
                text = "; ".join(filter(None, (event.get("source"), event.get("over"))))
                events.append(Event(number, event["pcr"], event["type"], event.get("digests") or {}, text, event["origin"]))
        profiles.append((profile["profile"], events, profile.get("banks", {}), profile.get("coverage", {})))
    return profiles


def by_pcr(events, pcr):
    return [event for event in events if event.pcr == pcr]


def align(predicted, logged):
    """Pairs (prediction or None, logged or None), in order. An unknown prediction may stand for any one
    logged event of its type."""
    pairs = []
    matcher = difflib.SequenceMatcher(None, [e.key() for e in predicted], [e.key() for e in logged], autojunk=False)
    for what, i1, i2, j1, j2 in matcher.get_opcodes():
        if what == "equal":
            pairs += zip(predicted[i1:i2], logged[j1:j2])
            continue
        left, right = predicted[i1:i2], logged[j1:j2]
        for n in range(max(len(left), len(right))):
            pairs.append((left[n] if n < len(left) else None, right[n] if n < len(right) else None))
    return pairs


class Row:
    """What comparing one PCR gave."""

    def __init__(self, pcr, predicted, logged, banks, tpm):
        self.pcr, self.n_logged, self.difference = pcr, len(logged), ""
        pairs = align(by_pcr(predicted, pcr), logged)
        equal = [p for p, l in pairs if p and l and not p.unknown and p.equal(l)]
        unknown = [p for p, l in pairs if p and l and p.unknown and p.kind == l.kind]
        wrong = [(p, l) for p, l in pairs if not (p in equal or p in unknown)]
        self.n_equal, self.n_wrong = len(equal), len(wrong)
        if wrong:
            self.difference = self.explain(*wrong[0])
        elif unknown:
            self.difference = f"unknown: {unknown[0]}"
        differing = []
        for bank, values in tpm.items():
            untouched = "0" * len(values[pcr])
            if not unknown and banks.get(bank, {}).get(str(pcr), untouched) != values[pcr]:
                differing.append(bank)
        self.tpm = "-" if unknown else "differs: " + " ".join(differing) if differing else "equal"
        origins = {p.origin for p in equal}
        if wrong or differing:
            self.state = "WRONG"
        elif unknown:
            self.state = "partial"
        elif "baseline" in origins:
            self.state = "baseline"
        elif "assumed" in origins:
            self.state = "assumed"
        else:
            self.state = "predicted"

    @staticmethod
    def explain(predicted, logged):
        if logged is None:
            return f"too many: {predicted}"
        if predicted is None:
            return f"missing: event {logged.number} {logged}"
        same_type = predicted.kind == logged.kind
        banks = [b for b in logged.digests if predicted.digests.get(b) != logged.digests[b]] if same_type else []
        extra = [b for b in predicted.digests if b not in logged.digests]
        where = f" [{' '.join(banks + extra)}]" if banks or extra else ""
        return f"event {logged.number}{where}: is {logged}, predicted {predicted}"


class PcrRow:
    """The same where there is no log: the TPM's value alone decides."""

    def __init__(self, pcr, predicted, banks, tpm):
        events = by_pcr(predicted, pcr)
        unknown = [event for event in events if event.unknown]
        differing = [bank for bank, values in tpm.items()
                     if banks.get(bank, {}).get(str(pcr), "0" * len(values[pcr])) != values[pcr]]
        self.pcr, self.n_logged, self.n_wrong = pcr, len(events), 0
        self.difference = f"unknown: {unknown[0]}" if unknown else ""
        self.tpm = "-" if unknown else "differs: " + " ".join(differing) if differing else "equal"
        origins = {event.origin for event in events}
        self.state = ("partial" if unknown else "WRONG" if differing else "baseline" if "baseline" in origins
                      else "assumed" if "assumed" in origins else "predicted")
        self.n_equal = 0 if unknown or differing else len(events)


def compare(profile, logged, tpm):
    _, events, banks, _ = profile
    if logged is None:
        return [PcrRow(pcr, events, banks, tpm) for pcr in COMPARED]
    rows = [Row(pcr, events, by_pcr(logged, pcr), banks, tpm) for pcr in COMPARED]
    beyond = [e for e in events if e.pcr not in COMPARED and by_pcr(logged, e.pcr)]
    return rows + [Row(pcr, events, by_pcr(logged, pcr), banks, tpm) for pcr in sorted({e.pcr for e in beyond})]


def score(rows):
    """More is better: PCRs that are right, then events that are, then fewer that are wrong."""
    return sum(row.state != "WRONG" for row in rows), sum(row.n_equal for row in rows), -sum(row.n_wrong for row in rows)


def coverage_lies(row, coverage):
    """What the prediction says of the PCR, if it says more or less than it has."""
    said = coverage.get(str(row.pcr))
    if said is None:
        return "" if row.state == "predicted" and row.n_logged == 0 else "coverage is not stated"
    fits = {"predicted": ("predicted",), "assumed": ("predicted",), "baseline": ("baseline",), "partial": ("partial",)}
    return "" if row.state == "WRONG" or said in fits[row.state] else f"coverage says {said}"


def report(name, profile, rows, logged, tpm, count, allowed):
    """Prints the table; True if all is well."""
    good = True
    print(f"{name}: profile {profile[0]!r} of {count}{'' if logged else ', there is no log'}")
    print(f"  {'PCR':>3}  {'state':9}  {'events':>7}  {'TPM':8}  note")
    for row in rows:
        lie = coverage_lies(row, profile[3])
        note = "; ".join(filter(None, (row.difference, lie)))
        print(f"  {row.pcr:>3}  {row.state:9}  {f'{row.n_equal}/{row.n_logged}':>7}  {row.tpm:8}  {note}".rstrip())
        good &= row.state != "WRONG" and not lie and (row.state != "partial" or row.pcr in allowed)
    contradictions = log_contradicts(logged, tpm)
    for bank, pcr in contradictions:
        print(f"  the log itself doesn't replay to PCR {pcr}, {bank}")
    return good and not contradictions


def later_differs(name, later, pcrs):
    """Prints how the PCRs after each word compare; True if any differs or could not be compared."""
    bad = False
    for step in later:
        word = step["text"].split(":")[0]
        path = f"{os.path.splitext(pcrs)[0]}-{word}.yaml"
        if not os.path.exists(path):
            print(f"  {name}: the machine kept no {os.path.basename(path)}")
            bad = True
            continue
        tpm = {bank: values[step["pcr"]] for bank, values in read_pcrs(path).items()}
        same = tpm == step["banks"]
        print(f"  PCR {step['pcr']} after {word}: {'equal in ' + ' '.join(tpm) if same else 'WRONG'}")
        bad |= not same
    return bad


def log_contradicts(logged, tpm):
    """(bank, PCR) where the log does not replay to the TPM's value: then nothing can be compared."""
    if logged is None:
        return []
    banks = replay(logged)
    return [(bank, pcr) for bank, values in tpm.items() for pcr in COMPARED
            if banks.get(bank, {}).get(pcr, "0" * len(values[pcr])) != values[pcr]]


def as_prediction(path):
    logged = read_log(path)
    banks = {a: {str(p): d for p, d in b.items()} for a, b in replay(logged).items()}
    events = [{"pcr": e.pcr, "type": e.kind, "digests": e.digests, "origin": "computed", "source": e.text, "over": ""}
              for e in logged]
    coverage = {str(e.pcr): "predicted" for e in logged}
    return {"artifacts": [], "profiles": [{"profile": "log", "events": events, "banks": banks, "coverage": coverage}]}


MARKS = {"predicted": "", "assumed": " a", "baseline": " b", "WRONG": " WRONG"}


def cell(state, n_equal, n_logged):
    """What the documentation's table has for a PCR: "5": five events, all equal; "-": none, and the PCR is zero."""
    if state == "partial":
        return f"{n_equal}/{n_logged}"
    return "-" if (state, n_logged) == ("predicted", 0) else f"{n_logged}{MARKS[state]}"


def markdown(path):
    rows = {}
    with open(path, encoding="utf-8") as table:
        for line in table:
            name, pcr, state, n_equal, n_logged = line.rstrip("\n").split("\t")
            rows.setdefault(name, {})[int(pcr)] = cell(state, int(n_equal), int(n_logged))
    print("| PCR |", " | ".join(map(str, COMPARED)), "|")
    print("|" + "---|" * (len(COMPARED) + 1))
    for name, cells in rows.items():
        print(f"| {name} |", " | ".join(cells.get(pcr, "") for pcr in COMPARED), "|")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--as-prediction", metavar="LOG")
    parser.add_argument("--markdown", metavar="TABLE")
    parser.add_argument("--profile")
    parser.add_argument("--any", action="store_true")
    parser.add_argument("--name", default="boot")
    parser.add_argument("--table")
    parser.add_argument("--partial", default="")
    options = parser.parse_args()
    if options.as_prediction:
        json.dump(as_prediction(options.as_prediction), sys.stdout, indent=1)
        return 0
    if options.markdown:
        markdown(options.markdown)
        return 0
    prediction, log, pcrs = options.files
    logged, tpm = read_log(log), read_pcrs(pcrs)
    profiles = [p for p in read_profiles(prediction) if options.profile in (None, p[0])]
    if not profiles:
        print(f"{options.name}: no profile is predicted")
        return 1
    n_profiles = len(profiles)
    if not options.any:
        profiles = profiles[:1]
    compared = [(compare(profile, logged, tpm), profile) for profile in profiles]
    rows, profile = max(compared, key=lambda pair: score(pair[0]))
    allowed = {int(pcr) for pcr in options.partial.split(",") if pcr}
    good = report(options.name, profile, rows, logged, tpm, n_profiles, allowed)
    good &= not later_differs(options.name, LATER[profile[0]], pcrs)
    if options.table:
        with open(options.table, "a", encoding="utf-8") as table:
            for row in rows:
                print(options.name, row.pcr, row.state, row.n_equal, row.n_logged, sep="\t", file=table)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
