/* SPDX-License-Identifier: MIT */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "filter.h"
#include "process.h"
#include "real.h"
#include "recorder.h"
#include "snapshot.h"
#include "sys.h"

/* Some five million events. */
#define LAID_IN_BYTES (32u << 20)

/* What SECCOMP_MODE_STRICT leaves, as a filter. */
static struct sock_filter strict_code[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 3, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};
static const struct sock_fprog strict = {
	.len = sizeof(strict_code) / sizeof(strict_code[0]),
	.filter = strict_code,
};

/* NULL: a filter that could not be read, which may refuse everything. */
static bool allows(const struct filter *filter, long number, long a, long b, long c)
{
	const long arguments[6] = {a, b, c, 0, 0, 0};

	return filter && filter_would_allow(filter, number, arguments);
}

/* Where no clock can be asked: time stands still. */
static struct timespec last_time;

static int stopped_clock(clockid_t clock, struct timespec *ret_now)
{
	(void)clock;
	*ret_now = last_time;
	return 0;
}

/* By the vdso the coarse clock is read without a system call on every machine, the exact
 * one is not (vdso(7)). */
static void settle_clock(const struct filter *filter)
{
	if (allows(filter, SYS_clock_gettime, CLOCK_MONOTONIC, 0, 0))
		return;
	process_exact_clock = CLOCK_MONOTONIC_COARSE;
	if (process_clock_gettime == process_clock_call) {
		(void)process_clock_call(CLOCK_MONOTONIC, &last_time);
		process_clock_gettime = stopped_clock;
	}
}

static void prepare_recorder(struct recorder *r, void *context)
{
	const struct filter *filter = context;
	const char *said = "its system calls are confined (seccomp)";

	if (!allows(filter, SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE))
		recorder_lay_in(r);
	if ((!filter || dumpfile_would_stop(&process.dump, filter)) &&
	    dumpfile_lay_in(&process.dump, LAID_IN_BYTES) == 0)
		said = "its system calls are confined (seccomp): at most 32 MiB more of "
		       "events can be recorded";
	recorder_put_notice(r, MFT_NOTICE_FILTER, said);
}

/* The last look at what can be looked at. */
static void prepare(struct filter *filter)
{
	struct recorder_pause pause;

	settle_clock(filter);
	pause = recorder_pause();
	real_resolve_cxx();
	recorder_resume(pause);
	if (!allows(filter, SYS_openat, AT_FDCWD, (long)"/proc/self/maps",
		    O_RDONLY | O_CLOEXEC))
		snapshot_take(MFT_SNAPSHOT_INTERVAL);
	(void)recorder_run(prepare_recorder, filter);
}

void confine_begin(struct confinement *confinement, bool is_strict, const void *program)
{
	const int saved = errno;
	bool is_own;

	confinement->is_nothing = !is_strict && !program;
	if (confinement->is_nothing)
		return;
	/* In a vfork child the memory is the parent's, and the filter is not. */
	is_own = !process_ready() || process_is_own();
	confinement->filter = filter_new(is_strict ? &strict : program, !is_own);
	if (process_is_own())
		prepare(confinement->filter);
	filter_enforce(confinement->filter);
	errno = saved;
}

void confine_end(struct confinement *confinement, bool succeeded)
{
	if (!succeeded && !confinement->is_nothing)
		filter_drop(confinement->filter);
}
