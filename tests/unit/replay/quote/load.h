/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of quote share: vectors, changed vectors, and a whole quote from files. */
#ifndef TESTS_UNIT_REPLAY_QUOTE_LOAD_H
#define TESTS_UNIT_REPLAY_QUOTE_LOAD_H

#include "replay/quote/quote.h"
#include "tests/unit/test.h"

#define VECTORS "tests/vectors/quote"

static inline struct bytes load_file(const char *folder, const char *name)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;

	buf_printf(&path, "%s/%s", folder, name);
	assert_int_equal(buf_finish(&path, NULL), 0);
	return test_file((const char *)path.data);
}

/* A change to a vector: bytes overwritten at a place, then cut or grown (with zeros) to a size. */
struct change {
	size_t at;
	const char *hex; /* NULL: nothing overwritten */
	size_t size;     /* 0: as it is; CHANGE_EMPTY: none left */
};

#define CHANGE_EMPTY SIZE_MAX

static inline struct bytes load_changed(const char *name, struct change change)
{
	struct bytes original = load_file(VECTORS, name), copy, patch;
	size_t size = change.size == CHANGE_EMPTY ? 0 : change.size ? change.size : original.size;
	uint8_t *data = calloc(1, size + original.size + 1);

	if (!data)
		abort();
	memcpy(data, original.data, original.size);
	if (change.hex) {
		patch = test_hex(change.hex);
		assert_true(change.at + patch.size <= size + original.size);
		memcpy(data + change.at, patch.data, patch.size);
		test_drop(patch);
	}
	copy = test_copy(bytes_of(data, size));
	free(data);
	test_drop(original);
	return copy;
}

/* The files of a quote and what was read from them. */
struct loaded {
	struct bytes message_bytes, signature_bytes, key_bytes, pcrs_bytes;
	struct hasher *hasher;
	struct quote quote;
	struct quote_signature signature;
	struct quote_key *key;
	bool has_pcrs;
	struct quote_pcrs pcrs;
	enum quote_pcrs_form form;
};

/* pcrs may be NULL. Fails the test if any of them cannot be read. */
static inline struct loaded load_quote(const char *folder, const char *message,
				       const char *signature, const char *key, const char *pcrs)
{
	struct loaded l = { 0 };
	struct error err = { 0 };

	l.message_bytes = load_file(folder, message);
	l.signature_bytes = load_file(folder, signature);
	l.key_bytes = load_file(folder, key);
	if (hasher_new(&l.hasher, &err) < 0 ||
	    quote_parse(l.message_bytes, message, &l.quote, &err) < 0 ||
	    quote_signature_parse(l.signature_bytes, signature, &l.signature, &err) < 0 ||
	    quote_key_parse(l.key_bytes, key, l.hasher, &l.key, &err) < 0)
		fail_msg("%s: %s", err.source, err.message);
	if (pcrs) {
		l.has_pcrs = true;
		l.pcrs_bytes = load_file(folder, pcrs);
		if (quote_pcrs_parse(l.pcrs_bytes, pcrs, &l.quote.selection, &l.pcrs, &l.form,
				     &err) < 0)
			fail_msg("%s: %s", err.source, err.message);
	}
	return l;
}

static inline void load_drop(struct loaded *l)
{
	test_drop(l->message_bytes);
	test_drop(l->signature_bytes);
	test_drop(l->key_bytes);
	if (l->has_pcrs)
		test_drop(l->pcrs_bytes);
	quote_key_free(l->key);
	hasher_free(l->hasher);
}

/* nonce_hex may be NULL. */
static inline struct quote_result load_check(const struct loaded *l, const char *nonce_hex)
{
	struct bytes nonce = { NULL, 0 };
	struct quote_result result;
	struct error err = { 0 };

	if (nonce_hex)
		nonce = test_hex(nonce_hex);
	if (quote_check(l->hasher, &l->quote, &l->signature, l->key, nonce_hex ? &nonce : NULL,
			l->has_pcrs ? &l->pcrs : NULL, &result, &err) < 0)
		fail_msg("%s", err.message);
	if (nonce_hex)
		test_drop(nonce);
	return result;
}

/* One letter a check, in the order of enum quote_check_id: P, F, S. */
static inline void assert_answers(const struct quote_result *result, const char *expected)
{
	char got[QUOTE_CHECK_COUNT + 1] = "";

	for (size_t i = 0; i < QUOTE_CHECK_COUNT; i++)
		got[i] = "PFS"[result->checks[i].answer];
	if (strcmp(got, expected) != 0)
		for (enum quote_check_id id = 0; id < QUOTE_CHECK_COUNT; id++)
			print_message("%s: %s (%s)\n", quote_check_name(id),
				      quote_answer_name(result->checks[id].answer),
				      result->checks[id].detail);
	assert_string_equal(got, expected);
}

#endif
