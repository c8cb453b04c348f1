/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * key_file: files of public keys and certificates, as operators and packages have them: PEM blocks with
 * text around them, or DER, one after the other. A private key among them is refused by name: it was
 * given by mistake, and must not end up in a database.
 *
 * Sources: RFC 7468; RFC 5280, 4.1; RFC 8017, A.1; RFC 5208, 5 and 6; RFC 5915, 3; RFC 7292, 4.
 * Threads: no shared state.
 */
#ifndef CORE_KEY_FILE_H
#define CORE_KEY_FILE_H

#include "core/crypto.h"
#include "core/crypto_key.h"

enum key_form {
	KEY_FORM_CERTIFICATE, /* X.509 */
	KEY_FORM_PUBLIC,      /* a SubjectPublicKeyInfo */
	KEY_FORM_COUNT
};

/* "certificate", "public-key". */
const char *key_form_name(enum key_form form);

/* Keys of one file: the kernel's own list has some dozens. */
#define KEY_FILE_KEYS_MAX 4096

/* One of them; all of it is valid during the call. */
struct key_item {
	enum key_form form;
	struct bytes der;             /* a bare RSA key as a SubjectPublicKeyInfo, too */
	const struct public_key *key; /* that it holds */
};

/* Return 0 to go on, -1 (with *err) to stop. */
typedef int key_item_fn(void *ctx, const struct key_item *item, struct error *err);

/*
 * Calls fn with each key in the file's order. ERROR_MALFORMED where there is none, where a private key is
 * among them, or where one cannot be read; ERROR_LIMIT above KEY_FILE_KEYS_MAX.
 */
int key_file_read(struct bytes file, const char *source, key_item_fn *fn, void *ctx,
		  struct error *err);

/* The form of one DER, and its key: what a file of one would give. *key is the caller's. */
int key_parse(struct bytes der, const char *source, enum key_form *form, struct public_key **key,
	      struct error *err);

/* What a key is called and found by. */
#define KEY_NAME_SIZE   200
#define KEY_SUBJECT_MAX 64 /* bytes of a subject key identifier; longer ones are cut in front */
struct key_facts {
	char name[KEY_NAME_SIZE];  /* a certificate's common name, escaped; else "RSA 2048" */
	struct digest fingerprint; /* SHA-256 of the DER */
	uint8_t id
		[KEY_SUBJECT_MAX]; /* the certificate's subject key identifier, else SHA-1 of the key */
	size_t id_size;
	uint8_t hash[KEY_ID_SIZE]; /* SHA-1 of the key's bits: what evmctl calls a key by */
	/* What signatures name it by: the last 4 bytes of each; one if they are the same. */
	uint32_t short_ids[2];
	size_t n_short_ids;
};

/* Members "form", "name", "key_ids", "subject_key_id" and "fingerprint" of an object. */
struct json;
void key_facts_write(struct json *json, enum key_form form, const struct key_facts *facts);

int key_describe(const struct key_item *item, struct hasher *hasher, struct key_facts *out,
		 struct error *err);

#endif
