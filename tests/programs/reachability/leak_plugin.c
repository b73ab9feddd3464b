/* SPDX-License-Identifier: MIT */
/*
 * A library that is loaded while the program runs, with places to keep blocks in.
 */
#include "leak_plugin.h"

static void *volatile in_bss;
static void *volatile in_data = (void *)&in_data;
static __thread void *volatile in_tls[20];

void plugin_keep(enum plugin_place place, void *block)
{
	switch (place) {
	case PLUGIN_BSS:
		in_bss = block;
		break;
	case PLUGIN_DATA:
		in_data = block;
		break;
	case PLUGIN_TLS:
		in_tls[10] = block;
		break;
	}
}
