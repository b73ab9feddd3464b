/* SPDX-License-Identifier: MIT */
#include "measured.h"

#include <math.h>
#include <stdlib.h>

#include "pathname.h"

const char *measure_name(enum measure measure)
{
	static const char *const names[MEASURES] = {
		[MEASURE_PEAK] = "peak_bytes",
		[MEASURE_PEAK_BLOCKS] = "peak_blocks",
		[MEASURE_LIVE] = "live_bytes",
		[MEASURE_LIVE_BLOCKS] = "live_blocks",
		[MEASURE_LEAKED] = "leaked_bytes",
		[MEASURE_LEAKED_BLOCKS] = "leaked_blocks",
		[MEASURE_DEFINITE] = "definite_bytes",
		[MEASURE_DEFINITE_BLOCKS] = "definite_blocks",
		[MEASURE_ALLOCATIONS] = "allocations",
		[MEASURE_ALLOCATED] = "allocated_bytes",
		[MEASURE_TEMPORARY] = "temporary",
		[MEASURE_PINNED] = "pinned_bytes",
		[MEASURE_RESIDENT] = "resident_bytes",
		[MEASURE_RSS] = "rss_bytes",
		[MEASURE_FRAGMENTATION] = "fragmentation_ratio",
	};

	return names[measure];
}

struct measures measures_unknown(void)
{
	struct measures unknown;

	for (unsigned i = 0; i < MEASURES; i++)
		unknown.values[i] = NAN;
	return unknown;
}

void measures_add(struct measures *to, const struct measures *more)
{
	for (unsigned i = 0; i < MEASURES; i++) {
		double value = more->values[i];

		if (isnan(value))
			continue;
		if (isnan(to->values[i]))
			to->values[i] = value;
		else if (i == MEASURE_FRAGMENTATION)
			to->values[i] = fmax(to->values[i], value);
		else
			to->values[i] += value;
	}
}

void measured_process_done(struct measured_process *process)
{
	for (size_t i = 0; i < process->sites_count; i++)
		free(process->sites[i].frames);
	free(process->sites);
	free(process->modules);
}

const char *measured_program_name(const struct measured_process *process)
{
	const char *name = pathname_base(process->exe);

	return *name ? name : "?";
}
