/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plain evidence told by the bytes it begins with: what tpm2-tools and the kernel write, under other
 * names. Only what cannot well be anything else is told.
 *
 * Sources: TPM 2.0 part 2, 10.12.12 (TPMS_ATTEST), 11.3.4 (TPMT_SIGNATURE), 12.2.5 (TPM2B_PUBLIC);
 *          PFP 1.05, 10.2 and 10.4.5.1; security/integrity/ima/ima_fs.c for both forms of its list.
 */
#include "replay/forms/plain.h"

#include "core/digest.h"
#include "core/reader.h"
#include "replay/tdx/tdx.h"

#define TPM_GENERATED       0xff544347u
#define TPM_ST_ATTEST_QUOTE 0x8018
#define EV_NO_ACTION        3
/* PCRs of a TPM; and the types that PFP 10.4.1 lists, and those of UEFI. */
#define PCRS                24

static bool is_quote(struct bytes start)
{
	struct reader in = reader_of(start, 0, NULL);

	return reader_be32(&in) == TPM_GENERATED && reader_be16(&in) == TPM_ST_ATTEST_QUOTE &&
	       !in.ran_out;
}

static bool is_hash(uint16_t id)
{
	return alg_of_tpm_id(id) < ALG_BANKS;
}

/* RSASSA and RSAPSS: one TPM2B as long as the rest; ECDSA: two. */
static bool is_signature(struct bytes start)
{
	struct reader in = reader_of(start, 0, NULL);
	uint16_t scheme = reader_be16(&in), size;

	if (!is_hash(reader_be16(&in)))
		return false;
	size = reader_be16(&in);
	reader_skip(&in, size);
	if (scheme == 0x0014 || scheme == 0x0016)
		return size >= 128 && !in.ran_out && reader_left(&in) == 0;
	if (scheme != 0x0018 || size < 16 || size > 66)
		return false;
	size = reader_be16(&in);
	reader_skip(&in, size);
	return size >= 16 && size <= 66 && !in.ran_out && reader_left(&in) == 0;
}

/* A TPM2B_PUBLIC of an RSA or ECC key that signs and is restricted to it: an attestation key. */
static bool is_key(struct bytes start)
{
	struct reader in = reader_of(start, 0, NULL);
	uint16_t size = reader_be16(&in), type = reader_be16(&in);
	uint32_t attributes;

	if (!is_hash(reader_be16(&in)) || (type != 0x0001 && type != 0x0023))
		return false;
	attributes = reader_be32(&in);
	return size + 2u == start.size && !in.ran_out && (attributes & 0x00050000) == 0x00050000 &&
	       !(attributes & 0x00020000);
}

/* A crypto-agile log begins with the Spec ID event, in the form of TPM 1.2: its PCR, or -1. */
static int spec_id_pcr(struct bytes start)
{
	struct reader in = reader_of(start, 0, NULL);
	uint32_t pcr = reader_le32(&in), type = reader_le32(&in), size;
	struct bytes digest = reader_bytes(&in, 20), name;

	size = reader_le32(&in);
	name = reader_bytes(&in, 15);
	return !in.ran_out && pcr < PCRS && type == EV_NO_ACTION && bytes_all(digest, 0) &&
			       size >= 16 && bytes_equal_string(name, "Spec ID Event03")
		       ? (int)pcr
		       : -1;
}

static bool is_boot_log(struct bytes start)
{
	return spec_id_pcr(start) == 0;
}

/* EDK II has the event in a register, from 1 on. */
static bool is_cc_log(struct bytes start)
{
	int pcr = spec_id_pcr(start);

	return pcr >= 1 && pcr <= 4;
}

static bool is_event_type(uint32_t type)
{
	return type <= 0x14 || (type >= 0x80000001 && type <= 0x80000010) ||
	       (type >= 0x800000e0 && type <= 0x800000ec);
}

/* A log with SHA-1 only: four events that follow each other, one at least of a type that only UEFI has. */
static bool is_old_boot_log(struct bytes start)
{
	struct reader in = reader_of(start, 0, NULL);
	bool has_uefi = false;

	for (unsigned i = 0; i < 4; i++) {
		uint32_t pcr = reader_le32(&in), type = reader_le32(&in), size;
		struct bytes digest = reader_bytes(&in, 20);

		size = reader_le32(&in);
		if (in.ran_out || pcr >= PCRS || !is_event_type(type) ||
		    (type != EV_NO_ACTION && (bytes_all(digest, 0) || size == 0)))
			return false;
		has_uefi = has_uefi || type >= 0x80000001 || type == EV_NO_ACTION ||
			   (i == 0 && type == 8);
		reader_skip(&in, size);
		if (in.ran_out)
			return i > 0 && has_uefi; /* goes on behind what we see */
	}
	return has_uefi;
}

/* Names of templates, and formats of those that have no name. */
static bool is_template(struct bytes name)
{
	bool bar = false;

	if (bytes_start_with(name, bytes_of_string("ima")) ||
	    bytes_start_with(name, bytes_of_string("evm-sig")))
		return true;
	for (size_t i = 0; i < name.size; i++) {
		bar = bar || name.data[i] == '|';
		if (name.data[i] != '|' && name.data[i] != '-' &&
		    !(name.data[i] >= 'a' && name.data[i] <= 'z') &&
		    !(name.data[i] >= '0' && name.data[i] <= '9'))
			return false;
	}
	return bar;
}

/* A digest of some bank stands between the PCR and the name of the template. */
static bool is_binary_ima(struct bytes start)
{
	static const size_t sizes[] = { 20, 32, 48, 64 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		for (unsigned big = 0; big < 2; big++) {
			struct reader in = reader_of(start, 0, NULL);
			uint32_t pcr = big ? reader_be32(&in) : reader_le32(&in), size;

			reader_skip(&in, sizes[i]);
			size = big ? reader_be32(&in) : reader_le32(&in);
			if (in.ran_out || pcr >= PCRS || size < 3 || size > 64)
				continue;
			if (is_template(reader_bytes(&in, size)) && !in.ran_out)
				return true;
		}
	return false;
}

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* "10 367a... ima-ng sha256:94c0... boot_aggregate" */
static bool is_ascii_ima(struct bytes start)
{
	size_t i = 0, digits = 0, from;

	while (i < start.size && start.data[i] == ' ')
		i++;
	from = i;
	while (i < start.size && start.data[i] >= '0' && start.data[i] <= '9')
		i++;
	if (i == from || i - from > 2 || i >= start.size || start.data[i++] != ' ')
		return false;
	while (i < start.size && is_hex(start.data[i])) {
		i++;
		digits++;
	}
	if ((digits != 40 && digits != 64 && digits != 96 && digits != 128) || i >= start.size ||
	    start.data[i++] != ' ')
		return false;
	from = i;
	while (i < start.size && start.data[i] != ' ' && start.data[i] != '\n')
		i++;
	return is_template(bytes_of(start.data + from, i - from));
}

/* tpm2-tools' default: 16 selections whose padding and counts fit, then lists of 532 bytes. */
static bool is_pcr_file(struct bytes start)
{
	struct reader in = reader_of(start, 0, NULL);
	uint32_t n = reader_le32(&in), lists;

	if (n == 0 || n > 16 || start.size < 136)
		return false;
	for (uint32_t i = 0; i < 16; i++) {
		uint16_t id = reader_le16(&in);
		uint8_t size = reader_u8(&in);

		reader_skip(&in, 5);
		if (i < n && (!is_hash(id) || size == 0 || size > 4))
			return false;
	}
	lists = reader_le32(&in);
	return lists > 0 && lists <= 32 &&
	       (start.size == FORM_START_SIZE || start.size == 136 + (size_t)lists * 532);
}

/* The form "marshaled": a selection, and lists of digests of one size that end with the file. */
static bool is_marshaled_pcr_file(struct bytes start)
{
	struct reader in = reader_of(start, 0, NULL);
	uint32_t n = reader_be32(&in), lists, n_pcrs = 0, n_digests = 0;

	if (n == 0 || n > 16)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t size;

		if (!is_hash(reader_be16(&in)))
			return false;
		size = reader_u8(&in);
		if (size == 0 || size > 4)
			return false;
		for (uint8_t octet = 0; octet < size; octet++)
			n_pcrs += (uint32_t)__builtin_popcount(reader_u8(&in));
	}
	lists = reader_be32(&in);
	for (uint32_t i = 0; i < lists && i < 32; i++) {
		uint32_t count = reader_be32(&in);

		if (in.ran_out || count > 8)
			return false;
		for (uint32_t j = 0; j < count; j++, n_digests++)
			reader_skip(&in, reader_be16(&in));
	}
	return !in.ran_out && lists > 0 && lists <= 32 && n_digests == n_pcrs &&
	       reader_left(&in) == 0;
}

enum bundle_role plain_role(struct bytes start)
{
	static const struct {
		bool (*is)(struct bytes start);
		enum bundle_role role;
	} kinds[] = {
		{is_quote,               ROLE_QUOTE_MSG },
		{ is_signature,          ROLE_QUOTE_SIG },
		{ is_key,                ROLE_AK_PUB    },
		{ is_boot_log,           ROLE_BOOT_LOG  },
		{ is_cc_log,             ROLE_CC_LOG    },
		{ tdx_is_quote,          ROLE_TDX_QUOTE },
		{ is_binary_ima,         ROLE_IMA_LOG   },
		{ is_ascii_ima,          ROLE_IMA_LOG   },
		{ is_pcr_file,           ROLE_QUOTE_PCRS},
		{ is_marshaled_pcr_file, ROLE_QUOTE_PCRS},
		{ is_old_boot_log,       ROLE_BOOT_LOG  },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].is(start))
			return kinds[i].role;
	return ROLE_NONE;
}
