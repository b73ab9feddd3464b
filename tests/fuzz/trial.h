/* SPDX-License-Identifier: MIT */
/*
 * trial.h - tries many inputs in few processes, each input within limits of its own.
 *
 * A worker process takes one input after the other; one that dies, or goes beyond a limit,
 * is told of by its number, and a new worker goes on behind it. So thousands of inputs a
 * second can be tried, and the death of one costs a fork.
 * Guarantees: no input uses more than TRIAL_CPU_SECONDS of processor time, nor takes more
 * than TRIAL_WALL_SECONDS; a worker never has more than TRIAL_MEMORY_BYTES of address space
 * beyond what it began with, nor as much memory in all.
 * Threads: one at a time. Memory: a page a job, while it lasts.
 */
#ifndef TRIAL_H
#define TRIAL_H

#define TRIAL_CPU_SECONDS 1
#define TRIAL_WALL_SECONDS 60
#define TRIAL_MEMORY_BYTES (256ull << 20)
#define TRIAL_JOBS_MAX 64u

/* What became of an input. */
enum trial_fate {
	TRIAL_FINE,    /* read, and said to be intact */
	TRIAL_NOTICED, /* refused, or said to be damaged */
	TRIAL_SHORT,   /* some memory was not to be had */
	TRIAL_LARGE,   /* more memory was used than there should be */
	TRIAL_SLOW,
	TRIAL_DIED,
	TRIAL_FATES
};

/* Its word, as in the name of a file. */
extern const char *const trial_fates[TRIAL_FATES];

struct trial_tally {
	unsigned long fates[TRIAL_FATES];
	double slowest_s; /* processor time of one input */
	double cpu_s;	  /* of all workers */
	long largest_kib; /* resident, of a worker */
};

struct trial {
	unsigned long count; /* inputs, numbered from 0 */
	unsigned jobs;	     /* workers at a time, 1 to TRIAL_JOBS_MAX */
	void *context;
	/* In a worker: tries an input. */
	enum trial_fate (*try)(void *context, unsigned long number);
	/* In the process that called: an input ended in another way than fine or noticed,
	 * or is of the fate `told`. */
	void (*tell)(void *context, unsigned long number, enum trial_fate fate);
	enum trial_fate told;
};

/* Tries all inputs; on a terminal says on standard error how far it is. Ends the process
 * with 2 where no worker can be made. */
void trial_run(const struct trial *trial, struct trial_tally *ret_tally);

#endif
