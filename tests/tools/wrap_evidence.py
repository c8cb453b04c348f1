#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""wrap_evidence: the files of a bundle, as an agent would hand them out.

usage: wrap_evidence.py FORM BUNDLE OUT

BUNDLE has quote.msg, quote.sig, quote.pcrs, ak.pub, binary_bios_measurements and
ascii_runtime_measurements. OUT is a file, or a folder for the forms of several files. Written from what the
agents' own documentation and sources say, and knows nothing of how Assay reads it.
"""
import base64, hashlib, json, os, struct, sys, zlib


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


def keylime_gap(bundle, out):
    replies = series(bundle)
    put_json(out, [replies[0], replies[3], registrar(bundle)])


def keylime_other_machine(bundle, out):
    """A reply in the middle of a series with another list: not this machine's, or not this boot's."""
    replies = series(bundle)
    replies[2]["results"]["ima_measurement_list"] = replies[2]["results"]["ima_measurement_list"].replace("sha256:", "sha256:0", 1)
    replies[3]["results"]["ima_measurement_list_entry"] -= 1
    put_json(out, replies + [registrar(bundle)])


FORMS = {name.replace("_", "-"): form for name, form in list(globals().items())
         if callable(form) and name not in ("b64", "put", "put_json", "Bundle", "quote_string", "reply", "registrar", "series")}

if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in FORMS:
        sys.exit("usage: wrap_evidence.py FORM BUNDLE OUT; forms: " + " ".join(FORMS))
    FORMS[sys.argv[1]](Bundle(sys.argv[2]), sys.argv[3])
