/* SPDX-License-Identifier: MIT */
/*
 * Prints what a process may do and who may look into it: user, capabilities, whether it can
 * be dumped, what prctl(2) tells, and how the kernel describes it.
 */
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "truth.h"

static TRUTH_SITE void *something(size_t size)
{
	return malloc(size);
}

static void print_prctl(const char *name, int option)
{
	printf("%s %d\n", name, prctl(option, 0, 0, 0, 0));
}

static void print_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	memset(data, 0, sizeof(data));
	syscall(SYS_capget, &header, data);
	for (int i = 0; i < 2; i++)
		printf("capabilities %x %x %x\n", data[i].effective, data[i].permitted,
		       data[i].inheritable);
	for (unsigned long c = 0; c < 41; c++)
		printf("%d%d", prctl(PR_CAPBSET_READ, c, 0, 0, 0),
		       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0));
	printf("\n");
}

/* Lines of /proc/self/status that say nothing of sizes, times and numbers of processes. */
static void print_status(void)
{
	static const char *const wanted[] = {
		"Name",	       "Umask",	     "TracerPid",  "Uid",     "Gid",
		"Groups",      "Threads",    "SigPnd",	   "ShdPnd",  "SigBlk",
		"SigIgn",      "SigCgt",     "CapInh",	   "CapPrm",  "CapEff",
		"CapBnd",      "CapAmb",     "NoNewPrivs", "Seccomp", "Seccomp_filters",
		"CoreDumping", "THP_enabled"};
	FILE *status = fopen("/proc/self/status", "re");
	char line[1024];

	while (status && fgets(line, sizeof(line), status)) {
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			size_t length = strlen(wanted[i]);

			if (strncmp(line, wanted[i], length) == 0 && line[length] == ':')
				fputs(line, stdout);
		}
	}
	if (status)
		fclose(status);
}

int main(void)
{
	struct truth_count count = {0};
	int signal = -1;

	free(something(300));
	truth_allocated(&count, 300);
	truth_freed(&count, 300);
	printf("users %d %d groups %d %d\n", (int)getuid(), (int)geteuid(), (int)getgid(),
	       (int)getegid());
	print_prctl("dumpable", PR_GET_DUMPABLE);
	print_prctl("keeps capabilities", PR_GET_KEEPCAPS);
	print_prctl("no new privileges", PR_GET_NO_NEW_PRIVS);
	print_prctl("secure bits", PR_GET_SECUREBITS);
	print_prctl("seccomp", PR_GET_SECCOMP);
	print_prctl("timer slack", PR_GET_TIMERSLACK);
	print_prctl("timing", PR_GET_TIMING);
	print_prctl("huge pages off", PR_GET_THP_DISABLE);
	prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0);
	printf("parent's death %d\n", signal);
	print_capabilities();
	print_status();
	truth_site("something", &count, NULL);
	fflush(stdout);
	truth_print();
	return 0;
}
