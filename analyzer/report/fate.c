/* SPDX-License-Identifier: MIT */
#include "fate.h"

#include "mft_format.h"
#include "running.h"

enum fate fate_of(const struct mft_header *header)
{
	if (header->state == MFT_STATE_EXITED)
		return FATE_EXITED;
	if (header->state == MFT_STATE_EXEC)
		return FATE_EXEC;
	if (!running_is_known(header))
		return FATE_UNKNOWN;
	return running_now(header) ? FATE_RUNNING : FATE_KILLED;
}

const char *fate_name(enum fate fate)
{
	static const char *const names[] = {
		[FATE_EXITED] = "exited",   [FATE_EXEC] = "exec",
		[FATE_RUNNING] = "running", [FATE_KILLED] = "killed",
		[FATE_UNKNOWN] = "unknown",
	};

	return names[fate];
}
