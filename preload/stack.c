/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include <string.h>

#include "modules.h"
#include "process.h"
#include "recorder.h"
#include "unwinder.h"

/* A walk under way. */
struct walk {
	struct walk_frame frame;
	int met;	/* index of the remembered frame that it met, or -1 */
	uint32_t count; /* of fresh frames */
	uint32_t root;	/* where it ended, if it met none */
	bool cut;
	bool fleeting; /* it passed frames that must not be remembered */
};

/* ---- Nodes ------------------------------------------------------------------------ */

/* The number of the node for a frame under its caller's, defined if it is new. Returns
 * MFT_NODE_TRUNCATED when it cannot be recorded. */
static uint32_t node_number(struct recorder *r, uint32_t parent, uintptr_t pc, bool exact)
{
	struct nodes *nodes = &r->stack.nodes;
	uint64_t address = exact ? pc | NODES_EXACT : pc;
	uint32_t number = nodes_find(nodes, parent, address);
	uintptr_t bias;
	uint32_t module;

	if (__builtin_expect(number != 0, 1))
		return number;
	module = modules_find(r, exact ? pc : pc - 1, &bias);
	if (!nodes_reserve(nodes) || !recorder_room(r, MFT_HOT_BYTES_MAX))
		return MFT_NODE_TRUNCATED;
	mft_put_node(&r->encoder, parent, module, exact, pc - bias);
	return nodes_define(nodes, parent, address);
}

/* A library was unloaded: its addresses may soon mean something else. */
static bool forget_nodes(struct recorder *r)
{
	struct mft_long record;

	if (!r->stack.nodes.count)
		return true;
	if (!recorder_room(r, MFT_HOT_BYTES_MAX))
		return false;
	mft_long_begin(&r->encoder, &record, 0);
	(void)mft_long_end(&r->encoder, &record, MFT_OP_NODES_RESET);
	nodes_clear(&r->stack.nodes);
	return true;
}

/* Brings what is cached of the modules up to date. */
static bool follow_modules(struct recorder *r)
{
	struct stack_memory *m = &r->stack;
	uint32_t unloads;

	modules_refresh(r);
	unloads = __atomic_load_n(&modules.unload_generation, __ATOMIC_ACQUIRE);
	if (unloads != m->unload_generation) {
		if (!forget_nodes(r))
			return false;
		m->unload_generation = unloads;
	}
	m->modules_generation = __atomic_load_n(&modules.generation, __ATOMIC_ACQUIRE);
	m->depth = 0;
	m->always_slow = process.config.verify != 0;
	m->checks[0] = (struct stack_check){(uintptr_t)&m->never, 1};
	memset(&m->rules, 0, sizeof(m->rules));
	return true;
}

/* ---- Walking ---------------------------------------------------------------------- */

#if WALK_IS_NATIVE

/* The index of the innermost frame outwards of `from` that is not as it was, or -1. */
static int find_changed(const struct stack_memory *m, int from)
{
	uint32_t check = stack_find_change(m, &m->frames[from]);

	if (check == 0)
		return -1;
	/* Frame i's checks are those between its own last and its callee's. */
	while (from > 0 && m->frames[from - 1].checks >= check)
		from--;
	return from - 1;
}

/* Goes on to the caller, which every kind of rule does in its own way. Returns false at
 * the end, with walk->root set. */
static bool go_on(struct walk *walk, struct cfi_rule *rule)
{
	switch (rule->kind) {
	case CFI_STEP:
		if (walk_step(&walk->frame, *rule))
			return true;
		break;
	case CFI_OUTERMOST:
		walk->root = MFT_NODE_ROOT;
		return false;
	case CFI_SIGNAL:
		walk->fleeting = true;
		if (walk_signal(&walk->frame))
			return true;
		break;
	case CFI_REALIGNED:
		walk->fleeting = true;
		if (walk_realigned(&walk->frame, *rule))
			return true;
		break;
	case CFI_NONE:
		if (walk_guess(&walk->frame)) {
			*rule = walk_guess_rule;
			return true;
		}
		break;
	default:
		break;
	}
	walk->root = MFT_NODE_TRUNCATED;
	return false;
}

/* Walks until a remembered frame is met, looking from index `candidate` outwards, or the
 * stack ends. */
static void walk_stack(struct stack_memory *m, struct walk *walk, int candidate)
{
	const uint32_t most = process.config.depth;

	for (;;) {
		struct walk_frame *frame = &walk->frame;
		struct stack_fresh *fresh;

		while (candidate >= 0 && m->frames[candidate].slot < frame->slot)
			candidate--;
		if (candidate >= 0 && stack_frame_matches(&m->frames[candidate], frame)) {
			int changed = find_changed(m, candidate);

			if (__builtin_expect(changed < 0, 1)) {
				walk->met = candidate;
				walk->root = m->root;
				walk->cut = m->cut;
				return;
			}
			candidate = changed;
		}
		if (walk->count == most) {
			walk->cut = true;
			walk->root = MFT_NODE_TRUNCATED;
			return;
		}
		fresh = &m->fresh[walk->count++];
		fresh->frame = *frame;
		fresh->rule = walk_rule(&m->rules, frame);
		if (!go_on(walk, &fresh->rule))
			return;
	}
}

/* Notes what frame `callee` vouches for: that its caller returns to where it did, and that
 * the caller's frame pointer is what it was, if that matters and the callee saved it. */
static void add_checks(struct stack_memory *m, uint32_t callee, struct cfi_rule rule)
{
	const struct stack_frame *caller = &m->frames[callee - 1];
	uint32_t n = caller->checks;

	m->checks[++n] = (struct stack_check){caller->slot, caller->pc};
	if (caller->needs_fp && rule.fp_offset)
		m->checks[++n] = (struct stack_check){
			caller->slot + 8 + (uintptr_t)(intptr_t)rule.fp_offset, caller->fp};
	m->frames[callee].checks = n;
}

/* Puts the fresh frames on top of the remembered ones, and finds their nodes. */
static uint32_t remember(struct recorder *r, const struct walk *walk)
{
	struct stack_memory *m = &r->stack;
	uint32_t depth = (uint32_t)(walk->met + 1);
	uint32_t node = depth ? m->frames[depth - 1].node : walk->root;

	m->root = walk->root;
	m->cut = walk->cut;
	for (uint32_t i = walk->count; i-- > 0; depth++) {
		const struct stack_fresh *fresh = &m->fresh[i];
		struct stack_frame *f = &m->frames[depth];

		node = node_number(r, node, fresh->frame.pc, fresh->frame.exact);
		if (__builtin_expect(node == MFT_NODE_TRUNCATED, 0)) {
			m->depth = 0;
			return node;
		}
		f->slot = fresh->frame.slot;
		f->pc = fresh->frame.pc;
		f->fp = fresh->frame.fp;
		f->node = node;
		f->checks = 0;
		f->needs_fp = fresh->rule.from_fp;
		if (depth == 0)
			continue;
		f->needs_fp |= !fresh->rule.fp_offset && f[-1].needs_fp;
		add_checks(m, depth, fresh->rule);
	}
	m->depth = walk->fleeting ? 0 : depth;
	return node;
}

static bool must_begin_again(const struct walk *walk)
{
	uint32_t depth = (uint32_t)walk->met + 1 + walk->count;

	return depth > process.config.depth || (walk->cut && depth != process.config.depth);
}

uint32_t stack_capture_changed(struct recorder *r, struct stack_memory *m,
			       const void *frame_address)
{
	struct walk walk = {.frame = walk_start(frame_address), .met = -1};
	uint32_t node;

	if (__builtin_expect(modules_changed(m->modules_generation), 0) &&
	    !follow_modules(r))
		return MFT_NODE_TRUNCATED;
	walk_stack(m, &walk, (int)m->depth - 1);
	/* Where a stack is cut depends on all of its frames. */
	if (walk.met >= 0 && __builtin_expect(must_begin_again(&walk), 0)) {
		walk = (struct walk){.frame = walk_start(frame_address), .met = -1};
		walk_stack(m, &walk, -1);
	}
	node = remember(r, &walk);
	if (__builtin_expect(process.config.verify != 0, 0))
		unwinder_check(r, frame_address, (uint32_t)(walk.met + 1) + walk.count);
	return node;
}

#else

/* The reference unwinder walks every stack here. */
uint32_t stack_capture_changed(struct recorder *r, struct stack_memory *m,
			       const void *frame_address)
{
	uint32_t node, count;
	bool whole;

	if (__builtin_expect(modules_changed(m->modules_generation), 0) &&
	    !follow_modules(r))
		return MFT_NODE_TRUNCATED;
	count = unwinder_stack(frame_address, m->pcs, process.config.depth, &whole);
	node = whole ? MFT_NODE_ROOT : MFT_NODE_TRUNCATED;
	while (count-- > 0) {
		node = node_number(r, node, m->pcs[count], false);
		if (node == MFT_NODE_TRUNCATED)
			break;
	}
	return node;
}

#endif
