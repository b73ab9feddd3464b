/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cmd_controlling.h"
#include "commands.h"
#include "control.h"

static const char help[] =
	"Usage: mftrace pause PID\n"
	"\n"
	"Pauses the recording of a running process: allocations are only counted from\n"
	"now on. Frees are recorded as ever, so what was recorded before stays true to\n"
	"the last block. `mftrace resume PID` goes on. Reports say how many allocations\n"
	"they lack. The process gets no signal and is not stopped; it notices when it\n"
	"allocates or frees next, at the latest a few milliseconds later.\n"
	"\n"
	"  -h, --help    this text\n";

static int pause_it(const struct traced *traced, const char *path,
		    struct complaint *complaint)
{
	bool noticed;
	int error = control_pause(traced, true, &noticed, complaint);

	if (!error)
		printf("%s: %s\n", path,
		       noticed ? "paused"
			       : "pauses when the process next allocates or frees");
	return error;
}

int cmd_pause(int argc, char **argv)
{
	static const struct controlling_verb verb = {.help = help, .control = pause_it};

	return cmd_controlling(argc, argv, &verb);
}
