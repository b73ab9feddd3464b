/* SPDX-License-Identifier: MIT */
#include "symbolserver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "sandbox.h"
#include "symbolname.h"
#include "symbolsource.h"
#include "symbolwire.h"

/* Where the socket is, behind the standard descriptors. */
#define SOCKET 3

/* A list of frames has at most so many bytes. */
#define LIST_BYTES (1u + 16u * DEBUGINFO_DEPTH_MAX)

/* A string that was seen, and its number once it was sent. */
struct known {
	UT_hash_handle hh;
	struct known *readable; /* this linker's name made readable; NULL: not asked for */
	uint32_t number;
	char text[];
};

static struct symbolsource *sources[SYMBOLWIRE_SLOTS];
static struct known *known_strings;
static uint32_t strings_sent;

static struct symbolwire request;
static struct symbolwire strings;
static struct symbolwire frames;
static struct symbolwire wish; /* for files, in the middle of anything else */

/* ---- Files ------------------------------------------------------------------------ */

/* Sends the wish and waits for the file. Returns a descriptor or a negative errno. */
static int await_file(void)
{
	enum symbolwire_kind kind;
	int error = symbolwire_send(&wish, SOCKET, -1);

	if (error == -EMSGSIZE)
		return -ENAMETOOLONG;
	if (error || symbolwire_receive(&wish, SOCKET, -1, &kind) ||
	    kind != SYMBOLWIRE_FILE)
		_exit(1);
	error = (int)symbolwire_get(&wish, 4);
	if (!error && wish.fd >= 0)
		return wish.fd;
	return error > 0 && error < 4096 ? -error : -ENOENT;
}

static int open_file(const char *path)
{
	symbolwire_begin(&wish, SYMBOLWIRE_WANT_FILE);
	symbolwire_put_bytes(&wish, path, strlen(path));
	return await_file();
}

static int fetch_debug(const uint8_t *build_id, size_t build_id_bytes)
{
	if (build_id_bytes > SYMBOLWIRE_BUILD_ID_BYTES)
		return -ENOENT;
	symbolwire_begin(&wish, SYMBOLWIRE_WANT_DEBUG);
	symbolwire_put_bytes(&wish, build_id, build_id_bytes);
	return await_file();
}

static struct symbolsource *requested_source(void)
{
	uint64_t slot = symbolwire_get(&request, 4);

	if (slot >= SYMBOLWIRE_SLOTS || !sources[slot])
		_exit(1);
	return sources[slot];
}

static void open_source(void)
{
	uint64_t slot = symbolwire_get(&request, 4);
	enum symbolwire_status status = SYMBOLWIRE_FINE;
	const char *build_id, *path;
	size_t build_id_bytes, path_bytes;

	build_id =
		symbolwire_get_bytes(&request, SYMBOLWIRE_BUILD_ID_BYTES, &build_id_bytes);
	path = symbolwire_get_bytes(&request, SYMBOLWIRE_STRING_BYTES, &path_bytes);
	if (request.bad || request.fd < 0 || slot >= SYMBOLWIRE_SLOTS || sources[slot])
		_exit(1);
	switch (symbolsource_open(request.fd, path, (const uint8_t *)build_id,
				  build_id_bytes, fetch_debug, &sources[slot])) {
	case 0:
		break;
	case -ESTALE:
		status = SYMBOLWIRE_OTHER_BUILD;
		break;
	case -ENOEXEC:
		status = SYMBOLWIRE_NO_ELF;
		break;
	default:
		status = SYMBOLWIRE_NO_MEMORY;
		break;
	}
	if (status != SYMBOLWIRE_FINE)
		close(request.fd);
	symbolwire_begin(&frames, SYMBOLWIRE_OPENED);
	symbolwire_put(&frames, status, 4);
	if (symbolwire_send(&frames, SOCKET, -1))
		_exit(1);
}

/* ---- Strings ---------------------------------------------------------------------- */

static struct known *know(const char *text)
{
	size_t length = strnlen(text, SYMBOLWIRE_STRING_BYTES);
	struct known *known = NULL;

	HASH_FIND(hh, known_strings, text, length, known);
	if (known)
		return known;
	known = calloc(1, sizeof(*known) + length + 1);
	if (!known)
		_exit(1);
	memcpy(known->text, text, length);
	HASH_ADD_KEYPTR(hh, known_strings, known->text, length, known);
	if (!known->hh.tbl)
		_exit(1);
	return known;
}

static struct known *know_readable(const char *name)
{
	struct known *known = know(name);

	if (!known->readable) {
		char *readable = symbolname_new(name);

		if (!readable)
			_exit(1);
		known->readable = know(readable);
		free(readable);
	}
	return known->readable;
}

/* The linker's name without the version that symbol tables add. */
static struct known *know_linker_name(const char *name)
{
	size_t length = strcspn(name, "@");
	struct known *known;
	char *plain;

	if (!name[length])
		return know(name);
	plain = strndup(name, length);
	if (!plain)
		_exit(1);
	known = know(plain);
	free(plain);
	return known;
}

#define STRINGS_COUNT_AT 1u

static void begin_strings(void)
{
	symbolwire_begin(&strings, SYMBOLWIRE_STRINGS);
	symbolwire_put(&strings, 0, 4);
}

static void send_strings(void)
{
	static uint32_t before;

	if (strings_sent == before)
		return;
	symbolwire_set(&strings, STRINGS_COUNT_AT, strings_sent - before, 4);
	if (symbolwire_send(&strings, SOCKET, -1))
		_exit(1);
	before = strings_sent;
	begin_strings();
}

/* The number of a string, which is sent before whatever names it; 0: NULL. */
static uint32_t number_of(struct known *known)
{
	size_t length;

	if (!known)
		return 0;
	if (!known->number) {
		length = strlen(known->text);
		if (symbolwire_room(&strings) < length + 5)
			send_strings();
		symbolwire_put_bytes(&strings, known->text, length);
		known->number = ++strings_sent;
	}
	return known->number;
}

/* ---- Answers ---------------------------------------------------------------------- */

#define FRAMES_COUNT_AT 1u

static void begin_frames(void)
{
	symbolwire_begin(&frames, SYMBOLWIRE_FRAMES);
	symbolwire_put(&frames, 0, 4);
}

static void send_frames(uint32_t *count)
{
	send_strings();
	symbolwire_set(&frames, FRAMES_COUNT_AT, *count, 4);
	if (symbolwire_send(&frames, SOCKET, -1))
		_exit(1);
	*count = 0;
	begin_frames();
}

static void put_frame(const struct symbolsource_frame *frame)
{
	struct known *function = frame->name ? know_readable(frame->name) : NULL;
	struct known *linker_name = NULL;

	if (function && frame->linker_name) {
		linker_name = know_linker_name(frame->linker_name);
		if (linker_name == function)
			linker_name = NULL;
	}
	symbolwire_put(&frames, number_of(function), 4);
	symbolwire_put(&frames, number_of(linker_name), 4);
	symbolwire_put(&frames, number_of(frame->file ? know(frame->file) : NULL), 4);
	symbolwire_put(&frames, frame->line, 4);
}

static void answer_names(void)
{
	static uint64_t addresses[SYMBOLWIRE_ADDRESSES];
	struct symbolsource_frame list[DEBUGINFO_DEPTH_MAX];
	struct symbolsource *source = requested_source();
	uint64_t count = symbolwire_get(&request, 4);
	uint32_t lists = 0;

	if (count > SYMBOLWIRE_ADDRESSES)
		_exit(1);
	for (uint64_t i = 0; i < count; i++)
		addresses[i] = symbolwire_get(&request, 8);
	if (request.bad)
		_exit(1);
	begin_frames();
	for (uint64_t i = 0; i < count; i++) {
		int found = symbolsource_at(source, addresses[i], list);

		if (found <= 0)
			_exit(1);
		if (symbolwire_room(&frames) < LIST_BYTES)
			send_frames(&lists);
		symbolwire_put(&frames, (uint64_t)found, 1);
		for (int at = 0; at < found; at++)
			put_frame(&list[at]);
		lists++;
	}
	send_frames(&lists);
}

static void answer_object(void)
{
	struct symbolsource *source = requested_source();
	uint64_t address = symbolwire_get(&request, 8);
	const char *name;
	uint64_t offset;

	if (request.bad || symbolsource_object_at(source, address, &name, &offset))
		_exit(1);
	symbolwire_begin(&frames, SYMBOLWIRE_OBJECT_IS);
	symbolwire_put(&frames, number_of(name ? know_readable(name) : NULL), 4);
	symbolwire_put(&frames, offset, 8);
	send_strings();
	if (symbolwire_send(&frames, SOCKET, -1))
		_exit(1);
}

/* ---- The process ------------------------------------------------------------------ */

static void reset_signals(void)
{
	/* Those that a process ignores stay ignored in its child. */
	for (int number = 1; number < SIGRTMIN; number++)
		(void)signal(number, SIG_DFL);
}

/* Lets go of all but the socket, which becomes SOCKET. */
static void close_others(int socket)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (dup2(socket, SOCKET) < 0)
		_exit(1);
	for (int fd = 0; fd < SOCKET; fd++) {
		if (nothing < 0 || dup2(nothing, fd) < 0)
			close(fd);
	}
	if (close_range(SOCKET + 1, ~0u, 0) < 0) {
		for (int fd = SOCKET + 1; fd < 65536; fd++)
			close(fd);
	}
}

/* If memory gets short, then because of this process. */
static void offer_for_killing(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1000", 4) < 0) {
		/* Not everywhere allowed, and not needed. */
	}
	close(fd);
}

void symbolserver_run(int socket, const struct sandbox_limits *limits)
{
	enum symbolwire_kind kind;

	reset_signals();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NAME, "mftrace-symbols");
	/* libdw would ask the servers itself, which it cannot here. */
	(void)unsetenv("DEBUGINFOD_URLS");
	close_others(socket);
	offer_for_killing();
	/* From here on what lies below /proc/self is not ours any more. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)sandbox_enter(limits, open_file);
	begin_strings();
	while (symbolwire_receive(&request, SOCKET, -1, &kind) == 0) {
		switch (kind) {
		case SYMBOLWIRE_OPEN:
			open_source();
			break;
		case SYMBOLWIRE_NAMES:
			answer_names();
			break;
		case SYMBOLWIRE_OBJECT:
			answer_object();
			break;
		default:
			_exit(1);
		}
	}
	_exit(0);
}
