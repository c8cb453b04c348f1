/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/text.h"

size_t utf8_next(const uint8_t *data, size_t size, uint32_t *code)
{
	/* Unicode 15, table 3-7: the shortest forms only, no surrogates, at most U+10FFFF. */
	uint32_t value;
	size_t length;

	if (size == 0)
		return 0;
	if (data[0] < 0x80) {
		*code = data[0];
		return 1;
	}
	if (data[0] >= 0xc2 && data[0] <= 0xdf) {
		length = 2;
		value = data[0] & 0x1f;
	} else if (data[0] >= 0xe0 && data[0] <= 0xef) {
		length = 3;
		value = data[0] & 0x0f;
	} else if (data[0] >= 0xf0 && data[0] <= 0xf4) {
		length = 4;
		value = data[0] & 0x07;
	} else {
		return 0;
	}
	if (size < length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((data[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (data[i] & 0x3f);
	}
	if ((length == 3 && value < 0x800) || (length == 4 && value < 0x10000) ||
	    (value >= 0xd800 && value <= 0xdfff) || value > 0x10ffff)
		return 0;
	*code = value;
	return length;
}

bool text_printable(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code <= 0xa0) || code == 0xad)
		return false;
	if (code == 0x61c || code == 0x180e || (code >= 0x200b && code <= 0x200f))
		return false;
	if ((code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f))
		return false;
	if (code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb))
		return false;
	if ((code >= 0xe0000 && code <= 0xe0fff) || (code & 0xfffe) == 0xfffe)
		return false;
	return true;
}

/* The shown form of the first character of text, with a NUL; the number of bytes it stands for. */
static size_t escape_one(struct bytes text, char out[24])
{
	uint32_t code;
	size_t length = utf8_next(text.data, text.size, &code);

	if (length == 1 && code == '\\') {
		memcpy(out, "\\\\", 3);
		return 1;
	}
	if (length && text_printable(code)) {
		memcpy(out, text.data, length);
		out[length] = 0;
		return length;
	}
	if (length == 0)
		length = 1;
	for (size_t i = 0; i < length; i++) {
		char hex[3];

		hex_write(hex, bytes_of(text.data + i, 1));
		memcpy(out + 4 * i, "\\x", 2);
		memcpy(out + 4 * i + 2, hex, 3);
	}
	return length;
}

static struct bytes after(struct bytes text, size_t n)
{
	return bytes_of(text.data + n, text.size - n);
}

char *text_escape(char *out, size_t out_size, struct bytes text)
{
	size_t used = 0;
	char shown[24];

	while (text.size) {
		size_t n = escape_one(text, shown), size = strlen(shown);

		if (size + 1 > out_size - used)
			break;
		memcpy(out + used, shown, size);
		used += size;
		text = after(text, n);
	}
	if (out_size)
		out[used] = 0;
	return out;
}

/* Bytes at the beginning of text that are shown as they are, of ASCII only: most text has no other. */
static size_t plain_size(struct bytes text)
{
	size_t n = 0;

	while (n < text.size && text.data[n] >= 0x20 && text.data[n] < 0x7f && text.data[n] != '\\')
		n++;
	return n;
}

void text_append(struct buf *buf, struct bytes text)
{
	char shown[24];

	while (text.size) {
		size_t plain = plain_size(text);

		if (plain) {
			buf_append(buf, bytes_of(text.data, plain));
			text = after(text, plain);
			continue;
		}
		text = after(text, escape_one(text, shown));
		buf_append_string(buf, shown);
	}
}

void text_write(FILE *out, struct bytes text)
{
	char shown[24];

	while (text.size) {
		size_t plain = plain_size(text);

		if (plain) {
			fwrite(text.data, 1, plain, out);
			text = after(text, plain);
			continue;
		}
		text = after(text, escape_one(text, shown));
		fputs(shown, out);
	}
}

static void append_utf8(struct buf *buf, uint32_t code)
{
	if (code < 0x80) {
		buf_append_u8(buf, (uint8_t)code);
	} else if (code < 0x800) {
		buf_append_u8(buf, (uint8_t)(0xc0 | code >> 6));
		buf_append_u8(buf, (uint8_t)(0x80 | (code & 0x3f)));
	} else if (code < 0x10000) {
		buf_append_u8(buf, (uint8_t)(0xe0 | code >> 12));
		buf_append_u8(buf, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
		buf_append_u8(buf, (uint8_t)(0x80 | (code & 0x3f)));
	} else {
		buf_append_u8(buf, (uint8_t)(0xf0 | code >> 18));
		buf_append_u8(buf, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
		buf_append_u8(buf, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
		buf_append_u8(buf, (uint8_t)(0x80 | (code & 0x3f)));
	}
}

void text_append_utf16le(struct buf *buf, struct bytes utf16)
{
	for (size_t i = 0; i + 1 < utf16.size; i += 2) {
		uint32_t unit = (uint32_t)(utf16.data[i] | utf16.data[i + 1] << 8);

		if (unit >= 0xd800 && unit <= 0xdbff && i + 3 < utf16.size) {
			uint32_t low = (uint32_t)(utf16.data[i + 2] | utf16.data[i + 3] << 8);

			if (low >= 0xdc00 && low <= 0xdfff) {
				append_utf8(buf,
					    0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
				i += 2;
				continue;
			}
		}
		append_utf8(buf, unit >= 0xd800 && unit <= 0xdfff ? 0xfffd : unit);
	}
}

void text_to_utf16le(struct buf *out, struct bytes utf8)
{
	size_t at = 0;

	while (at < utf8.size) {
		uint32_t code;
		size_t n = utf8_next(utf8.data + at, utf8.size - at, &code);

		if (n == 0) {
			code = utf8.data[at];
			n = 1;
		}
		at += n;
		if (code >= 0x10000) {
			buf_append_le16(out, (uint16_t)(0xd800 + ((code - 0x10000) >> 10)));
			code = 0xdc00 + ((code - 0x10000) & 0x3ff);
		}
		buf_append_le16(out, (uint16_t)code);
	}
}
