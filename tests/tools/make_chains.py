#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make_chains: the vectors of tests/vectors/ima/chain.

usage: make_chains.py OUT

Certificates and CMS signatures over "a module\n", made with openssl x509 and openssl cms. What Linux makes of them is
in tests/unit/replay/ima/test_chain.c, row by row from crypto/asymmetric_keys/pkcs7_verify.c and pkcs7_trust.c. The
signer's certificate has expired, and nothing says that the intermediate one is an authority: Linux asks neither.
"""
import os, subprocess, sys, tempfile

out = os.path.abspath(sys.argv[1])
os.makedirs(out, exist_ok=True)
os.chdir(tempfile.mkdtemp())


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **more).stdout


def key(name):
    run("openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", name + ".key")


def certificate(name, subject, serial, issuer=None, days="36500", extra="", keep=False):
    """issued by the certificate called issuer, or by itself"""
    if not keep:
        key(name)
    with open("ext", "w") as f:
        f.write("subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n" + extra)
    run("openssl", "req", "-new", "-key", name + ".key", "-subj", subject, "-out", name + ".csr")
    sign = ["-CA", issuer + ".pem", "-CAkey", issuer + ".key"] if issuer else ["-signkey", name + ".key"]
    run("openssl", "x509", "-req", "-in", name + ".csr", "-set_serial", serial, "-days", days, "-extfile", "ext", "-sha256", "-out",
        name + ".pem", *sign)
    run("openssl", "x509", "-in", name + ".pem", "-outform", "DER", "-out", out + "/" + name + ".der")


def cms(name, signer, *more, options=()):
    with open("more.pem", "wb") as f:
        for m in more:
            f.write(open(m + ".pem", "rb").read())
    files = ["-certfile", "more.pem"] if more else []
    data = run("openssl", "cms", "-sign", "-binary", "-outform", "DER", "-nosmimecap", "-noattr", "-md", "sha256", "-signer", signer + ".pem",
               "-inkey", signer + ".key", *files, *options, input=b"a module\n")
    with open(out + "/" + name + ".cms", "wb") as f:
        f.write(data)


certificate("root", "/CN=root", "1")
certificate("middle", "/CN=middle", "2", "root", extra="basicConstraints=CA:FALSE\n")
certificate("leaf", "/CN=leaf", "3", "middle", days="-1")
certificate("other", "/CN=other", "4")
# The same names and numbers as root and middle, of another key; the identifiers of the true ones, as a liar would have it.
for name, like, issuer in (("false-root", "root", None), ("false-middle", "middle", "root")):
    shown = run("openssl", "x509", "-in", like + ".pem", "-noout", "-ext", "subjectKeyIdentifier").decode().splitlines()[1].strip()
    key(name)
    run("openssl", "req", "-new", "-key", name + ".key", "-subj", "/CN=" + like, "-out", name + ".csr")
    with open("ext", "w") as f:
        f.write("subjectKeyIdentifier=" + shown.replace(":", "") + "\n")
    sign = ["-CA", issuer + ".pem", "-CAkey", issuer + ".key"] if issuer else ["-signkey", name + ".key"]
    run("openssl", "x509", "-req", "-in", name + ".csr", "-set_serial", "1" if like == "root" else "2", "-days", "36500", "-extfile", "ext",
        "-sha256", "-out", name + ".pem", *sign)
    run("openssl", "x509", "-in", name + ".pem", "-outform", "DER", "-out", out + "/" + name + ".der")

cms("leaf", "leaf")
cms("leaf-bare", "leaf", options=("-nocerts",))
cms("leaf-middle", "leaf", "middle")
cms("leaf-middle-root", "leaf", "middle", "root")
cms("leaf-false-middle", "leaf", "false-middle")
cms("leaf-other", "leaf", "other")
cms("leaf-by-key", "leaf", "middle", options=("-keyid",))
cms("other", "other")
cms("middle", "middle", "leaf")
