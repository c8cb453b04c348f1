/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/digest.h"

static const struct alg_row {
	const char *name;
	const char *aliases[3]; /* other spellings, the kernel's among them */
	uint8_t size;
	uint16_t tpm_id;
	uint8_t openpgp_id;
} algs[ALG_COUNT] = {
	[ALG_SHA1] = {"sha1",           { "sha-1" },          20, 0x0004, 2 },
	[ALG_SHA256] = { "sha256",        { "sha-256" },        32, 0x000b, 8 },
	[ALG_SHA384] = { "sha384",        { "sha-384" },        48, 0x000c, 9 },
	[ALG_SHA512] = { "sha512",        { "sha-512" },        64, 0x000d, 10},
	[ALG_SM3_256] = { "sm3_256",       { "sm3", "sm3-256" }, 32, 0x0012, 0 },
	[ALG_MD5] = { "md5",           { NULL },             16, 0,      1 },
	[ALG_SHA224] = { "sha224",        { "sha-224" },        28, 0,      11},
	[ALG_SHA3_256] = { "sha3_256",      { "sha3-256" },       32, 0x0027, 12},
	[ALG_SHA3_512] = { "sha3_512",      { "sha3-512" },       64, 0x0029, 14},
	[ALG_VERITY_SHA256] = { "verity-sha256", { NULL },             32, 0,      0 },
	[ALG_VERITY_SHA512] = { "verity-sha512", { NULL },             64, 0,      0 },
};

const char *alg_name(enum alg alg)
{
	return alg < ALG_COUNT ? algs[alg].name : "unknown";
}

size_t alg_size(enum alg alg)
{
	return alg < ALG_COUNT ? algs[alg].size : 0;
}

uint16_t alg_tpm_id(enum alg alg)
{
	return alg < ALG_COUNT ? algs[alg].tpm_id : 0;
}

uint8_t alg_openpgp_id(enum alg alg)
{
	return alg < ALG_COUNT ? algs[alg].openpgp_id : 0;
}

enum alg alg_verity_base(enum alg alg)
{
	return alg == ALG_VERITY_SHA256   ? ALG_SHA256
	       : alg == ALG_VERITY_SHA512 ? ALG_SHA512
					  : ALG_NONE;
}

enum alg alg_verity_of(enum alg base)
{
	return base == ALG_SHA256   ? ALG_VERITY_SHA256
	       : base == ALG_SHA512 ? ALG_VERITY_SHA512
				    : ALG_NONE;
}

enum alg alg_of_name(struct bytes name)
{
	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		if (bytes_equal_string(name, algs[alg].name))
			return alg;
		for (size_t i = 0; i < ARRAY_SIZE(algs[alg].aliases) && algs[alg].aliases[i]; i++)
			if (bytes_equal_string(name, algs[alg].aliases[i]))
				return alg;
	}
	return ALG_NONE;
}

enum alg alg_of_tpm_id(uint16_t id)
{
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (id && algs[alg].tpm_id == id)
			return alg;
	return ALG_NONE;
}

enum alg alg_of_openpgp_id(uint32_t id)
{
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (id && algs[alg].openpgp_id == id)
			return alg;
	return ALG_NONE;
}

int alg_set_parse(const char *list, alg_set *out, struct error *err)
{
	alg_set set = 0;

	for (;;) {
		size_t size = strcspn(list, ",");
		enum alg alg = alg_of_name(bytes_of(list, size));

		if (alg == ALG_NONE)
			return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
					 "unknown algorithm '%.*s'", (int)(size < 64 ? size : 64),
					 list);
		set |= 1u << alg;
		if (!list[size])
			break;
		list += size + 1;
	}
	*out = set;
	return 0;
}

bool digest_init(struct digest *out, enum alg alg, struct bytes value)
{
	if (value.size > DIGEST_SIZE_MAX || (alg != ALG_NONE && value.size != alg_size(alg)))
		return false;
	memset(out, 0, sizeof(*out));
	out->alg = alg;
	out->size = (uint8_t)value.size;
	if (value.size)
		memcpy(out->value, value.data, value.size);
	return true;
}

char *digest_hex(const struct digest *digest, char *out)
{
	hex_write(out, digest_bytes(digest));
	return out;
}
