/* SPDX-License-Identifier: MIT */
#include "cmd_reading.h"
#include "commands.h"
#include "report_text.h"

static const char help[] =
	"Usage: mftrace report [OPTIONS] DUMP...\n"
	"\n"
	"Overview of a recording: totals, peak, unfreed memory, fragmentation, and the\n"
	"call sites that held most memory at the peak.\n"
	"\n"
	"DUMP is a dump file, several of them, or a directory: the processes of one tree.\n"
	"\n"
	"  -j, --json    the report as JSON (docs/report.schema.json)\n"
	"  -n, --top N   show N call sites (text: 5, JSON: all)\n"
	"  -h, --help    this text\n"
	"\n"
	"Exit status: 0 fine, 2 wrong usage or unreadable input.\n";

static const struct reading_verb verb = {
	.help = help,
	.top = 5,
	.order = SITES_BY_PEAK,
	.details = false,
	.print = report_text_overview,
};

int cmd_report(int argc, char **argv)
{
	return cmd_reading(argc, argv, &verb);
}
