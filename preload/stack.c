/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include <string.h>

#include "modules.h"
#include "process.h"
#include "recorder.h"
#include "unwinder.h"

/* How a walk ended. */
struct walk {
	int met;	/* index of the remembered frame that it met, or -1 */
	uint32_t count; /* of fresh frames */
	uint32_t root;	/* what the stack hangs under */
	bool cut;
	bool fleeting; /* it passed frames that must not be remembered */
};

/* ---- Nodes ------------------------------------------------------------------------ */

/* Defines the node for a frame under its caller's. Returns its number, or
 * MFT_NODE_TRUNCATED when it cannot be recorded. */
static uint32_t define_node(struct recorder *r, uint32_t parent, uint64_t address)
{
	struct nodes *nodes = &r->stack.nodes;
	bool exact = (address & NODES_EXACT) != 0;
	uintptr_t pc = (uintptr_t)(address & ~NODES_EXACT);
	uintptr_t bias;
	uint32_t module = modules_find(r, exact ? pc : pc - 1, &bias);

	if (!nodes_reserve(nodes) || !recorder_room(r, MFT_HOT_BYTES_MAX))
		return MFT_NODE_TRUNCATED;
	mft_put_node(&r->encoder, parent, module, exact, pc - bias);
	return nodes_define(nodes, parent, address);
}

/* The number of the node for a frame under its caller's, defined if it is new. */
static inline uint32_t node_number(struct recorder *r, uint32_t parent, uint64_t address)
{
	uint32_t number = nodes_find(&r->stack.nodes, parent, address);

	return __builtin_expect(number != 0, 1) ? number : define_node(r, parent, address);
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
	memset(&m->spots, 0, sizeof(m->spots));
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

/* Goes on to the caller from a frame that is none of the ordinary kind. Returns false at
 * the end, with walk->root set. */
static bool go_on(struct walk *walk, struct walk_frame *frame, struct cfi_rule *rule)
{
	switch (rule->kind) {
	case CFI_OUTERMOST:
		walk->root = MFT_NODE_ROOT;
		return false;
	case CFI_SIGNAL:
		walk->fleeting = true;
		if (walk_signal(frame))
			return true;
		break;
	case CFI_REALIGNED:
		walk->fleeting = true;
		if (walk_realigned(frame, *rule))
			return true;
		break;
	case CFI_NONE:
		if (walk_guess(frame)) {
			*rule = walk_guess_rule;
			return true;
		}
		/* What it depends on is not known well enough to be compared. */
		walk->fleeting = true;
		break;
	default:
		break;
	}
	walk->root = MFT_NODE_TRUNCATED;
	return false;
}

/* Walks from `frame` until a remembered frame is met, looking from index `candidate`
 * outwards, or the stack ends. */
static struct walk walk_stack(struct stack_memory *m, struct walk_frame frame,
			      int candidate)
{
	struct walk walk = {.met = -1};
	struct stack_fresh *fresh = m->fresh;
	struct stack_fresh *const limit = fresh + process.config.depth;

	for (;; fresh++) {
		struct cfi_rule rule;

		while (candidate >= 0 && m->frames[candidate].slot < frame.slot)
			candidate--;
		if (candidate >= 0 && stack_frame_matches(&m->frames[candidate], &frame)) {
			int changed = find_changed(m, candidate);

			if (__builtin_expect(changed < 0, 1)) {
				walk.met = candidate;
				walk.root = m->root;
				walk.cut = m->cut;
				break;
			}
			candidate = changed;
		}
		if (__builtin_expect(fresh == limit, 0)) {
			walk.cut = true;
			walk.root = MFT_NODE_TRUNCATED;
			break;
		}
		rule = walk_rule(&m->rules, frame.pc, frame.exact);
		fresh->slot = frame.slot;
		fresh->address = frame.exact ? frame.pc | NODES_EXACT : frame.pc;
		fresh->fp = frame.fp;
		fresh->rule = rule;
		if (__builtin_expect(rule.kind == CFI_STEP, 1) && walk_step(&frame, rule))
			continue;
		if (!go_on(&walk, &frame, &fresh->rule)) {
			fresh++;
			break;
		}
	}
	walk.count = (uint32_t)(fresh - m->fresh);
	return walk;
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

		node = node_number(r, node, fresh->address);
		if (__builtin_expect(node == MFT_NODE_TRUNCATED, 0)) {
			m->depth = 0;
			return node;
		}
		f->slot = fresh->slot;
		f->pc = (uintptr_t)(fresh->address & ~NODES_EXACT);
		f->fp = fresh->fp;
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

/* ---- Spots ------------------------------------------------------------------------ */

static inline struct stack_spot *spot_of(struct stack_memory *m, uintptr_t slot,
					 uintptr_t pc)
{
	return &m->spots[((slot ^ pc << 4) * 0x9e3779b97f4a7c15ull) >>
			 (64 - STACK_SPOTS_LOG2)];
}

/* Notes the fresh frames of a walk as spots, each with its caller. */
static void add_spots(struct stack_memory *m, const struct walk *walk)
{
	uint32_t depth = (uint32_t)(walk->met + 1);

	if (walk->fleeting || walk->cut)
		return;
	for (uint32_t i = depth ? depth : 1; i < depth + walk->count; i++) {
		const struct stack_frame *f = &m->frames[i], *caller = f - 1;
		struct stack_spot *spot = spot_of(m, f->slot, f->pc);
		const struct stack_check *check = &m->checks[f->checks];

		/* The last check is about the caller's frame pointer or, without one, about
		 * its return address. */
		*spot = (struct stack_spot){.slot = f->slot | f->needs_fp,
					    .pc = f->pc,
					    .fp = f->fp,
					    .caller_slot = caller->slot,
					    .caller_pc = caller->pc,
					    .check = *check,
					    .node = f->node,
					    .caller_node = caller->node};
	}
}

/* Goes from spot to spot, comparing each caller's words with the stack, to a remembered
 * frame, and from there on compares the remembered ones. Returns the innermost frame's
 * node, or 0 when something is not as it was; then a walk tells what. */
static uint32_t follow_spots(struct stack_memory *m, struct walk_frame frame,
			     struct walk *ret_walk)
{
	int candidate = (int)m->depth - 1;
	uintptr_t fp = frame.fp;
	uint32_t node = 0, wanted = 0, count = 0;

	if (m->cut)
		return 0;
	for (; count < STACK_SPOTS_FOLLOWED; count++) {
		const struct stack_spot *spot = spot_of(m, frame.slot, frame.pc);
		const struct stack_frame *known;

		if ((spot->slot & ~(uintptr_t)1) != frame.slot || spot->pc != frame.pc ||
		    ((spot->slot & 1) && spot->fp != fp) ||
		    (wanted && spot->node != wanted))
			return 0;
		if (*(const uintptr_t *)spot->caller_slot != spot->caller_pc ||
		    *(const uintptr_t *)spot->check.address != spot->check.value)
			return 0;
		if (count == 0)
			node = spot->node;
		m->fresh[count].address = frame.pc;
		/* Where the callee did not save it, it has passed it through. */
		if (spot->check.address != spot->caller_slot)
			fp = spot->check.value;
		wanted = spot->caller_node;
		frame.slot = spot->caller_slot;
		frame.pc = spot->caller_pc;
		while (candidate >= 0 && m->frames[candidate].slot < frame.slot)
			candidate--;
		if (candidate < 0)
			return 0;
		known = &m->frames[candidate];
		if (known->slot != frame.slot || known->pc != frame.pc ||
		    known->node != wanted || (known->needs_fp && known->fp != fp))
			continue;
		if (stack_find_change(m, known) != 0)
			return 0;
		*ret_walk = (struct walk){.met = candidate, .count = count + 1};
		return (uint32_t)candidate + 2 + count <= process.config.depth ? node : 0;
	}
	return 0;
}

uint32_t stack_capture_changed(struct recorder *r, struct stack_memory *m,
			       const void *frame_address)
{
	struct walk walk;
	uint32_t node;

	if (__builtin_expect(modules_changed(m->modules_generation), 0) &&
	    !follow_modules(r))
		return MFT_NODE_TRUNCATED;
	node = follow_spots(m, walk_start(frame_address), &walk);
	if (!node) {
		walk = walk_stack(m, walk_start(frame_address), (int)m->depth - 1);
		/* Where a stack is cut depends on all of its frames. */
		if (walk.met >= 0 && __builtin_expect(must_begin_again(&walk), 0))
			walk = walk_stack(m, walk_start(frame_address), -1);
		node = remember(r, &walk);
		if (m->depth)
			add_spots(m, &walk);
	}
	if (__builtin_expect(m->always_slow, 0))
		unwinder_check(r, frame_address, walk.count, walk.met);
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
		node = node_number(r, node, m->pcs[count]);
		if (node == MFT_NODE_TRUNCATED)
			break;
	}
	return node;
}

#endif
