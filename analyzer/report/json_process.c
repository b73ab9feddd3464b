/* SPDX-License-Identifier: MIT */
#include "json_process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "family.h"
#include "json_fragmentation.h"
#include "json_leaks.h"
#include "printable.h"
#include "profile.h"
#include "report.h"

#define INT(value) ((json_int_t)(value))

json_t *json_text(const char *text)
{
	char *valid = printable_utf8_new(text);
	json_t *string = valid ? json_string(valid) : NULL;

	free(valid);
	return string;
}

/* part / whole, or null where it means nothing. */
static json_t *quotient(double part, double whole)
{
	return whole > 0 ? json_real(part / whole) : json_null();
}

static json_t *texts(char **items)
{
	json_t *array = json_array();

	for (; array && items && *items; items++) {
		if (json_array_append_new(array, json_text(*items)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static const char *mode_name(uint32_t mode)
{
	return mode == MFT_MODE_RING	  ? "ring"
	       : mode == MFT_MODE_SAMPLED ? "sampled"
					  : "full";
}

static const char *stop_name(uint32_t reason)
{
	static const char *const names[] = {
		[MFT_STOP_NONE] = "none",	    [MFT_STOP_SPACE] = "space",
		[MFT_STOP_FILE_GONE] = "file_gone", [MFT_STOP_MAP] = "map",
		[MFT_STOP_LIMIT] = "limit",	    [MFT_STOP_FILTER] = "filter",
	};

	return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "unknown";
}

static json_t *damage(const struct profile *p)
{
	if (!p->damage)
		return json_null();
	return json_pack("{s:I,s:o}", "offset", INT(p->damage_offset), "why",
			 json_text(p->damage));
}

/* Of what time the events are there one by one; null: of all. */
static json_t *window(const struct profile *p)
{
	const struct profile_window *w = &p->window;

	if (w->folded_events == 0)
		return json_null();
	return json_pack("{s:I,s:I,s:I}", "start_ns", INT(w->start_ns), "events_before",
			 INT(w->folded_events), "snapshots_before",
			 INT(w->folded_snapshots));
}

static json_t *recording(const struct profile *p)
{
	bool truncated = p->damage || p->header.stop_reason != MFT_STOP_NONE;

	return json_pack(
		"{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:{s:I,s:I,s:I},"
		"s:I,s:I,s:I,s:I,s:s,s:o,s:o,s:I,s:I,s:I}",
		"mode", mode_name(p->header.mode), "events", INT(p->events), "allocations",
		INT(p->allocations), "frees", INT(p->frees), "reallocs", INT(p->reallocs),
		"failed", INT(p->failed), "threads", INT(p->threads), "file_bytes",
		INT(p->file_bytes), "lost_events", INT(p->lost_events), "truncated",
		truncated, "unwind", "complete", INT(p->stacks_complete), "truncated",
		INT(p->stacks_truncated), "fallback", INT(p->stacks_fallback),
		"unmatched_frees", INT(p->unmatched_frees), "double_allocations",
		INT(p->double_allocations), "stacks_checked", INT(p->stack_checks),
		"stack_differences", INT(p->stack_differences), "stop_reason",
		stop_name(p->header.stop_reason), "damage", damage(p), "window", window(p),
		"unsealed_bytes", INT(p->unsealed_bytes), "skipped_bytes",
		INT(p->skipped_bytes), "paused_events", INT(p->header.paused_events));
}

static json_t *totals(const struct profile *p)
{
	double allocations = (double)p->allocations;

	return json_pack("{s:I,s:I,s:I,s:o,s:o}", "allocated_bytes",
			 INT(p->allocated_bytes), "freed_bytes", INT(p->freed_bytes),
			 "temporary_allocations", INT(p->temporary_allocations),
			 "mean_size_bytes",
			 quotient((double)p->allocated_bytes, allocations), "success_rate",
			 quotient(allocations, allocations + (double)p->failed));
}

static json_t *mappings(const struct profile_mappings *m)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "mmap_calls", INT(m->mmap_calls),
			 "munmap_calls", INT(m->munmap_calls), "mremap_calls",
			 INT(m->mremap_calls), "brk_calls", INT(m->brk_calls),
			 "madvise_calls", INT(m->madvise_calls), "mapped_bytes",
			 INT(m->mapped_bytes), "unmapped_bytes", INT(m->unmapped_bytes));
}

static json_t *hex(const uint8_t *bytes, size_t count)
{
	char text[2 * 64 + 1] = "";
	size_t i;

	for (i = 0; i < count && i < 64; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return json_string(text);
}

static json_t *modules(const struct profile *p)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; array && i < p->modules_count; i++) {
		const struct profile_module *m = &p->modules[i];
		json_t *module =
			json_pack("{s:o,s:o,s:I,s:I,s:I}", "path", json_text(m->path),
				  "build_id", hex(m->build_id, m->build_id_bytes), "bias",
				  INT(m->bias), "start", INT(m->start), "end", INT(m->end));

		if (json_array_append_new(array, module) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *header(const struct mft_header *h)
{
	char recorder[sizeof(h->recorder) + 1];

	snprintf(recorder, sizeof(recorder), "%.*s", (int)sizeof(h->recorder), h->recorder);
	return json_pack("{s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:I}", "version_major",
			 INT(h->version_major), "version_minor", INT(h->version_minor),
			 "recorder", json_text(recorder), "chunk_bytes",
			 INT(h->chunk_bytes), "chunks", INT(h->chunks), "page_bytes",
			 INT(h->page_bytes), "elf_machine", INT(h->elf_machine), "boot_id",
			 hex(h->boot_id, 16), "dump_id", hex(h->dump_id, 16), "parent_id",
			 hex(h->parent_id, 16), "flags", INT(h->flags));
}

static json_t *exit_status(const struct family_member *member)
{
	const struct mft_header *h = &member->profile->header;

	if (member->fate != FATE_EXITED || !(h->flags & MFT_FLAG_EXIT_STATUS_KNOWN))
		return json_null();
	return json_integer(h->exit_status & 0xff); /* as wait(2) shows it */
}

json_t *json_process(const struct report *report, size_t index, bool details)
{
	const struct family_member *member = &report->family->members[index];
	const struct profile *p = member->profile;
	json_t *object;
	int failed = 0;

	object = json_pack(
		"{s:i,s:i,s:o,s:o,s:s,s:o,s:I,s:I,s:o,s:o,s:{s:I,s:I,s:I},"
		"s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
		"pid", p->header.pid, "ppid", p->header.ppid, "exe", json_text(p->exe),
		"argv", texts(p->argv), "exit", fate_name(member->fate), "exit_status",
		exit_status(member), "start_unix_ns", INT(p->header.start_unix_ns),
		"duration_ns", INT(p->duration_ns), "recording", recording(p), "totals",
		totals(p), "peak", "bytes", INT(p->peak_bytes), "blocks",
		INT(p->peak_blocks), "time_ns", INT(p->peak_time_ns), "at_exit",
		json_pack("{s:I,s:I,s:I}", "live_bytes", INT(p->live_bytes), "live_blocks",
			  INT(p->live_blocks), "live_usable_bytes",
			  INT(p->live_usable_bytes)),
		"leaks", json_leaks(report, index), "fragmentation",
		json_fragmentation(report, index), "snapshots", json_snapshots(p), "dump",
		json_text(p->dump_path), "allocator", json_text(p->allocator), "notices",
		texts(p->notices), "mappings", mappings(&p->mappings));
	if (!object)
		return NULL;
	failed |= json_object_set_new(object, "modules", modules(p));
	if (details)
		failed |= json_object_set_new(object, "header", header(&p->header));
	if (failed) {
		json_decref(object);
		return NULL;
	}
	return object;
}
