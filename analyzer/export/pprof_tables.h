/* SPDX-License-Identifier: MIT */
/*
 * pprof_tables.h - the tables of a profile for pprof: strings, mappings, functions,
 * locations.
 *
 * https://github.com/google/pprof/blob/main/proto/profile.proto, whose field numbers are
 * those below. Fields of a message may come in any order, so each name, function and
 * location is written when the first sample needs it, and nothing is held back.
 * Guarantees: the first error stays, and nothing is written after it, so that only who
 * loops needs to look. Threads: none. Memory: a number for each distinct thing;
 * pprof_tables_done.
 * Not here: samples and their values (pprof.c).
 */
#ifndef PPROF_TABLES_H
#define PPROF_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "numbering.h"
#include "protobuf.h"

struct gzipfile;
struct report;
struct stackpath;

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

struct pprof_tables {
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

/* Notes an error, 0 or a negative errno. */
void pprof_tables_note(struct pprof_tables *tables, int error);

/* Writes tables->message as a member of Profile, and clears it. */
void pprof_tables_put_message(struct pprof_tables *tables, unsigned field);
void pprof_tables_put_number(struct pprof_tables *tables, unsigned field, uint64_t number);

/* The place of a text in the table of strings. To be called with "" first. */
uint64_t pprof_tables_string(struct pprof_tables *tables, const char *text);
/* The same; takes text over, which may be NULL: memory is short. */
uint64_t pprof_tables_string_taken(struct pprof_tables *tables, char *text);

/* Writes the modules of all processes. Before any location. */
void pprof_tables_put_mappings(struct pprof_tables *tables);

/* Sets tables->list to the locations of a stack, innermost first, and writes those that are
 * new. Uses message and inner. */
void pprof_tables_list_locations(struct pprof_tables *tables, const struct stackpath *path);

/* Ends the file as it is, and frees everything. */
void pprof_tables_done(struct pprof_tables *tables);

#endif
