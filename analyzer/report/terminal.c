/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "pathname.h"

#define WIDTH_DEFAULT 80
#define WIDTH_LEAST 60
#define WIDTH_MOST 132 /* longer lines are hard to follow */

/* Work shorter than this needs no progress line. */
#define PROGRESS_PATIENCE_NS 700000000ull
#define PROGRESS_INTERVAL_NS 100000000ull

void terminal_init(struct terminal *terminal, FILE *out)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	struct winsize size;
	int fd = fileno(out);
	bool tty = fd >= 0 && isatty(fd);

	terminal->out = out;
	terminal->colour = tty && !(no_color && *no_color) && term && strcmp(term, "dumb");
	terminal->width = WIDTH_DEFAULT;
	if (tty && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		terminal->width = size.ws_col;
	if (terminal->width < WIDTH_LEAST)
		terminal->width = WIDTH_LEAST;
	if (terminal->width > WIDTH_MOST)
		terminal->width = WIDTH_MOST;
}

const char *terminal_style(const struct terminal *terminal, enum terminal_style style)
{
	/* ECMA-48, SGR. */
	static const char *const sequences[] = {
		[TERMINAL_PLAIN] = "\033[0m",	 [TERMINAL_HEADING] = "\033[1;36m",
		[TERMINAL_STRONG] = "\033[1m",	 [TERMINAL_FAINT] = "\033[2m",
		[TERMINAL_WARNING] = "\033[33m",
	};

	return terminal->colour ? sequences[style] : "";
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

void progress_init(struct progress *progress, const char *what)
{
	progress->what = pathname_base(what);
	progress->begun_ns = now_ns();
	progress->shown_ns = 0;
	progress->enabled = isatty(STDERR_FILENO);
	progress->shown = false;
}

void progress_update(void *context, uint64_t done, uint64_t total)
{
	struct progress *progress = context;
	uint64_t now;

	if (!progress->enabled || total == 0)
		return;
	now = now_ns();
	if (now - progress->begun_ns < PROGRESS_PATIENCE_NS ||
	    now - progress->shown_ns < PROGRESS_INTERVAL_NS)
		return;
	progress->shown_ns = now;
	progress->shown = true;
	fprintf(stderr, "\r%.50s: read %3.0f%%\033[K", progress->what,
		100 * (double)done / (double)total);
}

void progress_done(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}
