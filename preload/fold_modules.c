/* SPDX-License-Identifier: MIT */
#include "fold_modules.h"

#include <errno.h>
#include <string.h>

#include "fold_facts.h"
#include "fold_state.h"
#include "memory.h"
#include "mft_codec.h"
#include "moduletable.h"

/* A description that may be replaced has room for the longest numbers. Of a longer record
 * the journal could not take what was there before. */
#define NUMBERS_BYTES (4u * MFT_VARINT_BYTES_MAX)
#define REPLACED_BYTES_MOST 768u

void fold_modules_done(struct fold_modules *modules)
{
	if (modules->room)
		memory_unmap(modules->modules, modules->room * sizeof(*modules->modules));
	memset(modules, 0, sizeof(*modules));
}

static uint64_t identity_of(const struct mft_module *told)
{
	uint64_t identity =
		moduletable_identity(told->path.data, told->path.length,
				     told->build_id.data, told->build_id.length);

	return identity ^ (told->end - told->start);
}

static bool is_same_file(const struct mft_module *a, const struct mft_module *b)
{
	return a->end - a->start == b->end - b->start && a->path.length == b->path.length &&
	       a->build_id.length == b->build_id.length &&
	       memcmp(a->path.data, b->path.data, a->path.length) == 0 &&
	       memcmp(a->build_id.data, b->build_id.data, a->build_id.length) == 0;
}

/* Whether what the facts say of a module is said of the same file. */
static bool describes(const struct fold_module *module, const struct fold_state *state,
		      const struct mft_module *told)
{
	const uint8_t *payload = state->facts.chunks[module->chunk].address +
				 module->offset + MFT_LONG_HEADER_BYTES;
	struct mft_module before;

	return mft_decode_module(
		       (struct mft_bytes){payload, module->bytes - MFT_LONG_HEADER_BYTES},
		       &before) == 0 &&
	       is_same_file(&before, told);
}

static int append(struct fold_modules *modules, const struct fold_module *module)
{
	void *array = modules->modules;

	if (modules->count == modules->room) {
		int r = fold_state_regrow(&array, &modules->room, 0, sizeof(*module));

		if (r < 0)
			return r;
		modules->modules = array;
	}
	modules->modules[modules->count++] = *module;
	return 0;
}

/* Writes a record into so many bytes of the facts: what is left becomes zeros at the end of
 * its payload, which mean nothing. */
static void put(const struct fold_state *state, const struct fold_module *module,
		const struct mft_record *record)
{
	uint8_t *to = state->facts.chunks[module->chunk].address + module->offset;
	const size_t payload_bytes = module->bytes - MFT_LONG_HEADER_BYTES;

	to[0] = record->op;
	to[1] = (uint8_t)payload_bytes;
	to[2] = (uint8_t)(payload_bytes >> 8);
	to += MFT_LONG_HEADER_BYTES;
	memcpy(to, record->payload.data, record->payload.length);
	memset(to + record->payload.length, 0, payload_bytes - record->payload.length);
}

/* The oldest of a file's later descriptions, or NULL: they are too few yet. Sets *ret_first
 * to the first of the file, or NULL. */
static struct fold_module *find_place(const struct fold_modules *modules,
				      const struct fold_state *state,
				      const struct mft_module *told,
				      const struct fold_module **ret_first)
{
	const uint64_t identity = identity_of(told);
	struct fold_module *oldest = NULL;
	uint32_t later = 0;

	*ret_first = NULL;
	for (uint32_t i = 0; i < modules->count; i++) {
		struct fold_module *module = &modules->modules[i];

		if (module->identity != identity || !describes(module, state, told))
			continue;
		if (module->is_first) {
			*ret_first = module;
			continue;
		}
		later++;
		if (!oldest || module->id < oldest->id)
			oldest = module;
	}
	return later >= FOLD_MODULES_LATER ? oldest : NULL;
}

/* One more description. */
static int add(struct fold_modules *modules, struct fold_state *state,
	       const struct mft_record *record, const struct mft_module *told,
	       const struct fold_module *first)
{
	struct fold_module module = {.identity = identity_of(told),
				     .id = told->id,
				     .first_id = first ? first->first_id : told->id,
				     .is_first = !first};
	int r;

	module.bytes = MFT_LONG_HEADER_BYTES + (uint32_t)record->payload.length +
		       (first ? NUMBERS_BYTES : 0);
	r = fold_facts_room(state, module.bytes, &module.chunk, &module.offset);
	if (r == 0)
		r = append(modules, &module);
	if (r < 0)
		return r;
	put(state, &module, record);
	modules->has_later |= first != NULL;
	return 0;
}

int fold_modules_add(struct fold_modules *modules, struct fold_state *state,
		     const struct mft_record *record)
{
	const struct fold_module *first;
	struct fold_module *place;
	struct mft_module told;

	if (mft_decode_module(record->payload, &told) < 0)
		return -EBADMSG;
	if (record->payload.length > REPLACED_BYTES_MOST - NUMBERS_BYTES)
		return fold_facts_keep(state, record);
	place = find_place(modules, state, &told, &first);
	if (!place)
		return add(modules, state, record, &told, first);
	if (record->payload.length > place->bytes - MFT_LONG_HEADER_BYTES)
		return fold_facts_keep(state, record);
	(void)fold_state_keep(state, &state->facts.chunks[place->chunk],
			      state->facts.chunks[place->chunk].address + place->offset,
			      place->bytes);
	put(state, place, record);
	place->id = told.id;
	return 0;
}

static const struct fold_module *find(const struct fold_modules *modules, uint32_t id)
{
	for (uint32_t i = modules->count; i-- > 0;)
		if (modules->modules[i].id == id)
			return &modules->modules[i];
	return NULL;
}

uint32_t fold_modules_first(const struct fold_modules *modules, uint32_t id)
{
	const struct fold_module *module;

	if (!modules->has_later)
		return id;
	module = find(modules, id);
	return module ? module->first_id : id;
}
