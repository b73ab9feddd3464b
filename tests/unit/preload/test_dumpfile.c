/* SPDX-License-Identifier: MIT */
/*
 * A dump whose descriptor's number goes to a file of the program's own, between any two of
 * the calls that map a new chunk: a filter hands each of them to a handler, as another
 * thread would come between. The program's file stays as it is, and the dump goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "dumpfile.h"
#include "process.h"
#include "workdir.h"

/* What the recorder has in process.c, which is not part of what is tested. */
struct process process;

#define CHUNK (64u << 10)
#define HEADER 4096u
#define OWN_BYTES (8u << 20)
#define OWN_BYTE 0x5a

static struct dumpfile dump;
static int number;     /* the dump's */
static int again = -1; /* the dump by another number */
static int own;	       /* the program's file */
static bool is_taken;  /* the number is the program's */
static long taken_at;  /* the call around which it takes it, */
static int calls_left; /* after so many of them */

/* Makes the call. The number changes hands behind a call that writes to the dump, and
 * before the one that maps it. */
static void come_between(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const bool is_map = info->si_syscall == SYS_mmap;
	const bool takes = info->si_syscall == taken_at && --calls_left == 0;
	int fd;
	long r;

	(void)signal;
	if (again < 0)
		again = dup(number);
	if (takes && is_map)
		(void)dup2(own, number);
	/* By numbers that the filter does not know. */
	fd = is_taken || (takes && is_map) ? own : again;
	if (is_map)
		r = syscall(SYS_mmap, registers[REG_RDI], registers[REG_RSI],
			    registers[REG_RDX], registers[REG_R10], fd, registers[REG_R9]);
	else
		r = syscall(info->si_syscall, fd, registers[REG_RSI], registers[REG_RDX],
			    registers[REG_R10]);
	registers[REG_RAX] = r < 0 ? -errno : r;
	if (takes && !is_map)
		(void)dup2(own, number);
	is_taken |= takes;
}

#define LOAD(member)                                                                       \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define IS(value, then, otherwise)                                                         \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, then, otherwise)

/* From here on the calls with the dump's number go to the handler. */
static int trap_calls(void)
{
	struct sock_filter code[] = {
		LOAD(nr),
		IS(SYS_mmap, 4, 0),
		IS(SYS_fallocate, 1, 0),
		IS(SYS_pwrite64, 0, 4),
		LOAD(args[0]),
		BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
		LOAD(args[4]),
		IS((unsigned)number, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	struct sigaction action = {.sa_sigaction = come_between, .sa_flags = SA_SIGINFO};

	return sigaction(SIGSYS, &action, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* cmocka takes the signal before each function of a test. */
static int handle_calls(void)
{
	struct sigaction action = {.sa_sigaction = come_between, .sa_flags = SA_SIGINFO};

	return sigaction(SIGSYS, &action, NULL);
}

static int begin(void **state)
{
	const struct mft_header header = {.header_bytes = HEADER, .chunk_bytes = CHUNK};
	static uint8_t bytes[OWN_BYTES];
	char path[256];
	const char *directory = workdir_make();

	(void)state;
	if (!directory || handle_calls())
		return 1;
	snprintf(path, sizeof(path), "%s/dump", directory);
	if (dumpfile_create(&dump, path, &header) < 0)
		return 1;
	memset(bytes, OWN_BYTE, sizeof(bytes));
	own = memfd_create("own", MFD_CLOEXEC);
	if (again < 0)
		again = dup(dump.fd);
	return own < 0 || again < 0 || write(own, bytes, sizeof(bytes)) != sizeof(bytes);
}

static int end(void **state)
{
	(void)state;
	dumpfile_abandon(&dump);
	dump = (struct dumpfile){0};
	close(number);
	close(again);
	again = -1;
	is_taken = false;
	taken_at = -1;
	close(own);
	workdir_remove();
	return 0;
}

static int begin_all(void **state)
{
	int r = begin(state);

	number = dump.fd;
	end(state);
	return r || trap_calls();
}

static void expect_own_as_it_was(void)
{
	static uint8_t bytes[OWN_BYTES + 1];

	assert_int_equal(pread(own, bytes, sizeof(bytes), 0), OWN_BYTES);
	for (size_t i = 0; i < OWN_BYTES; i++)
		assert_int_equal(bytes[i], OWN_BYTE);
}

/* Chunks until more had to be mapped twice: what is stored is in the dump, and there only.
 */
static void expect_dump_goes_on(long call, int nth)
{
	struct dumpfile_window window = {0}, old;
	struct mft_chunk *chunk;
	uint32_t found;

	assert_int_equal(dump.fd, number);
	assert_int_equal(handle_calls(), 0);
	taken_at = call;
	calls_left = nth;
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(dumpfile_take_chunk(&dump, &window, &old, &chunk), 0);
		dumpfile_unmap(&dump, &old);
		memcpy((uint8_t *)chunk + CHUNK - sizeof(i), &i, sizeof(i));
		assert_int_equal(pread(again, &found, sizeof(found),
				       HEADER + (off_t)(i + 1) * CHUNK - (off_t)sizeof(i)),
				 sizeof(found));
		assert_int_equal(found, i);
	}
	dumpfile_unmap(&dump, &window);
	assert_true(is_taken);
	assert_int_not_equal(dump.fd, number);
	assert_int_equal(dump.stopped, 0);
	expect_own_as_it_was();
}

static void test_taken_behind_fallocate(void **state)
{
	(void)state;
	expect_dump_goes_on(SYS_fallocate, 1);
}

static void test_taken_behind_a_write(void **state)
{
	(void)state;
	expect_dump_goes_on(SYS_pwrite64, 2);
}

static void test_taken_before_mmap(void **state)
{
	(void)state;
	expect_dump_goes_on(SYS_mmap, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_taken_behind_fallocate, begin, end),
		cmocka_unit_test_setup_teardown(test_taken_behind_a_write, begin, end),
		cmocka_unit_test_setup_teardown(test_taken_before_mmap, begin, end),
	};

	return cmocka_run_group_tests(tests, begin_all, NULL);
}
