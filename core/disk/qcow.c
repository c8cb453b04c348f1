/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * qcow2, versions 2 and 3, as QEMU writes it: clusters found over two tables, holes, clusters of zeros,
 * compressed clusters. Backing files, external data files, encryption and extended tables are said not to
 * be read; snapshots are passed over. Nothing is allocated as the image says but one cluster.
 *
 * Source: QEMU's docs/interop/qcow2.txt.
 */
#include <inttypes.h>

#include "core/archive.h"
#include "core/disk/internal.h"
#include "core/gunzip.h"
#include "core/reader.h"

#define HEADER_SIZE_2    72
#define HEADER_SIZE_3    104
#define CLUSTER_BITS_MIN 9
#define CLUSTER_BITS_MAX 21
#define L1_MAX           (4u << 20) /* entries: QEMU's own limit of 32 MiB */

/* Incompatible features. */
enum { FEATURE_DIRTY = 1, FEATURE_CORRUPT = 2, FEATURE_DATA_FILE = 4, FEATURE_COMPRESSION = 8 };

#define OFFSET_MASK    UINT64_C(0x00fffffffffffe00)
#define L2_COMPRESSED  (UINT64_C(1) << 62)
#define L2_ALL_ZEROS   UINT64_C(1)
#define DEFLATE_WINDOW 12 /* bits, and no header */

/* What is kept of unpacked clusters. */
#define UNPACKED_CLUSTERS 64
#define UNPACKED_SIZE     (16u << 20)

struct qcow {
	const struct disk *file; /* borrowed: the bytes of the container */
	uint64_t size, cluster_size;
	uint64_t l1_at;
	uint32_t l1_size;
	unsigned cluster_bits, version;
	bool is_zstd;
	/* Clusters that were unpacked, the oldest replaced by the next: a file system is read here and there. */
	struct unpacked {
		uint64_t entry; /* of its table; 0: none */
		struct buf data;
	} unpacked[UNPACKED_CLUSTERS];
	unsigned n_slots, next_slot;
};

void qcow_free(struct qcow *qcow)
{
	if (!qcow)
		return;
	for (unsigned i = 0; i < UNPACKED_CLUSTERS; i++)
		buf_clear(&qcow->unpacked[i].data);
	free(qcow);
}

static int be64_at(const struct qcow *qcow, uint64_t at, uint64_t *out, struct error *err)
{
	uint8_t raw[8];
	struct reader in = reader_of(bytes_of(raw, sizeof(raw)), at, disk_name(qcow->file));

	if (disk_read(qcow->file, at, raw, sizeof(raw), err) < 0)
		return -1;
	*out = reader_be64(&in);
	return 0;
}

static int unsupported(const struct disk *file, uint64_t at, struct error *err, const char *what)
{
	return error_set(err, ERROR_UNSUPPORTED, disk_name(file), at,
			 "qcow2: %s, which is not read: convert it first (qemu-img convert -O raw)",
			 what);
}

static int features(struct qcow *qcow, struct reader *in, struct error *err)
{
	uint64_t known = FEATURE_DIRTY | FEATURE_CORRUPT | FEATURE_DATA_FILE | FEATURE_COMPRESSION;
	uint64_t incompatible;
	uint32_t header_size;

	incompatible = reader_be64(in);
	reader_skip(in, 20);
	header_size = reader_be32(in);
	if (incompatible & FEATURE_DATA_FILE)
		return unsupported(qcow->file, 72, err, "an image whose data is in another file");
	if (incompatible & ~known)
		return unsupported(qcow->file, 72, err,
				   "an image with features that are not known");
	if (header_size < HEADER_SIZE_3)
		return error_set(err, ERROR_MALFORMED, disk_name(qcow->file), 100,
				 "qcow2: a header of %" PRIu32 " bytes, at least %d", header_size,
				 HEADER_SIZE_3);
	if (incompatible & FEATURE_COMPRESSION) {
		uint8_t type = reader_u8(in);

		if (type > 1)
			return unsupported(qcow->file, 104, err, "a compression that is not known");
		qcow->is_zstd = type == 1;
	}
	return 0;
}

static int header(struct qcow *qcow, struct error *err)
{
	const struct disk *file = qcow->file;
	uint8_t raw[HEADER_SIZE_3 + 8] = { 0 };
	size_t size = disk_size(file) < sizeof(raw) ? (size_t)disk_size(file) : sizeof(raw);
	struct reader in = reader_of(bytes_of(raw, size), 0, disk_name(file));
	uint64_t backing, needed;
	uint32_t crypt;

	if (disk_read(file, 0, raw, size, err) < 0)
		return -1;
	reader_skip(&in, 4);
	qcow->version = reader_be32(&in);
	backing = reader_be64(&in);
	reader_skip(&in, 4);
	qcow->cluster_bits = reader_be32(&in);
	qcow->size = reader_be64(&in);
	crypt = reader_be32(&in);
	qcow->l1_size = reader_be32(&in);
	qcow->l1_at = reader_be64(&in);
	reader_skip(&in, HEADER_SIZE_2 - 48);
	if (in.ran_out)
		return error_set(err, ERROR_TRUNCATED, disk_name(file), disk_size(file),
				 "qcow2: ends inside its header");
	if (qcow->version != 2 && qcow->version != 3)
		return unsupported(file, 4, err, "a version other than 2 and 3");
	if (backing)
		return unsupported(file, 8, err, "an image over a backing file");
	if (qcow->cluster_bits < CLUSTER_BITS_MIN || qcow->cluster_bits > CLUSTER_BITS_MAX)
		return error_set(err, ERROR_MALFORMED, disk_name(file), 20,
				 "qcow2: clusters of 2^%u bytes, 2^%d to 2^%d are possible",
				 qcow->cluster_bits, CLUSTER_BITS_MIN, CLUSTER_BITS_MAX);
	if (crypt)
		return unsupported(file, 32, err, "an encrypted image");
	if (qcow->version == 3 && features(qcow, &in, err) < 0)
		return -1;
	if (in.ran_out)
		return error_set(err, ERROR_TRUNCATED, disk_name(file), disk_size(file),
				 "qcow2: ends inside its header");
	qcow->cluster_size = UINT64_C(1) << qcow->cluster_bits;
	qcow->n_slots = UNPACKED_SIZE >> qcow->cluster_bits;
	if (qcow->n_slots > UNPACKED_CLUSTERS)
		qcow->n_slots = UNPACKED_CLUSTERS;
	if (qcow->l1_size > L1_MAX)
		return error_set(err, ERROR_LIMIT, disk_name(file), 36,
				 "qcow2: %" PRIu32 " entries of the first table, at most %u",
				 qcow->l1_size, L1_MAX);
	/* An L2 table is a cluster of entries of 8 bytes, each for a cluster. */
	needed = qcow->size >> (2 * qcow->cluster_bits - 3);
	needed += (qcow->size & ((UINT64_C(1) << (2 * qcow->cluster_bits - 3)) - 1)) != 0;
	if (needed > qcow->l1_size)
		return error_set(err, ERROR_MALFORMED, disk_name(file), 36,
				 "qcow2: %" PRIu32 " entries of the first table, %" PRIu64
				 " are needed for %" PRIu64 " bytes",
				 qcow->l1_size, needed, qcow->size);
	if (qcow->l1_at % qcow->cluster_size || qcow->l1_at > disk_size(file) ||
	    (uint64_t)qcow->l1_size * 8 > disk_size(file) - qcow->l1_at)
		return error_set(err, ERROR_MALFORMED, disk_name(file), 40,
				 "qcow2: the first table is not at a cluster inside of the file");
	return 0;
}

int qcow_open(const struct disk *file, struct qcow **out, uint64_t *size, struct error *err)
{
	struct qcow *qcow = calloc(1, sizeof(*qcow));

	if (!qcow)
		return error_memory(err, disk_name(file));
	qcow->file = file;
	if (header(qcow, err) < 0) {
		qcow_free(qcow);
		return -1;
	}
	*size = qcow->size;
	*out = qcow;
	return 0;
}

/* The L2 entry of the cluster at an offset; 0 where there is none. */
static int entry_of(const struct qcow *qcow, uint64_t offset, uint64_t *entry, struct error *err)
{
	uint64_t cluster = offset >> qcow->cluster_bits, table, at;
	unsigned per_table_bits = qcow->cluster_bits - 3;

	*entry = 0;
	at = qcow->l1_at + (cluster >> per_table_bits) * 8;
	if (be64_at(qcow, at, &table, err) < 0)
		return -1;
	table &= OFFSET_MASK;
	if (table == 0)
		return 0;
	if (table % qcow->cluster_size)
		return error_set(err, ERROR_MALFORMED, disk_name(qcow->file), at,
				 "qcow2: a table at 0x%" PRIx64 ", not at a cluster", table);
	return be64_at(qcow, table + (cluster & ((UINT64_C(1) << per_table_bits) - 1)) * 8, entry,
		       err);
}

static int unpack_zstd(const struct qcow *qcow, struct bytes packed, struct buf *out,
		       struct error *err)
{
	struct decompressor_options options = { .compression = COMPRESSION_ZSTD,
						.source = disk_name(qcow->file),
						.output_max = qcow->cluster_size,
						.first_stream_only = true };
	AUTO(decompressor_freep) struct decompressor *decompressor = NULL;
	struct bytes block;
	int more;

	if (decompressor_open_bytes(&options, packed, &decompressor, err) < 0)
		return -1;
	while ((more = decompressor_next(decompressor, &block, err)) > 0)
		buf_append(out, block);
	return more;
}

static int unpack_into(struct qcow *qcow, uint64_t entry, struct buf *out, struct error *err)
{
	unsigned shift = 62 - (qcow->cluster_bits - 8);
	uint64_t at = entry & ((UINT64_C(1) << shift) - 1);
	uint64_t sectors = ((entry & ~L2_COMPRESSED & ~(UINT64_C(1) << 63)) >> shift) + 1;
	uint64_t size = sectors * 512 - (at & 511), file_size = disk_size(qcow->file);
	AUTO(own_free) uint8_t *packed = NULL;
	int status = 1;

	if (at >= file_size)
		return error_set(err, ERROR_TRUNCATED, disk_name(qcow->file), at,
				 "qcow2: a compressed cluster behind the end of the file");
	size = size < file_size - at ? size
				     : file_size - at; /* the last one may end with the file */
	/* What unpacking gives is paid for like what is read. */
	if (disk_spend(qcow->file, qcow->cluster_size, at, err) < 0)
		return -1;
	packed = malloc((size_t)size);
	if (!packed)
		return error_memory(err, disk_name(qcow->file));
	if (disk_read(qcow->file, at, packed, (size_t)size, err) < 0)
		return -1;
	if (qcow->is_zstd)
		status = unpack_zstd(qcow, bytes_of(packed, (size_t)size), out, err) < 0 ? -1 : 1;
	else if ((status = deflate_unpack(bytes_of(packed, (size_t)size), DEFLATE_WINDOW,
					  (size_t)qcow->cluster_size, out)) < 0)
		error_memory(err, disk_name(qcow->file));
	if (status < 0 || buf_finish(out, err) < 0)
		return -1;
	if (status == 0 || out->size != qcow->cluster_size)
		return error_set(err, ERROR_MALFORMED, disk_name(qcow->file), at,
				 "qcow2: a compressed cluster that does not unpack to %" PRIu64
				 " bytes",
				 qcow->cluster_size);
	return 0;
}

/* The bytes of a compressed cluster; they stay until others take their place. */
static int unpack(struct qcow *qcow, uint64_t entry, const uint8_t **out, struct error *err)
{
	struct unpacked *slot;

	for (unsigned i = 0; i < qcow->n_slots; i++)
		if (qcow->unpacked[i].entry == entry) {
			*out = qcow->unpacked[i].data.data;
			return 0;
		}
	slot = &qcow->unpacked[qcow->next_slot];
	qcow->next_slot = (qcow->next_slot + 1) % qcow->n_slots;
	slot->entry = 0;
	buf_clear(&slot->data);
	if (unpack_into(qcow, entry, &slot->data, err) < 0)
		return -1;
	slot->entry = entry;
	*out = slot->data.data;
	return 0;
}

/* size bytes of one cluster. */
static int read_cluster(struct qcow *qcow, uint64_t offset, uint8_t *out, size_t size,
			struct error *err)
{
	uint64_t inside = offset & (qcow->cluster_size - 1), entry, at;

	if (entry_of(qcow, offset, &entry, err) < 0)
		return -1;
	if (entry & L2_COMPRESSED) {
		const uint8_t *unpacked;

		if (unpack(qcow, entry, &unpacked, err) < 0)
			return -1;
		memcpy(out, unpacked + inside, size);
		return 0;
	}
	at = entry & OFFSET_MASK;
	if (at == 0 || (qcow->version == 3 && (entry & L2_ALL_ZEROS))) {
		memset(out, 0, size);
		return 0;
	}
	if (at % qcow->cluster_size)
		return error_set(err, ERROR_MALFORMED, disk_name(qcow->file), at,
				 "qcow2: a cluster that does not begin at one");
	return disk_read(qcow->file, at + inside, out, size, err);
}

int qcow_read(struct qcow *qcow, uint64_t offset, uint8_t *out, size_t size, struct error *err)
{
	while (size > 0) {
		uint64_t left = qcow->cluster_size - (offset & (qcow->cluster_size - 1));
		size_t n = size < left ? size : (size_t)left;

		if (read_cluster(qcow, offset, out, n, err) < 0)
			return -1;
		offset += n;
		out += n;
		size -= n;
	}
	return 0;
}
