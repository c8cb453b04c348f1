/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device path nodes from their text (UEFI 2.10, 10.6.1): those below a PCI address that firmware boots
 * from, as replay/eventlog/devicepath.c writes them.
 */
#include "core/text.h"
#include "refgen/firmware/internal.h"

#define NODE_ARGUMENTS_MAX 6

struct node_text {
	struct bytes whole; /* "Name(a,b)" */
	struct bytes name;
	struct bytes arguments[NODE_ARGUMENTS_MAX];
	size_t n;
};

/* Takes "Name(a,b)" off the front: false if it is not that. */
static bool take_node(struct bytes *text, struct node_text *out)
{
	const uint8_t *open = memchr(text->data, '(', text->size);
	const uint8_t *close = memchr(text->data, ')', text->size);
	struct bytes inside;

	if (!open || !close || close < open)
		return false;
	*out = (struct node_text){ .name = bytes_of(text->data, (size_t)(open - text->data)) };
	inside = bytes_of(open + 1, (size_t)(close - open) - 1);
	for (;;) {
		const uint8_t *comma = memchr(inside.data, ',', inside.size);
		size_t size = comma ? (size_t)(comma - inside.data) : inside.size;

		if (out->n == NODE_ARGUMENTS_MAX)
			return false;
		out->arguments[out->n++] = bytes_of(inside.data, size);
		if (!comma)
			break;
		inside = bytes_of(comma + 1, inside.size - size - 1);
	}
	out->whole = bytes_of(text->data, (size_t)(close + 1 - text->data));
	*text = bytes_of(close + 1, text->size - out->whole.size);
	return true;
}

/* "12" or "0xC", of at most max. */
static bool number_of(struct bytes text, uint64_t max, uint64_t *out)
{
	bool hex = text.size > 2 && text.data[0] == '0' && (text.data[1] | 0x20) == 'x';
	unsigned base = hex ? 16 : 10;

	if (hex)
		text = bytes_of(text.data + 2, text.size - 2);
	*out = 0;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i], lower = c | 0x20;
		unsigned digit = 16;

		if (c >= '0' && c <= '9')
			digit = c - (unsigned)'0';
		else if (lower >= 'a' && lower <= 'f')
			digit = lower - (unsigned)'a' + 10;
		if (digit >= base || digit > max || *out > (max - digit) / base)
			return false;
		*out = *out * base + digit;
	}
	return text.size > 0;
}

/* Two hex digits a byte, with or without a mark between bytes. */
static bool octets_of(struct bytes text, char mark, uint8_t *out, size_t n)
{
	size_t step = text.size == 2 * n ? 2 : 3;

	if (text.size != step * n - (step - 2))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (hex_parse(bytes_of(text.data + step * i, 2), &out[i], 1) != 1)
			return false;
		if (step == 3 && i + 1 < n && text.data[step * i + 2] != mark)
			return false;
	}
	return true;
}

/* Scsi(target,unit) */
static bool scsi(const struct node_text *node, struct buf *out)
{
	uint64_t target, unit;

	if (node->n != 2 || !number_of(node->arguments[0], UINT16_MAX, &target) ||
	    !number_of(node->arguments[1], UINT16_MAX, &unit))
		return false;
	devpath_append_scsi(out, (uint16_t)target, (uint16_t)unit);
	return true;
}

/* Sata(port,multiplier's port,unit) */
static bool sata(const struct node_text *node, struct buf *out)
{
	uint64_t port, multiplier, unit;

	if (node->n != 3 || !number_of(node->arguments[0], UINT16_MAX, &port) ||
	    !number_of(node->arguments[1], UINT16_MAX, &multiplier) ||
	    !number_of(node->arguments[2], UINT16_MAX, &unit))
		return false;
	devpath_append_sata(out, (uint16_t)port, (uint16_t)multiplier, (uint16_t)unit);
	return true;
}

/* NVMe(namespace,identifier), the identifier's last byte first */
static bool nvme(const struct node_text *node, struct buf *out)
{
	uint64_t id;
	uint8_t eui[8];

	if (node->n != 2 || !number_of(node->arguments[0], UINT32_MAX, &id) ||
	    !octets_of(node->arguments[1], '-', eui, sizeof(eui)))
		return false;
	for (size_t i = 0; i < sizeof(eui) / 2; i++) {
		uint8_t last = eui[sizeof(eui) - 1 - i];

		eui[sizeof(eui) - 1 - i] = eui[i];
		eui[i] = last;
	}
	devpath_append_nvme(out, (uint32_t)id, eui);
	return true;
}

/* MAC(address,type): the six bytes of an Ethernet address, type 0 or 1 */
static bool mac(const struct node_text *node, struct buf *out)
{
	uint64_t type;
	uint8_t address[6];

	if (node->n != 2 || !octets_of(node->arguments[0], ':', address, sizeof(address)) ||
	    !number_of(node->arguments[1], 1, &type))
		return false;
	devpath_append_mac(out, address, (uint8_t)type);
	return true;
}

/* Addresses that are not known before the boot: short, or with all that the node could say. */
static bool ipv4(const struct node_text *node, struct buf *out)
{
	if (!bytes_equal_string(node->whole, "IPv4(0.0.0.0)") &&
	    !bytes_equal_string(node->whole, "IPv4(0.0.0.0,other,DHCP,0.0.0.0,0.0.0.0,0.0.0.0)"))
		return false;
	devpath_append_ipv4(out);
	return true;
}

static bool ipv6(const struct node_text *node, struct buf *out)
{
	if (!bytes_equal_string(node->whole, "IPv6(0:0:0:0:0:0:0:0)") &&
	    !bytes_equal_string(node->whole, "IPv6(0:0:0:0:0:0:0:0,other,Static,0:0:0:0:0:0:0:0)"))
		return false;
	devpath_append_ipv6(out);
	return true;
}

static bool uri(const struct node_text *node, struct buf *out)
{
	if (node->n != 1 || node->arguments[0].size > 0)
		return false;
	devpath_append_uri(out);
	return true;
}

static const struct {
	const char *name;
	bool (*append)(const struct node_text *node, struct buf *out);
} nodes[] = {
	{"IPv4",  ipv4},
        { "IPv6", ipv6},
        { "MAC",  mac },
        { "NVMe", nvme},
	{ "Sata", sata},
        { "Scsi", scsi},
        { "Uri",  uri },
};

int devpath_append_text(struct buf *out, const char *text)
{
	struct bytes rest = bytes_of_string(text);
	struct node_text node;

	for (;;) {
		size_t i = 0;

		if (!take_node(&rest, &node))
			return -1;
		while (i < ARRAY_SIZE(nodes) && !bytes_equal_string(node.name, nodes[i].name))
			i++;
		if (i == ARRAY_SIZE(nodes) || !nodes[i].append(&node, out))
			return -1;
		if (rest.size == 0)
			return 0;
		if (rest.data[0] != '/')
			return -1;
		rest = bytes_of(rest.data + 1, rest.size - 1);
	}
}
