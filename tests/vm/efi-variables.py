#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Changes an OVMF variable store.

usage: efi-variables.py VARS.fd boot-entry NUMBER DESCRIPTION PARTITION \\PATH OPTIONS
       efi-variables.py VARS.fd set NAME GUID ATTRIBUTES FILE

boot-entry adds a Boot#### entry, first in BootOrder. PARTITION is NUMBER,START,SECTORS,GUID of
a GPT partition. The entry is what `efibootmgr -c -u OPTIONS` writes: the short device path
HD(...)/File(...), and the options as UTF-16LE without a terminator (UEFI 2.10, 3.1.3 and 10.3.5.1).
set gives a variable the content of FILE.

The store is the authenticated format (MdeModulePkg VariableFormat.h): variables one
after the other, each aligned to four bytes; one is replaced by marking it deleted and
adding another.
"""
import struct
import sys
import uuid

GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c").bytes_le
FIRST = 0x48 + 0x1C  # after the headers of volume and store
HEADER_SIZE = 60
START = 0x55AA
ADDED, DELETED = 0x3F, 0x3C
NON_VOLATILE_BOOT_RUNTIME = 7


def variables(store):
    """(offset, state, (name, GUID), data) of each; at last (where the next goes, None, None, None)."""
    at = FIRST
    while struct.unpack_from("<H", store, at)[0] == START:
        name_size, data_size = struct.unpack_from("<II", store, at + 36)
        guid = bytes(store[at + 44:at + HEADER_SIZE])
        data_at = at + HEADER_SIZE + name_size
        name = store[at + HEADER_SIZE:data_at].decode("utf-16le").rstrip("\0")
        yield at, store[at + 2], (name, guid), bytes(store[data_at:data_at + data_size])
        at = (data_at + data_size + 3) & ~3
    yield at, None, None, None


def get(store, name, guid):
    for _, state, found, data in variables(store):
        if found == (name, guid) and state == ADDED:
            return data
    return b""


def put(store, name, guid, attributes, data):
    for at, state, found, _ in variables(store):
        if found == (name, guid) and state == ADDED:
            store[at + 2] = DELETED
    encoded = name.encode("utf-16le") + b"\0\0"
    header = struct.pack("<HBBIQ16sIII", START, ADDED, 0, attributes, 0, bytes(16), 0, len(encoded), len(data))
    variable = header + guid + encoded + data
    store[at:at + len(variable)] = variable


def load_option(description, partition, path, options):
    number, start, sectors, guid = partition.split(",")
    file_path = path.encode("utf-16le") + b"\0\0"
    device_path = (struct.pack("<BBHIQQ16sBB", 4, 1, 42, int(number), int(start), int(sectors),
                               uuid.UUID(guid).bytes_le, 2, 2)
                   + struct.pack("<BBH", 4, 4, 4 + len(file_path)) + file_path
                   + b"\x7f\xff\x04\x00")
    return (struct.pack("<IH", 1, len(device_path)) + description.encode("utf-16le") + b"\0\0"
            + device_path + options.encode("utf-16le"))


def add_boot_entry(store, number, description, partition, image, options):
    number = int(number)
    put(store, f"Boot{number:04X}", GLOBAL, NON_VOLATILE_BOOT_RUNTIME,
        load_option(description, partition, image, options))
    put(store, "BootOrder", GLOBAL, NON_VOLATILE_BOOT_RUNTIME,
        struct.pack("<H", number) + get(store, "BootOrder", GLOBAL))


def set_variable(store, name, guid, attributes, file):
    with open(file, "rb") as data:
        put(store, name, uuid.UUID(guid).bytes_le, int(attributes), data.read())


def main():
    path, command, *arguments = sys.argv[1:]
    with open(path, "rb") as vars_file:
        store = bytearray(vars_file.read())
    {"boot-entry": add_boot_entry, "set": set_variable}[command](store, *arguments)
    with open(path, "wb") as vars_file:
        vars_file.write(store)


main()
