/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "filter.h"
#include "leak_scan.h"
#include "lookup.h"
#include "mft_seal.h"
#include "modules.h"
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

static void read_names(void)
{
	long length = SYS4(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", process.exe,
			   sizeof(process.exe) - 1);
	const char *given;

	process.exe[length > 0 ? length : 0] = '\0';
	if (length <= 0) {
		given = (const char *)getauxval(AT_EXECFN);
		if (given && strlen(given) < sizeof(process.exe))
			strcpy(process.exe, given);
	}
	length = SYS2(SYS_getcwd, process.cwd, sizeof(process.cwd));
	if (length <= 0)
		process.cwd[0] = '\0';
}

static const char *exe_name(void)
{
	const char *slash = strrchr(process.exe, '/');

	return slash ? slash + 1 : process.exe;
}

/* The path of the module that holds address, or "". The program's own module may have a
 * relative name there. */
static void read_module(const void *address, char *ret_path, size_t bytes)
{
	Dl_info info;
	struct text text;

	text_init(&text, ret_path, bytes);
	if (!dladdr(address, &info) || !info.dli_fname)
		return;
	if (info.dli_fname[0] == '/')
		text_add(&text, info.dli_fname);
	else
		text_add(&text, process.exe);
}

/* Whose malloc serves the program, and whether it is called before ours is: a program that
 * defines malloc itself never comes to us, and its profile would be empty without a word.
 */
static void read_allocator(void)
{
	const void *first = dlsym(RTLD_DEFAULT, "malloc");
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	read_module((const void *)(uintptr_t)real.malloc, process.allocator,
		    sizeof(process.allocator));
	process.own_malloc[0] = '\0';
	if (!first || modules_is_own((uintptr_t)first))
		return;
	/* In a program at a fixed address it may be the stub through which it calls others:
	 * such a symbol is undefined and yet has a value (ELF gABI, "Symbol Values"). */
	if (dladdr1(first, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol &&
	    symbol->st_shndx != SHN_UNDEF)
		read_module(first, process.own_malloc, sizeof(process.own_malloc));
}

/* Makes the output template absolute while the working directory is still the user's. A
 * '%' in the directory's own name must not be taken for an escape. */
static int settle_output(void)
{
	const char *given = process.config.output;
	struct text text;

	text_init(&text, process.output, sizeof(process.output));
	if (given[0] != '/') {
		if (process.cwd[0] != '/')
			return -ENOENT;
		for (const char *p = process.cwd; *p; p++) {
			if (*p == '%')
				text_add_char(&text, '%');
			text_add_char(&text, *p);
		}
		text_add_char(&text, '/');
	}
	text_add(&text, given[0] ? given : "mftrace.%e.%p.mft");
	return text.cut ? -ENAMETOOLONG : 0;
}

/* Field 22 of /proc/self/stat; the name in field 2 may hold blanks and parentheses. */
static uint64_t read_start_ticks(void)
{
	char stat[1024];
	long length = sys_read_file("/proc/self/stat", stat, sizeof(stat));
	const char *p = length > 0 ? strrchr(stat, ')') : NULL;
	uint64_t ticks = 0;

	for (int field = 2; p && field < 22; field++) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	if (p)
		(void)text_take_number(&p, stat + length, 10, &ticks);
	return ticks;
}

/* /proc/sys/kernel/random/boot_id: a UUID in text. */
static void read_boot_id(uint8_t *ret_id)
{
	char uuid[64];
	long length = sys_read_file("/proc/sys/kernel/random/boot_id", uuid, sizeof(uuid));
	unsigned nibbles = 0;

	for (long i = 0; i < length && nibbles < 32; i++) {
		const char *p = &uuid[i];
		uint64_t digit;

		if (!text_take_number(&p, &uuid[i] + 1, 16, &digit))
			continue;
		ret_id[nibbles / 2] |= (uint8_t)(nibbles % 2 ? digit : digit << 4);
		nibbles++;
	}
}

/* ---- Beginning -------------------------------------------------------------------- */

static void fill_header(struct mft_header *header, bool forked)
{
	memset(header, 0, sizeof(*header));
	memcpy(header->magic, MFT_MAGIC, MFT_MAGIC_BYTES);
	header->version_major = MFT_VERSION_MAJOR;
	header->version_minor = MFT_VERSION_MINOR;
	header->page_bytes = (uint32_t)getauxval(AT_PAGESZ);
	header->header_bytes = header->page_bytes > MFT_HEADER_BYTES ? header->page_bytes
								     : MFT_HEADER_BYTES;
	header->chunk_bytes = MFT_CHUNK_BYTES_DEFAULT;
#if defined(__x86_64__)
	header->elf_machine = EM_X86_64;
#elif defined(__aarch64__)
	header->elf_machine = EM_AARCH64;
#else
	header->elf_machine = EM_NONE;
#endif
	header->pointer_bytes = sizeof(void *);
	header->mode = process.config.ring_bytes ? MFT_MODE_RING : MFT_MODE_FULL;
	header->pid = process.pid;
	header->ppid = (int32_t)SYS0(SYS_getppid);
	header->start_ticks = read_start_ticks();
	header->start_unix_ns = order_now_ns(CLOCK_REALTIME);
	header->start_monotonic_ns = process.start_ns;
	header->clock_unit_ns = MFT_CLOCK_UNIT_NS;
	read_boot_id(header->boot_id);
	(void)SYS3(SYS_getrandom, header->dump_id, sizeof(header->dump_id), 0);
	if (process.own_malloc[0])
		header->flags |= MFT_FLAG_OWN_MALLOC;
	if (forked) {
		memcpy(header->parent_id, process.parent_dump_id,
		       sizeof(header->parent_id));
		header->flags |= MFT_FLAG_FORKED;
	}
	strncpy(header->recorder, "mftrace " MFTRACE_VERSION, sizeof(header->recorder) - 1);
	header->start_seal = mft_seal_start(header);
}

static const char *why(int error)
{
	switch (-error) {
	case EACCES:
	case EPERM:
		return "permission denied";
	case ENOENT:
		return "no such directory";
	case ENOTDIR:
		return "not a directory";
	case ENOSPC:
	case EDQUOT:
		return "no space left on the device";
	case EFBIG:
		return "over the file size limit";
	case EROFS:
		return "read-only file system";
	case ENAMETOOLONG:
		return "file name too long";
	case EEXIST:
		return "the file and its numbered successors exist";
	default:
		return "cannot create the dump";
	}
}

static bool open_dump(bool forked)
{
	static struct mft_header header;
	static char path[CONFIG_PATH_BYTES];
	int r;

	fill_header(&header, forked);
	r = config_expand(process.output, process.pid, exe_name(), path, sizeof(path));
	if (r == 0)
		r = dumpfile_create(&process.dump, path, &header);
	if (r == 0 && process.config.ring_bytes) {
		r = ring_begin(&process.dump, process.config.ring_bytes);
		if (r < 0)
			dumpfile_discard(&process.dump);
	}
	if (r == 0)
		return true;
	/* A child's standard error may be anything by now; the parent's dump goes on. */
	if (!forked)
		process_say(path[0] ? path : process.output, why(r));
	return false;
}

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
	read_names();
	modules_begin();
	read_allocator();
	usable_begin(process.allocator);
	wipe_on_fork();
	if (settle_output() < 0) {
		process_say("nothing is recorded", "the working directory is gone");
		return false;
	}
	return open_dump(false);
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
	return had_dump && open_dump(true);
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

int process_describe(struct mft_encoder *encoder)
{
	static char arguments[24 * 1024];
	long length = sys_read_file("/proc/self/cmdline", arguments, sizeof(arguments));
	struct mft_long record;

	mft_long_begin(encoder, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_varint(&record,
			length == (long)sizeof(arguments) - 1 ? MFT_PROCESS_ARGS_CUT : 0);
	mft_long_bytes(&record, process.exe, strlen(process.exe));
	mft_long_bytes(&record, process.cwd, strlen(process.cwd));
	mft_long_bytes(&record, arguments, length > 0 ? (size_t)length : 0);
	return mft_long_end(encoder, &record, MFT_OP_PROCESS);
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

static void mark(enum mft_state state)
{
	struct mft_header *header = process.dump.header;
	struct timespec now;

	header->end_clock = process_clock(true, &now);
	__atomic_store_n(&header->state, state, __ATOMIC_RELEASE);
}

void process_mark_exit(bool status_known, int status)
{
	struct mft_header *header = process.dump.header;
	int saved = errno;

	if (!process_is_own())
		return;
	dumpfile_loosen(&process.dump, true);
	ring_hold();
	snapshot_take(MFT_SNAPSHOT_EXIT);
	leak_scan_take(MFT_SNAPSHOT_EXIT);
	if (status_known) {
		header->exit_status = status & 0xff;
		__atomic_fetch_or(&header->flags, MFT_FLAG_EXIT_STATUS_KNOWN,
				  __ATOMIC_RELAXED);
	}
	mark(MFT_STATE_EXITED);
	if (recorder_is_alone())
		dumpfile_trim(&process.dump);
	seal_process();
	ring_let_go();
	errno = saved;
}

void process_mark_exec(void)
{
	int saved = errno;

	if (!process_is_own())
		return;
	dumpfile_loosen(&process.dump, true);
	ring_hold();
	snapshot_take(MFT_SNAPSHOT_EXIT);
	mark(MFT_STATE_EXEC);
	if (recorder_is_alone())
		dumpfile_trim(&process.dump);
	seal_process();
	ring_let_go();
	errno = saved;
}

void process_unmark_exec(void)
{
	if (!process_is_own())
		return;
	dumpfile_loosen(&process.dump, true);
	__atomic_store_n(&process.dump.header->state, MFT_STATE_RUNNING, __ATOMIC_RELEASE);
}
