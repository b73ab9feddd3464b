/* SPDX-License-Identifier: MIT */
/*
 * A library to be loaded and unloaded; built several times, each time with another
 * PLUGIN_FUNCTION as the name of its only function.
 */
#include <stdlib.h>

#include "plugin.h"
#include "truth.h"

static TRUTH_SITE void *PLUGIN_FUNCTION(size_t size)
{
	return malloc(size);
}

const struct plugin plugin = {PLUGIN_FUNCTION};
