/* SPDX-License-Identifier: MIT */
#include "protobuf.h"

#include <stdlib.h>
#include <string.h>

enum {
	WIRE_VARINT = 0,
	WIRE_BYTES = 2
};

#define VARINT_MOST 10u

void protobuf_done(struct protobuf *message)
{
	free(message->bytes);
	memset(message, 0, sizeof(*message));
}

void protobuf_clear(struct protobuf *message)
{
	message->count = 0;
}

static bool make_room(struct protobuf *message, size_t more)
{
	size_t room = message->room ? message->room : 256;
	uint8_t *moved;

	if (message->failed)
		return false;
	if (message->room - message->count >= more)
		return true;
	while (room - message->count < more)
		room *= 2;
	moved = realloc(message->bytes, room);
	if (!moved) {
		message->failed = true;
		return false;
	}
	message->bytes = moved;
	message->room = room;
	return true;
}

void protobuf_value(struct protobuf *values, uint64_t value)
{
	if (!make_room(values, VARINT_MOST))
		return;
	for (; value >= 0x80; value >>= 7)
		values->bytes[values->count++] = (uint8_t)(value | 0x80);
	values->bytes[values->count++] = (uint8_t)value;
}

void protobuf_number(struct protobuf *message, unsigned field, uint64_t value)
{
	if (value == 0)
		return;
	protobuf_value(message, (uint64_t)field << 3 | WIRE_VARINT);
	protobuf_value(message, value);
}

void protobuf_bytes(struct protobuf *message, unsigned field, const void *bytes,
		    size_t count)
{
	protobuf_value(message, (uint64_t)field << 3 | WIRE_BYTES);
	protobuf_value(message, count);
	if (count == 0 || !make_room(message, count))
		return;
	memcpy(message->bytes + message->count, bytes, count);
	message->count += count;
}

void protobuf_message(struct protobuf *message, unsigned field,
		      const struct protobuf *inner)
{
	message->failed |= inner->failed;
	protobuf_bytes(message, field, inner->bytes, inner->count);
}
