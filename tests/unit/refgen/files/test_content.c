/* SPDX-License-Identifier: BSD-2-Clause */
#include <elf.h>
#include <sys/stat.h>

#include "refgen/files/files.h"
#include "tests/unit/test.h"

/* --- making ELF files: of either class and byte order, with just what the cases need ---------------- */

struct form {
	const char *name;
	bool is_64, big_endian;
};

static void put(const struct form *form, uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[form->big_endian ? size - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static void append(const struct form *form, struct buf *out, uint64_t value, size_t size)
{
	uint8_t wire[8];

	put(form, wire, value, size);
	buf_append(out, bytes_of(wire, size));
}

/* A value that has the size of an address in this class. */
static void append_word(const struct form *form, struct buf *out, uint64_t value)
{
	append(form, out, value, form->is_64 ? 8 : 4);
}

static size_t ehdr_size(const struct form *form)
{
	return form->is_64 ? 64 : 52;
}

static void append_ehdr(const struct form *form, struct buf *out, unsigned type, uint64_t phoff,
			unsigned phnum, uint64_t shoff, unsigned shnum, unsigned shstrndx)
{
	const uint8_t ident[16] = {
		0x7f, 'E', 'L', 'F', form->is_64 ? 2 : 1, form->big_endian ? 2 : 1, 1
	};

	buf_append(out, bytes_of(ident, sizeof(ident)));
	append(form, out, type, 2);
	append(form, out, 62, 2);
	append(form, out, 1, 4);
	append_word(form, out, 0); /* entry */
	append_word(form, out, phoff);
	append_word(form, out, shoff);
	append(form, out, 0, 4);
	append(form, out, ehdr_size(form), 2);
	append(form, out, form->is_64 ? 56 : 32, 2);
	append(form, out, phnum, 2);
	append(form, out, form->is_64 ? 64 : 40, 2);
	append(form, out, shnum, 2);
	append(form, out, shstrndx, 2);
}

static void append_phdr(const struct form *form, struct buf *out, uint32_t type, uint64_t offset,
			uint64_t size, uint64_t align)
{
	append(form, out, type, 4);
	if (form->is_64)
		append(form, out, 4, 4);
	append_word(form, out, offset);
	append_word(form, out, 0);
	append_word(form, out, 0);
	append_word(form, out, size);
	append_word(form, out, size);
	if (!form->is_64)
		append(form, out, 4, 4);
	append_word(form, out, align);
}

static void append_shdr(const struct form *form, struct buf *out, uint32_t name, uint32_t type,
			uint64_t offset, uint64_t size)
{
	append(form, out, name, 4);
	append(form, out, type, 4);
	append_word(form, out, 0);
	append_word(form, out, 0);
	append_word(form, out, offset);
	append_word(form, out, size);
	append(form, out, 0, 4);
	append(form, out, 0, 4);
	append_word(form, out, 4);
	append_word(form, out, 0);
}

static void append_note(const struct form *form, struct buf *out, const char *name, uint32_t type,
			struct bytes description)
{
	append(form, out, strlen(name) + 1, 4);
	append(form, out, description.size, 4);
	append(form, out, type, 4);
	buf_append(out, bytes_of(name, strlen(name) + 1));
	while (out->size % 4)
		buf_append_u8(out, 0);
	buf_append(out, description);
	while (out->size % 4)
		buf_append_u8(out, 0);
}

static const uint8_t build_id[20] = { 0xb1, 0x1d, 3,  4,  5,  6,  7,  8,  9,  10,
				      11,   12,   13, 14, 15, 16, 17, 18, 19, 20 };

/* What a made executable or shared object has. */
enum { INTERP = 1, DYNAMIC = 2, PIE = 4, NOTES = 8 };

/* An executable or shared object: headers, `far` bytes, then notes and dynamic section. */
static void make_object(const struct form *form, unsigned type, unsigned has, size_t far,
			struct buf *out)
{
	const size_t phdr = form->is_64 ? 56 : 32, dyn = form->is_64 ? 16 : 8;
	const unsigned n = 1 + !!(has & INTERP) + !!(has & DYNAMIC) + !!(has & NOTES);
	size_t at = ehdr_size(form) + n * phdr + far;
	AUTO(buf_clear) struct buf notes = BUF_INIT;

	at += -at & 7;
	append_note(form, &notes, "Linux", 1, bytes_of("abcd", 4));
	append_note(form, &notes, "GNU", NT_GNU_BUILD_ID, bytes_of(build_id, sizeof(build_id)));
	append_ehdr(form, out, type, ehdr_size(form), n, 0, 0, 0);
	append_phdr(form, out, PT_LOAD, 0, at, 4096);
	if (has & INTERP)
		append_phdr(form, out, PT_INTERP, 0, 4, 1);
	if (has & NOTES)
		append_phdr(form, out, PT_NOTE, at, notes.size, 4);
	if (has & DYNAMIC)
		append_phdr(form, out, PT_DYNAMIC, at + (has & NOTES ? notes.size : 0), 3 * dyn, 8);
	while (out->size < at)
		buf_append_u8(out, 0xee);
	if (has & NOTES)
		buf_append(out, buf_bytes(&notes));
	if (has & DYNAMIC) {
		append_word(form, out, DT_SONAME);
		append_word(form, out, DF_1_PIE);
		append_word(form, out, DT_FLAGS_1);
		append_word(form, out, has & PIE ? DF_1_PIE | DF_1_NOW : DF_1_NOW);
		append_word(form, out, DT_NULL);
		append_word(form, out, 0);
	}
}

/* A relocatable object, with .modinfo as a kernel module has it. */
static void make_relocatable(const struct form *form, bool module, bool is_signed, struct buf *out)
{
	static const char names[] = "\0.modinfo\0.note.gnu.build-id\0.shstrtab";
	AUTO(buf_clear) struct buf notes = BUF_INIT;
	size_t names_at = ehdr_size(form), modinfo_at = names_at + sizeof(names), notes_at,
	       table_at;

	append_note(form, &notes, "GNU", NT_GNU_BUILD_ID, bytes_of(build_id, sizeof(build_id)));
	notes_at = modinfo_at + 16;
	table_at = notes_at + notes.size;
	append_ehdr(form, out, ET_REL, 0, 0, table_at, 4, 3);
	buf_append(out, bytes_of(names, sizeof(names)));
	buf_append(out, bytes_of("license=GPL\0\0\0\0", 16));
	buf_append(out, buf_bytes(&notes));
	append_shdr(form, out, 0, SHT_NULL, 0, 0);
	append_shdr(form, out, module ? 1 : 2, SHT_PROGBITS, modinfo_at, 16);
	append_shdr(form, out, 10, SHT_NOTE, notes_at, notes.size);
	append_shdr(form, out, 29, SHT_STRTAB, names_at, sizeof(names));
	if (is_signed)
		buf_append_string(out, "PKCS#7~Module signature appended~\n");
}

/* --- looking at files ------------------------------------------------------------------------------ */

struct seen {
	struct golden_file file;
	struct content *content;
};

static void seen_clear(struct seen *seen)
{
	content_free(seen->content);
}

static int feed(struct seen *seen, struct bytes in, size_t step, struct error *err)
{
	while (in.size) {
		size_t n = in.size < step ? in.size : step;
		struct bytes block = test_copy(bytes_of(in.data, n));
		int status = content_feed(seen->content, block, err);

		test_drop(block);
		if (status < 0)
			return -1;
		in = bytes_of(in.data + n, in.size - n);
	}
	return 0;
}

static int look(struct seen *seen, const char *path, uint32_t mode, alg_set algs, struct bytes in,
		size_t step, struct error *err)
{
	if (!seen->content && content_new(&seen->content, err) < 0)
		return -1;
	if (content_begin(seen->content, bytes_of_string(path), mode, algs, err) < 0 ||
	    feed(seen, in, step, err) < 0 || content_finish(seen->content, &seen->file, err) < 0)
		return -1;
	return 0;
}

static const struct form forms[] = {
	{"64 bits, little endian",  true,  false},
	{ "64 bits, big endian",    true,  true },
	{ "32 bits, little endian", false, false},
	{ "32 bits, big endian",    false, true },
};

static const size_t step_sizes[] = { 1, 7, 64, 4096, 1 << 20 };

static const struct object_case {
	const char *name;
	unsigned type, has;
	enum file_kind kind;
} objects[] = {
	{"static executable",                        ET_EXEC, NOTES,                          KIND_EXECUTABLE   },
	{ "executable",			      ET_EXEC, INTERP | DYNAMIC | NOTES,       KIND_EXECUTABLE   },
	{ "executable without build-id",             ET_EXEC, INTERP,                         KIND_EXECUTABLE   },
	{ "position-independent executable",         ET_DYN,  INTERP | DYNAMIC | PIE | NOTES,
         KIND_EXECUTABLE											},
	{ "static position-independent executable",  ET_DYN,  DYNAMIC | PIE | NOTES,
         KIND_EXECUTABLE											},
	{ "shared object",			   ET_DYN,  DYNAMIC | NOTES,                KIND_SHARED_OBJECT},
	{ "shared object without a dynamic section", ET_DYN,  NOTES,                          KIND_SHARED_OBJECT},
	{ "library that runs, as glibc's does",      ET_DYN,  INTERP | DYNAMIC | NOTES,
         KIND_SHARED_OBJECT										     },
	{ "executable without a dynamic section",    ET_DYN,  INTERP,                         KIND_EXECUTABLE   },
	{ "core dump",			       ET_CORE, NOTES,                          KIND_OBJECT       },
	{ "a type of its own",                       0xfe00,  INTERP | NOTES,                 KIND_OBJECT       },
};

/* However far from the start its parts are, in whatever blocks it comes. */
static void object(void **state)
{
	const struct object_case *row = *state;
	static const size_t far[] = { 0, 4000, 5000, 300000 };

	for (size_t i = 0; i < ARRAY_SIZE(forms) * ARRAY_SIZE(far); i++) {
		AUTO(buf_clear) struct buf in = BUF_INIT;
		AUTO(seen_clear) struct seen seen = { 0 };
		bool has_id = row->has & NOTES && row->kind != KIND_OBJECT;

		make_object(&forms[i % 4], row->type, row->has, far[i / 4], &in);
		for (size_t j = far[i / 4] > 100000 ? 2 : 0; j < ARRAY_SIZE(step_sizes); j++) {
			assert_int_equal(look(&seen, "/x", S_IFREG | 0644, 1u << ALG_SHA256,
					      buf_bytes(&in), step_sizes[j], NULL),
					 0);
			assert_int_equal(seen.file.kind, row->kind);
			assert_int_equal(seen.file.size, in.size);
			assert_int_equal(seen.file.executable, row->kind == KIND_EXECUTABLE);
			assert_false(seen.file.module_signed);
			test_bytes(seen.file.build_id,
				   bytes_of(build_id, has_id ? sizeof(build_id) : 0));
		}
	}
}

static const struct module_case {
	const char *name, *path;
	bool module, is_signed;
	enum file_kind kind;
} modules[] = {
	{"module",                  "/usr/lib/modules/6/x.ko", true,  false, KIND_KERNEL_MODULE},
	{ "signed module",          "/usr/lib/modules/6/x.ko", true,  true,  KIND_KERNEL_MODULE},
	{ "module of another name", "/x",                      true,  true,  KIND_KERNEL_MODULE},
	{ "object",                 "/usr/lib/crt1.o",         false, false, KIND_OBJECT       },
	{ "object called a module", "/x.ko",                   false, true,  KIND_OBJECT       },
};

static void module(void **state)
{
	const struct module_case *row = *state;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		AUTO(buf_clear) struct buf in = BUF_INIT;
		AUTO(seen_clear) struct seen seen = { 0 };

		make_relocatable(&forms[i], row->module, row->is_signed, &in);
		for (size_t j = 0; j < ARRAY_SIZE(step_sizes); j++) {
			assert_int_equal(look(&seen, row->path, S_IFREG | 0644, 1u << ALG_SHA256,
					      buf_bytes(&in), step_sizes[j], NULL),
					 0);
			assert_int_equal(seen.file.kind, row->kind);
			assert_int_equal(seen.file.module_signed, row->module && row->is_signed);
			assert_false(seen.file.executable);
			test_bytes(seen.file.build_id, bytes_of(build_id, sizeof(build_id)));
		}
	}
}

/* make_relocatable's signed module (64 bits, little endian), compressed by other programs. */
static const struct packed_case {
	const char *name, *path, *hex;
	enum file_kind kind;
} packed[] = {
	{"xz",				      "/lib/modules/6/x.ko.xz",
         "fd377a585a0000016922de36020021010c0000008f98419ce001bc00b05d003f914584683d862600"
	  "be3ba2d5e6d33ccc66efb82afb5fedba96f9b05fe7333350f94a71c8308a11d71dc7c74fcd1911e6"
	  "d85f673510d6d8edc3b65fcd04a4aa47cd73db1b202a142a37c5b81d03058b25f8420c643c61aa43"
	  "7b677104a8d62e6370d86e8ed4200af1051f48b373c91d148098dad941e867800256d54604f6f681"
	  "cc377ca4313aa42f0f162a99a5796e0d608b4a5b8085270a5b02853d5cae00b75fe97b35a026ba61"
	  "406ef8db08910000ebcb75870001c801bd030000aa49d0ee3e300d8b020000000001595a",					      KIND_KERNEL_MODULE},
	{ "zstd",				   "/lib/modules/6/x.ko.zst",
         "28b52ffd0468dd0500e2ca262750758b01305364660a14d1d28de22b7438cdf490e3633c32ffcc1d"
	  "c8d30a8595fc29ec6d3b760a96a9da8aed68e46996146e0f7f576b160c6bce98220d4e05b3796cf2"
	  "7fe62855ffadeb5ffc3cc65828ae04e2602858844125084c99a5ded170ffe57fecfffcff771b6e62"
	  "35b69f0bdee36dd2d6214d5f2fa48237f4d0107fd4ee8ce93308df9a45f4979fdffe4bbe1df578ca"
	  "e363045c3acb290f20d0d70c4db29b68633201890e8d0d6d6eb64c6e28316ed8174273015fc249a0",				      KIND_KERNEL_MODULE},
	{ "gzip",				   "/lib/modules/6/x.ko.gz",
         "1f8b0800000000000203ab77f57163626464800146063b06040f016623b11d182cc0240b03330383"
	  "5e6e7e4a665e5a3e835e5e7e49aa5e7a5ea95e5269664e8a6e660a835e7146714951496212434e66"
	  "726a5e71aaad7b800fd8081620160162a0010cee7ea10c1b65995958d9d83938b9b87978f9f80504"
	  "8584451848042c687c46284607e9505a80807e2e2066c7a2bf1c4aab10d02f0bf51f3a7080d2ea04"
	  "f407783b072b9bd7f9e6a794e6a42a1467a6e725969416a52a241614a4e6a5a4a6d4710100ebcb75"
	  "87bd010000",													    KIND_KERNEL_MODULE},
	{ "another name",			   "/lib/modules/6/x.xz",
         "fd377a585a0000016922de36020021010c0000008f98419ce001bc00b05d003f914584683d862600"
	  "be3ba2d5e6d33ccc66efb82afb5fedba96f9b05fe7333350f94a71c8308a11d71dc7c74fcd1911e6"
	  "d85f673510d6d8edc3b65fcd04a4aa47cd73db1b202a142a37c5b81d03058b25f8420c643c61aa43"
	  "7b677104a8d62e6370d86e8ed4200af1051f48b373c91d148098dad941e867800256d54604f6f681"
	  "cc377ca4313aa42f0f162a99a5796e0d608b4a5b8085270a5b02853d5cae00b75fe97b35a026ba61"
	  "406ef8db08910000ebcb75870001c801bd030000aa49d0ee3e300d8b020000000001595a",					      KIND_OTHER        },
	{ "another compression than its name says", "/x.ko.zst",
         "1f8b0800000000000203ab77f57163626464800146063b06040f016623b11d182cc0240b03330383"
	  "5e6e7e4a665e5a3e835e5e7e49aa5e7a5ea95e5269664e8a6e660a835e7146714951496212434e66"
	  "726a5e71aaad7b800fd8081620160162a0010cee7ea10c1b65995958d9d83938b9b87978f9f80504"
	  "8584451848042c687c46284607e9505a80807e2e2066c7a2bf1c4aab10d02f0bf51f3a7080d2ea04"
	  "f407783b072b9bd7f9e6a794e6a42a1467a6e725969416a52a241614a4e6a5a4a6d4710100ebcb75"
	  "87bd010000",													    KIND_OTHER        },
	{ "cut short",			      "/x.ko.zst",
         "28b52ffd0468dd0500e2ca262750758b01305364660a14d1d28de22b7438cdf490e3633c32ffcc1d"
	  "c8d30a8595fc29ec6d3b760a96a9da8aed68e46996146e0f7f576b160c6bce98220d4e05b3796cf2"
	  "7fe62855ffadeb5ffc3cc65828ae04e260285884",									      KIND_OTHER        },
	{ "no module inside",                       "/x.ko.gz",                "1f8b08000000000002032b49ad280100c7a78b3b04000000",
         KIND_OTHER																  },
};

static void compressed_module(void **state)
{
	const struct packed_case *row = *state;
	struct bytes in = test_hex(row->hex);
	AUTO(seen_clear) struct seen seen = { 0 };

	for (size_t j = 0; j < ARRAY_SIZE(step_sizes); j++) {
		assert_int_equal(look(&seen, row->path, S_IFREG | 0644, 1u << ALG_SHA256, in,
				      step_sizes[j], NULL),
				 0);
		assert_int_equal(seen.file.kind, row->kind);
		assert_int_equal(seen.file.module_signed, row->kind == KIND_KERNEL_MODULE);
		assert_int_equal(seen.file.size, in.size);
		test_bytes(seen.file.build_id,
			   bytes_of(build_id,
				    row->kind == KIND_KERNEL_MODULE ? sizeof(build_id) : 0));
	}
	test_drop(in);
}

static const struct plain_case {
	const char *name, *path, *text;
	uint32_t mode;
	enum file_kind kind;
	bool executable;
} plains[] = {
	{"empty",		      "/x",				     "",             0644, KIND_OTHER,    false},
	{ "empty and executable",      "/x",                                     "",             0755, KIND_OTHER,    true },
	{ "text",		      "/etc/motd",                              "hello\n",      0644, KIND_OTHER,    false},
	{ "script",		    "/x",				     "#!/bin/sh\n",  0644, KIND_SCRIPT,   true },
	{ "script with a blank",       "/x",                                     "#! /bin/sh\n", 0755, KIND_SCRIPT,   true },
	{ "script by name",            "/x",				     "#!python\n",   0755, KIND_SCRIPT,   true },
	{ "just the magic",            "/x",				     "#!",           0644, KIND_SCRIPT,   true },
	{ "a comment",                 "/x",				     "# !\n",        0644, KIND_OTHER,    false},
	{ "rust source",               "/x.rs",				  "#![no_std]\n", 0644, KIND_OTHER,    false},
	{ "one byte",                  "/x",				     "#",            0644, KIND_OTHER,    false},
	{ "firmware",                  "/usr/lib/firmware/a.bin",                "\x01",         0644, KIND_FIRMWARE, false},
	{ "firmware before usr-merge", "/lib/firmware/a.bin",
         "\x7f"
	  "ELF",										 0644, KIND_FIRMWARE, false},
	{ "microcode",                 "/kernel/x86/microcode/GenuineIntel.bin", "\x01",         0644, KIND_FIRMWARE,
         false													     },
	{ "no firmware",               "/usr/lib/firmwareless",                  "\x01",         0644, KIND_OTHER,    false},
	{ "an ELF magic alone",        "/x",
         "\x7f"
	  "ELF",										 0755, KIND_OBJECT,   true },
	{ "not quite ELF",             "/x",
         "\x7f"
	  "ELG and more",									0644, KIND_OTHER,    false},
	{ "half a magic",              "/x",
         "\x7f"
	  "EL",										  0644, KIND_OTHER,    false},
	{ "a module's name alone",     "/x.ko.xz",                               "text",         0644, KIND_OTHER,    false},
	{ "a module of nothing",       "/x.ko.zst",                              "",             0644, KIND_OTHER,    false},
	{ "execute bit of others",     "/x",                                     "x",            0601, KIND_OTHER,    true },
};

static void plain(void **state)
{
	const struct plain_case *row = *state;
	AUTO(seen_clear) struct seen seen = { 0 };

	assert_int_equal(look(&seen, row->path, S_IFREG | row->mode, 1u << ALG_SHA256,
			      bytes_of_string(row->text), 3, NULL),
			 0);
	assert_int_equal(seen.file.kind, row->kind);
	assert_int_equal(seen.file.executable, row->executable);
	assert_int_equal(seen.file.build_id.size, 0);
}

/* Digests come sorted, of what was asked for and nothing else: FIPS 180's "abc", and MD5's. */
static void digests(void **state)
{
	const alg_set algs = 1u << ALG_MD5 | 1u << ALG_SHA512 | 1u << ALG_SHA1 | 1u << ALG_SHA256;
	AUTO(seen_clear) struct seen seen = { 0 };
	char hex[DIGEST_HEX_SIZE];

	(void)state;
	assert_int_equal(look(&seen, "/x", S_IFREG, algs, bytes_of_string("abc"), 2, NULL), 0);
	assert_int_equal(seen.file.n_digests, 4);
	assert_string_equal(digest_hex(&seen.file.digests[0], hex),
			    "a9993e364706816aba3e25717850c26c9cd0d89d");
	assert_string_equal(digest_hex(&seen.file.digests[1], hex),
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(seen.file.digests[2].alg, ALG_SHA512);
	assert_string_equal(digest_hex(&seen.file.digests[3], hex),
			    "900150983cd24fb0d6963f7d28e17f72");
	assert_ptr_equal(content_digest(seen.content, ALG_SHA384), NULL);
	assert_string_equal(digest_hex(content_digest(seen.content, ALG_MD5), hex),
			    "900150983cd24fb0d6963f7d28e17f72");
	/* The next file begins afresh. */
	assert_int_equal(look(&seen, "/x", S_IFREG, 1u << ALG_SHA1, bytes_of_string(""), 2, NULL),
			 0);
	assert_int_equal(seen.file.n_digests, 1);
	assert_int_equal(seen.file.size, 0);
	assert_string_equal(digest_hex(&seen.file.digests[0], hex),
			    "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	assert_true(content_has(seen.content, algs, NULL));
}

/* --- hostile files ------------------------------------------------------------------------------- */

static void look_anyhow(struct bytes in, const char *path)
{
	AUTO(seen_clear) struct seen seen = { 0 };

	for (size_t j = 2; j < ARRAY_SIZE(step_sizes); j++)
		assert_int_equal(look(&seen, path, S_IFREG, 1u << ALG_SHA1, in, step_sizes[j],
				      NULL),
				 0);
}

static void cut_and_flipped(void **state)
{
	const struct form *form = *state;

	for (int i = 0; i < 3; i++) {
		AUTO(buf_clear) struct buf in = BUF_INIT;

		if (i == 0)
			make_relocatable(form, true, true, &in);
		else
			make_object(form, ET_DYN, DYNAMIC | PIE | NOTES, i == 1 ? 0 : 4500, &in);
		for (size_t size = 0; size < in.size; size += size < 600 ? 1 : 97)
			look_anyhow(bytes_of(in.data, size), "/x.ko");
		for (size_t at = 0; at < in.size; at += at < 600 ? 1 : 97) {
			struct bytes bad = test_copy(buf_bytes(&in));

			for (int bit = 0; bit < 8; bit += 3) {
				((uint8_t *)(uintptr_t)bad.data)[at] ^= (uint8_t)(1 << bit);
				look_anyhow(bad, "/x");
			}
			test_drop(bad);
		}
	}
}

/* Tables as large as the header can say, segments and sections anywhere. */
static void lies(void **state)
{
	const struct form *form = *state;
	const uint64_t top = form->is_64 ? UINT64_MAX : UINT32_MAX;
	static const unsigned types[] = { ET_EXEC, ET_DYN, ET_REL };

	for (size_t i = 0; i < 3; i++) {
		AUTO(buf_clear) struct buf in = BUF_INIT;

		append_ehdr(form, &in, types[i], top, 0xffff, top, 0xffff, 0xfffe);
		look_anyhow(buf_bytes(&in), "/x");
		in.size = 0;
		append_ehdr(form, &in, types[i], ehdr_size(form), 3, top - 8, 3, 2);
		append_phdr(form, &in, PT_NOTE, top - 4, 60, 4);
		append_phdr(form, &in, PT_DYNAMIC, top - 60000, 60000, 4);
		append_phdr(form, &in, PT_NOTE, 100, top, 8);
		look_anyhow(buf_bytes(&in), "/x");
		in.size = 0;
		append_ehdr(form, &in, types[i], 0, 0, ehdr_size(form), 3, 2);
		append_shdr(form, &in, 0, SHT_NULL, 0, 0);
		append_shdr(form, &in, UINT32_MAX, SHT_PROGBITS, top, top);
		append_shdr(form, &in, 0, SHT_STRTAB, top - 4, 8);
		look_anyhow(buf_bytes(&in), "/x");
	}
}

/* Notes whose sizes do not fit, or that are no build-id. */
static const struct note_case {
	const char *name, *hex;
} bad_notes[] = {
	{"name too long",         "ffffffff 04000000 03000000 474e5500 01020304"     },
	{ "description too long", "04000000 ffffffff 03000000 474e5500 01020304"     },
	{ "cut short",            "04000000 08000000 03000000 474e5500 01020304"     },
	{ "build-id of nothing",  "04000000 00000000 03000000 474e5500"              },
	{ "build-id too long",
         "04000000 41000000 03000000 474e5500"
	  "0000000000000000000000000000000000000000000000000000000000000000"
	  "0000000000000000000000000000000000000000000000000000000000000000 00000000"},
	{ "another's note",       "04000000 04000000 03000000 474e5400 01020304"     },
	{ "name without NUL",     "03000000 04000000 03000000 474e5500 01020304"     },
};

static void no_build_id(void **state)
{
	const struct note_case *row = *state;
	const struct form *form = &forms[0];
	struct bytes note = test_hex(row->hex);
	AUTO(buf_clear) struct buf in = BUF_INIT;
	AUTO(seen_clear) struct seen seen = { 0 };

	append_ehdr(form, &in, ET_EXEC, 64, 1, 0, 0, 0);
	append_phdr(form, &in, PT_NOTE, 120, note.size, 4);
	buf_append(&in, note);
	assert_int_equal(look(&seen, "/x", S_IFREG, 1u << ALG_SHA1, buf_bytes(&in), 1000, NULL), 0);
	assert_int_equal(seen.file.kind, KIND_EXECUTABLE);
	assert_int_equal(seen.file.build_id.size, 0);
	test_drop(note);
}

/* Too large to be held: its header must do. */
static void a_huge_object(void **state)
{
	AUTO(buf_clear) struct buf in = BUF_INIT;
	AUTO(seen_clear) struct seen seen = { 0 };
	static const uint8_t block[1 << 16];

	(void)state;
	make_relocatable(&forms[0], true, false, &in);
	assert_int_equal(content_new(&seen.content, NULL), 0);
	assert_int_equal(content_begin(seen.content, bytes_of_string("/x.ko"), S_IFREG,
				       1u << ALG_SHA1, NULL),
			 0);
	assert_int_equal(content_feed(seen.content, buf_bytes(&in), NULL), 0);
	for (size_t i = 0; i < CONTENT_HELD_MAX / sizeof(block); i++)
		assert_int_equal(content_feed(seen.content, bytes_of(block, sizeof(block)), NULL),
				 0);
	assert_int_equal(content_finish(seen.content, &seen.file, NULL), 0);
	assert_int_equal(seen.file.kind, KIND_OBJECT);
	assert_int_equal(seen.file.size, CONTENT_HELD_MAX + in.size);
}

static void allocations(void **state)
{
	AUTO(buf_clear) struct buf in = BUF_INIT;

	(void)state;
	make_object(&forms[0], ET_DYN, DYNAMIC | PIE | NOTES, 5000, &in);
	for (unsigned n = 1;; n++) {
		AUTO(seen_clear) struct seen seen = { 0 };
		struct error err = { 0 };
		int got;

		test_alloc_fail(n);
		if (content_new(&seen.content, &err) < 0 ||
		    content_begin(seen.content, bytes_of_string("/x"), S_IFREG, 1u << ALG_SHA1,
				  &err) < 0 ||
		    content_feed(seen.content, buf_bytes(&in), &err) < 0)
			got = -1;
		else
			got = content_finish(seen.content, &seen.file, &err);
		test_alloc_fail(0);
		if (got == 0) {
			assert_int_equal(seen.file.kind, KIND_EXECUTABLE);
			break;
		}
		assert_int_equal(err.code, ERROR_SYSTEM);
		/* The same content takes the next file. */
		if (seen.content)
			assert_int_equal(look(&seen, "/x", S_IFREG, 1u << ALG_SHA1, buf_bytes(&in),
					      99, NULL),
					 0);
	}
}

/* The running test is a program itself. */
static void this_program(void **state)
{
	struct bytes in = test_file("/proc/self/exe");
	AUTO(seen_clear) struct seen seen = { 0 };

	(void)state;
	assert_int_equal(look(&seen, "/usr/bin/test", S_IFREG, 1u << ALG_SHA256, in, 1 << 16, NULL),
			 0);
	assert_int_equal(seen.file.kind, KIND_EXECUTABLE);
	test_drop(in);
}

int main(int argc, char **argv)
{
	struct test_list tests = { 0 };

	/* Writes the module of the rows in packed, for another program to compress. */
	if (argc == 2 && strcmp(argv[1], "--write-module") == 0) {
		AUTO(buf_clear) struct buf out = BUF_INIT;

		make_relocatable(&forms[0], true, true, &out);
		return fwrite(out.data, 1, out.size, stdout) != out.size;
	}
	(void)argv;
	TEST_ROWS(&tests, object, objects);
	TEST_ROWS(&tests, module, modules);
	TEST_ROWS(&tests, compressed_module, packed);
	TEST_ROWS(&tests, plain, plains);
	TEST(&tests, digests);
	TEST_ROWS(&tests, cut_and_flipped, forms);
	TEST_ROWS(&tests, lies, forms);
	TEST_ROWS(&tests, no_build_id, bad_notes);
	TEST(&tests, a_huge_object);
	TEST(&tests, allocations);
	TEST(&tests, this_program);
	return test_run(&tests, "refgen/files/content");
}
