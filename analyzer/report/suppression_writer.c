/* SPDX-License-Identifier: MIT */
#include "suppression_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "calltree.h"
#include "family.h"
#include "figure.h"
#include "report.h"
#include "sites.h"
#include "suppressions.h"

/* Valgrind takes no more frames in a rule (its manual, 2.5). */
#define VALGRIND_FRAMES_MAX 24u

struct writer {
	FILE *out;
	unsigned frames;
	bool gap; /* the last line was "..." */
};

/* Whether the name could be taken for something else, or for a pattern, in a rule. */
static bool is_awkward(const char *name)
{
	return !*name || strpbrk(name, "*?\n\r\\") != NULL;
}

/* Characters that would be wildcards become '?', which fits them too. */
static void put_pattern(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc(*text == '*' || *text == '\n' ? '?' : *text, out);
}

static void put_gap(struct writer *writer)
{
	if (!writer->gap) {
		fputs("   ...\n", writer->out);
		writer->frames++;
	}
	writer->gap = true;
}

/* A C++ function that was inlined has no linker's name of its own that Valgrind would
 * show. */
static void put_frame(struct writer *writer, const struct callnode *frame)
{
	const char *name = frame->linker_name ? frame->linker_name : frame->function;

	if (frame->inlined && (!name || frame->linker_name || strpbrk(name, ":<( "))) {
		put_gap(writer);
		return;
	}
	if (name && !is_awkward(name)) {
		fprintf(writer->out, "   fun:%s\n", name);
	} else if (frame->module) {
		fputs("   obj:", writer->out);
		put_pattern(writer->out, frame->module);
		fputc('\n', writer->out);
	} else {
		put_gap(writer);
		return;
	}
	writer->gap = false;
	writer->frames++;
}

/* The innermost function that is shown; NULL: none is known. (A module would fit
 * everything that passes through it.) */
static const char *lsan_pattern(const struct report *report, const struct site *site)
{
	uint32_t node = site->shown;

	for (; node >= CALLTREE_FIRST; node = calltree_caller(report->tree, node, false)) {
		const char *name = calltree_at(report->tree, node)->function;

		if (name && !strpbrk(name, "\n\r"))
			return name;
	}
	return NULL;
}

static void put_lsan(const struct report *report, const struct site *site,
		     const char *before, FILE *out)
{
	const char *pattern = lsan_pattern(report, site);

	if (pattern)
		fprintf(out, "%sleak:^%s$\n", before, pattern);
	else if (!*before)
		fputs("# no function is known that a rule could name\n", out);
}

static void put_valgrind(const struct report *report, const struct site *site, FILE *out)
{
	struct writer writer = {.out = out};
	struct suppression_seen function;
	uint32_t node = site->node;

	fprintf(out, "{\n   leak-%016llx\n", (unsigned long long)site->fingerprint);
	put_lsan(report, site, "   # ", out);
	fputs("   Memcheck:Leak\n", out);
	suppressions_allocation_function(site->op, &function);
	fprintf(out, "   fun:%s\n",
		function.linker_name ? function.linker_name : function.function);
	writer.frames = 1;
	for (; node >= CALLTREE_FIRST && writer.frames < VALGRIND_FRAMES_MAX;
	     node = calltree_caller(report->tree, node, false))
		put_frame(&writer, calltree_at(report->tree, node));
	fputs("}\n", out);
}

/* What was written: call sites that differ in lines only have the same rule. */
struct written {
	UT_hash_handle hh;
	uint64_t key;
};

/* Notes a key. Returns 1 where it is new, 0, or -ENOMEM. */
static int note(struct written **all, uint64_t key)
{
	struct written *entry = NULL;

	HASH_FIND(hh, *all, &key, sizeof(key), entry);
	if (entry)
		return 0;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->key = key;
	HASH_ADD(hh, *all, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return -ENOMEM;
	}
	return 1;
}

static void forget(struct written *all)
{
	struct written *entry, *next;

	HASH_ITER (hh, all, entry, next) {
		HASH_DEL(all, entry);
		free(entry);
	}
}

int suppression_write(const struct report *report, enum suppression_syntax syntax,
		      FILE *out)
{
	struct written *all = NULL;
	struct sites sites;
	size_t i;
	int error =
		report_sites(report, FAMILY_NONE, SITES_BY_LEAKED, SITES_BY_LEAKED, &sites);

	for (i = 0; !error && i < sites.count && i < report->top; i++) {
		const struct site *site = &sites.items[i];
		uint64_t key = site->fingerprint ^ site->op;
		int fresh;

		/* Pooled: equal names have equal addresses. */
		if (syntax == SUPPRESSION_LSAN)
			key = (uintptr_t)lsan_pattern(report, site);
		fresh = note(&all, key);
		if (fresh <= 0) {
			error = fresh;
			continue;
		}
		fprintf(out, "# %s\n",
			figure_bytes(sites_weight(site, SITES_BY_LEAKED)).text);
		if (syntax == SUPPRESSION_VALGRIND)
			put_valgrind(report, site, out);
		else
			put_lsan(report, site, "", out);
	}
	forget(all);
	sites_done(&sites);
	return error;
}
