/* SPDX-License-Identifier: MIT */
/*
 * Clocks: of two events on one address by different threads, the later one's is strictly
 * greater; nobody else's memory costs anything.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "order.h"

#define PIECE ((uint64_t)1 << ORDER_PIECE_SHIFT)
#define THREADS 4
#define TOKENS 24
#define TURNS 300000u

/* The clock of an event of this recorder at address. */
static uint64_t touch(struct order *order, uint64_t address)
{
	order_touch(order, address);
	return order->clock;
}

/* Their structures stay where they are as long as the words may name them. */
static struct order a, b, c;

static int begin(void **state)
{
	(void)state;
	memset(order_words, 0, sizeof(order_words));
	order_init(&a, 1);
	order_init(&b, 2);
	order_init(&c, 65535);
	return 0;
}

static void clocks_begin_at_zero(void **state)
{
	(void)state;
	memset(&a, 0xff, sizeof(a));
	order_init(&a, 1);
	assert_int_equal(a.clock, 0);
	assert_int_equal(a.owner, 1);
	assert_int_equal(touch(&a, 5 * PIECE), 0);
}

static void own_memory_keeps_the_clock(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		for (uint64_t piece = 0; piece < 100; piece++)
			assert_int_equal(touch(&a, piece * PIECE), 0);
	}
	order_advance(&a, 70);
	for (uint64_t piece = 0; piece < 200; piece++)
		assert_int_equal(touch(&a, piece * PIECE), 70);
}

static void clocks_never_run_backwards(void **state)
{
	(void)state;
	order_advance(&a, 9);
	assert_int_equal(a.clock, 9);
	order_advance(&a, 8);
	assert_int_equal(a.clock, 9);
	order_advance(&a, 9);
	assert_int_equal(a.clock, 9);
	order_advance(&a, 0);
	assert_int_equal(touch(&a, 0), 9);
}

static void turns_on_one_piece_grow_strictly(void **state)
{
	static struct order *const all[] = {&a, &b, &c, &b, &a, &c};
	uint64_t last;

	(void)state;
	last = touch(&a, 7 * PIECE);
	for (int round = 0; round < 1000; round++) {
		struct order *next = all[(round + 1) % 6];
		uint64_t clock = touch(next, 7 * PIECE + (uint64_t)round % PIECE);

		assert_true(clock > last);
		last = clock;
		/* The same again by the same is no turn. */
		assert_int_equal(touch(next, 7 * PIECE), last);
	}
}

static void a_later_clock_is_passed_by_one(void **state)
{
	(void)state;
	order_advance(&a, 1000);
	(void)touch(&a, PIECE);
	assert_int_equal(touch(&b, PIECE), 1001);
	/* And what b does from now on, anywhere, is later too. */
	assert_int_equal(touch(&b, 2 * PIECE), 1001);
}

/* Who is ahead anyway stays so, and whoever comes next is beyond that. */
static void an_earlier_clock_takes_nothing_back(void **state)
{
	uint64_t clock;

	(void)state;
	order_advance(&b, 1000);
	(void)touch(&a, PIECE);
	clock = touch(&b, PIECE);
	assert_in_range(clock, 1000, 1001);
	assert_int_equal(touch(&a, PIECE), clock + 1);
}

static void separate_memory_is_not_ordered(void **state)
{
	(void)state;
	order_advance(&a, 1000);
	(void)touch(&a, 4 * PIECE);
	/* The pieces beside it. */
	assert_int_equal(touch(&b, 4 * PIECE - 1), 0);
	assert_int_equal(touch(&b, 5 * PIECE), 0);
	/* And its other end. */
	assert_int_equal(touch(&b, 5 * PIECE - 1), 1001);
}

/* The number of words is limited; what shares one is ordered as if it were one piece. */
static void a_shared_word_orders(void **state)
{
	(void)state;
	order_advance(&a, 1000);
	(void)touch(&a, 4 * PIECE);
	assert_int_equal(touch(&b, (4 + ORDER_WORDS) * PIECE), 1001);
}

/* In a forked child a recorder may find its own name with a clock that it does not
 * remember; that was before, all the same. */
static void ones_own_forgotten_clock_is_passed(void **state)
{
	(void)state;
	order_advance(&a, 500);
	(void)touch(&a, PIECE);
	order_init(&c, a.owner);
	assert_true(touch(&c, PIECE) > 500);
}

/* ---- Threads ------------------------------------------------------------------------ */

/* A block that goes from hand to hand. Atomic slots hold them; who takes one from its slot
 * owns it until it is put back, as blocks go through an allocator. */
struct token {
	uint64_t address;
	uint64_t clock; /* of the last event on it */
	uint32_t owner; /* who made it */
};

static struct token tokens[TOKENS];
static struct token *slots[TOKENS];
static uint32_t turns; /* atomic: how often a thread took over from another */

static struct hand {
	struct order order;
	pthread_t thread;
	pthread_barrier_t *start;
	uint16_t owner;
	uint64_t broken; /* where the clock had not grown */
	uint64_t back;	 /* where this thread's clock ran backwards */
} hands[THREADS];

/* One event on the token, whose last one is known. */
static void act(struct hand *hand, struct order *order, struct token *token)
{
	uint64_t before = order->clock, clock = touch(order, token->address);

	hand->back += clock < before;
	if (token->owner != hand->owner) {
		__atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
		hand->broken += clock <= token->clock;
	} else {
		hand->broken += clock < token->clock;
	}
	token->clock = clock;
	token->owner = hand->owner;
}

static bool all_turns_are_done(void)
{
	return __atomic_load_n(&turns, __ATOMIC_RELAXED) >= TURNS;
}

static void *hand_round(void *argument)
{
	struct hand *hand = argument;
	struct order *order = &hand->order;
	unsigned seed = hand->owner;

	pthread_barrier_wait(hand->start);
	for (int round = 0; !all_turns_are_done(); round++) {
		struct token **slot = &slots[rand_r(&seed) % TOKENS];
		struct token *token = __atomic_exchange_n(slot, NULL, __ATOMIC_ACQUIRE);

		/* On one core too they take turns before a time slice is over. */
		if (round % 128 == 0)
			sched_yield();
		/* Threads' clocks drift apart, as coarse time and pauses make them. */
		if (round % 61 == 0)
			order_advance(order, order->clock + (uint64_t)rand_r(&seed) % 40);
		/* Memory of one's own in between. */
		(void)touch(order, (1000 + hand->owner) * PIECE);
		if (!token)
			continue;
		act(hand, order, token); /* acquired */
		act(hand, order, token); /* about to be released */
		while (token) {
			struct token *none = NULL;

			slot = &slots[rand_r(&seed) % TOKENS];
			if (__atomic_compare_exchange_n(slot, &none, token, false,
							__ATOMIC_RELEASE, __ATOMIC_RELAXED))
				token = NULL;
		}
	}
	return NULL;
}

static void deal_tokens(void)
{
	for (int i = 0; i < TOKENS; i++) {
		uint64_t piece = (uint64_t)i / 2; /* two on every piece */

		/* Some share their word with another piece's. */
		if (i % 5 == 0)
			piece += ORDER_WORDS;
		tokens[i] = (struct token){.address = piece * PIECE + (uint64_t)i * 16};
		slots[i] = &tokens[i];
	}
}

static void clocks_grow_along_every_chain(void **state)
{
	pthread_barrier_t start;

	(void)state;
	memset(hands, 0, sizeof(hands));
	deal_tokens();
	pthread_barrier_init(&start, NULL, THREADS);
	for (uint32_t i = 0; i < THREADS; i++) {
		hands[i].owner = (uint16_t)(i + 1);
		order_init(&hands[i].order, hands[i].owner);
		hands[i].start = &start;
		assert_int_equal(
			pthread_create(&hands[i].thread, NULL, hand_round, &hands[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(hands[i].thread, NULL), 0);
		assert_int_equal(hands[i].broken, 0);
		assert_int_equal(hands[i].back, 0);
	}
}

/* One token goes round in a fixed order, so that every event follows another thread's. */
static struct {
	uint32_t turn; /* atomic: whose it is */
	uint32_t steps;
	uint64_t clock;
	uint64_t broken;
} ring;

#define RING_STEPS 20000u

static void *pass_on(void *argument)
{
	struct hand *hand = argument;
	struct order *order = &hand->order;

	for (;;) {
		uint32_t turn = __atomic_load_n(&ring.turn, __ATOMIC_ACQUIRE);

		if (turn == UINT32_MAX)
			return NULL;
		if (turn + 1 != hand->owner) {
			sched_yield();
			continue;
		}
		ring.broken += touch(order, 42 * PIECE) <= ring.clock && ring.steps;
		ring.clock = order->clock;
		if (ring.steps++ % 100 == 0)
			order_advance(order, order->clock + hand->owner);
		__atomic_store_n(&ring.turn,
				 ring.steps == RING_STEPS ? UINT32_MAX
							  : hand->owner % THREADS,
				 __ATOMIC_RELEASE);
	}
}

static void clocks_grow_round_a_ring(void **state)
{
	(void)state;
	memset(&ring, 0, sizeof(ring));
	for (uint32_t i = 0; i < THREADS; i++) {
		hands[i].owner = (uint16_t)(i + 1);
		order_init(&hands[i].order, hands[i].owner);
		assert_int_equal(pthread_create(&hands[i].thread, NULL, pass_on, &hands[i]),
				 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(hands[i].thread, NULL), 0);
	assert_int_equal(ring.steps, RING_STEPS);
	assert_int_equal(ring.broken, 0);
	assert_true(ring.clock >= RING_STEPS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(clocks_begin_at_zero, begin),
		cmocka_unit_test_setup(own_memory_keeps_the_clock, begin),
		cmocka_unit_test_setup(clocks_never_run_backwards, begin),
		cmocka_unit_test_setup(turns_on_one_piece_grow_strictly, begin),
		cmocka_unit_test_setup(a_later_clock_is_passed_by_one, begin),
		cmocka_unit_test_setup(an_earlier_clock_takes_nothing_back, begin),
		cmocka_unit_test_setup(separate_memory_is_not_ordered, begin),
		cmocka_unit_test_setup(a_shared_word_orders, begin),
		cmocka_unit_test_setup(ones_own_forgotten_clock_is_passed, begin),
		cmocka_unit_test_setup(clocks_grow_along_every_chain, begin),
		cmocka_unit_test_setup(clocks_grow_round_a_ring, begin),
	};

	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
