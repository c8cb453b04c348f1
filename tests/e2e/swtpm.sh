# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# A TPM for tests and the demo: swtpm with PCR banks sha1, sha256, sha384 and sha512 on the loopback
# interface. Sourced, after tests/e2e/lib.sh if that is used (then what was started ends with the test).
#
#   tpm_start DIR                  a TPM whose state is in DIR (new, or as it was left); it becomes the
#                                  one that tpm2-tools and the functions below speak to
#   tpm_use DIR                    speak to this one of several
#   tpm_stop DIR                   shut it down
#   tpm_reset DIR                  reboot: PCRs start anew, resetCount rises
#   tpm_extend [FILE]              extend, in order, the lines "PCR bank=HEX[,bank=HEX...]" of FILE or
#                                  standard input (blanks may stand for commas); lines without a
#                                  PCR, as tests/tools/ima_measure writes them, go to PCR 10. A thousand
#                                  take 0.2 s
#   tpm_log_extends LOG            such lines for a firmware event log, as tpm2_eventlog reads it
#   tpm_ak NAME KIND               an attestation key in DIR/NAME.{ctx,pub,name} that outlives resets; KIND
#                                  is rsa, rsapss, ecc256, ecc384 or ecc521, optionally with a hash: rsa:sha384
#   tpm_quote BUNDLE NAME SELECTION NONCE [SUFFIX [OPTIONS...]]
#                                  quote.msg, .sig and .pcrs, ak.pub and nonce into the folder BUNDLE,
#                                  signed by the key NAME. With SUFFIX: quote-SUFFIX.*, ak-SUFFIX.pub.
#                                  OPTIONS go to tpm2_quote, such as -F values or -f plain
#   tpm_bundle BUNDLE NAME SELECTION NONCE BOOT_LOG [EXTENDS IMA_LOG]
#                                  extend a boot log and a list of IMA's extends, then quote, and put
#                                  the logs beside the quote: a whole evidence bundle
#
# Needs swtpm, its tools and tpm2-tools. Every function returns non-zero when a step of it fails.

: "${TPM_DIR:=}"   # of the TPM in use

tpm_use() {
    TPM_DIR=$1
    TPM2TOOLS_TCTI=swtpm:host=127.0.0.1,port=$(cat "$TPM_DIR/port")
    export TPM_DIR TPM2TOOLS_TCTI
}

# swtpm and its control channel take two neighbouring ports; one that is taken means another try.
tpm_start() {
    local dir try port
    mkdir -p "$1" && dir=$(cd "$1" && pwd) || return 1
    for try in {1..50}; do
        port=$((20000 + RANDOM % 20000 * 2))
        if swtpm socket --tpm2 --tpmstate "dir=$dir" --flags startup-clear --daemon \
            --server "type=tcp,port=$port,bindaddr=127.0.0.1" \
            --ctrl "type=tcp,port=$((port + 1)),bindaddr=127.0.0.1" \
            --pid "file=$dir/pid" --log "file=$dir/log,level=1" 2>> "$dir/start.log"; then
            echo "$port" > "$dir/port"
            rm -f "$dir/ek.ctx" # contexts do not outlive a reset
            ! declare -p E2E_CLEANUP > /dev/null 2>&1 || E2E_CLEANUP+=("tpm_stop '$dir'")
            tpm_use "$dir"
            return 0
        fi
    done
    echo "swtpm did not start after $try tries" >&2
    cat "$dir/start.log" >&2
    return 1
}

tpm_stop() {
    local dir pid n
    dir=$(cd "$1" && pwd) || return 1
    [ -s "$dir/pid" ] || return 0
    pid=$(cat "$dir/pid")
    tpm2_shutdown -T "swtpm:host=127.0.0.1,port=$(cat "$dir/port")" -c > /dev/null 2>&1
    kill "$pid" 2> /dev/null
    for n in {1..100}; do
        kill -0 "$pid" 2> /dev/null || break
        sleep 0.05
    done
    [ "$n" -lt 100 ] || kill -KILL "$pid" 2> /dev/null
    rm -f "$dir/pid"
}

# Power off and on, by the control channel: twenty times faster than a new process.
tpm_reset() {
    tpm_use "$1" && rm -f "$TPM_DIR/ek.ctx" && tpm2_shutdown -c &&
        swtpm_ioctl --tcp "127.0.0.1:$(($(cat "$TPM_DIR/port") + 1))" -i && tpm2_startup -c
}

tpm_extend() {
    sed -E 's/^[[:space:]]*([0-9]+)[[:space:]:]+/\1:/; s/^[[:space:]]*(sha|sm3)/10:\1/; s/[[:space:],]+$//; s/[[:space:]]+/,/g; /^$/d' "${1:--}" |
        xargs -r -n 500 tpm2_pcrextend > /dev/null
}

tpm_log_extends() {
    tpm2_eventlog "$1" 2> /dev/null | awk '
        function flush() { if (digests != "" && type != "EV_NO_ACTION") print pcr, digests; digests = "" }
        /^ *-? *EventNum:/ { flush() }
        /^pcrs:/           { flush(); bank = ""; over = 1 }
        over               { next }
        $1 == "PCRIndex:"  { pcr = $2 }
        $1 == "EventType:" { type = $2 }
        $2 == "AlgorithmId:" { bank = $3 }
        $1 == "Digest:" && bank != "" {
            gsub(/"/, "", $2); digests = digests (digests == "" ? "" : ",") bank "=" $2; bank = ""
        }
        END { flush() }'
}

tpm_ak() {
    local name=$TPM_DIR/$1 kind=${2%%:*} hash=sha256 type scheme
    case $2 in *:*) hash=${2#*:} ;; esac
    case $kind in
    rsa) type=rsa scheme=rsassa ;;
    rsapss) type=rsa scheme=rsapss ;;
    ecc256 | ecc384 | ecc521) type=$kind scheme=ecdsa ;;
    *) echo "tpm_ak: no kind '$2'" >&2; return 1 ;;
    esac
    echo "--scheme=$scheme -g $hash" > "$name.scheme" # tpm2_quote does not take them from the key
    {
        [ -f "$TPM_DIR/ek.ctx" ] || tpm2_createek -c "$TPM_DIR/ek.ctx" -G rsa -u "$TPM_DIR/ek.pub"
    } && tpm2_createak -C "$TPM_DIR/ek.ctx" -G "$type" -g "$hash" -s "$scheme" \
        -c "$name.ctx" -u "$name.pub" -n "$name.name" > "$TPM_DIR/ak.log" &&
        tpm2_flushcontext -t &&
        tpm2_evictcontrol -C o -c "$name.ctx" -o "$name.handle" > "$TPM_DIR/ak.log" &&
        mv "$name.handle" "$name.ctx"
}

tpm_quote() {
    local bundle=$1 name=$2 selection=$3 nonce=$4 suffix=${5:+-$5} scheme
    [ $# -lt 5 ] && set -- "$1" "$2" "$3" "$4" ''
    shift 5
    read -ra scheme < "$TPM_DIR/$name.scheme"
    mkdir -p "$bundle" &&
        tpm2_quote -Q -c "$TPM_DIR/$name.ctx" "${scheme[@]}" -l "$selection" -q "$nonce" \
            -m "$bundle/quote$suffix.msg" -s "$bundle/quote$suffix.sig" -o "$bundle/quote$suffix.pcrs" "$@" &&
        tpm2_flushcontext -t &&
        cp "$TPM_DIR/$name.pub" "$bundle/ak$suffix.pub" && echo "$nonce" > "$bundle/nonce"
}

tpm_bundle() {
    local bundle=$1 name=$2 selection=$3 nonce=$4 boot_log=$5 extends=${6:-} ima_log=${7:-}
    mkdir -p "$bundle" && tpm_log_extends "$boot_log" | tpm_extend &&
        cp "$boot_log" "$bundle/binary_bios_measurements" || return 1
    if [ -n "$extends" ]; then
        tpm_extend "$extends" && cp "$ima_log" "$bundle/binary_runtime_measurements" || return 1
    fi
    tpm_quote "$bundle" "$name" "$selection" "$nonce"
}
