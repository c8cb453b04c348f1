/* SPDX-License-Identifier: BSD-2-Clause */
/* Vectors: tests/tools/authority.py. */
#include "core/crypto_certificate.h"

#include <dirent.h>

#include "core/crypto_key.h"
#include "core/own.h"
#include "tests/unit/test.h"

#define VECTORS "tests/vectors/certificates/"
#define NOW     INT64_C(1750000000) /* 2025-06-15 */
#define IN_2020 INT64_C(1600000000)
#define IN_2099 INT64_C(4090000000)

static struct bytes vector(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), VECTORS "%s", name);
	return test_file(path);
}

static struct trust *trust_of(const char *const *files, size_t n)
{
	struct trust *trust = NULL;

	assert_int_equal(trust_new(&trust, NULL), 0);
	for (size_t i = 0; i < n && files[i]; i++) {
		struct bytes file = vector(files[i]);

		assert_int_equal(trust_add(trust, file, files[i], NULL), 0);
		test_drop(file);
	}
	assert_int_equal(trust_finish(trust, NULL), 0);
	return trust;
}

static struct chain verify(const struct trust *trust, const struct certificate_list *list,
			   enum certificate_use use, int64_t at)
{
	const struct certificate *between[8];
	struct chain chain;

	assert_true(list->n <= 8);
	for (size_t i = 1; i < list->n; i++)
		between[i - 1] = list->items[i];
	assert_int_equal(trust_verify(trust, list->items[0], between, list->n - 1, use, at, &chain,
				      NULL),
			 0);
	return chain;
}

#define EK CERTIFICATE_OF_EK
#define AK CERTIFICATE_OF_AK

/* clang-format off */
static const struct chain_case {
	const char *name;
	const char *file;
	const char *trusted[3];
	enum certificate_use use;
	int64_t at;
	const char *reason; /* a part of it; NULL: the chain holds */
	const char *about;  /* the certificate that the reason is about, or the anchor */
	size_t n_between;
} chain_cases[] = {
	{ "an EK", "good.pem", {"root.pem"}, EK, NOW, NULL, "CN = Root", 1 },
	{ "the same in DER, one behind the other", "good-chain.der", {"root.pem"}, EK, NOW, NULL, "CN = Root", 1 },
	{ "the operator has the intermediate", "good.der", {"both.pem"}, EK, NOW, NULL, "CN = Root", 1 },
	{ "an intermediate is the anchor", "good.der", {"middle.pem"}, EK, NOW, NULL, "CN = Middle", 0 },
	{ "root and intermediate in two files", "good.der", {"middle.pem", "root.pem"}, EK, NOW, NULL, "CN = Root", 1 },
	{ "the certificate itself is the anchor", "good.der", {"good.der"}, EK, NOW, NULL, "serial 77 of CN = Middle", 0 },
	{ "with padding", "good-padded.der", {"both.pem"}, EK, NOW, NULL, "CN = Root", 1 },
	{ "with a TPM 1.2's header", "good-tpm12.bin", {"both.pem"}, EK, NOW, NULL, "CN = Root", 1 },
	{ "an EK for key agreement", "good-agreement.pem", {"root.pem"}, EK, NOW, NULL, "CN = Root", 1 },
	{ "one that says nothing", "good-bare.pem", {"root.pem"}, EK, NOW, NULL, "CN = Root", 1 },
	{ "an AK", "good-ak.pem", {"root.pem"}, AK, NOW, NULL, "CN = Root", 1 },
	{ "Google's AKs", "good-google-ak.pem", {"root.pem"}, AK, NOW, NULL, "CN = Root", 1 },
	{ "two between", "good-path-1.pem", {"root.pem"}, EK, NOW, NULL, "CN = Root", 2 },
	{ "a name that is permitted", "good-names.pem", {"root.pem"}, EK, NOW, NULL, "CN = Root", 1 },
	{ "an issuer for EKs only", "good-middle-ek.pem", {"root.pem"}, EK, NOW, NULL, "CN = Root", 1 },
	{ "an issuer for anything", "good-middle-any.pem", {"root.pem"}, EK, NOW, NULL, "CN = Root", 1 },
	{ "a root's own SHA-1 does not matter", "good-sha1-root.pem", {"rsa.pem"}, EK, NOW, NULL, "CN = RSA Root", 0 },
	{ "expired, judged when it was valid", "bad-expired.pem", {"root.pem"}, EK, IN_2020, NULL, "CN = Root", 1 },
	{ "its issuer expired, judged when it was valid", "bad-middle-expired.pem", {"root.pem"}, EK, IN_2020, NULL, "CN = Root", 1 },
	{ "not yet valid, judged when it is", "bad-early.pem", {"root.pem"}, EK, IN_2099, NULL, "CN = Root", 1 },
	{ "a list that revokes another", "good.pem", {"root.pem", "revoked-none.crl"}, EK, NOW, NULL, "CN = Root", 1 },
	{ "no issuer", "good.der", {"root.pem"}, EK, NOW, "unable to get local issuer", "serial 77", 0 },
	{ "nothing trusted", "good.pem", {NULL}, EK, NOW, "unable to get", "CN = Middle", 0 },
	{ "another root of that name", "good.pem", {"other.pem"}, EK, NOW, "signature failure", "CN = Middle", 0 },
	{ "self-made authorities", "bad-self-made.pem", {"root.pem"}, EK, NOW, "signature failure", "CN = Middle", 0 },
	{ "self-made, nothing trusted", "bad-self-made.pem", {NULL}, EK, NOW, "self-signed", "CN = Root", 0 },
	{ "self-made under another's root", "bad-self-made.pem", {"rsa.pem"}, EK, NOW, "self-signed", "CN = Root", 0 },
	{ "a signature that is wrong", "bad-signature.pem", {"root.pem"}, EK, NOW, "signature failure", "serial 77", 0 },
	{ "expired", "bad-expired.pem", {"root.pem"}, EK, NOW, "has expired", "of CN = Middle", 0 },
	{ "not yet valid", "bad-early.pem", {"root.pem"}, EK, NOW, "not yet valid", "of CN = Middle", 0 },
	{ "its issuer expired", "bad-middle-expired.pem", {"root.pem"}, EK, NOW, "has expired", "CN = Middle", 0 },
	{ "before all of them", "good.pem", {"root.pem"}, EK, 0, "not yet valid", "CN = Root", 0 },
	{ "an issuer that is no CA", "bad-middle-no-ca.pem", {"root.pem"}, EK, NOW, "invalid CA", "CN = Middle", 0 },
	{ "an issuer that does not say so", "bad-middle-says-nothing.pem", {"root.pem"}, EK, NOW, "CA", "CN = Middle", 0 },
	{ "an issuer that may not sign", "bad-middle-key-usage.pem", {"root.pem"}, EK, NOW, "CA", "CN = Middle", 0 },
	{ "an issuer for TLS", "bad-middle-tls.pem", {"root.pem"}, EK, NOW, "2.23.133.8.1", "CN = Middle", 0 },
	{ "a path too long", "bad-path-0.pem", {"root.pem"}, EK, NOW, "path length", "CN = Middle", 0 },
	{ "a name that is not permitted", "bad-names.pem", {"root.pem"}, EK, NOW, "permitted subtree", "CN = TPM", 0 },
	{ "SHA-1", "bad-sha1.pem", {"rsa.pem"}, EK, NOW, "digest algorithm too weak", "CN = TPM", 0 },
	{ "MD5", "bad-md5.pem", {"rsa.pem"}, EK, NOW, "digest algorithm too weak", "CN = TPM", 0 },
	{ "an issuer's SHA-1", "bad-sha1-middle.pem", {"rsa.pem"}, EK, NOW, "digest algorithm too weak", "CN = Middle", 0 },
	{ "RSA 1024", "bad-small-leaf.pem", {"root.pem"}, EK, NOW, "key too weak", "CN = TPM", 0 },
	{ "an issuer's RSA 1024", "bad-small.pem", {"root.pem"}, EK, NOW, "key too weak", "CN = Small", 0 },
	{ "an unknown critical extension", "bad-critical.pem", {"root.pem"}, EK, NOW, "critical extension", "of CN = Middle", 0 },
	{ "a CA's own", "bad-ca.pem", {"root.pem"}, EK, NOW, "is a CA's", "CN = TPM", 0 },
	{ "an AK for an EK", "good-ak.pem", {"root.pem"}, EK, NOW, "key usage", "of CN = Middle", 0 },
	{ "an EK for an AK", "good.pem", {"root.pem"}, AK, NOW, "digitalSignature", "serial 77", 0 },
	{ "an EK of any usage for an AK", "bad-ak-of-ek.pem", {"root.pem"}, AK, NOW, "2.23.133.8.3", "of CN = Middle", 0 },
	{ "for TLS", "bad-tls.pem", {"root.pem"}, EK, NOW, "2.23.133.8.1", "CN = TPM", 0 },
	{ "for anything", "bad-any.pem", {"root.pem"}, EK, NOW, "2.23.133.8.1", "CN = TPM", 0 },
	{ "revoked", "good.pem", {"root.pem", "revoked.crl"}, EK, NOW, "revoked", "serial 77", 0 },
	{ "revoked by an old list", "good.pem", {"root.pem", "revoked-old.crl"}, EK, NOW, "revoked", "serial 77", 0 },
	{ "its issuer revoked", "good.pem", {"root.pem", "revoked-middle.crl"}, EK, NOW, "revoked", "CN = Middle", 0 },
	{ "its issuer revoked, which the operator has", "good.der", {"both.pem", "revoked-middle.crl"}, EK, NOW, "revoked", "CN = Middle", 0 },
	{ "a list by nobody", "good.pem", {"root.pem", "revoked-forged.crl"}, EK, NOW, "CRL signature failure", "serial 77", 0 },
};
/* clang-format on */

static void chains(void **state)
{
	const struct chain_case *row = *state;
	struct trust *trust = trust_of(row->trusted, ARRAY_SIZE(row->trusted));
	struct bytes file = vector(row->file);
	struct certificate_list list;
	struct chain chain;

	assert_int_equal(certificates_parse(file, row->file, 8, &list, NULL), 0);
	chain = verify(trust, &list, row->use, row->at);
	if (!row->reason) {
		assert_string_equal(chain.reason, "");
		assert_true(chain.holds);
		assert_string_equal(chain.anchor, row->about);
		assert_int_equal(chain.n_between, row->n_between);
	} else {
		assert_false(chain.holds);
		if (!strstr(chain.reason, row->reason) || !strstr(chain.name, row->about))
			fail_msg("%s: %s", chain.name, chain.reason);
		assert_non_null(strstr(chain.dates, " to 20"));
		assert_string_equal(chain.anchor, "");
	}
	certificate_list_clear(&list);
	trust_free(trust);
	test_drop(file);
}

static const struct bad_case {
	const char *name, *file;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"bytes after it",                "bad-bytes-after.der",    ERROR_MALFORMED,   361            },
	{ "cut short",                    "bad-cut.der",            ERROR_MALFORMED,   0              },
	{ "PEM cut short",                "bad-cut.pem",            ERROR_MALFORMED,   ERROR_NO_OFFSET},
	{ "a private key",                "bad-key.pem",            ERROR_MALFORMED,   ERROR_NO_OFFSET},
	{ "only a list",                  "bad-no-certificate.der", ERROR_MALFORMED,   0              },
	{ "TPM 1.2, cut short",           "bad-tpm12-short.bin",    ERROR_TRUNCATED,   5              },
	{ "TPM 1.2, no full certificate", "bad-tpm12-type.bin",     ERROR_UNSUPPORTED, 2              },
	{ "no certificate",               "README.md",              ERROR_MALFORMED,   0              },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct bytes file = vector(row->file), good = vector("good.der");
	struct certificate_list list;
	struct error err = { 0 };

	assert_int_equal(certificates_parse(file, row->file, 8, &list, &err), -1);
	test_error(&err, row->code,
		   strcmp(row->file, "bad-bytes-after.der") == 0 ? good.size : row->offset);
	test_drop(file);
	test_drop(good);
}

/* Cut anywhere it is no certificate; flipped anywhere it chains to nothing, or says the same. */
static void cut_and_flipped(void **state)
{
	static const char *const trusted[] = { "both.pem" };
	struct trust *trust = trust_of(trusted, 1);
	struct bytes file = vector("good.der");
	struct certificate_list list;

	(void)state;
	for (size_t n = 0; n < file.size; n++) {
		struct bytes cut = test_copy(bytes_of(file.data, n));

		assert_int_equal(certificates_parse(cut, "cut", 8, &list, NULL), -1);
		test_drop(cut);
	}
	for (size_t i = 0; i < file.size; i++) {
		struct bytes copy = test_copy(file);

		((uint8_t *)(uintptr_t)copy.data)[i] ^= 0x01;
		if (certificates_parse(copy, "flipped", 8, &list, NULL) == 0) {
			struct chain chain = verify(trust, &list, CERTIFICATE_OF_EK, NOW);

			if (chain.holds)
				fail_msg("byte %zu does not matter", i);
			certificate_list_clear(&list);
		}
		test_drop(copy);
	}
	trust_free(trust);
	test_drop(file);
}

static void limits(void **state)
{
	struct bytes file = vector("good-path-1.pem");
	struct certificate_list list;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(certificates_parse(file, "three", 2, &list, &err), -1);
	test_error(&err, ERROR_LIMIT, ERROR_NO_OFFSET);
	assert_int_equal(certificates_parse(file, "three", 3, &list, &err), 0);
	assert_int_equal(list.n, 3);
	assert_string_equal(public_key_name(certificate_key(list.items[0])), "ECC P-256");
	certificate_list_clear(&list);
	test_drop(file);
}

static void memory(void **state)
{
	struct bytes file = vector("good.pem");
	unsigned n = 0;

	(void)state;
	for (int status = -1; status < 0;) {
		struct certificate_list list;

		test_alloc_fail(++n);
		status = certificates_parse(file, "good.pem", 8, &list, NULL);
		assert_true(status == 0 || test_alloc_failed());
		test_alloc_fail(0);
		if (status == 0)
			certificate_list_clear(&list);
		assert_true(n < 100);
	}
	test_drop(file);
}

/* --- real ones ------------------------------------------------------------------------------------- */

static bool is_certificate_file(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot &&
	       (strcmp(dot, ".pem") == 0 || strcmp(dot, ".crt") == 0 || strcmp(dot, ".cer") == 0);
}

/* One of the folder of real certificates. */
static struct bytes real(const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/ek-certs/%s", test_corpus(), name);
	return test_file(path);
}

/* What manufacturers publish, all of it trusted; attribute certificates are no X.509 certificates. */
static struct trust *trust_of_all(void)
{
	char path[1024];
	struct trust *trust = NULL;
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/ek-certs", test_corpus());
	dir = opendir(path);
	assert_non_null(dir);
	assert_int_equal(trust_new(&trust, NULL), 0);
	while ((entry = readdir(dir))) {
		struct bytes file;

		if (!is_certificate_file(entry->d_name) || strstr(entry->d_name, "attestation__"))
			continue;
		file = real(entry->d_name);
		if (trust_add(trust, file, entry->d_name, NULL) < 0)
			fail_msg("%s cannot be read", entry->d_name);
		test_drop(file);
	}
	closedir(dir);
	assert_int_equal(trust_finish(trust, NULL), 0);
	return trust;
}

/*
 * Manufacturers' CAs chain to their roots (and only then are refused for being CAs); but not those that
 * Infineon's root signed over SHA-1 until 2015, and one that expired in 2025.
 */
static void manufacturers(void **state)
{
	char path[1024];
	struct trust *trust;
	size_t n_hold = 0, n_weak = 0, n_expired = 0;
	struct dirent *entry;
	DIR *dir;

	(void)state;
	if (!test_corpus())
		skip();
	trust = trust_of_all();
	snprintf(path, sizeof(path), "%s/ek-certs", test_corpus());
	dir = opendir(path);
	while ((entry = readdir(dir))) {
		struct certificate_list list;
		struct bytes file;

		if (!is_certificate_file(entry->d_name) || strstr(entry->d_name, "attestation__") ||
		    strstr(entry->d_name, "_cert.pem"))
			continue;
		file = real(entry->d_name);
		assert_int_equal(certificates_parse(file, entry->d_name, 500, &list, NULL), 0);
		for (size_t i = 0; i < list.n; i++) {
			struct chain chain;

			assert_int_equal(trust_verify(trust, list.items[i], NULL, 0,
						      CERTIFICATE_OF_EK, INT64_C(1795000000),
						      &chain, NULL),
					 0);
			assert_false(chain.holds);
			if (strstr(chain.reason, "is a CA's"))
				n_hold++;
			else if (strstr(chain.reason, "too weak") &&
				 strstr(chain.name, "IFX TPM EK"))
				n_weak++;
			else if (strstr(chain.reason, "has expired") &&
				 strstr(chain.name, "IFX TPM EK Intermediate CA 01"))
				n_expired++;
			else
				fail_msg("%s: %s: %s", entry->d_name, chain.name, chain.reason);
		}
		certificate_list_clear(&list);
		test_drop(file);
	}
	closedir(dir);
	assert_true(n_hold > 200 && n_weak > 5 && n_expired > 0);
	trust_free(trust);
}

#define GOOGLE "google-go-tpm-tools__"

static const struct google_case {
	const char *name, *file;
	enum certificate_use use;
} google_cases[] = {
	{"RSA EK",           GOOGLE "uca_tpm_rsa_enc_cert.pem",  EK},
	{ "ECC EK",          GOOGLE "uca_tpm_ecc_enc_cert.pem",  EK},
	{ "RSA AK",          GOOGLE "uca_tpm_rsa_sign_cert.pem", AK},
	{ "ECC AK",          GOOGLE "uca_tpm_ecc_sign_cert.pem", AK},
	{ "private, RSA EK", GOOGLE "pca_tpm_rsa_enc_cert.pem",  EK},
	{ "private, ECC EK", GOOGLE "pca_tpm_ecc_enc_cert.pem",  EK},
	{ "private, RSA AK", GOOGLE "pca_tpm_rsa_sign_cert.pem", AK},
	{ "private, ECC AK", GOOGLE "pca_tpm_ecc_sign_cert.pem", AK},
};

static void google(void **state)
{
	const struct google_case *row = *state;
	struct certificate_list list;
	struct trust *trust;
	struct bytes file;
	struct chain chain;

	if (!test_corpus())
		skip();
	trust = trust_of_all();
	file = real(row->file);
	assert_int_equal(certificates_parse(file, row->file, 8, &list, NULL), 0);
	chain = verify(trust, &list, row->use, NOW);
	assert_string_equal(chain.reason, "");
	assert_true(chain.holds);
	assert_int_equal(chain.n_between, 1);
	chain = verify(trust, &list, row->use == EK ? AK : EK, NOW);
	assert_false(chain.holds);
	certificate_list_clear(&list);
	trust_free(trust);
	test_drop(file);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, chains, chain_cases);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut_and_flipped);
	TEST(&tests, limits);
	TEST(&tests, memory);
	TEST(&tests, manufacturers);
	TEST_ROWS(&tests, google, google_cases);
	return test_run(&tests, "core/crypto_certificate");
}
