#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""cel_encode.py: a captured boot log and IMA list as one Canonical Event Log.

usage: cel_encode.py ENCODING BOOT_LOG IMA_LIST OUT [OPTION...]

ENCODING: tlv, json (an array), json-seq (RFC 7464), json-lines, json-base64, cbor (an array), cbor-seq
OPTION:   systemd=STRING    a record of systemd's at the end (JSON only)
          padded=ALG,ALG    banks that the kernel extended with the SHA-1 hash and zeros
          names             event types as numbers become names

From the specification (CEL 1.0, 5), not from Assay's reader.
"""
import base64, hashlib, json, struct, sys

TPM_ALGS = {4: ("sha1", 20), 11: ("sha256", 32), 12: ("sha384", 48), 13: ("sha512", 64)}
IDS = {name: number for number, (name, _) in TPM_ALGS.items()}
NAMES = {3: "EV_NO_ACTION", 4: "EV_SEPARATOR", 5: "EV_ACTION", 8: "EV_S_CRTM_VERSION", 13: "EV_IPL",
         0x80000001: "EV_EFI_VARIABLE_DRIVER_CONFIG"}


def boot_records(log):
    """The Spec ID event, then TCG_PCR_EVENT2 records."""
    pcr, kind = struct.unpack_from("<II", log)
    size, = struct.unpack_from("<I", log, 28)
    yield pcr, [("sha1", log[8:28])], ("pcclient_std", kind, log[32:32 + size])
    at = 32 + size
    while at + 12 <= len(log) and log[at:].strip(b"\0\xff"):
        pcr, kind, count = struct.unpack_from("<III", log, at)
        at += 12
        digests = []
        for _ in range(count):
            name, length = TPM_ALGS[struct.unpack_from("<H", log, at)[0]]
            digests.append((name, log[at + 2:at + 2 + length]))
            at += 2 + length
        size, = struct.unpack_from("<I", log, at)
        yield pcr, digests, ("pcclient_std", kind, log[at + 4:at + 4 + size])
        at += 4 + size


def ima_records(log, algs, padded):
    """Each entry with its own template hash in every bank, or the padded one; a violation has zeros."""
    at = 0
    while at < len(log):
        pcr, = struct.unpack_from("<I", log, at)
        sha1 = log[at + 4:at + 24]
        length, = struct.unpack_from("<I", log, at + 24)
        name = log[at + 28:at + 28 + length].decode()
        at += 28 + length
        size, = struct.unpack_from("<I", log, at)
        data = log[at + 4:at + 4 + size]
        at += 4 + size
        digests = []
        for a in algs:
            size = hashlib.new(a).digest_size
            own = sha1.ljust(size, b"\0") if a in padded else hashlib.new(a, data).digest()
            digests.append((a, own if any(sha1) else bytes(size)))
        yield pcr, digests, ("ima_template", name, data)


def number(n):
    return n.to_bytes(max(1, (n.bit_length() + 7) // 8), "big")


def tlv(kind, value):
    return struct.pack(">BI", kind, len(value)) + value


def as_tlv(index, pcr, digests, content):
    what, first, data = content
    if what == "cos":  # first is the whole content
        return tlv(0, index.to_bytes(8, "big")) + tlv(1, number(pcr)) + tlv(3, b"".join(tlv(IDS[a], d) for a, d in digests)) + first
    inner = tlv(0, struct.pack(">I", first) if what == "pcclient_std" else first.encode()) + tlv(1, data)
    return (tlv(0, number(index)) + tlv(1, number(pcr)) + tlv(3, b"".join(tlv(IDS[a], d) for a, d in digests))
            + tlv({"pcclient_std": 5, "ima_template": 7}[what], inner))


def head(major, n):
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 1 << 8 * size:
            return bytes([major << 5 | code]) + n.to_bytes(size, "big")
    raise ValueError(n)


def cbor(value):
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


def as_cbor(index, pcr, digests, content):
    what, first, data = content
    return cbor({0: index, 1: pcr, 3: [{0: IDS[a], 1: d} for a, d in digests],
                 9: {"pcclient_std": 5, "ima_template": 7}[what], 10: {0: first, 1: data}})


def as_json(text, names):
    def encode(index, pcr, digests, content):
        what, first, data = content
        if what == "systemd":
            inner = {"string": first, "bootId": "0" * 32, "timestamp": 1, "eventType": data or "phase"}
        elif what == "pcclient_std":
            inner = {"event_type": NAMES.get(first, first) if names else first, "event_data": text(data)}
        else:
            inner = {"template_name": first, "template_data": text(data)}
        return {"recnum": index, "pcr": pcr, "digests": [{"hashAlg": a, "digest": text(d)} for a, d in digests],
                "content_type": what, "content": inner}
    return encode


def number_records(records, by_pcr=True):
    """Record numbers count for each PCR, as in the specification's final form; Google's through the whole log."""
    counts, numbered = {}, []
    for i, record in enumerate(records):
        numbered.append((counts.get(record[0], 0) if by_pcr else i, *record))
        counts[record[0]] = counts.get(record[0], 0) + 1
    return numbered


def encode_log(encoding, numbered, names=False):
    text = bytes.hex if encoding != "json-base64" else lambda b: base64.b64encode(b).decode()
    encode = as_json(text, names)
    if encoding == "tlv":
        return b"".join(as_tlv(*r) for r in numbered)
    if encoding == "cbor":
        return head(4, len(numbered)) + b"".join(as_cbor(*r) for r in numbered)
    if encoding == "cbor-seq":
        return b"".join(as_cbor(*r) for r in numbered)
    if encoding in ("json", "json-base64"):
        return json.dumps([encode(*r) for r in numbered]).encode()
    if encoding == "json-seq":
        return b"".join(b"\x1e" + json.dumps(encode(*r)).encode() + b"\n" for r in numbered)
    if encoding == "json-lines":
        return b"".join(json.dumps(encode(*r)).encode() + b"\n" for r in numbered)
    sys.exit(__doc__)


def main():
    encoding, boot, ima, out, *options = sys.argv[1:]
    records = list(boot_records(open(boot, "rb").read()))
    algs = [a for a, _ in records[1][1]]
    padded = [a for o in options if o.startswith("padded=") for a in o[7:].split(",")]
    records += ima_records(open(ima, "rb").read(), algs, padded)
    for option in options:
        if option.startswith("systemd="):
            string = option.split("=", 1)[1]
            records.append((11, [(a, hashlib.new(a, string.encode()).digest()) for a in algs], ("systemd", string, b"")))
    with open(out, "wb") as f:
        f.write(encode_log(encoding, number_records(records), "names" in options))


if __name__ == "__main__":
    main()
