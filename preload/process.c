/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "filter.h"
#include "identity.h"
#include "leak_scan.h"
#include "lookup.h"
#include "modules.h"
#include "opening.h"
#include "order.h"
#include "real.h"
#include "recorder.h"
#include "ring.h"
#include "seal.h"
#include "snapshot.h"
#include "sys.h"
#include "text.h"
#include "unwinder.h"
#include "usable.h"
#include "walk.h"

#define ENVIRONMENT_BYTES (128u * 1024)

/* Pages of its own: see process.h. */
static union {
	struct process_page page;
	unsigned char space[ORDER_ALIGNMENT];
} process_page_space __attribute__((aligned(ORDER_ALIGNMENT)));
extern struct process_page process_page __attribute__((alias("process_page_space")));

struct process process;
process_clock_fn *process_clock_gettime = process_clock_call;
clockid_t process_exact_clock = CLOCK_MONOTONIC;

/* Set once, in the process that the library was loaded into: forked copies share it. */
static bool process_loaded;

void process_say(const char *what, const char *why)
{
	char line[256];
	struct text text;

	text_init(&text, line, sizeof(line) - 1);
	text_add(&text, "mftrace: ");
	text_add(&text, what);
	text_add(&text, ": ");
	text_add(&text, why);
	line[text.length] = '\n';
	(void)SYS3(SYS_write, 2, line, text.length + 1);
}

int process_clock_call(clockid_t clock, struct timespec *ret_now)
{
	return (int)SYS2(SYS_clock_gettime, clock, ret_now);
}

/* ---- What we are told ------------------------------------------------------------- */

/* The variable's value in a block of zero-terminated strings, or NULL. */
static const char *find_variable(const char *block, size_t bytes, const char *name)
{
	size_t length = strlen(name);

	for (const char *p = block; p < block + bytes && *p; p += strlen(p) + 1)
		if (strncmp(p, name, length) == 0 && p[length] == '=')
			return p + length + 1;
	return NULL;
}

/* MFTRACE_OPTIONS. libc's environ is not set before libc's own constructor ran; the
 * kernel's copy always is. */
static void read_options(struct config *config)
{
	char *block;
	long length;

	if (environ) {
		for (char **p = environ; *p; p++)
			if (strncmp(*p, "MFTRACE_OPTIONS=", 16) == 0) {
				config_parse(*p + 16, config);
				return;
			}
		config_parse(NULL, config);
		return;
	}
	block = sys_map_memory(ENVIRONMENT_BYTES);
	length = block ? sys_read_file("/proc/self/environ", block, ENVIRONMENT_BYTES) : 0;
	config_parse(length > 0 ? find_variable(block, (size_t)length, "MFTRACE_OPTIONS")
				: NULL,
		     config);
	if (block)
		sys_unmap(block, ENVIRONMENT_BYTES);
}

/* ---- Beginning -------------------------------------------------------------------- */

/* Without this the copy is told by the fork handler alone, that is, not after a raw clone.
 */
static void wipe_on_fork(void)
{
	(void)SYS3(SYS_madvise, &process_page_space, sizeof(process_page_space),
		   MADV_WIPEONFORK);
	(void)SYS3(SYS_madvise, order_words, sizeof(order_words), MADV_WIPEONFORK);
}

static void after_fork_in_child(void)
{
	__atomic_store_n(&process_page.state, PROCESS_UNKNOWN, __ATOMIC_RELEASE);
}

static void at_exit(int status, void *unused)
{
	(void)unused;
	process_mark_exit(true, status);
}

/* Finds the kernel's own clock_gettime: no hook stands in front of it, and it is half as
 * far (vdso(7)). */
static void find_clock(void)
{
	const void *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);
	void *found = NULL;

	if (vdso) {
		found = lookup_in(vdso, "__vdso_clock_gettime");
		if (!found)
			found = lookup_in(vdso, "__kernel_clock_gettime");
	}
	if (found)
		*(void **)(void *)&process_clock_gettime = found;
}

/* In the process that loaded the library. */
static bool begin_loaded(void)
{
	if (getauxval(AT_SECURE)) {
		process_say("nothing is recorded",
			    "the program runs with raised privileges");
		return false;
	}
	real_resolve();
	find_clock();
	read_options(&process.config);
	if (process.config.help)
		(void)SYS3(SYS_write, 2, config_help, strlen(config_help));
	identity_read_names();
	modules_begin();
	identity_read_allocator();
	usable_begin(process.allocator);
	wipe_on_fork();
	if (opening_settle_output() < 0) {
		process_say("nothing is recorded", "the working directory is gone");
		return false;
	}
	return opening_create(false);
}

/* In a copy of a process that recorded. */
static bool begin_forked(void)
{
	bool had_dump = process.dump.header != NULL;

	if (had_dump)
		memcpy(process.parent_dump_id, process.dump.header->dump_id,
		       sizeof(process.parent_dump_id));
	ring_forget();
	recorder_abandon_all();
	dumpfile_abandon(&process.dump);
	modules_forget();
	snapshot_forget();
	leak_scan_forget();
	/* Gives zeros, and no memory, whether the kernel wiped the words or not. */
	(void)SYS3(SYS_madvise, order_words, sizeof(order_words), MADV_DONTNEED);
	return had_dump && opening_create(true);
}

bool process_begin(void)
{
	uint32_t expected = PROCESS_UNKNOWN;
	struct recorder_pause pause;
	bool recording;
	int saved = errno;

	if (!__atomic_compare_exchange_n(&process_page.state, &expected, PROCESS_BEGINNING,
					 false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return expected == PROCESS_RECORDING || expected == PROCESS_PAUSED;
	/* What is allocated from here to the end is our own doing. */
	pause = recorder_pause();
	process.pid = sys_getpid();
	process.start_ns = order_now_ns(CLOCK_MONOTONIC);
	if (!process_loaded) {
		process_loaded = true;
		recording = begin_loaded();
	} else {
		recording = begin_forked();
	}
	/* Partner: process_ready. */
	__atomic_store_n(&process_page.state, recording ? PROCESS_RECORDING : PROCESS_INERT,
			 __ATOMIC_RELEASE);
	/* Whatever recorder this thread had was another process's. */
	pause.recorder = NULL;
	recorder_resume(pause);
	errno = saved;
	return recording;
}

/* What takes locks or allocates. Not where the recording begins: that may be in libc's own
 * list of functions for the end, which is locked then, or in the allocator, which is about
 * to set itself up. */
static void begin_rest(void)
{
	struct recorder_pause pause = recorder_pause();
	int saved = errno;

	/* To be told of copies and of the end. */
	pthread_atfork(NULL, NULL, after_fork_in_child);
	on_exit(at_exit, NULL);
	if (process.config.verify || !WALK_IS_NATIVE)
		unwinder_begin();
	recorder_resume(pause);
	errno = saved;
}

/* Among the first to run; whatever allocates before it begins the recording itself. */
__attribute__((constructor(101))) static void process_constructor(void)
{
	if (process_begin())
		begin_rest();
}

/* ---- Ending ----------------------------------------------------------------------- */

bool process_is_own(void)
{
	int pid;

	if (!process_is_active())
		return false;
	pid = sys_getpid();
	/* Who may not ask (filter.h) is taken for itself; but not a vfork child that has
	 * just confined itself. */
	return pid == process.pid || (pid < 0 && !filter_is_of_child());
}

/* What the dump tells of a process that is about to end; nobody folds from here on. */
static void begin_end(void)
{
	dumpfile_loosen(&process.dump, true);
	ring_hold();
	snapshot_take(MFT_SNAPSHOT_EXIT);
}

/* The dump as it stays, unless the process goes on all the same. */
static void settle_end(enum mft_state state)
{
	struct mft_header *header = process.dump.header;
	struct timespec now;

	header->end_clock = process_clock(true, &now);
	__atomic_store_n(&header->state, state, __ATOMIC_RELEASE);
	if (recorder_is_alone())
		dumpfile_trim(&process.dump);
	seal_process();
	ring_let_go();
}

void process_mark_exit(bool status_known, int status)
{
	struct mft_header *header = process.dump.header;
	int saved = errno;

	if (!process_is_own())
		return;
	begin_end();
	leak_scan_take(MFT_SNAPSHOT_EXIT);
	if (status_known) {
		header->exit_status = status & 0xff;
		__atomic_fetch_or(&header->flags, MFT_FLAG_EXIT_STATUS_KNOWN,
				  __ATOMIC_RELAXED);
	}
	settle_end(MFT_STATE_EXITED);
	errno = saved;
}

void process_mark_exec(void)
{
	int saved = errno;

	if (!process_is_own())
		return;
	begin_end();
	settle_end(MFT_STATE_EXEC);
	errno = saved;
}

void process_unmark_exec(void)
{
	if (!process_is_own())
		return;
	dumpfile_loosen(&process.dump, true);
	__atomic_store_n(&process.dump.header->state, MFT_STATE_RUNNING, __ATOMIC_RELEASE);
}
