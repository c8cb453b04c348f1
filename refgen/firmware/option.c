/* SPDX-License-Identifier: BSD-2-Clause */
/* Load options and device paths (UEFI 2.10, 3.1.3 and 10.3), as far as booting from disk needs them. */
#include "refgen/firmware/internal.h"

#define NODE_HARDWARE       0x01
#define NODE_HARDWARE_PCI   0x01
#define NODE_ACPI           0x02
#define NODE_ACPI_HID       0x01
#define NODE_MESSAGING      0x03
#define NODE_MESSAGING_SCSI 0x02
#define NODE_MESSAGING_MAC  0x0b
#define NODE_MESSAGING_IPV4 0x0c
#define NODE_MESSAGING_IPV6 0x0d
#define NODE_MESSAGING_SATA 0x12
#define NODE_MESSAGING_NVME 0x17
#define NODE_MESSAGING_URI  0x18
#define NODE_MEDIA          0x04
#define NODE_MEDIA_HD       0x01
#define NODE_MEDIA_FILE     0x04
#define NODE_MEDIA_FV_FILE  0x06
#define NODE_MEDIA_FV       0x07
#define NODE_END            0x7f
#define NODE_END_ENTIRE     0xff

#define HID_PCI_ROOT 0x0a0341d0u /* PNP0A03 as an EISA id */

/* --- device paths ---------------------------------------------------------------------------- */

int devpath_next(struct bytes path, size_t *at, struct devpath_node *out)
{
	size_t left = path.size - *at, size;
	const uint8_t *node = path.data + *at;

	if (left < 4)
		return 0;
	size = node[2] | (size_t)node[3] << 8;
	if (size < 4 || size > left || node[0] == NODE_END)
		return 0;
	*out = (struct devpath_node){ .type = node[0],
				      .subtype = node[1],
				      .bytes = bytes_of(node, size),
				      .data = bytes_of(node + 4, size - 4) };
	*at += size;
	return 1;
}

struct bytes devpath_first(struct bytes paths)
{
	struct devpath_node node;
	size_t at = 0;

	while (devpath_next(paths, &at, &node) > 0)
		;
	if (paths.size - at < 4 || paths.data[at] != NODE_END || paths.data[at + 2] != 4 ||
	    paths.data[at + 3] != 0)
		return bytes_of(NULL, 0);
	return bytes_of(paths.data, at + 4);
}

static bool is_pci_root(const struct devpath_node *node)
{
	return node->type == NODE_ACPI && node->subtype == NODE_ACPI_HID && node->data.size >= 8 &&
	       (node->data.data[0] | (uint32_t)node->data.data[1] << 8 |
		(uint32_t)node->data.data[2] << 16 | (uint32_t)node->data.data[3] << 24) ==
		       HID_PCI_ROOT;
}

bool devpath_begins_on_disk(struct bytes path)
{
	struct devpath_node node;
	size_t at = 0;

	return devpath_next(path, &at, &node) > 0 &&
	       (is_pci_root(&node) || (node.type == NODE_MEDIA && node.subtype == NODE_MEDIA_HD));
}

static void append_node(struct buf *out, uint8_t type, uint8_t subtype, size_t data_size)
{
	buf_append_u8(out, type);
	buf_append_u8(out, subtype);
	buf_append_le16(out, (uint16_t)(data_size + 4));
}

void devpath_append_pci_node(struct buf *out, uint8_t device, uint8_t function)
{
	append_node(out, NODE_HARDWARE, NODE_HARDWARE_PCI, 2);
	buf_append_u8(out, function);
	buf_append_u8(out, device);
}

void devpath_append_pci(struct buf *out, uint8_t device, uint8_t function)
{
	append_node(out, NODE_ACPI, NODE_ACPI_HID, 8);
	buf_append_le32(out, HID_PCI_ROOT);
	buf_append_le32(out, 0); /* UID */
	devpath_append_pci_node(out, device, function);
}

void devpath_append_scsi(struct buf *out, uint16_t target, uint16_t unit)
{
	append_node(out, NODE_MESSAGING, NODE_MESSAGING_SCSI, 4);
	buf_append_le16(out, target);
	buf_append_le16(out, unit);
}

void devpath_append_sata(struct buf *out, uint16_t port, uint16_t multiplier, uint16_t unit)
{
	append_node(out, NODE_MESSAGING, NODE_MESSAGING_SATA, 6);
	buf_append_le16(out, port);
	buf_append_le16(out, multiplier);
	buf_append_le16(out, unit);
}

void devpath_append_nvme(struct buf *out, uint32_t id, const uint8_t eui64[8])
{
	append_node(out, NODE_MESSAGING, NODE_MESSAGING_NVME, 12);
	buf_append_le32(out, id);
	buf_append(out, bytes_of(eui64, 8));
}

static void append_zeros(struct buf *out, size_t size)
{
	uint8_t *room = buf_extend(out, size);

	if (room)
		memset(room, 0, size);
}

void devpath_append_mac(struct buf *out, const uint8_t address[6], uint8_t type)
{
	append_node(out, NODE_MESSAGING, NODE_MESSAGING_MAC, 33);
	buf_append(out, bytes_of(address, 6));
	append_zeros(out, 32 - 6);
	buf_append_u8(out, type);
}

void devpath_append_ipv4(struct buf *out)
{
	append_node(out, NODE_MESSAGING, NODE_MESSAGING_IPV4, 23);
	append_zeros(out, 23);
}

void devpath_append_ipv6(struct buf *out)
{
	append_node(out, NODE_MESSAGING, NODE_MESSAGING_IPV6, 56);
	append_zeros(out, 39);  /* addresses, ports, protocol, origin */
	buf_append_u8(out, 64); /* length of the prefix */
	append_zeros(out, 16);  /* gateway */
}

void devpath_append_uri(struct buf *out)
{
	append_node(out, NODE_MESSAGING, NODE_MESSAGING_URI, 0);
}

void devpath_append_volume_file(struct buf *out, const struct guid *volume, const struct guid *file)
{
	append_node(out, NODE_MEDIA, NODE_MEDIA_FV, sizeof(volume->bytes));
	buf_append(out, bytes_of(volume->bytes, sizeof(volume->bytes)));
	append_node(out, NODE_MEDIA, NODE_MEDIA_FV_FILE, sizeof(file->bytes));
	buf_append(out, bytes_of(file->bytes, sizeof(file->bytes)));
}

void devpath_append_file(struct buf *out, struct bytes utf16)
{
	append_node(out, NODE_MEDIA, NODE_MEDIA_FILE, utf16.size + 2);
	buf_append(out, utf16);
	buf_append_le16(out, 0);
}

void devpath_append_end(struct buf *out)
{
	append_node(out, NODE_END, NODE_END_ENTIRE, 0);
}

/* --- load options ---------------------------------------------------------------------------- */

int boot_option_parse(struct bytes data, uint64_t offset, const char *source,
		      struct boot_option *out, struct error *err)
{
	struct reader in = reader_of(data, offset, source);
	struct boot_option option = { .attributes = reader_le32(&in) };
	uint16_t path_size = reader_le16(&in);
	size_t begin = in.pos;

	while (reader_left(&in) > 0 && reader_le16(&in) != 0)
		;
	option.description = bytes_of(data.data + begin, in.pos - begin);
	option.path = reader_bytes(&in, path_size);
	option.optional = reader_bytes(&in, reader_left(&in));
	if (reader_check(&in, err) < 0)
		return -1;
	if (option.description.size < 2 ||
	    !bytes_all(bytes_of(data.data + begin + option.description.size - 2, 2), 0))
		return error_set(err, ERROR_MALFORMED, source, offset + begin,
				 "UEFI 3.1.3: a load option's description does not end");
	option.description.size -= 2;
	if (devpath_first(option.path).size == 0)
		return error_set(err, ERROR_MALFORMED, source, offset + in.pos - path_size,
				 "UEFI 10.3: a load option's device path does not end");
	*out = option;
	return 0;
}

void boot_option_append(struct buf *out, const struct boot_option *option)
{
	buf_append_le32(out, option->attributes);
	buf_append_le16(out, (uint16_t)option->path.size);
	buf_append(out, option->description);
	buf_append_le16(out, 0);
	buf_append(out, option->path);
	buf_append(out, option->optional);
}

/* --- where an option leads ------------------------------------------------------------------- */

static uint64_t le64(const uint8_t *at)
{
	uint64_t value = 0;

	for (size_t i = 8; i-- > 0;)
		value = value << 8 | at[i];
	return value;
}

/* HD(): number, first block, blocks, signature, kind of partition table, kind of signature. */
static bool read_partition(struct bytes data, struct boot_target *target)
{
	if (data.size != 38)
		return false;
	target->has_partition = true;
	target->partition = (uint32_t)(le64(data.data) & UINT32_MAX);
	target->partition_start = le64(data.data + 4);
	target->partition_size = le64(data.data + 12);
	target->signature = bytes_of(data.data + 20, 16);
	target->signature_type = data.data[37];
	return true;
}

/* A path may be spread over several nodes; OVMF's options use one. */
static bool read_file_path(struct bytes data, struct boot_target *target)
{
	struct bytes text = data;

	while (text.size >= 2 && text.data[text.size - 1] == 0 && text.data[text.size - 2] == 0)
		text.size -= 2;
	if (text.size == 0 || text.size % 2 != 0 || target->file_path.size != 0)
		return false;
	target->file_path = text;
	return true;
}

/* False when the node fits no kind of target. index counts nodes; size is that of those before. */
static bool take_node(const struct devpath_node *node, size_t index, size_t size,
		      struct boot_target *target)
{
	bool media = node->type == NODE_MEDIA;

	if (media && node->subtype == NODE_MEDIA_FV && index == 0 && node->data.size == 16) {
		target->kind = TARGET_FIRMWARE_FILE;
		memcpy(target->volume.bytes, node->data.data, 16);
		return true;
	}
	if (media && node->subtype == NODE_MEDIA_FV_FILE && node->data.size == 16) {
		target->kind = TARGET_FIRMWARE_FILE;
		memcpy(target->file.bytes, node->data.data, 16);
		return true;
	}
	if (index == 0 && is_pci_root(node)) {
		target->kind = TARGET_DEVICE;
		return true;
	}
	if (media && node->subtype == NODE_MEDIA_HD && !target->has_partition &&
	    (index == 0 || target->kind == TARGET_DEVICE)) {
		if (index == 0)
			target->kind = TARGET_PARTITION;
		target->device.size = size;
		return read_partition(node->data, target);
	}
	if (media && node->subtype == NODE_MEDIA_FILE && target->has_partition)
		return read_file_path(node->data, target);
	return target->kind == TARGET_DEVICE && !target->has_partition && !media;
}

void boot_target_parse(struct bytes path, struct boot_target *out)
{
	struct boot_target target = {
		.kind = TARGET_OTHER, .device = {path.data, 0}
	};
	struct devpath_node node;
	size_t at = 0, before = 0, index = 0;

	for (; devpath_next(path, &at, &node) > 0; index++, before = at)
		if (!take_node(&node, index, before, &target)) {
			target = (struct boot_target){ .kind = TARGET_OTHER };
			break;
		}
	if (target.kind == TARGET_DEVICE && !target.has_partition)
		target.device.size = before;
	*out = target;
}
