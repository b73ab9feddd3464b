/* SPDX-License-Identifier: MIT */
#include "seed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "profile.h"
#include "reader.h"
#include "records.h"
#include "ring.h"
#include "seedstacks.h"

/* ---- Sites and blocks ------------------------------------------------------------- */

/* Sites of the ring in the ledger's numbers. Nodes of a module that has several ids are one
 * frame here, and their sites one site. */
static int add_sites(struct replay *replay, const struct seedstacks *stacks,
		     uint32_t *sites)
{
	const struct ring *ring = replay->reader->ring;
	struct ledger *ledger = &replay->model.ledger;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < ring->root.sites; i++) {
		const struct mft_ring_site *from = ring_site(ring, i);
		struct ledger_site site = {
			.live_bytes = from->live_bytes,
			.live_blocks = from->live_blocks,
			.live_usable_bytes = from->live_usable_bytes,
			.allocations = from->allocations,
			.allocated_bytes = from->allocated_bytes,
			.freed = from->freed,
			.lifetime = from->lifetime,
			.temporary = from->temporary,
			.failed = from->failed,
		};

		ring_site_peak(ring, from, &site.peak_bytes, &site.peak_blocks);
		r = ledger_site(ledger, stacks->frames[from->node], from->op, &sites[i]);
		if (r == 0)
			ledger_seed_site(ledger, sites[i], &site);
	}
	return r;
}

static void to_block(const struct mft_ring_block *from, const uint32_t *sites,
		     struct block *block)
{
	block->address = from->address;
	block->size = from->size;
	block->usable = from->usable;
	block->birth = from->birth;
	block->site = sites[from->site];
	block->thread = from->thread;
}

static int add_blocks(struct replay *replay, const uint32_t *sites)
{
	const struct ring *ring = replay->reader->ring;
	int r = 0;

	for (uint32_t chunk = 0; r == 0 && chunk < ring->root.live_chunks; chunk++) {
		size_t count;
		const struct mft_ring_block *from = ring_blocks(ring, chunk, &count);

		for (size_t i = 0; r == 0 && i < count; i++) {
			struct block block;

			if (from[i].address == 0)
				continue;
			to_block(&from[i], sites, &block);
			r = model_seed_block(&replay->model, &block);
		}
	}
	return r;
}

static int compare_births(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	if (x->birth != y->birth)
		return x->birth < y->birth ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* Who watches is told of the live blocks as they came, those between the halves of a
 * realloc included: that is all that is known of the time before. */
static int tell_watcher(struct replay *replay, const uint32_t *sites)
{
	const struct ring *ring = replay->reader->ring;
	struct ledger_watcher *watcher = replay->model.ledger.watcher;
	const struct blocks *blocks = &replay->model.blocks;
	struct block *all;
	size_t count = 0;

	if (!watcher)
		return 0;
	all = calloc(blocks->count + ring->root.streams + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < blocks_slots(blocks); i++)
		if (blocks->slots[i].address)
			all[count++] = blocks->slots[i];
	for (uint32_t i = 0; i < ring->root.streams; i++)
		if (ring->streams[i].half == MFT_RING_HALF_BLOCK)
			to_block(&ring->streams[i].released, sites, &all[count++]);
	qsort(all, count, sizeof(*all), compare_births);
	for (size_t i = 0; i < count; i++)
		watcher->acquired(watcher, &all[i]);
	free(all);
	return 0;
}

/* ---- Streams ---------------------------------------------------------------------- */

static void seed_thread(const struct mft_ring_stream *from, const uint32_t *sites,
			struct model_thread *thread)
{
	thread->last_address = from->last_address;
	thread->last_birth = from->last_birth;
	thread->id = from->thread;
	thread->half = (enum model_half)from->half;
	thread->half_op = from->half_op;
	thread->half_temporary = from->half_temporary;
	thread->half_clock = from->half_clock;
	if (thread->half == MODEL_HALF_BLOCK)
		to_block(&from->released, sites, &thread->released);
}

/* A realloc whose second half is not among the events was a free; those of streams that go
 * on wait for it. */
static int add_streams(struct replay *replay, const struct seedstacks *stacks,
		       const uint32_t *sites)
{
	const struct reader *reader = replay->reader;
	const struct ring *ring = reader->ring;
	size_t at = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < ring->root.streams; i++) {
		const struct mft_ring_stream *from = &ring->streams[i];
		struct model_thread ended = {.half = MODEL_HALF_NONE};

		while (at < reader->streams_count &&
		       reader->streams[at].number < from->stream)
			at++;
		if (at == reader->streams_count ||
		    reader->streams[at].number != from->stream) {
			seed_thread(from, sites, &ended);
			model_settle(&replay->model, &ended);
			continue;
		}
		seed_thread(from, sites, &replay->streams[at].thread);
		replay->streams[at].resumed = true;
		r = seedstacks_stream(ring, stacks, from->stream,
				      &replay->streams[at].nodes);
		if (r == 0)
			r = records_await_half(replay, at);
	}
	return r;
}

/* ---- Everything else -------------------------------------------------------------- */

static int take_fact(void *context, const struct mft_record *record)
{
	struct profile *profile = context;
	struct mft_thread thread;
	int r;

	switch (record->op) {
	case MFT_OP_PROCESS:
		return facts_process(profile, record->payload);
	case MFT_OP_ALLOCATOR:
		return facts_allocator(profile, record->payload);
	case MFT_OP_NOTICE:
		return facts_notice(profile, record->payload);
	case MFT_OP_THREAD:
		r = mft_decode_thread(record->payload, &thread);
		return r < 0 ? r : facts_thread(profile, &thread);
	default:
		return 0;
	}
}

static void add_totals(const struct mft_ring_totals *from, struct replay *replay)
{
	struct ledger *ledger = &replay->model.ledger;
	struct profile *profile = replay->profile;

	ledger->peak_bytes = from->peak_bytes;
	ledger->peak_blocks = from->peak_blocks;
	ledger->peak_clock = from->peak_clock;
	profile->reallocs = from->reallocs;
	profile->unmatched_frees = from->unmatched_frees;
	profile->double_allocations = from->double_allocations;
	profile->threads = from->threads;
	profile->mappings = (struct profile_mappings){
		.mmap_calls = from->mmap_calls,
		.munmap_calls = from->munmap_calls,
		.mremap_calls = from->mremap_calls,
		.brk_calls = from->brk_calls,
		.madvise_calls = from->madvise_calls,
		.mapped_bytes = from->mapped_bytes,
		.unmapped_bytes = from->unmapped_bytes,
	};
	_Static_assert(sizeof(profile->op_counts) == sizeof(from->op_counts), "by opcode");
	memcpy(profile->op_counts, from->op_counts, sizeof(profile->op_counts));
}

static int add_breaks(struct replay *replay)
{
	const struct mft_ring_root *root = &replay->reader->ring->root;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < root->breaks; i++)
		r = breaks_move(&replay->breaks, root->pieces[i].start,
				root->pieces[i].end);
	return r;
}

/* Where the events begin, and what was before them. */
static void note_window(const struct mft_ring_totals *totals, struct profile *profile,
			uint64_t unit_ns)
{
	struct profile_window *window = &profile->window;

	window->start_ns = totals->clock * unit_ns;
	window->folded_events = totals->allocations + totals->failed + totals->frees +
				totals->mmap_calls + totals->munmap_calls +
				totals->mremap_calls + totals->brk_calls +
				totals->madvise_calls;
	window->folded_snapshots = totals->snapshots;
}

int seed_replay(struct replay *replay)
{
	const struct ring *ring = replay->reader->ring;
	const struct mft_ring_totals *totals = &ring->root.totals;
	struct seedstacks stacks = {.count = 0};
	uint32_t *sites = calloc((size_t)ring->root.sites + 1, sizeof(*sites));
	int r = sites ? 0 : -ENOMEM;

	if (r == 0)
		r = seedstacks_init(ring, &replay->modules, &replay->stacks, &stacks);
	if (r == 0)
		r = ring_each_fact(ring, take_fact, replay->profile);
	if (r == 0)
		r = add_sites(replay, &stacks, sites);
	if (r == 0)
		r = add_blocks(replay, sites);
	if (r == 0)
		r = tell_watcher(replay, sites);
	if (r == 0)
		r = add_breaks(replay);
	if (r == 0) {
		add_totals(totals, replay);
		note_window(totals, replay->profile, replay->reader->header.clock_unit_ns);
		replay->last_clock = totals->clock;
		r = add_streams(replay, &stacks, sites);
	}
	seedstacks_done(&stacks);
	free(sites);
	return r;
}

void seed_recording(const struct ring *ring, struct reader *reader, struct profile *profile)
{
	const struct mft_ring_totals *totals = &ring->root.totals;

	profile->lost_events += totals->lost_events;
	profile->stacks_fallback += totals->fallback_stacks;
	profile->stack_checks += totals->stack_checks;
	profile->stack_differences += totals->stack_differences;
	if (totals->damaged)
		reader_note_damage(reader, 0,
				   "%llu records made no sense when they were folded",
				   (unsigned long long)totals->damaged);
}
