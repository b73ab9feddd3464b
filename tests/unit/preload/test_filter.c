/* SPDX-License-Identifier: MIT */
/*
 * What filter.c says a filter of system calls answers is what the kernel answers: random
 * programs are installed in a child, which makes calls that do nothing; and programs that
 * cannot be read, or are nobody's.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "filter.h"
#include "process.h"
#include "sys.h"

/* What the recorder has in process.c, which is not part of what is tested. */
struct process process;

#define PROGRAMS 200 /* fewer than filters are kept */
#define CALLS 24
#define CODE_MOST 64
/* No kernel has a call of this number: let through, it fails with ENOSYS. */
#define NO_CALL 999999

struct call {
	long arguments[6];
};

static uint64_t random_state = 0x2545f4914f6cdd1dull;

static uint32_t random_number(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 24);
}

static struct sock_filter make(uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	return (struct sock_filter){code, jt, jf, k};
}

/* Small numbers, so that comparisons come out either way. */
static uint32_t random_value(void)
{
	return random_number() % 4 ? random_number() % 9 : random_number();
}

static struct sock_filter random_instruction(unsigned left)
{
	static const uint16_t alu[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_AND,
				       BPF_OR,	BPF_XOR, BPF_LSH, BPF_RSH, BPF_NEG};
	static const uint16_t jumps[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
	const uint16_t source = random_number() % 3 ? BPF_K : BPF_X;
	const uint32_t scratch = random_number() % BPF_MEMWORDS;
	uint16_t op;

	switch (random_number() % 12) {
	case 0:
		return make(BPF_LD | BPF_IMM, 0, 0, random_value());
	case 1:
		return make(BPF_LDX | BPF_W | BPF_IMM, 0, 0, random_value());
	case 2:
		return make(BPF_ST, 0, 0, scratch);
	case 3:
		return make(BPF_STX, 0, 0, scratch);
	case 4:
		return make(BPF_MISC | (random_number() % 2 ? BPF_TAX : BPF_TXA), 0, 0, 0);
	case 5:
		return make((random_number() % 2 ? BPF_LD : BPF_LDX) | BPF_W | BPF_LEN, 0,
			    0, 0);
	case 6:
	case 7:
		op = alu[random_number() % (sizeof(alu) / sizeof(alu[0]))];
		/* The kernel refuses constants that would be undefined. */
		if (op == BPF_DIV)
			return make(BPF_ALU | op | BPF_K, 0, 0, 1 + random_number() % 9);
		if (op == BPF_LSH || op == BPF_RSH)
			return make(BPF_ALU | op | BPF_K, 0, 0, random_number() % 32);
		return make(BPF_ALU | op | source, 0, 0, random_value());
	case 8:
	case 9:
		if (left > 1)
			return make(BPF_JMP | jumps[random_number() % 4] | source,
				    (uint8_t)(random_number() % (left - 1)),
				    (uint8_t)(random_number() % (left - 1)),
				    random_value());
		/* fall through */
	default:
		/* Words of the arguments; the place of the call differs. */
		return make(BPF_LD | BPF_W | BPF_ABS, 0, 0,
			    offsetof(struct seccomp_data, args) +
				    4 * (random_number() % 12));
	}
}

/* A program that lets everything through but NO_CALL, and about that decides at random. */
static unsigned short random_program(struct sock_filter *code)
{
	unsigned short n = 0, body = 4 + random_number() % (CODE_MOST - 32);

	code[n++] = make(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	code[n++] = make(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, NO_CALL);
	code[n++] = make(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
	/* The kernel refuses a load from scratch memory that was not written. */
	for (uint32_t i = 0; i < BPF_MEMWORDS; i++)
		code[n++] = make(BPF_ST, 0, 0, i);
	for (unsigned left = body; left; left--) {
		if (random_number() % 10 == 0)
			code[n++] = make((random_number() % 2 ? BPF_LD : BPF_LDX) | BPF_W |
						 BPF_MEM,
					 0, 0, random_number() % BPF_MEMWORDS);
		else
			code[n++] = random_instruction(left);
	}
	code[n++] = make(BPF_JMP | BPF_JSET | BPF_K, 0, 1, 1u << random_number() % 4);
	code[n++] = make(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
	code[n++] = make(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | E2BIG);
	return n;
}

static void random_calls(struct call *calls)
{
	for (unsigned i = 0; i < CALLS; i++)
		for (unsigned j = 0; j < 6; j++)
			calls[i].arguments[j] =
				(long)((uint64_t)random_value() << 32 | random_value());
}

/* In a child: what the kernel answers, a bit for each call that it lets through. Returns
 * false if it does not take the program. */
static bool ask_kernel(const struct sock_fprog *program, const struct call *calls,
		       uint32_t *ret_allowed)
{
	uint32_t *answer =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	assert_true(answer != MAP_FAILED);
	child = fork();
	if (child == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program))
			_exit(1);
		for (unsigned i = 0; i < CALLS; i++) {
			const long *a = calls[i].arguments;
			long r = sys_enter(NO_CALL, a[0], a[1], a[2], a[3], a[4], a[5]);

			if (r != -ENOSYS && r != -E2BIG)
				_exit(2);
			*answer |= (uint32_t)(r == -ENOSYS) << i;
		}
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 2);
	*ret_allowed = *answer;
	munmap(answer, 4096);
	return WEXITSTATUS(status) == 0;
}

static void random_programs(void **state)
{
	unsigned taken = 0, let_through = 0, refused = 0;

	(void)state;
	for (unsigned p = 0; p < PROGRAMS; p++) {
		struct sock_filter code[CODE_MOST + 32];
		const struct sock_fprog program = {random_program(code), code};
		struct call calls[CALLS];
		struct filter *filter;
		uint32_t allowed;

		random_calls(calls);
		if (!ask_kernel(&program, calls, &allowed))
			continue;
		taken++;
		filter = filter_new(&program, false);
		assert_non_null(filter);
		for (unsigned i = 0; i < CALLS; i++) {
			bool ours = filter_would_allow(filter, NO_CALL, calls[i].arguments);

			assert_int_equal(ours, allowed >> i & 1);
			let_through += ours;
			refused += !ours;
		}
		assert_true(filter_would_allow(filter, SYS_read, calls[0].arguments));
	}
	assert_true(taken > PROGRAMS / 2);
	assert_true(let_through > PROGRAMS && refused > PROGRAMS);
}

/* Not more than the kernel would find out: NULL, a page that is not there, no length. */
static void unreadable(void **state)
{
	struct sock_filter *gone =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct sock_fprog nowhere = {2, gone}, empty = {0, gone};

	(void)state;
	assert_null(filter_new(NULL, false));
	assert_null(filter_new((const struct sock_fprog *)gone, false));
	assert_null(filter_new(&nowhere, false));
	assert_null(filter_new(&empty, false));
}

static void in_force(void **state)
{
	struct sock_filter none_but_read[] = {
		make(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)),
		make(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_read),
		make(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW),
		make(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog program = {4, none_but_read};
	struct filter *filter = filter_new(&program, false);
	struct filter *childs = filter_new(&program, true), *dropped;
	const long arguments[6] = {-1, 0, 0, 0, 0, 0};

	(void)state;
	assert_non_null(filter);
	assert_true(sys_is_allowed(SYS_close, arguments));
	assert_int_equal(SYS1(SYS_close, -1), -EBADF);
	filter_enforce(filter);
	assert_int_equal(SYS1(SYS_close, -1), -EPERM); /* not made: nobody is killed */
	assert_int_equal(SYS3(SYS_read, -1, NULL, 0), -EBADF);
	assert_false(sys_can_read((uintptr_t)&program & ~7ul)); /* it may not ask */
	filter_drop(filter);
	assert_int_equal(SYS1(SYS_close, -1), -EBADF);
	assert_true(sys_can_read((uintptr_t)&program & ~7ul));

	assert_false(filter_is_of_child());
	filter_enforce(childs);
	assert_true(filter_is_of_child());
	assert_int_equal(SYS1(SYS_close, -1), -EPERM);
	dropped = filter_drop_of_child();
	assert_int_equal(SYS1(SYS_close, -1), -EBADF);
	filter_enforce_again(dropped);
	assert_int_equal(SYS1(SYS_close, -1), -EPERM);
	filter_drop(childs);

	filter_enforce(NULL); /* one that could not be read */
	assert_int_equal(SYS3(SYS_read, -1, NULL, 0), -EPERM);
	filter_drop(NULL);
	assert_int_equal(SYS3(SYS_read, -1, NULL, 0), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_programs),
		cmocka_unit_test(unreadable),
		cmocka_unit_test(in_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
