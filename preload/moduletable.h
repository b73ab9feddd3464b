/* SPDX-License-Identifier: MIT */
/*
 * moduletable.h - a table of the modules that are loaded at one time, in order of address.
 *
 * Guarantees: no look-up writes, so a table that is published (modules.c) can be read by
 * any number of threads. Memory: memory.h's; moduletable_free gives it back.
 */
#ifndef MODULETABLE_H
#define MODULETABLE_H

#include <stdint.h>

struct module_entry {
	uintptr_t start, end, bias;
	/* Hash of path and build-id: another library at the same place differs. */
	uint64_t identity;
	uint32_t id; /* its number in the dump */
};

struct module_table {
	struct module_table *retired; /* for modules.c: the next one nobody may look at */
	uint32_t count;
	uint32_t capacity;
	struct module_entry entries[];
};

/* An empty table with room for so many, or NULL: no memory. */
struct module_table *moduletable_new(uint32_t capacity);
void moduletable_free(struct module_table *table);

/* What the loader calls by path, with that build-id, as a number. */
uint64_t moduletable_identity(const void *path, uint64_t path_bytes, const void *build_id,
			      uint64_t build_id_bytes);

/* The entry that is the same but for its number, or NULL. table: NULL is empty. */
const struct module_entry *moduletable_find_same(const struct module_table *table,
						 const struct module_entry *wanted);

/* Adds an entry; there must be room. */
void moduletable_insert(struct module_table *table, const struct module_entry *entry);

/* The index of the first module that does not end before address; the number of entries
 * where there is none. table: NULL is empty. */
uint32_t moduletable_find_from(const struct module_table *table, uintptr_t address);

#endif
