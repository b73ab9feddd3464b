/* SPDX-License-Identifier: MIT */
#include "heaptrack_events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "blocks.h"
#include "eventpass.h"
#include "family.h"
#include "heaptrack_stacks.h"
#include "profile.h"
#include "report.h"

#define NS_PER_MS 1000000u
#define FIRST_BITS 10

/*
 * heaptrack knows which kind of allocation a free is of, not which block, and what directly
 * follows an allocation and is a free of the same kind it calls temporary. Two things make
 * of this what mftrace means by it:
 *
 * Frees that follow each other wait for the next allocation, so that the one that is
 * temporary, if there is one, can come first. No peak depends on their order.
 *
 * A kind has a twin, of the same size and stack, which stands in where a free would be
 * taken for temporary and is not: what is booked for a stack stays the same.
 */
#define WAITING_MOST (1u << 16)

struct waiting {
	uint64_t time_ns;
	uint64_t size; /* its kind: slots move */
	uint32_t trace;
};

/* A kind of allocation. */
struct kind {
	uint64_t size;
	uint32_t trace; /* 0: an empty slot */
	uint32_t number;
	uint32_t twin; /* 0: none yet */
};

struct events_writer {
	struct ledger_watcher watcher; /* first: the callbacks are given its address */
	const struct heaptrack_stacks *stacks;
	const struct profile *profile;
	FILE *out;
	struct kind *kinds; /* 1 << bits slots */
	unsigned bits;
	size_t count;
	uint32_t numbers; /* given so far; 0 is nobody's */
	uint32_t last;	  /* number of the last event if that was an allocation, or 0 */
	uint64_t time_ms;
	size_t snapshot;	 /* the next one to be told of */
	struct waiting *waiting; /* frees, WAITING_MOST of them have room */
	size_t waiting_count;
	int error;
};

/* ---- Kinds ------------------------------------------------------------------------- */

static size_t slot_of(const struct events_writer *writer, uint64_t size, uint32_t trace)
{
	uint64_t mixed = (size ^ (uint64_t)trace << 32) * 0x9e3779b97f4a7c15ull;
	size_t mask = ((size_t)1 << writer->bits) - 1;
	size_t i = (size_t)((mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9ull >>
			    (64 - writer->bits));

	while (writer->kinds[i].trace != 0 &&
	       (writer->kinds[i].trace != trace || writer->kinds[i].size != size))
		i = (i + 1) & mask;
	return i;
}

static int grow(struct events_writer *writer)
{
	struct kind *old = writer->kinds;
	size_t slots = old ? (size_t)1 << writer->bits : 0;
	unsigned bits = old ? writer->bits + 1 : FIRST_BITS;

	writer->kinds = calloc((size_t)1 << bits, sizeof(*writer->kinds));
	if (!writer->kinds) {
		writer->kinds = old;
		return -ENOMEM;
	}
	writer->bits = bits;
	for (size_t i = 0; i < slots; i++) {
		if (old[i].trace != 0)
			writer->kinds[slot_of(writer, old[i].size, old[i].trace)] = old[i];
	}
	free(old);
	return 0;
}

static uint32_t new_number(struct events_writer *writer, uint64_t size, uint32_t trace)
{
	fprintf(writer->out, "a %" PRIx64 " %" PRIx32 "\n", size, trace);
	return ++writer->numbers;
}

/* The kind of a block, or NULL: memory is short, or the site is one that the dump has got
 * since. */
static struct kind *kind_of(struct events_writer *writer, const struct block *block)
{
	uint32_t trace;
	struct kind *kind;

	if (writer->error)
		return NULL;
	if (block->site >= writer->stacks->sites_count) {
		writer->error = -ESTALE;
		return NULL;
	}
	if (!writer->kinds || 3 * writer->count >= (size_t)2 << writer->bits) {
		writer->error = grow(writer);
		if (writer->error)
			return NULL;
	}
	trace = writer->stacks->trace_of_site[block->site];
	kind = &writer->kinds[slot_of(writer, block->size, trace)];
	if (kind->trace == 0) {
		kind->size = block->size;
		kind->trace = trace;
		kind->number = new_number(writer, block->size, trace);
		writer->count++;
	}
	return kind;
}

/* ---- Lines ------------------------------------------------------------------------- */

static void put_event(struct events_writer *writer, char sign, uint32_t number)
{
	char line[12], *p = line + sizeof(line);

	*--p = '\n';
	do {
		*--p = "0123456789abcdef"[number & 15];
		number >>= 4;
	} while (number);
	*--p = ' ';
	*--p = sign;
	fwrite_unlocked(p, 1, (size_t)(line + sizeof(line) - p), writer->out);
}

static void put_time(struct events_writer *writer, uint64_t time_ms)
{
	if (time_ms <= writer->time_ms)
		return;
	writer->time_ms = time_ms;
	fprintf(writer->out, "c %" PRIx64 "\n", time_ms);
}

/* The time, and what was resident at snapshots up to then. */
static void advance(struct events_writer *writer, uint64_t time_ns)
{
	const struct profile *profile = writer->profile;

	while (writer->snapshot < profile->snapshots_count &&
	       profile->snapshots[writer->snapshot].time_ns <= time_ns) {
		const struct profile_snapshot *s = &profile->snapshots[writer->snapshot++];

		put_time(writer, s->time_ns / NS_PER_MS);
		fprintf(writer->out, "R %" PRIx64 "\n",
			s->rss_bytes / profile->header.page_bytes);
	}
	put_time(writer, time_ns / NS_PER_MS);
}

static void put_free(struct events_writer *writer, struct kind *kind, bool is_temporary)
{
	uint32_t number = kind->number;

	if (!is_temporary && number == writer->last) {
		if (kind->twin == 0)
			kind->twin = new_number(writer, kind->size, kind->trace);
		number = kind->twin;
	}
	put_event(writer, '-', number);
	writer->last = 0;
}

static void flush_waiting(struct events_writer *writer)
{
	for (size_t i = 0; i < writer->waiting_count; i++) {
		const struct waiting *due = &writer->waiting[i];

		advance(writer, due->time_ns);
		put_free(writer, &writer->kinds[slot_of(writer, due->size, due->trace)],
			 false);
	}
	writer->waiting_count = 0;
}

static void acquired(struct ledger_watcher *watcher, const struct block *block)
{
	struct events_writer *writer = (struct events_writer *)watcher;
	const struct kind *kind = kind_of(writer, block);

	if (!kind)
		return;
	flush_waiting(writer);
	advance(writer, block->birth * writer->profile->header.clock_unit_ns);
	put_event(writer, '+', kind->number);
	writer->last = kind->number;
}

static void released(struct ledger_watcher *watcher, const struct block *block,
		     uint64_t clock, bool is_temporary)
{
	struct events_writer *writer = (struct events_writer *)watcher;
	struct kind *kind = kind_of(writer, block);

	if (!kind)
		return;
	if (is_temporary && kind->number == writer->last) {
		put_free(writer, kind, true);
		return;
	}
	if (writer->waiting_count == WAITING_MOST)
		flush_waiting(writer);
	writer->waiting[writer->waiting_count++] = (struct waiting){
		.time_ns = clock * writer->profile->header.clock_unit_ns,
		.size = kind->size,
		.trace = kind->trace,
	};
}

int heaptrack_events_write(const struct heaptrack_stacks *stacks,
			   const struct report *report, size_t member, FILE *out)
{
	struct events_writer writer = {
		.watcher = {.acquired = acquired, .released = released},
		.stacks = stacks,
		.profile = report->family->members[member].profile,
		.out = out,
	};
	int error;

	writer.waiting = calloc(WAITING_MOST, sizeof(*writer.waiting));
	if (!writer.waiting)
		return -ENOMEM;
	/* Behind a free heaptrack takes 0 for what was allocated last. */
	if (stacks->sites_count > 0)
		fputs("a 0 1\n", out);
	error = eventpass(report, member, &writer.watcher);
	if (writer.error)
		error = writer.error;
	if (!error) {
		flush_waiting(&writer);
		advance(&writer, writer.profile->duration_ns);
	}
	free(writer.waiting);
	free(writer.kinds);
	return error;
}
