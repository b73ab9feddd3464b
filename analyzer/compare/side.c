/* SPDX-License-Identifier: MIT */
#include "side.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complaint.h"
#include "dumprun.h"
#include "dumpset.h"
#include "storedreport.h"
#include "symbols.h"

void side_init(struct side *side)
{
	memset(side, 0, sizeof(*side));
}

static void run_done(struct measured_run *run)
{
	for (size_t i = 0; i < run->count; i++)
		measured_process_done(&run->processes[i]);
	free(run->processes);
}

void side_done(struct side *side)
{
	for (size_t i = 0; i < side->count; i++)
		run_done(&side->runs[i]);
	free(side->runs);
	symbols_free(side->symbols);
	side_init(side);
}

/* Whether a file begins as JSON objects do, or as what gzip writes. What is wrong with it
 * otherwise, its reader says. */
static bool is_json(const char *path)
{
	char begin[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t bytes = fd < 0 ? -1 : read(fd, begin, sizeof(begin) - 1);
	size_t blanks;

	if (fd >= 0)
		close(fd);
	if (bytes <= 0)
		return false;
	begin[bytes] = '\0';
	blanks = strspn(begin, " \t\r\n");
	return begin[blanks] == '{' || memcmp(begin, "\x1f\x8b", 2) == 0;
}

/* The run of a set of dumps; the complaint is about *ret_file. */
static int read_set(const struct dumpset *set, const struct side_wish *wish,
		    struct symbols *symbols, struct measured_run *run, char **ret_file,
		    struct complaint *complaint)
{
	run->processes = calloc(set->count + 1, sizeof(run->processes[0]));
	if (!run->processes) {
		complaint_set(complaint, "cannot be read: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	for (size_t i = 0; i < set->count; i++) {
		int error = dumprun_read(set->items[i].path, wish, symbols,
					 &run->processes[run->count], complaint);

		if (error) {
			*ret_file = strdup(set->items[i].path);
			return error;
		}
		run->count++;
	}
	return 0;
}

/* The run of a dump or of a directory. */
static int read_dumps(const char *path, const struct side_wish *wish,
		      struct symbols *symbols, struct measured_run *run, char **ret_file,
		      struct complaint *complaint)
{
	struct dumpset set;
	int error;

	dumpset_init(&set);
	error = dumpset_add(&set, path, complaint);
	if (!error)
		error = read_set(&set, wish, symbols, run, ret_file, complaint);
	dumpset_done(&set);
	return error;
}

static int make_room(struct side *side)
{
	size_t room = side->room ? 2 * side->room : 8;
	struct measured_run *moved;

	if (!side->symbols)
		side->symbols = symbols_new();
	if (!side->symbols)
		return -ENOMEM;
	if (side->count < side->room)
		return 0;
	moved = realloc(side->runs, room * sizeof(*moved));
	if (!moved)
		return -ENOMEM;
	side->runs = moved;
	side->room = room;
	return 0;
}

static const struct side_wish no_wish;

/* Room for one more run, and its name. */
static int begin_run(struct side *side, const char *name, struct measured_run *run,
		     struct complaint *complaint)
{
	int error = make_room(side);

	if (!error) {
		run->path = symbols_string(side->symbols, name);
		error = run->path ? 0 : -ENOMEM;
	}
	if (error)
		complaint_set(complaint, "cannot be read: %s", strerror(-error));
	return error;
}

int side_add(struct side *side, const char *path, const struct side_wish *wish,
	     char **ret_file, struct complaint *complaint)
{
	struct measured_run run = {.stored = false};
	int error;

	*ret_file = NULL;
	error = begin_run(side, path, &run, complaint);
	if (error)
		return error;
	if (!wish)
		wish = &no_wish;
	if (!is_json(path)) {
		error = read_dumps(path, wish, side->symbols, &run, ret_file, complaint);
	} else if (wish->until_given) {
		error = -EINVAL;
		complaint_set(complaint, "is a stored report, which knows no instants");
	} else {
		error = storedreport_read(path, side->symbols, &run, complaint);
	}
	if (error)
		run_done(&run);
	else
		side->runs[side->count++] = run;
	return error;
}

int side_add_dumps(struct side *side, const char *name, const struct dumpset *set,
		   const struct side_wish *wish, char **ret_file,
		   struct complaint *complaint)
{
	struct measured_run run = {.stored = false};
	int error;

	*ret_file = NULL;
	error = begin_run(side, name, &run, complaint);
	if (error)
		return error;
	error = read_set(set, wish ? wish : &no_wish, side->symbols, &run, ret_file,
			 complaint);
	if (error)
		run_done(&run);
	else
		side->runs[side->count++] = run;
	return error;
}
