/* SPDX-License-Identifier: MIT */
#include "profile_leaks.h"

struct profile_amount
profile_leaked(const struct profile_leaks *leaks,
	       const struct profile_amount amounts[PROFILE_LEAK_KINDS])
{
	struct profile_amount sum = amounts[PROFILE_LEAK_UNFREED];

	if (!leaks->classified)
		return sum;
	sum = amounts[PROFILE_LEAK_POSSIBLE];
	sum.bytes +=
		amounts[PROFILE_LEAK_INDIRECT].bytes + amounts[PROFILE_LEAK_DEFINITE].bytes;
	sum.blocks += amounts[PROFILE_LEAK_INDIRECT].blocks +
		      amounts[PROFILE_LEAK_DEFINITE].blocks;
	return sum;
}

const char *profile_leak_name(enum profile_leak_kind kind)
{
	static const char *const names[PROFILE_LEAK_KINDS] = {
		[PROFILE_LEAK_UNFREED] = "unfreed",
		[PROFILE_LEAK_REACHABLE] = "reachable",
		[PROFILE_LEAK_POSSIBLE] = "possible",
		[PROFILE_LEAK_INDIRECT] = "indirect",
		[PROFILE_LEAK_DEFINITE] = "definite",
		[PROFILE_LEAK_SUPPRESSED] = "suppressed",
		[PROFILE_LEAK_YOUNG] = "young",
	};

	return (unsigned)kind < PROFILE_LEAK_KINDS ? names[kind] : "unknown";
}
