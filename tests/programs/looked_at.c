/* SPDX-License-Identifier: MIT */
/*
 * Waits to be looked at from outside. Blocks of every kind, of known sizes, one of them
 * held by a thread's stack only; prints the truth, then does what its input says, one line
 * each: go on   frees what it held and allocates as much again end     exits with status 7
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"

#define MORE 1000

struct node {
	struct node *next;
};

static void *volatile global;
static char *volatile inside; /* points into a block */
static __thread void *volatile own;
static pthread_mutex_t last = PTHREAD_MUTEX_INITIALIZER;
static void *volatile more[MORE];

/* What earlier calls have left on the stack must not hold anything. */
static TRUTH_SITE void scrub(void)
{
	volatile char stack[16384];

	memset((void *)stack, 0, sizeof(stack));
}

static TRUTH_SITE struct node *node(size_t bytes)
{
	struct node *made = malloc(bytes);

	made->next = NULL;
	return made;
}

static TRUTH_SITE void lose_chain(void)
{
	node(100)->next = node(60);
}

static TRUTH_SITE void lose_cycle(void)
{
	struct node *first = node(200);

	first->next = node(240);
	first->next->next = first;
}

static TRUTH_SITE void hold(void)
{
	global = node(1000);
	own = node(500);
	inside = (char *)node(300) + 50;
}

static void *hold_on_stack(void *unused)
{
	void *volatile mine = node(777);

	scrub();
	pthread_mutex_lock(&last); /* never to be had */
	return unused ? mine : NULL;
}

static void go_on(void)
{
	free(global);
	global = NULL;
	for (size_t i = 0; i < MORE; i++)
		more[i] = malloc(3000);
}

int main(void)
{
	pthread_t thread;
	char line[32];

	pthread_mutex_lock(&last);
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IONBF, 0);
	hold();
	for (int i = 0; i < 3; i++)
		lose_chain();
	lose_cycle();
	if (pthread_create(&thread, NULL, hold_on_stack, NULL))
		return 1;
	scrub();
	truth_number("definite_bytes", 3 * 100 + 200);
	truth_number("definite_blocks", 4);
	truth_number("indirect_bytes", 3 * 60 + 240);
	truth_number("indirect_blocks", 4);
	truth_number("possible_bytes", 300);
	truth_number("possible_blocks", 1);
	truth_number("reachable_bytes", 1000 + 500 + 777);
	truth_number("reachable_blocks", 3);
	truth_print();
	scrub();
	while (fgets(line, sizeof(line), stdin)) {
		if (strncmp(line, "go on", 5) == 0) {
			go_on();
			puts("{}");
		} else if (strncmp(line, "end", 3) == 0) {
			return 7;
		}
		scrub();
	}
	return 1;
}
