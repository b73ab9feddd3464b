/* SPDX-License-Identifier: MIT */
/*
 * pprof.c - a profile for pprof: the message Profile of its profile.proto, compressed.
 *
 * https://github.com/google/pprof/blob/main/proto/profile.proto. Each call site is a
 * sample; names, functions, locations and modules are in pprof_tables.c.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include "family.h"
#include "formats.h"
#include "framename.h"
#include "gzipfile.h"
#include "pprof_tables.h"
#include "profile.h"
#include "protobuf.h"
#include "report.h"
#include "stackpath.h"
#include "weights.h"

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

static void put_sample_types(struct pprof_tables *tables, enum export_metric metric)
{
	for (size_t i = 0; i < SAMPLE_TYPES; i++) {
		uint64_t type = pprof_tables_string(tables, sample_types[i].type);
		uint64_t unit = pprof_tables_string(tables, sample_types[i].unit);

		protobuf_number(&tables->message, VALUE_TYPE_TYPE, type);
		protobuf_number(&tables->message, VALUE_TYPE_UNIT, unit);
		pprof_tables_put_message(tables, PROFILE_SAMPLE_TYPE);
	}
	pprof_tables_put_number(
		tables, PROFILE_DEFAULT_SAMPLE_TYPE,
		pprof_tables_string(tables, sample_types[type_of_metric[metric]].type));
}

static void add_values(struct pprof_tables *tables, const struct site *site,
		       const uint64_t *row)
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

	protobuf_clear(&tables->inner);
	for (size_t i = 0; i < SAMPLE_TYPES; i++)
		protobuf_value(&tables->inner, values[i]);
	protobuf_message(&tables->message, SAMPLE_VALUE, &tables->inner);
}

/* Of several processes each sample has the label "process". */
static void put_process(struct pprof_tables *tables, size_t member,
			enum export_metric metric)
{
	const struct family *family = tables->report->family;
	struct stackpath path = {.count = 0};
	uint64_t key = 0, process = 0;
	struct weights weights;

	if (family->count > 1) {
		key = pprof_tables_string(tables, "process");
		process = pprof_tables_string_taken(
			tables, framename_process_new(family->members[member].profile));
	}
	pprof_tables_note(tables, weights_init(&weights, tables->report, member, metric));
	for (size_t i = 0; !tables->error && i < weights.sites.count; i++) {
		const struct site *site = &weights.sites.items[i];

		pprof_tables_note(tables, stackpath_set(&path, tables->report->tree, site));
		pprof_tables_list_locations(tables, &path);
		protobuf_message(&tables->message, SAMPLE_LOCATION_ID, &tables->list);
		add_values(tables, site, weights.rows[i]);
		if (key) {
			protobuf_clear(&tables->inner);
			protobuf_number(&tables->inner, LABEL_KEY, key);
			protobuf_number(&tables->inner, LABEL_STR, process);
			protobuf_message(&tables->message, SAMPLE_LABEL, &tables->inner);
		}
		pprof_tables_put_message(tables, PROFILE_SAMPLE);
	}
	stackpath_done(&path);
	weights_done(&weights);
}

static void put_origin(struct pprof_tables *tables)
{
	const struct profile *profile = tables->report->family->members[0].profile;

	pprof_tables_put_number(tables, PROFILE_TIME_NANOS,
				(uint64_t)profile->header.start_unix_ns);
	pprof_tables_put_number(tables, PROFILE_DURATION_NANOS, profile->duration_ns);
	pprof_tables_put_number(
		tables, PROFILE_COMMENT,
		pprof_tables_string_taken(tables, framename_command_new(profile)));
}

static int write_pprof(const struct report *report, enum export_metric metric, FILE *out)
{
	struct pprof_tables tables = {.report = report, .file = gzipfile_new(out)};

	if (!tables.file)
		return -ENOMEM;
	pprof_tables_string(&tables, "");
	put_sample_types(&tables, metric);
	pprof_tables_put_mappings(&tables);
	put_origin(&tables);
	for (size_t i = 0; !tables.error && i < report->family->count; i++)
		put_process(&tables, i, metric);
	if (!tables.error)
		pprof_tables_note(&tables, gzipfile_end(tables.file));
	pprof_tables_done(&tables);
	return tables.error;
}

const struct export_format format_pprof = {
	.name = "pprof",
	.summary = "profile.proto, compressed: pprof, Speedscope, Grafana Pyroscope",
	.binary = true,
	.metrics = EXPORT_ALL_METRICS,
	.metric = EXPORT_PEAK,
	.write = write_pprof,
};
