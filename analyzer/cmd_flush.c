/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cmd_controlling.h"
#include "commands.h"
#include "control.h"
#include "figure.h"

static const char help[] =
	"Usage: mftrace flush PID\n"
	"\n"
	"Brings what was recorded of a running process up to now to the disk, and\n"
	"returns when it is there. A dump survives any death of the process without\n"
	"this; it is for machines that may crash or lose power.\n"
	"\n"
	"  -h, --help    this text\n";

static int flush_it(const struct traced *traced, const char *path,
		    struct complaint *complaint)
{
	uint64_t bytes;
	int error = control_flush(traced, &bytes, complaint);

	if (!error)
		printf("%s: %s are on the disk\n", path, figure_bytes((double)bytes).text);
	return error;
}

int cmd_flush(int argc, char **argv)
{
	static const struct controlling_verb verb = {.help = help, .control = flush_it};

	return cmd_controlling(argc, argv, &verb);
}
