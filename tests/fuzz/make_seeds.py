#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make_seeds: the corpora of the fuzz targets audit, bundle, database, manifest and policy.

usage: make_seeds.py ASSAY OUT      writes OUT/audit/... and so on; databases are made by the program ASSAY,
so that they are to be made anew when the schema changes.
"""
import gzip, io, json, lzma, os, struct, subprocess, sys, tarfile, tempfile, zipfile
top = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
A, out = (os.path.abspath(sys.argv[1]), sys.argv[2])
scratch = tempfile.mkdtemp()
for name in ('audit', 'bundle', 'database', 'manifest', 'policy'):
    os.makedirs(out + '/' + name, exist_ok=True)

def w(p, b):
    with open(out + '/' + p, 'wb') as f:
        f.write(b)
cap = top + '/tests/vectors/captures/sb-grub/'
rd = lambda p: open(cap + p, 'rb').read()
names = ['binary_bios_measurements', 'binary_runtime_measurements', 'ascii_runtime_measurements', 'binary_runtime_measurements_sha256', 'quote.msg', 'quote.sig', 'quote.pcrs', 'ak.pub', 'ak.pem', 'ak.name', 'nonce', 'cmdline', 'quote-b.msg', 'quote-b.sig', 'quote-b.pcrs', 'ak-b.pub', 'tpm2-measure.log', 'policy']

def pack(files):
    o = b''
    for n, b in files:
        o += bytes([names.index(n)]) + struct.pack('<I', len(b))[:3] + b
    return o
sys.path.insert(0, top + '/tests/tools')
import forge
keys = scratch + '/keys'
os.makedirs(keys)
ecc = {'ak': forge.Key(keys, 'ak', 'ec:P-256')}

def small(change=None, quote=True, n_ima=6, pcrs_file=True, selection=None, policy=None):
    m = forge.Machine(cap, ecc)
    seen = set()
    keep = []
    for e in m.boot:
        if e.kind == 4 or e.pcr not in seen:
            seen.add(e.pcr)
            keep.append(e)
    m.boot = keep
    m.ima = m.ima[:n_ima]
    m.ima[0] = m.aggregate()
    if change:
        change(m)
    if quote and (not m.quoted):
        m.quote(selection, pcrs_file=pcrs_file)
    fs = [('binary_bios_measurements', m.spec_id + b''.join((e.bytes() for e in m.boot))), ('binary_runtime_measurements', b''.join((e.bytes() for e in m.ima)))]
    fs += [(k, v) for k, v in m.files.items() if k in names and v is not None]
    if policy:
        fs.append(('policy', policy))
    return pack(fs)
w('audit/good-small', small())
w('audit/good-no-pcrs-file', small(pcrs_file=False))
w('audit/good-three-banks', small(selection=[('sha1', forge.ALL), ('sha256', forge.ALL), ('sha384', forge.ALL)]))

def tail(m):
    m.quote()
    m.add(forge.Entry.of('/tmp/x', forge.H('sha256', b'x')), forge.Entry.of('/usr/bin/tool', forge.H('sha256', b'a tool\n')))
w('audit/good-past-the-quote', small(tail))

def loc(m):
    m.locality = 3
    m.boot_again()
w('audit/good-locality', small(loc, pcrs_file=False))

def odd(m):
    m.add(forge.Entry.of('/usr/bin/tool', bytes(32), violation=True), forge.Entry([b'sha256:\x00' + forge.H('sha256', b'q'), b'kexec-cmdline\x00', b'q'], 'ima-buf'), forge.Entry.of('/.snapshots/1/snapshot/usr/bin/tool', forge.H('sha256', b'a tool\n')), forge.Entry.of('/x\x1b[2J', b'', pcr=11), m.aggregate())
w('audit/good-odd-entries', small(odd))
w('audit/good-policy', small(policy=b'[evidence]\nrequire-nonce = yes\n[ima]\nexclude = /usr/**\nhash = sha384\n[severity]\nima.violation = low\n'))
w('audit/bad-no-boot-log', pack([('binary_runtime_measurements', rd('binary_runtime_measurements')[:900])]))

def text(m):
    m.quote()
    m.files['ascii_runtime_measurements'] = b''.join((e.text() for e in m.ima))
w('audit/good-ascii', small(text))
w('audit/bad-empty', b'')
pol = {'good-all': b'; a policy\n[trust]\nnonce = 00112233\n[evidence]\nown-records = yes\nrequire-nonce = yes\nrequire-boot-log = no\nrequire-ima-log = no\n[releases]\nallow = leap-16.0\nallow = b\n[pcrs]\nrequired = 0-5,7\nbanks = sha256,sha384\n[boot]\nseparators = 0-6\n[ima]\nexclude = /var/log/**\nexclude = /opt/[a-z]?\\*/*\nhash = sha256\n[database]\nrequire-signature = yes\n[severity]\nima.violation = medium\nquote.weak-bank = critical\n', 'good-empty': b'', 'bad-key': b'[trust]\nkey = x\n', 'bad-section': b'[nothing]\nx = y\n', 'bad-no-section': b'x = y\n', 'bad-milder': b'[severity]\nquote.signature = low\n', 'bad-value': b'[evidence]\nrequire-nonce = maybe\n', 'bad-line': b'[ima]\nexclude = /' + b'x' * 300 + b'\n', 'bad-pcrs': b'[pcrs]\nrequired = 0-99\n', 'glob-stars': b'/a/**/[!b-d]*?\\*\x00/a/b/c/exy*', 'glob-many': b'*' * 60 + b'b\x00' + b'a' * 200, 'pcrs': b'0-5,7,23\x00'}
for k, v in pol.items():
    w('policy/' + k, v)

def tar(files, fmt=tarfile.USTAR_FORMAT, mode='w'):
    o = io.BytesIO()
    t = tarfile.open(fileobj=o, mode=mode, format=fmt)
    for n, b in files:
        i = tarfile.TarInfo(n)
        if b is None:
            i.type = tarfile.SYMTYPE
            i.linkname = 'quote.msg'
        elif b is tarfile.CHRTYPE or b is tarfile.FIFOTYPE:
            i.type = b
        elif b == 'dir':
            i.type = tarfile.DIRTYPE
        else:
            i.size = len(b)
        t.addfile(i, io.BytesIO(b) if isinstance(b, bytes) else None)
    t.close()
    return o.getvalue()
base = [('quote.msg', b'm'), ('quote.sig', b's'), ('ak.pub', b'k'), ('binary_runtime_measurements', b'i')]
ej = lambda d: json.dumps({'files': d}).encode()
trim = lambda b: b.rstrip(b'\x00') + bytes(1024)
w('bundle/good-tar', tar(base)[:6144])
w('bundle/good-folders', tar([('a/', 'dir')] + [('a/' + n, b) for n, b in base[:2]] + [('./b//' + n, b) for n, b in base[:2]])[:6144])
w('bundle/good-mapped', tar([('q/x', b'm'), ('evidence.json', ej({'quote.msg': './q//x'}))]))
w('bundle/bad-members', tar(base[:1] + [('ak.pub', None), ('dev', tarfile.CHRTYPE), ('fifo', tarfile.FIFOTYPE), ('../quote.sig', b'x'), ('/nonce', b'00'), ('quote.msg', b'2')]))
w('bundle/good-tar-gz', gzip.compress(tar(base), mtime=0))
w('bundle/good-tar-xz', lzma.compress(tar(base)))
o = io.BytesIO()
z = zipfile.ZipFile(o, 'w', zipfile.ZIP_DEFLATED)
for n, b in base + [('evidence.json', ej({'nonce': 'quote.msg', 'cmdline': '../x'}))]:
    zi = zipfile.ZipInfo('case/' + n, (2026, 1, 1, 0, 0, 0))
    z.writestr(zi, b)
z.close()
w('bundle/good-zip', o.getvalue())
w('bundle/mapping-good', ej({'quote.msg': 'tpm/q1.msg', 'quote-x.msg': 'a/b', 'ak.pub': './ak.pub'}))
w('bundle/mapping-bad', b'{"files":{"quote.msg":1,"x":"y","ak.pub":"/etc/x","nonce":"a/../b","cmdline":"none","quote.msg":"quote.msg"}}')
w('bundle/mapping-array', b'[[[[')
d = scratch + '/seed.db'
root = scratch + '/root'
for r in ('one', 'two'):
    os.makedirs(root + r + '/usr/bin', exist_ok=True)
    os.makedirs(root + r + '/etc', exist_ok=True)
    open(root + r + '/usr/bin/tool', 'wb').write(b'#!/bin/sh\necho ' + r.encode() + b'\n')
    os.chmod(root + r + '/usr/bin/tool', 493)
    open(root + r + '/etc/same', 'wb').write(b'same\n')
    if not os.path.islink(root + r + '/bin'):
        os.symlink('usr/bin', root + r + '/bin')
    subprocess.run([A, 'refgen', 'tree', '-q', '-r', r, '--db', d, root + r], check=True)

def sql(db, *s):
    for x in s:
        subprocess.run(['sqlite3', db, x], check=True, stdout=subprocess.DEVNULL)

def db(name, *s):
    p = out + '/database/' + name
    subprocess.run(['cp', d, p], check=True)
    sql(p, *s, 'PRAGMA page_size = 512; VACUUM')
db('good')
db('good-empty', 'PRAGMA foreign_keys=off; DELETE FROM release_artifact; DELETE FROM release; DELETE FROM artifact; DELETE FROM content; DELETE FROM prints')
db('bad-seal', "UPDATE artifact SET name = 'x'")
db('bad-content', "UPDATE content SET bytes = x'0100ffffffff'")
db('bad-prints', "UPDATE prints SET bytes = x'0100ffffffff'")
db('bad-view', 'CREATE VIEW v AS SELECT 1')
db('bad-reference', 'PRAGMA foreign_keys=off; DELETE FROM content')
rows = subprocess.run(['sqlite3', d, 'SELECT hex(bytes) FROM content'], capture_output=True, text=True, check=True).stdout.split()
for i, r in enumerate(rows):
    w('manifest/good-tree-%d' % i, bytes.fromhex(r))
good = bytes.fromhex(('01 00 02000000 0000 0600 2f612f666f6f 01 19 ed81 0102000000000000 0200' + '11' * 32 + '0500 0200 782e 00 02 a481 0500000000000000 2200' + '22' * 32 + '33' * 16 + '01000000 0000 0200 2f6c 0300 612f62').replace(' ', ''))
w('manifest/good-letters', good)
w('manifest/bad-order', good[:6] + b'\x00\x00\x06\x00/b/foo' + good[16:])
w('manifest/bad-many', bytes.fromhex('0100ffffffff'))
w('manifest/good-extras', bytes.fromhex('0100 01000000 01000000 00000000 04000000 aabbccdd 00000000 00000000'.replace(' ', '')))
