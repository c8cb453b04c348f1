#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""wrap_evidence: the files of a bundle, as an agent would hand them out.

usage: wrap_evidence.py FORM BUNDLE OUT

BUNDLE has quote.msg, quote.sig, quote.pcrs, ak.pub, binary_bios_measurements and
ascii_runtime_measurements. OUT is a file, or a folder for the forms of several files. Written from what the
agents' own documentation and sources say, and knows nothing of how Assay reads it.
"""
import base64, hashlib, json, os, struct, sys, zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cel_encode


def b64(data):
    return base64.b64encode(data).decode()


class Bundle:
    def __init__(self, path):
        self.path = path

    def get(self, name):
        with open(os.path.join(self.path, name), "rb") as f:
            return f.read()

    def has(self, name):
        return os.path.exists(os.path.join(self.path, name))

    def quote(self, name=""):
        return [self.get("quote%s.%s" % (name, end)) for end in ("msg", "sig", "pcrs")]

    def ima(self):
        return self.get("ascii_runtime_measurements").decode()


def put(path, data):
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def put_json(path, value):
    put(path, json.dumps(value, indent=1))


# --- Keylime ------------------------------------------------------------------------------------

def quote_string(parts, pack=lambda part: part):
    return "r" + ":".join(b64(pack(part)) for part in parts)


def reply(bundle, quote="", ima=None, entry=0, log=True, pack=lambda part: part):
    results = {"quote": quote_string(bundle.quote(quote), pack), "hash_alg": "sha256", "enc_alg": "rsa", "sign_alg": "rsassa",
               "ima_measurement_list": bundle.ima() if ima is None else ima, "ima_measurement_list_entry": entry}
    if log:
        results["mb_measurement_list"] = b64(bundle.get("binary_bios_measurements"))
    return {"code": 200, "status": "Success", "results": results}


def registrar(bundle):
    return {"code": 200, "status": "Success",
            "results": {"aik_tpm": b64(bundle.get("ak.pub")), "ek_tpm": b64(bundle.get("ek.pub")) if bundle.has("ek.pub") else "",
                        "ekcert": "emulator", "mtls_cert": "disabled", "ip": "127.0.0.1", "port": 9002, "regcount": 1}}


def keylime(bundle, out):
    os.makedirs(out)
    put_json(out + "/reply.json", reply(bundle))
    put_json(out + "/registrar.json", registrar(bundle))


# The agent's own key for its secrets; all of it is in the reply, and its digest in PCR 16.
AGENT_KEY = ("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEe95utlBpRBvYDNYfRrWre7k/Rsz9\n"
             "th7u5enmsdE+PU0AAFQ5cCzAoGiC2+NiqRlPdOsAozB5hTfIt2fBhd8wVg==\n-----END PUBLIC KEY-----\n")


def keylime_pubkey(bundle, out):
    os.makedirs(out)
    one = reply(bundle)
    one["results"]["pubkey"] = AGENT_KEY
    put_json(out + "/reply.json", one)
    put_json(out + "/registrar.json", registrar(bundle))


def keylime_old(bundle, out):
    os.makedirs(out)
    put_json(out + "/reply.json", reply(bundle, pack=zlib.compress))
    put_json(out + "/registrar.json", registrar(bundle))


def keylime_string(bundle, out):
    os.makedirs(out)
    put(out + "/quote.txt", quote_string(bundle.quote()) + "\n")
    put(out + "/ak.pub", bundle.get("ak.pub"))
    put(out + "/binary_bios_measurements", bundle.get("binary_bios_measurements"))
    put(out + "/ascii_runtime_measurements", bundle.ima())


def keylime_push(bundle, out):
    message, signature, pcrs = bundle.quote()
    items = [{"evidence_class": "certification", "evidence_type": "tpm_quote",
              "data": {"subject_data": b64(pcrs), "message": b64(message), "signature": b64(signature)}},
             {"evidence_class": "log", "evidence_type": "uefi_log", "data": {"entries": b64(bundle.get("binary_bios_measurements"))}},
             {"evidence_class": "log", "evidence_type": "ima_log", "data": {"entries": bundle.ima(), "entry_count": bundle.ima().count("\n")}}]
    os.makedirs(out)
    put_json(out + "/attestation.json", {"data": {"type": "attestation", "attributes": {"evidence_collected": items}}})
    put_json(out + "/registrar.json", registrar(bundle))


def series(bundle):
    """Replies as a verifier gets them one after the other: each asks for the entries that the last did not have."""
    lines = bundle.ima().splitlines(True)
    third = len(lines) // 3
    return [reply(bundle, ima="".join(lines[:third])), reply(bundle, ima="", entry=third, log=False),
            reply(bundle, ima="".join(lines[third:2 * third]), entry=third, log=False),
            # asked again: an answer was lost
            reply(bundle, ima="".join(lines[2 * third - 2:]), entry=2 * third - 2, log=False)]


def keylime_lines(bundle, out):
    put(out, "".join(json.dumps(one) + "\n" for one in series(bundle) + [registrar(bundle)]))


def keylime_array(bundle, out):
    put_json(out, series(bundle) + [registrar(bundle)])


def keylime_folder(bundle, out):
    os.makedirs(out)
    for i, one in enumerate(series(bundle)):
        put_json("%s/%d.json" % (out, 9 - i), one)  # names say nothing of the order
    put_json(out + "/agent.json", registrar(bundle))


def two_boots(bundle):
    """Replies before and after a reboot, each with the logs of its boot; one more of the second with new entries only."""
    lines = bundle.ima().splitlines(True)
    before = reply(bundle, "-before", ima=bundle.get("before.ima").decode(), log=False)
    if bundle.has("before.bios"):
        before["results"]["mb_measurement_list"] = b64(bundle.get("before.bios"))
    return [before, reply(bundle, ima="".join(lines[:-2])), reply(bundle, ima="".join(lines[-2:]), entry=len(lines) - 2, log=False)]


def keylime_reboot(bundle, out):
    os.makedirs(out)
    for i, one in enumerate(two_boots(bundle)):
        put_json("%s/%d.json" % (out, 9 - i), one)
    put_json(out + "/agent.json", registrar(bundle))


def keylime_reboot_lines(bundle, out):
    put(out, "".join(json.dumps(one) + "\n" for one in [registrar(bundle)] + two_boots(bundle)))


def keylime_reboot_array(bundle, out):
    put_json(out, two_boots(bundle) + [registrar(bundle)])


def keylime_gap(bundle, out):
    replies = series(bundle)
    put_json(out, [replies[0], replies[3], registrar(bundle)])


def keylime_broken(bundle, out):
    """A reply whose quote was cut in transit: its values are no base64 any more."""
    one = reply(bundle)
    one["results"]["quote"] = one["results"]["quote"][:-3]
    os.makedirs(out)
    put_json(out + "/reply.json", one)
    put_json(out + "/registrar.json", registrar(bundle))


def keylime_other_machine(bundle, out):
    """A reply in the middle of a series with another list: not this machine's, or not this boot's."""
    replies = series(bundle)
    replies[2]["results"]["ima_measurement_list"] = replies[2]["results"]["ima_measurement_list"].replace("sha256:", "sha256:0", 1)
    replies[3]["results"]["ima_measurement_list_entry"] -= 1
    put_json(out, replies + [registrar(bundle)])


# --- go-tpm-tools: attest.Attestation in protobuf's wire format ------------------------------------

def varint(value):
    out = b""
    while value > 0x7f:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def pcr_file(data):
    """tpm2_quote's file, serialized or marshaled: [(bank, [(PCR, value)])]"""
    selection, values = [], []
    if struct.unpack_from("<I", data)[0] <= 16:
        for i in range(struct.unpack_from("<I", data)[0]):
            bank, size = struct.unpack_from("<HB", data, 4 + 8 * i)
            selection.append((bank, int.from_bytes(data[7 + 8 * i:][:size], "little")))
        for i in range(struct.unpack_from("<I", data, 132)[0]):
            at = 136 + 532 * i
            for j in range(struct.unpack_from("<I", data, at)[0]):
                size = struct.unpack_from("<H", data, at + 4 + 66 * j)[0]
                values.append(data[at + 6 + 66 * j:][:size])
    else:
        at = 4
        for _ in range(struct.unpack_from(">I", data)[0]):
            bank, size = struct.unpack_from(">HB", data, at)
            selection.append((bank, int.from_bytes(data[at + 3:][:size], "little")))
            at += 3 + size
        lists, at = struct.unpack_from(">I", data, at)[0], at + 4
        for _ in range(lists):
            n, at = struct.unpack_from(">I", data, at)[0], at + 4
            for _ in range(n):
                size = struct.unpack_from(">H", data, at)[0]
                values.append(data[at + 2:][:size])
                at += 2 + size
    out = []
    for bank, bits in selection:
        pcrs = [pcr for pcr in range(24) if bits >> pcr & 1]
        out.append((bank, list(zip(pcrs, values))))
        values = values[len(pcrs):]
    return out


def go_tpm_tools(bundle, out):
    message, signature, pcrs = bundle.quote()
    (bank, values), = pcr_file(pcrs)
    listed = field(1, bank) + b"".join(field(2, field(1, pcr) + field(2, value)) for pcr, value in reversed(values))
    os.makedirs(out)
    put(out + "/attestation.pb", field(1, bundle.get("ak.pub")[2:]) +
        field(2, field(1, message) + field(2, signature) + field(3, listed)) +
        field(3, bundle.get("binary_bios_measurements")) + field(4, field(1, b"zone") + field(5, 7)))
    put(out + "/ascii_runtime_measurements", bundle.ima())


# What Google's launcher of containers measures: content 80, an inner type and its text (go-tpm-tools cel/cos_tlv.go).
CONTAINERS = [cel_encode.tlv(80, cel_encode.tlv(kind, text)) for kind, text in (
    (0, b"registry.example/app:latest"), (1, b"sha256:" + b"ab" * 32), (5, b"HOME=/"), (8, b""))]


def containers(bundle, out, change=None):
    go_tpm_tools(bundle, out)
    records = [(13, [("sha1", hashlib.sha1(event).digest()), ("sha256", hashlib.sha256(event).digest())], ("cos", event, b""))
               for event in CONTAINERS]
    if change:
        change(records)
    with open(out + "/attestation.pb", "ab") as f:
        f.write(field(5, cel_encode.encode_log("tlv", cel_encode.number_records(records, by_pcr=False))))


def containers_altered(bundle, out):
    def change(records):
        records[0] = (*records[0][:2], ("cos", records[0][2][1].replace(b"latest", b"evil!!"), b""))
    containers(bundle, out, change)


def containers_missing(bundle, out):
    containers(bundle, out, lambda records: records.pop(1))


# --- Canonical Event Logs ---------------------------------------------------------------------------

def cel(bundle, out, encoding, name, change=None, encoded=None):
    """All files but the logs, which become one."""
    os.makedirs(out)
    for entry in os.listdir(bundle.path):
        if "measurements" not in entry and entry != "tpm2-measure.log" and os.path.isfile(bundle.path + "/" + entry):
            put(out + "/" + entry, bundle.get(entry))
    records = list(cel_encode.boot_records(bundle.get("binary_bios_measurements")))
    algs = [a for a, _ in records[1][1]]
    records += cel_encode.ima_records(bundle.get("binary_runtime_measurements"), algs, [])
    if bundle.has("tpm2-measure.log"):
        for record in map(json.loads, bundle.get("tpm2-measure.log").split(b"\x1e")[1:]):
            records.append((record["pcr"], [(d["hashAlg"], bytes.fromhex(d["digest"])) for d in record["digests"]],
                            ("systemd", record["content"]["string"], record["content"]["eventType"])))
    numbered = cel_encode.number_records(records)
    if change:
        change(numbered)
    log = cel_encode.encode_log(encoding, numbered)
    put(out + "/" + name, encoded(log) if encoded else log)


def cel_tlv(bundle, out):
    cel(bundle, out, "tlv", "logs.bin")


def cel_named(bundle, out):
    cel(bundle, out, "tlv", "canonical_event_log")


def cel_json(bundle, out):
    cel(bundle, out, "json", "logs.json")


def cel_sequence(bundle, out):
    cel(bundle, out, "json-seq", "logs.jsonseq")


def cel_cbor(bundle, out):
    cel(bundle, out, "cbor", "logs.cbor")


def of_kind(numbered, kind):
    return [i for i, record in enumerate(numbered) if record[3][0] == kind]


def cel_gap(bundle, out):
    cel(bundle, out, "tlv", "logs.bin", lambda numbered: numbered.pop(of_kind(numbered, "ima_template")[7]))


def cel_event_gap(bundle, out):
    cel(bundle, out, "cbor", "logs.cbor", lambda numbered: numbered.pop(3))


def cel_cut(bundle, out):
    cel(bundle, out, "tlv", "logs.bin", encoded=lambda log: log[:-20])


def cel_not(bundle, out):
    cel(bundle, out, "tlv", "canonical_event_log", encoded=lambda log: b"no log")


def cel_ima_digest(bundle, out):
    """The digest of one bank is another's: nothing of SHA-1, which the kernel's list has, shows it."""
    def change(numbered):
        at = of_kind(numbered, "ima_template")[7]
        index, pcr, digests, content = numbered[at]
        numbered[at] = (index, pcr, [(a, d if a == "sha1" else bytes([d[0] ^ 1]) + d[1:]) for a, d in digests], content)
    cel(bundle, out, "cbor-seq", "logs.cbor", change)


def cel_ima_data(bundle, out):
    def change(numbered):
        at = of_kind(numbered, "ima_template")[7]
        index, pcr, digests, (kind, name, data) = numbered[at]
        numbered[at] = (index, pcr, digests, (kind, name, data[:-2] + b"x\0"))
    cel(bundle, out, "json-lines", "logs.json", change)


def cel_version(bundle, out):
    """A log that says first which version it is; a record with zeros extends nothing."""
    record = {"recnum": 0, "pcr": 0, "digests": [{"hashAlg": "sha256", "digest": "00" * 32}], "content_type": "cel",
              "content": {"type": "cel_version", "data": {"major": 2, "minor": 0}}}
    cel(bundle, out, "json-lines", "logs.json", lambda numbered: numbered.__setitem__(slice(None), [
        (n[0] + (n[1] == 0), *n[1:]) for n in numbered]), lambda log: json.dumps(record).encode() + b"\n" + log)


# --- ----------------------------------------------------------------------------------------------

def go_attestation(bundle, out):
    message, signature, pcrs = bundle.quote()
    (bank, values), = pcr_file(pcrs)
    go_hash = {4: 3, 11: 5, 12: 6, 13: 7}[bank]
    os.makedirs(out)
    put_json(out + "/dump.json", {
        "Static": {"TPMVersion": 2, "EKPem": None},
        "AK": {"Public": b64(bundle.get("ak.pub")[2:]), "UseTCSDActivationFormat": False, "CreateData": ""},
        "Quote": {"Nonce": "", "Alg": bank, "Quote": b64(message), "Signature": b64(signature)},
        "Log": {"PCRs": [{"Index": pcr, "Digest": b64(value), "DigestAlg": go_hash} for pcr, value in values],
                "PCRAlg": bank, "Raw": b64(bundle.get("binary_bios_measurements"))}})
    put(out + "/ascii_runtime_measurements", bundle.ima())


def trustee(bundle, out):
    """As Azure's agents have it: hex, and the bare signature."""
    message, signature, pcrs = bundle.quote()
    (bank, values), = pcr_file(pcrs)
    os.makedirs(out)
    put_json(out + "/evidence.json5", {"version": 1, "tpm_quote": {
        "signature": signature[6:].hex(), "message": message.hex(), "pcrs": [value.hex() for _, value in values]}})
    for name in ("ak.pub", "binary_bios_measurements", "ascii_runtime_measurements"):
        put(out + "/" + name, bundle.get(name))


# --- tpm2-tss's FAPI ------------------------------------------------------------------------------------

NAMES = {4: "SHA1", 11: "SHA256", 12: "SHA384", 13: "SHA512"}


def fapi_uint64(value):
    return value if value < 1 << 48 else [value >> 32, value & 0xffffffff]


def fapi_info(message, scheme):
    at = 6

    def take(n):
        nonlocal at
        at += n
        return message[at - n:at]

    def sized():
        return take(int.from_bytes(take(2), "big")).hex()

    signer, extra = sized(), sized()
    clock, resets, restarts, safe, firmware = struct.unpack(">QIIBQ", take(25))
    selection = []
    for _ in range(int.from_bytes(take(4), "big")):
        bank, size = struct.unpack(">HB", take(3))
        bits = int.from_bytes(take(size), "little")
        selection.append({"hash": NAMES[bank], "pcrSelect": [pcr for pcr in range(24) if bits >> pcr & 1]})
    return {"sig_scheme": scheme,
            "attest": {"magic": "VALUE", "type": "ATTEST_QUOTE", "qualifiedSigner": signer, "extraData": extra,
                       "clockInfo": {"clock": fapi_uint64(clock), "resetCount": resets, "restartCount": restarts, "safe": "YES" if safe else "NO"},
                       "firmwareVersion": fapi_uint64(firmware), "attested": {"pcrSelect": selection, "pcrDigest": sized()}}}


def fapi_scheme(signature):
    scheme, bank = struct.unpack_from(">HH", signature)
    return {"scheme": {0x14: "RSASSA", 0x16: "RSAPSS"}[scheme], "details": {"hashAlg": NAMES[bank]}}


def fapi_events(log):
    """The events of a crypto-agile log, as FAPI lists them."""
    at = 32 + struct.unpack_from("<I", log, 28)[0]
    events = []
    while at + 12 <= len(log):
        pcr, kind, n = struct.unpack_from("<III", log, at)
        at += 12
        digests = []
        for _ in range(n):
            bank = struct.unpack_from("<H", log, at)[0]
            size = {4: 20, 11: 32, 12: 48, 13: 64}[bank]
            digests.append({"hashAlg": NAMES[bank], "digest": log[at + 2:at + 2 + size].hex()})
            at += 2 + size
        size = struct.unpack_from("<I", log, at)[0]
        events.append({"recnum": len(events), "pcr": pcr, "digests": digests, "content_type": "pcclient_std",
                       "content": {"event_type": kind, "event_data": log[at + 4:at + 4 + size].hex()}})
        at += 4 + size
    return events


def fapi(bundle, out):
    """In one document."""
    message, signature, _ = bundle.quote()
    os.makedirs(out)
    put_json(out + "/fapi.json", {"quoteInfo": json.dumps(fapi_info(message, fapi_scheme(signature))), "signature": b64(signature[6:]),
                                  "pcrLog": fapi_events(bundle.get("binary_bios_measurements")), "certificate": ""})
    put(out + "/ak.pub", bundle.get("ak.pub"))
    put(out + "/ascii_runtime_measurements", bundle.ima())


def fapi_files(bundle, out):
    """As tss2_quote writes them."""
    message, signature, _ = bundle.quote()
    os.makedirs(out)
    put_json(out + "/quoteInfo.json", fapi_info(message, fapi_scheme(signature)))
    put(out + "/quote.sig", signature[6:])
    put_json(out + "/pcrLog.json", fapi_events(bundle.get("binary_bios_measurements")))
    put(out + "/ak.pub", bundle.get("ak.pub"))
    put(out + "/ascii_runtime_measurements", bundle.ima())


# --- no form at all: other names, and deep in a tree -------------------------------------------------------

def other_names(bundle, out):
    os.makedirs(out)
    for new, old in (("attest.bin", "quote.msg"), ("attest.sgn", "quote.sig"), ("pcrs.bin", "quote.pcrs"), ("key.tss", "ak.pub"),
                     ("eventlog", "binary_bios_measurements"), ("ima.txt", "ascii_runtime_measurements")):
        put(out + "/" + new, bundle.get(old))


def support_archive(bundle, out):
    """As sosreport lays it out, with the quote that was taken for it beside."""
    security = out + "/sosreport-host-2026/sys/kernel/security/"
    for folder in (security + "tpm0", security + "ima", out + "/sosreport-host-2026/sos_commands/tpm2", out + "/sosreport-host-2026/proc"):
        os.makedirs(folder)
    put(security + "tpm0/binary_bios_measurements", bundle.get("binary_bios_measurements"))
    put(security + "ima/ascii_runtime_measurements", bundle.ima())
    put(out + "/sosreport-host-2026/sos_commands/tpm2/readme", "nothing of evidence\n")
    for new, old in (("q", "quote.msg"), ("s", "quote.sig"), ("k", "ak.pub"), ("v", "quote.pcrs")):
        put(out + "/sosreport-host-2026/sos_commands/tpm2/" + new, bundle.get(old))


def two_quotes(bundle, out):
    """Two that nothing tells apart: neither can be meant."""
    other_names(bundle, out)
    other = bytearray(bundle.get("quote.msg"))
    other[-1] ^= 1
    put(out + "/attest2.bin", bytes(other))


HELPERS = ("b64", "cel", "of_kind", "put", "put_json", "Bundle", "quote_string", "reply", "registrar", "series", "two_boots", "varint", "field", "pcr_file", "fapi_uint64",
           "fapi_info", "fapi_scheme", "fapi_events")
FORMS = {name.replace("_", "-"): form for name, form in list(globals().items())
         if callable(form) and name not in HELPERS}

if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in FORMS:
        sys.exit("usage: wrap_evidence.py FORM BUNDLE OUT; forms: " + " ".join(FORMS))
    FORMS[sys.argv[1]](Bundle(sys.argv[2]), sys.argv[3])
