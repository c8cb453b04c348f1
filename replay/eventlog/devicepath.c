/* SPDX-License-Identifier: BSD-2-Clause */
/* Device paths as text (UEFI 2.10, 10.3 and 10.6.1.6). */
#include <inttypes.h>

#include "core/text.h"
#include "replay/eventlog/internal.h"

/* Writes a node whose body is in; what the body lacks makes the caller write it as Path(). */
typedef void (*node_append)(struct buf *out, struct reader *in);

static void append_guid(struct buf *out, struct reader *in)
{
	struct efi_guid guid = efi_guid_read(in);
	char text[EFI_GUID_TEXT];

	buf_append_string(out, efi_guid_text(&guid, text));
}

/* The rest of a vendor's node, if there is any. */
static void append_rest(struct buf *out, struct reader *in)
{
	if (reader_left(in) == 0)
		return;
	buf_append_string(out, ",");
	buf_append_hex(out, reader_bytes(in, reader_left(in)));
}

static void append_vendor(struct buf *out, struct reader *in, const char *name)
{
	buf_append_string(out, name);
	buf_append_string(out, "(");
	append_guid(out, in);
	append_rest(out, in);
	buf_append_string(out, ")");
}

/* --- hardware (10.3.2) -------------------------------------------------------------------------- */

static void pci(struct buf *out, struct reader *in)
{
	uint8_t function = reader_u8(in);

	buf_printf(out, "Pci(0x%X,0x%X)", reader_u8(in), function);
}

static void pc_card(struct buf *out, struct reader *in)
{
	buf_printf(out, "PcCard(0x%X)", reader_u8(in));
}

static void memory_mapped(struct buf *out, struct reader *in)
{
	uint32_t type = reader_le32(in);
	uint64_t start = reader_le64(in);

	buf_printf(out, "MemoryMapped(0x%" PRIX32 ",0x%" PRIX64 ",0x%" PRIX64 ")", type, start,
		   reader_le64(in));
}

static void vendor_hardware(struct buf *out, struct reader *in)
{
	append_vendor(out, in, "VenHw");
}

static void controller(struct buf *out, struct reader *in)
{
	buf_printf(out, "Ctrl(0x%" PRIX32 ")", reader_le32(in));
}

static void bmc(struct buf *out, struct reader *in)
{
	uint8_t type = reader_u8(in);

	buf_printf(out, "BMC(0x%X,0x%" PRIX64 ")", type, reader_le64(in));
}

/* --- ACPI (10.3.3) ------------------------------------------------------------------------------ */

/* A compressed EISA id: three letters of five bits in the low half, the product in the high half. */
static void append_eisa(struct buf *out, uint32_t id)
{
	buf_printf(out, "%c%c%c%04" PRIX32, (char)('@' + (id >> 10 & 31)),
		   (char)('@' + (id >> 5 & 31)), (char)('@' + (id & 31)), id >> 16);
}

static void acpi(struct buf *out, struct reader *in)
{
	static const struct acpi_name {
		uint32_t hid;
		const char *name;
	} names[] = {
		{0x0a0341d0,  "PciRoot"     }, /* PNP0A03 */
		{ 0x0a0841d0, "PcieRoot"    },
                { 0x060441d0, "Floppy"      },
		{ 0x030141d0, "Keyboard"    },
                { 0x050141d0, "Serial"      },
		{ 0x040141d0, "ParallelPort"},
	};
	uint32_t hid = reader_le32(in), uid = reader_le32(in);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].hid == hid) {
			buf_printf(out, "%s(0x%" PRIX32 ")", names[i].name, uid);
			return;
		}
	}
	buf_append_string(out, "Acpi(");
	append_eisa(out, hid);
	buf_printf(out, ",0x%" PRIX32 ")", uid);
}

/* Texts that end in a NUL, one after the other. */
static struct bytes c_string(struct reader *in)
{
	const uint8_t *at = in->data ? in->data + in->pos : NULL;
	const uint8_t *end = reader_left(in) ? memchr(at, 0, reader_left(in)) : NULL;
	struct bytes text = reader_bytes(in, end ? (size_t)(end - at) : reader_left(in));

	if (end)
		reader_skip(in, 1);
	return text;
}

static void acpi_expanded(struct buf *out, struct reader *in)
{
	uint32_t hid = reader_le32(in), uid = reader_le32(in), cid = reader_le32(in);
	struct bytes hid_text = c_string(in), uid_text = c_string(in), cid_text = c_string(in);

	buf_append_string(out, "AcpiEx(");
	if (hid_text.size)
		buf_append(out, hid_text);
	else
		append_eisa(out, hid);
	buf_append_string(out, ",");
	if (cid_text.size)
		buf_append(out, cid_text);
	else if (cid)
		append_eisa(out, cid);
	else
		buf_append_string(out, "0");
	buf_append_string(out, ",");
	if (uid_text.size)
		buf_append(out, uid_text);
	else
		buf_printf(out, "0x%" PRIX32, uid);
	buf_append_string(out, ")");
}

static void acpi_adr(struct buf *out, struct reader *in)
{
	buf_printf(out, "AcpiAdr(0x%" PRIX32, reader_le32(in));
	while (reader_left(in) >= 4)
		buf_printf(out, ",0x%" PRIX32, reader_le32(in));
	buf_append_string(out, ")");
}

/* --- messaging (10.3.4) ------------------------------------------------------------------------- */

static void ata(struct buf *out, struct reader *in)
{
	uint8_t secondary = reader_u8(in), slave = reader_u8(in);

	buf_printf(out, "Ata(%s,%s,0x%X)", secondary ? "Secondary" : "Primary",
		   slave ? "Slave" : "Master", reader_le16(in));
}

static void scsi(struct buf *out, struct reader *in)
{
	uint16_t target = reader_le16(in);

	buf_printf(out, "Scsi(0x%X,0x%X)", target, reader_le16(in));
}

static void fibre(struct buf *out, struct reader *in)
{
	uint64_t name;

	reader_skip(in, 4);
	name = reader_le64(in);
	buf_printf(out, "Fibre(0x%" PRIX64 ",0x%" PRIX64 ")", name, reader_le64(in));
}

static void fibre_ex(struct buf *out, struct reader *in)
{
	uint64_t name;

	reader_skip(in, 4);
	name = reader_be64(in);
	buf_printf(out, "FibreEx(0x%" PRIX64 ",0x%" PRIX64 ")", name, reader_be64(in));
}

static void ieee1394(struct buf *out, struct reader *in)
{
	reader_skip(in, 4);
	buf_printf(out, "I1394(%" PRIX64 ")", reader_le64(in));
}

static void usb(struct buf *out, struct reader *in)
{
	uint8_t port = reader_u8(in);

	buf_printf(out, "USB(0x%X,0x%X)", port, reader_u8(in));
}

static void i2o(struct buf *out, struct reader *in)
{
	buf_printf(out, "I2O(0x%" PRIX32 ")", reader_le32(in));
}

static void usb_wwid(struct buf *out, struct reader *in)
{
	uint16_t interface = reader_le16(in), vendor = reader_le16(in), product = reader_le16(in);

	buf_printf(out, "UsbWwid(0x%X,0x%X,0x%X,\"", vendor, product, interface);
	text_append_utf16le(out, utf16_trim(reader_bytes(in, reader_left(in))));
	buf_append_string(out, "\")");
}

static void logical_unit(struct buf *out, struct reader *in)
{
	buf_printf(out, "Unit(0x%X)", reader_u8(in));
}

static void usb_class(struct buf *out, struct reader *in)
{
	uint16_t vendor = reader_le16(in), product = reader_le16(in);
	uint8_t class = reader_u8(in), subclass = reader_u8(in);

	buf_printf(out, "UsbClass(0x%X,0x%X,0x%X,0x%X,0x%X)", vendor, product, class, subclass,
		   reader_u8(in));
}

static void mac(struct buf *out, struct reader *in)
{
	struct bytes address = reader_bytes(in, 32);
	uint8_t type = reader_u8(in);

	/* Ethernet's addresses have six bytes; the field has room for others. */
	if (type <= 1 && address.size)
		address.size = 6;
	buf_append_string(out, "MAC(");
	buf_append_hex(out, address);
	buf_printf(out, ",0x%X)", type);
}

static void append_ipv4(struct buf *out, struct reader *in)
{
	uint8_t a = reader_u8(in), b = reader_u8(in), c = reader_u8(in);

	buf_printf(out, "%u.%u.%u.%u", a, b, c, reader_u8(in));
}

static void append_ipv6(struct buf *out, struct reader *in)
{
	for (unsigned i = 0; i < 8; i++)
		buf_printf(out, "%s%X", i ? ":" : "", reader_be16(in));
}

static const char *protocol_name(uint16_t protocol)
{
	return protocol == 6 ? "TCP" : protocol == 17 ? "UDP" : "other";
}

static void ipv4(struct buf *out, struct reader *in)
{
	struct reader local = reader_part(in, 4);
	uint16_t protocol;
	bool is_static;

	buf_append_string(out, "IPv4(");
	append_ipv4(out, in); /* remote */
	reader_skip(in, 2 + 2);
	protocol = reader_le16(in);
	is_static = reader_u8(in);
	buf_printf(out, ",%s,%s,", protocol_name(protocol), is_static ? "Static" : "DHCP");
	append_ipv4(out, &local);
	if (reader_left(in) >= 8) { /* gateway and mask, since UEFI 2.3.1 */
		buf_append_string(out, ",");
		append_ipv4(out, in);
		buf_append_string(out, ",");
		append_ipv4(out, in);
	}
	buf_append_string(out, ")");
}

static void ipv6(struct buf *out, struct reader *in)
{
	struct reader local = reader_part(in, 16);
	uint16_t protocol;
	uint8_t origin;

	buf_append_string(out, "IPv6(");
	append_ipv6(out, in);
	reader_skip(in, 2 + 2);
	protocol = reader_le16(in);
	origin = reader_u8(in);
	buf_printf(out, ",%s,%s,", protocol_name(protocol),
		   origin == 0   ? "Static"
		   : origin == 1 ? "StatelessAutoConfigure"
				 : "StatefulAutoConfigure");
	append_ipv6(out, &local);
	buf_append_string(out, ")");
}

static void infiniband(struct buf *out, struct reader *in)
{
	uint32_t flags = reader_le32(in);
	struct reader gid = reader_part(in, 16);
	uint64_t service, target;

	service = reader_le64(in);
	target = reader_le64(in);
	buf_printf(out, "Infiniband(0x%" PRIX32 ",", flags);
	append_guid(out, &gid);
	buf_printf(out, ",0x%" PRIX64 ",0x%" PRIX64 ",0x%" PRIX64 ")", service, target,
		   reader_le64(in));
}

static void uart(struct buf *out, struct reader *in)
{
	static const char parities[] = "DNEOMS";
	static const char *const stops[] = { "D", "1", "1.5", "2" };
	uint64_t rate;
	uint8_t bits, parity, stop;

	reader_skip(in, 4);
	rate = reader_le64(in);
	bits = reader_u8(in);
	parity = reader_u8(in);
	stop = reader_u8(in);
	buf_printf(out, "Uart(%" PRIu64 ",%u,%c,%s)", rate, bits,
		   parity < sizeof(parities) - 1 ? parities[parity] : 'x',
		   stop < ARRAY_SIZE(stops) ? stops[stop] : "x");
}

static void vendor_messaging(struct buf *out, struct reader *in)
{
	append_vendor(out, in, "VenMsg");
}

static void sas_ex(struct buf *out, struct reader *in)
{
	uint64_t address = reader_be64(in), lun = reader_be64(in);
	uint16_t topology = reader_le16(in);

	buf_printf(out, "SasEx(0x%" PRIX64 ",0x%" PRIX64 ",0x%X,0x%X)", address, lun,
		   reader_le16(in), topology);
}

static void iscsi(struct buf *out, struct reader *in)
{
	uint16_t protocol = reader_le16(in), options = reader_le16(in);
	uint64_t lun = reader_be64(in);
	uint16_t portal = reader_le16(in);

	buf_append_string(out, "iSCSI(");
	buf_append(out, nul_trim(reader_bytes(in, reader_left(in))));
	buf_printf(out, ",0x%X,0x%016" PRIX64 ",0x%X,%s)", portal, lun, options,
		   protocol == 0 ? "TCP" : "other");
}

static void vlan(struct buf *out, struct reader *in)
{
	buf_printf(out, "Vlan(%u)", reader_le16(in));
}

static void sata(struct buf *out, struct reader *in)
{
	uint16_t port = reader_le16(in), multiplier = reader_le16(in);

	buf_printf(out, "Sata(0x%X,0x%X,0x%X)", port, multiplier, reader_le16(in));
}

static void nvme(struct buf *out, struct reader *in)
{
	uint32_t id = reader_le32(in);
	struct bytes eui = reader_bytes(in, 8);

	buf_printf(out, "NVMe(0x%" PRIX32, id);
	for (size_t i = eui.size; i-- > 0;)
		buf_printf(out, "%c%02X", i + 1 == eui.size ? ',' : '-', eui.data[i]);
	buf_append_string(out, ")");
}

static void uri(struct buf *out, struct reader *in)
{
	buf_append_string(out, "Uri(");
	buf_append(out, reader_bytes(in, reader_left(in)));
	buf_append_string(out, ")");
}

static void ufs(struct buf *out, struct reader *in)
{
	uint8_t target = reader_u8(in);

	buf_printf(out, "UFS(0x%X,0x%X)", target, reader_u8(in));
}

static void sd(struct buf *out, struct reader *in)
{
	buf_printf(out, "SD(0x%X)", reader_u8(in));
}

static void emmc(struct buf *out, struct reader *in)
{
	buf_printf(out, "eMMC(0x%X)", reader_u8(in));
}

static void bluetooth(struct buf *out, struct reader *in)
{
	buf_append_string(out, "Bluetooth(");
	buf_append_hex(out, reader_bytes(in, 6));
	buf_append_string(out, ")");
}

static void bluetooth_le(struct buf *out, struct reader *in)
{
	buf_append_string(out, "BluetoothLE(");
	buf_append_hex(out, reader_bytes(in, 6));
	buf_printf(out, ",0x%X)", reader_u8(in));
}

static void wifi(struct buf *out, struct reader *in)
{
	buf_append_string(out, "Wi-Fi(");
	buf_append(out, nul_trim(reader_bytes(in, 32)));
	buf_append_string(out, ")");
}

static void dns(struct buf *out, struct reader *in)
{
	bool v6 = reader_u8(in);
	unsigned n = 0;

	buf_append_string(out, "Dns(");
	while (reader_left(in) >= 16) {
		struct reader address = reader_part(in, 16);

		if (n++)
			buf_append_string(out, ",");
		if (v6)
			append_ipv6(out, &address);
		else
			append_ipv4(out, &address);
	}
	buf_append_string(out, ")");
}

static void nvdimm(struct buf *out, struct reader *in)
{
	buf_append_string(out, "NVDIMM(");
	append_guid(out, in);
	buf_append_string(out, ")");
}

/* --- media (10.3.5) ----------------------------------------------------------------------------- */

static void hard_drive(struct buf *out, struct reader *in)
{
	uint32_t partition = reader_le32(in);
	uint64_t start = reader_le64(in), size = reader_le64(in);
	struct reader signature = reader_part(in, 16);
	uint8_t format = reader_u8(in), kind = reader_u8(in);

	buf_printf(out, "HD(%" PRIu32 ",", partition);
	if (kind == 2) {
		buf_append_string(out, "GPT,");
		append_guid(out, &signature);
	} else if (kind == 1) {
		buf_printf(out, "MBR,0x%08" PRIX32, reader_le32(&signature));
	} else {
		buf_printf(out, "0x%X/0x%X,0", format, kind);
	}
	buf_printf(out, ",0x%" PRIX64 ",0x%" PRIX64 ")", start, size);
}

static void cdrom(struct buf *out, struct reader *in)
{
	uint32_t entry = reader_le32(in);
	uint64_t start = reader_le64(in);

	buf_printf(out, "CDROM(0x%" PRIX32 ",0x%" PRIX64 ",0x%" PRIX64 ")", entry, start,
		   reader_le64(in));
}

static void vendor_media(struct buf *out, struct reader *in)
{
	append_vendor(out, in, "VenMedia");
}

static void file_path(struct buf *out, struct reader *in)
{
	text_append_utf16le(out, utf16_until_nul(reader_bytes(in, reader_left(in))));
}

static void media_protocol(struct buf *out, struct reader *in)
{
	buf_append_string(out, "Media(");
	append_guid(out, in);
	buf_append_string(out, ")");
}

static void fv_file(struct buf *out, struct reader *in)
{
	buf_append_string(out, "FvFile(");
	append_guid(out, in);
	buf_append_string(out, ")");
}

static void fv(struct buf *out, struct reader *in)
{
	buf_append_string(out, "Fv(");
	append_guid(out, in);
	buf_append_string(out, ")");
}

static void offset_range(struct buf *out, struct reader *in)
{
	uint64_t start;

	reader_skip(in, 4);
	start = reader_le64(in);
	buf_printf(out, "Offset(0x%" PRIX64 ",0x%" PRIX64 ")", start, reader_le64(in));
}

static void ram_disk(struct buf *out, struct reader *in)
{
	uint64_t start = reader_le64(in), end = reader_le64(in);
	struct reader type = reader_part(in, 16);

	buf_printf(out, "RamDisk(0x%" PRIX64 ",0x%" PRIX64 ",%u,", start, end, reader_le16(in));
	append_guid(out, &type);
	buf_append_string(out, ")");
}

/* --- BIOS boot specification (10.3.6) ------------------------------------------------------------ */

static void bbs(struct buf *out, struct reader *in)
{
	static const char *const types[] = { "?",      "Floppy", "HD",     "CDROM",
					     "PCMCIA", "USB",    "Network" };
	uint16_t type = reader_le16(in), flags = reader_le16(in);

	if (type < ARRAY_SIZE(types))
		buf_printf(out, "BBS(%s,", types[type]);
	else
		buf_printf(out, "BBS(0x%X,", type);
	buf_append(out, nul_trim(reader_bytes(in, reader_left(in))));
	buf_printf(out, ",0x%X)", flags);
}

/* --- paths -------------------------------------------------------------------------------------- */

#define NODE_END          0x7f
#define NODE_END_INSTANCE 0x01

static const struct node_kind {
	uint8_t type, subtype;
	node_append append;
} node_kinds[] = {
	{1,  1,  pci             },
	{ 1, 2,  pc_card         },
	{ 1, 3,  memory_mapped   },
	{ 1, 4,  vendor_hardware },
	{ 1, 5,  controller      },
	{ 1, 6,  bmc             },
	{ 2, 1,  acpi            },
	{ 2, 2,  acpi_expanded   },
	{ 2, 3,  acpi_adr        },
	{ 3, 1,  ata             },
	{ 3, 2,  scsi            },
	{ 3, 3,  fibre           },
	{ 3, 4,  ieee1394        },
	{ 3, 5,  usb             },
	{ 3, 6,  i2o             },
	{ 3, 9,  infiniband      },
	{ 3, 10, vendor_messaging},
	{ 3, 11, mac             },
	{ 3, 12, ipv4            },
	{ 3, 13, ipv6            },
	{ 3, 14, uart            },
	{ 3, 15, usb_class       },
	{ 3, 16, usb_wwid        },
	{ 3, 17, logical_unit    },
	{ 3, 18, sata            },
	{ 3, 19, iscsi           },
	{ 3, 20, vlan            },
	{ 3, 21, fibre_ex        },
	{ 3, 22, sas_ex          },
	{ 3, 23, nvme            },
	{ 3, 24, uri             },
	{ 3, 25, ufs             },
	{ 3, 26, sd              },
	{ 3, 27, bluetooth       },
	{ 3, 28, wifi            },
	{ 3, 29, emmc            },
	{ 3, 30, bluetooth_le    },
	{ 3, 31, dns             },
	{ 3, 32, nvdimm          },
	{ 4, 1,  hard_drive      },
	{ 4, 2,  cdrom           },
	{ 4, 3,  vendor_media    },
	{ 4, 4,  file_path       },
	{ 4, 5,  media_protocol  },
	{ 4, 6,  fv_file         },
	{ 4, 7,  fv              },
	{ 4, 8,  offset_range    },
	{ 4, 9,  ram_disk        },
	{ 5, 1,  bbs             },
};

static node_append node_find(uint8_t type, uint8_t subtype)
{
	for (size_t i = 0; i < ARRAY_SIZE(node_kinds); i++)
		if (node_kinds[i].type == type && node_kinds[i].subtype == subtype)
			return node_kinds[i].append;
	return NULL;
}

static void append_unknown(struct buf *out, uint8_t type, uint8_t subtype, struct bytes body)
{
	buf_printf(out, "Path(%u,%u", type, subtype);
	if (body.size) {
		buf_append_string(out, ",");
		buf_append_hex(out, body);
	}
	buf_append_string(out, ")");
}

/* One node; as Path() when nobody knows it or its body is shorter than its kind. */
static void append_node(struct buf *out, uint8_t type, uint8_t subtype, struct bytes body)
{
	node_append append = node_find(type, subtype);
	struct reader in = reader_of(body, 0, NULL);
	size_t before = out->size;

	if (append)
		append(out, &in);
	if (append && !in.ran_out)
		return;
	if (out->size > before) {
		out->size = before;
		out->data[before] = 0;
	}
	append_unknown(out, type, subtype, body);
}

void device_path_append(struct buf *out, struct bytes path)
{
	struct reader in = reader_of(path, 0, NULL);
	bool first = true;

	while (reader_left(&in)) {
		struct bytes rest = bytes_of(in.data + in.pos, reader_left(&in));
		uint8_t type = reader_u8(&in), subtype = reader_u8(&in);
		uint16_t size = reader_le16(&in);
		struct bytes body;

		if (in.ran_out || size < 4 || size - 4u > reader_left(&in)) {
			if (!first)
				buf_append_string(out, "/");
			buf_append_string(out, "Broken(");
			buf_append_hex(out, rest);
			buf_append_string(out, ")");
			return;
		}
		body = reader_bytes(&in, size - 4u);
		if ((type & NODE_END) == NODE_END) {
			if (subtype != NODE_END_INSTANCE)
				return;
			buf_append_string(out, ",");
			first = true;
			continue;
		}
		if (!first)
			buf_append_string(out, "/");
		first = false;
		append_node(out, type, subtype, body);
	}
}
