/* SPDX-License-Identifier: MIT */
#include "listing_fact.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mft_codec.h"
#include "printable.h"
#include "profile.h"

const char *listing_label(uint8_t op)
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

static void put_text(FILE *out, struct mft_bytes bytes)
{
	char *raw = strndup((const char *)bytes.data, bytes.length), *safe = NULL;

	if (raw)
		safe = printable_new(raw);
	fputs(safe ? safe : "?", out);
	free(raw);
	free(safe);
}

static int put_module(FILE *out, struct mft_bytes payload)
{
	struct mft_module module;
	int r = mft_decode_module(payload, &module);

	if (r < 0)
		return r;
	fprintf(out, "%-18s 0x%016" PRIx64 " %12" PRIu64 "  ", listing_label(MFT_OP_MODULE),
		module.start, module.end - module.start);
	put_text(out, module.path);
	fprintf(out, " %u\n", module.id);
	return 0;
}

static int put_snapshot(FILE *out, const struct mft_record *record)
{
	struct mft_snapshot snapshot;
	struct mft_snapshot_map map;
	int r;

	if (record->op == MFT_OP_SNAPSHOT) {
		r = mft_decode_snapshot(record->payload, &snapshot);
		if (r < 0)
			return r;
		fprintf(out, "%-18s %18s %12" PRIu64 "  %s\n", listing_label(record->op),
			"rss", snapshot.rss_bytes, profile_reason_name(snapshot.reason));
		return 0;
	}
	r = mft_decode_snapshot_map(record->payload, &map);
	if (r < 0)
		return r;
	fprintf(out,
		"%-18s 0x%016" PRIx64 " %12" PRIu64 "  %" PRIu64 " resident, kind %u\n",
		listing_label(record->op), map.start, map.length, map.resident_bytes,
		map.kind);
	return 0;
}

/* How many there were: their ids would be a line without end. */
static int put_snapshot_threads(FILE *out, struct mft_bytes payload)
{
	uint64_t threads = 0;
	int32_t tid;
	int r;

	while ((r = mft_next_thread(&payload, &tid)) > 0)
		threads++;
	if (r < 0)
		return r;
	fprintf(out, "%-18s %18s %12" PRIu64 "\n", listing_label(MFT_OP_SNAPSHOT_THREADS),
		"live", threads);
	return 0;
}

static int put_words(FILE *out, const struct mft_record *record)
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
	fprintf(out, "%-18s %31s  ", listing_label(record->op), "");
	put_text(out, text);
	fputc('\n', out);
	return 0;
}

static int put_module_gone(FILE *out, struct mft_bytes payload)
{
	uint32_t id;
	int r = mft_decode_module_gone(payload, &id);

	if (r == 0)
		fprintf(out, "%-18s %31s  %u\n", listing_label(MFT_OP_MODULE_GONE), "", id);
	return r;
}

int listing_fact(FILE *out, const struct mft_record *record)
{
	switch (record->op) {
	case MFT_OP_MODULE:
		return put_module(out, record->payload);
	case MFT_OP_MODULE_GONE:
		return put_module_gone(out, record->payload);
	case MFT_OP_SNAPSHOT:
	case MFT_OP_SNAPSHOT_MAP:
		return put_snapshot(out, record);
	case MFT_OP_SNAPSHOT_THREADS:
		return put_snapshot_threads(out, record->payload);
	case MFT_OP_SNAPSHOT_END:
		fprintf(out, "%s\n", listing_label(record->op));
		return 0;
	case MFT_OP_PROCESS:
	case MFT_OP_THREAD:
	case MFT_OP_ALLOCATOR:
	case MFT_OP_NOTICE:
		return put_words(out, record);
	default:
		fprintf(out, "record 0x%02x: %zu bytes\n", record->op,
			record->payload.length);
		return 0;
	}
}
