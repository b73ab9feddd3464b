/* SPDX-License-Identifier: MIT */
#include "park.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "memory.h"
#include "process.h"
#include "restart.h"
#include "sys.h"
#include "task.h"
#include "text.h"

#define PARK_SIGNAL 33
#define PARKED_MOST (32u * 1024)
/* How long to wait while nobody comes; and for those that block the signal. */
#define PATIENCE_NS 500000000ull
#define PATIENCE_BLOCKING_NS 100000000ull
#define STEP_NS 5000000

#define SA_RESTORER_FLAG 0x04000000ul /* x86: asm/signal.h */

/* struct sigaction as the kernel has it. */
struct action {
	uintptr_t handler;
	unsigned long flags;
#if defined(__x86_64__)
	void (*restorer)(void);
#endif
	uint64_t mask;
};

static struct parked *parked; /* PARKED_MOST; stays: a late signal may look */
static uint32_t parked_count; /* atomic: the handler looks */
static uint32_t arrived;      /* atomic, futex: +1 with each thread that stops */
static uint32_t hold;	      /* atomic, futex: whether to wait */
static struct action before;  /* the signal's disposition otherwise */
static bool installed;

/* ---- The handler ------------------------------------------------------------------- */

static void futex_wait(uint32_t *word, uint32_t value, const struct timespec *timeout)
{
	(void)SYS6(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout, NULL, 0);
}

static void futex_wake(uint32_t *word)
{
	(void)SYS3(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX);
}

static struct parked *find_own(void)
{
	int tid = sys_gettid();
	uint32_t count = __atomic_load_n(&parked_count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++)
		if (parked[i].tid == tid &&
		    __atomic_load_n(&parked[i].state, __ATOMIC_ACQUIRE) != PARKED_GONE)
			return &parked[i];
	return NULL;
}

/* What a thread was doing, and where it goes on. */
static void take_context(struct parked *own, ucontext_t *context)
{
	mcontext_t *machine = &context->uc_mcontext;

#if defined(__x86_64__)
	own->registers = (const uintptr_t *)machine->gregs;
	own->registers_count = REG_RIP; /* the general ones come before it */
	own->stack_pointer = (uintptr_t)machine->gregs[REG_RSP];
#elif defined(__aarch64__)
	own->registers = (const uintptr_t *)machine->regs;
	own->registers_count = 31;
	own->stack_pointer = (uintptr_t)machine->sp;
#else
	own->registers = (const uintptr_t *)machine;
	own->registers_count = sizeof(*machine) / sizeof(uintptr_t);
	own->stack_pointer = (uintptr_t)machine;
#endif
	own->thread_pointer = (uintptr_t)__builtin_thread_pointer();
}

/* Whether the signal is the one that we sent. */
static bool is_ours(struct parked *own, const siginfo_t *info)
{
	if (info->si_code == SI_QUEUE)
		return info->si_value.sival_ptr == parked;
	return own && own->plain && __atomic_exchange_n(&own->plain, 0, __ATOMIC_ACQ_REL);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	struct parked *own = find_own();
	uint32_t coming = PARKED_COMING;

	if (!is_ours(own, info)) {
		if (before.handler > (uintptr_t)SIG_IGN)
			((void (*)(int, siginfo_t *, void *))before.handler)(number, info,
									     context);
		return;
	}
	if (!own || __atomic_load_n(&own->state, __ATOMIC_ACQUIRE) != coming)
		return; /* it comes after its time */
	take_context(own, context);
	/* Partners: count_coming and give_up. */
	if (!__atomic_compare_exchange_n(&own->state, &coming, PARKED_STOPPED, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return;
	__atomic_fetch_add(&arrived, 1, __ATOMIC_RELEASE);
	futex_wake(&arrived);
	while (__atomic_load_n(&hold, __ATOMIC_ACQUIRE))
		futex_wait(&hold, 1, NULL);
	restart_call(own, context);
}

#if defined(__x86_64__)
/* What the kernel returns to after a handler; unwinders know it by its bytes. */
__asm__(".text\n"
	".balign 16\n"
	"	nop\n"
	".type park_restorer, @function\n"
	"park_restorer:\n"
	"	movq $15, %rax\n" /* rt_sigreturn */
	"	syscall\n"
	".size park_restorer, . - park_restorer\n");
extern void park_restorer(void) __attribute__((visibility("hidden")));
#endif

static bool install(void)
{
	struct action action = {
		.handler = (uintptr_t)on_signal,
		/* On the alternate stack where there is one: threads without any other room
		 * (coroutines, a runtime's small stacks) have one for all handlers. */
		.flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK,
		.mask = ~0ull,
	};

	if (installed)
		return true;
#if defined(__x86_64__)
	action.flags |= SA_RESTORER_FLAG;
	action.restorer = park_restorer;
#endif
	installed = SYS4(SYS_rt_sigaction, PARK_SIGNAL, &action, &before,
			 sizeof(action.mask)) == 0;
	return installed;
}

/* ---- Who is there ------------------------------------------------------------------ */

/* Notes what the thread sleeps in, if it does; what is not told now stays as it was. */
static void look_at_call(struct parked *thread)
{
	int r = task_read_call(thread->tid, &thread->call, &thread->stack_pointer);

	thread->unasked = r == -EACCES;
	if (r == 1)
		thread->sleeping = true;
}

static bool is_known(int tid)
{
	for (uint32_t i = 0; i < parked_count; i++)
		if (parked[i].tid == tid && parked[i].state != PARKED_GONE)
			return true;
	return false;
}

/* Sends the signal, marked as ours; or plain, where a filter refuses that. Returns 0 or
 * -errno. */
static long send(struct parked *thread)
{
	siginfo_t info;
	long r;

	memset(&info, 0, sizeof(info));
	info.si_signo = PARK_SIGNAL;
	info.si_code = SI_QUEUE;
	info.si_pid = process.pid;
	info.si_value.sival_ptr = parked;
	r = SYS4(SYS_rt_tgsigqueueinfo, process.pid, thread->tid, PARK_SIGNAL, &info);
	if (r >= 0 || r == -ESRCH)
		return r;
	__atomic_store_n(&thread->plain, 1, __ATOMIC_RELEASE);
	return SYS3(SYS_tgkill, process.pid, thread->tid, PARK_SIGNAL);
}

static void set_state(struct parked *thread, enum parked_state state)
{
	__atomic_store_n(&thread->state, state, __ATOMIC_RELEASE);
}

/* Sends the signal to a thread that is not known to block it. */
static void call(struct parked *thread)
{
	long r;

	look_at_call(thread);
	set_state(thread, PARKED_COMING);
	r = send(thread);
	if (r < 0)
		set_state(thread, r == -ESRCH ? PARKED_GONE : PARKED_RUNNING);
}

static void stop(int tid)
{
	struct parked *thread = &parked[parked_count];

	if (parked_count == PARKED_MOST)
		return;
	*thread = (struct parked){.tid = tid, .state = PARKED_BLOCKING};
	/* Partner: find_own. */
	__atomic_store_n(&parked_count, parked_count + 1, __ATOMIC_RELEASE);
	if (!installed)
		set_state(thread, PARKED_RUNNING);
	else if (!task_blocks(tid, PARK_SIGNAL))
		call(thread);
}

/* Sends the signal to every thread that has not been sent it. Returns whether there was
 * one, or -errno. */
static int stop_new(int self)
{
	static char entries[16 * 1024];
	int fd = sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int found = 0;
	long got;

	if (fd < 0)
		return fd;
	while ((got = SYS3(SYS_getdents64, fd, entries, sizeof(entries))) > 0) {
		/* struct linux_dirent64: inode, offset, u16 length, type, name. */
		for (long at = 0; at < got;) {
			const char *name = entries + at + 19, *p = name;
			uint16_t length;
			uint64_t tid;

			memcpy(&length, entries + at + 16, sizeof(length));
			at += length;
			if (!text_take_number(&p, name + strlen(name), 10, &tid) ||
			    (int)tid == self || is_known((int)tid))
				continue;
			stop((int)tid);
			found = 1;
		}
	}
	sys_close(fd);
	return found;
}

/* ---- Waiting ----------------------------------------------------------------------- */

/* How many are still to come, and how many of these block the signal. */
static uint32_t count_coming(uint32_t *ret_blocking)
{
	uint32_t coming = 0, blocking = 0;

	for (uint32_t i = 0; i < parked_count; i++) {
		struct parked *thread = &parked[i];
		uint32_t state = __atomic_load_n(&thread->state, __ATOMIC_ACQUIRE);

		if (state != PARKED_COMING && state != PARKED_BLOCKING)
			continue;
		if (task_is_gone(thread->tid)) {
			set_state(thread, PARKED_GONE);
			continue;
		}
		if (state == PARKED_BLOCKING && !task_blocks(thread->tid, PARK_SIGNAL))
			call(thread);
		else
			blocking += state == PARKED_BLOCKING;
		coming++;
	}
	*ret_blocking = blocking;
	return coming;
}

/* The kernel's own clock_gettime: a hook in front of libc's may take a lock. */
static uint64_t now_ns(void)
{
	struct timespec now;

	(void)process_clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Waits for those that were sent the signal, or are to be. Returns whether all came. */
static bool wait_for_all(uint64_t deadline_ns)
{
	const struct timespec step = {0, STEP_NS};
	uint64_t progress_ns = now_ns(), now, waited;
	uint32_t last_coming = UINT32_MAX;

	for (;;) {
		uint32_t seen = __atomic_load_n(&arrived, __ATOMIC_ACQUIRE);
		uint32_t blocking, coming = count_coming(&blocking);

		if (coming == 0)
			return true;
		now = now_ns();
		if (coming != last_coming)
			progress_ns = now;
		last_coming = coming;
		waited = now - progress_ns;
		if (now >= deadline_ns || waited >= PATIENCE_NS ||
		    (coming == blocking && waited >= PATIENCE_BLOCKING_NS))
			return false;
		futex_wait(&arrived, seen, &step);
	}
}

/* Settles for what is known of those that did not come: the stack pointer of one that
 * sleeps. */
static void give_up(void)
{
	for (uint32_t i = 0; i < parked_count; i++) {
		struct parked *thread = &parked[i];
		uint32_t state = __atomic_load_n(&thread->state, __ATOMIC_ACQUIRE);

		while ((state == PARKED_COMING || state == PARKED_BLOCKING) &&
		       !__atomic_compare_exchange_n(&thread->state, &state, PARKED_RUNNING,
						    false, __ATOMIC_ACQ_REL,
						    __ATOMIC_ACQUIRE))
			;
		if (state == PARKED_COMING || state == PARKED_BLOCKING)
			look_at_call(thread);
	}
}

int park_others(uint64_t deadline_ns, const struct parked **ret_parked, size_t *ret_count)
{
	int self = sys_gettid();

	if (!parked)
		parked = memory_map(PARKED_MOST * sizeof(*parked));
	if (!parked)
		return -ENOMEM;
	parked_count = 0;
	(void)install();
	__atomic_store_n(&hold, 1, __ATOMIC_RELEASE);
	/* A thread that was not stopped yet may have begun another. */
	while (stop_new(self) > 0 && wait_for_all(deadline_ns))
		;
	give_up();
	*ret_parked = parked;
	*ret_count = parked_count;
	return 0;
}

void park_release(void)
{
	bool pending = false;

	for (uint32_t i = 0; i < parked_count; i++)
		pending |= parked[i].state == PARKED_RUNNING;
	__atomic_store_n(&hold, 0, __ATOMIC_RELEASE);
	futex_wake(&hold);
	/* A signal that is still under way must find a handler, or it ends the process. */
	if (!installed || pending)
		return;
	(void)SYS4(SYS_rt_sigaction, PARK_SIGNAL, &before, NULL, sizeof(before.mask));
	installed = false;
}
