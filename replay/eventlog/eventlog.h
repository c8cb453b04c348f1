/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eventlog: read, replay and decode a firmware event log: the crypto-agile form of TPM 2.0, the
 * SHA-1 form of TPM 1.2, and the confidential computing form (CCEL), whose events extend
 * measurement registers instead of PCRs. Judges nothing (audit/).
 *
 *     struct eventlog log;
 *     struct eventlog_replay replay;
 *
 *     if (eventlog_open(&log, bytes, name, &err) < 0) ...
 *     eventlog_replay_init(&replay, &log, hasher, EVENTLOG_LOCALITY_STATED);
 *     while ((more = eventlog_next(&log, &record, &err)) > 0) {
 *             if (eventlog_extend(&replay, &record, &err) < 0) ...
 *             event_decode(&record, &event);             what the data says: never fails
 *             event_check(&record, &event, hasher, &check, &err);   is the digest over that data?
 *     }
 *     if (more < 0) ...          err says where the log breaks; the records before it stand
 *
 * Nothing is allocated: records and decoded events are views of the log's bytes, which must
 * outlive them.
 *
 * Sources: TCG PC Client Platform Firmware Profile (PFP) 1.05 r23, 10; TCG EFI Platform
 *          Specification 1.22, 7 (SHA-1 form); UEFI 2.10, 38.4 (CC register indices) and 10
 *          (device paths), 3.1.3 (load options), 32.4.1 (signature lists).
 * Threads: distinct logs may be used from distinct threads; one hasher per thread.
 */
#ifndef REPLAY_EVENTLOG_EVENTLOG_H
#define REPLAY_EVENTLOG_EVENTLOG_H

#include "core/event_type.h"
#include "core/json.h"
#include "core/pcr.h"
#include "core/reader.h"
#include "replay/record.h"

/* --- the log ------------------------------------------------------------------------------------ */

enum eventlog_format {
	EVENTLOG_TCG2, /* crypto-agile: a Spec ID Event03, then TCG_PCR_EVENT2 records */
	EVENTLOG_TCG1, /* TCG_PCClientPCREvent records with SHA-1 digests */
	EVENTLOG_CC,   /* crypto-agile; record.pcr is a register: 0 MRTD, 1 to 4 RTMR0 to RTMR3 */
};

/* "tcg2", "tcg1", "cc": the names of reports. */
const char *eventlog_format_name(enum eventlog_format format);

/* Digest algorithms one log may announce and one event may have; TPMs have at most 16 banks. */
#define EVENTLOG_ALGS_MAX 16

/* What is odd about a Spec ID event: bits of spec_id.oddities. */
enum spec_id_oddity {
	SPEC_ID_DIGEST_SIZE = 1u << 0, /* an algorithm of ours with another size: ours is used */
	SPEC_ID_TWICE = 1u << 1,       /* one algorithm announced twice */
	SPEC_ID_DIGEST = 1u << 2,      /* its own digest, to be zeros, is not */
	SPEC_ID_LEFT_OVER = 1u << 3,   /* bytes after vendorInfo */
	SPEC_ID_NO_VENDOR = 1u << 4,   /* it ends before vendorInfoSize */
	SPEC_ID_VENDOR_CUT = 1u << 5,  /* vendorInfo is longer than the event */
	SPEC_ID_REGISTER = 1u << 6,    /* EVENTLOG_TCG2, and its PCR is not 0 */
};

/* The first event of a crypto-agile log (PFP 10.4.5.1). It is the log's header: no record. */
struct spec_id {
	uint64_t offset; /* of the event; 0 */
	uint32_t pcr;    /* as logged: 0, in CCEL logs often 1 */
	uint32_t platform_class;
	uint8_t minor, major, errata;
	uint8_t uintn_size; /* 1: 32 bit, 2: 64 bit */
	size_t n_algs;
	struct spec_id_alg {
		uint16_t tpm_id;      /* TPM_ALG_ID */
		uint16_t digest_size; /* as announced, bytes */
		enum alg alg;         /* ALG_NONE if it is no bank of ours */
	} algs[EVENTLOG_ALGS_MAX];    /* in its order */
	struct bytes vendor_info;
	uint32_t oddities; /* SPEC_ID_* bits */
};

/* An open log. Fields are for reading, except as said. */
struct eventlog {
	enum eventlog_format
		format;          /* found out; a caller who knows better may set it after open */
	const char *source;      /* borrowed */
	struct bytes bytes;      /* borrowed: the whole file */
	struct spec_id spec_id;  /* zeros for EVENTLOG_TCG1 */
	alg_set algs;            /* banks announced; SHA-1 for EVENTLOG_TCG1 */
	uint64_t padding_offset; /* of the zeros or 0xff after the last record, once it was reached;
	                              * the file's size if there are none */

	/* Private to eventlog.c. */
	size_t first;     /* position of the first record */
	size_t pos;       /* of the next one */
	uint64_t n_given; /* records given so far */
	bool extended_0;  /* PCR 0 was extended */
	bool stated;      /* a StartupLocality was seen */
	size_t filled_to; /* the run of fill bytes that was last looked at ends here */
};

/*
 * Reads what comes before the first record and finds the format out. Errors: ERROR_TRUNCATED (an
 * empty file too), ERROR_MALFORMED, ERROR_LIMIT, each with the offset of what does not fit.
 */
int eventlog_open(struct eventlog *out, struct bytes bytes, const char *source, struct error *err);

/*
 * The next record in log order, index counting from 0 (the Spec ID event is not counted): 1 and
 * *out, 0 at the end, -1 and *err where the log breaks: ERROR_TRUNCATED, ERROR_LIMIT (more than
 * EVENTLOG_ALGS_MAX digests), ERROR_UNSUPPORTED (a digest whose size nobody says). After -1 it
 * gives -1 again.
 */
int eventlog_next(struct eventlog *log, struct record *out, struct error *err);

/*
 * The name of one oddity for programs ("digest-twice"), and what it is for people. bit is one
 * RECORD_* bit; the loop is for (bit = 1; bit <= RECORD_ODDITY_LAST; bit <<= 1).
 */
const char *record_oddity_name(uint32_t bit);
const char *record_oddity_text(uint32_t bit);
#define RECORD_ODDITY_LAST RECORD_LOCALITY_VALUE

/* The same for SPEC_ID_* bits. */
const char *spec_id_oddity_name(uint32_t bit);
const char *spec_id_oddity_text(uint32_t bit);
#define SPEC_ID_ODDITY_LAST SPEC_ID_REGISTER

/* Back to the first record. */
void eventlog_rewind(struct eventlog *log);

/* --- replay ------------------------------------------------------------------------------------- */

/* PCR 0 starts with what the log states (StartupLocality, H-CRTM), else 0. */
#define EVENTLOG_LOCALITY_STATED (-1)

/* Where and what a log says of the locality of TPM2_Startup. Facts only: audit/ judges them. */
struct eventlog_locality {
	bool stated;     /* by a StartupLocality event before PCR 0's first extend */
	bool hcrtm;      /* PCR 0's first extend is an EV_EFI_HCRTM_EVENT, so PCR 0 starts at 4 */
	bool late;       /* a StartupLocality event came after PCR 0's first extend */
	bool again;      /* more than one StartupLocality event */
	uint8_t value;   /* the one stated first, or late */
	uint64_t index;  /* of the event that says so */
	uint64_t offset; /* of it */
	uint8_t used;    /* what PCR 0 started with */
};

struct eventlog_replay {
	struct hasher *hasher; /* borrowed */
	size_t n_banks;
	struct pcr_bank banks[ALG_BANKS]; /* in the order the log announced them */
	alg_set algs;                     /* the banks there are */
	alg_set missing;                  /* banks announced that libcrypto has no hash for */
	int forced_locality;              /* as given to init */
	struct eventlog_locality locality;
	uint64_t n_records;  /* given to extend */
	uint64_t n_extends;  /* of these, the ones that extended something */
	uint64_t n_appended; /* RECORD_APPENDED */
	uint32_t oddities;   /* of all records */

	/* Private to eventlog.c. */
	bool started; /* PCR 0 was extended */
	bool cc;      /* registers: nothing starts at a locality */
};

/*
 * Banks at their reset values, one for each algorithm the log announced. locality is
 * EVENTLOG_LOCALITY_STATED, or a locality that PCR 0 starts with whatever the log says.
 */
void eventlog_replay_init(struct eventlog_replay *out, const struct eventlog *log,
			  struct hasher *hasher, int locality);

/*
 * Extends one record into every bank it has a digest for. EV_NO_ACTION, and PCRs no TPM has, extend
 * nothing. Errors: libcrypto's only. Records may be left out or made up by the caller.
 */
int eventlog_extend(struct eventlog_replay *replay, const struct record *record, struct error *err);

/* The bank of an algorithm, or NULL. */
const struct pcr_bank *eventlog_bank(const struct eventlog_replay *replay, enum alg alg);

/* True if the record extends something: not EV_NO_ACTION, and a PCR a TPM has. */
bool event_extends(const struct record *record);

/* --- decoding ----------------------------------------------------------------------------------- */

/* EFI_GUID, in the byte order of the wire. */
struct efi_guid {
	uint8_t bytes[16];
};

#define EFI_GUID_TEXT 37
/* "8be4df61-93ca-11d2-aa0d-00e098032b8c" into out; returns out. */
char *efi_guid_text(const struct efi_guid *guid, char out[EFI_GUID_TEXT]);
/* A name people know it by ("EFI_GLOBAL_VARIABLE", "Microsoft", "EFI system partition"), or NULL. */
const char *efi_guid_name(const struct efi_guid *guid);

enum event_kind {
	EVENT_RAW,   /* nothing known about its data, or it does not fit its type: see problem */
	EVENT_EMPTY, /* no data */
	EVENT_TEXT,  /* text: what it is for says text.use */
	EVENT_GUID,  /* guid: a version that is a GUID */
	EVENT_SEPARATOR, /* separator */
	EVENT_VARIABLE,  /* variable */
	EVENT_IMAGE,     /* image */
	EVENT_GPT,       /* gpt */
	EVENT_BLOB,      /* blob */
	EVENT_TABLES,    /* tables */
	EVENT_TAGGED,    /* tagged */
	EVENT_SPEC_ID,   /* EV_NO_ACTION: a Spec ID event; text is its signature */
	EVENT_LOCALITY,  /* EV_NO_ACTION: StartupLocality; locality */
	EVENT_SP800_155, /* EV_NO_ACTION: sp800_155: where reference values are */
	EVENT_HCRTM,     /* H-CRTM event; EV_NO_ACTION: H-CRTM component, hcrtm */
	EVENT_NV_INDEX, /* EV_NO_ACTION: NvIndexInstance or NvIndexDynamic; text is the signature */
};

/* What a text is, told from its type, PCR and beginning: a claim unless the digest covers it. */
enum text_use {
	TEXT_PLAIN,          /* no more is known: actions, versions, descriptions */
	TEXT_GRUB_COMMAND,   /* "grub_cmd: " */
	TEXT_KERNEL_CMDLINE, /* "kernel_cmdline: ", or systemd's UTF-16 text in PCR 12 */
	TEXT_MODULE_CMDLINE, /* "module_cmdline: " */
	TEXT_FILE,           /* a file name; the digest is over the file's contents */
	TEXT_MOK_VARIABLE,   /* a variable's name; the digest is over what shim made of it */
	TEXT_UKI_SECTION,    /* a section's name; the digest is over the name or the contents */
	TEXT_INITRD_ARCHIVE, /* systemd: "Credentials initrd" and so on; over an archive */
	TEXT_COMPONENT, /* describes code or data the digest is over: "ACPI DATA", "POST CODE" */
};

struct event_text {
	enum text_use use;
	bool utf16;          /* text is UTF-16LE, else bytes that should be ASCII or UTF-8 */
	struct bytes prefix; /* what comes before text: "grub_cmd: "; may be empty */
	struct bytes text;   /* without prefix and without NULs at its end */
};

/* UEFI_VARIABLE_DATA (PFP 10.2). */
enum variable_content {
	VARIABLE_BYTES,       /* nothing known */
	VARIABLE_EMPTY,       /* no data: the variable does not exist */
	VARIABLE_FLAG,        /* one byte: SecureBoot, MokSBState, ... */
	VARIABLE_SIGNATURES,  /* EFI_SIGNATURE_LISTs: PK, KEK, db, dbx, dbt, dbr, MokList, ... */
	VARIABLE_SIGNATURE,   /* one EFI_SIGNATURE_DATA: the owner's GUID, then what verified */
	VARIABLE_CERTIFICATE, /* a certificate without an owner, as shim before 15.7 logs "Shim" */
	VARIABLE_BOOT_ORDER,  /* u16 numbers of Boot#### */
	VARIABLE_LOAD_OPTION, /* EFI_LOAD_OPTION: Boot####, Driver####, SysPrep#### */
	VARIABLE_TEXT,        /* SbatLevel, SbatPolicy: text */
};

struct event_variable {
	struct efi_guid guid;
	struct bytes name; /* UTF-16LE, without NULs at its end */
	struct bytes data;
	uint64_t data_offset; /* of data in the file */
	enum variable_content content;
};

/* UEFI_IMAGE_LOAD_EVENT (PFP 10.2): nothing of it is covered by a digest. */
struct event_image {
	uint64_t address, size, link_address; /* in memory */
	struct bytes device_path;             /* see device_path_append */
	struct bytes file;                    /* the path of the file in it, UTF-16LE, or empty */
};

/* UEFI_GPT_DATA (PFP 10.2): header, count, entries that are in use. */
struct event_gpt {
	struct efi_guid disk;
	uint32_t header_size;
	uint64_t first_usable, last_usable; /* LBAs */
	uint32_t entry_size;                /* bytes */
	uint64_t n_entries;                 /* in entries: entry_size bytes each */
	struct bytes entries;
};

struct gpt_entry {
	struct efi_guid type, partition;
	uint64_t first, last; /* LBAs, both included */
	uint64_t attributes;
	struct bytes name; /* UTF-16LE, without NULs at its end */
};
/* i < gpt->n_entries. */
struct gpt_entry gpt_entry_at(const struct event_gpt *gpt, uint64_t i);

/* UEFI_PLATFORM_FIRMWARE_BLOB and _BLOB2 (PFP 10.2). */
struct event_blob {
	bool described;           /* _BLOB2 */
	struct bytes description; /* text of _BLOB2, as logged */
	uint64_t base, size;      /* in memory */
};

/* UEFI_HANDOFF_TABLE_POINTERS and _POINTERS2 (PFP 10.2). */
struct event_tables {
	bool described;
	struct bytes description;
	uint64_t n_tables;
	struct bytes tables; /* n_tables of 24 bytes: GUID, u64 address */
};

/* TCG_PCClientTaggedEvent (PFP 10.2). */
struct event_tagged {
	uint32_t id;
	struct bytes data;
	const char *name; /* who uses this id for what: "systemd loader.conf", or NULL */
	bool utf16;       /* data is UTF-16LE text */
	bool text;        /* data is text */
	bool covered;     /* the digest is over the event's data, not over what it describes */
};

/* TCG_Sp800_155_PlatformId_Event and its later forms (PFP 10.4.5). */
struct event_sp800_155 {
	unsigned version;          /* 1, 2 or 3 */
	uint32_t vendor_id;        /* of the platform manufacturer, an IANA number */
	struct efi_guid reference; /* of the reference manifest */
	struct bytes manufacturer, model, platform_version; /* text */
	uint32_t firmware_vendor_id;
	struct bytes firmware_manufacturer, firmware_version; /* text */
	struct bytes rim_locator; /* version 3: text or bytes, as its type says */
	uint32_t rim_locator_type;
};

struct event_hcrtm {
	bool component;           /* EV_NO_ACTION: "H-CRTM CompMeas" event */
	struct bytes description; /* text */
};

struct event {
	enum event_kind kind;
	const char *problem; /* why data that should have a structure is EVENT_RAW, or what is left
			      * over after it; static text; NULL: none */
	uint64_t problem_offset; /* in the file */
	union {
		struct event_text text;
		struct efi_guid guid;
		struct bytes separator; /* the value; error text follows it in an error separator */
		struct event_variable variable;
		struct event_image image;
		struct event_gpt gpt;
		struct event_blob blob;
		struct event_tables tables;
		struct event_tagged tagged;
		struct event_sp800_155 sp800_155;
		struct event_hcrtm hcrtm;
		uint8_t locality;
	};
};

/* Never fails: what cannot be decoded is EVENT_RAW with a problem. */
void event_decode(const struct record *record, struct event *out);

/* The text as UTF-8, not escaped. */
void event_text_append(struct buf *out, const struct event_text *text);

/* The kernel command line an event states, as UTF-8, not escaped; false if it states none. */
bool event_kernel_cmdline(const struct event *event, struct buf *out);

/* A one-line description for people, escaped. */
void event_describe(const struct record *record, const struct event *event, struct buf *out);

/* The members of the event's "data" object, written into the object that is open. */
void event_write_json(const struct record *record, const struct event *event, struct json *json);

/* --- what variables hold -------------------------------------------------------------------------- */

/* One signature of an EFI_SIGNATURE_LIST (UEFI 32.4.1). */
struct efi_signature {
	struct efi_guid type; /* see efi_guid_name: "x509", "sha256", ... */
	struct efi_guid owner;
	struct bytes data;    /* certificate in DER, or digest */
	uint64_t data_offset; /* in the file */
};

struct efi_signature_cursor {
	struct reader in;   /* of the lists */
	struct reader list; /* of the current one's signatures */
	struct efi_guid type;
	size_t signature_size;
};

/* data_offset is where data is in the file. */
struct efi_signature_cursor efi_signatures(struct bytes data, uint64_t data_offset,
					   const char *source);
/* 1 and *out, 0 at the end, -1 and *err where the lists break. */
int efi_signature_next(struct efi_signature_cursor *cursor, struct efi_signature *out,
		       struct error *err);

/* EFI_LOAD_OPTION (UEFI 3.1.3). */
struct load_option {
	uint32_t attributes;      /* bit 0: active */
	struct bytes description; /* UTF-16LE, without its NUL */
	struct bytes device_path; /* first entry of the list */
	struct bytes optional;    /* load options, or whatever who made it put there */
};
int load_option_parse(struct bytes data, uint64_t data_offset, const char *source,
		      struct load_option *out, struct error *err);

/*
 * A device path as UEFI writes it (UEFI 10.6): "PciRoot(0x0)/Pci(0x1F,0x2)/HD(1,GPT,...)/\\EFI\\x",
 * as UTF-8, not escaped. A node that is not known, or that does not fit, is written
 * Path(type,subtype,hex), and what follows a broken node as hex.
 */
void device_path_append(struct buf *out, struct bytes path);

/* --- is the digest over the data? ----------------------------------------------------------------- */

enum data_check {
	DATA_MATCH,     /* in every bank, the digest is the hash over what event_check.over names */
	DATA_MISMATCH,  /* the specification says what it is over, and in a bank it is not */
	DATA_UNCHECKED, /* over something that is not in the log, or nothing says over what */
};

struct event_check {
	enum data_check result;
	const char *over;   /* static: "data", "variable data", "text"; NULL when unchecked */
	alg_set mismatched; /* banks whose digest is over something else */
	const char
		*known; /* DATA_MISMATCH of a kind that some firmware is known for: which; static */
};

const char *data_check_name(enum data_check check); /* "match", "mismatch", "unchecked" */

/* Errors: libcrypto's only. */
int event_check(const struct record *record, const struct event *event, struct hasher *hasher,
		struct event_check *out, struct error *err);

#endif
