/* SPDX-License-Identifier: MIT */
#include "fold_births.h"

#include <errno.h>
#include <string.h>

#include "memory.h"

#define SLOTS_BYTES (FOLD_BIRTHS_SLOTS * sizeof(struct fold_birth))
#define USED_BYTES (FOLD_BIRTHS_MOST * sizeof(uint16_t))

int fold_births_begin(struct fold_births *births)
{
	births->count = 0;
	births->slots = memory_map(SLOTS_BYTES + USED_BYTES);
	if (!births->slots)
		return -ENOMEM;
	births->used = (uint16_t *)(void *)(births->slots + FOLD_BIRTHS_SLOTS);
	return 0;
}

void fold_births_done(struct fold_births *births)
{
	if (births->slots)
		memory_unmap(births->slots, SLOTS_BYTES + USED_BYTES);
	memset(births, 0, sizeof(*births));
}

void fold_births_clear(struct fold_births *births)
{
	for (uint32_t i = 0; i < births->count; i++)
		births->slots[births->used[i]].block.address = 0;
	births->count = 0;
}
