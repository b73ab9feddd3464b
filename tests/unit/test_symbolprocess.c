/* SPDX-License-Identifier: MIT */
/*
 * test_symbolprocess.c - a confined process can do nothing else, and lies are not believed.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox.h"
#include "stringpool.h"
#include "symbolclient.h"
#include "symbolpath.h"
#include "symbolprocess.h"
#include "symbolwire.h"

static const struct sandbox_limits generous = SYMBOLCLIENT_LIMITS;

/* ---- The sandbox ------------------------------------------------------------------ */

static int refuse(const char *path)
{
	(void)path;
	return -ECHRNG;
}

/* What the confined process finds, as bits. */
static int look_around(int readable)
{
	int failed = 0;
	char byte;

	failed |= open("/etc/passwd", O_RDONLY) >= 0 || errno != ECHRNG;
	failed |= (open("/tmp/x", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EACCES) << 1;
	failed |= (socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EPERM) << 2;
	failed |= (fork() >= 0 || errno != EPERM) << 3;
	failed |= (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0) != MAP_FAILED)
		  << 4;
	failed |= (kill(getppid(), 0) == 0 || errno != EPERM) << 5;
	failed |= (write(2, "x", 1) >= 0 || errno != EPERM) << 6;
	failed |= (read(readable, &byte, 1) != 1) << 7;
	return failed;
}

static void confined(void **state)
{
	int status, readable;
	pid_t pid;

	(void)state;
	assert_true(sandbox_can_filter());
	readable = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	pid = fork();
	if (pid == 0) {
		if (!sandbox_enter(&generous, refuse))
			_exit(255);
		_exit(look_around(readable));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(readable);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A process that never comes back is ended by its limit on processor time. */
static void out_of_time(void **state)
{
	const struct sandbox_limits second = {.memory_bytes = 1u << 30, .cpu_seconds = 0};
	volatile uint64_t work = 0;
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		(void)sandbox_enter(&second, refuse);
		for (;;)
			work++;
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGXCPU);
}

/* ---- Messages --------------------------------------------------------------------- */

static void messages_are_checked(void **state)
{
	static struct symbolwire wire;
	enum symbolwire_kind kind;
	const uint8_t lies[] = {SYMBOLWIRE_STRINGS, 0xff, 0xff, 0xff, 0xff, 'x'};
	int sockets[2];
	size_t bytes;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	assert_int_equal(symbolwire_receive(&wire, sockets[0], 0, &kind), -ETIMEDOUT);
	/* A length beyond the end of the message. */
	assert_int_equal(send(sockets[1], lies, sizeof(lies), 0), sizeof(lies));
	assert_int_equal(symbolwire_receive(&wire, sockets[0], 1000, &kind), 0);
	assert_int_equal(kind, SYMBOLWIRE_STRINGS);
	assert_null(symbolwire_get_bytes(&wire, SYMBOLWIRE_STRING_BYTES, &bytes));
	assert_true(wire.bad);
	assert_int_equal(symbolwire_get(&wire, 8), 0);
	/* More than a message holds. */
	symbolwire_begin(&wire, SYMBOLWIRE_OPEN);
	for (size_t i = 0; i < SYMBOLWIRE_BYTES; i++)
		symbolwire_put(&wire, i, 4);
	assert_true(wire.bad);
	assert_int_equal(symbolwire_send(&wire, sockets[0], -1), -EMSGSIZE);
	close(sockets[1]);
	assert_int_equal(symbolwire_receive(&wire, sockets[0], 1000, &kind), -EPIPE);
	close(sockets[0]);
}

/* A process that answers the question with these bytes, and perhaps a descriptor. */
static int ask_a_liar(const uint8_t *bytes, size_t count, int fd)
{
	static struct symbolprocess process;
	static struct symbolwire lie;
	struct symbolpath *paths = symbolpath_new(NULL);
	struct stringpool *pool = stringpool_new();
	struct debugfetch fetch = {.tried = false};
	int sockets[2];
	int error;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	process = (struct symbolprocess){.pool = pool, .paths = paths, .fetch = &fetch};
	process.socket = sockets[0];
	process.pid = fork();
	if (process.pid == 0) {
		symbolwire_begin(&lie, (enum symbolwire_kind)bytes[0]);
		for (size_t i = 1; i < count; i++)
			symbolwire_put(&lie, bytes[i], 1);
		(void)symbolwire_send(&lie, sockets[1], fd);
		(void)alarm(30); /* nobody may be left to end it */
		pause();	 /* the socket stays open */
		_exit(0);
	}
	symbolwire_begin(&process.wire, SYMBOLWIRE_OBJECT);
	error = symbolprocess_ask(&process, -1, SYMBOLWIRE_OBJECT_IS);
	if (!error && !symbolprocess_string(&process) && process.wire.bad)
		error = -EPROTO;
	symbolprocess_done(&process);
	close(sockets[1]);
	symbolpath_free(paths);
	stringpool_free(pool);
	return error;
}

static void lies_are_not_believed(void **state)
{
	const uint8_t other_kind[] = {SYMBOLWIRE_OPENED, 0, 0, 0, 0};
	const uint8_t no_kind[] = {77};
	const uint8_t long_string[] = {SYMBOLWIRE_STRINGS, 1, 0, 0, 0, 9, 0, 0, 0, 'x', 0};
	const uint8_t many_strings[] = {
		SYMBOLWIRE_STRINGS, 255, 255, 255, 255, 0, 0, 0, 0, 0};
	const uint8_t no_string[] = {
		SYMBOLWIRE_OBJECT_IS, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	const uint8_t bad_wish[] = {SYMBOLWIRE_WANT_FILE, 255, 255, 255, 255, '/'};
	const uint8_t fine[] = {SYMBOLWIRE_OBJECT_IS, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0};

	(void)state;
	assert_int_equal(ask_a_liar(fine, sizeof(fine), -1), 0);
	assert_int_equal(ask_a_liar(fine, sizeof(fine), 0), -EPROTO); /* a descriptor */
	assert_int_equal(ask_a_liar(other_kind, sizeof(other_kind), -1), -EPROTO);
	assert_int_equal(ask_a_liar(no_kind, sizeof(no_kind), -1), -EPROTO);
	assert_int_equal(ask_a_liar(long_string, sizeof(long_string), -1), -EPROTO);
	assert_int_equal(ask_a_liar(many_strings, sizeof(many_strings), -1), -EPROTO);
	assert_int_equal(ask_a_liar(no_string, sizeof(no_string), -1), -EPROTO);
	assert_int_equal(ask_a_liar(bad_wish, sizeof(bad_wish), -1), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(confined),
		cmocka_unit_test(out_of_time),
		cmocka_unit_test(messages_are_checked),
		cmocka_unit_test(lies_are_not_believed),
	};

	return cmocka_run_group_tests_name("symbolprocess", tests, NULL, NULL);
}
