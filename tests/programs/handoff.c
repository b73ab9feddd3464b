/* SPDX-License-Identifier: MIT */
/*
 * handoff THREADS ROUNDS: threads pass blocks round through shared slots. Each puts a new
 * block into a slot and frees whatever it finds there, mostly another thread's block, so
 * that addresses are reused between threads all the time. Every thread allocates from a
 * function of its own; which of the blocks left at the end is whose is known exactly.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "truth.h"

#define THREADS_MAX 16
#define SLOTS 64

struct block {
	uint32_t owner;
	uint32_t size;
	uint64_t check;
};

typedef struct block *allocate_function(size_t size);

static _Atomic(struct block *) slots[SLOTS];
static _Atomic long long corrupt;
static long rounds;
static int threads;
static pthread_barrier_t barrier;

struct worker {
	pthread_t thread;
	uint32_t number;
	uint64_t random_state;
	struct truth_count count;
	unsigned long long frees;
};

static struct worker workers[THREADS_MAX];

#define WORKER(n)                                                                          \
	static TRUTH_SITE struct block *allocate_in_thread_##n(size_t size)                \
	{                                                                                  \
		return malloc(size);                                                       \
	}

WORKER(0)
WORKER(1)
WORKER(2)
WORKER(3)
WORKER(4)
WORKER(5)
WORKER(6)
WORKER(7)
WORKER(8)
WORKER(9)
WORKER(10)
WORKER(11)
WORKER(12)
WORKER(13)
WORKER(14)
WORKER(15)

static allocate_function *const allocate[THREADS_MAX] = {
	allocate_in_thread_0,  allocate_in_thread_1,  allocate_in_thread_2,
	allocate_in_thread_3,  allocate_in_thread_4,  allocate_in_thread_5,
	allocate_in_thread_6,  allocate_in_thread_7,  allocate_in_thread_8,
	allocate_in_thread_9,  allocate_in_thread_10, allocate_in_thread_11,
	allocate_in_thread_12, allocate_in_thread_13, allocate_in_thread_14,
	allocate_in_thread_15,
};

static const char *const function_names[THREADS_MAX] = {
	"allocate_in_thread_0",	 "allocate_in_thread_1",  "allocate_in_thread_2",
	"allocate_in_thread_3",	 "allocate_in_thread_4",  "allocate_in_thread_5",
	"allocate_in_thread_6",	 "allocate_in_thread_7",  "allocate_in_thread_8",
	"allocate_in_thread_9",	 "allocate_in_thread_10", "allocate_in_thread_11",
	"allocate_in_thread_12", "allocate_in_thread_13", "allocate_in_thread_14",
	"allocate_in_thread_15",
};

static uint64_t check_of(const struct block *block)
{
	return ((uint64_t)block->owner << 32 | block->size) * 0x9e3779b97f4a7c15ull;
}

/* Few sizes, so that a freed block is what the next allocation gets. */
static size_t next_size(struct worker *worker)
{
	worker->random_state =
		worker->random_state * 6364136223846793005ull + 1442695041ull;
	return sizeof(struct block) + (worker->random_state >> 60) * 32;
}

static void hand_over(struct worker *worker, size_t slot)
{
	size_t size = next_size(worker);
	struct block *block = allocate[worker->number](size), *found;

	block->owner = worker->number;
	block->size = (uint32_t)size;
	block->check = check_of(block);
	truth_allocated(&worker->count, size);
	found = atomic_exchange(&slots[slot], block);
	if (!found)
		return;
	if (found->check != check_of(found))
		atomic_fetch_add(&corrupt, 1);
	worker->frees++;
	free(found);
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	pthread_barrier_wait(&barrier);
	for (long i = 0; i < rounds; i++)
		hand_over(worker, worker->random_state >> 40 & (SLOTS - 1));
	/* So that every thread has blocks of its own left in the end. */
	pthread_barrier_wait(&barrier);
	for (size_t i = worker->number; i < SLOTS; i += (size_t)threads + 1)
		hand_over(worker, i);
	return NULL;
}

/* What is in the slots is live; everything else that a thread allocated was freed. */
static void settle(void)
{
	for (int i = 0; i < threads; i++)
		workers[i].count.live_blocks = workers[i].count.live_bytes = 0;
	for (int i = 0; i < SLOTS; i++) {
		struct block *block = slots[i];

		if (!block)
			continue;
		workers[block->owner].count.live_blocks++;
		workers[block->owner].count.live_bytes += block->size;
	}
}

int main(int argc, char **argv)
{
	unsigned long long frees = 0, allocations = 0;

	threads = argc == 3 ? atoi(argv[1]) : 0;
	if (threads < 1 || threads > THREADS_MAX)
		return 2;
	rounds = atol(argv[2]);
	pthread_barrier_init(&barrier, NULL, (unsigned)threads);
	for (int i = 0; i < threads; i++) {
		workers[i].number = (uint32_t)i;
		workers[i].random_state = 77 + (uint64_t)i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return 3;
	}
	for (int i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	settle();
	for (int i = 0; i < threads; i++) {
		truth_site(function_names[i], &workers[i].count, NULL);
		frees += workers[i].frees;
		allocations += workers[i].count.allocations;
	}
	truth_number("allocations", (long long)allocations);
	truth_number("frees", (long long)frees);
	truth_number("corrupt", corrupt);
	truth_print();
	return corrupt != 0;
}
