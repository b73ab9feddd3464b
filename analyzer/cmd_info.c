/* SPDX-License-Identifier: MIT */
#include "cmd_reading.h"
#include "commands.h"
#include "report_text.h"

static const char help[] =
	"Usage: mftrace info [OPTIONS] DUMP...\n"
	"\n"
	"What a dump is: its header, the calls in it, the modules of the program with\n"
	"their build-ids, and the health of the recording.\n"
	"\n"
	"DUMP is a dump file, several of them, or a directory: the processes of one tree.\n"
	"\n"
	"  -j, --json    the report as JSON (docs/report.schema.json)\n"
	"  -n, --top N   call sites in the JSON report (default: all)\n"
	"  -h, --help    this text\n"
	"\n"
	"Exit status: 0 fine, 2 wrong usage or unreadable input.\n";

static const struct reading_verb verb = {
	.help = help,
	.top = 0,
	.order = SITES_BY_ALLOCATED,
	.details = true,
	.print = report_text_info,
};

int cmd_info(int argc, char **argv)
{
	return cmd_reading(argc, argv, &verb);
}
