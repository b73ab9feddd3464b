/* SPDX-License-Identifier: MIT */
#include "framename.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "printable.h"
#include "profile.h"

const char *framename_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static char *address_new(const struct callnode *node)
{
	char *text = NULL;
	int length;

	if (node->module)
		length = asprintf(&text, "%s+0x%" PRIx64, framename_base(node->module),
				  node->address);
	else
		length = asprintf(&text, "0x%" PRIx64, node->address);
	return length < 0 ? NULL : text;
}

char *framename_new(const struct callnode *node)
{
	return node->function && *node->function ? strdup(node->function)
						 : address_new(node);
}

char *framename_linker_new(const struct callnode *node)
{
	return node->linker_name && *node->linker_name ? strdup(node->linker_name)
						       : framename_new(node);
}

char *framename_process_new(const struct profile *profile)
{
	char *name = printable_new(*profile->exe ? framename_base(profile->exe) : "?");
	char *text = NULL;

	if (name && asprintf(&text, "%s (pid %d)", name, (int)profile->header.pid) < 0)
		text = NULL;
	free(name);
	return text;
}

char *framename_command_new(const struct profile *profile)
{
	char *joined = NULL, *safe;
	size_t bytes;
	FILE *out = open_memstream(&joined, &bytes);

	if (!out)
		return NULL;
	if (!profile->argv || !profile->argv[0])
		fputs(*profile->exe ? profile->exe : "?", out);
	for (char **word = profile->argv; word && *word; word++)
		fprintf(out, "%s%s", word == profile->argv ? "" : " ", *word);
	if (fclose(out) == EOF) {
		free(joined);
		return NULL;
	}
	safe = printable_new(joined);
	free(joined);
	return safe;
}
