/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tags: the numbers Assay knows in the two headers of an RPM package.
 *
 * Source: rpm include/rpm/rpmtag.h and docs/manual/tags.md, format_v4.md, format_v6.md. The same
 * number may mean different things in the signature header and in the main one (1000 to 1008).
 */
#ifndef REFGEN_RPM_TAGS_H
#define REFGEN_RPM_TAGS_H

/* Types of an index entry (rpm docs/manual/format_header.md). */
enum rpm_type {
	RPM_NULL = 0,
	RPM_CHAR = 1,
	RPM_INT8 = 2,
	RPM_INT16 = 3,
	RPM_INT32 = 4,
	RPM_INT64 = 5,
	RPM_STRING = 6,
	RPM_BIN = 7,
	RPM_STRING_ARRAY = 8,
	RPM_I18NSTRING = 9, /* an array, one string for each language; the first is "C" */
};

/* Tags that describe a header itself. Real tags begin at 100. */
enum {
	RPMTAG_HEADERIMAGE =
		61, /* the region of headers of rpm 4.0; also a trailer of old signatures */
	RPMTAG_HEADERSIGNATURES = 62, /* the region that is a signature header */
	RPMTAG_HEADERIMMUTABLE = 63,  /* the region that is a main header */
	RPMTAG_HEADERI18NTABLE = 100,
};

/* The signature header. */
enum {
	RPMSIGTAG_DSA = 267,                 /* BIN: OpenPGP signature of the header, not RSA */
	RPMSIGTAG_RSA = 268,                 /* BIN: OpenPGP signature of the header, RSA */
	RPMSIGTAG_SHA1 = 269,                /* STRING: hex digest of the header */
	RPMSIGTAG_LONGSIZE = 270,            /* INT64: bytes of header and payload */
	RPMSIGTAG_LONGARCHIVESIZE = 271,     /* INT64: bytes of the payload, uncompressed */
	RPMSIGTAG_SHA256 = 273,              /* STRING: hex digest of the header */
	RPMSIGTAG_FILESIGNATURES = 274,      /* STRING_ARRAY: security.ima in hex, one a file */
	RPMSIGTAG_FILESIGNATURELENGTH = 275, /* INT32: a hint, often wrong; not used */
	RPMSIGTAG_VERITYSIGNATURES = 276,    /* STRING_ARRAY: base64, one a file */
	RPMSIGTAG_VERITYSIGNATUREALGO = 277, /* INT32 */
	RPMSIGTAG_OPENPGP = 278,        /* STRING_ARRAY: base64 signatures of the header (v6) */
	RPMSIGTAG_SHA3_256 = 279,       /* STRING: hex digest of the header (v6) */
	RPMSIGTAG_RESERVED = 999,       /* BIN: room for signatures (v6) */
	RPMSIGTAG_SIZE = 1000,          /* INT32: bytes of header and payload */
	RPMSIGTAG_PGP = 1002,           /* BIN: OpenPGP signature of header and payload, RSA */
	RPMSIGTAG_MD5 = 1004,           /* BIN: digest of header and payload */
	RPMSIGTAG_GPG = 1005,           /* BIN: OpenPGP signature of header and payload, not RSA */
	RPMSIGTAG_PAYLOADSIZE = 1007,   /* INT32: bytes of the payload, uncompressed */
	RPMSIGTAG_RESERVEDSPACE = 1008, /* BIN: room for signatures */
};

/* The main header. */
enum {
	RPMTAG_NAME = 1000,
	RPMTAG_VERSION = 1001,
	RPMTAG_RELEASE = 1002,
	RPMTAG_EPOCH = 1003,
	RPMTAG_BUILDTIME = 1006,
	RPMTAG_BUILDHOST = 1007,
	RPMTAG_VENDOR = 1011,
	RPMTAG_ARCH = 1022,
	RPMTAG_OLDFILENAMES = 1027, /* STRING_ARRAY: whole paths, before rpm 4 */
	RPMTAG_FILESIZES = 1028,
	RPMTAG_FILEMODES = 1030,
	RPMTAG_FILEDIGESTS = 1035, /* STRING_ARRAY: hex; empty for what is no regular file */
	RPMTAG_FILELINKTOS = 1036,
	RPMTAG_FILEFLAGS = 1037,
	RPMTAG_SOURCERPM = 1044, /* a package without it is a source package */
	RPMTAG_FILEDEVICES = 1095,
	RPMTAG_FILEINODES = 1096,
	RPMTAG_SOURCEPACKAGE = 1106,
	RPMTAG_DIRINDEXES = 1116,
	RPMTAG_BASENAMES = 1117,
	RPMTAG_DIRNAMES = 1118,
	RPMTAG_PAYLOADFORMAT = 1124,
	RPMTAG_PAYLOADCOMPRESSOR = 1125,
	RPMTAG_FILECLASS = 1141, /* INT32: index into CLASSDICT */
	RPMTAG_CLASSDICT = 1142, /* STRING_ARRAY: what libmagic said when the package was built */
	RPMTAG_LONGFILESIZES = 5008,
	RPMTAG_FILECAPS = 5010,
	RPMTAG_FILEDIGESTALGO = 5011, /* INT32: OpenPGP hash id; absent: MD5 */
	RPMTAG_FILESIGNATURES = 5090,
	RPMTAG_FILESIGNATURELENGTH = 5091,
	RPMTAG_PAYLOADSHA256 = 5092,     /* STRING_ARRAY: of the payload as it is in the package */
	RPMTAG_PAYLOADSHA256ALGO = 5093, /* INT32: the algorithm of 5092 and 5097 */
	RPMTAG_PAYLOADSHA256ALT = 5097,  /* STRING_ARRAY: of the payload uncompressed */
	RPMTAG_PAYLOADSIZE = 5112,       /* INT64: bytes of the payload as it is in the package */
	RPMTAG_PAYLOADSIZEALT = 5113,    /* INT64: of the payload uncompressed */
	RPMTAG_RPMFORMAT = 5114,         /* INT32: 6; absent before */
	RPMTAG_FILEMIMEINDEX = 5115,
	RPMTAG_MIMEDICT = 5116,
	RPMTAG_PAYLOADSHA512 = 5121, /* STRING */
	RPMTAG_PAYLOADSHA512ALT = 5122,
	RPMTAG_PAYLOADSHA3_256 = 5123,
	RPMTAG_PAYLOADSHA3_256ALT = 5124,
};

/* FILEFLAGS (rpm include/rpm/rpmfiles.h). */
enum {
	RPMFILE_CONFIG = 1 << 0,
	RPMFILE_DOC = 1 << 1,
	RPMFILE_GHOST = 1 << 6, /* owned but not shipped */
};

#endif
