/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "family.h"
#include "figure.h"
#include "pathname.h"
#include "profile.h"
#include "report.h"
#include "symbols.h"
#include "terminal.h"
#include "text_leaks.h"
#include "text_process.h"
#include "text_sites.h"

/* A way longer than this loses its middle. */
#define WAY_BLOCKS 8u
#define WAY_OUTER_BLOCKS 3u

struct why {
	const struct terminal *terminal;
	const struct report *report;
	size_t member;
	const struct profile *profile;
	/* By block: the last one of its way; PROFILE_NO_BLOCK: not known. */
	uint32_t *top;
};

/* Blocks that are asked for and are held at the same place in the end. */
struct held {
	uint32_t block; /* one of them */
	uint64_t blocks, bytes;
	uint64_t pointer; /* the place; 0: nothing holds them */
	uint8_t kind;
};

/* ---- Ways --------------------------------------------------------------------------- */

/* Each way is walked once: what is found out is noted for all blocks on it. */
static uint32_t top_of(struct why *why, uint32_t block)
{
	const struct profile_block *blocks = why->profile->leaks.blocks;
	uint32_t end = block, next;

	while (blocks[end].holder != PROFILE_NO_BLOCK && why->top[end] == PROFILE_NO_BLOCK)
		end = blocks[end].holder;
	if (why->top[end] != PROFILE_NO_BLOCK)
		end = why->top[end];
	for (; block != end && why->top[block] == PROFILE_NO_BLOCK; block = next) {
		next = blocks[block].holder;
		why->top[block] = end;
	}
	return end;
}

static const struct profile_root *find_root(const struct profile_leaks *leaks,
					    uint64_t address)
{
	for (size_t i = 0; i < leaks->roots_count; i++)
		if (address >= leaks->roots[i].start && address < leaks->roots[i].end)
			return &leaks->roots[i];
	return NULL;
}

static int print_variable(const struct why *why, const struct profile_root *root,
			  uint64_t address)
{
	const struct profile_module *from = &why->profile->modules[root->module];
	FILE *out = why->terminal->out;
	struct symbol_module *module;
	const char *file, *name = NULL;
	uint64_t offset = 0;
	int error = symbols_module(why->report->symbols, from->path, from->build_id,
				   from->build_id_bytes, &module);

	if (!error)
		error = symbols_object_at(why->report->symbols, module,
					  address - from->bias, &name, &offset);
	file = symbols_string(why->report->symbols, pathname_base(from->path));
	if (error || !file)
		return -ENOMEM;
	if (name && offset)
		fprintf(out, "variable %s+%" PRIu64 "  [%s]", name, offset, file);
	else if (name)
		fprintf(out, "variable %s  [%s]", name, file);
	else
		fprintf(out, "data of %s+0x%" PRIx64, file, address - from->bias);
	return 0;
}

/* Where outside of the heap a pointer lies. */
static int print_root(const struct why *why, uint64_t address)
{
	const struct profile_root *root = find_root(&why->profile->leaks, address);
	FILE *out = why->terminal->out;
	int error = 0;

	fprintf(out, "      %s", terminal_style(why->terminal, TERMINAL_STRONG));
	if (!root) {
		fprintf(out, "memory at 0x%" PRIx64, address);
	} else if (root->kind == MFT_ROOT_MODULE && root->module != PROFILE_NO_MODULE) {
		error = print_variable(why, root, address);
	} else if (root->kind == MFT_ROOT_STACK) {
		fprintf(out, "stack of thread %u, %" PRIu64 " bytes above its pointer",
			(unsigned)root->tid, address - root->start);
	} else if (root->kind == MFT_ROOT_REGISTERS) {
		fprintf(out, "a register of thread %u", (unsigned)root->tid);
	} else if (root->kind == MFT_ROOT_TLS) {
		fprintf(out, "thread-local storage of thread %u, at +%" PRIu64,
			(unsigned)root->tid, address - root->start);
	} else {
		fprintf(out, "mapping at 0x%" PRIx64 "+%" PRIu64, root->start,
			address - root->start);
	}
	fprintf(out, "%s\n", terminal_style(why->terminal, TERMINAL_PLAIN));
	return error;
}

static int node_of(const struct why *why, uint32_t block, uint32_t *ret_node)
{
	const struct profile *profile = why->profile;
	uint32_t site = profile->leaks.blocks[block].site, node;
	int error = calltree_node(why->report->views[why->member],
				  profile->sites[site].frame, &node);

	if (!error)
		*ret_node = calltree_trimmed(why->report->tree, node);
	return error;
}

static int print_holder(const struct why *why, uint32_t block, uint32_t held)
{
	const struct profile_block *blocks = why->profile->leaks.blocks;
	char *place;
	uint32_t node;
	int error = node_of(why, block, &node);

	if (error)
		return error;
	place = text_place_new(why->report->tree, node, why->terminal->width - 6);
	if (!place)
		return -ENOMEM;
	fprintf(why->terminal->out,
		"      %s\n        %sblock of %s at 0x%" PRIx64 ", in it at +%" PRIu64
		"%s%s\n",
		place, terminal_style(why->terminal, TERMINAL_FAINT),
		figure_bytes((double)blocks[block].size).text, blocks[block].address,
		blocks[held].pointer - blocks[block].address,
		blocks[held].interior ? ", into the middle of the former" : "",
		terminal_style(why->terminal, TERMINAL_PLAIN));
	free(place);
	return 0;
}

/* From a block outwards, each holder, to the root. */
static int print_way(const struct why *why, uint32_t block)
{
	const struct profile_block *blocks = why->profile->leaks.blocks;
	FILE *out = why->terminal->out;
	uint64_t length = 0, place = 0;
	int error = 0;

	if (blocks[block].pointer == 0) {
		fprintf(out, "      nothing in use points to it\n");
		return 0;
	}
	for (uint32_t b = block; blocks[b].holder != PROFILE_NO_BLOCK; b = blocks[b].holder)
		length++;
	fprintf(out, "     is held by\n");
	for (; !error && blocks[block].holder != PROFILE_NO_BLOCK;
	     block = blocks[block].holder, place++) {
		uint64_t left = length - place;

		if (length > WAY_BLOCKS && left > WAY_OUTER_BLOCKS &&
		    place >= WAY_BLOCKS - WAY_OUTER_BLOCKS - 1) {
			if (left == WAY_OUTER_BLOCKS + 1)
				fprintf(out, "      … %s more\n",
					figure_counted(length - WAY_BLOCKS + 1, "block")
						.text);
			continue;
		}
		error = print_holder(why, blocks[block].holder, block);
	}
	if (error)
		return error;
	if (blocks[block].pointer)
		return print_root(why, blocks[block].pointer);
	fprintf(out, "      which is lost itself: nothing in use points to it\n");
	return 0;
}

/* ---- Which blocks ------------------------------------------------------------------- */

static int print_held(const struct why *why, const struct held *held)
{
	const struct profile_block *block = &why->profile->leaks.blocks[held->block];
	uint32_t node;
	int error = node_of(why, held->block, &node);

	if (error)
		return error;
	if (held->blocks == 1)
		text_heading(why->terminal, "Block at 0x%" PRIx64 ": %s, %s",
			     block->address, figure_bytes((double)block->size).text,
			     profile_leak_name((enum profile_leak_kind)held->kind));
	else
		text_heading(why->terminal, "%s, %s, %s; for instance that at 0x%" PRIx64,
			     figure_counted(held->blocks, "block").text,
			     figure_bytes((double)held->bytes).text,
			     profile_leak_name((enum profile_leak_kind)held->kind),
			     block->address);
	fprintf(why->terminal->out, "     allocated %s after the start by thread %u\n",
		figure_duration(block->birth_ns).text, (unsigned)block->thread);
	error = text_chain(why->terminal, why->report->tree, node);
	return error ? error : print_way(why, held->block);
}

static int by_place(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind > y->kind ? -1 : 1;
	if (x->pointer != y->pointer)
		return x->pointer < y->pointer ? -1 : 1;
	return (x->block > y->block) - (x->block < y->block);
}

static int by_bytes(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return by_place(a, b);
}

/* Joins what is held at the same place. Returns how many are left. */
static size_t join(struct held *held, size_t count)
{
	size_t kept = 0;

	qsort(held, count, sizeof(*held), by_place);
	for (size_t i = 0; i < count; i++) {
		struct held *last = kept ? &held[kept - 1] : NULL;

		if (last && last->kind == held[i].kind &&
		    last->pointer == held[i].pointer) {
			last->blocks++;
			last->bytes += held[i].bytes;
		} else {
			held[kept++] = held[i];
		}
	}
	qsort(held, kept, sizeof(*held), by_bytes);
	return kept;
}

/* Whether a site is meant: by its id, or a function of its shown stack. */
static int is_meant(const struct why *why, size_t site, const char *what, bool *ret_meant)
{
	const struct calltree *tree = why->report->tree;
	const struct profile_site *from = &why->profile->sites[site];
	uint64_t fingerprint;
	char id[17];
	uint32_t node;
	int error = sites_fingerprint(tree, why->report->views[why->member], from,
				      &fingerprint);

	if (!error)
		error = calltree_node(why->report->views[why->member], from->frame, &node);
	if (error)
		return error;
	snprintf(id, sizeof(id), "%016" PRIx64, fingerprint);
	*ret_meant = strcmp(id, what) == 0;
	for (node = calltree_trimmed(tree, node); !*ret_meant && node >= CALLTREE_FIRST;
	     node = calltree_caller(tree, node, false)) {
		const char *function = calltree_at(tree, node)->function;

		*ret_meant = function && fnmatch(what, function, 0) == 0;
	}
	return 0;
}

static int find_sites(const struct why *why, const char *what, bool *meant)
{
	int error = 0;

	for (size_t i = 0; !error && i < why->profile->sites_count; i++)
		if (why->profile->sites[i].live_blocks > 0)
			error = is_meant(why, i, what, &meant[i]);
	return error;
}

static bool parse_address(const char *what, uint64_t *ret_address)
{
	char *end;

	if (strncmp(what, "0x", 2) != 0)
		return false;
	errno = 0;
	*ret_address = strtoull(what, &end, 16);
	return !errno && !*end && end > what + 2;
}

/* Gathers the blocks that are asked for. Returns 0 or -ENOMEM. */
static int gather(struct why *why, const char *what, struct held *held, size_t *ret_count)
{
	const struct profile_leaks *leaks = &why->profile->leaks;
	bool *meant = calloc(why->profile->sites_count + 1, sizeof(*meant));
	uint64_t address = 0;
	bool is_address = parse_address(what, &address);
	size_t count = 0;
	int error = meant ? 0 : -ENOMEM;

	if (!error && !is_address)
		error = find_sites(why, what, meant);
	for (uint32_t i = 0; !error && i < leaks->blocks_count; i++) {
		const struct profile_block *block = &leaks->blocks[i];
		uint64_t size = block->size ? block->size : 1;

		if (is_address ? address - block->address >= size : !meant[block->site])
			continue;
		held[count++] = (struct held){
			.block = i,
			.blocks = 1,
			.bytes = block->size,
			.pointer = leaks->blocks[top_of(why, i)].pointer,
			.kind = block->kind,
		};
	}
	free(meant);
	*ret_count = count;
	return error;
}

int text_why(const struct terminal *terminal, const struct report *report, size_t member,
	     const char *what, bool *ret_found)
{
	struct why why = {
		.terminal = terminal,
		.report = report,
		.member = member,
		.profile = report->family->members[member].profile,
	};
	size_t blocks = why.profile->leaks.blocks_count, count = 0, i;
	struct held *held = malloc((blocks + 1) * sizeof(*held));
	int error = -ENOMEM;

	*ret_found = false;
	why.top = malloc((blocks + 1) * sizeof(*why.top));
	if (!held || !why.top)
		goto out;
	memset(why.top, 0xff, (blocks + 1) * sizeof(*why.top));
	error = gather(&why, what, held, &count);
	if (error || count == 0)
		goto out;
	*ret_found = true;
	count = join(held, count);
	for (i = 0; !error && i < count && i < report->top; i++)
		error = print_held(&why, &held[i]);
	if (!error && i < count)
		fprintf(terminal->out, "\n     … and %s more that are held elsewhere\n",
			figure_counted(count - i, "group").text);
out:
	free(held);
	free(why.top);
	return error;
}
