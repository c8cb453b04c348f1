#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs and reads files of every package: programs, libraries, scripts, data.
# shellcheck disable=SC1091 # in the machine, not here
. /etc/mb/workload.conf
echo "${greeting:?}"
cat-hardlink /etc/os-release > /dev/null
cat < /usr/share/mb/numbers.txt | wc -l > /dev/null
sha256sum /etc/nsswitch.conf /etc/empty.conf /usr/share/mb/ima-cert.der \
	/usr/share/mb/crypto-policy/default.txt > /dev/null
id > /dev/null
suid-id -u > /dev/null
uname -a
seq 3 | sort | head -n 1 > /dev/null
date > /dev/null
stat /etc/passwd > /dev/null
ls -l /usr/lib/mb > /dev/null
