/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EFI compression 1.1 (UEFI 2.10, 19.2 to 19.4): LZ77 in a window of 8 KiB, Huffman codes sent anew for
 * each block. Bits are taken from the most significant end of each byte.
 */
#include <inttypes.h>

#include "refgen/firmware/internal.h"

#define N_CHARS     510 /* 256 bytes, then match lengths 3 to 256 */
#define N_POSITIONS 14  /* bits of a distance; version 1.1 sends their number in 4 bits */
#define N_LENGTHS   19  /* code lengths, and three ways to skip */
#define MATCH_MIN   3
#define CODE_MAX    16 /* bits of a code */

struct bits {
	struct bytes in;
	size_t at;       /* of the next byte */
	unsigned value;  /* of the byte before */
	unsigned n_left; /* bits of it */
	bool ran_out;
};

static unsigned bit_next(struct bits *bits)
{
	if (bits->n_left == 0) {
		bits->ran_out |= bits->at >= bits->in.size;
		bits->value = bits->ran_out ? 0 : bits->in.data[bits->at++];
		bits->n_left = 8;
	}
	return bits->value >> --bits->n_left & 1;
}

static unsigned bits_take(struct bits *bits, unsigned n)
{
	unsigned value = 0;

	while (n-- > 0)
		value = value << 1 | bit_next(bits);
	return value;
}

/* A canonical code: symbols in the order of their codes, shorter first. */
struct code {
	uint16_t counts[CODE_MAX + 1]; /* codes of each length */
	uint16_t symbols[N_CHARS];
	bool single; /* one symbol, which takes no bits */
};

/* False unless the lengths make a complete code. */
static bool code_make(struct code *code, const uint8_t *lengths, unsigned n)
{
	unsigned starts[CODE_MAX + 2] = { 0 };
	unsigned left = 1;

	*code = (struct code){ 0 };
	for (unsigned i = 0; i < n; i++)
		code->counts[lengths[i]]++;
	code->counts[0] = 0;
	for (unsigned length = 1; length <= CODE_MAX; length++) {
		left <<= 1;
		if (code->counts[length] > left)
			return false;
		left -= code->counts[length];
		starts[length + 1] = starts[length] + code->counts[length];
	}
	for (unsigned i = 0; i < n; i++)
		if (lengths[i] != 0)
			code->symbols[starts[lengths[i]]++] = (uint16_t)i;
	return left == 0;
}

static unsigned code_take(const struct code *code, struct bits *bits)
{
	unsigned value = 0, first = 0, index = 0;

	if (code->single)
		return code->symbols[0];
	for (unsigned length = 1; length <= CODE_MAX; length++) {
		value = value << 1 | bit_next(bits);
		if (value - first < code->counts[length])
			return code->symbols[index + value - first];
		index += code->counts[length];
		first = (first + code->counts[length]) << 1;
	}
	return 0; /* not reached: the code is complete */
}

static void code_single(struct code *code, unsigned symbol)
{
	*code = (struct code){ .single = true };
	code->symbols[0] = (uint16_t)symbol;
}

struct decoder {
	struct bits bits;
	struct code lengths, chars, positions;
	unsigned block_left; /* symbols until the next codes */
};

/*
 * A code of up to N_LENGTHS symbols: lengths in 3 bits, 7 and more going on in unary. After the
 * symbol number skip_at, 2 bits say how many have no code.
 */
static bool read_small_code(struct bits *bits, struct code *code, unsigned n, unsigned n_bits,
			    unsigned skip_at)
{
	uint8_t lengths[N_LENGTHS] = { 0 };
	unsigned count = bits_take(bits, n_bits);

	if (count == 0) {
		code_single(code, bits_take(bits, n_bits));
		return code->symbols[0] < n;
	}
	if (count > n)
		return false;
	for (unsigned i = 0; i < count;) {
		unsigned length = bits_take(bits, 3);

		if (length == 7)
			while (length <= CODE_MAX && bit_next(bits))
				length++;
		if (length > CODE_MAX)
			return false;
		lengths[i++] = (uint8_t)length;
		if (i == skip_at)
			i += bits_take(bits, 2);
	}
	return code_make(code, lengths, n);
}

/* The code of bytes and match lengths, whose lengths are coded themselves. */
static bool read_char_code(struct decoder *decoder)
{
	uint8_t lengths[N_CHARS] = { 0 };
	struct bits *bits = &decoder->bits;
	unsigned count = bits_take(bits, 9);

	if (count == 0) {
		code_single(&decoder->chars, bits_take(bits, 9));
		return decoder->chars.symbols[0] < N_CHARS;
	}
	if (count > N_CHARS)
		return false;
	for (unsigned i = 0; i < count;) {
		unsigned symbol = code_take(&decoder->lengths, bits);

		if (symbol > 2) {
			lengths[i++] = (uint8_t)(symbol - 2);
			continue;
		}
		i += symbol == 0   ? 1
		     : symbol == 1 ? bits_take(bits, 4) + 3
				   : bits_take(bits, 9) + 20;
	}
	return code_make(&decoder->chars, lengths, N_CHARS);
}

static bool read_block(struct decoder *decoder)
{
	struct bits *bits = &decoder->bits;
	unsigned size = bits_take(bits, 16);

	decoder->block_left = size ? size : 1 << 16; /* as the reference decoder counts */
	return read_small_code(bits, &decoder->lengths, N_LENGTHS, 5, 3) &&
	       read_char_code(decoder) &&
	       read_small_code(bits, &decoder->positions, N_POSITIONS, 4, N_LENGTHS + 1);
}

static unsigned read_distance(struct decoder *decoder)
{
	unsigned n = code_take(&decoder->positions, &decoder->bits);

	return n > 1 ? (1u << (n - 1)) + bits_take(&decoder->bits, n - 1) : n;
}

/* Fills out; what is wrong as text, or NULL. */
static const char *unpack(struct decoder *decoder, uint8_t *out, size_t size)
{
	for (size_t at = 0; at < size;) {
		unsigned symbol, length, distance;

		if (decoder->block_left == 0 && !read_block(decoder))
			return "a code that is not complete";
		decoder->block_left--;
		symbol = code_take(&decoder->chars, &decoder->bits);
		if (decoder->bits.ran_out)
			return "cut short";
		if (symbol < 256) {
			out[at++] = (uint8_t)symbol;
			continue;
		}
		length = symbol - 256 + MATCH_MIN;
		distance = read_distance(decoder) + 1;
		if (distance > at)
			return "a match before the beginning";
		for (; length > 0 && at < size; length--, at++)
			out[at] = out[at - distance];
	}
	return decoder->bits.ran_out ? "cut short" : NULL;
}

int efi_decompress(struct bytes in, uint64_t offset, const char *source, struct buf *out,
		   struct error *err)
{
	struct reader header = reader_of(in, offset, source);
	struct decoder decoder = { 0 };
	uint32_t packed = reader_le32(&header), unpacked = reader_le32(&header);
	const char *wrong;
	uint8_t *at;

	decoder.bits.in = reader_bytes(&header, packed);
	if (reader_check(&header, err) < 0)
		return -1;
	if (unpacked > EFI_DECOMPRESS_MAX)
		return error_set(err, ERROR_LIMIT, source, offset + 4,
				 "UEFI 19: unpacks to %" PRIu32 " bytes, at most %u", unpacked,
				 EFI_DECOMPRESS_MAX);
	at = buf_extend(out, unpacked);
	if (!at)
		return error_memory(err, source);
	wrong = unpack(&decoder, at, unpacked);
	if (!wrong)
		return 0;
	out->size -= unpacked;
	return error_set(err, decoder.bits.ran_out ? ERROR_TRUNCATED : ERROR_MALFORMED, source,
			 offset + 8 + decoder.bits.at, "UEFI 19: compressed data: %s", wrong);
}
