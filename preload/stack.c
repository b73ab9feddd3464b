/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include <string.h>

#include "modules.h"
#include "process.h"
#include "recorder.h"
#include "unwinder.h"

/* How a walk ended. */
struct walk {
	uint32_t met;	/* number of the remembered frame that it met, 0: none */
	uint32_t count; /* of fresh frames */
	uint32_t root;	/* what the stack hangs under */
	bool cut;
	bool fleeting;	     /* it passed frames that must not be remembered */
	bool odd;	     /* it passed frames that no rule alone leads from */
	const void *context; /* of the signal that was passed last */
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

static inline void set_depth(struct stack_memory *m, uint32_t depth)
{
	m->depth = depth;
	m->innermost = depth * (uint32_t)sizeof(m->frames[0]);
}

/* Brings what is cached of the modules up to date. */
static bool follow_modules(struct recorder *r)
{
	struct stack_memory *m = &r->stack;
	bool touched = m->modules_generation == MODULES_TOUCHED;
	uint32_t unloads;

	/* Before anything says that all is up to date: without a table there are no stacks,
	 * and the next event tries again. */
	if (!nodes_reserve(&m->nodes))
		return false;
	modules_refresh(r);
	unloads = __atomic_load_n(&modules.unload_generation, __ATOMIC_ACQUIRE);
	if (unloads != m->unload_generation) {
		if (!forget_nodes(r))
			return false;
		m->unload_generation = unloads;
	}
	m->modules_generation = __atomic_load_n(&modules.generation, __ATOMIC_ACQUIRE);
	/* Another thread has yet to find what this one may have loaded or unloaded: no node
	 * is sure to mean what it did. */
	if (touched && !modules_are_settled()) {
		if (!forget_nodes(r))
			return false;
		m->modules_generation = MODULES_TOUCHED;
	}
	set_depth(m, 0);
	m->same = process.config.verify ? NULL : m->checks;
	m->checks[0] = (struct stack_check){(uintptr_t)&m->never, 1};
	memset(&m->rules, 0, sizeof(m->rules));
	paths_clear(&m->paths);
	return true;
}

/* ---- Walking ---------------------------------------------------------------------- */

#if WALK_IS_NATIVE

static inline uint16_t *at_slot(struct stack_memory *m, uintptr_t slot)
{
	return &m->at_slot[slot / sizeof(uintptr_t) % STACK_SLOTS];
}

/* The number of the innermost frame outwards of `known` that is not as it was, or 0. */
static uint32_t find_changed(const struct stack_memory *m, const struct stack_frame *known)
{
	const uint32_t check = (uint32_t)(stack_find_change(m, known) - m->checks);

	if (check == 0)
		return 0;
	/* A frame's checks are those between its own last and its callee's. */
	do
		known--;
	while ((known->vouched & ~STACK_NEEDS_FP) >= check);
	return (uint32_t)(known - m->frames);
}

/* Goes on to the caller from a frame that is none of the ordinary kind. Returns false at
 * the end, with walk->root set. */
static bool go_on(struct walk *walk, struct walk_frame *frame, walk_rule *rule)
{
	switch (walk_rule_kind(*rule)) {
	case CFI_OUTERMOST:
		walk->root = MFT_NODE_ROOT;
		return false;
	case CFI_SIGNAL:
		walk->fleeting = true;
		walk->context = walk_context(frame);
		if (walk_signal(frame))
			return true;
		break;
	case CFI_EVALUATED:
		walk->fleeting = true;
		if (walk_evaluated(frame, walk->context))
			return true;
		break;
	case CFI_REALIGNED:
		walk->fleeting = true;
		if (walk_realigned(frame, *rule))
			return true;
		break;
	case CFI_NONE:
		if (walk_guess(frame)) {
			*rule = walk_guess_rule();
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

/* Walks from `frame` until one of the outermost `limit` remembered frames is met, or the
 * stack ends. */
static inline __attribute__((always_inline)) struct walk
walk_stack(struct stack_memory *m, struct walk_frame frame, uint32_t limit)
{
	struct walk walk = {0};
	uintptr_t code = frame.pc - 1; /* within the call */
	uint64_t address = frame.pc;
	struct stack_fresh *fresh = m->fresh;
	struct stack_fresh *const end = fresh + process.config.depth;

	for (;; fresh++) {
		const uint32_t number = *at_slot(m, frame.slot);
		const struct stack_frame *known = &m->frames[number];
		struct walk_frame here;

		if (stack_frame_matches(known, frame.slot, address, frame.fp) &&
		    number <= limit) {
			limit = find_changed(m, known);
			if (__builtin_expect(limit == 0, 1)) {
				walk.met = number;
				walk.root = m->root;
				walk.cut = m->cut;
				break;
			}
		}
		if (__builtin_expect(fresh == end, 0)) {
			walk.cut = true;
			walk.root = MFT_NODE_TRUNCATED;
			break;
		}
		fresh->rule = walk_rule_at(&m->rules, code);
		fresh->slot = frame.slot;
		fresh->address = address;
		fresh->fp = frame.fp;
		if (__builtin_expect(walk_rule_kind(fresh->rule) == CFI_STEP &&
					     walk_step(&frame, fresh->rule),
				     1)) {
			address = frame.pc;
			code = frame.pc - 1;
			continue;
		}
		walk.odd = true;
		here = frame; /* what has its address taken would be kept in memory */
		if (!go_on(&walk, &here, &fresh->rule)) {
			fresh++;
			break;
		}
		frame = here;
		address = frame.exact ? frame.pc | NODES_EXACT : frame.pc;
		code = frame.pc - !frame.exact;
	}
	walk.count = (uint32_t)(fresh - m->fresh);
	return walk;
}

/* Puts the fresh frames on top of the remembered ones, and finds their nodes. */
static inline __attribute__((always_inline)) uint32_t remember(struct recorder *r,
							       const struct walk *walk)
{
	struct stack_memory *m = &r->stack;
	struct stack_frame *f = &m->frames[walk->met];
	const struct stack_fresh *fresh = &m->fresh[walk->count];
	uintptr_t slot = f->slot, pc = f->pc;
	uint32_t node = walk->met ? f->node : walk->root;
	uint32_t number = walk->met, checks = f->vouched & ~STACK_NEEDS_FP;
	uint32_t needs_fp = f->vouched & STACK_NEEDS_FP;

	m->root = walk->root;
	m->cut = walk->cut;
	set_depth(m, 0);
	while (fresh-- != m->fresh) {
		const walk_rule rule = fresh->rule;
		uint32_t child = nodes_find(&m->nodes, node, fresh->address);

		if (__builtin_expect(child == 0, 0)) {
			child = define_node(r, node, fresh->address);
			if (child == MFT_NODE_TRUNCATED)
				return child;
		}
		node = child;
		/* What this frame vouches for: that its caller returns to where it did, and
		 * that the caller's frame pointer is what it was, if that matters and this
		 * one saved it. */
		if (__builtin_expect(number != 0, 1))
			m->checks[++checks] = (struct stack_check){slot, pc};
		if (needs_fp && walk_rule_fp(rule)) {
			m->checks[++checks] =
				(struct stack_check){slot + walk_rule_fp(rule), f->fp};
			needs_fp = 0;
		}
		if (walk_rule_from_fp(rule))
			needs_fp = STACK_NEEDS_FP;
		f++;
		f->slot = slot = fresh->slot;
		f->pc = pc = fresh->address;
		f->fp = fresh->fp;
		f->node = node;
		f->vouched = checks | needs_fp;
		*at_slot(m, slot) = (uint16_t)++number;
	}
	if (__builtin_expect(!walk->fleeting, 1))
		set_depth(m, number);
	return node;
}

/* Whether the place of the cut has to be found anew: that depends on all of the frames. */
static inline bool must_begin_again(const struct walk *walk)
{
	uint32_t depth = walk->met + walk->count;

	return walk->met &&
	       __builtin_expect(depth > process.config.depth ||
					(walk->cut && depth != process.config.depth),
				0);
}

/* ---- Paths ------------------------------------------------------------------------ */

/* So many frames are gone by paths until the stack is remembered anew: one that stays the
 * same is then compared, which is cheaper. */
#define DETOUR_MOST 256u

/* The node of the stack, if it leads to a remembered frame by a path, or 0. */
static inline __attribute__((always_inline)) uint32_t follow_path(struct stack_memory *m,
								  struct walk_frame frame)
{
	uint32_t limit = m->depth, before = 0;
	const struct path *path;

	if (!m->paths.table || m->cut || m->detour > DETOUR_MOST)
		return 0;
	for (uint32_t count = 0;; count++) {
		const struct stack_frame *known;

		path = paths_find(&m->paths, before, frame.slot, frame.pc);
		known = &m->frames[path->number];
		if (path->number && path->number <= limit &&
		    stack_frame_matches(known, frame.slot, frame.pc, frame.fp)) {
			limit = find_changed(m, known);
			if (limit == 0) {
				if (path->parent != known->node ||
				    path->number + count > process.config.depth)
					return 0;
				m->detour += count;
				return path->node;
			}
		}
		if (path->up == 0 || (path->from_fp && path->fp != frame.fp))
			return 0;
		frame.slot = path->up;
		if (path->fp_at)
			frame.fp = *(const uintptr_t *)(frame.slot +
							(uintptr_t)(intptr_t)path->fp_at);
		frame.pc = *(const uintptr_t *)frame.slot;
		before = path->id;
	}
}

/* Keeps what was walked just now, to the frame that it met. */
static void keep_path(struct stack_memory *m, const struct walk *walk, uint32_t node)
{
	const struct stack_frame *met = &m->frames[walk->met];
	struct paths *paths = &m->paths;
	struct path *path;
	uint32_t before = 0;

	if (!paths_reserve(paths, walk->count + 1))
		return;
	for (uint32_t i = 0; i < walk->count; i++) {
		const struct stack_fresh *fresh = &m->fresh[i];
		const uintptr_t up = i + 1 < walk->count ? fresh[1].slot : met->slot;
		const bool from_fp = walk_rule_from_fp(fresh->rule);

		path = paths_make(paths, before, fresh->slot, fresh->address);
		if (path->up != up || (from_fp && path->fp != fresh->fp)) {
			if (path->up)
				paths_renew(paths, path);
			path->up = up;
			path->fp = fresh->fp;
			path->fp_at = (int16_t)walk_rule_fp(fresh->rule);
			path->from_fp = from_fp;
		}
		before = path->id;
	}
	path = paths_make(paths, before, met->slot, met->pc);
	path->number = walk->met;
	path->parent = met->node;
	path->node = node;
}

uint32_t stack_capture_changed(struct recorder *r, struct stack_memory *m,
			       const void *frame_address)
{
	struct walk walk;
	uint32_t node, limit, by_path;

	if (__builtin_expect(modules_changed(m->modules_generation), 0) &&
	    !follow_modules(r))
		return MFT_NODE_TRUNCATED;
	by_path = follow_path(m, walk_start(frame_address));
	if (by_path && m->same)
		return by_path;
	for (limit = m->depth;; limit = 0) {
		walk = walk_stack(m, walk_start(frame_address), limit);
		if (!must_begin_again(&walk))
			break;
	}
	node = remember(r, &walk);
	m->detour = 0;
	if (walk.met && !walk.odd && !walk.cut && node >= MFT_NODE_FIRST)
		keep_path(m, &walk, node);
	if (__builtin_expect(!m->same, 0))
		unwinder_check(r, frame_address, walk.count, walk.met,
			       by_path && by_path != node);
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
		uint32_t child = nodes_find(&m->nodes, node, m->pcs[count]);

		node = child ? child : define_node(r, node, m->pcs[count]);
		if (node == MFT_NODE_TRUNCATED)
			break;
	}
	return node;
}

#endif
