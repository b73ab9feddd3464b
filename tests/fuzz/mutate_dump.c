/* SPDX-License-Identifier: MIT */
/*
 * mutate_dump.c - changes dumps at random and does with them all that the commands can do.
 *
 *   mutate_dump --mutate COUNT SEED DUMP...   mutations of bits, bytes, numbers and
 * structure mutate_dump --flip COUNT SEED DUMP...     one bit each: is it noticed?
 *
 * Each mutation is read in a process of its own, which may use a second of processor time
 * and 256 MiB of address space more than this one. What goes beyond that, or dies, is kept
 * as mutate-FATE-SEED-NUMBER.mft in the working directory, and fails the run. Half of the
 * mutations get new checksums, so that what lies behind these is reached.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "every_report.h"
#include "fuzz_file.h"
#include "mutation.h"

#define CPU_SECONDS 1
#define WALL_SECONDS 10
#define MEMORY_BYTES (256ull << 20)
#define DUMP_BYTES_MAX (64ull << 20)

/* How a child ended. */
enum fate {
	FATE_FINE,    /* intact, as far as it says */
	FATE_NOTICED, /* refused, or said to be damaged */
	FATE_DIED,
	FATE_SLOW,
};

struct tally {
	unsigned long count, noticed, bad;
	double slowest_s;
	long largest_kib;
};

static struct mutation_dump *load_all(char **paths, int count)
{
	struct mutation_dump *dumps = calloc((size_t)count + 1, sizeof(*dumps));

	for (int i = 0; dumps && i < count; i++) {
		struct mutation_dump *dump = &dumps[i];
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		struct stat status;

		if (fd < 0 || fstat(fd, &status) < 0 ||
		    (uint64_t)status.st_size > DUMP_BYTES_MAX ||
		    (dump->bytes = malloc((size_t)status.st_size + 1)) == NULL ||
		    read(fd, dump->bytes, (size_t)status.st_size) != status.st_size) {
			fprintf(stderr, "mutate_dump: %s: cannot be read\n", paths[i]);
			exit(2);
		}
		dump->count = (size_t)status.st_size;
		close(fd);
	}
	return dumps;
}

static uint64_t address_space(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file && fscanf(file, "%lu", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static _Noreturn void read_it(const char *path, bool everything)
{
	const struct rlimit cpu = {CPU_SECONDS, CPU_SECONDS + 1};
	struct rlimit memory = {0};
	bool damaged, opened;

	memory.rlim_cur = memory.rlim_max = address_space() + MEMORY_BYTES;
	(void)setrlimit(RLIMIT_CPU, &cpu);
	(void)setrlimit(RLIMIT_AS, &memory);
	(void)alarm(WALL_SECONDS);
	opened = every_report_of_dump(path, NULL, everything, &damaged);
	if (everything) {
		every_record(path);
		every_verdict(path);
	}
	_exit(!opened || damaged ? FATE_NOTICED : FATE_FINE);
}

static enum fate read_in_child(const char *path, bool everything, struct tally *tally)
{
	struct timespec begin, end;
	struct rusage usage;
	double seconds;
	int status = 0;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	pid = fork();
	if (pid == 0)
		read_it(path, everything);
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
		perror("mutate_dump: fork");
		exit(2);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	seconds = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
		  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	if (seconds > tally->slowest_s)
		tally->slowest_s = seconds;
	if (usage.ru_maxrss > tally->largest_kib)
		tally->largest_kib = usage.ru_maxrss;
	if (WIFEXITED(status) && WEXITSTATUS(status) <= FATE_NOTICED)
		return (enum fate)WEXITSTATUS(status);
	if (WIFSIGNALED(status) &&
	    (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGALRM ||
	     WTERMSIG(status) == SIGKILL))
		return FATE_SLOW;
	return FATE_DIED;
}

static void keep(const struct mutation_dump *dump, const char *fate, unsigned long seed,
		 unsigned long number)
{
	char name[96];
	FILE *file;

	snprintf(name, sizeof(name), "mutate-%s-%lu-%lu.mft", fate, seed, number);
	file = fopen(name, "we");
	if (file) {
		(void)fwrite(dump->bytes, 1, dump->count, file);
		fclose(file);
	}
	fprintf(stderr, "mutate_dump: %s: kept as %s\n", fate, name);
}

static void run(bool flips, unsigned long count, unsigned long seed,
		const struct mutation_dump *dumps, size_t dumps_count, struct tally *tally)
{
	static const char *const fates[] = {"fine", "noticed", "died", "slow"};
	struct fuzz_file file;

	fuzz_file_open(&file);
	for (unsigned long i = 0; i < count; i++) {
		uint64_t random = mutation_seed(seed, i);
		const struct mutation_dump *from =
			&dumps[mutation_below(&random, dumps_count)];
		struct mutation_dump dump = {NULL, 0};
		enum fate fate;

		if (!mutation_copy(from, &dump))
			exit(2);
		if (flips)
			mutation_flip(&dump, &random);
		else
			mutation_make(&dump, dumps, dumps_count, &random);
		fuzz_file_fill(&file, dump.bytes, dump.count);
		fate = read_in_child(file.path, !flips && i % 4 == 0, tally);
		tally->count++;
		tally->noticed += fate == FATE_NOTICED;
		if (fate == FATE_DIED || fate == FATE_SLOW) {
			tally->bad++;
			keep(&dump, fates[fate], seed, i);
		} else if (flips && fate == FATE_FINE) {
			keep(&dump, "unnoticed", seed, i);
		}
		free(dump.bytes);
	}
	close(file.fd);
}

int main(int argc, char **argv)
{
	const bool flips = argc > 1 && strcmp(argv[1], "--flip") == 0;
	struct mutation_dump *dumps;
	struct tally tally = {0};
	unsigned long count, seed;

	if (argc < 5 || (!flips && strcmp(argv[1], "--mutate") != 0)) {
		fprintf(stderr, "usage: mutate_dump --mutate|--flip COUNT SEED DUMP...\n");
		return 2;
	}
	count = strtoul(argv[2], NULL, 10);
	seed = strtoul(argv[3], NULL, 10);
	every_report_begin();
	dumps = load_all(argv + 4, argc - 4);
	run(flips, count, seed, dumps, (size_t)argc - 4, &tally);
	printf("%s=%lu noticed=%lu bad=%lu slowest_ms=%.0f largest_mib=%.1f\n",
	       flips ? "flips" : "mutations", tally.count, tally.noticed, tally.bad,
	       tally.slowest_s * 1000, (double)tally.largest_kib / 1024);
	for (int i = 0; i < argc - 4; i++)
		free(dumps[i].bytes);
	free(dumps);
	return tally.bad > 0;
}
