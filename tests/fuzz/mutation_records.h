/* SPDX-License-Identifier: MIT */
/*
 * mutation_records.h - random changes of the records in a chunk, which stay records.
 *
 * Records are taken out, doubled, exchanged and put in from other chunks; single fields
 * become numbers that such fields fail at, and what stands behind them moves on, so that
 * all of it is still decoded.
 * Guarantees: nothing beyond the chunk is touched. Threads: any. Memory: none.
 */
#ifndef MUTATION_RECORDS_H
#define MUTATION_RECORDS_H

#include <stddef.h>
#include <stdint.h>

/* Changes the records in a chunk of `bytes`, its header included; those of another one may
 * come in. Chunks without a header are left alone. */
void mutation_records(uint8_t *chunk, size_t bytes, const uint8_t *other,
		      size_t other_bytes, uint64_t *random);

#endif
