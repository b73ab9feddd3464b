/* SPDX-License-Identifier: MIT */
#include "modulemap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Without memory for a new entry uthash must tell, not exit. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "cursor.h"

struct modulemap_id {
	uint32_t id;
	uint32_t index;
	UT_hash_handle hh;
};

struct modulemap_key {
	uint32_t index;
	UT_hash_handle hh;
	size_t bytes;
	uint8_t data[];
};

void modulemap_init(struct modulemap *map, struct reader *reader)
{
	memset(map, 0, sizeof(*map));
	map->reader = reader;
}

void modulemap_done(struct modulemap *map)
{
	struct modulemap_id *entry, *next;
	struct modulemap_key *key, *next_key;

	HASH_ITER (hh, map->ids, entry, next) {
		HASH_DEL(map->ids, entry);
		free(entry);
	}
	HASH_ITER (hh, map->keys, key, next_key) {
		HASH_DEL(map->keys, key);
		free(key);
	}
	for (size_t i = 0; i < map->count; i++)
		free(map->modules[i].path);
	free(map->modules);
	memset(map, 0, sizeof(*map));
}

/* What makes two modules the same: bias, build-id, path, one after the other. */
static struct modulemap_key *key_new(const struct mft_module *m)
{
	size_t path_bytes = strnlen((const char *)m->path.data, m->path.length);
	size_t bytes = sizeof(m->bias) + 1 + m->build_id.length + path_bytes;
	struct modulemap_key *key = calloc(1, sizeof(*key) + bytes);
	uint8_t *p;

	if (!key)
		return NULL;
	key->bytes = bytes;
	p = mempcpy(key->data, &m->bias, sizeof(m->bias));
	*p++ = (uint8_t)m->build_id.length;
	p = mempcpy(p, m->build_id.data, m->build_id.length);
	memcpy(p, m->path.data, path_bytes);
	return key;
}

static int append(struct modulemap *map, const struct mft_module *m)
{
	struct profile_module *module;

	if (map->count == map->room) {
		size_t room = map->room ? 2 * map->room : 16;

		module = reallocarray(map->modules, room, sizeof(*module));
		if (!module)
			return -ENOMEM;
		map->modules = module;
		map->room = room;
	}
	module = &map->modules[map->count];
	memset(module, 0, sizeof(*module));
	module->path = strndup((const char *)m->path.data, m->path.length);
	if (!module->path)
		return -ENOMEM;
	memcpy(module->build_id, m->build_id.data, m->build_id.length);
	module->build_id_bytes = m->build_id.length;
	module->bias = m->bias;
	module->start = m->start;
	module->end = m->end;
	map->count++;
	return 0;
}

static int add_module(struct modulemap *map, const struct mft_module *m,
		      uint32_t *ret_index)
{
	struct modulemap_key *key = key_new(m), *known;
	int r;

	if (!key)
		return -ENOMEM;
	HASH_FIND(hh, map->keys, key->data, key->bytes, known);
	if (known) {
		*ret_index = known->index;
		free(key);
		return 0;
	}
	key->index = (uint32_t)map->count;
	HASH_ADD_KEYPTR(hh, map->keys, key->data, key->bytes, key);
	if (!key->hh.tbl) {
		free(key);
		return -ENOMEM;
	}
	r = append(map, m);
	if (r < 0) {
		HASH_DEL(map->keys, key);
		free(key);
		return r;
	}
	*ret_index = key->index;
	return 0;
}

int modulemap_add(struct modulemap *map, struct mft_bytes payload)
{
	struct modulemap_id *entry;
	struct mft_module m;
	int r = mft_decode_module(payload, &m);

	if (r < 0)
		return r;
	if (m.id == MFT_MODULE_NONE || m.build_id.length > sizeof(map->modules->build_id))
		return -EBADMSG;
	HASH_FIND(hh, map->ids, &m.id, sizeof(m.id), entry);
	if (entry)
		return 0;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->id = m.id;
	r = add_module(map, &m, &entry->index);
	if (r == 0) {
		HASH_ADD(hh, map->ids, id, sizeof(entry->id), entry);
		if (!entry->hh.tbl)
			r = -ENOMEM;
	}
	if (r < 0)
		free(entry);
	return r;
}

/* Bad records are for the replay to complain of. */
int modulemap_search(struct modulemap *map)
{
	struct reader *reader = map->reader;
	const struct mft_record *record;
	struct cursor cursor;
	int r = 0;

	for (size_t i = 0; i < reader->streams_count && r >= 0; i++) {
		cursor_init(&cursor, reader, &reader->streams[i]);
		cursor.quiet = true;
		while ((r = cursor_next(&cursor, &record)) > 0) {
			if (record->op != MFT_OP_MODULE)
				continue;
			r = modulemap_add(map, record->payload);
			if (r < 0 && r != -EBADMSG)
				break;
		}
		cursor_done(&cursor);
	}
	if (r >= 0)
		map->searched = true;
	return r < 0 ? r : 0;
}

static const struct modulemap_id *find(const struct modulemap *map, uint32_t id)
{
	struct modulemap_id *entry;

	HASH_FIND(hh, map->ids, &id, sizeof(id), entry);
	return entry;
}

int modulemap_find(struct modulemap *map, uint32_t id, uint32_t *ret_index)
{
	const struct modulemap_id *entry = NULL;

	if (id == MFT_MODULE_NONE) {
		*ret_index = PROFILE_NO_MODULE;
		return 0;
	}
	entry = find(map, id);
	if (!entry && !map->searched) {
		int r = modulemap_search(map);

		if (r < 0)
			return r;
		entry = find(map, id);
	}
	if (!entry)
		return -ENOENT;
	*ret_index = entry->index;
	return 0;
}
