/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of an artifact as a database holds them. What can be read is written again as it was. */
#include "core/own.h"
#include "db/manifest.h"
#include "db/prints.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* 1 when the writer took it all. */
static int copy(struct bytes blob, struct manifest_writer *writer)
{
	struct digest digests[ALG_COUNT];
	struct manifest manifest;
	struct manifest_file file;
	struct manifest_link link;
	struct error err;
	int more;

	if (manifest_open(&manifest, blob, "fuzz", &err) < 0)
		return 0;
	while ((more = manifest_next(&manifest, &file, &err)) > 0) {
		struct golden_file golden = { .path = file.path,
					      .mode = file.mode,
					      .flags = file.flags &
						       ~(unsigned)(MANIFEST_EXECUTABLE |
								   MANIFEST_MODULE_SIGNED),
					      .size = file.size,
					      .kind = file.kind,
					      .executable = file.flags & MANIFEST_EXECUTABLE,
					      .module_signed = file.flags & MANIFEST_MODULE_SIGNED,
					      .digests = digests };

		require(file.path.size <= PATH_SIZE_MAX && file.kind < KIND_COUNT);
		for (enum alg alg = 0; alg < ALG_COUNT; alg++)
			if (file.algs >> alg & 1)
				require(digest_init(&digests[golden.n_digests++], alg,
						    bytes_of(file.digests[alg], alg_size(alg))));
		if (manifest_writer_file(writer, &golden, &err) < 0)
			return 0;
	}
	while (more == 0 && (more = manifest_next_link(&manifest, &link, &err)) > 0) {
		struct golden_link golden = { link.path, link.target };

		more = manifest_writer_link(writer, &golden, &err);
		if (more < 0)
			return 0;
	}
	return more == 0;
}

static void read_extras(struct bytes blob)
{
	struct manifest_extra extra;
	struct extras extras;
	struct error err;
	int64_t last = -1;

	if (extras_open(&extras, blob, "fuzz", &err) < 0)
		return;
	while (extras_next(&extras, &extra, &err) > 0) {
		require(extra.number > last);
		last = extra.number;
	}
}

/* Prints as such, and those of a manifest: what is made can be read. */
static void read_prints(struct bytes blob)
{
	static struct hasher *hasher;
	AUTO(buf_clear) struct buf made = BUF_INIT;
	struct prints prints;
	struct error err;

	if (prints_decode(blob, "fuzz", &prints, &err) == 0)
		require(blob.size == 18 + prints.prints.size);
	if (!hasher && hasher_new(&hasher, &err) < 0)
		return;
	if (prints_encode(7, blob, hasher, "fuzz", &made, &err) < 0)
		return;
	require(prints_decode(buf_bytes(&made), "fuzz", &prints, &err) == 0);
	require(prints.artifact == 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes blob = bytes_of(data, size), none = { 0 };
	struct manifest_writer *writer = NULL;
	struct manifest_blobs blobs;
	struct error err;

	if (manifest_writer_new(&writer, &err) < 0)
		return 0;
	if (copy(blob, writer) && manifest_writer_finish(writer, none, "fuzz", &blobs, &err) == 0)
		require(bytes_equal(blobs.manifest, blob));
	/* As what an artifact had before. */
	(void)manifest_writer_finish(writer, blob, "fuzz", &blobs, &err);
	manifest_writer_free(writer);
	read_extras(blob);
	read_prints(blob);
	return 0;
}
