/* SPDX-License-Identifier: MIT */
#include "cmd_sides.h"

#include <stdlib.h>

#include "cmd_complaining.h"
#include "complaint.h"
#include "printable.h"
#include "side.h"
#include "terminal.h"

int cmd_sides_add(struct side *side, const char *path, const struct dumpset *set,
		  const struct side_wish *wish)
{
	struct side_wish shown = wish ? *wish : (struct side_wish){0};
	struct complaint complaint = {.text = ""};
	char *safe = printable_new(path), *file = NULL;
	struct progress progress;
	int error;

	progress_init(&progress, safe ? safe : "");
	shown.progress = progress_update;
	shown.context = &progress;
	if (set)
		error = side_add_dumps(side, path, set, &shown, &file, &complaint);
	else
		error = side_add(side, path, &shown, &file, &complaint);
	progress_done(&progress);
	if (error)
		complain(file ? file : path, complaint.text);
	free(file);
	free(safe);
	return error;
}
