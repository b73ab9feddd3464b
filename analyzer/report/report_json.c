/* SPDX-License-Identifier: MIT */
#include "report_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "calltree.h"
#include "family.h"
#include "json_leaks.h"
#include "json_process.h"
#include "json_suppressions.h"
#include "mft_codec.h"
#include "report.h"
#include "symbols.h"

/* In ASCII: a control character beyond it would reach a terminal as it is. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12))

static json_t *string_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *frame_object(const struct callnode *frame)
{
	char address[24];

	snprintf(address, sizeof(address), "0x%" PRIx64, frame->address);
	return json_pack("{s:o,s:o,s:o,s:o,s:s,s:b}", "function",
			 string_or_null(frame->function), "file",
			 string_or_null(frame->file), "line",
			 frame->line ? json_integer(frame->line) : json_null(), "module",
			 string_or_null(frame->module), "address", address, "inlined",
			 frame->inlined);
}

/* The JSON text of each node of the call tree, made once: sites share most frames. */
struct frame_texts {
	char **texts; /* by node */
	size_t count;
};

static const char *frame_text(struct frame_texts *cache, const struct calltree *tree,
			      uint32_t node)
{
	json_t *object;

	if (node >= cache->count) {
		size_t count = node < 512 ? 1024 : 2 * (size_t)node;
		char **moved = realloc(cache->texts, count * sizeof(*moved));

		if (!moved)
			return NULL;
		memset(moved + cache->count, 0, (count - cache->count) * sizeof(*moved));
		cache->texts = moved;
		cache->count = count;
	}
	if (!cache->texts[node]) {
		object = frame_object(calltree_at(tree, node));
		cache->texts[node] = object ? json_dumps(object, DUMP_FLAGS) : NULL;
		json_decref(object);
	}
	return cache->texts[node];
}

static void frame_texts_done(struct frame_texts *cache)
{
	size_t i;

	for (i = 0; i < cache->count; i++)
		free(cache->texts[i]);
	free(cache->texts);
}

/* Which part of the chain text reports show. */
static void shown_range(const struct calltree *tree, const struct site *site,
			json_int_t *ret_begin, json_int_t *ret_end, bool *ret_truncated)
{
	uint32_t node = site->node;
	json_int_t index = 0;

	*ret_begin = 0;
	*ret_end = 0;
	for (; node >= CALLTREE_FIRST; index++) {
		if (node == site->shown)
			*ret_begin = index;
		if (node == site->shown || !calltree_at(tree, node)->startup)
			*ret_end = index + 1;
		node = calltree_caller(tree, node, true);
	}
	*ret_truncated = node == CALLTREE_TRUNCATED;
}

static json_t *pinning_age(const struct site *site)
{
	if (site->pinning_blocks == 0)
		return json_null();
	return json_pack("{s:I,s:f}", "oldest", (json_int_t)site->pinning_oldest_ns, "mean",
			 site->pinning_age_ns_sum / (double)site->pinning_blocks);
}

static json_t *site_object(const struct calltree *tree, const struct site *site)
{
	json_int_t shown_begin, shown_end;
	bool truncated;
	char id[17];
	json_t *lifetime;

	snprintf(id, sizeof(id), "%016" PRIx64, site->fingerprint);
	shown_range(tree, site, &shown_begin, &shown_end, &truncated);
	lifetime = site->freed
			   ? json_real((double)site->lifetime_ns_sum / (double)site->freed)
			   : json_null();
	return json_pack(
		"{s:s,s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:I,s:f,s:I,"
		"s:I,s:f,s:I,s:o,s:o,s:I,s:o,s:o}",
		"id", id, "call", mft_op_name(site->op), "truncated", truncated,
		"shown_begin", shown_begin, "shown_end", shown_end, "allocations",
		(json_int_t)site->allocations, "allocated_bytes",
		(json_int_t)site->allocated_bytes, "live_bytes",
		(json_int_t)site->live_bytes, "live_blocks", (json_int_t)site->live_blocks,
		"peak_bytes", (json_int_t)site->peak_bytes, "peak_blocks",
		(json_int_t)site->peak_blocks, "temporary", (json_int_t)site->temporary,
		"leaked_bytes", (json_int_t)site->leaked.bytes, "leaked_blocks",
		(json_int_t)site->leaked.blocks, "leak_kind", json_leak_kind(site),
		"pinned_exclusive_bytes", (json_int_t)site->pinned_exclusive_bytes,
		"pinned_shared_bytes", site->pinned_shared_bytes, "pinned_pages",
		(json_int_t)site->pinned_pages, "pinning_blocks",
		(json_int_t)site->pinning_blocks, "pinned_byte_seconds",
		site->pinned_byte_seconds, "pinned_huge_exclusive_bytes",
		(json_int_t)site->pinned_huge_exclusive_bytes, "pinning_age_ns",
		pinning_age(site), "mean_lifetime_ns", lifetime, "failed",
		(json_int_t)site->failed, "leaks", json_site_leaks(site), "growth",
		json_growth(site));
}

/* Writes an object with one more member behind the others, which the caller writes: leaves
 * the object open. */
static int write_open(json_t *object, const char *member, FILE *out)
{
	char *text = object ? json_dumps(object, DUMP_FLAGS) : NULL;

	json_decref(object);
	if (!text)
		return -ENOMEM;
	text[strlen(text) - 1] = '\0';
	fprintf(out, "%s,\"%s\":[", text, member);
	free(text);
	return 0;
}

static int write_site(const struct calltree *tree, const struct site *site,
		      struct frame_texts *cache, FILE *out)
{
	uint32_t node = site->node;
	int error = write_open(site_object(tree, site), "frames", out);

	while (!error && node >= CALLTREE_FIRST) {
		const char *text = frame_text(cache, tree, node);

		if (!text)
			return -ENOMEM;
		if (node != site->node)
			fputc(',', out);
		fputs(text, out);
		node = calltree_caller(tree, node, true);
	}
	fputs("]}", out);
	return error;
}

static int write_sites(const struct report *report, size_t member, enum sites_order sort,
		       struct frame_texts *cache, FILE *out)
{
	struct sites sites;
	size_t i;
	int error = report_sites(report, member, SITES_BY_ALLOCATED, sort, &sites);

	for (i = 0; !error && i < sites.count && i < report->top; i++) {
		fputs(i ? ",\n" : "\n", out);
		error = write_site(report->tree, &sites.items[i], cache, out);
	}
	sites_done(&sites);
	return error;
}

static int write_process(const struct report *report, size_t member, enum sites_order sort,
			 bool details, struct frame_texts *cache, FILE *out)
{
	json_t *object = json_process(report, member, details);
	int error = write_open(object, "sites", out);

	if (!error)
		error = write_sites(report, member, sort, cache, out);
	fputs("]}", out);
	return error;
}

struct trouble_writer {
	FILE *out;
	unsigned count;
	bool failed;
};

static void write_trouble(void *context, const char *path, const char *why)
{
	struct trouble_writer *writer = context;
	json_t *object = json_pack("{s:o,s:s}", "module", json_text(path), "why", why);

	if (writer->count++)
		fputs(",", writer->out);
	if (!object || json_dumpf(object, writer->out, DUMP_FLAGS) < 0)
		writer->failed = true;
	json_decref(object);
}

int report_json(const struct report *report, enum sites_order sort, bool details, FILE *out)
{
	struct trouble_writer writer = {.out = out};
	struct frame_texts cache = {.count = 0};
	int error = 0;
	size_t i;

	fputs("{\"schema\":\"mftrace-report/1\",\"processes\":[\n", out);
	for (i = 0; !error && i < report->family->count; i++) {
		if (i)
			fputs(",\n", out);
		error = write_process(report, i, sort, details, &cache, out);
	}
	fputs("],\"unnamed_modules\":[", out);
	symbols_each_trouble(report->symbols, write_trouble, &writer);
	fputs("],\"suppressions\":", out);
	if (!error)
		error = json_suppressions(report->suppressions, out);
	fputs("}\n", out);
	frame_texts_done(&cache);
	if (!error && writer.failed)
		error = -ENOMEM;
	if (!error && (fflush(out) == EOF || ferror(out)))
		error = errno ? -errno : -EIO;
	return error;
}
