/* SPDX-License-Identifier: MIT */
/*
 * verdict.h - what a gate has found: a verdict for each thing that it looked at.
 *
 * Threads: none. Memory: verdicts_done; the call sites named in it are a side's
 * (measured.h), which must live as long.
 * Not here: how verdicts come about (judge.h), how they are shown (report).
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <stddef.h>

struct gauge;
struct measured_site;

enum verdict_status {
	VERDICT_PASSED,
	VERDICT_FAILED,
	VERDICT_UNKNOWN, /* the recording does not say */
};

enum verdict_kind {
	VERDICT_BUDGET,	    /* a figure against a limit that was set */
	VERDICT_REGRESSION, /* a figure against a baseline */
	VERDICT_NEW_LEAK,   /* a call site that leaks and did not in the baseline */
	VERDICT_MISSING,    /* a program of the baseline that has not run */
	VERDICT_RECORDING,  /* a recording that is not whole, or was paused */
};

/* A call site that has spent some of it. */
struct culprit {
	const struct measured_site *site;
	double value;
	double base; /* against a baseline; NaN: not there */
};

#define VERDICT_CULPRITS 5u

struct verdict {
	enum verdict_kind kind;
	enum verdict_status status;
	const struct gauge *gauge;
	double value;  /* NaN: not known */
	double limit;  /* the highest that passes */
	double base;   /* median of the baseline; NaN: there is none */
	char *subject; /* whose value it is: "parser, pid 4711", "sites parse_*" */
	char *origin;  /* who set the limit: "--max-peak", "mftrace.ini:12", "baseline";
			* of a recording its path */
	char *name;    /* the same on every machine: "max-peak", "site parser max-leaked" */
	char *note;    /* why it is not known, or what else to know; NULL: nothing */
	char *next;    /* command that tells more; NULL: there is none */
	struct culprit culprits[VERDICT_CULPRITS]; /* biggest first */
	size_t culprits_count;
};

struct verdicts {
	struct verdict *items;
	size_t count;
	size_t room;
	size_t failed, unknown;
};

void verdicts_init(struct verdicts *verdicts);
void verdicts_done(struct verdicts *verdicts);

/* Takes the verdict's strings over, also on failure; a NULL among subject, origin or name
 * means that there was no memory for it. Returns 0 or -ENOMEM. */
int verdicts_add(struct verdicts *verdicts, struct verdict *verdict);

/* Puts the site among the culprits if it is one of the biggest by value (less base where
 * that is known). */
void verdict_blame(struct verdict *verdict, const struct measured_site *site, double value,
		   double base);

/* Failed ones first, then unknown, then passed; otherwise the order stays. */
void verdicts_sort(struct verdicts *verdicts);

/* 0: all passed, 1: one failed, 2: one is unknown. */
int verdicts_exit_status(const struct verdicts *verdicts);

/* What kind of finding it is, whatever the program: "peak-over-budget", "peak-grew",
 * "new-leak", "program-missing" or "recording-not-whole". */
void verdict_rule(const struct verdict *verdict, char *text, size_t size);

#endif
