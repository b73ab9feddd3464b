/* SPDX-License-Identifier: MIT */
#include "mft_crc.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* The polynomial with its bits in reverse: bit 31 stands for x^0. */
#define POLYNOMIAL 0x82f63b78u

/* ---- By table --------------------------------------------------------------------- */

/* row n: what a byte does to the remainder that n more bytes come after. Filled by whoever
 * is first; several may do it at once, with the same values. */
#define ROWS 8u
static uint32_t rows[ROWS][256];
static uint32_t rows_filled; /* atomic */

static void fill_rows(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
		__atomic_store_n(&rows[0][byte], crc, __ATOMIC_RELAXED);
	}
	for (unsigned n = 1; n < ROWS; n++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			uint32_t crc = rows[n - 1][byte];

			crc = crc >> 8 ^ rows[0][crc & 0xff];
			__atomic_store_n(&rows[n][byte], crc, __ATOMIC_RELAXED);
		}
	}
	__atomic_store_n(&rows_filled, 1, __ATOMIC_RELEASE);
}

uint32_t mft_crc32c_by_table(uint32_t crc, const void *data, size_t bytes)
{
	const uint8_t *p = data;

	if (!__atomic_load_n(&rows_filled, __ATOMIC_ACQUIRE))
		fill_rows();
	crc = ~crc;
	for (; bytes >= ROWS; bytes -= ROWS, p += ROWS) {
		uint32_t low, high;

		memcpy(&low, p, sizeof(low));
		memcpy(&high, p + sizeof(low), sizeof(high));
		low ^= crc;
		crc = rows[7][low & 0xff] ^ rows[6][low >> 8 & 0xff] ^
		      rows[5][low >> 16 & 0xff] ^ rows[4][low >> 24] ^
		      rows[3][high & 0xff] ^ rows[2][high >> 8 & 0xff] ^
		      rows[1][high >> 16 & 0xff] ^ rows[0][high >> 24];
	}
	for (; bytes; bytes--)
		crc = crc >> 8 ^ rows[0][(crc ^ *p++) & 0xff];
	return ~crc;
}

/* ---- By instruction --------------------------------------------------------------- */

#if defined(__x86_64__)
/* Below this, putting three remainders together takes longer than it saves. */
#define LANES_LEAST 2048u

/* The product of two remainders. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (unsigned bit = 0; bit < 32; bit++) {
		product ^= b & -(a >> 31);
		a <<= 1;
		b = b >> 1 ^ (POLYNOMIAL & -(b & 1));
	}
	return product;
}

/* What a remainder has to be multiplied with when so many bytes come after it: x to the
 * power of their bits. */
static uint32_t power_of(size_t bytes)
{
	uint32_t power = 1u << 31, square = 1u << (31 - 8);

	for (; bytes; bytes >>= 1) {
		if (bytes & 1)
			power = multiply(power, square);
		square = multiply(square, square);
	}
	return power;
}

static inline uint64_t take_word(uint64_t crc, const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	__asm__("crc32q %1, %0" : "+r"(crc) : "rm"(word));
	return crc;
}

/* The instruction gives its result after three cycles, and can be begun in each: three
 * parts of equal length are taken at once. */
static uint32_t take_lanes(uint32_t crc, const uint8_t *p, size_t lane)
{
	const uint32_t power = power_of(lane);
	uint64_t first = crc, second = 0, third = 0;

	for (size_t at = 0; at < lane; at += 8) {
		first = take_word(first, p + at);
		second = take_word(second, p + lane + at);
		third = take_word(third, p + 2 * lane + at);
	}
	crc = multiply(power, (uint32_t)first) ^ (uint32_t)second;
	return multiply(power, crc) ^ (uint32_t)third;
}

static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t bytes)
{
	uint64_t words = ~crc;

	if (bytes >= LANES_LEAST) {
		const size_t lane = bytes / 24 * 8;

		words = take_lanes(~crc, p, lane);
		p += 3 * lane;
		bytes -= 3 * lane;
	}
	for (; bytes >= 8; bytes -= 8, p += 8)
		words = take_word(words, p);
	for (; bytes; bytes--, p++)
		__asm__("crc32b %1, %0" : "+r"(words) : "rm"(*p));
	return ~(uint32_t)words;
}

/* SSE 4.2 has it. Asked once: in a virtual machine the question takes microseconds. */
static bool has_instruction(void)
{
	static uint32_t answer; /* atomic; 0: not asked yet, 1: no, 2: yes */
	uint32_t known = __atomic_load_n(&answer, __ATOMIC_RELAXED);
	unsigned a, b, c = 0, d;

	if (!known) {
		known = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2) ? 2 : 1;
		__atomic_store_n(&answer, known, __ATOMIC_RELAXED);
	}
	return known == 2;
}

uint32_t mft_crc32c(uint32_t crc, const void *data, size_t bytes)
{
	return has_instruction() ? by_instruction(crc, data, bytes)
				 : mft_crc32c_by_table(crc, data, bytes);
}
#else
uint32_t mft_crc32c(uint32_t crc, const void *data, size_t bytes)
{
	return mft_crc32c_by_table(crc, data, bytes);
}
#endif
