/* SPDX-License-Identifier: MIT */
#include "pprof_tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "family.h"
#include "framename.h"
#include "gzipfile.h"
#include "printable.h"
#include "profile.h"
#include "report.h"
#include "stackpath.h"

struct location_key {
	struct numbering_frame_key frame; /* innermost of the functions there */
	uint64_t address;
};

void pprof_tables_note(struct pprof_tables *tables, int error)
{
	if (!tables->error)
		tables->error = error;
}

/* Writes the member that stands in tables->field. */
static void put_field(struct pprof_tables *tables)
{
	if (tables->field.failed)
		pprof_tables_note(tables, -ENOMEM);
	if (!tables->error)
		pprof_tables_note(tables, gzipfile_write(tables->file, tables->field.bytes,
							 tables->field.count));
	protobuf_clear(&tables->field);
}

void pprof_tables_put_message(struct pprof_tables *tables, unsigned field)
{
	protobuf_message(&tables->field, field, &tables->message);
	protobuf_clear(&tables->message);
	put_field(tables);
}

void pprof_tables_put_number(struct pprof_tables *tables, unsigned field, uint64_t number)
{
	protobuf_number(&tables->field, field, number);
	put_field(tables);
}

/* The place of a text in the table of strings; the first one is "". */
uint64_t pprof_tables_string(struct pprof_tables *tables, const char *text)
{
	uint32_t number = 1;
	bool new = false;

	pprof_tables_note(tables, numbering_get(&tables->strings, text, strlen(text) + 1,
						&number, &new));
	if (new) {
		protobuf_bytes(&tables->field, PROFILE_STRING_TABLE, text, strlen(text));
		put_field(tables);
	}
	return number - 1;
}

/* The same; takes text over, which may be NULL: memory is short. */
uint64_t pprof_tables_string_taken(struct pprof_tables *tables, char *text)
{
	uint64_t place = 0;

	if (text)
		place = pprof_tables_string(tables, text);
	else
		pprof_tables_note(tables, -ENOMEM);
	free(text);
	return place;
}

static char *build_id_new(const struct profile_module *module)
{
	char *text = calloc(2 * sizeof(module->build_id) + 1, 1);

	for (size_t i = 0; text && i < module->build_id_bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", module->build_id[i]);
	return text;
}

static void keep_bias(struct pprof_tables *tables, uint32_t mapping, uint64_t bias)
{
	if (mapping >= tables->bias_room) {
		size_t room = 2 * (size_t)mapping + 64;
		uint64_t *moved = realloc(tables->bias, room * sizeof(*moved));

		if (!moved) {
			pprof_tables_note(tables, -ENOMEM);
			return;
		}
		tables->bias = moved;
		tables->bias_room = room;
	}
	tables->bias[mapping] = bias;
}

/* A module is one mapping, that of the first process which had it. */
static void put_mapping(struct pprof_tables *tables, const struct profile_module *module)
{
	const char *path = *module->path ? module->path : "[vdso]";
	char *safe = printable_new(path);
	uint64_t name, build_id;
	uint32_t number = 0;
	bool new = false;

	if (safe)
		pprof_tables_note(tables, numbering_get(&tables->mappings, safe,
							strlen(safe) + 1, &number, &new));
	else
		pprof_tables_note(tables, -ENOMEM);
	if (!new) {
		free(safe);
		return;
	}
	keep_bias(tables, number, module->bias);
	name = pprof_tables_string_taken(tables, safe);
	build_id = pprof_tables_string_taken(tables, build_id_new(module));
	protobuf_number(&tables->message, MAPPING_ID, number);
	protobuf_number(&tables->message, MAPPING_MEMORY_START, module->start);
	protobuf_number(&tables->message, MAPPING_MEMORY_LIMIT, module->end);
	protobuf_number(&tables->message, MAPPING_FILENAME, name);
	protobuf_number(&tables->message, MAPPING_BUILD_ID, build_id);
	/* Every location has its functions; pprof need not look for the file. */
	protobuf_number(&tables->message, MAPPING_HAS_FUNCTIONS, 1);
	protobuf_number(&tables->message, MAPPING_HAS_FILENAMES, 1);
	protobuf_number(&tables->message, MAPPING_HAS_LINE_NUMBERS, 1);
	protobuf_number(&tables->message, MAPPING_HAS_INLINE_FRAMES, 1);
	pprof_tables_put_message(tables, PROFILE_MAPPING);
}

/* The program first: pprof takes the profile's name from there. */
void pprof_tables_put_mappings(struct pprof_tables *tables)
{
	const struct family *family = tables->report->family;

	for (size_t i = 0; i < family->count; i++) {
		const struct profile *profile = family->members[i].profile;

		for (size_t m = 0; m < profile->modules_count; m++)
			if (strcmp(profile->modules[m].path, profile->exe) == 0)
				put_mapping(tables, &profile->modules[m]);
		for (size_t m = 0; m < profile->modules_count; m++)
			put_mapping(tables, &profile->modules[m]);
	}
}

/* The function of a node; NULL: that of unknown callers. */
static uint64_t function(struct pprof_tables *tables, const struct callnode *node)
{
	struct numbering_frame_key key = numbering_frame(node, false);
	uint64_t name, system_name, file = 0;
	uint32_t number = 0;
	bool new = false;

	pprof_tables_note(tables, numbering_get(&tables->functions, &key, sizeof(key),
						&number, &new));
	if (!new)
		return number;
	if (node) {
		name = pprof_tables_string_taken(tables, framename_new(node));
		system_name = pprof_tables_string_taken(tables, framename_linker_new(node));
		file = pprof_tables_string(tables, node->file ? node->file : "");
	} else {
		name = pprof_tables_string(tables, FRAMENAME_TRUNCATED);
		system_name = name;
	}
	protobuf_number(&tables->message, FUNCTION_ID, number);
	protobuf_number(&tables->message, FUNCTION_NAME, name);
	protobuf_number(&tables->message, FUNCTION_SYSTEM_NAME, system_name);
	protobuf_number(&tables->message, FUNCTION_FILENAME, file);
	pprof_tables_put_message(tables, PROFILE_FUNCTION);
	return number;
}

static void add_line(struct pprof_tables *tables, const struct callnode *node,
		     uint64_t function_id)
{
	protobuf_clear(&tables->inner);
	protobuf_number(&tables->inner, LINE_FUNCTION_ID, function_id);
	protobuf_number(&tables->inner, LINE_LINE, node ? node->line : 0);
	protobuf_message(&tables->message, LOCATION_LINE, &tables->inner);
}

/* Where the call is, at run time: before the address that it returns to. */
static void add_address(struct pprof_tables *tables, const struct callnode *node)
{
	uint32_t mapping = 0;
	uint64_t bias = 0;
	bool new = false;

	if (!node)
		return;
	if (node->module)
		pprof_tables_note(tables,
				  numbering_get(&tables->mappings, node->module,
						strlen(node->module) + 1, &mapping, &new));
	if (mapping && !new &&mapping < tables->bias_room)
		bias = tables->bias[mapping];
	protobuf_number(&tables->message, LOCATION_MAPPING_ID, new ? 0 : mapping);
	protobuf_number(&tables->message, LOCATION_ADDRESS, bias + node->address - 1);
}

/* The location of the functions at path->nodes[from] and those which it is inlined into, up
 * to `end`. from == path->count: that of unknown callers. */
static uint64_t location(struct pprof_tables *tables, const struct stackpath *path,
			 size_t from, size_t end)
{
	const struct calltree *tree = tables->report->tree;
	const struct callnode *node =
		from < path->count ? calltree_at(tree, path->nodes[from]) : NULL;
	struct location_key key;
	uint32_t number = 0;
	bool new = false;

	memset(&key, 0, sizeof(key));
	key.frame = numbering_frame(node, true);
	key.address = node ? node->address : 0;
	pprof_tables_note(tables, numbering_get(&tables->locations, &key, sizeof(key),
						&number, &new));
	if (!new)
		return number;
	/* Functions come first: there is one buffer for a message. */
	for (size_t i = from; i < end; i++)
		function(tables, calltree_at(tree, path->nodes[i]));
	if (!node)
		function(tables, NULL);
	protobuf_number(&tables->message, LOCATION_ID, number);
	add_address(tables, node);
	for (size_t i = from; i < end; i++) {
		node = calltree_at(tree, path->nodes[i]);
		add_line(tables, node, function(tables, node));
	}
	if (!node)
		add_line(tables, NULL, function(tables, NULL));
	pprof_tables_put_message(tables, PROFILE_LOCATION);
	return number;
}

void pprof_tables_list_locations(struct pprof_tables *tables, const struct stackpath *path)
{
	const struct calltree *tree = tables->report->tree;
	size_t from, end;

	protobuf_clear(&tables->list);
	for (from = 0; from < path->count; from = end) {
		end = from + 1;
		while (end < path->count &&
		       calltree_at(tree, path->nodes[end - 1])->inlined)
			end++;
		protobuf_value(&tables->list, location(tables, path, from, end));
	}
	if (path->truncated || path->count == 0)
		protobuf_value(&tables->list,
			       location(tables, path, path->count, path->count));
}

void pprof_tables_done(struct pprof_tables *tables)
{
	gzipfile_free(tables->file);
	protobuf_done(&tables->field);
	protobuf_done(&tables->message);
	protobuf_done(&tables->inner);
	protobuf_done(&tables->list);
	numbering_done(&tables->strings);
	numbering_done(&tables->functions);
	numbering_done(&tables->locations);
	numbering_done(&tables->mappings);
	free(tables->bias);
}
