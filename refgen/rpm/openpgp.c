/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/rpm/openpgp.h"

#define PACKET_SIGNATURE 2

/* The header of a packet: its type, and a reader of its body. Partial and indeterminate lengths
 * are for streams and never stand before a signature. */
static int packet_open(struct reader *in, unsigned *type, struct reader *body, struct error *err)
{
	uint64_t at = reader_offset(in);
	uint8_t first = reader_u8(in);
	size_t size = 0;

	*type = 0;
	if (!in->ran_out && !(first & 0x80))
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "RFC 9580 4.2: 0x%02x begins no OpenPGP packet", first);
	if (first & 0x40) {
		uint8_t octet = reader_u8(in);

		*type = first & 0x3f;
		if (octet < 192)
			size = octet;
		else if (octet < 224)
			size = ((size_t)(octet - 192) << 8) + reader_u8(in) + 192;
		else if (octet == 255)
			size = reader_be32(in);
		else
			return error_set(err, ERROR_MALFORMED, in->source, at + 1,
					 "RFC 9580 4.2.1.4: signature packet of partial length");
	} else {
		*type = first >> 2 & 0xf;
		switch (first & 3) {
		case 0:
			size = reader_u8(in);
			break;
		case 1:
			size = reader_be16(in);
			break;
		case 2:
			size = reader_be32(in);
			break;
		default:
			return error_set(err, ERROR_MALFORMED, in->source, at,
					 "RFC 9580 4.2.2: signature packet of unknown length");
		}
	}
	*body = reader_part(in, size);
	return reader_check(body, err);
}

int openpgp_packet_next(struct reader *in, unsigned *type, struct bytes *body, struct bytes *whole,
			struct error *err)
{
	const uint8_t *begin = in->data + in->pos;
	struct reader inner;

	if (packet_open(in, type, &inner, err) < 0)
		return -1;
	*body = bytes_of(inner.data, inner.size);
	*whole = bytes_of(begin, (size_t)(in->data + in->pos - begin));
	return 0;
}

/* Creation time and issuer (RFC 9580 5.2.3.11, 12, 35); a fingerprint wins over a key id. */
static void read_subpackets(struct reader *area, struct openpgp_signature *out)
{
	while (reader_left(area)) {
		size_t size = reader_u8(area);
		struct reader body;
		uint8_t type;

		if (size >= 192 && size < 255)
			size = ((size - 192) << 8) + reader_u8(area) + 192;
		else if (size == 255)
			size = reader_be32(area);
		body = reader_part(area, size);
		type = reader_u8(&body) & 0x7f; /* without the critical bit */
		if (type == 2) {
			out->created_time = reader_be32(&body);
		} else if (type == 16 && !out->issuer_size) {
			struct bytes id = reader_bytes(&body, 8);

			if (id.size) {
				memcpy(out->issuer, id.data, id.size);
				out->issuer_size = id.size;
			}
		} else if (type == 33) {
			uint8_t version = reader_u8(&body);
			struct bytes id = reader_bytes(&body, version == 4 ? 20 : 32);

			if (id.size) {
				memcpy(out->issuer, id.data, id.size);
				out->issuer_size = id.size;
			}
		}
	}
}

int openpgp_signature_parse(struct bytes packet, uint64_t offset, const char *source,
			    struct openpgp_signature *out, struct error *err)
{
	struct reader in = reader_of(packet, offset, source), body;
	struct openpgp_signature signature = { 0 };
	unsigned type;

	if (packet_open(&in, &type, &body, err) < 0)
		return -1;
	if (type != PACKET_SIGNATURE)
		return error_set(err, ERROR_MALFORMED, source, offset,
				 "RFC 9580 5: OpenPGP packet of type %u, must be a signature (%d)",
				 type, PACKET_SIGNATURE);
	if (reader_finish(&in, err) < 0)
		return -1;
	signature.version = reader_u8(&body);
	if (signature.version == 2 || signature.version == 3) {
		struct bytes id;

		signature.version = 3;
		reader_skip(&body, 1); /* 5: bytes that are hashed */
		signature.hashed = bytes_of(body.data + body.pos, 5);
		signature.type = reader_u8(&body);
		signature.created_time = reader_be32(&body);
		id = reader_bytes(&body, 8);
		if (id.size) {
			memcpy(signature.issuer, id.data, id.size);
			signature.issuer_size = id.size;
		}
		signature.key_alg = reader_u8(&body);
		signature.hash_alg = reader_u8(&body);
	} else if (signature.version == 4 || signature.version == 6) {
		const uint8_t *begin = body.data;
		struct reader areas[2];

		signature.type = reader_u8(&body);
		signature.key_alg = reader_u8(&body);
		signature.hash_alg = reader_u8(&body);
		for (size_t i = 0; i < ARRAY_SIZE(areas); i++) { /* hashed, not hashed */
			size_t size =
				signature.version == 4 ? reader_be16(&body) : reader_be32(&body);

			areas[i] = reader_part(&body, size);
			read_subpackets(&areas[i], &signature);
			if (reader_check(&areas[i], err) < 0)
				return -1;
			if (i == 0)
				signature.hashed =
					bytes_of(begin, (size_t)(body.data + body.pos - begin));
		}
	}
	signature.left[0] = reader_u8(&body);
	signature.left[1] = reader_u8(&body);
	if (signature.version != 3 && signature.version != 4 && signature.version != 6)
		signature = (struct openpgp_signature){ .version = signature.version };
	else if (reader_check(&body, err) < 0)
		return -1;
	*out = signature;
	return 0;
}

void openpgp_signature_trailer(const struct openpgp_signature *signature, struct buf *out)
{
	buf_append(out, signature->hashed);
	if (signature->version != 4)
		return;
	buf_append_u8(out, 4);
	buf_append_u8(out, 0xff);
	buf_append_be32(out, (uint32_t)signature->hashed.size);
}

#define ARMOR_BEGIN "-----BEGIN PGP "
#define ARMOR_END   "-----END PGP "

/* The next line of a text without its end, and the text moved past it. */
static struct bytes take_line(struct bytes *text)
{
	const uint8_t *end = text->size ? memchr(text->data, '\n', text->size) : NULL;
	struct bytes line = bytes_of(text->data, end ? (size_t)(end - text->data) : text->size);
	size_t taken = line.size + (end ? 1 : 0);

	*text = bytes_of(text->data + taken, text->size - taken);
	while (line.size && (line.data[line.size - 1] == '\r' || line.data[line.size - 1] == ' ' ||
			     line.data[line.size - 1] == '\t'))
		line.size--;
	return line;
}

bool openpgp_is_armored(struct bytes text)
{
	while (text.size)
		if (bytes_start_with(take_line(&text), bytes_of_string(ARMOR_BEGIN)))
			return true;
	return false;
}

int openpgp_dearmor(struct bytes text, const char *source, struct buf *out, struct error *err)
{
	const uint8_t *begin = text.data;

	while (text.size) {
		struct bytes line = take_line(&text);
		uint64_t at = (uint64_t)(line.data - begin);

		if (!bytes_start_with(line, bytes_of_string(ARMOR_BEGIN)))
			continue;
		if (!bytes_equal_string(line, ARMOR_BEGIN "PUBLIC KEY BLOCK-----"))
			return error_set(err, ERROR_MALFORMED, source, at,
					 "RFC 9580 6.2: armoured block is no public key");
		do /* headers, up to an empty line */
			line = take_line(&text);
		while (line.size && text.size);
		for (;;) {
			if (!text.size)
				return error_set(err, ERROR_TRUNCATED, source, at,
						 "RFC 9580 6.2: armoured block without its end");
			line = take_line(&text);
			if (bytes_start_with(line, bytes_of_string(ARMOR_END)))
				break;
			/* A checksum, no longer to be looked at (RFC 9580 6.1). */
			if (line.size && line.data[0] == '=')
				continue;
			if (!base64_parse(line, out))
				return error_set(err, ERROR_MALFORMED, source,
						 (uint64_t)(line.data - begin),
						 "RFC 9580 6: line is not base64");
		}
	}
	return buf_finish(out, err);
}

const char *openpgp_key_alg_name(uint8_t key_alg)
{
	static const struct {
		uint8_t id;
		const char *name;
	} names[] = {
		{1,   "RSA"               }, /* RFC 9580 9.1 */
		{ 3,  "RSA"               },
		{ 17, "DSA"               },
		{ 19, "ECDSA"             },
		{ 22, "EdDSA"             },
		{ 27, "Ed25519"           },
		{ 28, "Ed448"             },
		{ 30, "ML-DSA-65+Ed25519" }, /* draft-ietf-openpgp-pqc */
		{ 31, "ML-DSA-87+Ed448"   },
		{ 32, "SLH-DSA-SHAKE-128s"},
		{ 33, "SLH-DSA-SHAKE-128f"},
		{ 34, "SLH-DSA-SHAKE-256s"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].id == key_alg)
			return names[i].name;
	return "algorithm";
}

static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_parse(struct bytes text, struct buf *out)
{
	uint32_t bits = 0;
	unsigned n_digits = 0, n_pads = 0;

	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		int value;

		if (c == '\n' || c == '\r')
			continue;
		if (c == '=') {
			n_pads++;
			continue;
		}
		value = base64_value(c);
		if (value < 0 || n_pads)
			return false;
		bits = bits << 6 | (uint32_t)value;
		if (++n_digits % 4 == 0) {
			buf_append_u8(out, (uint8_t)(bits >> 16));
			buf_append_u8(out, (uint8_t)(bits >> 8));
			buf_append_u8(out, (uint8_t)bits);
		}
	}
	switch (n_digits % 4) {
	case 0:
		return n_pads == 0;
	case 2:
		buf_append_u8(out, (uint8_t)(bits >> 4));
		return n_pads == 0 || n_pads == 2;
	case 3:
		buf_append_u8(out, (uint8_t)(bits >> 10));
		buf_append_u8(out, (uint8_t)(bits >> 2));
		return n_pads == 0 || n_pads == 1;
	default:
		return false;
	}
}
