/* SPDX-License-Identifier: MIT */
/*
 * terminal.h - what the output is shown on: its width, its colours, a progress line.
 *
 * Colours are used only when the stream is a terminal, TERM is not "dumb" and NO_COLOR is
 * unset or empty (https://no-color.org). Progress is shown only on a terminal, and only
 * when the work takes longer than a moment.
 * Threads: none. Memory: none.
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct terminal {
	FILE *out;
	bool colour;
	unsigned width; /* columns; 80 where out is no terminal */
};

void terminal_init(struct terminal *terminal, FILE *out);

enum terminal_style {
	TERMINAL_PLAIN,
	TERMINAL_HEADING,
	TERMINAL_STRONG,
	TERMINAL_FAINT,
	TERMINAL_WARNING
};

/* The sequence that begins a style; "" where colours are off. TERMINAL_PLAIN ends it. */
const char *terminal_style(const struct terminal *terminal, enum terminal_style style);

/* A line on stderr that tells how far long work is. */
struct progress {
	const char *what; /* the file's name, safe to print */
	uint64_t begun_ns;
	uint64_t shown_ns;
	bool enabled; /* stderr is a terminal */
	bool shown;
};

void progress_init(struct progress *progress, const char *what);
/* Fits replay_progress_fn; context is the struct progress. */
void progress_update(void *context, uint64_t done, uint64_t total);
/* Takes the line away again. */
void progress_done(struct progress *progress);

#endif
