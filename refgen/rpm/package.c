/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* memmem */
#include "refgen/rpm/rpm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "refgen/rpm/internal.h"
#include "refgen/rpm/openpgp.h"
#include "refgen/rpm/verity.h"

#define HEAD_FIRST (32u << 10) /* bytes read first: both headers of most packages */
#define HEAD_KEPT  (1u << 20)  /* room that is kept from one package to the next */

void rpm_note(struct buf *notes, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	/* The same of two signatures by one key is said once. */
	if (notes->size && memmem(notes->data, notes->size, line, strlen(line) + 1))
		return;
	buf_append(notes, bytes_of(line, strlen(line) + 1));
}

/* --- opening --------------------------------------------------------------------------------- */

int rpm_read_at(const struct rpm_opened *opened, uint8_t *out, size_t size, uint64_t offset,
		struct error *err)
{
	while (size) {
		ssize_t n = pread(opened->fd, out, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, ERROR_INPUT, opened->source, errno, "cannot read");
		if (n == 0)
			return error_set(err, ERROR_INPUT, opened->source, offset,
					 "became shorter while it was read");
		out += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* Sees to it that the first size bytes of the package are in head; what: for the error. */
static int read_head(struct rpm_opened *opened, uint64_t size, const char *what, struct error *err)
{
	size_t have = opened->head.size;
	uint8_t *at;

	if (size <= have)
		return 0;
	if (size > opened->size)
		return error_set(err, ERROR_TRUNCATED, opened->source, opened->size,
				 "cut short: the %s ends at offset 0x%" PRIx64, what, size);
	at = buf_extend(&opened->head, (size_t)size - have);
	if (!at)
		return error_memory(err, opened->source);
	return rpm_read_at(opened, at, (size_t)size - have, have, err);
}

static int read_headers(struct rpm_opened *opened, struct error *err)
{
	const uint64_t signature_at = RPM_LEAD_SIZE;
	size_t signature_size, main_size;
	const uint8_t *head;

	if (read_head(opened, opened->size < HEAD_FIRST ? opened->size : HEAD_FIRST, "package",
		      err) < 0 ||
	    read_head(opened, signature_at, "lead", err) < 0 ||
	    rpm_lead_parse(bytes_of(opened->head.data, RPM_LEAD_SIZE), opened->source,
			   &opened->lead, err) < 0 ||
	    read_head(opened, signature_at + RPM_HEADER_INTRO_SIZE, "signature header", err) < 0 ||
	    rpm_header_size(bytes_of(opened->head.data + signature_at, RPM_HEADER_INTRO_SIZE),
			    RPM_HEADER_SIGNATURE, signature_at, opened->source, &signature_size,
			    err) < 0)
		return -1;
	opened->header_at = (signature_at + signature_size + 7) / 8 * 8; /* padded */
	if (read_head(opened, signature_at + signature_size, "signature header", err) < 0 ||
	    read_head(opened, opened->header_at + RPM_HEADER_INTRO_SIZE, "header", err) < 0 ||
	    rpm_header_size(bytes_of(opened->head.data + opened->header_at, RPM_HEADER_INTRO_SIZE),
			    RPM_HEADER_MAIN, opened->header_at, opened->source, &main_size,
			    err) < 0)
		return -1;
	opened->payload_at = opened->header_at + main_size;
	if (read_head(opened, opened->payload_at, "header", err) < 0)
		return -1;
	head = opened->head.data; /* moves no more */
	if (rpm_header_parse(bytes_of(head + signature_at, signature_size), RPM_HEADER_SIGNATURE,
			     signature_at, opened->source, &opened->signature, err) < 0)
		return -1;
	return rpm_header_parse(bytes_of(head + opened->header_at, main_size), RPM_HEADER_MAIN,
				opened->header_at, opened->source, &opened->main, err);
}

static int open_package(const char *path, struct rpm_opened *opened, struct error *err)
{
	struct stat st;

	opened->source = path;
	/* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
	opened->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (opened->fd < 0)
		return error_errno(err, ERROR_INPUT, path, errno, "cannot open");
	if (fstat(opened->fd, &st) < 0)
		return error_errno(err, ERROR_INPUT, path, errno, "cannot inspect");
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_INPUT, path, ERROR_NO_OFFSET, "is no regular file");
	opened->size = (uint64_t)st.st_size;
	opened->changed = st.st_ctim;
	return read_headers(opened, err);
}

int rpm_open(const char *path, struct rpm_opened *out, struct error *err)
{
	struct buf head = out->head;

	*out = (struct rpm_opened)RPM_OPENED_INIT;
	out->head = head;
	if (open_package(path, out, err) == 0)
		return 0;
	rpm_opened_clear(out);
	return -1;
}

void rpm_opened_close(struct rpm_opened *opened)
{
	struct buf head = opened->head;

	opened->head = (struct buf)BUF_INIT;
	rpm_opened_clear(opened);
	head.size = 0;
	if (head.capacity > HEAD_KEPT)
		buf_clear(&head);
	opened->head = head;
}

void rpm_opened_clear(struct rpm_opened *opened)
{
	rpm_header_clear(&opened->signature);
	rpm_header_clear(&opened->main);
	buf_clear(&opened->head);
	if (opened->fd >= 0)
		close(opened->fd);
	*opened = (struct rpm_opened)RPM_OPENED_INIT;
}

/* What was verified in the first reading must be what was unpacked in the second. */
static int check_unchanged(const struct rpm_opened *opened, struct error *err)
{
	struct stat st;

	if (fstat(opened->fd, &st) < 0)
		return error_errno(err, ERROR_INPUT, opened->source, errno, "cannot inspect");
	if ((uint64_t)st.st_size != opened->size || st.st_ctim.tv_sec != opened->changed.tv_sec ||
	    st.st_ctim.tv_nsec != opened->changed.tv_nsec)
		return error_set(err, ERROR_INPUT, opened->source, ERROR_NO_OFFSET,
				 "was changed while it was read");
	return 0;
}

static int payload_next(void *ctx, struct bytes *block, struct error *err)
{
	struct rpm_payload_source *state = ctx;
	const struct rpm_opened *opened = state->opened;
	uint64_t left = opened->size - state->at;
	size_t size = left < RPM_BLOCK_SIZE ? (size_t)left : RPM_BLOCK_SIZE;

	if (!size)
		return 0;
	if (state->at < opened->head.size) { /* came with the headers */
		if (size > opened->head.size - state->at)
			size = opened->head.size - (size_t)state->at;
		*block = bytes_of(opened->head.data + state->at, size);
	} else {
		if (rpm_read_at(opened, state->block, size, state->at, err) < 0)
			return -1;
		*block = bytes_of(state->block, size);
	}
	state->at += size;
	return 1;
}

struct byte_source rpm_payload_source(struct rpm_payload_source *state)
{
	return (struct byte_source){ payload_next, state };
}

/* --- artifact and files ---------------------------------------------------------------------- */

static int read_names(const struct rpm_header *main, struct artifact *artifact,
		      struct bytes *version, struct bytes *release, struct error *err)
{
	const struct {
		uint32_t tag;
		struct bytes *out;
		const char *needed; /* its name when a package must have it */
	} strings[] = {
		{RPMTAG_NAME,       &artifact->package,    "NAME"   },
		{ RPMTAG_VERSION,   version,               "VERSION"},
		{ RPMTAG_RELEASE,   release,               "RELEASE"},
		{ RPMTAG_ARCH,      &artifact->arch,       NULL     },
		{ RPMTAG_VENDOR,    &artifact->vendor,     NULL     },
		{ RPMTAG_BUILDHOST, &artifact->build_host, NULL     },
		{ RPMTAG_SOURCERPM, &artifact->source_rpm, NULL     },
	};

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		int status = rpm_header_string(main, strings[i].tag, strings[i].out, err);

		if (status < 0)
			return -1;
		if (strings[i].needed && (status == 0 || strings[i].out->size == 0))
			return error_set(err, ERROR_MALFORMED, main->source, main->offset,
					 "RPM tags: a package without %s", strings[i].needed);
	}
	return 0;
}

static int set_artifact(const struct rpm_opened *opened, const struct rpm_seal *seal,
			bool header_only, struct file_set *set, struct error *err)
{
	AUTO(buf_clear) struct buf name = BUF_INIT;
	AUTO(buf_clear) struct buf evr = BUF_INIT;
	struct artifact artifact = {
		.kind = ARTIFACT_RPM,
		.digest = seal->artifact,
		.size = opened->size,
		.signature = seal->signature,
		.signer = bytes_of_string(seal->signer),
		.header_only = header_only,
	};
	struct bytes version = { NULL, 0 }, release = { NULL, 0 };
	uint64_t epoch, built = 0;
	int status;

	if (read_names(&opened->main, &artifact, &version, &release, err) < 0)
		return -1;
	status = rpm_header_number(&opened->main, RPMTAG_EPOCH, &epoch, err);
	if (status < 0 || rpm_header_number(&opened->main, RPMTAG_BUILDTIME, &built, err) < 0)
		return -1;
	artifact.build_time = (int64_t)(built & INT64_MAX);
	if (status > 0)
		buf_printf(&evr, "%" PRIu64 ":", epoch);
	buf_append(&evr, version);
	buf_append_string(&evr, "-");
	buf_append(&evr, release);
	buf_append(&name, artifact.package);
	buf_append_string(&name, "-");
	buf_append(&name, version);
	buf_append_string(&name, "-");
	buf_append(&name, release);
	if (artifact.arch.size) {
		buf_append_string(&name, ".");
		buf_append(&name, artifact.arch);
	}
	if (buf_finish(&evr, err) < 0 || buf_finish(&name, err) < 0)
		return -1;
	artifact.name = buf_bytes(&name);
	artifact.evr = buf_bytes(&evr);
	return file_set_artifact(set, &artifact, err);
}

static bool bytes_has(struct bytes text, const char *word)
{
	return text.size && memmem(text.data, text.size, word, strlen(word));
}

/* What libmagic said when the package was built is the best there is as long as nobody looks into
 * the file. */
static enum file_kind kind_of_class(struct bytes text)
{
	static const struct {
		const char *word;
		enum file_kind kind;
	} words[] = {
		{"application/x-pie-executable", KIND_EXECUTABLE   },
		{ "application/x-executable",    KIND_EXECUTABLE   },
		{ "application/x-sharedlib",     KIND_SHARED_OBJECT},
		{ "application/x-object",        KIND_OBJECT       },
		{ "text/x-shellscript",          KIND_SCRIPT       },
		{ "text/x-script.",              KIND_SCRIPT       },
		{ "text/x-perl",                 KIND_SCRIPT       },
		{ " script",                     KIND_SCRIPT       }, /* "POSIX shell script, ASCII text executable" */
	};

	if (bytes_has(text, "ELF 64-bit ") ||
	    bytes_has(text, "ELF 32-bit ")) { /* or "setuid ELF ..." */
		if (bytes_has(text, "executable"))
			return KIND_EXECUTABLE;
		return bytes_has(text, "shared object") ? KIND_SHARED_OBJECT : KIND_OBJECT;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (bytes_has(text, words[i].word))
			return words[i].kind;
	return KIND_OTHER;
}

/* The kind of each class of a list; owned by the caller, NULL when out of memory. */
static enum file_kind *kinds_of_classes(const struct rpm_filelist *list)
{
	enum file_kind *kinds = calloc((size_t)list->n_classes + 1, sizeof(*kinds));

	for (uint32_t i = 0; kinds && i < list->n_classes; i++)
		kinds[i] = kind_of_class(list->classes[i]);
	return kinds;
}

static enum file_kind kind_by_path(struct bytes path, enum file_kind by_class)
{
	static const struct {
		const char *folder;
		enum file_kind kind;
	} folders[] = {
		{"/lib/firmware/",      KIND_FIRMWARE     },
		{ "/usr/lib/firmware/", KIND_FIRMWARE     },
		{ "/lib/modules/",      KIND_KERNEL_MODULE},
		{ "/usr/lib/modules/",  KIND_KERNEL_MODULE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (bytes_start_with(path, bytes_of_string(folders[i].folder)) &&
		    (folders[i].kind == KIND_FIRMWARE || bytes_has(path, ".ko")))
			return folders[i].kind;
	return by_class;
}

/* Where the header's word is all there is: digest and kind. 1 if the file has a digest now. */
static int take_header_digest(const struct rpm_filelist *list, uint32_t index,
			      enum file_kind by_class, struct digest *digest,
			      struct golden_file *golden, struct error *err)
{
	int status = rpm_filelist_digest(list, index, digest, err);

	golden->kind = kind_by_path(golden->path, by_class);
	golden->executable |= golden->kind == KIND_EXECUTABLE || golden->kind == KIND_SCRIPT;
	if (status <= 0)
		return status;
	golden->digests = digest;
	golden->n_digests = 1;
	return 1;
}

static uint32_t golden_flags(uint32_t flags)
{
	return (flags & RPMFILE_CONFIG ? FILE_CONFIG : 0) | (flags & RPMFILE_DOC ? FILE_DOC : 0) |
	       (flags & RPMFILE_GHOST ? FILE_GHOST : 0);
}

/* The signatures of one file, as bytes. */
static int decode_signatures(const struct rpm_opened *opened, const struct rpm_file *file,
			     struct buf *ima, struct buf *verity, struct error *err)
{
	size_t size = file->ima_signature.size / 2;

	ima->size = verity->size = 0;
	if (size) {
		uint8_t *out = buf_extend(ima, size);

		if (!out)
			return error_memory(err, opened->source);
		if (hex_parse(file->ima_signature, out, size) != (long)size)
			size = 0;
	}
	if ((file->ima_signature.size && !size) || !base64_parse(file->verity_signature, verity))
		return error_set(err, ERROR_MALFORMED, opened->source, opened->header_at,
				 "RPM tags: signature of '%.*s' is not encoded as it must be",
				 (int)(file->base.size > 160 ? 160 : file->base.size),
				 (const char *)file->base.data);
	if (verity->failed)
		return error_memory(err, opened->source);
	return 0;
}

/* Adds all files and links that the header names; contents come later, or with header_only, never. */
static int add_files(const struct rpm_opened *opened, const struct rpm_filelist *list,
		     bool header_only, size_t *slots, struct rpm_package *package,
		     struct error *err)
{
	AUTO(buf_clear) struct buf ima = BUF_INIT;
	AUTO(buf_clear) struct buf verity = BUF_INIT;
	AUTO(own_free) enum file_kind *kinds = kinds_of_classes(list);
	const alg_set header_alg =
		list->digest_alg == ALG_NONE ? 0 : UINT32_C(1) << list->digest_alg;
	char path[RPM_PATH_MAX];

	if (!kinds)
		return error_memory(err, opened->source);
	for (uint32_t i = 0; i < list->n_files; i++) {
		const struct rpm_file *file = &list->files[i];
		const bool ghost = file->flags & RPMFILE_GHOST;
		struct golden_file golden = { .path = rpm_file_path(file, path),
					      .mode = file->mode,
					      .flags = golden_flags(file->flags),
					      .size = file->size,
					      .executable = file->mode & 0111,
					      .capabilities = file->capabilities };
		struct digest digest;
		int status = 0;

		if (!golden.path.size || golden.path.data[0] != '/')
			return error_set(err, ERROR_MALFORMED, opened->source, opened->header_at,
					 "RPM tags: path '%.*s' does not begin with a slash",
					 (int)(golden.path.size > 160 ? 160 : golden.path.size),
					 path);
		/* Where a ghost links to is decided on the machine, not by the package. */
		if (S_ISLNK(file->mode) && !ghost &&
		    file_set_add_link(package->set, golden.path, file->link, err) < 0)
			return -1;
		if (!S_ISREG(file->mode))
			continue;
		if (decode_signatures(opened, file, &ima, &verity, err) < 0)
			return -1;
		golden.ima_signature = buf_bytes(&ima);
		golden.verity_signature = buf_bytes(&verity);
		if (header_only && !ghost)
			status = take_header_digest(list, i, kinds[file->class_index], &digest,
						    &golden, err);
		if (status < 0)
			return -1;
		if (header_only && !ghost)
			package->lacking |= package->set->algs & ~(status > 0 ? header_alg : 0);
		slots[i] = package->set->n_files;
		if (file_set_add(package->set, &golden, err) < 0)
			return -1;
	}
	return 0;
}

static int read_files(struct rpm_reader *reader, const struct rpm_opened *opened,
		      struct rpm_package *package, struct error *err)
{
	AUTO(rpm_filelist_clear) struct rpm_filelist list = { 0 };
	AUTO(own_free) size_t *slots = NULL;
	const bool header_only = reader->options.header_only;

	if (rpm_filelist_parse(&opened->signature, &opened->main, &list, err) < 0)
		return -1;
	slots = calloc(list.n_files ? list.n_files : 1, sizeof(*slots));
	if (!slots)
		return error_memory(err, opened->source);
	if (file_set_expect(package->set, list.n_files, err) < 0 ||
	    add_files(opened, &list, header_only, slots, package, err) < 0)
		return -1;
	if (header_only) {
		package->set->algs &= ~package->lacking;
		return 0;
	}
	if (rpm_payload_read(reader, opened, &list, slots, package->set, err) < 0)
		return -1;
	return check_unchanged(opened, err);
}

/* What fs-verity signatures are over; rpm says it beside them, and takes SHA-256 where it does not. */
static int read_verity_alg(const struct rpm_opened *opened, enum alg *out, struct error *err)
{
	uint64_t number = 1;

	if (rpm_header_number(&opened->signature, RPMSIGTAG_VERITYSIGNATUREALGO, &number, err) < 0)
		return -1;
	*out = verity_alg_of_number(number);
	return 0;
}

/* rpm's own test (lib/depends.c, headerIsSource). */
int rpm_check_source(const struct rpm_opened *opened, bool *source, struct error *err)
{
	*source = !rpm_header_find(&opened->main, RPMTAG_SOURCERPM);
	if (*source != opened->lead.source)
		return error_set(err, ERROR_MALFORMED, opened->source, opened->header_at,
				 "RPM tags: a %s package by its lead, but SOURCERPM is %s",
				 opened->lead.source ? "source" : "binary",
				 *source ? "not there" : "there");
	return 0;
}

int rpm_package_read(struct rpm_reader *reader, const struct rpm_opened *opened,
		     const struct rpm_seal *seal, struct rpm_package *package, struct error *err)
{
	const struct rpm_options *options = &reader->options;

	if (read_verity_alg(opened, &package->verity_alg, err) < 0 ||
	    file_set_new(options->algs, &package->set, err) < 0 ||
	    set_artifact(opened, seal, options->header_only, package->set, err) < 0)
		return -1;
	if (options->known && options->known(options->known_ctx, &seal->artifact))
		package->outcome = RPM_KNOWN;
	else if (read_files(reader, opened, package, err) < 0)
		return -1;
	return buf_finish(&package->notes, err);
}
