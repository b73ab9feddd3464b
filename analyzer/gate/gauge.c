/* SPDX-License-Identifier: MIT */
#include "gauge.h"

#include <string.h>

static const struct gauge gauges[GAUGES] = {
	{.name = "leaked",
	 .noun = "leaked",
	 .meaning = "Memory that was never freed; with a scan for pointers, that was lost.",
	 .verb = "leaks",
	 .measure = MEASURE_LEAKED,
	 .site_measure = MEASURE_LEAKED,
	 .unit = QUANTITY_BYTES,
	 .adds_up = true,
	 .of_sites = true,
	 .compared = true},
	{.name = "definite",
	 .noun = "definitely lost",
	 .meaning = "Memory that was never freed and that no pointer leads to any more.",
	 .verb = "leaks",
	 .measure = MEASURE_DEFINITE,
	 .site_measure = MEASURE_DEFINITE,
	 .unit = QUANTITY_BYTES,
	 .adds_up = true,
	 .of_sites = true,
	 .compared = true},
	{.name = "peak",
	 .noun = "peak",
	 .meaning = "The largest number of bytes that a process had asked for at one time.",
	 .verb = "peak",
	 .measure = MEASURE_PEAK,
	 .site_measure = MEASURE_PEAK,
	 .unit = QUANTITY_BYTES,
	 .of_sites = true,
	 .compared = true,
	 .slack = 1024},
	{.name = "live-at-exit",
	 .noun = "live at exit",
	 .meaning = "Memory that was in use when the program ended.",
	 .verb = "leaks",
	 .measure = MEASURE_LIVE,
	 .site_measure = MEASURE_LIVE,
	 .unit = QUANTITY_BYTES,
	 .adds_up = true,
	 .of_sites = true},
	{.name = "frag",
	 .noun = "fragmentation",
	 .meaning = "The share of the heap's resident memory that serves no live block.",
	 .verb = "frag",
	 .measure = MEASURE_FRAGMENTATION,
	 .site_measure = MEASURE_PINNED,
	 .unit = QUANTITY_RATIO,
	 .compared = true,
	 .slack = 0.1},
	{.name = "allocations",
	 .noun = "allocations",
	 .meaning = "How many times memory was allocated.",
	 .verb = "report",
	 .measure = MEASURE_ALLOCATIONS,
	 .site_measure = MEASURE_ALLOCATIONS,
	 .unit = QUANTITY_COUNT,
	 .adds_up = true,
	 .of_sites = true},
	{.name = "temporary",
	 .noun = "temporary allocations",
	 .meaning = "Blocks that were freed before the thread allocated anything else.",
	 .verb = "report",
	 .measure = MEASURE_TEMPORARY,
	 .site_measure = MEASURE_TEMPORARY,
	 .unit = QUANTITY_COUNT,
	 .adds_up = true,
	 .of_sites = true},
	{.name = "resident",
	 .noun = "resident heap",
	 .meaning = "The most physical memory that a process's heap occupied.",
	 .verb = "frag",
	 .measure = MEASURE_RESIDENT,
	 .site_measure = MEASURE_PEAK,
	 .unit = QUANTITY_BYTES,
	 .compared = true,
	 .slack = 256 * 1024,
	 .tolerances = 5},
	{.name = "pinned",
	 .noun = "pinned",
	 .meaning = "Free memory that cannot be given back, as a block lives on its page.",
	 .verb = "frag",
	 .measure = MEASURE_PINNED,
	 .site_measure = MEASURE_PINNED,
	 .unit = QUANTITY_BYTES,
	 .of_sites = true},
};

static const struct gauge programs = {
	.name = "processes",
	.noun = "processes",
	.meaning = "How many processes run a program.",
	.verb = "report",
	.unit = QUANTITY_COUNT,
};

static const struct gauge recordings = {
	.name = "events",
	.noun = "events",
	.meaning = "How much was recorded.",
	.verb = "info",
	.unit = QUANTITY_COUNT,
};

const struct gauge *gauge_of_programs(void)
{
	return &programs;
}

const struct gauge *gauge_of_recordings(void)
{
	return &recordings;
}

const struct gauge *gauge_at(size_t index)
{
	return &gauges[index];
}

const struct gauge *gauge_find(const char *key)
{
	if (strncmp(key, "max-", 4) != 0)
		return NULL;
	for (size_t i = 0; i < GAUGES; i++) {
		if (strcmp(gauges[i].name, key + 4) == 0)
			return &gauges[i];
	}
	return NULL;
}
