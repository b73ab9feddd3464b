/* SPDX-License-Identifier: MIT */
/*
 * dlopened_globals [closed]: variables of a library that was loaded by dlopen are roots,
 * and are none once it was closed.
 */
#include "leak_case.h"
#include "leak_plugin_load.h"

static const char *program;
static int close_it;

static LEAK_SITE void build(void)
{
	enum leak_kind kind = close_it ? LEAK_DEFINITE : LEAK_REACHABLE;
	enum leak_kind child = close_it ? LEAK_INDIRECT : LEAK_REACHABLE;
	plugin_keep_fn keep;
	void *handle, *block;

	keep = plugin_load(program, &handle);
	keep(PLUGIN_BSS, leak_block(110, kind));
	block = leak_block(111, kind);
	leak_put(block, 5, leak_block(112, child));
	keep(PLUGIN_DATA, block);
	if (close_it && dlclose(handle))
		abort();
}

int main(int argc, char **argv)
{
	program = argv[0];
	close_it = argc > 1;
	return leak_case(build);
}
