/* SPDX-License-Identifier: MIT */
/*
 * pprof.c - a profile for pprof: the message Profile of its profile.proto, compressed.
 *
 * https://github.com/google/pprof/blob/main/proto/profile.proto, whose field numbers are
 * those below. Fields of a message may come in any order, so each name, function and
 * location is written when the first sample needs it, and nothing is held back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "family.h"
#include "formats.h"
#include "framename.h"
#include "gzipfile.h"
#include "numbering.h"
#include "printable.h"
#include "profile.h"
#include "protobuf.h"
#include "report.h"
#include "stackpath.h"
#include "weights.h"

enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING_TABLE = 6,
	PROFILE_TIME_NANOS = 9,
	PROFILE_DURATION_NANOS = 10,
	PROFILE_COMMENT = 13,
	PROFILE_DEFAULT_SAMPLE_TYPE = 14,
	VALUE_TYPE_TYPE = 1,
	VALUE_TYPE_UNIT = 2,
	SAMPLE_LOCATION_ID = 1,
	SAMPLE_VALUE = 2,
	SAMPLE_LABEL = 3,
	LABEL_KEY = 1,
	LABEL_STR = 2,
	MAPPING_ID = 1,
	MAPPING_MEMORY_START = 2,
	MAPPING_MEMORY_LIMIT = 3,
	MAPPING_FILENAME = 5,
	MAPPING_BUILD_ID = 6,
	MAPPING_HAS_FUNCTIONS = 7,
	MAPPING_HAS_FILENAMES = 8,
	MAPPING_HAS_LINE_NUMBERS = 9,
	MAPPING_HAS_INLINE_FRAMES = 10,
	LOCATION_ID = 1,
	LOCATION_MAPPING_ID = 2,
	LOCATION_ADDRESS = 3,
	LOCATION_LINE = 4,
	LINE_FUNCTION_ID = 1,
	LINE_LINE = 2,
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_SYSTEM_NAME = 3,
	FUNCTION_FILENAME = 4,
};

/* The values of a sample, in this order. */
enum {
	ALLOC_OBJECTS,
	ALLOC_SPACE,
	INUSE_OBJECTS,
	INUSE_SPACE,
	PEAK_OBJECTS,
	PEAK_SPACE,
	LEAKED_OBJECTS,
	LEAKED_SPACE,
	TEMPORARY_OBJECTS,
	PINNED_SPACE,
	SAMPLE_TYPES
};

static const struct {
	const char *type, *unit;
} sample_types[SAMPLE_TYPES] = {
	[ALLOC_OBJECTS] = {"alloc_objects", "count"},
	[ALLOC_SPACE] = {"alloc_space", "bytes"},
	[INUSE_OBJECTS] = {"inuse_objects", "count"},
	[INUSE_SPACE] = {"inuse_space", "bytes"},
	[PEAK_OBJECTS] = {"peak_objects", "count"},
	[PEAK_SPACE] = {"peak_space", "bytes"},
	[LEAKED_OBJECTS] = {"leaked_objects", "count"},
	[LEAKED_SPACE] = {"leaked_space", "bytes"},
	[TEMPORARY_OBJECTS] = {"temporary_objects", "count"},
	[PINNED_SPACE] = {"pinned_space", "bytes"},
};

static const unsigned type_of_metric[EXPORT_METRICS] = {
	[EXPORT_PEAK] = PEAK_SPACE,
	[EXPORT_LEAKED] = LEAKED_SPACE,
	[EXPORT_ALLOCATED] = ALLOC_SPACE,
	[EXPORT_ALLOCATIONS] = ALLOC_OBJECTS,
	[EXPORT_TEMPORARY] = TEMPORARY_OBJECTS,
	[EXPORT_PINNED] = PINNED_SPACE,
};

struct location_key {
	struct numbering_frame_key frame; /* innermost of the functions there */
	uint64_t address;
};

struct pprof {
	const struct report *report;
	struct gzipfile *file;
	struct protobuf field;	     /* a member of Profile, with its key */
	struct protobuf message;     /* what is in it */
	struct protobuf inner, list; /* and in that */
	struct numbering strings, functions, locations, mappings;
	uint64_t *bias; /* by mapping's number */
	size_t bias_room;
	int error; /* the first one; nothing is written after it */
};

static void note(struct pprof *pprof, int error)
{
	if (!pprof->error)
		pprof->error = error;
}

/* Writes the member that stands in pprof->field. */
static void put_field(struct pprof *pprof)
{
	if (pprof->field.failed)
		note(pprof, -ENOMEM);
	if (!pprof->error)
		note(pprof,
		     gzipfile_write(pprof->file, pprof->field.bytes, pprof->field.count));
	protobuf_clear(&pprof->field);
}

static void put_message(struct pprof *pprof, unsigned field)
{
	protobuf_message(&pprof->field, field, &pprof->message);
	protobuf_clear(&pprof->message);
	put_field(pprof);
}

static void put_number(struct pprof *pprof, unsigned field, uint64_t number)
{
	protobuf_number(&pprof->field, field, number);
	put_field(pprof);
}

/* The place of a text in the table of strings; the first one is "". */
static uint64_t string(struct pprof *pprof, const char *text)
{
	uint32_t number = 1;
	bool new = false;

	note(pprof, numbering_get(&pprof->strings, text, strlen(text) + 1, &number, &new));
	if (new) {
		protobuf_bytes(&pprof->field, PROFILE_STRING_TABLE, text, strlen(text));
		put_field(pprof);
	}
	return number - 1;
}

/* The same; takes text over, which may be NULL: memory is short. */
static uint64_t string_taken(struct pprof *pprof, char *text)
{
	uint64_t place = 0;

	if (text)
		place = string(pprof, text);
	else
		note(pprof, -ENOMEM);
	free(text);
	return place;
}

static void put_sample_types(struct pprof *pprof, enum export_metric metric)
{
	for (size_t i = 0; i < SAMPLE_TYPES; i++) {
		uint64_t type = string(pprof, sample_types[i].type);
		uint64_t unit = string(pprof, sample_types[i].unit);

		protobuf_number(&pprof->message, VALUE_TYPE_TYPE, type);
		protobuf_number(&pprof->message, VALUE_TYPE_UNIT, unit);
		put_message(pprof, PROFILE_SAMPLE_TYPE);
	}
	put_number(pprof, PROFILE_DEFAULT_SAMPLE_TYPE,
		   string(pprof, sample_types[type_of_metric[metric]].type));
}

static char *build_id_new(const struct profile_module *module)
{
	char *text = calloc(2 * sizeof(module->build_id) + 1, 1);

	for (size_t i = 0; text && i < module->build_id_bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", module->build_id[i]);
	return text;
}

static void keep_bias(struct pprof *pprof, uint32_t mapping, uint64_t bias)
{
	if (mapping >= pprof->bias_room) {
		size_t room = 2 * (size_t)mapping + 64;
		uint64_t *moved = realloc(pprof->bias, room * sizeof(*moved));

		if (!moved) {
			note(pprof, -ENOMEM);
			return;
		}
		pprof->bias = moved;
		pprof->bias_room = room;
	}
	pprof->bias[mapping] = bias;
}

/* A module is one mapping, that of the first process which had it. */
static void put_mapping(struct pprof *pprof, const struct profile_module *module)
{
	const char *path = *module->path ? module->path : "[vdso]";
	char *safe = printable_new(path);
	uint64_t name, build_id;
	uint32_t number = 0;
	bool new = false;

	if (safe)
		note(pprof, numbering_get(&pprof->mappings, safe, strlen(safe) + 1, &number,
					  &new));
	else
		note(pprof, -ENOMEM);
	if (!new) {
		free(safe);
		return;
	}
	keep_bias(pprof, number, module->bias);
	name = string_taken(pprof, safe);
	build_id = string_taken(pprof, build_id_new(module));
	protobuf_number(&pprof->message, MAPPING_ID, number);
	protobuf_number(&pprof->message, MAPPING_MEMORY_START, module->start);
	protobuf_number(&pprof->message, MAPPING_MEMORY_LIMIT, module->end);
	protobuf_number(&pprof->message, MAPPING_FILENAME, name);
	protobuf_number(&pprof->message, MAPPING_BUILD_ID, build_id);
	/* Every location has its functions; pprof need not look for the file. */
	protobuf_number(&pprof->message, MAPPING_HAS_FUNCTIONS, 1);
	protobuf_number(&pprof->message, MAPPING_HAS_FILENAMES, 1);
	protobuf_number(&pprof->message, MAPPING_HAS_LINE_NUMBERS, 1);
	protobuf_number(&pprof->message, MAPPING_HAS_INLINE_FRAMES, 1);
	put_message(pprof, PROFILE_MAPPING);
}

/* The program first: pprof takes the profile's name from there. */
static void put_mappings(struct pprof *pprof)
{
	const struct family *family = pprof->report->family;

	for (size_t i = 0; i < family->count; i++) {
		const struct profile *profile = family->members[i].profile;

		for (size_t m = 0; m < profile->modules_count; m++)
			if (strcmp(profile->modules[m].path, profile->exe) == 0)
				put_mapping(pprof, &profile->modules[m]);
		for (size_t m = 0; m < profile->modules_count; m++)
			put_mapping(pprof, &profile->modules[m]);
	}
}

/* The function of a node; NULL: that of unknown callers. */
static uint64_t function(struct pprof *pprof, const struct callnode *node)
{
	struct numbering_frame_key key = numbering_frame(node, false);
	uint64_t name, system_name, file = 0;
	uint32_t number = 0;
	bool new = false;

	note(pprof, numbering_get(&pprof->functions, &key, sizeof(key), &number, &new));
	if (!new)
		return number;
	if (node) {
		name = string_taken(pprof, framename_new(node));
		system_name = string_taken(pprof, framename_linker_new(node));
		file = string(pprof, node->file ? node->file : "");
	} else {
		name = string(pprof, FRAMENAME_TRUNCATED);
		system_name = name;
	}
	protobuf_number(&pprof->message, FUNCTION_ID, number);
	protobuf_number(&pprof->message, FUNCTION_NAME, name);
	protobuf_number(&pprof->message, FUNCTION_SYSTEM_NAME, system_name);
	protobuf_number(&pprof->message, FUNCTION_FILENAME, file);
	put_message(pprof, PROFILE_FUNCTION);
	return number;
}

static void add_line(struct pprof *pprof, const struct callnode *node, uint64_t function_id)
{
	protobuf_clear(&pprof->inner);
	protobuf_number(&pprof->inner, LINE_FUNCTION_ID, function_id);
	protobuf_number(&pprof->inner, LINE_LINE, node ? node->line : 0);
	protobuf_message(&pprof->message, LOCATION_LINE, &pprof->inner);
}

/* Where the call is, at run time: before the address that it returns to. */
static void add_address(struct pprof *pprof, const struct callnode *node)
{
	uint32_t mapping = 0;
	uint64_t bias = 0;
	bool new = false;

	if (!node)
		return;
	if (node->module)
		note(pprof, numbering_get(&pprof->mappings, node->module,
					  strlen(node->module) + 1, &mapping, &new));
	if (mapping && !new &&mapping < pprof->bias_room)
		bias = pprof->bias[mapping];
	protobuf_number(&pprof->message, LOCATION_MAPPING_ID, new ? 0 : mapping);
	protobuf_number(&pprof->message, LOCATION_ADDRESS, bias + node->address - 1);
}

/* The location of the functions at path->nodes[from] and those which it is inlined into, up
 * to `end`. from == path->count: that of unknown callers. */
static uint64_t location(struct pprof *pprof, const struct stackpath *path, size_t from,
			 size_t end)
{
	const struct calltree *tree = pprof->report->tree;
	const struct callnode *node =
		from < path->count ? calltree_at(tree, path->nodes[from]) : NULL;
	struct location_key key;
	uint32_t number = 0;
	bool new = false;

	memset(&key, 0, sizeof(key));
	key.frame = numbering_frame(node, true);
	key.address = node ? node->address : 0;
	note(pprof, numbering_get(&pprof->locations, &key, sizeof(key), &number, &new));
	if (!new)
		return number;
	/* Functions come first: there is one buffer for a message. */
	for (size_t i = from; i < end; i++)
		function(pprof, calltree_at(tree, path->nodes[i]));
	if (!node)
		function(pprof, NULL);
	protobuf_number(&pprof->message, LOCATION_ID, number);
	add_address(pprof, node);
	for (size_t i = from; i < end; i++) {
		node = calltree_at(tree, path->nodes[i]);
		add_line(pprof, node, function(pprof, node));
	}
	if (!node)
		add_line(pprof, NULL, function(pprof, NULL));
	put_message(pprof, PROFILE_LOCATION);
	return number;
}

/* The locations of a stack, into pprof->list. */
static void list_locations(struct pprof *pprof, const struct stackpath *path)
{
	const struct calltree *tree = pprof->report->tree;
	size_t from, end;

	protobuf_clear(&pprof->list);
	for (from = 0; from < path->count; from = end) {
		end = from + 1;
		while (end < path->count &&
		       calltree_at(tree, path->nodes[end - 1])->inlined)
			end++;
		protobuf_value(&pprof->list, location(pprof, path, from, end));
	}
	if (path->truncated || path->count == 0)
		protobuf_value(&pprof->list,
			       location(pprof, path, path->count, path->count));
}

static void add_values(struct pprof *pprof, const struct site *site, const uint64_t *row)
{
	const uint64_t values[SAMPLE_TYPES] = {
		[ALLOC_OBJECTS] = site->allocations,
		[ALLOC_SPACE] = site->allocated_bytes,
		[INUSE_OBJECTS] = site->live_blocks,
		[INUSE_SPACE] = site->live_bytes,
		[PEAK_OBJECTS] = site->peak_blocks,
		[PEAK_SPACE] = site->peak_bytes,
		[LEAKED_OBJECTS] = site->leaked.blocks,
		[LEAKED_SPACE] = site->leaked.bytes,
		[TEMPORARY_OBJECTS] = site->temporary,
		[PINNED_SPACE] = row[EXPORT_PINNED],
	};

	protobuf_clear(&pprof->inner);
	for (size_t i = 0; i < SAMPLE_TYPES; i++)
		protobuf_value(&pprof->inner, values[i]);
	protobuf_message(&pprof->message, SAMPLE_VALUE, &pprof->inner);
}

/* Of several processes each sample has the label "process". */
static void put_process(struct pprof *pprof, size_t member, enum export_metric metric)
{
	const struct family *family = pprof->report->family;
	struct stackpath path = {.count = 0};
	uint64_t key = 0, process = 0;
	struct weights weights;

	if (family->count > 1) {
		key = string(pprof, "process");
		process = string_taken(
			pprof, framename_process_new(family->members[member].profile));
	}
	note(pprof, weights_init(&weights, pprof->report, member, metric));
	for (size_t i = 0; !pprof->error && i < weights.sites.count; i++) {
		const struct site *site = &weights.sites.items[i];

		note(pprof, stackpath_set(&path, pprof->report->tree, site));
		list_locations(pprof, &path);
		protobuf_message(&pprof->message, SAMPLE_LOCATION_ID, &pprof->list);
		add_values(pprof, site, weights.rows[i]);
		if (key) {
			protobuf_clear(&pprof->inner);
			protobuf_number(&pprof->inner, LABEL_KEY, key);
			protobuf_number(&pprof->inner, LABEL_STR, process);
			protobuf_message(&pprof->message, SAMPLE_LABEL, &pprof->inner);
		}
		put_message(pprof, PROFILE_SAMPLE);
	}
	stackpath_done(&path);
	weights_done(&weights);
}

static void put_origin(struct pprof *pprof)
{
	const struct profile *profile = pprof->report->family->members[0].profile;

	put_number(pprof, PROFILE_TIME_NANOS, (uint64_t)profile->header.start_unix_ns);
	put_number(pprof, PROFILE_DURATION_NANOS, profile->duration_ns);
	put_number(pprof, PROFILE_COMMENT,
		   string_taken(pprof, framename_command_new(profile)));
}

static int write_pprof(const struct report *report, enum export_metric metric, FILE *out)
{
	struct pprof pprof = {.report = report, .file = gzipfile_new(out)};

	if (!pprof.file)
		return -ENOMEM;
	string(&pprof, "");
	put_sample_types(&pprof, metric);
	put_mappings(&pprof);
	put_origin(&pprof);
	for (size_t i = 0; !pprof.error && i < report->family->count; i++)
		put_process(&pprof, i, metric);
	if (!pprof.error)
		note(&pprof, gzipfile_end(pprof.file));
	gzipfile_free(pprof.file);
	protobuf_done(&pprof.field);
	protobuf_done(&pprof.message);
	protobuf_done(&pprof.inner);
	protobuf_done(&pprof.list);
	numbering_done(&pprof.strings);
	numbering_done(&pprof.functions);
	numbering_done(&pprof.locations);
	numbering_done(&pprof.mappings);
	free(pprof.bias);
	return pprof.error;
}

const struct export_format format_pprof = {
	.name = "pprof",
	.summary = "profile.proto, compressed: pprof, Speedscope, Grafana Pyroscope",
	.binary = true,
	.metrics = EXPORT_ALL_METRICS,
	.metric = EXPORT_PEAK,
	.write = write_pprof,
};
