/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "listing_scan.h"
#include "merge.h"
#include "modulemap.h"
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

static const char *op_label(uint8_t op)
{
	switch (op) {
	case MFT_OP_REALLOC_RELEASE:
		return "realloc from";
	case MFT_OP_REALLOCARRAY_RELEASE:
		return "reallocarray from";
	case MFT_OP_REACQUIRE:
		return "realloc failed";
	case MFT_OP_PROCESS:
		return "process";
	case MFT_OP_THREAD:
		return "thread";
	case MFT_OP_MODULE:
		return "module";
	case MFT_OP_MODULE_GONE:
		return "module gone";
	case MFT_OP_SNAPSHOT:
		return "snapshot";
	case MFT_OP_SNAPSHOT_MAP:
		return "snapshot mapping";
	case MFT_OP_SNAPSHOT_END:
		return "snapshot end";
	case MFT_OP_SNAPSHOT_THREADS:
		return "snapshot threads";
	case MFT_OP_ALLOCATOR:
		return "allocator";
	case MFT_OP_NOTICE:
		return "notice";
	default:
		return mft_op_name(op);
	}
}

/* ---- Pieces of a line ------------------------------------------------------------- */

static void put_text(struct listing *listing, struct mft_bytes bytes)
{
	char *raw = strndup((const char *)bytes.data, bytes.length), *safe = NULL;

	if (raw)
		safe = printable_new(raw);
	fputs(safe ? safe : "?", listing->out);
	free(raw);
	free(safe);
}

static const char *module_name(struct listing *listing, uint32_t index)
{
	const char *path = listing->modules.modules[index].path, *slash;
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
	if (!listing->names[index]) {
		slash = strrchr(path, '/');
		listing->names[index] = printable_new(slash ? slash + 1 : path);
	}
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

/* ---- Long records ----------------------------------------------------------------- */

static int put_failed(struct listing *listing, const struct listing_stream *stream,
		      struct mft_bytes payload)
{
	struct mft_failed failed;
	int r = mft_decode_failed(payload, &failed);

	if (r < 0)
		return r;
	fprintf(listing->out, "%-18s %18s %12" PRIu64, op_label(failed.op), "failed",
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
	fprintf(listing->out, "%-18s 0x%016" PRIx64 " %12" PRIu64, op_label(record->op),
		mapping.address, mapping.length);
	put_stack(listing, stream, mapping.stack);
	return 0;
}

static int put_module(struct listing *listing, struct mft_bytes payload)
{
	struct mft_module module;
	int r = mft_decode_module(payload, &module);

	if (r < 0)
		return r;
	fprintf(listing->out, "%-18s 0x%016" PRIx64 " %12" PRIu64 "  ",
		op_label(MFT_OP_MODULE), module.start, module.end - module.start);
	put_text(listing, module.path);
	fprintf(listing->out, " %u\n", module.id);
	return 0;
}

static int put_snapshot(struct listing *listing, const struct mft_record *record)
{
	static const char *const reasons[] = {"exit", "peak_live", "peak_resident",
					      "interval", "request"};
	struct mft_snapshot snapshot;
	struct mft_snapshot_map map;
	int r;

	if (record->op == MFT_OP_SNAPSHOT) {
		r = mft_decode_snapshot(record->payload, &snapshot);
		if (r < 0)
			return r;
		fprintf(listing->out, "%-18s %18s %12" PRIu64 "  %s\n",
			op_label(record->op), "rss", snapshot.rss_bytes,
			snapshot.reason <= MFT_SNAPSHOT_REQUEST ? reasons[snapshot.reason]
								: "?");
		return 0;
	}
	r = mft_decode_snapshot_map(record->payload, &map);
	if (r < 0)
		return r;
	fprintf(listing->out,
		"%-18s 0x%016" PRIx64 " %12" PRIu64 "  %" PRIu64 " resident, kind %u\n",
		op_label(record->op), map.start, map.length, map.resident_bytes, map.kind);
	return 0;
}

/* How many there were: their ids would be a line without end. */
static int put_snapshot_threads(struct listing *listing, struct mft_bytes payload)
{
	uint64_t threads = 0;
	int32_t tid;
	int r;

	while ((r = mft_next_thread(&payload, &tid)) > 0)
		threads++;
	if (r < 0)
		return r;
	fprintf(listing->out, "%-18s %18s %12" PRIu64 "\n",
		op_label(MFT_OP_SNAPSHOT_THREADS), "live", threads);
	return 0;
}

static int put_words(struct listing *listing, const struct mft_record *record)
{
	struct mft_process process;
	struct mft_thread thread;
	struct mft_notice notice;
	struct mft_bytes text;
	int r = 0;

	switch (record->op) {
	case MFT_OP_PROCESS:
		r = mft_decode_process(record->payload, &process);
		text = process.exe;
		break;
	case MFT_OP_THREAD:
		r = mft_decode_thread(record->payload, &thread);
		text = thread.name;
		break;
	case MFT_OP_NOTICE:
		r = mft_decode_notice(record->payload, &notice);
		text = notice.text;
		break;
	default:
		r = mft_decode_string(record->payload, &text);
		break;
	}
	if (r < 0)
		return r;
	fprintf(listing->out, "%-18s %31s  ", op_label(record->op), "");
	put_text(listing, text);
	fputc('\n', listing->out);
	return 0;
}

static int put_long(struct listing *listing, const struct listing_stream *stream,
		    const struct mft_record *record)
{
	uint32_t id;
	int r = 0;

	switch (record->op) {
	case MFT_OP_FAILED:
		return put_failed(listing, stream, record->payload);
	case MFT_OP_MMAP:
	case MFT_OP_MUNMAP:
	case MFT_OP_MREMAP:
	case MFT_OP_BRK:
	case MFT_OP_MADVISE:
		return put_mapping(listing, stream, record);
	case MFT_OP_MODULE:
		return put_module(listing, record->payload);
	case MFT_OP_SNAPSHOT:
	case MFT_OP_SNAPSHOT_MAP:
		return put_snapshot(listing, record);
	case MFT_OP_SNAPSHOT_THREADS:
		return put_snapshot_threads(listing, record->payload);
	case MFT_OP_PROCESS:
	case MFT_OP_THREAD:
	case MFT_OP_ALLOCATOR:
	case MFT_OP_NOTICE:
		return put_words(listing, record);
	case MFT_OP_MODULE_GONE:
		r = mft_decode_module_gone(record->payload, &id);
		if (r == 0)
			fprintf(listing->out, "%-18s %31s  %u\n", op_label(record->op), "",
				id);
		return r;
	case MFT_OP_SNAPSHOT_END:
		fprintf(listing->out, "%s\n", op_label(record->op));
		return 0;
	case MFT_OP_SCAN:
	case MFT_OP_SCAN_ROOT:
	case MFT_OP_SCAN_WORDS:
	case MFT_OP_SCAN_CONTENTS:
	case MFT_OP_SCAN_END:
		return listing_scan(listing->out, record);
	default:
		fprintf(listing->out, "record 0x%02x: %zu bytes\n", record->op,
			record->payload.length);
		return 0;
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
		fprintf(listing->out, "%-18s 0x%016" PRIx64 "\n", op_label(record->op),
			record->address);
	} else if (mft_op_is_alloc(record->op)) {
		fprintf(listing->out, "%-18s 0x%016" PRIx64 " %12" PRIu64,
			op_label(record->op), record->address, record->size);
		put_stack(listing, stream, record->stack);
	} else {
		fprintf(listing->out, "%s\n", op_label(record->op));
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
