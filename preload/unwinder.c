/* SPDX-License-Identifier: MIT */
#include "unwinder.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "process.h"
#include "recorder.h"
#include "seal.h"
#include "text.h"
#include "walk.h"

/* Frames of this library and the unwinder's that may lie innermost. */
#define OWN_FRAMES_MOST 16u
/* So many differences are described in a dump; the rest are counted. */
#define DESCRIBED_MOST 16u

static int (*backtrace_function)(void **frames, int most); /* atomic; NULL: not loaded */
static uint32_t described;				   /* atomic */

void unwinder_begin(void)
{
	void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	int (*backtrace)(void **, int);
	void *frames[4];

	if (!library)
		library = dlopen("libunwind.so", RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		(void)dlerror();
		process_say("verify", "libunwind cannot be loaded");
		return;
	}
	*(void **)(void *)&backtrace = dlsym(library, "unw_backtrace");
	if (!backtrace)
		return;
	(void)backtrace(frames, 4); /* it sets itself up */
	__atomic_store_n(&backtrace_function, backtrace, __ATOMIC_RELEASE);
}

uint32_t unwinder_stack(const void *frame_address, uintptr_t *pcs, uint32_t most,
			bool *ret_whole)
{
	void *frames[CONFIG_DEPTH_MAX + OWN_FRAMES_MOST];
	int (*const backtrace)(void **, int) =
		__atomic_load_n(&backtrace_function, __ATOMIC_ACQUIRE);
	const uintptr_t first = walk_start(frame_address).pc;
	uint32_t count, own = 0, kept = 0;
	struct recorder_pause pause;
	int saved = errno;

	*ret_whole = false;
	if (!backtrace)
		return 0;
	pause = recorder_pause(); /* it allocates at a thread's first use of it */
	count = (uint32_t)backtrace(frames, (int)(most + OWN_FRAMES_MOST));
	recorder_resume(pause);
	errno = saved;
	while (own < count && (uintptr_t)frames[own] != first)
		own++;
	*ret_whole = own < count && count - own <= most && count < most + OWN_FRAMES_MOST;
	for (; own < count && kept < most; own++, kept++)
		pcs[kept] = (uintptr_t)frames[own];
	return kept;
}

/* The captured stack's frame `i`, innermost first. */
static uintptr_t captured_pc(const struct stack_memory *m, uint32_t count, uint32_t met,
			     uint32_t i)
{
	if (i < count)
		return (uintptr_t)(m->fresh[i].address & ~NODES_EXACT);
	return m->frames[met - (i - count)].pc;
}

static void describe(struct recorder *r, uint32_t depth, uint32_t reference_depth,
		     uint32_t same, uintptr_t pc)
{
	const struct stack_memory *m = &r->stack;
	char line[256];
	struct mft_long record;
	struct text text;

	if (__atomic_fetch_add(&described, 1, __ATOMIC_RELAXED) >= DESCRIBED_MOST ||
	    !recorder_room(r, sizeof(line) + 16))
		return;
	text_init(&text, line, sizeof(line));
	text_add(&text, "stacks differ at frame ");
	text_add_number(&text, same);
	text_add(&text, " of ");
	text_add_number(&text, depth);
	text_add(&text, " (reference: ");
	text_add_number(&text, reference_depth);
	text_add(&text, "): ");
	text_add_hex(&text, pc);
	text_add(&text, " for ");
	text_add_hex(&text, same < reference_depth ? m->pcs[same] : 0);
	if (same) {
		text_add(&text, ", called by ");
		text_add_hex(&text, m->pcs[same - 1]);
	}
	mft_long_begin(&r->encoder, &record, sizeof(line) + 16);
	mft_long_varint(&record, MFT_NOTICE_DIFFERENCE);
	mft_long_bytes(&record, line, text.length);
	(void)mft_long_end(&r->encoder, &record, MFT_OP_NOTICE);
}

void unwinder_check(struct recorder *r, const void *frame_address, uint32_t count,
		    uint32_t met, bool disputed)
{
	struct stack_memory *m = &r->stack;
	uint32_t depth = count + met, reference_depth, same = 0;
	bool whole;

	if (++m->unchecked < process.config.verify || !r->chunk || !backtrace_function)
		return;
	m->unchecked = 0;
	reference_depth =
		unwinder_stack(frame_address, m->pcs, process.config.depth, &whole);
	while (same < reference_depth && same < depth &&
	       captured_pc(m, count, met, same) == m->pcs[same])
		same++;
	if (r->sealed)
		seal_break(r);
	r->chunk->stack_checks++;
	if (same == reference_depth && same == depth && !disputed)
		return;
	r->chunk->stack_differences++;
	describe(r, depth, reference_depth, same,
		 same < depth ? captured_pc(m, count, met, same) : 0);
}
