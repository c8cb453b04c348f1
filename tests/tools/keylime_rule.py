#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""keylime_rule.py: how Keylime judges the entries of an ascii IMA list by a runtime policy.

usage: keylime_rule.py judge POLICY LIST       index and path of each ima-ng entry that is refused
       keylime_rule.py vary POLICY LIST OUT    a policy that refuses some, accepts some by exclusion
       keylime_rule.py sign POLICY KEY OUT     as a DSSE envelope, signed by an EC key (PEM)

The rule (keylime/ima/ima.py): a path that one of the exclusions matches at its start is accepted;
one that "digests" lacks is refused, as is a digest that is not among those of the path.
boot_aggregate is held against the boot log, not the policy.
"""
import base64, json, re, subprocess, sys


def entries(path):
    for index, line in enumerate(open(path)):
        pcr, template_hash, template, rest = line.rstrip("\n").split(" ", 3)
        if template in ("ima-ng", "ima-sig"):
            digest, name = rest.split(" ")[:2]
            yield index, digest.split(":")[1], name


def refused(policy, path):
    excluded = policy["excludes"] and re.compile("(" + ")|(".join(policy["excludes"]) + ")")
    for index, digest, name in entries(path):
        if name == "boot_aggregate" or excluded and excluded.match(name):
            continue
        if digest not in policy["digests"].get(name, []):
            yield index, name


def merged(name):
    """A path on a machine with a merged /usr, where it has two names: an audit takes them for one."""
    return re.sub("^/(bin|sbin|lib|lib64)/", r"/usr/\1/", name)


def vary(policy, path):
    files = sorted({merged(name) for _, _, name in entries(path) if name[0] == "/"})
    for name in list(policy["digests"]):
        if merged(name) not in files:
            continue
        i = files.index(merged(name))
        if i % 5 == 0:
            del policy["digests"][name]
        elif i % 5 == 1:
            policy["digests"][name] = ["%064x" % i]
        elif i % 5 == 2:
            policy["digests"][name] = ["%064x" % i, *policy["digests"][name], "%064x" % (i + 1)]
    policy["excludes"] = ["/usr/bin/[a-m].*", "^/(lib|usr/lib)/x86_64-linux-gnu/libc.*$", "/etc/ld\\.so\\.cache$"]
    return policy


def pae(kind, payload):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(text, key):
    kind = b"application/vnd.keylime+json"
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=pae(kind, text),
                               capture_output=True, check=True).stdout
    return {"payload": base64.b64encode(text).decode(), "payloadType": kind.decode(),
            "signatures": [{"keyid": "", "sig": base64.b64encode(signature).decode()}]}


what, first, *rest = sys.argv[1:]
if what == "judge":
    for index, name in refused(json.load(open(first)), rest[0]):
        print(index, name)
elif what == "vary":
    json.dump(vary(json.load(open(first)), rest[0]), open(rest[1], "w"))
else:
    json.dump(sign(open(first, "rb").read(), rest[0]), open(rest[1], "w"))
