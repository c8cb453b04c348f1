#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""keylime_boot_rule.py: how Keylime's policy "example" judges a boot log by a reference state.

usage: keylime_boot_rule.py judge STATE LOG         JSON: accepted, events that are refused by themselves, and
                                                   whether the kernels' and the firmware's events are as a whole
       keylime_boot_rule.py compare STATE LOG REPORT   an audit's report (JSON) says the same of each event
       keylime_boot_rule.py create LOG OUT          the reference state of a log, as keylime-policy makes it
       keylime_boot_rule.py change STATE WHAT OUT   one with one thing changed; without OUT, lists what there is

The log is read by tpm2_eventlog, as by Keylime. Events count as Assay does: the Spec ID event is not one.
Rules: keylime/mba/elchecking/example.py, keylime/policy/create_mb_policy.py.
"""
import copy, hashlib, json, re, subprocess, sys
import yaml

GLOBAL, SECURITY = "8be4df61-93ca-11d2-aa0d-00e098032b8c", "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"
X509, SHA256 = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072", "c1c41626-504c-4092-aca9-41f936934328"


def unescape(data):
    """What tpm2_eventlog since 5.2 does to strings, undone."""
    if isinstance(data, dict):
        return {key: unescape(value) for key, value in data.items()}
    if isinstance(data, list):
        return [unescape(value) for value in data]
    if not isinstance(data, str) or not data:
        return data
    if data.startswith('"') and data.endswith('"'):
        data = data[1:-1]
    for one, other in (("\0", "\\0"), ("\a", "\\a"), ("\b", "\\b"), ("\t", "\\t"), ("\v", "\\v"), ("\f", "\\f"),
                       ("\r", "\\r"), ("\x1b", "\\e"), ("'", "\\'"), ("\\", "\\\\")):
        data = data.replace(other, one)
    return data[:-1] if data.endswith("\0") else data


def owners(key):
    """As tpm2_eventlog writes GUIDs, and as it did before 5.2: Keylime takes what the state was made with."""
    owner = key["SignatureOwner"]
    parts = owner.split("-")
    turned = [bytes.fromhex(part)[::-1].hex() for part in parts[:3]]
    return owner, "-".join(turned + parts[3:])


def read(log):
    text = subprocess.run(["tpm2_eventlog", "--eventlog-version=2", log], capture_output=True, check=True).stdout
    return unescape(yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))["events"]


def digests(event):
    return {d["AlgorithmId"]: d["Digest"] for d in event.get("Digests", [])}


def has_digest(event, wanted):
    """Any algorithm that both have will do."""
    have = digests(event)
    return any(have.get(alg) == value[2:] for alg, value in wanted.items())


def over(event, data):
    return any(hashlib.new(alg, data).hexdigest() == value for alg, value in digests(event).items()
               if alg in hashlib.algorithms_available)


class Judge:
    def __init__(self, state):
        self.state, self.on, self.used = state, state.get("has_secureboot", True), {}
        self.lists = {name: [] for name in ("bsas", "ipl9s", "vmlinuz", "kernel_cmdlines", "crtms", "blobs")}

    def once(self, rule, most=1):
        self.used[rule] = self.used.get(rule, 0) + 1
        return self.used[rule] <= most

    def keep(self, name, event):
        self.lists[name].append(event)
        return True

    def subset(self, data, types, keys):
        allowed = {(owner, key["SignatureData"][2:]) for key in keys for owner in owners(key)}
        return isinstance(data, list) and all(
            one["SignatureType"] in types and
            all((key["SignatureOwner"], key["SignatureData"]) in allowed for key in one["Keys"]) for one in data)

    def superset(self, data, keys):
        if not isinstance(data, list) or len(data) != 1 or data[0]["SignatureType"] != SHA256:
            return False
        have = {(owner, key["SignatureData"]) for key in data[0]["Keys"] for owner in owners(key)}
        return all((key["SignatureOwner"], key["SignatureData"][2:]) in have for key in keys)

    def driver_config(self, body):
        name, data = (body["VariableName"], body["UnicodeName"]), body["VariableData"]
        if name == (GLOBAL, "SecureBoot"):
            return data["Enabled"] == ("Yes" if self.on else "No")
        kinds = {(GLOBAL, "PK"): "pk", (GLOBAL, "KEK"): "kek", (SECURITY, "db"): "db", (SECURITY, "dbx"): "dbx"}
        if name not in kinds or not self.once(kinds[name]):
            return False
        keys = self.state[kinds[name]]
        if not self.on and not keys:
            return True
        if kinds[name] == "dbx":
            return self.superset(data, keys)
        return self.subset(data, (X509, SHA256) if kinds[name] == "db" else (X509,), keys)

    def authority(self, body):
        name = (body["VariableName"], body["UnicodeName"])
        return name in ((SECURITY, "db"), (SHIM, "SbatLevel"), (SHIM, "Shim"), (SHIM, "MokListTrusted"),
                        (SHIM, "MokListRT")) and self.once(name)

    def ipl(self, pcr, event):
        text = event["Event"]["String"]
        if pcr == 14:
            if text == "MokList":
                return any(has_digest(event, d) for d in self.state["mokdig"])
            if text == "MokListX":
                return any(has_digest(event, d) for d in self.state["mokxdig"])
            return text == "MokListTrusted" and self.once("trusted")
        if pcr == 9:
            if re.fullmatch(".*/loader/entries.*", text) or re.fullmatch(".*/grub.*", text):
                return True
            if re.fullmatch(".*/vmlinuz.*", text):
                return self.keep("vmlinuz", event)
            return bool(re.fullmatch(".*/initrd.*|.*/initramfs.*", text)) and self.keep("ipl9s", event)
        if re.fullmatch("grub_cmd: .*", text, re.DOTALL):
            return True
        return bool(re.fullmatch("kernel_cmdline: .*", text)) and self.keep("kernel_cmdlines", event)

    def event(self, event):
        pcr, kind, body = event["PCRIndex"], event["EventType"], event.get("Event")
        most = {(1, "EV_CPU_MICROCODE"): 1, (1, "EV_EFI_HANDOFF_TABLES"): 1, (1, "EV_EFI_HANDOFF_TABLES2"): 1,
                (1, "EV_PLATFORM_CONFIG_FLAGS"): 4, (5, "EV_EFI_GPT_EVENT"): 1, (0, "EV_NO_ACTION"): 1}
        actions = {4: ("Calling EFI Application from Boot Option", "Returning from EFI Application from Boot Option"),
                   5: ("Exit Boot Services Invocation", "Exit Boot Services Returned with Failure",
                       "Exit Boot Services Returned with Success")}
        if (pcr, kind) in most:
            return self.once((pcr, kind), most[pcr, kind])
        if (pcr, kind) == (2, "EV_EFI_BOOT_SERVICES_DRIVER"):
            return True
        if (pcr, kind) == (0, "EV_S_CRTM_VERSION"):
            return self.keep("crtms", event)
        if pcr == 0 and kind in ("EV_EFI_PLATFORM_FIRMWARE_BLOB", "EV_EFI_PLATFORM_FIRMWARE_BLOB2"):
            return self.keep("blobs", event)
        if (pcr, kind) == (7, "EV_EFI_VARIABLE_DRIVER_CONFIG"):
            return self.driver_config(body)
        if (pcr, kind) == (7, "EV_EFI_VARIABLE_AUTHORITY"):
            return self.authority(body)
        if (pcr, kind) == (1, "EV_EFI_VARIABLE_BOOT"):
            return body["VariableName"] == GLOBAL and \
                bool(re.fullmatch("BootOrder|Boot[0-9a-fA-F]+", body["UnicodeName"]))
        if kind == "EV_SEPARATOR" and pcr < 8:
            return body in ("00000000", "FFFFFFFF") and over(event, bytes.fromhex(body))
        if kind == "EV_EFI_ACTION" and pcr in actions:
            return body in actions[pcr] and over(event, body.encode())
        if (pcr, kind) == (4, "EV_EFI_BOOT_SERVICES_APPLICATION"):
            return self.keep("bsas", event)
        return kind == "EV_IPL" and pcr in (8, 9, 14) and self.ipl(pcr, event)

    def tuple(self, name, wanted):
        events = self.lists[name]
        return len(events) == len(wanted) and all(w is None or has_digest(e, w) for e, w in zip(events, wanted))

    def kernel(self, kernel):
        one = lambda name: {"sha256": kernel[name]}
        images = [one("shim_authcode_sha256"), one("grub_authcode_sha256")]
        last = [one("kernel_authcode_sha256")] if self.on else []
        lines = self.lists["kernel_cmdlines"]
        return (self.tuple("bsas", images + last) or self.tuple("bsas", images + 2 * last)) and \
            self.tuple("ipl9s", [one("initrd_plain_sha256")]) and \
            self.tuple("vmlinuz", [None if self.on else one("vmlinuz_plain_sha256")]) and len(lines) == 1 and \
            bool(re.fullmatch("kernel_cmdline: " + kernel["kernel_cmdline"], lines[0]["Event"]["String"]))

    def log(self, events):
        refused = [e["EventNum"] - 1 for e in events if not self.event(e)]
        kernel = any(self.kernel(kernel) for kernel in self.state["kernels"])
        firmware = any(self.tuple("crtms", [f["scrtm"]]) and self.tuple("blobs", f["platform_firmware"])
                       for f in self.state["scrtm_and_bios"])
        return {"accepted": not refused and kernel and firmware, "refused": refused, "kernel": kernel,
                "firmware": firmware}


def create(events):
    sha256 = lambda event: {"sha256": "0x" + digests(event)["sha256"]} if "sha256" in digests(event) else {}
    of = lambda *kinds: [e for e in events if e["EventType"] in kinds]
    ipl = lambda pcr, *words: next(e for e in of("EV_IPL") if e["PCRIndex"] == pcr
                                   and any(w in e["Event"]["String"] for w in words))
    state = {"scrtm_and_bios": [{"scrtm": sha256(of("EV_S_CRTM_VERSION")[0]), "platform_firmware":
                                 [sha256(e) for e in of("EV_EFI_PLATFORM_FIRMWARE_BLOB", "EV_EFI_PLATFORM_FIRMWARE_BLOB2")]}],
             "pk": [], "kek": [], "db": [], "dbx": [], "mokdig": [], "mokxdig": []}
    for event in of("EV_EFI_VARIABLE_DRIVER_CONFIG"):
        name, data = event["Event"]["UnicodeName"], event["Event"]["VariableData"]
        if name == "SecureBoot":
            state["has_secureboot"] = data["Enabled"] == "Yes"
        elif name.lower() in state and data is not None:
            state[name.lower()] = [{"SignatureOwner": key["SignatureOwner"], "SignatureData": "0x" + key["SignatureData"]}
                                   for one in data for key in one["Keys"]]
    for event in of("EV_IPL"):
        for text, name in (("MokList", "mokdig"), ("MokListX", "mokxdig")):
            if event["Event"]["String"] == text:
                state[name].append(sha256(event))
    own = r"FvVol\(\w{8}-\w{4}-\w{4}-\w{4}-\w{12}\)/FvFile"
    images = [sha256(e)["sha256"] for e in of("EV_EFI_BOOT_SERVICES_APPLICATION")
              if not re.match(own, str(e["Event"]["DevicePath"]))]
    kernel = {"shim_authcode_sha256": images[0], "grub_authcode_sha256": images[1],
              "initrd_plain_sha256": sha256(ipl(9, "initrd", "initramfs"))["sha256"],
              "kernel_cmdline": re.escape(ipl(8, "kernel_cmdline")["Event"]["String"][len("kernel_cmdline: "):])}
    if state["has_secureboot"]:
        kernel["kernel_authcode_sha256"] = images[2]
    else:
        kernel["vmlinuz_plain_sha256"] = sha256(ipl(9, "vmlinuz"))["sha256"]
    return {**state, "kernels": [kernel]}


def changes(state):
    """Name, and what does it to a copy."""
    other = "0x" + 32 * "ab"
    key = {"SignatureOwner": "77fa9abd-0359-4d32-bd60-28f4e78f784b", "SignatureData": other}
    kernel = state["kernels"][0]
    yield "nothing", lambda s: None
    yield "secure-boot", lambda s: s.update(has_secureboot=not s["has_secureboot"]) or [
        k.update({"vmlinuz_plain_sha256": other, "kernel_authcode_sha256": other}) for k in s["kernels"]]
    for name in kernel:
        if name != "kernel_cmdline":
            yield name, lambda s, n=name: s["kernels"][0].update({n: other})
    yield "command-line", lambda s: s["kernels"][0].update(kernel_cmdline="/boot/other root=.*")
    yield "command-line-pattern", lambda s: s["kernels"][0].update(kernel_cmdline=r"[^ ]+(\ [\w.=/,-]+)*.*")
    yield "command-line-longer", lambda s: s["kernels"][0].update(kernel_cmdline=kernel["kernel_cmdline"] + "x")
    yield "another-kernel-first", lambda s: s["kernels"].insert(0, {k: other for k in kernel})
    yield "no-kernel", lambda s: s["kernels"].clear()
    yield "no-firmware", lambda s: s["scrtm_and_bios"].clear()
    yield "version", lambda s: s["scrtm_and_bios"][0].update(scrtm={"sha256": other})
    yield "volume", lambda s: s["scrtm_and_bios"][0]["platform_firmware"].__setitem__(0, {"sha256": other})
    yield "volume-less", lambda s: s["scrtm_and_bios"][0]["platform_firmware"].pop()
    yield "volume-more", lambda s: s["scrtm_and_bios"][0]["platform_firmware"].append({"sha256": other})
    yield "another-firmware-too", lambda s: s["scrtm_and_bios"].insert(0, {"scrtm": {"sha256": other}, "platform_firmware": []})
    for name in ("pk", "kek", "db"):
        yield name + "-less", lambda s, n=name: s[n] and s[n].pop()
        yield name + "-more", lambda s, n=name: s[n].append(key)
        yield name + "-owner", lambda s, n=name: s[n] and s[n][0].update(SignatureOwner="00000000-0000-0000-0000-000000000001")
    yield "dbx-less", lambda s: s["dbx"] and s["dbx"].pop()
    yield "dbx-more", lambda s: s["dbx"].append(key)
    for name in ("mokdig", "mokxdig"):
        yield name + "-other", lambda s, n=name: s.update({n: [{"sha256": other}]})
        yield name + "-more", lambda s, n=name: s[n].append({"sha256": other})
        yield name + "-none", lambda s, n=name: s[n].clear()


def compare(state, events, report):
    """What an audit and the rule say differently, but for what docs/keylime.md names."""
    judge = Judge(state)
    rule = judge.log(events)
    documented = {e["EventNum"] - 1 for e in events if e["EventType"] == "EV_NO_ACTION" or
                  isinstance(e.get("Event"), dict) and e["Event"].get("UnicodeName") == "dbx" and
                  len(e["Event"]["VariableData"] or []) > 1}
    kept = {name: {e["EventNum"] - 1 for e in judge.lists[name]} for name in judge.lists}
    firmware = kept["crtms"] | kept["blobs"]
    kernel = set().union(*kept.values()) - firmware
    found = [f for f in report["findings"] if "a reference state does not accept it" in f["message"]]
    ours = {f["source"]["index"] for f in found if f.get("source")}
    missing = [f["subject"] for f in found if not f.get("source")]
    if ours - kernel - firmware - documented != set(rule["refused"]) - documented:
        yield "events %s, not %s" % (sorted(ours - kernel - firmware), rule["refused"])
    if (not ours & kernel and not any("firmware" not in m for m in missing)) != rule["kernel"]:
        yield "kernels %s: %s, %s" % (rule["kernel"], sorted(ours & kernel), missing)
    if (not ours & firmware and not any("firmware" in m for m in missing)) != rule["firmware"]:
        yield "firmware %s: %s, %s" % (rule["firmware"], sorted(ours & firmware), missing)
    check = [c["result"] for c in report["checks"] if c["check"] == "boot.reference-state"]
    accepted = rule["kernel"] and rule["firmware"] and not set(rule["refused"]) - documented
    if check != ["pass" if accepted else "fail"]:
        yield "the check %s, the rule %s" % (check, accepted)


if __name__ == "__main__":
    what, first, *rest = sys.argv[1:]
    if what == "judge":
        print(json.dumps(Judge(json.load(open(first))).log(read(rest[0]))))
    elif what == "compare":
        differences = list(compare(json.load(open(first)), read(rest[0]), json.load(open(rest[1]))["bundles"][0]))
        print("\n".join(differences))
        sys.exit(bool(differences))
    elif what == "create":
        json.dump(create(read(first)), open(rest[0], "w"))
    else:
        state = json.load(open(first))
        for name, change in changes(state):
            if not rest:
                print(name)
            elif name == rest[0]:
                changed = copy.deepcopy(state)
                change(changed)
                json.dump(changed, open(rest[1], "w"))
