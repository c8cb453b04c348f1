/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crypto.h"

#include "core/own.h"
#include "tests/unit/test.h"

/*
 * Files of so many letters 'a', by fsverity-utils 1.5: fsverity digest --compact --hash-alg=sha256 (sha512). They end in,
 * before and behind a block, a full block of hashes, and two levels of them.
 */
/* clang-format off */
static const struct verity_case {
	const char *name;
	size_t size;
	const char *sha256, *sha512;
} verity_cases[] = {
	{ "0", 0,
	  "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95",
	  "ccf9e5aea1c2a64efa2f2354a6024b90dffde6bbc017825045dce374474e13d1"
	  "0adb9dadcc6ca8e17a3c075fbd31336e8f266ae6fa93a6c3bed66f9e784e5abf" },
	{ "1", 1,
	  "bce75948b9e7510293f8f2720412af9697c1479281323f3f220623fb8e94b557",
	  "829b82e4646ed8804b8481d26202f11dafed5acde87623a34e9e813fed884e86"
	  "a787bb38095921f6128e2a53f116145b4528b2bfe218c6df6717a03d0be90f4b" },
	{ "4095", 4095,
	  "cff490d058f9ad59d0ced3c2dcc9d7b0e6683a88c3d4fc88ce8d222ddaebb912",
	  "119034c35e8dce58749bdc683061a4e801fac70d39837f705945b4275cd9faaa"
	  "0e851148f041686f50478d7f4e61fc22c87477f5950da76564c4f0d11fcc12ed" },
	{ "4096", 4096,
	  "a2a808ddaced77f0b6b3068f47b14b5a1fb3fc43674993ab11b8e7e6f2d089e2",
	  "36b837c9d8c1c3f992c5be7feed967217668a847866b42eebcdb1ae81239ff85"
	  "6e93ebfac147adc058f5136202836273fc86771c1bcf598aaf9a4529f9e13cd3" },
	{ "4097", 4097,
	  "18b155c0b6e054f3f7d22488ed15340e74dc161ce2d123e13eb685c3ce565f70",
	  "8fe8cfab59a8c2334ce68d1e85f2aff84dc1e1c4c03a68a2c87055c0535bceb0"
	  "57aadd1ec34d3c57a3ce0cd01383da08301137821a5d9c8ee767ae5888a95545" },
	{ "8192", 8192,
	  "58c5012a620ce72c6acdd88e5ed71a011315bbdd8572ce72bc245c97904e1656",
	  "4e08def217cc3b379add0624eae783c3ffb0748885c22a023aef1fce7d760737"
	  "2444a43303f8c33a5914f53395b670bb9e02b3b4cfa389b6acd4254f831dc0d0" },
	{ "262144", 262144,
	  "b2d13654018aa39d82d18057acdb88893710de76b9225e4317b41104aea5618f",
	  "2328f25279bc64639d2ecffdf896fe6ef7b5964696e221d96d25a25a4916b416"
	  "93a4dd835c4f6ecb0df9a8f5b9df64fd80baeb9e42ab816312dc61e7acc1bf01" },
	{ "262145", 262145,
	  "e7c2a188ed320f8af5e449e7b1e983db14f75b175608007cd6f93724e5c2482a",
	  "9ee7c2479abdcaa2149871324c5da9816c2ee097e9952967f92cbf0d2e2638b2"
	  "74748a2fed14cc934d2143f16cb353b967c8e073d3a871a96154ce7b93c97c75" },
	{ "524288", 524288,
	  "35ce0df2a57eb54aeba7969570bac9dfadfac295ec181a03f13ac7a7da54909e",
	  "33cd2ae08a4eda1a3a2c5f2bec21a4fff77bdc6c9bc995a303e954ea612f34ad"
	  "d6e5816f483d74929ef583e01fc5ca12f572ca79304c7317ded5b585e6637d48" },
	{ "524289", 524289,
	  "cc4f297494cf9e0b6f159db6d30a62d3fcc219fc9c0cbc2d8792bd264da4d9cb",
	  "8b542b5e5e4c55e3159544897327f1fedd412d1bf47acdb1137d93845434d71d"
	  "e857ac19151510618c752d604a152d3e5235d48dbfbc431395139f096555664d" },
	{ "1000000", 1000000,
	  "50049eeefec9385017816e55c0783638f225a3938338cbd673ce9ee8bc977100",
	  "798047742a23edec77f96387721f5edb9e52c3753255982d69a3dbf2d8d486e4"
	  "5796a4b8f6d20a5f58e079a8652cd92ff03da86c3e8a77665e7cda28110e3440" },
	{ "17000000", 17000000,
	  "82252b758e7cb2ba48a8a203897c53ef21141aab68b361847e2d8d59d982af99",
	  "11685866df8f52aa924a7e17fe527c223bf0cbcdddebabc3f2fdf76cbeb40cdc"
	  "e1d637f16bf437b1be7b8b98297fc083bf7c31f61625f57f56d6dcbb8e79105f" },
	{ "70000000", 70000000,
	  "0ab601c6897dc98c76806669d40ac2bea6670e33bd6c5c32d4d7f839a56edb19",
	  "fed3a74c707c95352b09cefb46bf262649739075165d8a17c0e7e70022bb5ac1"
	  "bf008445172c7478337f1bd03c5ea31a7e3bdf3cea7f8e0eb94193c61cf7eddb" },
};
/* clang-format on */

/* In pieces of a size that divides nothing, and of whole blocks. */
static void streamed(void **state)
{
	static const size_t pieces[] = { 65536, 40000, 4096, 257 };
	const struct verity_case *row = *state;
	struct digest out[ALG_COUNT];
	uint8_t block[65536];
	struct hasher *hasher;
	struct error err;

	memset(block, 'a', sizeof(block));
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_true(hasher_has(hasher, ALG_VERITY_SHA256) && hasher_has(hasher, ALG_VERITY_SHA512));
	for (size_t i = 0; i < ARRAY_SIZE(pieces) && (i < 1 || row->size <= 1000000); i++) {
		assert_int_equal(hasher_begin(hasher,
					      1u << ALG_VERITY_SHA256 | 1u << ALG_VERITY_SHA512 |
						      1u << ALG_SHA1,
					      &err),
				 0);
		for (size_t left = row->size; left;) {
			size_t n = left < pieces[i] ? left : pieces[i];

			assert_int_equal(hasher_update(hasher, bytes_of(block, n), &err), 0);
			left -= n;
		}
		assert_int_equal(hasher_finish(hasher, out, &err), 0);
		assert_int_equal(out[ALG_VERITY_SHA256].alg, ALG_VERITY_SHA256);
		test_bytes_hex(digest_bytes(&out[ALG_VERITY_SHA256]), row->sha256);
		test_bytes_hex(digest_bytes(&out[ALG_VERITY_SHA512]), row->sha512);
	}
	hasher_free(hasher);
}

static void at_once(void **state)
{
	const struct verity_case *row = *state;
	struct hasher *hasher;
	struct digest digest;
	uint8_t *file = malloc(row->size + 1);
	struct error err;

	assert_non_null(file);
	memset(file, 'a', row->size + 1);
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(hasher_digest_bytes(hasher, ALG_VERITY_SHA256, bytes_of(file, row->size),
					     &digest, &err),
			 0);
	assert_int_equal(digest.alg, ALG_VERITY_SHA256);
	test_bytes_hex(digest_bytes(&digest), row->sha256);
	hasher_free(hasher);
	free(file);
}

static void allocations(void **state)
{
	struct hasher *hasher;
	struct error err;
	unsigned n = 0;
	int status;

	(void)state;
	assert_int_equal(hasher_new(&hasher, &err), 0);
	do {
		test_alloc_fail(++n);
		status = hasher_begin(hasher, 1u << ALG_VERITY_SHA256, &err);
		test_alloc_fail(0);
		if (status < 0)
			assert_int_equal(err.code, ERROR_SYSTEM);
	} while (status < 0);
	assert_true(n > 1);
	hasher_free(hasher);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, streamed, verity_cases);
	TEST_ROWS(&tests, at_once, verity_cases);
	TEST(&tests, allocations);
	return test_run(&tests, "core/crypto_verity");
}
