# shellcheck shell=bash disable=SC2154 # variables and functions of tests/bench/run
# SPDX-License-Identifier: BSD-2-Clause
# L4: 3,000 packages with 246,000 files, headers only, into the database. L5: 200 real packages, 1.1 GB
# unpacked (xz, zstd, gzip), every file hashed, into the database; L5h: the same, header digests, with
# the digests of header and payload verified.

# package_blocks DIR: of 64 KiB, in all packages. What verifying hashes is each package's bytes, and
# again those of its payload, nearly all of them.
package_blocks() { find "$1" -name '*.rpm' -printf '%s\n' | awk '{ sum += $1 } END { print int(sum / 65536) + 1 }'; }

load_L4() {
    local dir=$BENCH_DIR/l4
    if [ ! -e "$dir.done" ]; then
        rm -rf "$dir"; mkdir -p "$dir"
        "$BENCH_PROGRAMS/make_rpms" "$dir" 3000 246000 || return
        touch "$dir.done"
    fi
    ours() { rm -f "$WORK/golden.db"; measure ours "$ASSAY" refgen rpm -q --header-only --release bench --db "$WORK/golden.db" "$dir"; }
    peer() { rm -rf "$WORK/repo"; mkdir "$WORK/repo"; measure peer createrepo_c -q -o "$WORK/repo" "$dir"; }
    bare() { measure bare "$BENCH_PROGRAMS/bare_hash" "$(package_blocks "$dir")" SHA256:65536 SHA256:65536; }
    if have createrepo_c; then turns ours peer bare; else turns ours '' bare; fi
    report L4 "createrepo_c" ">= 4x"
}

real_packages() {
    [ -e "$BENCH_DIR/l5.done" ] && return
    echo "building 200 packages from this machine's own files, once ..." >&2
    rm -rf "$BENCH_DIR/l5"
    "$TOP/tests/bench/make_real_rpms.sh" "$BENCH_DIR/l5" 200 1100 > "$WORK/rpmbuild.log" 2>&1 ||
        { tail "$WORK/rpmbuild.log" >&2; return 1; }
    touch "$BENCH_DIR/l5.done"
}

load_L5() {
    real_packages || return
    ours() { rm -f "$WORK/golden.db"; measure ours "$ASSAY" refgen rpm -q --release bench --db "$WORK/golden.db" "$BENCH_DIR/l5"; }
    # shellcheck disable=SC2016 # expanded by the inner shell
    peer() { measure peer bash -c 'for p in "$1"/*.rpm; do rpm2cpio "$p" | cpio -i --quiet --to-stdout | sha256sum; done' bash "$BENCH_DIR/l5"; }
    bare() { measure bare python3 "$TOP/tests/bench/bare_unpack.py" "$BENCH_DIR/l5"; }
    if have rpm2cpio; then turns ours peer bare; else turns ours '' ''; fi
    awk -v c="$(median "$WORK/ours" 1)" -v w="$(median "$WORK/ours" 2)" \
        'BEGIN { printf "L5      processors busy: %.2f\n", c / w }'
    report L5 "rpm2cpio | cpio | sha256sum" ">= 2.5x"
}

load_L5h() {
    real_packages || return
    ours() { rm -f "$WORK/golden.db"; measure ours "$ASSAY" refgen rpm -q --header-only --release bench --db "$WORK/golden.db" "$BENCH_DIR/l5"; }
    # shellcheck disable=SC2016
    peer() { measure peer bash -c 'rpm -K "$1"/*.rpm' bash "$BENCH_DIR/l5"; }
    bare() { measure bare "$BENCH_PROGRAMS/bare_hash" "$(package_blocks "$BENCH_DIR/l5")" SHA256:65536 SHA256:65536; }
    if have rpm; then turns ours peer bare; else turns ours '' bare; fi
    report L5h "rpm -K" ">= 3x"
}
