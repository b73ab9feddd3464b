/* SPDX-License-Identifier: MIT */
/*
 * test_symbolclient.c - names come from a confined process, and whatever becomes of that
 * process costs the names of one file.
 *
 * The file that is read is this program itself, which has DWARF and knows its functions.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <link.h>

#include "sandbox.h"
#include "stringpool.h"
#include "symbolclient.h"
#include "symbolwire.h"
#include "workdir.h"

static struct stringpool *pool;
static const char *directory;
static char self[4096];
static uintptr_t bias;
static uint8_t self_id[64];
static size_t self_id_bytes;

int known_object = 4711;

__attribute__((noinline)) static void known_function(void)
{
	known_object++;
}

/* ---- Helpers ---------------------------------------------------------------------- */

static int find_self(struct dl_phdr_info *info, size_t bytes, void *context)
{
	(void)bytes;
	(void)context;
	bias = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		const char *at = (const char *)(bias + segment->p_vaddr);
		const char *end = at + segment->p_memsz;

		while (segment->p_type == PT_NOTE && at + sizeof(ElfW(Nhdr)) <= end) {
			const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
			const char *name = at + sizeof(*note);
			const char *content = name + ((note->n_namesz + 3) & ~3u);

			if (note->n_type == 3 && note->n_namesz == 4 &&
			    !memcmp(name, "GNU", 4)) {
				self_id_bytes = note->n_descsz;
				memcpy(self_id, content, self_id_bytes);
			}
			at = content + ((note->n_descsz + 3) & ~3u);
		}
	}
	return 1; /* the program itself comes first */
}

static int set_up(void **state)
{
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)state;
	if (length <= 0)
		return -1;
	self[length] = '\0';
	dl_iterate_phdr(find_self, NULL);
	pool = stringpool_new();
	directory = workdir_make();
	return pool && self_id_bytes && directory ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	stringpool_free(pool);
	workdir_remove();
	return 0;
}

static const struct sandbox_limits generous = SYMBOLCLIENT_LIMITS;

static struct symbolclient_file own_file(void)
{
	return (struct symbolclient_file){
		.path = self, .build_id = self_id, .build_id_bytes = self_id_bytes};
}

struct answer {
	char function[64];
	char file[4096];
	unsigned line;
	size_t taken;
};

static int take(void *context, size_t index, const struct symbolclient_frame *frames,
		size_t count)
{
	struct answer *answer = context;

	assert_int_equal(index, answer->taken);
	assert_true(count >= 1);
	answer->taken++;
	if (index > 0)
		return 0;
	snprintf(answer->function, sizeof(answer->function), "%s",
		 frames[count - 1].function ? frames[count - 1].function : "");
	snprintf(answer->file, sizeof(answer->file), "%s",
		 frames[count - 1].file ? frames[count - 1].file : "");
	answer->line = frames[count - 1].line;
	return 0;
}

static void assert_known_function(struct symbolclient *client,
				  struct symbolclient_file *file)
{
	uint64_t address = (uintptr_t)known_function - bias;
	struct answer answer = {.taken = 0};

	assert_int_equal(symbolclient_names(client, file, &address, 1, take, &answer), 0);
	assert_int_equal(answer.taken, 1);
	assert_string_equal(answer.function, "known_function");
	assert_non_null(strstr(answer.file, "test_symbolclient.c"));
	assert_true(answer.line > 0);
}

/* The one child of this process. */
static pid_t child(void)
{
	char path[64], text[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	assert_non_null(file);
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0'; /* there is none */
	fclose(file);
	return (pid_t)atoi(text);
}

/* A path in this program's directory; the caller's. */
static char *scratch_path(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
	return path;
}

/* A copy of this program in a scratch file, to be damaged. */
static void copy_self(const char *path)
{
	char buffer[65536];
	int in = open(self, O_RDONLY | O_CLOEXEC);
	int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t got;

	assert_true(in >= 0 && out >= 0);
	while ((got = read(in, buffer, sizeof(buffer))) > 0)
		assert_int_equal(write(out, buffer, (size_t)got), got);
	close(in);
	close(out);
}

/* ---- Names ------------------------------------------------------------------------ */

static void names_of_this_program(void **state)
{
	struct symbolclient *client = symbolclient_new(pool, NULL, &generous);
	struct symbolclient_file file = own_file();
	const char *name;
	uint64_t offset;

	(void)state;
	known_function();
	assert_non_null(client);
	assert_known_function(client, &file);
	assert_int_equal(symbolclient_object(client, &file,
					     (uintptr_t)&known_object - bias + 2, &name,
					     &offset),
			 0);
	assert_string_equal(name, "known_object");
	assert_int_equal(offset, 2);
	symbolclient_free(client);
	assert_int_equal(child(), 0);
}

/* More than a message of questions and than a message of answers holds. */
static void many_addresses_in_order(void **state)
{
	struct symbolclient *client = symbolclient_new(pool, NULL, &generous);
	struct symbolclient_file file = own_file();
	size_t count = 3 * SYMBOLWIRE_ADDRESSES + 1;
	uint64_t *addresses = calloc(count, sizeof(*addresses));
	struct answer answer = {.taken = 0};

	(void)state;
	assert_non_null(addresses);
	for (size_t i = 0; i < count; i++)
		addresses[i] = (uintptr_t)known_function - bias + i % 4096;
	assert_int_equal(symbolclient_names(client, &file, addresses, count, take, &answer),
			 0);
	assert_int_equal(answer.taken, count);
	assert_string_equal(answer.function, "known_function");
	free(addresses);
	symbolclient_free(client);
}

/* ---- What becomes of the process -------------------------------------------------- */

static void killed_and_begun_anew(void **state)
{
	struct symbolclient *client = symbolclient_new(pool, NULL, &generous);
	struct symbolclient_file file = own_file(), other = own_file();
	uint64_t address = (uintptr_t)known_function - bias;
	struct answer answer = {.taken = 0};
	pid_t first;

	(void)state;
	assert_known_function(client, &file);
	first = child();
	assert_true(first > 0);
	assert_int_equal(kill(first, SIGKILL), 0);
	assert_int_equal(symbolclient_names(client, &file, &address, 1, take, &answer),
			 -EPIPE);
	assert_int_equal(answer.taken, 0);
	assert_known_function(client, &other);
	assert_true(child() > 0 && child() != first);
	symbolclient_free(client);
}

/* What the kernel sends where the limit on processor time is reached. */
static void out_of_its_time(void **state)
{
	struct symbolclient *client = symbolclient_new(pool, NULL, &generous);
	struct symbolclient_file file = own_file();
	uint64_t address = (uintptr_t)known_function - bias;
	struct answer answer = {.taken = 0};

	(void)state;
	assert_known_function(client, &file);
	assert_int_equal(kill(child(), SIGXCPU), 0);
	assert_int_equal(symbolclient_names(client, &file, &address, 1, take, &answer),
			 -ETIMEDOUT);
	symbolclient_free(client);
}

static void gives_up_after_some(void **state)
{
	struct symbolclient *client = symbolclient_new(pool, NULL, &generous);
	unsigned died = 0;
	int error = 0;

	(void)state;
	for (unsigned i = 0; i < 100 && error != -ECANCELED; i++) {
		struct symbolclient_file file = own_file();
		uint64_t address = 1;
		struct answer answer = {.taken = 0};

		error = symbolclient_open(client, &file);
		if (error)
			break;
		assert_int_equal(kill(child(), SIGKILL), 0);
		error = symbolclient_names(client, &file, &address, 1, take, &answer);
		died += error == -EPIPE;
	}
	assert_int_equal(error, -ECANCELED);
	assert_in_range(died, 1, 20);
	symbolclient_free(client);
}

static rlim_t limit_of(pid_t pid, int resource)
{
	struct rlimit limits;

	assert_int_equal(prlimit(pid, (enum __rlimit_resource)resource, NULL, &limits), 0);
	return limits.rlim_cur;
}

/* The process may use what was said, and a share of the file's size on top of it. */
static void limited(void **state)
{
	struct symbolclient *client = symbolclient_new(pool, NULL, &generous);
	struct symbolclient_file file = own_file();
	rlim_t memory;

	(void)state;
	assert_int_equal(symbolclient_open(client, &file), 0);
	memory = limit_of(child(), RLIMIT_AS);
	assert_true(memory > generous.memory_bytes);
#ifndef __SANITIZE_ADDRESS__
	assert_true(memory < generous.memory_bytes + (1u << 30));
#endif
	assert_in_range(limit_of(child(), RLIMIT_CPU), 1, generous.cpu_seconds + 60);
	assert_int_equal(limit_of(child(), RLIMIT_CORE), 0);
	assert_int_equal(limit_of(child(), RLIMIT_FSIZE), 0);
	assert_in_range(limit_of(child(), RLIMIT_NOFILE), 1, 4096);
	symbolclient_free(client);
}

/* ---- Which files ------------------------------------------------------------------ */

static int open_with(const char *roots, const char *path, const uint8_t *build_id,
		     size_t build_id_bytes)
{
	struct symbolclient *client = symbolclient_new(pool, roots, &generous);
	struct symbolclient_file file = {
		.path = path, .build_id = build_id, .build_id_bytes = build_id_bytes};
	int error;

	assert_non_null(client);
	error = symbolclient_open(client, &file);
	symbolclient_free(client);
	return error;
}

static void only_regular_files(void **state)
{
	char *path = scratch_path("pipe");

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_with(NULL, path, NULL, 0), -EINVAL);
	assert_int_equal(open_with(NULL, "/dev/zero", NULL, 0), -EINVAL);
	assert_int_equal(open_with(NULL, "/usr", NULL, 0), -EINVAL);
	assert_int_equal(open_with(NULL, "/proc/self/maps", NULL, 0), -EINVAL);
	assert_int_equal(open_with(NULL, "/nonexistent/x", NULL, 0), -ENOENT);
	assert_int_equal(open_with(NULL, "relative", NULL, 0), -EINVAL);
	assert_int_equal(open_with(NULL, "", NULL, 0), -EINVAL);
	unlink(path);
	assert_int_equal(symlink(path, path), 0);
	assert_int_equal(open_with(NULL, path, NULL, 0), -ENOENT);
	unlink(path);
	free(path);
}

static void only_the_build_that_was_recorded(void **state)
{
	uint8_t other[64];

	(void)state;
	assert_int_equal(open_with(NULL, self, self_id, self_id_bytes), 0);
	memcpy(other, self_id, sizeof(other));
	other[0] ^= 1;
	assert_int_equal(open_with(NULL, self, other, self_id_bytes), -ESTALE);
	assert_int_equal(open_with(NULL, self, self_id, self_id_bytes - 1), -ESTALE);
}

static void only_within_the_roots(void **state)
{
	char *root = scratch_path("root");
	char *copy, *link;

	(void)state;
	assert_int_equal(mkdir(root, 0700), 0);
	assert_true(asprintf(&copy, "%s/copy", root) > 0);
	assert_true(asprintf(&link, "%s/link", root) > 0);
	copy_self(copy);
	assert_int_equal(symlink(self, link), 0);
	/* As it stands, as seen from the root, and through a link out of it. */
	assert_int_equal(open_with(root, copy, self_id, self_id_bytes), 0);
	assert_int_equal(open_with(root, "/copy", self_id, self_id_bytes), 0);
	assert_int_equal(open_with(root, "/../../copy", self_id, self_id_bytes), 0);
	assert_int_not_equal(open_with(root, "/link", self_id, self_id_bytes), 0);
	assert_int_equal(open_with(root, self, self_id, self_id_bytes), -EXDEV);
	assert_int_equal(open_with(NULL, link, self_id, self_id_bytes), 0);
	unlink(copy);
	unlink(link);
	rmdir(root);
	free(copy);
	free(link);
	free(root);
}

/* ---- Without a filter ------------------------------------------------------------- */

/* Where the kernel filters nothing, the limits remain, and names are found. */
static void without_a_filter(void **state)
{
	struct sandbox_limits limits = SYMBOLCLIENT_LIMITS;
	struct symbolclient_file file = own_file();
	struct symbolclient *client;

	(void)state;
	limits.without_filter = true;
	client = symbolclient_new(pool, NULL, &limits);
	assert_non_null(client);
	assert_known_function(client, &file);
	symbolclient_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_this_program),
		cmocka_unit_test(many_addresses_in_order),
		cmocka_unit_test(killed_and_begun_anew),
		cmocka_unit_test(out_of_its_time),
		cmocka_unit_test(gives_up_after_some),
		cmocka_unit_test(limited),
		cmocka_unit_test(only_regular_files),
		cmocka_unit_test(only_the_build_that_was_recorded),
		cmocka_unit_test(only_within_the_roots),
		cmocka_unit_test(without_a_filter),
	};

	return cmocka_run_group_tests_name("symbolclient", tests, set_up, tear_down);
}
