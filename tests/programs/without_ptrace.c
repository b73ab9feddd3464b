/* SPDX-License-Identifier: MIT */
/*
 * without_ptrace PROGRAM ARGUMENT...: becomes that program under a system call filter that
 * refuses what reads another process's memory, as containers have it. Ends with status 3
 * where the filter does not hold.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define REFUSE_CALL(number)                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),                               \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static int refuse(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE_CALL(SYS_ptrace),
		REFUSE_CALL(SYS_process_vm_readv),
		REFUSE_CALL(SYS_process_vm_writev),
		REFUSE_CALL(SYS_kcmp),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {
		.len = sizeof(code) / sizeof(code[0]),
		.filter = code,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		return -errno;
	return 0;
}

static int is_refused(void)
{
	char byte = 'x', copy;
	struct iovec to = {&copy, 1}, from = {&byte, 1};

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 || errno != EPERM)
		return 0;
	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) < 0 && errno == EPERM;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (refuse() || !is_refused())
		return 3;
	execvp(argv[1], argv + 1);
	return 4;
}
