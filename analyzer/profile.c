/* SPDX-License-Identifier: MIT */
#include "profile.h"

#include <stdlib.h>

static void free_strings(char **strings)
{
	if (!strings)
		return;
	for (char **s = strings; *s; s++)
		free(*s);
	free(strings);
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	free(profile->dump_path);
	free(profile->exe);
	free(profile->cwd);
	free_strings(profile->argv);
	free(profile->allocator);
	free_strings(profile->notices);
	for (size_t i = 0; i < profile->modules_count; i++)
		free(profile->modules[i].path);
	free(profile->modules);
	free(profile->frames);
	free(profile->sites);
	free(profile->snapshots);
	free(profile->damage);
	free(profile);
}
