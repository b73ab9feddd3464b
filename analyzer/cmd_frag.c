/* SPDX-License-Identifier: MIT */
#include "cmd_reading.h"
#include "commands.h"
#include "report_text.h"

static const char help[] =
	"Usage: mftrace frag [OPTIONS] DUMP...\n"
	"\n"
	"Fragmentation: the heap at its worst snapshot (resident, usable, asked for), how\n"
	"full its pages are, its course, and the call sites whose blocks hold partly free\n"
	"pages in memory.\n"
	"\n"
	"DUMP is a dump file, several of them, or a directory: the processes of one tree.\n"
	"\n"
	"  -j, --json    the report as JSON (docs/report.schema.json)\n"
	"  -n, --top N   show N call sites (text: 10, JSON: all)\n"
	"  -h, --help    this text\n"
	"\n"
	"Exit status: 0 fine, 2 wrong usage or unreadable input.\n";

static const struct reading_verb verb = {
	.help = help,
	.top = 10,
	.order = SITES_BY_PINNED,
	.details = false,
	.print = report_text_frag,
};

int cmd_frag(int argc, char **argv)
{
	return cmd_reading(argc, argv, &verb);
}
