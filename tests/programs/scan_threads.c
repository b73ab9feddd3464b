/* SPDX-License-Identifier: MIT */
/*
 * Threads in all kinds of places while the process ends, each with one block that only it
 * points to.
 *
 * scan_threads PLACE COUNT [LIMIT]: COUNT threads in that place. LIMIT "no_queue": a filter
 * refuses to send signals with a value; "no_rights": it is another user's process, which
 * may not open its own memory as a file. The truth names the threads
 * and their blocks. A thread whose system call is interrupted by a signal that the program
 * knows nothing of says so: the process stays for a while behind its last handler.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "truth.h"

#define THREADS_MOST 64
#define STATUS 7
#define STACK_BYTES (64 * 1024)

struct place {
	const char *name;
	void (*stay)(uintptr_t hidden);
};

static struct {
	int tid;
	char block[32]; /* its address in hexadecimal digits */
} told[THREADS_MOST];
static int in_place;	/* atomic */
static int interrupted; /* atomic */
static const struct place *place;
static const struct timespec ages = {1000, 0};

/* A block's address in disguise is no pointer for anyone who looks. */
static void *reveal(uintptr_t hidden)
{
	return (void *)~hidden;
}

static void arrive(void)
{
	__atomic_fetch_add(&in_place, 1, __ATOMIC_SEQ_CST);
}

/* ---- Asleep in a system call ------------------------------------------------------- */

static int pipe_end(void)
{
	int ends[2];

	if (pipe(ends) < 0)
		abort();
	return ends[0];
}

static long in_read(void)
{
	char byte;

	return read(pipe_end(), &byte, 1);
}

static long in_nanosleep(void)
{
	return nanosleep(&ages, NULL);
}

static long in_clock_nanosleep(void)
{
	errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &ages, NULL);
	return errno ? -1 : 0;
}

static long in_poll(void)
{
	struct pollfd fd = {.fd = pipe_end(), .events = POLLIN};

	return poll(&fd, 1, -1);
}

static long in_timed_poll(void)
{
	struct pollfd fd = {.fd = pipe_end(), .events = POLLIN};

	return poll(&fd, 1, 1000000);
}

static long in_select(void)
{
	int fd = pipe_end();
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, NULL);
}

static long in_epoll(void)
{
	struct epoll_event event;

	return epoll_wait(epoll_create1(0), &event, 1, -1);
}

static long in_sigsuspend(void)
{
	sigset_t all;

	sigfillset(&all);
	return sigsuspend(&all);
}

static long in_sigtimedwait(void)
{
	sigset_t some;

	sigemptyset(&some);
	sigaddset(&some, SIGUSR2);
	return sigtimedwait(&some, NULL, &ages);
}

static long in_msgrcv(void)
{
	struct {
		long type;
		char text[8];
	} message;
	int queue = msgget(IPC_PRIVATE, 0600);
	long got = msgrcv(queue, &message, sizeof(message.text), 0, 0);

	msgctl(queue, IPC_RMID, NULL);
	return got;
}

static long in_timed_receive(void)
{
	const struct timeval timeout = {1000, 0};
	int ends[2];
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		abort();
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return recv(ends[0], &byte, 1, 0);
}

static long in_semaphore(void)
{
	struct timespec end;
	sem_t semaphore;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 1000;
	sem_init(&semaphore, 0, 0);
	return sem_timedwait(&semaphore, &end);
}

static long (*const sleeps[])(void) = {
	in_read,       in_nanosleep,	in_clock_nanosleep, in_poll,
	in_timed_poll, in_select,	in_epoll,	    in_sigsuspend,
	in_semaphore,  in_sigtimedwait, in_timed_receive,   in_msgrcv,
};

static void stay_asleep(uintptr_t hidden)
{
	static unsigned next;
	unsigned i = __atomic_fetch_add(&next, 1, __ATOMIC_SEQ_CST) %
		     (sizeof(sleeps) / sizeof(sleeps[0]));
	void *volatile held = reveal(hidden);

	arrive();
	for (;;)
		if (sleeps[i]() < 0 && errno == EINTR && held)
			__atomic_fetch_or(&interrupted, 1 << i, __ATOMIC_SEQ_CST);
}

/* ---- Awake ------------------------------------------------------------------------- */

/* The block is in one register alone. */
static void stay_in_register(uintptr_t hidden)
{
	arrive();
#if defined(__x86_64__)
	register uintptr_t held __asm__("r14") = hidden;

	__asm__ volatile("notq %0\n\t"
			 "xorl %%eax, %%eax\n\t"
			 "xorl %%ecx, %%ecx\n\t"
			 "xorl %%edx, %%edx\n\t"
			 "xorl %%esi, %%esi\n\t"
			 "xorl %%edi, %%edi\n\t"
			 "1: pause\n\t"
			 "jmp 1b"
			 : "+r"(held)
			 :
			 : "rax", "rcx", "rdx", "rsi", "rdi");
#else
	void *volatile held = reveal(hidden);

	while (held)
		;
#endif
}

static void stay_spinning(uintptr_t hidden)
{
	void *volatile held = reveal(hidden);

	arrive();
	while (held)
		;
}

static void stay_blocking_all(uintptr_t hidden)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	stay_spinning(hidden);
}

/* Also those that no program can block through libc. */
static void stay_blocking_even_libc(uintptr_t hidden)
{
	uint64_t all = ~0ull;
	void *volatile held = reveal(hidden);
	char byte;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, sizeof(all));
	arrive();
	(void)!read(pipe_end(), &byte, held != NULL);
}

/* ---- On other stacks --------------------------------------------------------------- */

static __thread uintptr_t handlers_hidden;

static void in_handler(int number)
{
	void *volatile held = reveal(handlers_hidden);

	(void)number;
	arrive();
	while (held)
		pause();
}

static void stay_on_signal_stack(uintptr_t hidden)
{
	struct sigaction action = {.sa_handler = in_handler, .sa_flags = SA_ONSTACK};
	stack_t stack = {.ss_size = STACK_BYTES};

	stack.ss_sp = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	handlers_hidden = hidden;
	raise(SIGUSR1);
}

static __thread ucontext_t back, forth;

static void in_coroutine(void)
{
	stay_spinning(handlers_hidden);
}

/* Its stack is itself a block, which nobody points to but a register. */
static void stay_in_coroutine(uintptr_t hidden)
{
	handlers_hidden = hidden;
	getcontext(&forth);
	forth.uc_stack.ss_sp = malloc(STACK_BYTES);
	forth.uc_stack.ss_size = STACK_BYTES;
	makecontext(&forth, in_coroutine, 0);
	swapcontext(&back, &forth);
}

/* ---- Coming and going -------------------------------------------------------------- */

static void *die(void *unused)
{
	return unused;
}

static void stay_making_threads(uintptr_t hidden)
{
	void *volatile held = reveal(hidden);

	arrive();
	while (held) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, die, NULL) == 0)
			pthread_detach(thread);
	}
}

/* libc sends all threads the signal with which they are stopped. */
static void stay_changing_user(uintptr_t hidden)
{
	void *volatile held = reveal(hidden);

	arrive();
	while (held)
		if (setuid(getuid()) < 0)
			abort();
}

static const struct place places[] = {
	{"asleep", stay_asleep},
	{"register", stay_in_register},
	{"spinning", stay_spinning},
	{"blocking_all", stay_blocking_all},
	{"blocking_even_libc", stay_blocking_even_libc},
	{"signal_stack", stay_on_signal_stack},
	{"coroutine", stay_in_coroutine},
	{"making_threads", stay_making_threads},
	{"changing_user", stay_changing_user},
};

/* ---- Limits ------------------------------------------------------------------------ */

static int refuse_queue(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_tgsigqueueinfo, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {
		.len = sizeof(code) / sizeof(code[0]),
		.filter = code,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		return -1;
	return syscall(SYS_rt_tgsigqueueinfo, 0, 0, 0, NULL) < 0 && errno == EPERM ? 0 : -1;
}

static int drop_rights(void)
{
	int fd;

	if (setgid(65534) || setuid(65534))
		return -1;
	fd = open("/proc/self/mem", O_RDONLY);
	return fd < 0 && errno == EACCES ? 0 : -1;
}

/* ---- The whole --------------------------------------------------------------------- */

static __attribute__((noinline)) uintptr_t make_block(size_t i)
{
	void *block = malloc(1000 + i);

	told[i].tid = (int)syscall(SYS_gettid);
	snprintf(told[i].block, sizeof(told[i].block), "%p", block);
	return ~(uintptr_t)block;
}

static void *run(void *number)
{
	place->stay(make_block((size_t)number));
	return NULL;
}

/* What libc writes to a stream of the program's own at its very end, behind all handlers.
 */
static ssize_t stay_after_handlers(void *unused, const char *bytes, size_t count)
{
	char text[64];
	int bits;

	(void)unused;
	(void)bytes;
	usleep(100000);
	bits = __atomic_load_n(&interrupted, __ATOMIC_SEQ_CST);
	if (bits)
		(void)!write(2, text,
			     (size_t)snprintf(text, sizeof(text), "interrupted %x\n",
					      (unsigned)bits));
	return (ssize_t)count;
}

static int stay_at_end(void)
{
	const cookie_io_functions_t functions = {.write = stay_after_handlers};
	FILE *stream = fopencookie(NULL, "w", functions);

	return stream && fputc('.', stream) == '.' ? 0 : -1;
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 1;
	char member[32];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && argc > 1; i++)
		if (strcmp(argv[1], places[i].name) == 0)
			place = &places[i];
	if (!place || count < 1 || count > THREADS_MOST)
		return 99;
	if (argc > 3 && strcmp(argv[3], "no_queue") == 0 && refuse_queue() < 0)
		return 97;
	if (argc > 3 && strcmp(argv[3], "no_rights") == 0 && drop_rights() < 0)
		return 96;
	for (long i = 0; i < count; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, run, (void *)i) != 0)
			return 98;
	}
	while (__atomic_load_n(&in_place, __ATOMIC_SEQ_CST) < count)
		usleep(1000);
	usleep(50000);
	truth_number("threads", count);
	for (int i = 0; i < count; i++) {
		snprintf(member, sizeof(member), "tid%d", i);
		truth_number(member, told[i].tid);
		snprintf(member, sizeof(member), "block%d", i);
		truth_string(member, told[i].block);
	}
	truth_print();
	if (stay_at_end() < 0)
		return 95;
	return STATUS;
}
