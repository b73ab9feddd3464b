/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "listing_fact.h"
#include "listing_scan.h"
#include "merge.h"
#include "modulemap.h"
#include "pathname.h"
#include "printable.h"
#include "reader.h"
#include "ring.h"
#include "seedstacks.h"
#include "stacks.h"

struct listing_stream {
	struct stack_nodes nodes;
	int32_t tid;
};

struct listing {
	const struct listing_options *options;
	struct reader *reader;
	FILE *out;
	struct merge merge;
	struct modulemap modules;
	struct stacks stacks;
	struct listing_stream *streams;
	char **names; /* by module: its file's name, safe to print; NULL: not made yet */
	size_t names_count;
};

/* ---- Pieces of a line ------------------------------------------------------------- */

static const char *module_name(struct listing *listing, uint32_t index)
{
	const char *path = listing->modules.modules[index].path;
	char **names;

	if (index >= listing->names_count) {
		names = reallocarray(listing->names, index + 1, sizeof(*names));
		if (!names)
			return "?";
		memset(names + listing->names_count, 0,
		       (index + 1 - listing->names_count) * sizeof(*names));
		listing->names = names;
		listing->names_count = index + 1;
	}
	if (!listing->names[index])
		listing->names[index] = printable_new(pathname_base(path));
	if (!listing->names[index])
		return "?";
	return *listing->names[index] ? listing->names[index] : "[vdso]";
}

static void put_frame(struct listing *listing, uint32_t index)
{
	const struct profile_frame *frame = &listing->stacks.frames[index];

	if (index == MFT_NODE_ROOT)
		fputs("-", listing->out);
	else if (index == MFT_NODE_TRUNCATED)
		fputs("?", listing->out);
	else if (frame->module == PROFILE_NO_MODULE)
		fprintf(listing->out, "0x%" PRIx64, frame->offset);
	else
		fprintf(listing->out, "%s+0x%" PRIx64, module_name(listing, frame->module),
			frame->offset);
}

static void put_stack(struct listing *listing, const struct listing_stream *stream,
		      uint32_t node)
{
	uint32_t frame;

	if (stack_nodes_find(&stream->nodes, node, &frame) < 0) {
		fprintf(listing->out, "  undefined #%u\n", node);
		return;
	}
	fputs("  ", listing->out);
	put_frame(listing, frame);
	fprintf(listing->out, " #%u\n", node);
	if (!listing->options->whole_stacks)
		return;
	while (frame >= MFT_NODE_FIRST) {
		frame = listing->stacks.frames[frame].parent;
		if (frame == MFT_NODE_ROOT)
			break;
		fputs("                                        ", listing->out);
		put_frame(listing, frame);
		fputc('\n', listing->out);
	}
}

/* ---- Long records with stacks ------------------------------------------------------ */

static int put_failed(struct listing *listing, const struct listing_stream *stream,
		      struct mft_bytes payload)
{
	struct mft_failed failed;
	int r = mft_decode_failed(payload, &failed);

	if (r < 0)
		return r;
	fprintf(listing->out, "%-18s %18s %12" PRIu64, listing_label(failed.op), "failed",
		failed.size);
	put_stack(listing, stream, failed.stack);
	return 0;
}

static int put_mapping(struct listing *listing, const struct listing_stream *stream,
		       const struct mft_record *record)
{
	struct mft_mapping mapping;
	int r = mft_decode_mapping(record->payload, &mapping);

	if (r < 0)
		return r;
	fprintf(listing->out, "%-18s 0x%016" PRIx64 " %12" PRIu64,
		listing_label(record->op), mapping.address, mapping.length);
	put_stack(listing, stream, mapping.stack);
	return 0;
}

static int put_long(struct listing *listing, const struct listing_stream *stream,
		    const struct mft_record *record)
{
	switch (record->op) {
	case MFT_OP_FAILED:
		return put_failed(listing, stream, record->payload);
	case MFT_OP_MMAP:
	case MFT_OP_MUNMAP:
	case MFT_OP_MREMAP:
	case MFT_OP_BRK:
	case MFT_OP_MADVISE:
		return put_mapping(listing, stream, record);
	case MFT_OP_SCAN:
	case MFT_OP_SCAN_ROOT:
	case MFT_OP_SCAN_WORDS:
	case MFT_OP_SCAN_CONTENTS:
	case MFT_OP_SCAN_END:
		return listing_scan(listing->out, record);
	default:
		return listing_fact(listing->out, record);
	}
}

/* ---- The whole -------------------------------------------------------------------- */

static void put_record(struct listing *listing, const struct listing_stream *stream,
		       struct merge_stream *from)
{
	const struct mft_record *record = from->record;
	uint64_t us = record->clock * listing->reader->header.clock_unit_ns / 1000;

	fprintf(listing->out, "%5" PRIu64 ".%06" PRIu64 " %7" PRId32 " ", us / 1000000,
		us % 1000000, stream->tid);
	if (record->op >= MFT_OP_LONG) {
		if (put_long(listing, stream, record) < 0) {
			fprintf(listing->out, "record 0x%02x: damaged\n", record->op);
			cursor_note(&from->cursor, "record 0x%02x makes no sense",
				    record->op);
		}
	} else if (mft_op_is_free(record->op)) {
		fprintf(listing->out, "%-18s 0x%016" PRIx64 "\n", listing_label(record->op),
			record->address);
	} else if (mft_op_is_alloc(record->op)) {
		fprintf(listing->out, "%-18s 0x%016" PRIx64 " %12" PRIu64,
			listing_label(record->op), record->address, record->size);
		put_stack(listing, stream, record->stack);
	} else {
		fprintf(listing->out, "%s\n", listing_label(record->op));
	}
}

/* What later records rely on, whether this one is printed or not. Returns 1 where there is
 * nothing to print, or a negative errno. */
static int learn(struct listing *listing, struct listing_stream *stream,
		 struct merge_stream *from)
{
	const struct mft_record *record = from->record;
	struct mft_thread thread;
	int r = 0;

	switch (record->op) {
	case MFT_OP_NODE:
		r = stack_nodes_define(&stream->nodes, record, &listing->stacks,
				       &listing->modules);
		if (r == -EBADMSG)
			cursor_fail(&from->cursor,
				    "stack node %u is a parent but not defined",
				    record->parent);
		else if (r < 0 && r != -ENOENT)
			return r;
		return 1;
	case MFT_OP_NODES_RESET:
		stack_nodes_reset(&stream->nodes);
		return 1;
	case MFT_OP_THREAD:
		if (mft_decode_thread(record->payload, &thread) == 0)
			stream->tid = thread.tid;
		return 0;
	case MFT_OP_MODULE:
		r = modulemap_add(&listing->modules, record->payload);
		return r == -ENOMEM ? r : 0;
	default:
		return 0;
	}
}

static int write_all(struct listing *listing)
{
	const struct listing_options *options = listing->options;
	struct merge_stream *from;
	uint64_t written = 0;
	int r;

	while (written < options->limit && !ferror(listing->out) &&
	       (r = merge_next(&listing->merge, &from)) != 0) {
		struct listing_stream *stream;

		if (r < 0)
			return r;
		if (from->record->clock > listing->reader->last_clock)
			break;
		stream = &listing->streams[from - listing->merge.streams];
		r = learn(listing, stream, from);
		if (r < 0)
			return r;
		if (r > 0 || (options->one_thread && stream->tid != options->thread))
			continue;
		put_record(listing, stream, from);
		written++;
	}
	return 0;
}

/* What the records of a ring rely on that are not there any more. */
static int seed(struct listing *listing)
{
	const struct reader *reader = listing->reader;
	struct seedstacks stacks = {.count = 0};
	int r = 0;

	if (!reader->ring)
		return 0;
	r = seedstacks_init(reader->ring, &listing->modules, &listing->stacks, &stacks);
	for (size_t i = 0; r == 0 && i < reader->streams_count; i++) {
		struct listing_stream *stream = &listing->streams[i];

		if (!reader->streams[i].folded)
			continue;
		stream->tid = (int32_t)reader->streams[i].folded->thread;
		r = seedstacks_stream(reader->ring, &stacks, reader->streams[i].number,
				      &stream->nodes);
	}
	seedstacks_done(&stacks);
	return r;
}

/* Where the events of a ring begin. */
static void put_window(const struct listing *listing)
{
	const struct mft_ring_totals *totals = &listing->reader->ring->root.totals;
	uint64_t us = totals->clock * listing->reader->header.clock_unit_ns / 1000;

	if (totals->records)
		fprintf(listing->out,
			"%5" PRIu64 ".%06" PRIu64 "       - %-18s %" PRIu64
			" records before are not here any more\n",
			us / 1000000, us % 1000000, "window begins", totals->records);
}

int listing_write(struct reader *reader, const struct listing_options *options, FILE *out)
{
	struct listing listing = {.options = options, .reader = reader, .out = out};
	int r = merge_init(&listing.merge, reader);

	modulemap_init(&listing.modules, reader);
	if (r == 0)
		r = stacks_init(&listing.stacks);
	if (r == 0)
		listing.streams =
			calloc(reader->streams_count + 1, sizeof(*listing.streams));
	if (r == 0 && !listing.streams)
		r = -ENOMEM;
	if (r == 0) {
		for (size_t i = 0; i < reader->streams_count; i++)
			listing.streams[i].tid = reader->streams[i].tid;
		r = seed(&listing);
		if (r == 0 && reader->ring)
			put_window(&listing);
		if (r == 0)
			r = write_all(&listing);
		for (size_t i = 0; i < reader->streams_count; i++)
			stack_nodes_done(&listing.streams[i].nodes);
	}
	for (size_t i = 0; i < listing.names_count; i++)
		free(listing.names[i]);
	free(listing.names);
	free(listing.streams);
	stacks_done(&listing.stacks);
	modulemap_done(&listing.modules);
	merge_done(&listing.merge);
	return r;
}
