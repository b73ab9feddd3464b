/* SPDX-License-Identifier: MIT */
#include "filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "memory.h"
#include "sys.h"

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#else
#define FILTER_ARCH 0 /* no filter lets it through */
#endif

/* Programs install a handful; who installs more is not asked for any more. */
#define FILTERS_MOST 256u
#define PAGE 4096u

struct filter {
	uint32_t enforced; /* atomic */
	uint32_t length;
	bool of_child;
	struct filter *next; /* never changes once the filter is in the list */
	struct filter *next_dropped;
	struct sock_filter code[];
};

static struct filter *filters; /* atomic; newest first */
static uint32_t filter_count;  /* atomic; made so far */
static uint32_t unknown;       /* atomic; in force, but not to be read or kept */

/* ---- Keeping ---------------------------------------------------------------------- */

static bool can_read(const void *start, size_t bytes)
{
	uintptr_t p = (uintptr_t)start & ~(uintptr_t)7;
	const uintptr_t end = (uintptr_t)start + bytes;

	for (; p < end; p = (p & ~(uintptr_t)(PAGE - 1)) + PAGE)
		if (!sys_can_read(p))
			return false;
	return true;
}

struct filter *filter_new(const struct sock_fprog *program, bool of_child)
{
	struct filter *filter;
	size_t bytes;

	if (!can_read(program, sizeof(*program)) || program->len == 0 ||
	    program->len > BPF_MAXINSNS)
		return NULL;
	bytes = program->len * sizeof(program->filter[0]);
	if (!can_read(program->filter, bytes) ||
	    __atomic_fetch_add(&filter_count, 1, __ATOMIC_RELAXED) >= FILTERS_MOST)
		return NULL;
	filter = memory_map(sizeof(*filter) + bytes);
	if (!filter)
		return NULL;
	filter->length = program->len;
	filter->of_child = of_child;
	memcpy(filter->code, program->filter, bytes);
	return filter;
}

void filter_enforce(struct filter *filter)
{
	if (!filter) {
		__atomic_fetch_add(&unknown, 1, __ATOMIC_RELAXED);
	} else {
		filter->enforced = 1;
		filter->next = __atomic_load_n(&filters, __ATOMIC_RELAXED);
		/* Partner: sys_is_allowed's walk of the list. */
		while (!__atomic_compare_exchange_n(&filters, &filter->next, filter, false,
						    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			;
	}
	__atomic_store_n(&sys_confined, 1, __ATOMIC_SEQ_CST);
}

void filter_drop(struct filter *filter)
{
	if (filter)
		__atomic_store_n(&filter->enforced, 0, __ATOMIC_RELAXED);
	else
		__atomic_fetch_sub(&unknown, 1, __ATOMIC_RELAXED);
}

bool filter_is_of_child(void)
{
	for (const struct filter *filter = __atomic_load_n(&filters, __ATOMIC_ACQUIRE);
	     filter; filter = filter->next)
		if (filter->of_child &&
		    __atomic_load_n(&filter->enforced, __ATOMIC_RELAXED))
			return true;
	return false;
}

struct filter *filter_drop_of_child(void)
{
	struct filter *dropped = NULL;

	for (struct filter *filter = __atomic_load_n(&filters, __ATOMIC_ACQUIRE); filter;
	     filter = filter->next) {
		if (!filter->of_child ||
		    !__atomic_exchange_n(&filter->enforced, 0, __ATOMIC_RELAXED))
			continue;
		filter->next_dropped = dropped;
		dropped = filter;
	}
	return dropped;
}

void filter_enforce_again(struct filter *dropped)
{
	for (; dropped; dropped = dropped->next_dropped)
		__atomic_store_n(&dropped->enforced, 1, __ATOMIC_RELAXED);
}

/* ---- Asking ----------------------------------------------------------------------- */

/* The accumulator, the index register and the scratch memory. */
struct machine {
	uint32_t a, x;
	uint32_t memory[BPF_MEMWORDS];
};

/* A word of the data at an offset that the kernel would have accepted. */
static bool load(const struct seccomp_data *data, uint32_t offset, uint32_t *ret_word)
{
	if (offset % sizeof(*ret_word) || offset >= sizeof(*data))
		return false;
	memcpy(ret_word, (const char *)data + offset, sizeof(*ret_word));
	return true;
}

static bool calculate(struct machine *m, uint16_t code, uint32_t operand)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		m->a += operand;
		return true;
	case BPF_SUB:
		m->a -= operand;
		return true;
	case BPF_MUL:
		m->a *= operand;
		return true;
	case BPF_DIV:
		m->a = operand ? m->a / operand : 0;
		return operand != 0;
	case BPF_AND:
		m->a &= operand;
		return true;
	case BPF_OR:
		m->a |= operand;
		return true;
	case BPF_XOR:
		m->a ^= operand;
		return true;
	case BPF_LSH:
		m->a = operand < 32 ? m->a << operand : 0;
		return true;
	case BPF_RSH:
		m->a = operand < 32 ? m->a >> operand : 0;
		return true;
	case BPF_NEG:
		m->a = -m->a;
		return true;
	default:
		return false;
	}
}

static bool compares(uint32_t a, uint16_t code, uint32_t operand)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == operand;
	case BPF_JGT:
		return a > operand;
	case BPF_JGE:
		return a >= operand;
	default: /* BPF_JSET */
		return (a & operand) != 0;
	}
}

/* One instruction that loads or stores. Returns false for one that is not known. */
static bool move(struct machine *m, const struct sock_filter *in,
		 const struct seccomp_data *data)
{
	uint32_t *const into = BPF_CLASS(in->code) == BPF_LD ? &m->a : &m->x;

	switch (BPF_CLASS(in->code)) {
	case BPF_ST:
		m->memory[in->k % BPF_MEMWORDS] = m->a;
		return true;
	case BPF_STX:
		m->memory[in->k % BPF_MEMWORDS] = m->x;
		return true;
	case BPF_MISC:
		if (BPF_MISCOP(in->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return true;
	default:
		break;
	}
	switch (BPF_MODE(in->code)) {
	case BPF_ABS:
		return load(data, in->k, into);
	case BPF_IMM:
		*into = in->k;
		return true;
	case BPF_LEN:
		*into = sizeof(*data);
		return true;
	case BPF_MEM:
		*into = m->memory[in->k % BPF_MEMWORDS];
		return true;
	default:
		return false;
	}
}

/* What the filter answers. Jumps lead forwards only, so it comes to an end. */
static uint32_t run(const struct filter *filter, const struct seccomp_data *data)
{
	struct machine m = {0};

	for (uint32_t i = 0; i < filter->length; i++) {
		const struct sock_filter *in = &filter->code[i];
		const uint32_t operand = BPF_SRC(in->code) == BPF_X ? m.x : in->k;

		switch (BPF_CLASS(in->code)) {
		case BPF_RET:
			return BPF_RVAL(in->code) == BPF_A ? m.a : in->k;
		case BPF_JMP:
			if (BPF_OP(in->code) == BPF_JA)
				i += in->k < filter->length ? in->k : filter->length - i;
			else
				i += compares(m.a, in->code, operand) ? in->jt : in->jf;
			break;
		case BPF_ALU:
			if (!calculate(&m, in->code, operand))
				return SECCOMP_RET_KILL_PROCESS;
			break;
		default:
			if (!move(&m, in, data))
				return SECCOMP_RET_KILL_PROCESS;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

static bool lets_through(const struct filter *filter, const struct seccomp_data *data)
{
	const uint32_t action = run(filter, data) & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

static bool all_let_through(const struct seccomp_data *data)
{
	if (__atomic_load_n(&unknown, __ATOMIC_RELAXED))
		return false;
	for (const struct filter *filter = __atomic_load_n(&filters, __ATOMIC_ACQUIRE);
	     filter; filter = filter->next)
		if (__atomic_load_n(&filter->enforced, __ATOMIC_RELAXED) &&
		    !lets_through(filter, data))
			return false;
	return true;
}

static void describe(struct seccomp_data *data, long number, const long *arguments)
{
	data->nr = (int)number;
	data->arch = FILTER_ARCH;
	/* Filters that look at the place know their own callers, not us. */
	data->instruction_pointer = (uintptr_t)describe;
	for (unsigned i = 0; i < 6; i++)
		data->args[i] = (uint64_t)arguments[i];
}

bool filter_would_allow(const struct filter *filter, long number, const long *arguments)
{
	struct seccomp_data data;

	describe(&data, number, arguments);
	return (!filter || lets_through(filter, &data)) && all_let_through(&data);
}

bool sys_is_allowed(long number, const long *arguments)
{
	struct seccomp_data data;

	describe(&data, number, arguments);
	return all_let_through(&data);
}
