/* SPDX-License-Identifier: MIT */
/*
 * made_report.h - a report of dumps that a test makes, for tests of what is written of it.
 *
 * Guarantees: the first error fails the test. Memory: made_report_free frees all.
 * Not here: making a dump (dump_writer.h).
 */
#ifndef MADE_REPORT_H
#define MADE_REPORT_H

#include <stddef.h>

#include "export.h"
#include "family.h"
#include "report.h"
#include "scratch.h"

#define MADE_REPORT_PROCESSES 2u

struct made_report {
	struct scratch scratch[MADE_REPORT_PROCESSES];
	unsigned count;
	struct family family;
	struct report report;
	char *text; /* of the last output */
	size_t bytes;
};

/* Writes the dump of the i-th process to path. */
typedef void made_report_record(const char *path, unsigned i);

/* For the set-up of a cmocka test: *state is the report of so many processes. */
int made_report_new(void **state, unsigned count, made_report_record *record);
/* The tear-down. */
int made_report_free(void **state);

/* The export in a format, zero-terminated, until the next one. */
const char *made_report_export(struct made_report *made, const char *name,
			       enum export_metric metric);

/* Fails the test, with the text, where it lacks a part. */
void made_report_has(const char *text, const char *part);

#endif
