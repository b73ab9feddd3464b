/* SPDX-License-Identifier: MIT */
#include "suppressions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calltree.h"
#include "complaint.h"
#include "mft_codec.h"
#include "profile.h"
#include "suppression_defaults.h"
#include "suppression_syntax.h"

struct suppressions *suppressions_new(void)
{
	return calloc(1, sizeof(struct suppressions));
}

void suppressions_free(struct suppressions *set)
{
	if (!set)
		return;
	suppression_list_done(&set->rules);
	free(set->stack);
	free(set);
}

/* ---- Files ------------------------------------------------------------------------ */

/* Reads to the end, of a pipe as well. Returns 0 or a negative errno. */
static int read_whole(int fd, char **ret_text, size_t *ret_bytes)
{
	size_t room = 64 * 1024, bytes = 0;
	char *text = malloc(room);

	while (text) {
		ssize_t got;

		if (bytes == room) {
			char *moved;

			if (bytes > SUPPRESSIONS_BYTES_MAX)
				break;
			room *= 2;
			moved = realloc(text, room);
			if (!moved) {
				free(text);
				return -ENOMEM;
			}
			text = moved;
		}
		got = read(fd, text + bytes, room - bytes);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int error = -errno;

			free(text);
			return error;
		}
		if (got == 0)
			break;
		bytes += (size_t)got;
	}
	if (!text)
		return -ENOMEM;
	if (bytes > SUPPRESSIONS_BYTES_MAX) {
		free(text);
		return -EFBIG;
	}
	*ret_text = text;
	*ret_bytes = bytes;
	return 0;
}

int suppressions_add_file(struct suppressions *set, const char *path,
			  struct complaint *complaint)
{
	char *text = NULL;
	size_t bytes = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int error = fd < 0 ? -errno : read_whole(fd, &text, &bytes);

	if (fd >= 0)
		close(fd);
	if (error) {
		complaint_set(complaint, "suppressions cannot be read: %s",
			      error == -EFBIG ? "more than 16 MiB" : strerror(-error));
		return error;
	}
	error = suppression_syntax_read(text, bytes, path, &set->rules, complaint);
	free(text);
	return error;
}

int suppressions_add_defaults(struct suppressions *set)
{
	return suppression_defaults_add(&set->rules);
}

/* ---- Call stacks ------------------------------------------------------------------ */

void suppressions_allocation_function(uint8_t op, struct suppression_seen *ret_seen)
{
	static const struct {
		const char *function, *linker_name;
	} operators[] = {
		[MFT_OP_NEW] = {"operator new(unsigned long)", "_Znwm"},
		[MFT_OP_NEW_ARRAY] = {"operator new[](unsigned long)", "_Znam"},
		[MFT_OP_NEW_NOTHROW] =
			{"operator new(unsigned long, std::nothrow_t const&)",
			 "_ZnwmRKSt9nothrow_t"},
		[MFT_OP_NEW_ARRAY_NOTHROW] =
			{"operator new[](unsigned long, std::nothrow_t const&)",
			 "_ZnamRKSt9nothrow_t"},
		[MFT_OP_NEW_ALIGNED] = {"operator new(unsigned long, std::align_val_t)",
					"_ZnwmSt11align_val_t"},
		[MFT_OP_NEW_ARRAY_ALIGNED] =
			{"operator new[](unsigned long, std::align_val_t)",
			 "_ZnamSt11align_val_t"},
		[MFT_OP_NEW_ALIGNED_NOTHROW] =
			{"operator new(unsigned long, std::align_val_t, "
			 "std::nothrow_t const&)",
			 "_ZnwmSt11align_val_tRKSt9nothrow_t"},
		[MFT_OP_NEW_ARRAY_ALIGNED_NOTHROW] =
			{"operator new[](unsigned long, std::align_val_t, "
			 "std::nothrow_t const&)",
			 "_ZnamSt11align_val_tRKSt9nothrow_t"},
	};
	struct suppression_seen seen = {.module = "/libmftrace.so"};

	if (op < sizeof(operators) / sizeof(operators[0]) && operators[op].function) {
		seen.function = operators[op].function;
		seen.linker_name = operators[op].linker_name;
	} else {
		seen.function = mft_op_name(op);
	}
	*ret_seen = seen;
}

static struct suppression_seen *stack_slot(struct suppressions *set, size_t at)
{
	if (at == set->stack_room) {
		size_t room = at ? 2 * at : 256;
		struct suppression_seen *moved = realloc(set->stack, room * sizeof(*moved));

		if (!moved)
			return NULL;
		set->stack = moved;
		set->stack_room = room;
	}
	return &set->stack[at];
}

/* Fills set->stack. Returns 0 or -ENOMEM. */
static int gather_stack(struct suppressions *set, const struct calltree *tree,
			uint32_t node, uint8_t op, size_t *ret_count)
{
	struct suppression_seen *slot = stack_slot(set, 0);
	size_t count = 1;

	if (!slot)
		return -ENOMEM;
	suppressions_allocation_function(op, slot);
	while (node >= CALLTREE_FIRST) {
		const struct callnode *frame = calltree_at(tree, node);

		slot = stack_slot(set, count);
		if (!slot)
			return -ENOMEM;
		*slot = (struct suppression_seen){
			.function = frame->function,
			.linker_name = frame->linker_name,
			.module = frame->module,
			.file = frame->file,
			.line = frame->line,
		};
		count++;
		node = calltree_caller(tree, node, true);
	}
	*ret_count = count;
	return 0;
}

/* ---- Taking blocks out ------------------------------------------------------------ */

/* Takes what rules fit out of one site's leaks, whose stack is at hand. */
static void take(struct suppressions *set, size_t count, struct profile *profile,
		 size_t site)
{
	unsigned kinds = 0;
	size_t i;

	for (i = 0; i < PROFILE_LEAK_KINDS; i++) {
		if (profile->sites[site].leaks[i].blocks > 0)
			kinds |= 1u << i;
	}
	for (i = 0; i < set->rules.count && (kinds & SUPPRESSION_ALL); i++) {
		struct suppression *rule = &set->rules.items[i];
		struct profile_amount moved;

		if (!(rule->kinds & kinds) || !suppression_match(rule, set->stack, count))
			continue;
		profile_suppress(profile, site, rule->kinds & kinds, &moved);
		rule->blocks += moved.blocks;
		rule->bytes += moved.bytes;
		rule->sites++;
		kinds &= ~rule->kinds;
	}
}

int suppressions_apply(struct suppressions *set, const struct calltree *tree,
		       struct calltree_view *view, struct profile *profile)
{
	size_t i, count;
	int error = 0;

	if (set->rules.count == 0)
		return 0;
	for (i = 0; !error && i < profile->sites_count; i++) {
		if (profile->sites[i].live_blocks)
			error = calltree_want(view, profile->sites[i].frame);
	}
	if (error)
		return error;
	for (i = 0; i < profile->sites_count; i++) {
		const struct profile_site *site = &profile->sites[i];
		uint32_t node;

		if (site->live_blocks == 0)
			continue;
		error = calltree_node(view, site->frame, &node);
		if (!error)
			error = gather_stack(set, tree, node, site->op, &count);
		if (error)
			return error;
		take(set, count, profile, i);
	}
	return 0;
}

static bool same_default(const struct suppression *a, const struct suppression *b)
{
	return !a->origin && !b->origin && strcmp(a->name, b->name) == 0;
}

/* Adds up the built-in rules with the name of the one at `first`. Returns false where an
 * earlier rule has the name too. */
static bool sum_defaults(const struct suppressions *set, size_t first,
			 struct suppression *sum)
{
	const struct suppression *rules = set->rules.items;
	size_t i;

	*sum = rules[first];
	for (i = 0; i < set->rules.count; i++) {
		if (i == first || !same_default(&rules[i], &rules[first]))
			continue;
		if (i < first)
			return false;
		sum->blocks += rules[i].blocks;
		sum->bytes += rules[i].bytes;
		sum->sites += rules[i].sites;
	}
	return true;
}

bool suppressions_next(const struct suppressions *set, size_t *next,
		       struct suppression *ret_rule)
{
	while (*next < set->rules.count) {
		size_t at = (*next)++;
		struct suppression sum = set->rules.items[at];

		if (!sum.origin && (!sum_defaults(set, at, &sum) || sum.blocks == 0))
			continue;
		*ret_rule = sum;
		return true;
	}
	return false;
}
