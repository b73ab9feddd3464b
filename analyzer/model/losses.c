/* SPDX-License-Identifier: MIT */
#include "losses.h"

#include "profile.h"

const char *losses_of(const struct profile *profile)
{
	if (profile->damage)
		return "the dump is damaged";
	if (profile->header.stop_reason != MFT_STOP_NONE)
		return "the recording ended early";
	if (profile->lost_events > 0)
		return "events were lost";
	/* Where a block came to lie on another one, that one's free was not seen. */
	if (profile->double_allocations > 0)
		return "frees were not seen";
	return NULL;
}
