/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cmd_controlling.h"
#include "commands.h"
#include "control.h"

static const char help[] =
	"Usage: mftrace resume PID\n"
	"\n"
	"Goes on recording a process that `mftrace pause` has paused. What it allocated\n"
	"meanwhile stays unknown; its frees are listed as of blocks that the recording\n"
	"has not seen.\n"
	"\n"
	"  -h, --help    this text\n";

static int resume_it(const struct traced *traced, const char *path,
		     struct complaint *complaint)
{
	bool noticed;
	int error = control_pause(traced, false, &noticed, complaint);

	if (!error)
		printf("%s: %s\n", path,
		       noticed ? "recording"
			       : "goes on when the process next allocates or frees");
	return error;
}

int cmd_resume(int argc, char **argv)
{
	static const struct controlling_verb verb = {.help = help, .control = resume_it};

	return cmd_controlling(argc, argv, &verb);
}
