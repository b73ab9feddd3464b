/* SPDX-License-Identifier: MIT */
/*
 * unwinder.h - libunwind, as the reference and for architectures without a walker of ours.
 *
 * It is loaded by the constructor, with its symbols kept apart (its _Unwind_* functions
 * must not stand in front of the C++ runtime's), and only where it is needed: verify=N, or
 * no native walker. It opens two descriptors and uses 5 KiB of stack, which is why it is
 * not the ordinary way where there is another.
 */
#ifndef UNWINDER_H
#define UNWINDER_H

#include <stdbool.h>
#include <stdint.h>

struct recorder;

/* Loads it, which allocates. Before, and where it fails, unwinder_stack finds nothing, and
 * unwinder_check checks nothing. Once. */
void unwinder_begin(void);

/* The return addresses of the stack above the function with this frame address, innermost
 * first, at most `most`. Returns how many; *ret_whole says whether the limit was not met.
 */
uint32_t unwinder_stack(const void *frame_address, uintptr_t *pcs, uint32_t most,
			bool *ret_whole);

/* Every verify-th time: compares the stack just captured with libunwind's, and counts in
 * the recorder's chunk. The stack is, in recorder->stack, `count` fresh frames and then the
 * remembered ones from index `met` outwards. disputed: another way to it came to another
 * node, which is a difference in any case. */
void unwinder_check(struct recorder *recorder, const void *frame_address, uint32_t count,
		    uint32_t met, bool disputed);

#endif
