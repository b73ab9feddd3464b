/* SPDX-License-Identifier: MIT */
#include "symbolprocess.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "printable.h"
#include "stringpool.h"
#include "symbolpath.h"
#include "symbolserver.h"

/* A process that uses no time may still be stuck, on a file system that does not answer. */
#define SILENCE_MS 300000

/* What one process may say in all, and ask for in one request. */
#define STRING_BYTES_MOST (1ull << 30)
#define STRINGS_MOST (1u << 25)
#define WISHES_MOST 100000u

/* Of a file's size; its sections may be compressed, and are mapped more than once. */
#define ADDRESS_SPACE_SHARE 3u
#define FILE_BYTES_MOST (64ull << 30)

int symbolprocess_start(struct symbolprocess *process)
{
	int sockets[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -EPIPE;
	pid = fork();
	if (pid == 0)
		symbolserver_run(sockets[1], &process->limits);
	close(sockets[1]);
	if (pid < 0) {
		close(sockets[0]);
		return -EPIPE;
	}
	process->socket = sockets[0];
	process->pid = pid;
	process->strings_count = 0;
	process->string_bytes = 0;
	return 0;
}

int symbolprocess_end(struct symbolprocess *process)
{
	int status = 0;

	if (process->socket < 0)
		return 0;
	close(process->socket);
	process->socket = -1;
	/* Of a process that is ending already this changes nothing. */
	(void)kill(process->pid, SIGKILL);
	while (waitpid(process->pid, &status, 0) < 0) {
		if (errno != EINTR)
			return 0;
	}
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

void symbolprocess_done(struct symbolprocess *process)
{
	(void)symbolprocess_end(process);
	free(process->strings);
	process->strings = NULL;
}

/* ---- Limits ----------------------------------------------------------------------- */

/* Gives the process some seconds from now on. */
static void allow_time(const struct symbolprocess *process)
{
	struct timespec used = {.tv_sec = 0};
	struct rlimit limits;
	clockid_t clock;

	if (clock_getcpuclockid(process->pid, &clock) || clock_gettime(clock, &used) < 0 ||
	    prlimit(process->pid, RLIMIT_CPU, NULL, &limits) < 0)
		return;
	limits.rlim_cur = (rlim_t)used.tv_sec + 1 + process->limits.cpu_seconds;
	if (limits.rlim_cur <= limits.rlim_max)
		(void)prlimit(process->pid, RLIMIT_CPU, &limits, NULL);
}

/* Gives it address space for a file that it is about to get. */
static void allow_memory(const struct symbolprocess *process, int fd)
{
	struct rlimit limits;
	struct stat status;

	if (fstat(fd, &status) < 0 || (uint64_t)status.st_size > FILE_BYTES_MOST ||
	    prlimit(process->pid, RLIMIT_AS, NULL, &limits) < 0 ||
	    limits.rlim_cur == RLIM_INFINITY)
		return;
	limits.rlim_cur += ADDRESS_SPACE_SHARE * (rlim_t)status.st_size;
	if (limits.rlim_cur <= limits.rlim_max)
		(void)prlimit(process->pid, RLIMIT_AS, &limits, NULL);
}

/* ---- What it says ----------------------------------------------------------------- */

static int take_string(struct symbolprocess *process, const char *text)
{
	char *safe = printable_new(text);
	const char *pooled = safe ? stringpool_add(process->pool, safe) : NULL;

	free(safe);
	if (!pooled)
		return -ENOMEM;
	if (process->strings_count + 1 >= process->strings_room) {
		uint32_t room = process->strings_room ? 2 * process->strings_room : 1024;
		const char **moved = realloc(process->strings, room * sizeof(*moved));

		if (!moved)
			return -ENOMEM;
		process->strings = moved;
		process->strings_room = room;
		process->strings[0] = NULL;
	}
	process->strings[++process->strings_count] = pooled;
	return 0;
}

static int take_strings(struct symbolprocess *process)
{
	uint64_t count = symbolwire_get(&process->wire, 4);

	for (; count > 0; count--) {
		size_t bytes;
		const char *text = symbolwire_get_bytes(&process->wire,
							SYMBOLWIRE_STRING_BYTES, &bytes);
		int error;

		if (!text)
			return -EPROTO;
		process->string_bytes += bytes;
		if (process->string_bytes > STRING_BYTES_MOST ||
		    process->strings_count >= STRINGS_MOST)
			return -EPROTO;
		error = take_string(process, text);
		if (error)
			return error;
	}
	return 0;
}

const char *symbolprocess_string(struct symbolprocess *process)
{
	uint64_t number = symbolwire_get(&process->wire, 4);

	if (number > process->strings_count) {
		process->wire.bad = true;
		return NULL;
	}
	return number ? process->strings[number] : NULL;
}

/* Opens what it asked for, or says why not. Returns 0 or an error of the connection. */
static int grant(struct symbolprocess *process, enum symbolwire_kind kind)
{
	size_t bytes;
	const char *wish =
		symbolwire_get_bytes(&process->wire, SYMBOLWIRE_STRING_BYTES, &bytes);
	int error, fd = -1;

	if (!wish || ++process->wishes > WISHES_MOST)
		return -EPROTO;
	if (kind == SYMBOLWIRE_WANT_FILE)
		error = symbolpath_open(process->paths, wish, &fd, NULL);
	else
		error = debugfetch_get(process->fetch, DEBUGFETCH_DEBUG,
				       (const uint8_t *)wish, bytes, &fd);
	symbolwire_begin(&process->wire, SYMBOLWIRE_FILE);
	symbolwire_put(&process->wire, (uint64_t)-error, 4);
	if (!error)
		allow_memory(process, fd);
	error = symbolwire_send(&process->wire, process->socket, fd);
	if (fd >= 0)
		close(fd);
	return error;
}

int symbolprocess_await(struct symbolprocess *process, enum symbolwire_kind answer)
{
	for (;;) {
		enum symbolwire_kind kind;
		int error = symbolwire_receive(&process->wire, process->socket, SILENCE_MS,
					       &kind);

		if (error)
			return error;
		if (process->wire.fd >= 0) {
			close(process->wire.fd);
			return -EPROTO;
		}
		if (kind == answer)
			return 0;
		if (kind == SYMBOLWIRE_STRINGS)
			error = take_strings(process);
		else if (kind == SYMBOLWIRE_WANT_FILE || kind == SYMBOLWIRE_WANT_DEBUG)
			error = grant(process, kind);
		else
			error = -EPROTO;
		if (error)
			return error;
	}
}

int symbolprocess_ask(struct symbolprocess *process, int fd, enum symbolwire_kind answer)
{
	int error;

	process->wishes = 0;
	allow_time(process);
	if (fd >= 0)
		allow_memory(process, fd);
	error = symbolwire_send(&process->wire, process->socket, fd);
	return error ? error : symbolprocess_await(process, answer);
}
