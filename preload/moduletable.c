/* SPDX-License-Identifier: MIT */
#include "moduletable.h"

#include <stddef.h>

#include "memory.h"

static size_t table_bytes(uint32_t capacity)
{
	return sizeof(struct module_table) + capacity * sizeof(struct module_entry);
}

struct module_table *moduletable_new(uint32_t capacity)
{
	struct module_table *table = memory_map(table_bytes(capacity));

	if (table)
		table->capacity = capacity;
	return table;
}

void moduletable_free(struct module_table *table)
{
	memory_unmap(table, table_bytes(table->capacity));
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ull; /* FNV-1a */
	return hash;
}

uint64_t moduletable_identity(const void *path, uint64_t path_bytes, const void *build_id,
			      uint64_t build_id_bytes)
{
	return hash_bytes(hash_bytes(0xcbf29ce484222325ull, path, path_bytes), build_id,
			  build_id_bytes);
}

const struct module_entry *moduletable_find_same(const struct module_table *table,
						 const struct module_entry *wanted)
{
	for (uint32_t i = 0; table && i < table->count; i++) {
		const struct module_entry *entry = &table->entries[i];

		if (entry->start == wanted->start && entry->end == wanted->end &&
		    entry->bias == wanted->bias && entry->identity == wanted->identity)
			return entry;
	}
	return NULL;
}

void moduletable_insert(struct module_table *table, const struct module_entry *entry)
{
	uint32_t i = table->count++;

	for (; i && table->entries[i - 1].start > entry->start; i--)
		table->entries[i] = table->entries[i - 1];
	table->entries[i] = *entry;
}

uint32_t moduletable_find_from(const struct module_table *table, uintptr_t address)
{
	uint32_t low = 0, high = table ? table->count : 0;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (table->entries[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
