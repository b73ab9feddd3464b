/* SPDX-License-Identifier: MIT */
#include "unwinder.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "process.h"
#include "recorder.h"
#include "text.h"
#include "walk.h"

/* Frames of this library and the unwinder's that may lie innermost. */
#define OWN_FRAMES_MOST 16u
/* So many differences are described in a dump; the rest are counted. */
#define DESCRIBED_MOST 16u

static int (*backtrace_function)(void **frames, int most);
static uint32_t described; /* atomic */

void unwinder_begin(void)
{
	void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	void *frames[4];

	if (!library)
		library = dlopen("libunwind.so", RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		(void)dlerror();
		process_say("verify", "libunwind cannot be loaded");
		return;
	}
	*(void **)(void *)&backtrace_function = dlsym(library, "unw_backtrace");
	if (backtrace_function)
		(void)backtrace_function(frames, 4); /* it sets itself up */
}

uint32_t unwinder_stack(const void *frame_address, uintptr_t *pcs, uint32_t most,
			bool *ret_whole)
{
	void *frames[CONFIG_DEPTH_MAX + OWN_FRAMES_MOST];
	const uintptr_t first = walk_start(frame_address).pc;
	uint32_t count, own = 0, kept = 0;
	int saved = errno;

	*ret_whole = false;
	if (!backtrace_function)
		return 0;
	count = (uint32_t)backtrace_function(frames, (int)(most + OWN_FRAMES_MOST));
	errno = saved;
	while (own < count && (uintptr_t)frames[own] != first)
		own++;
	*ret_whole = own < count && count - own <= most && count < most + OWN_FRAMES_MOST;
	for (; own < count && kept < most; own++, kept++)
		pcs[kept] = (uintptr_t)frames[own];
	return kept;
}

static void describe(struct recorder *r, uint32_t depth, uint32_t count, uint32_t same)
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
	text_add_number(&text, count);
	text_add(&text, "): ");
	text_add_hex(&text, same < depth ? m->frames[depth - 1 - same].pc : 0);
	text_add(&text, " for ");
	text_add_hex(&text, same < count ? m->pcs[same] : 0);
	if (same) {
		text_add(&text, ", called by ");
		text_add_hex(&text, m->pcs[same - 1]);
	}
	mft_long_begin(&r->encoder, &record, sizeof(line) + 16);
	mft_long_varint(&record, MFT_NOTICE_DIFFERENCE);
	mft_long_bytes(&record, line, text.length);
	(void)mft_long_end(&r->encoder, &record, MFT_OP_NOTICE);
}

void unwinder_check(struct recorder *r, const void *frame_address, uint32_t depth)
{
	struct stack_memory *m = &r->stack;
	uint32_t count, same = 0;
	bool whole;

	if (++m->unchecked < process.config.verify || !r->chunk || !backtrace_function)
		return;
	m->unchecked = 0;
	count = unwinder_stack(frame_address, m->pcs, process.config.depth, &whole);
	while (same < count && same < depth &&
	       m->frames[depth - 1 - same].pc == m->pcs[same])
		same++;
	r->chunk->stack_checks++;
	if (same == count && same == depth)
		return;
	r->chunk->stack_differences++;
	describe(r, depth, count, same);
}
