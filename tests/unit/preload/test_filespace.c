/* SPDX-License-Identifier: MIT */
/*
 * Space in a file, with fallocate and where a file system has none: then a filter of system
 * calls answers in its place. What was stored stays, whichever range is reserved next, and
 * limits are errors without a signal.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "filespace.h"
#include "process.h"

/* What the recorder has in process.c, which is not part of what is tested. */
struct process process;

#define PIECE (64u << 10)
#define THREADS 4
#define PIECES 200

static int open_file(void **state)
{
	static int fd;

	fd = memfd_create("filespace", MFD_CLOEXEC);
	*state = &fd;
	return fd < 0;
}

static int close_file(void **state)
{
	return close(*(int *)*state);
}

static uint64_t size_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_size;
}

static uint64_t space_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* From here on fallocate fails as on a file system that has none. */
static int refuse_fallocate(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = code};
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 1;
	r = open_file(state);
	return r ? r
		 : !(syscall(SYS_fallocate, *(int *)*state, 0, 0, 1) < 0 &&
		     errno == EOPNOTSUPP);
}

static void test_space_is_there(void **state)
{
	const int fd = *(int *)*state;

	assert_int_equal(filespace_reserve(fd, 0, PIECE), 0);
	assert_true(size_of(fd) >= PIECE);
	assert_true(space_of(fd) >= PIECE);
	/* With a hole before it. */
	assert_int_equal(filespace_reserve(fd, 4 * PIECE, PIECE), 0);
	assert_true(size_of(fd) >= 5 * PIECE);
}

static void test_what_is_stored_stays(void **state)
{
	const int fd = *(int *)*state;
	void *far, *near;

	assert_int_equal(filespace_reserve(fd, 7 * PIECE, PIECE), 0);
	assert_int_equal(filespace_map(fd, 7 * PIECE, PIECE, &far), 0);
	memset(far, 0x5a, PIECE);
	/* Nearer, and the same again. */
	assert_int_equal(filespace_reserve(fd, PIECE, PIECE), 0);
	assert_int_equal(filespace_reserve(fd, 7 * PIECE, PIECE), 0);
	assert_true(size_of(fd) >= 8 * PIECE);
	for (size_t i = 0; i < PIECE; i++)
		assert_int_equal(((uint8_t *)far)[i], 0x5a);
	assert_int_equal(filespace_map(fd, PIECE, PIECE, &near), 0);
	for (size_t i = 0; i < PIECE; i++)
		assert_int_equal(((uint8_t *)near)[i], 0);
	munmap(near, PIECE);
	munmap(far, PIECE);
}

struct worker {
	pthread_t thread;
	int fd;
	unsigned number;
	unsigned wrong;
};

/* Reserves every THREADS-th piece, backwards in pairs, and fills it to its last byte. */
static void *reserve_and_fill(void *arg)
{
	struct worker *worker = arg;
	void *map;

	for (unsigned i = 0; i < PIECES; i++) {
		const uint64_t offset =
			(uint64_t)((i ^ 1) * THREADS + worker->number) * PIECE;

		if (filespace_reserve(worker->fd, offset, PIECE) ||
		    filespace_map(worker->fd, offset, PIECE, &map)) {
			worker->wrong++;
			continue;
		}
		memset(map, (int)worker->number + 1, PIECE);
		munmap(map, PIECE);
	}
	return NULL;
}

static void test_threads_do_not_cut_each_other(void **state)
{
	struct worker workers[THREADS];
	const int fd = *(int *)*state;
	const size_t bytes = (size_t)PIECES * THREADS * PIECE;
	uint8_t *all;

	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.fd = fd, .number = i};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, reserve_and_fill,
						&workers[i]),
				 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_int_equal(workers[i].wrong, 0);
	}
	assert_true(size_of(fd) >= bytes);
	all = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(all, MAP_FAILED);
	for (size_t i = 0; i < bytes; i += 64)
		assert_int_equal(all[i], i / PIECE % THREADS + 1);
	assert_int_equal(all[bytes - 1], THREADS);
	munmap(all, bytes);
}

static void test_the_limit_is_an_error(void **state)
{
	const int fd = *(int *)*state;
	struct rlimit before, lowered;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	lowered = before;
	lowered.rlim_cur = 2 * PIECE + 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &lowered), 0);
	assert_int_equal(filespace_reserve(fd, 0, 2 * PIECE), 0);
	/* SIGXFSZ would end the process here. */
	assert_int_equal(filespace_reserve(fd, 2 * PIECE, 2 * PIECE), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(size_of(fd) >= 2 * PIECE);
}

#define WITH_A_FILE(test) cmocka_unit_test_setup_teardown(test, open_file, close_file)
/* Once refused, always refused: these come last. */
#define REFUSED(test)                                                                      \
	{                                                                                  \
#test "_without_fallocate", test, refuse_fallocate, close_file, NULL       \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_A_FILE(test_space_is_there),
		WITH_A_FILE(test_what_is_stored_stays),
		WITH_A_FILE(test_threads_do_not_cut_each_other),
		WITH_A_FILE(test_the_limit_is_an_error),
		REFUSED(test_space_is_there),
		REFUSED(test_what_is_stored_stays),
		REFUSED(test_threads_do_not_cut_each_other),
		REFUSED(test_the_limit_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
