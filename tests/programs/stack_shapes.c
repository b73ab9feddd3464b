/* SPDX-License-Identifier: MIT */
/*
 * Allocates from stacks of every shape that compilers and libraries make: frames of unknown
 * size, frames moved to an alignment, deep recursion, tail calls, frames left by longjmp,
 * coroutines that come and go at one place, signal handlers on both kinds of stack,
 * threads. Shapes are mixed at random, so that stacks differ from the last one at every
 * depth.
 *
 * The number of rounds is the only argument.
 */
#include <alloca.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "truth.h"

#define COROUTINE_BYTES (128 * 1024)
#define COROUTINES 4
#define SIGNAL_STACK_BYTES (256 * 1024)
#define DEEPEST 400
#define THREADS 3

/* The compiler must not see what becomes of a frame's memory. */
#define KEEP(p) __asm__ volatile("" : : "r"(p) : "memory")

/* One of them in each thread. */
struct walker {
	uint32_t random;
	unsigned depth;	  /* calls still to be made */
	bool may_leave;	  /* by longjmp */
	bool may_raise;	  /* one thread's may */
	jmp_buf way_back; /* to where the round began */
	struct truth_count *count;
};

static struct truth_count counts[THREADS], in_coroutines, in_handlers, in_recursion;

static void go_on(struct walker *w);

static uint32_t draw(struct walker *w, uint32_t below)
{
	w->random = w->random * 1664525u + 1013904223u;
	return (w->random >> 16) % below;
}

/* Allocates and frees; the block's size is of no interest, its stack is. */
static TRUTH_SITE void at_the_end(struct truth_count *count, size_t size)
{
	void *block = malloc(size);

	truth_allocated(count, size);
	KEEP(block);
	free(block);
	truth_freed(count, size);
}

/* ---- Frames ------------------------------------------------------------------------- */

static TRUTH_SITE void plain_frame(struct walker *w)
{
	go_on(w);
	KEEP(w);
}

static TRUTH_SITE void large_frame(struct walker *w)
{
	char room[3000];

	KEEP(room);
	go_on(w);
	KEEP(room);
}

static TRUTH_SITE void alloca_frame(struct walker *w)
{
	char *room = alloca(draw(w, 600) + 1);

	KEEP(room);
	go_on(w);
	/* It grows between two calls. */
	room = alloca(draw(w, 90) + 1);
	KEEP(room);
	at_the_end(w->count, 24);
	KEEP(room);
}

static TRUTH_SITE void array_frame(struct walker *w)
{
	size_t length = draw(w, 200) + 1;
	long room[length];

	KEEP(room);
	go_on(w);
	KEEP(room);
}

static TRUTH_SITE void aligned_frame(struct walker *w)
{
	__attribute__((aligned(64))) char room[100];

	KEEP(room);
	go_on(w);
	KEEP(room);
}

/* Aligned, of unknown size, and with arguments on the stack: the compiler then keeps the
 * way back in another register than the frame pointer. */
static TRUTH_SITE long aligned_alloca_frame(struct walker *w, long a, long b, long c,
					    long d, long e, long f, long g)
{
	__attribute__((aligned(128))) char room[100];
	char *more = alloca(draw(w, 300) + 1);

	KEEP(room);
	KEEP(more);
	go_on(w);
	KEEP(room);
	return a + b + c + d + e + f + g;
}

/* So many values that all registers are saved, the frame pointer too. */
static TRUTH_SITE unsigned long busy_frame(struct walker *w)
{
	unsigned long a = w->random, b = a * 3, c = b ^ a, d = c + 7, e = d * 5, f = e ^ b;

	go_on(w);
	KEEP(&a);
	return a + b * c + d * e + f;
}

static TRUTH_SITE void second_half(struct walker *w)
{
	go_on(w);
	KEEP(w);
}

/* Its call is a jump, where the compiler makes one: it is on no stack. */
static TRUTH_SITE void tail_calling(struct walker *w)
{
	w->random ^= 1;
	second_half(w);
}

/* The C library's own frames in between. */
static int compare(const void *a, const void *b, void *context)
{
	struct walker *w = context;

	if (w->depth)
		go_on(w);
	return *(const int *)a - *(const int *)b;
}

static TRUTH_SITE void through_library(struct walker *w)
{
	int values[] = {3, 1, 2};

	qsort_r(values, 3, sizeof(values[0]), compare, w);
	go_on(w);
	KEEP(values);
}

static void go_on(struct walker *w)
{
	if (w->depth == 0) {
		at_the_end(w->count, 16 + draw(w, 100));
		if (w->may_raise && draw(w, 5) == 0)
			raise(draw(w, 2) ? SIGUSR1 : SIGUSR2);
		if (w->may_leave && draw(w, 8) == 0)
			longjmp(w->way_back, 1);
		/* On the way out some frames call again. */
		w->depth = draw(w, 3) == 0 ? draw(w, 4) : 0;
		return;
	}
	w->depth--;
	switch (draw(w, 10)) {
	case 0:
		large_frame(w);
		break;
	case 1:
		alloca_frame(w);
		break;
	case 2:
		array_frame(w);
		break;
	case 3:
		aligned_frame(w);
		break;
	case 4:
		(void)aligned_alloca_frame(w, 1, 2, 3, 4, 5, 6, 7);
		break;
	case 5:
		(void)busy_frame(w);
		break;
	case 6:
		tail_calling(w);
		break;
	case 7:
		through_library(w);
		break;
	default:
		plain_frame(w);
	}
	/* It was somebody's last call, and is not any more. */
	KEEP(w);
}

/* One walk to a random depth, left in one way or the other. */
static TRUTH_SITE void walk(struct walker *w)
{
	w->depth = draw(w, 30);
	if (setjmp(w->way_back) == 0)
		go_on(w);
	at_the_end(w->count, 8);
}

/* ---- Recursion ---------------------------------------------------------------------- */

static TRUTH_SITE unsigned descend(struct truth_count *count, unsigned depth, unsigned step)
{
	unsigned sum = depth;

	if (depth % step == 0)
		at_the_end(count, depth + 1);
	if (depth)
		sum += descend(count, depth - 1, step);
	if (depth % step == 1)
		at_the_end(count, depth + 1);
	return sum;
}

/* ---- Coroutines --------------------------------------------------------------------- */

static struct coroutine {
	ucontext_t here, caller;
	struct walker walker;
	bool done;
	char *stack;
} coroutines[COROUTINES];

static void yield_from(struct coroutine *c)
{
	swapcontext(&c->here, &c->caller);
}

static TRUTH_SITE void in_a_loop(struct coroutine *c)
{
	for (unsigned turns = draw(&c->walker, 6); turns > 0; turns--) {
		c->walker.depth = draw(&c->walker, 12);
		go_on(&c->walker);
		yield_from(c);
	}
}

/* They begin differently, at the same place. */
static void one_beginning(unsigned number)
{
	in_a_loop(&coroutines[number]);
	coroutines[number].done = true;
}

static void other_beginning(unsigned number)
{
	char room[500];

	KEEP(room);
	at_the_end(coroutines[number].walker.count, 77);
	in_a_loop(&coroutines[number]);
	coroutines[number].done = true;
	KEEP(room);
}

static void begin_coroutine(unsigned number, uint32_t seed)
{
	struct coroutine *c = &coroutines[number];

	c->done = false;
	c->walker =
		(struct walker){.random = seed, .may_raise = true, .count = &in_coroutines};
	c->stack = mmap(NULL, COROUTINE_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c->stack == MAP_FAILED || getcontext(&c->here))
		_exit(3);
	c->here.uc_stack.ss_sp = c->stack;
	c->here.uc_stack.ss_size = COROUTINE_BYTES;
	c->here.uc_link = &c->caller;
	makecontext(&c->here, (void (*)(void))(seed % 2 ? one_beginning : other_beginning),
		    1, number);
}

/* The stack is unmapped at its coroutine's end; the next one lies there again, if the
 * kernel will. */
static TRUTH_SITE void turn_coroutines(struct walker *w)
{
	struct coroutine *c = &coroutines[draw(w, COROUTINES)];

	if (!c->stack)
		begin_coroutine((unsigned)(c - coroutines), draw(w, 1000));
	swapcontext(&c->caller, &c->here);
	at_the_end(w->count, 5);
	if (c->done) {
		munmap(c->stack, COROUTINE_BYTES);
		c->stack = NULL;
	}
}

/* ---- Signals ------------------------------------------------------------------------ */

static struct walker handler_walker = {.random = 99, .count = &in_handlers};

static void handler(int signal)
{
	handler_walker.depth = draw(&handler_walker, 8);
	go_on(&handler_walker);
	at_the_end(&in_handlers, (size_t)signal);
}

static void catch (int signal, int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = flags;
	if (sigaction(signal, &action, NULL))
		_exit(4);
}

static void catch_signals(void)
{
	stack_t stack = {.ss_size = SIGNAL_STACK_BYTES};

	stack.ss_sp = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL))
		_exit(5);
	catch (SIGUSR1, 0);
	catch (SIGUSR2, SA_ONSTACK);
}

/* ---- All of it ---------------------------------------------------------------------- */

static unsigned rounds;

static void *in_thread(void *argument)
{
	struct truth_count *count = argument;
	struct walker w = {.random = (uint32_t)(count - counts) + 1, .count = count};

	for (unsigned i = 0; i < rounds; i++) {
		w.may_leave = i % 2;
		walk(&w);
	}
	return NULL;
}

static void add(struct truth_count *sum, const struct truth_count *count)
{
	sum->allocations += count->allocations;
	sum->allocated_bytes += count->allocated_bytes;
}

int main(int argc, char **argv)
{
	struct walker w = {.random = 12345, .may_raise = true, .count = &counts[0]};
	struct truth_count sum = {0};
	pthread_t threads[THREADS];

	rounds = argc == 2 ? (unsigned)atoi(argv[1]) : 1000;
	catch_signals();
	for (unsigned i = 0; i < rounds; i++) {
		w.may_leave = i % 2;
		walk(&w);
		turn_coroutines(&w);
		if (i % 16 == 0)
			(void)descend(&in_recursion, DEEPEST - i % 300, 7 + i % 13);
	}
	for (int i = 1; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, in_thread, &counts[i]))
			return 6;
	for (int i = 1; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++)
		add(&sum, &counts[i]);
	add(&sum, &in_coroutines);
	add(&sum, &in_handlers);
	add(&sum, &in_recursion);
	truth_site("at_the_end", &sum, NULL);
	truth_number("in_coroutines", (long long)in_coroutines.allocations);
	truth_number("in_handlers", (long long)in_handlers.allocations);
	truth_number("in_recursion", (long long)in_recursion.allocations);
	truth_print();
	return 0;
}
