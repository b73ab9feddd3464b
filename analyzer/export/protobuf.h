/* SPDX-License-Identifier: MIT */
/*
 * protobuf.h - messages in the wire format of Protocol Buffers.
 *
 * https://protobuf.dev/programming-guides/encoding/: a field is a key (its number, and how
 * its value is coded) and a value: a varint, or a length and so many bytes.
 * Guarantees: a field of number 0, which is the default, is left out.
 * Threads: none. Memory: one buffer, which grows and is used again; protobuf_done. Short
 * memory is noted in `failed` and what comes later is dropped.
 * Not here: the messages (pprof.c), compression (gzipfile.h).
 */
#ifndef PROTOBUF_H
#define PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf {
	uint8_t *bytes;
	size_t count;
	size_t room;
	bool failed;
};

/* An empty message is all zeros. */
void protobuf_done(struct protobuf *message);
/* Begins anew. */
void protobuf_clear(struct protobuf *message);

/* int64, uint64, bool */
void protobuf_number(struct protobuf *message, unsigned field, uint64_t value);
/* string, bytes; also if empty */
void protobuf_bytes(struct protobuf *message, unsigned field, const void *bytes,
		    size_t count);
void protobuf_message(struct protobuf *message, unsigned field,
		      const struct protobuf *inner);
/* One of the values of a packed field: just the number. */
void protobuf_value(struct protobuf *values, uint64_t value);

#endif
