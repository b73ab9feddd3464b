/* SPDX-License-Identifier: MIT */
#include "outside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pointers.h"
#include "profile.h"
#include "snap.h"

uint64_t outside_last_clock(const struct snap *snap)
{
	return snap && snap->header.cuts == 0 ? snap->header.clock : UINT64_MAX;
}

int outside_note(const struct snap *snap, struct profile *profile)
{
	const size_t count = snap ? snap->header.cuts : 0;

	profile->cut_clock = snap ? snap->header.clock : UINT64_MAX;
	if (count == 0)
		return 0;
	profile->cuts = calloc(count, sizeof(*profile->cuts));
	if (!profile->cuts)
		return -ENOMEM;
	memcpy(profile->cuts, snap->cuts, count * sizeof(*profile->cuts));
	profile->cuts_count = count;
	return 0;
}

uint64_t outside_clock(const struct snap *snap, uint64_t clock)
{
	if (snap->header.clock != SNAP_CLOCK_END && snap->header.cuts &&
	    snap->header.clock > clock)
		return snap->header.clock;
	return clock;
}

void outside_name_modules(struct pointers *scan, const struct profile_module *modules,
			  size_t count, uint32_t page_bytes)
{
	for (size_t i = 0; i < scan->roots_count; i++) {
		struct pointers_root *root = &scan->roots[i];

		if (root->kind != MFT_ROOT_MODULE || root->module != POINTERS_NONE)
			continue;
		/* A later module may be where an earlier one was. */
		for (size_t j = count; j > 0; j--) {
			const struct profile_module *module = &modules[j - 1];

			if (root->start >= module->start - module->start % page_bytes &&
			    root->start < module->end) {
				root->module = (uint32_t)(j - 1);
				break;
			}
		}
	}
}
