/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "family.h"
#include "figure.h"
#include "mft_codec.h"
#include "printable.h"
#include "profile.h"
#include "report.h"
#include "report_text.h"
#include "sandbox.h"
#include "terminal.h"
#include "text_process.h"

static void format_hex(char *text, const uint8_t *bytes, size_t count)
{
	size_t i;

	*text = '\0';
	for (i = 0; i < count; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void print_time(const struct terminal *terminal, uint64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm broken_down;
	char text[64];

	if (!gmtime_r(&seconds, &broken_down) ||
	    !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &broken_down))
		snprintf(text, sizeof(text), "?");
	text_field(terminal, "begun", "%s.%03u UTC", text,
		   (unsigned)(unix_ns / 1000000 % 1000));
}

static void print_header(const struct terminal *terminal, const struct profile *profile)
{
	const struct mft_header *h = &profile->header;
	char recorder[sizeof(h->recorder) + 1];
	char id[33];
	char *safe;

	snprintf(recorder, sizeof(recorder), "%.*s", (int)sizeof(h->recorder), h->recorder);
	safe = printable_new(recorder);
	text_field(terminal, "format", "%u.%u, written by %s", h->version_major,
		   h->version_minor, safe ? safe : "?");
	free(safe);
	format_hex(id, h->dump_id, 16);
	text_field(terminal, "dump id", "%s", id);
	print_time(terminal, h->start_unix_ns);
	text_field(terminal, "parent", "pid %d%s", (int)h->ppid,
		   h->flags & MFT_FLAG_FORKED ? ", forked" : "");
	text_field(terminal, "chunks", "%s of %s, machine %u, pages of %s",
		   figure_count(h->chunks).text, figure_bytes(h->chunk_bytes).text,
		   h->elf_machine, figure_bytes(h->page_bytes).text);
	safe = printable_new(profile->cwd ? profile->cwd : "");
	if (safe && *safe)
		text_field(terminal, "directory", "%s", safe);
	free(safe);
}

/* The halves of a realloc that release the old block are not calls. */
static bool is_call(unsigned op)
{
	return op != MFT_OP_REALLOC_RELEASE && op != MFT_OP_REALLOCARRAY_RELEASE;
}

/* Forms of one function (sized, aligned, nothrow) have one name, and one line. */
static void print_calls(const struct terminal *terminal, const struct profile *profile)
{
	enum {
		OPS = sizeof(profile->op_counts) / sizeof(profile->op_counts[0])
	};
	uint64_t counts[OPS];
	unsigned op, form;

	if (profile->events == 0)
		return;
	text_heading(terminal, "Calls");
	memcpy(counts, profile->op_counts, sizeof(counts));
	for (op = 0; op < OPS; op++) {
		if (counts[op] == 0 || !is_call(op))
			continue;
		for (form = op + 1; form < OPS; form++) {
			if (!is_call(form) || strcmp(mft_op_name(op), mft_op_name(form)))
				continue;
			counts[op] += counts[form];
			counts[form] = 0;
		}
		fprintf(terminal->out, "  %14s  %s\n", figure_count(counts[op]).text,
			mft_op_name(op));
	}
}

static void print_mapping_calls(const struct terminal *terminal,
				const struct profile_mappings *m)
{
	const struct {
		const char *name;
		uint64_t count;
	} calls[] = {
		{"mmap", m->mmap_calls},       {"munmap", m->munmap_calls},
		{"mremap", m->mremap_calls},   {"brk", m->brk_calls},
		{"madvise", m->madvise_calls},
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (calls[i].count)
			fprintf(terminal->out, "  %14s  %s\n",
				figure_count(calls[i].count).text, calls[i].name);
	}
}

static void print_modules(const struct terminal *terminal, const struct profile *profile)
{
	size_t i;

	if (profile->modules_count == 0)
		return;
	text_heading(terminal, "Modules (%zu)", profile->modules_count);
	for (i = 0; i < profile->modules_count; i++) {
		const struct profile_module *module = &profile->modules[i];
		char id[2 * sizeof(module->build_id) + 1];
		char *path = printable_new(*module->path ? module->path : "[vdso]");

		format_hex(id, module->build_id, module->build_id_bytes);
		fprintf(terminal->out, "  0x%012" PRIx64 "  %s\n", module->start,
			path ? path : "?");
		fprintf(terminal->out, "  %s%9s loaded, build-id %s%s\n",
			terminal_style(terminal, TERMINAL_FAINT),
			figure_bytes((double)(module->end - module->start)).text,
			*id ? id : "none", terminal_style(terminal, TERMINAL_PLAIN));
		free(path);
	}
}

static void print_recording(const struct terminal *terminal, const struct profile *profile)
{
	text_heading(terminal, "Recording");
	text_field(terminal, "events", "%s: %s, %s, %s failed",
		   figure_count(profile->events).text,
		   figure_counted(profile->allocations, "allocation").text,
		   figure_counted(profile->frees, "free").text,
		   figure_count(profile->failed).text);
	text_field(terminal, "stacks", "%s complete, %s cut, %s by the fallback unwinder",
		   figure_count(profile->stacks_complete).text,
		   figure_count(profile->stacks_truncated).text,
		   figure_count(profile->stacks_fallback).text);
	text_field(terminal, "checked", "%s, %s",
		   figure_counted(profile->stack_checks, "stack").text,
		   figure_counted(profile->stack_differences, "difference").text);
	text_field(terminal, "lost", "%s",
		   figure_counted(profile->lost_events, "event").text);
	if (profile->header.paused_events)
		text_field(
			terminal, "paused", "%s not recorded",
			figure_counted(profile->header.paused_events, "allocation").text);
	text_field(terminal, "call stacks", "%s that allocated, %s",
		   figure_count(profile->sites_count).text,
		   figure_counted(profile->frames_count > MFT_NODE_FIRST
					  ? profile->frames_count - MFT_NODE_FIRST
					  : 0,
				  "frame")
			   .text);
	text_field(terminal, "snapshots", "%s",
		   figure_count(profile->snapshots_count).text);
	text_field(terminal, "symbols", "files are read by a process of their own, %s",
		   sandbox_can_filter() ? "confined"
					: "without a filter of system calls (no seccomp)");
}

int report_text_info(const struct report *report, const struct terminal *terminal)
{
	const struct family *family = report->family;
	size_t i;

	for (i = 0; i < family->count; i++) {
		const struct profile *profile = family->members[i].profile;

		if (i)
			fputc('\n', terminal->out);
		text_process_head(terminal, &family->members[i]);
		print_header(terminal, profile);
		text_process_emptiness(terminal, profile);
		print_recording(terminal, profile);
		print_calls(terminal, profile);
		print_mapping_calls(terminal, &profile->mappings);
		print_modules(terminal, profile);
	}
	text_health(terminal, report);
	return 0;
}
