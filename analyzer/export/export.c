/* SPDX-License-Identifier: MIT */
#include "export.h"

#include <string.h>

#include "formats.h"

const struct export_format *const export_formats[] = {
	&format_folded,	    &format_pprof,
	&format_speedscope, &format_massif,
	&format_callgrind,  &format_heaptrack,
	&format_perfetto,   &format_csv,
	&format_sqlite,	    NULL,
};

static const char *const metric_names[EXPORT_METRICS] = {
	[EXPORT_PEAK] = "peak",		  [EXPORT_LEAKED] = "leaked",
	[EXPORT_ALLOCATED] = "allocated", [EXPORT_ALLOCATIONS] = "allocations",
	[EXPORT_TEMPORARY] = "temporary", [EXPORT_PINNED] = "pinned",
};

const struct export_format *export_find_format(const char *name)
{
	for (size_t i = 0; export_formats[i]; i++) {
		if (strcmp(export_formats[i]->name, name) == 0)
			return export_formats[i];
	}
	return NULL;
}

const char *export_metric_name(enum export_metric metric)
{
	return metric_names[metric];
}

bool export_find_metric(const char *name, enum export_metric *ret_metric)
{
	for (unsigned i = 0; i < EXPORT_METRICS; i++) {
		if (strcmp(metric_names[i], name) == 0) {
			*ret_metric = i;
			return true;
		}
	}
	return false;
}

bool export_metric_bytes(enum export_metric metric)
{
	return metric != EXPORT_ALLOCATIONS && metric != EXPORT_TEMPORARY;
}
