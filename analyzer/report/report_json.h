/* SPDX-License-Identifier: MIT */
/*
 * report_json.h - the report for programs: schema "mftrace-report/1".
 *
 * docs/report.schema.json specifies it. Counts are integers; figures that have no value
 * (a mean over nothing, fragmentation without a snapshot) are null.
 * Guarantees: written site by site, so memory does not follow the size of the report.
 * Threads: none. Memory: none that stays.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include "sites.h"

struct report;

/* Writes the whole report and a newline. sort: the order of the sites, which matters where
 * report->top leaves some out. details: the header too. Returns 0,
 * -ENOMEM, or what writing says. */
int report_json(const struct report *report, enum sites_order sort, bool details,
		FILE *out);

#endif
