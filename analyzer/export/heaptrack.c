/* SPDX-License-Identifier: MIT */
/*
 * heaptrack.c - a process as the text that heaptrack's interpreter makes of its recordings,
 * for heaptrack_gui and heaptrack_print 1.4 and later (file format 3).
 *
 * One line a fact, its first character says which; numbers are hexadecimal:
 *   v VERSION FORMAT              X COMMAND LINE            I PAGE_BYTES PAGES
 *   s LENGTH STRING               strings count from 1; 0 is none
 *   i ADDRESS MODULE [FUNCTION FILE LINE]...    what is at an address, inlined calls first
 *   t I PARENT                    a call stack: an i in front of another t; 0 ends it
 *   a BYTES T                     a kind of allocation, counted from 0
 *   + A, - A                      one of that kind is made, is freed
 *   c MILLISECONDS, R PAGES       from here on; resident pages
 */
#include "formats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "family.h"
#include "framename.h"
#include "heaptrack_events.h"
#include "heaptrack_stacks.h"
#include "profile.h"
#include "report.h"

static int write_head(const struct profile *profile, FILE *out)
{
	char *command = framename_command_new(profile);

	if (!command)
		return -ENOMEM;
	/* How much memory the machine had is not in the dump; its viewers do not count with
	 * it. */
	fprintf(out, "v 10400 3\nX %s\nI %" PRIx32 " 0\n", command,
		profile->header.page_bytes);
	free(command);
	return 0;
}

static int write_member(const struct report *report, size_t member, FILE *out)
{
	const struct profile *profile = report->family->members[member].profile;
	struct heaptrack_stacks stacks;
	int error = write_head(profile, out);

	if (error)
		return error;
	error = heaptrack_stacks_write(&stacks, report, member, out);
	if (!error)
		error = heaptrack_events_write(&stacks, report, member, out);
	heaptrack_stacks_done(&stacks);
	return error;
}

static int write_heaptrack(const struct report *report, enum export_metric metric,
			   FILE *out)
{
	(void)metric;
	return write_member(report, 0, out);
}

const struct export_format format_heaptrack = {
	.name = "heaptrack",
	.summary = "heaptrack's recordings, for heaptrack_gui",
	.one_process = true,
	.metrics = EXPORT_ALL_METRICS & ~(1u << EXPORT_PINNED),
	.metric = EXPORT_PEAK,
	.write = write_heaptrack,
};
