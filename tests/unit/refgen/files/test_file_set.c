/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/stat.h>

#include "refgen/files/internal.h"
#include "tests/unit/test.h"

/* A file whose every part says its number; everything in buffers that are gone when it is added. */
static int add(struct file_set *set, unsigned number, struct error *err)
{
	AUTO(buf_clear) struct buf path = BUF_INIT, signature = BUF_INIT;
	struct digest *digests = calloc(2, sizeof(*digests));
	struct golden_file file;
	int status;

	assert_non_null(digests);
	buf_printf(&path, "/dir/%05u", number);
	buf_printf(&signature, "signature %u", number);
	digests[0] = (struct digest){ .alg = ALG_SHA1, .size = 20, .value = { (uint8_t)number } };
	digests[1] = (struct digest){ .alg = ALG_SHA256, .size = 32, .value = { (uint8_t)number } };
	file = (struct golden_file){ .path = buf_bytes(&path),
				     .mode = S_IFREG | 0644,
				     .size = number,
				     .ima_signature = buf_bytes(&signature),
				     .digests = digests,
				     .n_digests = 2 };
	status = file_set_add(set, &file, err);
	memset(digests, 0xee, 2 * sizeof(*digests));
	free(digests);
	return status;
}

static void expect(const struct file_set *set, size_t index, unsigned number)
{
	const struct golden_file *file = &set->files[index];
	char text[32];

	snprintf(text, sizeof(text), "/dir/%05u", number);
	assert_true(bytes_equal_string(file->path, text));
	snprintf(text, sizeof(text), "signature %u", number);
	assert_true(bytes_equal_string(file->ima_signature, text));
	assert_int_equal(file->size, number);
	assert_int_equal(file->n_digests, 2);
	assert_int_equal(file->digests[1].alg, ALG_SHA256);
	assert_int_equal(file->digests[1].value[0], (uint8_t)number);
	assert_int_equal(file->capabilities.size, 0);
}

static void keeps_copies(void **state)
{
	AUTO(file_set_freep) struct file_set *set = NULL;

	(void)state;
	assert_int_equal(file_set_new(1u << ALG_SHA1, &set, NULL), 0);
	for (unsigned i = 0; i < 30000; i++)
		assert_int_equal(add(set, i, NULL), 0);
	assert_int_equal(set->n_files, 30000);
	for (unsigned i = 0; i < 30000; i++)
		expect(set, i, i);
}

static void joins_and_sorts(void **state)
{
	AUTO(file_set_freep) struct file_set *set = NULL, *other = NULL, *none = NULL;

	(void)state;
	assert_int_equal(file_set_new(1u << ALG_SHA1, &set, NULL), 0);
	assert_int_equal(file_set_new(1u << ALG_SHA1, &other, NULL), 0);
	assert_int_equal(file_set_new(1u << ALG_SHA1, &none, NULL), 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(add(i % 3 ? set : other, 999 - i, NULL), 0);
	assert_int_equal(file_set_add_link(other, bytes_of_string("/b"), bytes_of_string("x"),
					   NULL),
			 0);
	assert_int_equal(file_set_add_link(set, bytes_of_string("/c"), bytes_of_string("y"), NULL),
			 0);
	assert_int_equal(file_set_add_link(set, bytes_of_string("/a"), bytes_of_string("z"), NULL),
			 0);
	assert_int_equal(file_set_join(set, none, NULL), 0);
	assert_int_equal(file_set_join(set, other, NULL), 0);
	assert_int_equal(file_set_join(none, other, NULL), 0);
	assert_int_equal(other->n_files, 0);
	assert_int_equal(none->n_files, 0);
	file_set_free(TAKE(other));
	assert_int_equal(add(set, 1000, NULL), 0);
	file_set_sort(set);
	assert_int_equal(set->n_files, 1001);
	for (unsigned i = 0; i <= 1000; i++)
		expect(set, i, i);
	assert_int_equal(set->n_links, 3);
	assert_true(bytes_equal_string(set->links[0].path, "/a"));
	assert_true(bytes_equal_string(set->links[0].target, "z"));
	assert_true(bytes_equal_string(set->links[2].path, "/c"));
	/* An empty one takes over what another has. */
	assert_int_equal(file_set_join(none, set, NULL), 0);
	file_set_free(TAKE(set));
	expect(none, 1000, 1000);
}

static void replaces_content(void **state)
{
	AUTO(file_set_freep) struct file_set *set = NULL;
	struct digest digest = { .alg = ALG_SHA512, .size = 64 };
	struct golden_file content = { .path = bytes_of("/other", 6),
				       .size = 5,
				       .kind = KIND_SCRIPT,
				       .executable = true,
				       .build_id = bytes_of("id", 2),
				       .digests = &digest,
				       .n_digests = 1 };

	(void)state;
	assert_int_equal(file_set_new(1u << ALG_SHA1, &set, NULL), 0);
	assert_int_equal(add(set, 1, NULL), 0);
	assert_int_equal(file_set_content(set, 0, &content, NULL), 0);
	assert_true(bytes_equal_string(set->files[0].path, "/dir/00001"));
	assert_int_equal(set->files[0].size, 5);
	assert_int_equal(set->files[0].kind, KIND_SCRIPT);
	assert_int_equal(set->files[0].n_digests, 1);
	assert_int_equal(set->files[0].digests[0].alg, ALG_SHA512);
	assert_true(bytes_equal_string(set->files[0].build_id, "id"));
}

static void drops_digests(void **state)
{
	AUTO(file_set_freep) struct file_set *set = NULL;

	(void)state;
	assert_int_equal(file_set_new(1u << ALG_SHA1, &set, NULL), 0);
	assert_int_equal(add(set, 1, NULL), 0);
	file_set_only(set, 1u << ALG_SHA256);
	assert_int_equal(set->files[0].n_digests, 1);
	assert_int_equal(set->files[0].digests[0].alg, ALG_SHA256);
	file_set_only(set, 1u << ALG_SHA1);
	assert_int_equal(set->files[0].n_digests, 0);
}

static void keeps_the_artifact(void **state)
{
	AUTO(file_set_freep) struct file_set *set = NULL;
	char name[] = "bash", signer[] = "key";
	struct artifact artifact = { .kind = ARTIFACT_RPM,
				     .size = 7,
				     .name = bytes_of_string(name),
				     .signer = bytes_of_string(signer) };

	(void)state;
	assert_int_equal(file_set_new(0, &set, NULL), 0);
	assert_int_equal(file_set_artifact(set, &artifact, NULL), 0);
	memset(name, 'x', 4);
	memset(signer, 'x', 3);
	assert_true(bytes_equal_string(set->artifact.name, "bash"));
	assert_true(bytes_equal_string(set->artifact.signer, "key"));
	assert_int_equal(set->artifact.package.size, 0);
	assert_int_equal(set->artifact.size, 7);
}

static int fill(struct file_set **set, struct file_set **other, struct error *err)
{
	const struct artifact artifact = { .name = bytes_of("n", 1), .vendor = bytes_of("v", 1) };

	if (file_set_new(1u << ALG_SHA1, set, err) < 0 ||
	    file_set_new(1u << ALG_SHA1, other, err) < 0 ||
	    file_set_artifact(*set, &artifact, err) < 0)
		return -1;
	return file_set_add_link(*set, bytes_of("/l", 2), bytes_of("t", 1), err) < 0 ||
			       file_set_copy(*other, bytes_of("x", 1)).size != 1 ||
			       file_set_join(*set, *other, err) < 0
		       ? -1
		       : 0;
}

static void allocations(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		AUTO(file_set_freep) struct file_set *set = NULL, *other = NULL;
		struct error err = { 0 };
		int got;

		test_alloc_fail(n);
		got = fill(&set, &other, &err);
		test_alloc_fail(0);
		if (got == 0)
			break;
		assert_true(err.code == ERROR_SYSTEM || (other && set->n_links == 1));
	}
}

/* security.capability as setcap wrote it, and what getcap printed. */
static const struct capability_case {
	const char *name, *hex, *text;
} capability_cases[] = {
	{"one",		    "0100000200200000 000000000000000000000000",           "cap_net_raw=ep" },
	{ "not effective",         "0000000200200000 000000000000000000000000",           "cap_net_raw=p"  },
	{ "two",		   "0100000200340000 000000000000000000000000",
         "cap_net_bind_service,cap_net_admin,cap_net_raw=ep"                                               },
	{ "inheritable too",       "0100000200200000 0020000000000000 00000000",          "cap_net_raw=eip"},
	{ "different sets",        "0000000200200000 0100000000000000 00000000",
         "cap_net_raw=p cap_chown=i"								       },
	{ "upper half",            "0100000200000000 0000000080000000 00000000",          "cap_bpf=ep"     },
	{ "one that is not known", "0100000200000000 0000000000800000 00000000",          "47=ep"          },
	{ "with a namespace",      "0100000300200000 0000000000000000 00000000 e8030000",
         "cap_net_raw=ep"										  },
	{ "first revision",        "01000001 00200000 00000000",                          "cap_net_raw=ep" },
	{ "none",		  "0100000200000000 000000000000000000000000",           ""               },
	{ "cut short",             "0100000200200000 0000000000000000 000000",            ""               },
	{ "too long",              "0100000200200000 0000000000000000 00000000 00",       ""               },
	{ "no revision",           "0100000000200000 0000000000000000 00000000",          ""               },
	{ "a later revision",      "0100000400200000 0000000000000000 00000000 00000000", ""               },
	{ "empty",                 "",						    ""               },
};

static void capabilities(void **state)
{
	const struct capability_case *row = *state;
	struct bytes xattr = test_hex(row->hex);
	AUTO(buf_clear) struct buf text = BUF_INIT;

	capabilities_append(&text, xattr);
	assert_int_equal(buf_finish(&text, NULL), 0);
	assert_string_equal((char *)text.data, row->text);
	test_drop(xattr);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, keeps_copies);
	TEST(&tests, joins_and_sorts);
	TEST(&tests, replaces_content);
	TEST(&tests, drops_digests);
	TEST(&tests, keeps_the_artifact);
	TEST(&tests, allocations);
	TEST_ROWS(&tests, capabilities, capability_cases);
	return test_run(&tests, "refgen/files/file_set");
}
