/* SPDX-License-Identifier: MIT */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define FILES_MOST 4096u

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#define ARGUMENT_0(context) ((context)->uc_mcontext.gregs[REG_RDI])
#define ARGUMENT_1(context) ((context)->uc_mcontext.gregs[REG_RSI])
#define ARGUMENT_2(context) ((context)->uc_mcontext.gregs[REG_RDX])
#define ARGUMENT_3(context) ((context)->uc_mcontext.gregs[REG_R10])
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#define ARGUMENT_0(context) ((context)->uc_mcontext.regs[0])
#define ARGUMENT_1(context) ((context)->uc_mcontext.regs[1])
#define ARGUMENT_2(context) ((context)->uc_mcontext.regs[2])
#define ARGUMENT_3(context) ((context)->uc_mcontext.regs[3])
#endif

/* ---- Limits ----------------------------------------------------------------------- */

static void limit(int resource, rlim_t most)
{
	struct rlimit limits = {most, most};
	struct rlimit now;

	/* Only ever lower: raising fails, and all of it then. The hard limit on memory
	 * stays, because mftrace raises the soft one with the size of each file. */
	if (getrlimit(resource, &now) == 0) {
		if (now.rlim_max < most)
			limits.rlim_cur = now.rlim_max;
		if (now.rlim_max < most || resource == RLIMIT_AS || resource == RLIMIT_CPU)
			limits.rlim_max = now.rlim_max;
	}
	(void)setrlimit(resource, &limits);
}

/* Address space of this process; 0: not known. */
static uint64_t address_space_bytes(void)
{
	unsigned long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return 0;
	if (fscanf(file, "%llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void set_limits(const struct sandbox_limits *limits)
{
	uint64_t used = address_space_bytes();
	struct timespec cpu = {.tv_sec = 0};

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, FILES_MOST);
	limit(RLIMIT_CPU, (rlim_t)cpu.tv_sec + 1 + limits->cpu_seconds);
	if (used)
		limit(RLIMIT_AS, used + limits->memory_bytes);
}

/* ---- System calls ----------------------------------------------------------------- */

#ifdef MACHINE

static sandbox_open_fn *open_file;

static long opened(long directory, const char *path, long flags)
{
	if ((flags & (O_ACCMODE | O_CREAT | O_TRUNC)) != O_RDONLY)
		return -EACCES;
	if (path[0] != '/' && (int)directory != AT_FDCWD)
		return -EACCES;
	return open_file(path);
}

/* A call that the filter has stopped: does what is meant, where that is allowed, and sets
 * what the call returns. */
static void on_stopped_call(int signal_number, siginfo_t *info, void *argument)
{
	ucontext_t *context = argument;
	int saved_errno = errno;
	long result = -EPERM;

	(void)signal_number;
	switch (info->si_syscall) {
	case SYS_openat:
		result = opened(ARGUMENT_0(context), (const char *)ARGUMENT_1(context),
				ARGUMENT_2(context));
		break;
#ifdef SYS_open
	case SYS_open:
		result = opened(AT_FDCWD, (const char *)ARGUMENT_0(context),
				ARGUMENT_1(context));
		break;
#endif
	case SYS_newfstatat:
		/* How C libraries spell fstat(2). */
		if (*(const char *)ARGUMENT_1(context) == '\0' &&
		    (ARGUMENT_3(context) & AT_EMPTY_PATH)) {
			result = syscall(SYS_fstat, ARGUMENT_0(context),
					 ARGUMENT_2(context));
			result = result < 0 ? -errno : result;
		}
		break;
	case SYS_readlinkat:
#ifdef SYS_readlink
	case SYS_readlink:
#endif
		/* No path has links here: those that are opened were made canonical. */
		result = -EINVAL;
		break;
	}
	RESULT(context) = result;
	errno = saved_errno;
}

#define LOAD(member)                                                                       \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, member))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define ALLOW(call)                                                                        \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), RETURN(SECCOMP_RET_ALLOW)
#define STOP(call)                                                                         \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), RETURN(SECCOMP_RET_TRAP)
/* Allowed where none of the bits of the third argument are set: what protection a mapping
 * gets, and the command of fcntl (0 to 4: no locks, no signals). */
#define ALLOW_WITHOUT(call, bits)                                                          \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 4), LOAD(args[2]),              \
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 1, 0),                        \
		RETURN(SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW_COMMAND(call, place, most)                                                   \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 4), LOAD(args[place]),          \
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (most), 1, 0),                         \
		RETURN(SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_ERRNO | EPERM)

static bool filter_calls(void)
{
	static struct sock_filter steps[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		/* Reading what is open, and answering. */
		ALLOW(read),
		ALLOW(pread64),
		ALLOW(readv),
		ALLOW(lseek),
		ALLOW(fstat),
		ALLOW(close),
		ALLOW(recvmsg),
		ALLOW(sendmsg),
		/* Memory that is not executed. */
		ALLOW_WITHOUT(mmap, PROT_EXEC),
		ALLOW_WITHOUT(mprotect, PROT_EXEC),
		ALLOW(munmap),
		ALLOW(mremap),
		ALLOW(madvise),
		ALLOW(brk),
		ALLOW_COMMAND(fcntl, 1, F_GETFL),
		/* What a C library does for itself. */
		ALLOW(futex),
		ALLOW(getrandom),
		ALLOW(clock_gettime),
		ALLOW(sysinfo),
		ALLOW(rt_sigprocmask),
		ALLOW(rt_sigreturn),
		ALLOW(exit),
		ALLOW(exit_group),
		/* Looked at by the handler. */
		STOP(openat),
		STOP(newfstatat),
		STOP(readlinkat),
#ifdef SYS_open
		STOP(open),
		STOP(readlink),
#endif
		RETURN(SECCOMP_RET_ERRNO | EPERM),
	};
	const struct sock_fprog program = {sizeof(steps) / sizeof(steps[0]), steps};
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_stopped_call;
	action.sa_flags = SA_SIGINFO | SA_NODEFER;
	return sigaction(SIGSYS, &action, NULL) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool sandbox_can_filter(void)
{
	/* With no program the kernel refuses the pointer (EFAULT), unless it has no filters
	 * at all (EINVAL): seccomp(2). */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 && errno == EFAULT;
}

bool sandbox_enter(const struct sandbox_limits *limits, sandbox_open_fn *open)
{
	set_limits(limits);
	open_file = open;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && !limits->without_filter &&
	       filter_calls();
}

#else

bool sandbox_can_filter(void)
{
	return false;
}

bool sandbox_enter(const struct sandbox_limits *limits, sandbox_open_fn *open)
{
	(void)open;
	set_limits(limits);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return false;
}

#endif
