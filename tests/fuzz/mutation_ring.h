/* SPDX-License-Identifier: MIT */
/*
 * mutation_ring.h - random changes of the state in a ring dump (mft_ring.h).
 *
 * Numbers of the root and of single items; steps that did not end, with journals of any
 * kind; and sums that fit again what they are sums of, without which a reader looks at
 * nothing else. Dumps of other modes are left alone.
 * Threads: any. Memory: none.
 */
#ifndef MUTATION_RING_H
#define MUTATION_RING_H

#include <stdint.h>

struct mutation_dump;

void mutation_ring(struct mutation_dump *dump, uint64_t *random);

/* Makes the sums of a state those of its live blocks and sites. States of more than some
 * hundred places are left alone. */
void mutation_ring_sums(struct mutation_dump *dump);

#endif
