/* SPDX-License-Identifier: MIT */
#include "numbering.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "calltree.h"

struct numbering_entry {
	UT_hash_handle hh;
	uint32_t number;
	char key[];
};

void numbering_done(struct numbering *numbering)
{
	struct numbering_entry *entry, *next;

	HASH_ITER (hh, numbering->entries, entry, next) {
		HASH_DEL(numbering->entries, entry);
		free(entry);
	}
	numbering->count = 0;
}

int numbering_get(struct numbering *numbering, const void *key, size_t key_bytes,
		  uint32_t *ret_number, bool *ret_new)
{
	struct numbering_entry *entry = NULL;

	HASH_FIND(hh, numbering->entries, key, key_bytes, entry);
	if (entry) {
		*ret_number = entry->number;
		*ret_new = false;
		return 0;
	}
	entry = calloc(1, sizeof(*entry) + key_bytes);
	if (!entry)
		return -ENOMEM;
	memcpy(entry->key, key, key_bytes);
	entry->number = numbering->count + 1;
	HASH_ADD_KEYPTR(hh, numbering->entries, entry->key, key_bytes, entry);
	if (!entry->hh.tbl) {
		free(entry);
		return -ENOMEM;
	}
	numbering->count++;
	*ret_number = entry->number;
	*ret_new = true;
	return 0;
}

struct numbering_frame_key numbering_frame(const struct callnode *node, bool by_line)
{
	struct numbering_frame_key key;

	memset(&key, 0, sizeof(key));
	if (!node)
		return key;
	key.function = node->function;
	key.file = node->file;
	key.module = node->module;
	/* Equal strings have equal addresses (symbols.h). */
	if (!node->function)
		key.address = node->address;
	if (by_line)
		key.line = node->line;
	return key;
}
