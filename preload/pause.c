/* SPDX-License-Identifier: MIT */
#include "pause.h"

#include "dumpfile.h"

void pause_follow(void)
{
	struct mft_header *header = process.dump.header;
	uint32_t control = __atomic_load_n(&header->control, __ATOMIC_RELAXED);
	uint32_t expected =
		control == MFT_CONTROL_PAUSE ? PROCESS_RECORDING : PROCESS_PAUSED;
	uint32_t wanted = control == MFT_CONTROL_PAUSE ? PROCESS_PAUSED : PROCESS_RECORDING;

	/* Fails where another thread has done it, or the process does not record any more.
	 */
	(void)__atomic_compare_exchange_n(&process_page.state, &expected, wanted, false,
					  __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	dumpfile_loosen(&process.dump, false);
	__atomic_store_n(&header->control_seen, control, __ATOMIC_RELEASE);
}

void pause_count(void)
{
	dumpfile_loosen(&process.dump, false);
	__atomic_fetch_add(&process.dump.header->paused_events, 1, __ATOMIC_RELAXED);
}
