#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What a machine must not be able to hide.
echo "running the changed uname and what no package has"
uname -r
/usr/local/bin/implant.sh
/usr/local/bin/implant > /dev/null

# Time of measure, time of use: measured, still open, then opened for writing.
echo "first content" > /var/log/tomtou.txt
exec 3< /var/log/tomtou.txt
cat <&3 > /dev/null
exec 4>> /var/log/tomtou.txt
echo "second content" >&4
exec 3<&- 4>&-

# Open writers: opened for reading while open for writing.
exec 5> /var/log/openwriter.txt
echo "being written" >&5
cat /var/log/openwriter.txt > /dev/null
exec 5>&-

# One path, measured with two contents.
echo "version 1" > /var/log/twice.txt
cat /var/log/twice.txt > /dev/null
echo "version 2" > /var/log/twice.txt
cat /var/log/twice.txt > /dev/null
