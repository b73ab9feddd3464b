/* SPDX-License-Identifier: MIT */
/*
 * csv.c - a line a call site, with a header line, as RFC 4180 has it: commas, quotes
 * doubled within quotes, lines that end in CR LF.
 *
 * A spreadsheet takes a field that begins with =, +, -, @, a tab or CR for a formula, and
 * names come from the traced program: such texts get an apostrophe in front (OWASP, "CSV
 * Injection"). Numbers are never negative.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "family.h"
#include "formats.h"
#include "framename.h"
#include "mft_codec.h"
#include "profile.h"
#include "report.h"
#include "stackpath.h"
#include "weights.h"

static const char header[] =
	"process,pid,site,function,file,line,module,called,allocations,allocated_bytes,"
	"freed,failed,temporary,mean_lifetime_ns,peak_bytes,peak_blocks,live_bytes,"
	"live_blocks,leaked_bytes,leaked_blocks,leak_kind,pinned_exclusive_bytes,"
	"pinned_shared_bytes,pinned_pages,stack\r\n";

/* NULL is an empty field. */
static void put_text(const char *text, FILE *out)
{
	if (!text)
		return;
	fputc('"', out);
	if (*text && strchr("=+-@\t\r", *text))
		fputc('\'', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

/* The stack as one text, from the innermost frame on. Returns NULL where memory is short.
 */
static char *stack_new(const struct calltree *tree, const struct stackpath *path)
{
	char *text = NULL;
	size_t bytes, i;
	bool whole = true;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	for (i = 0; whole && i < path->count; i++) {
		char *name = framename_new(calltree_at(tree, path->nodes[i]));

		whole = name != NULL;
		fprintf(out, "%s%s", i ? " < " : "", name ? name : "");
		free(name);
	}
	if (path->truncated || path->count == 0)
		fprintf(out, "%s" FRAMENAME_TRUNCATED, path->count ? " < " : "");
	if (fclose(out) == EOF || !whole) {
		free(text);
		return NULL;
	}
	return text;
}

static int put_place(const struct calltree *tree, const struct stackpath *path, FILE *out)
{
	const struct callnode *node;
	char *name;

	if (path->count == 0) {
		fputs("\"" FRAMENAME_TRUNCATED "\",,,,", out);
		return 0;
	}
	node = calltree_at(tree, path->nodes[0]);
	name = framename_new(node);
	if (!name)
		return -ENOMEM;
	put_text(name, out);
	free(name);
	fputc(',', out);
	put_text(node->file, out);
	if (node->line)
		fprintf(out, ",%u,", node->line);
	else
		fputs(",,", out);
	put_text(node->module, out);
	fputc(',', out);
	return 0;
}

static void put_figures(const struct site *site, FILE *out)
{
	const char *kind = sites_gravest_leak(site);

	fprintf(out, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",",
		site->allocations, site->allocated_bytes, site->freed, site->failed,
		site->temporary);
	if (site->freed)
		fprintf(out, "%.0f", (double)site->lifetime_ns_sum / (double)site->freed);
	fprintf(out,
		",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64,
		site->peak_bytes, site->peak_blocks, site->live_bytes, site->live_blocks,
		site->leaked.bytes, site->leaked.blocks);
	fprintf(out, ",%s,%" PRIu64 ",%.3f,%" PRIu64 ",", kind ? kind : "",
		site->pinned_exclusive_bytes, site->pinned_shared_bytes,
		site->pinned_pages);
}

static int put_site(const struct calltree *tree, const struct site *site,
		    struct stackpath *path, FILE *out)
{
	char *stack;
	int error = stackpath_set(path, tree, site);

	fprintf(out, ",\"%016" PRIx64 "\",", site->fingerprint);
	if (!error)
		error = put_place(tree, path, out);
	if (error)
		return error;
	put_text(mft_op_name(site->op), out);
	fputc(',', out);
	put_figures(site, out);
	stack = stack_new(tree, path);
	if (!stack)
		return -ENOMEM;
	put_text(stack, out);
	free(stack);
	fputs("\r\n", out);
	return 0;
}

static int write_process(const struct report *report, size_t member,
			 enum export_metric metric, FILE *out)
{
	const struct profile *profile = report->family->members[member].profile;
	struct stackpath path = {.count = 0};
	struct weights weights;
	char *command = framename_command_new(profile);
	int error = weights_init(&weights, report, member, metric);

	if (!command && !error)
		error = -ENOMEM;
	for (size_t i = 0; !error && i < weights.sites.count; i++) {
		put_text(command, out);
		fprintf(out, ",%d", (int)profile->header.pid);
		error = put_site(report->tree, &weights.sites.items[i], &path, out);
	}
	stackpath_done(&path);
	weights_done(&weights);
	free(command);
	return error;
}

static int write_csv(const struct report *report, enum export_metric metric, FILE *out)
{
	int error = 0;

	fputs(header, out);
	for (size_t i = 0; !error && i < report->family->count; i++)
		error = write_process(report, i, metric, out);
	return error;
}

const struct export_format format_csv = {
	.name = "csv",
	.summary = "a line a call site: spreadsheets, pandas, R",
	.metrics = EXPORT_ALL_METRICS,
	.metric = EXPORT_PEAK,
	.write = write_csv,
};
