/* SPDX-License-Identifier: MIT */
/*
 * dump_mutator.c - how libFuzzer changes dumps: as mutation.h does, three times of four.
 *
 * Bytes that change at random hardly ever leave checksums, sums and lengths that fit; so
 * what lies behind these would not be reached. Linked to the fuzzer of dumps only.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mft_format.h"
#include "mutation.h"

#define OTHERS 8u

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* Dumps seen before, whose parts come into others. */
static struct mutation_dump others[OTHERS];
static size_t others_count;

static void remember(const struct mutation_dump *dump, uint64_t *random)
{
	size_t at = others_count < OTHERS ? others_count : mutation_below(random, OTHERS);
	struct mutation_dump copy;

	if (!mutation_copy(dump, &copy))
		return;
	others_count += at == others_count;
	free(others[at].bytes);
	others[at] = copy;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	const struct mutation_dump input = {data, size};
	uint64_t random = mutation_seed(seed, size);
	struct mutation_dump dump;

	if (size <= MFT_HEADER_BYTES || data[0] != (uint8_t)MFT_MAGIC[0] ||
	    mutation_below(&random, 4) == 0 || !mutation_copy(&input, &dump))
		return LLVMFuzzerMutate(data, size, max_size);
	if (others_count == 0 || mutation_below(&random, 64) == 0)
		remember(&input, &random);
	if (others_count > 0)
		mutation_make(&dump, others, others_count, &random);
	size = dump.count < max_size ? dump.count : max_size;
	memcpy(data, dump.bytes, size);
	free(dump.bytes);
	return size;
}
