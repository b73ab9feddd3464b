/* SPDX-License-Identifier: MIT */
/*
 * cfi_bytes.h - a piece of a table of call frame information, read from front to back.
 *
 * Guarantees: nothing beyond the end is read; what lies there counts as zeros, and `bad`
 * tells so. No lock, no allocation. Source: DWARF 5, 7.6 (LEB128).
 * Not here: what the bytes mean.
 */
#ifndef CFI_BYTES_H
#define CFI_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cfi_bytes {
	const uint8_t *pos;
	const uint8_t *end;
	bool bad;
};

/* A little-endian number of `width` bytes, at most 8. */
static inline uint64_t cfi_bytes_fixed(struct cfi_bytes *b, size_t width)
{
	uint64_t v = 0;

	if ((size_t)(b->end - b->pos) < width) {
		b->bad = true;
		b->pos = b->end;
		return 0;
	}
	memcpy(&v, b->pos, width);
	b->pos += width;
	return v;
}

/* The same, as a number with a sign. */
static inline int64_t cfi_bytes_signed(struct cfi_bytes *b, size_t width)
{
	const unsigned unused = 64 - 8 * (unsigned)width;

	return (int64_t)(cfi_bytes_fixed(b, width) << unused) >> unused;
}

static inline uint8_t cfi_bytes_u8(struct cfi_bytes *b)
{
	return (uint8_t)cfi_bytes_fixed(b, 1);
}

/* LEB128 without a sign, and with one. Bits beyond 64 are dropped. */
static inline uint64_t cfi_bytes_uleb(struct cfi_bytes *b)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = cfi_bytes_u8(b);
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && !b->bad);
	return v;
}

static inline int64_t cfi_bytes_sleb(struct cfi_bytes *b)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = cfi_bytes_u8(b);
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && !b->bad);
	if (shift < 64 && (byte & 0x40))
		v |= ~0ull << shift;
	return (int64_t)v;
}

static inline void cfi_bytes_skip(struct cfi_bytes *b, uint64_t count)
{
	if (count > (uint64_t)(b->end - b->pos)) {
		b->bad = true;
		b->pos = b->end;
	} else {
		b->pos += count;
	}
}

#endif
