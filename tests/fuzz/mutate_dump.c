/* SPDX-License-Identifier: MIT */
/*
 * mutate_dump.c - changes dumps at random and does with them all that the commands can do.
 *
 *   mutate_dump --mutate COUNT SEED JOBS DUMP...  bits, bytes, numbers, records, structure
 *   mutate_dump --flip COUNT SEED JOBS DUMP...    one bit each: is it noticed?
 *
 * What a mutation may use is in trial.h. One that uses more, or ends the process, is kept
 * as mutate-FATE-SEED-NUMBER.mft in the working directory, and fails the run; a bit that
 * nobody notices is kept, too; the first hundred of all these are. Most mutations get new
 * checksums, so that what lies behind these is reached. The last line on standard output
 * says what came of all; before it stands for flips what kinds of places they were in, and
 * how many nobody noticed there.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump_place.h"
#include "every_report.h"
#include "fuzz_file.h"
#include "mutation.h"
#include "trial.h"

#define DUMP_BYTES_MAX (64ull << 20)
/* What takes longest is done with some of the mutations only. */
#define RECORDS_EVERY 4u
#define FILES_EVERY 16u
#define KEPT_MOST 100u

struct run {
	bool flips;
	unsigned long seed;
	struct mutation_dump *dumps;
	size_t dumps_count;
	struct fuzz_file file; /* in a worker; fd -1: not yet */
	unsigned kept;
	unsigned long unnoticed[DUMP_PLACES];
};

static struct mutation_dump *load_all(char **paths, int count)
{
	struct mutation_dump *dumps = calloc((size_t)count + 1, sizeof(*dumps));

	for (int i = 0; dumps && i < count; i++) {
		struct mutation_dump *dump = &dumps[i];
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		struct stat status;

		if (fd < 0 || fstat(fd, &status) < 0 || status.st_size == 0 ||
		    (uint64_t)status.st_size > DUMP_BYTES_MAX ||
		    (dump->bytes = malloc((size_t)status.st_size)) == NULL ||
		    read(fd, dump->bytes, (size_t)status.st_size) != status.st_size) {
			fprintf(stderr, "mutate_dump: %s: cannot be read\n", paths[i]);
			exit(2);
		}
		dump->count = (size_t)status.st_size;
		close(fd);
	}
	return dumps;
}

/* Any of the dumps; small ones more often, since they take less time. */
static const struct mutation_dump *pick(const struct run *run, uint64_t *random)
{
	const struct mutation_dump *a =
		&run->dumps[mutation_below(random, run->dumps_count)];
	const struct mutation_dump *b =
		&run->dumps[mutation_below(random, run->dumps_count)];

	return a->count < b->count || mutation_below(random, 16) == 0 ? a : b;
}

/* The input of a number: the same one each time. */
static struct mutation_dump make_input(const struct run *run, unsigned long number)
{
	uint64_t random = mutation_seed(run->seed, number);
	const struct mutation_dump *from = pick(run, &random);
	struct mutation_dump dump;

	if (!mutation_copy(from, &dump)) {
		fprintf(stderr, "mutate_dump: no memory\n");
		_exit(2);
	}
	if (run->flips)
		mutation_flip(&dump, &random);
	else
		mutation_make(&dump, run->dumps, run->dumps_count, &random);
	return dump;
}

static enum trial_fate try_input(void *context, unsigned long number)
{
	struct run *run = context;
	struct mutation_dump dump = make_input(run, number);
	bool damaged, opened;

	if (run->file.fd < 0) {
		every_report_begin();
		fuzz_file_open(&run->file);
	}
	fuzz_file_fill(&run->file, dump.bytes, dump.count);
	free(dump.bytes);
	if (run->flips) {
		opened = every_report_replay(run->file.path, &damaged);
	} else {
		const bool files = number % FILES_EVERY == 0;

		opened = every_report_of_dump(run->file.path, NULL, files, &damaged);
		if (number % RECORDS_EVERY == 0)
			every_record(run->file.path);
		if (files)
			every_verdict(run->file.path);
	}
	if (every_report_was_short())
		return TRIAL_SHORT;
	return !opened || damaged ? TRIAL_NOTICED : TRIAL_FINE;
}

/* Where the flip of a number was. */
static enum dump_place place_of(const struct run *run, unsigned long number)
{
	uint64_t random = mutation_seed(run->seed, number);
	const struct mutation_dump *from = pick(run, &random);
	struct mutation_dump dump = *from;
	const size_t offset = mutation_flip(&dump, &random);

	random = mutation_seed(run->seed, number);
	(void)pick(run, &random);
	(void)mutation_flip(&dump, &random); /* back */
	return dump_place(from, offset);
}

static void keep_input(struct run *run, unsigned long number, const char *word)
{
	struct mutation_dump dump = make_input(run, number);
	char name[96];
	FILE *file;

	snprintf(name, sizeof(name), "mutate-%s-%lu-%lu.mft", word, run->seed, number);
	file = fopen(name, "we");
	if (!file || fwrite(dump.bytes, 1, dump.count, file) != dump.count)
		fprintf(stderr, "mutate_dump: %s: cannot be written\n", name);
	if (file)
		fclose(file);
	fprintf(stderr, "mutate_dump: %s: kept as %s\n", word, name);
	free(dump.bytes);
}

static void tell(void *context, unsigned long number, enum trial_fate fate)
{
	struct run *run = context;

	if (run->flips && fate == TRIAL_FINE) {
		enum dump_place place = place_of(run, number);

		run->unnoticed[place]++;
		if (place == PLACE_JOURNAL || place == PLACE_NO_CHUNK)
			return;
	}
	if (run->kept++ < KEPT_MOST)
		keep_input(run, number,
			   fate == TRIAL_FINE ? "unnoticed" : trial_fates[fate]);
}

static void print_places(const struct run *run, unsigned long count)
{
	unsigned long flips[DUMP_PLACES] = {0};

	for (unsigned long i = 0; i < count; i++)
		flips[place_of(run, i)]++;
	for (unsigned place = 0; place < DUMP_PLACES; place++) {
		if (flips[place])
			printf("%-20s %9lu flips, %lu not noticed\n", dump_places[place],
			       flips[place], run->unnoticed[place]);
	}
}

/* Of dumps of processes that have ended nothing is read there. */
static unsigned long missed_where_nothing_is(const struct run *run)
{
	return run->unnoticed[PLACE_JOURNAL] + run->unnoticed[PLACE_NO_CHUNK];
}

static bool print_tally(const struct run *run, const struct trial_tally *tally)
{
	const unsigned long *fates = tally->fates;
	unsigned long idle = missed_where_nothing_is(run);
	unsigned long bad = fates[TRIAL_DIED] + fates[TRIAL_SLOW] + fates[TRIAL_LARGE] +
			    fates[TRIAL_SHORT];
	unsigned long all = bad + fates[TRIAL_FINE] + fates[TRIAL_NOTICED];

	if (run->flips)
		printf("%lu flips: %lu noticed, %lu not (%.4f %%), %lu where nothing is "
		       "read",
		       all, fates[TRIAL_NOTICED], fates[TRIAL_FINE] - idle,
		       100.0 * (double)fates[TRIAL_NOTICED] /
			       (double)(all > idle ? all - idle : 1),
		       idle);
	else
		printf("%lu mutations: %lu noticed, %lu taken for intact", all,
		       fates[TRIAL_NOTICED], fates[TRIAL_FINE]);
	printf("; %lu died, %lu slow, %lu large, %lu short; slowest %.0f ms, largest "
	       "%.0f MiB; CPU %.0f s\n",
	       fates[TRIAL_DIED], fates[TRIAL_SLOW], fates[TRIAL_LARGE], fates[TRIAL_SHORT],
	       tally->slowest_s * 1000, (double)tally->largest_kib / 1024, tally->cpu_s);
	return bad > 0;
}

int main(int argc, char **argv)
{
	struct run run = {.flips = argc > 1 && strcmp(argv[1], "--flip") == 0,
			  .file = {.fd = -1}};
	struct trial trial = {.context = &run, .try = try_input, .tell = tell};
	struct trial_tally tally;
	bool failed;

	if (argc < 6 || (!run.flips && strcmp(argv[1], "--mutate") != 0)) {
		fprintf(stderr,
			"usage: mutate_dump --mutate|--flip COUNT SEED JOBS DUMP...\n");
		return 2;
	}
	trial.count = strtoul(argv[2], NULL, 10);
	run.seed = strtoul(argv[3], NULL, 10);
	trial.jobs = (unsigned)strtoul(argv[4], NULL, 10);
	if (trial.jobs == 0 || trial.jobs > TRIAL_JOBS_MAX)
		trial.jobs = 1;
	/* A flipped bit that nobody sees is worth a look, a mutation is not. */
	trial.told = run.flips ? TRIAL_FINE : TRIAL_FATES;
	run.dumps_count = (size_t)argc - 5;
	run.dumps = load_all(argv + 5, argc - 5);
	trial_run(&trial, &tally);
	if (run.flips)
		print_places(&run, trial.count);
	failed = print_tally(&run, &tally);
	for (size_t i = 0; i < run.dumps_count; i++)
		free(run.dumps[i].bytes);
	free(run.dumps);
	return failed;
}
