/* SPDX-License-Identifier: MIT */
/*
 * event.h - what the entry points report: one call for each thing that happened.
 *
 * Guarantees: never fails for the program; see recorder.h for what the ordinary path costs.
 * errno is kept. An event that cannot be recorded is counted in the dump.
 * Threads: any, each into its own stream.
 * Not here: the same in line, for malloc and free (event_plain.h), streams and threads
 * (recorder.h), stacks (stack.h), order (order.h).
 */
#ifndef EVENT_H
#define EVENT_H

#include <stddef.h>
#include <stdint.h>

struct mft_mapping;

/* An acquisition that succeeded, after the real function returned. op: an acquisition
 * opcode; p: not NULL; size: bytes asked for; alignment: as asked for, 0 for malloc's;
 * frame: the entry point's frame address, for stack_capture. */
void event_alloc(uint8_t op, const void *p, size_t size, size_t alignment,
		 const void *frame);

/* An acquisition that returned NULL; error is the errno that goes with it. */
void event_failed(uint8_t op, size_t size, int error, const void *frame);

/* A release, before the real function is called. p: not NULL. */
void event_free(uint8_t op, void *p);

/* The realloc whose first half was the last event_free failed; p is still there. */
void event_reacquire(void *p);

/* A call of the mmap family that succeeded. The stack is added here. */
void event_mapping(uint8_t op, const struct mft_mapping *mapping, const void *frame);

#endif
