/* SPDX-License-Identifier: MIT */
#include "symbolclient.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debugfetch.h"
#include "symbolpath.h"
#include "symbolprocess.h"
#include "symbolwire.h"

#define FAILURES_MOST 8u

struct symbolclient {
	struct symbolpath *paths;
	struct debugfetch fetch;
	struct symbolprocess process;
	uint32_t generation; /* of the process; 0: there was none yet */
	uint32_t slots;	     /* that it has in use */
	unsigned failures;
};

struct symbolclient *symbolclient_new(struct stringpool *strings, const char *roots,
				      const struct sandbox_limits *limits)
{
	struct symbolclient *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->paths = symbolpath_new(roots);
	client->process.socket = -1;
	client->process.pool = strings;
	client->process.paths = client->paths;
	client->process.fetch = &client->fetch;
	client->process.limits = *limits;
	if (client->paths)
		return client;
	free(client);
	return NULL;
}

void symbolclient_free(struct symbolclient *client)
{
	if (!client)
		return;
	symbolprocess_done(&client->process);
	debugfetch_done(&client->fetch);
	symbolpath_free(client->paths);
	free(client);
}

static int start(struct symbolclient *client)
{
	if (client->failures >= FAILURES_MOST)
		return -ECANCELED;
	client->generation++;
	client->slots = 0;
	return symbolprocess_start(&client->process);
}

/* Ends the process, for which an error is the reason. Returns what to say of it. */
static int fail(struct symbolclient *client, int error)
{
	/* If it has used up its time, that is what ended it. */
	if (symbolprocess_end(&client->process) == SIGXCPU)
		error = -ETIMEDOUT;
	if (error != -ENOMEM)
		client->failures++;
	return error == -EBADMSG || error == -EMSGSIZE ? -EPROTO : error;
}

/* ---- Opening ---------------------------------------------------------------------- */

/* Hands over one candidate, which stays the caller's. Returns 0, or -ESTALE and -ENOEXEC as
 * the process says, or another error after which there is no process. */
static int hand_over(struct symbolclient *client, struct symbolclient_file *file, int fd,
		     const char *name)
{
	struct symbolwire *wire = &client->process.wire;
	uint64_t status;
	int error = client->process.socket < 0 ? start(client) : 0;

	if (error)
		return error;
	if (client->slots == SYMBOLWIRE_SLOTS)
		return -ECANCELED;
	symbolwire_begin(wire, SYMBOLWIRE_OPEN);
	symbolwire_put(wire, client->slots, 4);
	symbolwire_put_bytes(wire, file->build_id, file->build_id_bytes);
	symbolwire_put_bytes(wire, name, strlen(name));
	error = symbolprocess_ask(&client->process, fd, SYMBOLWIRE_OPENED);
	status = error ? 0 : symbolwire_get(wire, 4);
	if (!error && wire->bad)
		error = -EPROTO;
	if (error || status == SYMBOLWIRE_NO_MEMORY)
		return fail(client, error ? error : -ENOBUFS);
	if (status == SYMBOLWIRE_OTHER_BUILD)
		return -ESTALE;
	if (status != SYMBOLWIRE_FINE)
		return -ENOEXEC;
	file->slot = client->slots++;
	file->generation = client->generation;
	return 0;
}

/* Whether another candidate may have what this one has not. */
static bool look_further(int error)
{
	return error == -ENOENT || error == -ESTALE || error == -ENOEXEC ||
	       error == -EINVAL || error == -EXDEV || error == -EACCES || error == -ELOOP;
}

static int try_stored(struct symbolclient *client, struct symbolclient_file *file,
		      bool debug)
{
	char *name;
	int fd;
	int error = symbolpath_open_stored(client->paths, file->build_id,
					   file->build_id_bytes, debug, &fd, &name);

	if (error)
		return error;
	error = hand_over(client, file, fd, name);
	close(fd);
	free(name);
	return error;
}

static int try_server(struct symbolclient *client, struct symbolclient_file *file)
{
	int fd;
	int error = debugfetch_get(&client->fetch, DEBUGFETCH_BINARY, file->build_id,
				   file->build_id_bytes, &fd);

	/* Debug files have the symbols too; servers may have no more. */
	if (error)
		error = debugfetch_get(&client->fetch, DEBUGFETCH_DEBUG, file->build_id,
				       file->build_id_bytes, &fd);
	if (error)
		return -ENOENT;
	error = hand_over(client, file, fd, file->path);
	close(fd);
	return error;
}

int symbolclient_open(struct symbolclient *client, struct symbolclient_file *file)
{
	char *name;
	int first, error, fd;

	if (file->generation && file->generation == client->generation &&
	    client->process.socket >= 0)
		return 0;
	first = symbolpath_open(client->paths, file->path, &fd, &name);
	if (first == 0) {
		first = hand_over(client, file, fd, name);
		close(fd);
		free(name);
	}
	if (!look_further(first))
		return first;
	error = try_stored(client, file, true);
	if (look_further(error))
		error = try_stored(client, file, false);
	if (look_further(error))
		error = try_server(client, file);
	/* What is wrong with the recorded path says more than that nothing else is there.
	 */
	if (look_further(error))
		return first == -EACCES || first == -ELOOP ? -ENOENT : first;
	return error;
}

/* ---- Names ------------------------------------------------------------------------ */

static int take_list(struct symbolclient *client, size_t index, symbolclient_take_fn *take,
		     void *context)
{
	struct symbolclient_frame frames[SYMBOLCLIENT_DEPTH_MAX];
	uint64_t count = symbolwire_get(&client->process.wire, 1);

	if (count == 0 || count > SYMBOLCLIENT_DEPTH_MAX)
		return -EPROTO;
	for (uint64_t i = 0; i < count; i++) {
		frames[i].function = symbolprocess_string(&client->process);
		frames[i].linker_name = symbolprocess_string(&client->process);
		frames[i].file = symbolprocess_string(&client->process);
		frames[i].line = (unsigned)symbolwire_get(&client->process.wire, 4);
	}
	if (client->process.wire.bad)
		return -EPROTO;
	return take(context, index, frames, (size_t)count);
}

/* Asks for as many as fit into a message. */
static int ask_names(struct symbolclient *client, const struct symbolclient_file *file,
		     const uint64_t *addresses, size_t first, size_t count,
		     symbolclient_take_fn *take, void *context)
{
	struct symbolwire *wire = &client->process.wire;
	size_t taken = 0;
	int error;

	symbolwire_begin(wire, SYMBOLWIRE_NAMES);
	symbolwire_put(wire, file->slot, 4);
	symbolwire_put(wire, count, 4);
	for (size_t i = 0; i < count; i++)
		symbolwire_put(wire, addresses[first + i], 8);
	error = symbolprocess_ask(&client->process, -1, SYMBOLWIRE_FRAMES);
	while (!error) {
		uint64_t lists = symbolwire_get(wire, 4);

		if (lists == 0 || lists > count - taken)
			return -EPROTO;
		for (; !error && lists > 0; lists--)
			error = take_list(client, first + taken++, take, context);
		if (taken == count)
			break;
		if (!error)
			error = symbolprocess_await(&client->process, SYMBOLWIRE_FRAMES);
	}
	return error;
}

int symbolclient_names(struct symbolclient *client, struct symbolclient_file *file,
		       const uint64_t *addresses, size_t count, symbolclient_take_fn *take,
		       void *context)
{
	int error = symbolclient_open(client, file);

	for (size_t first = 0; !error && first < count; first += SYMBOLWIRE_ADDRESSES) {
		size_t some = count - first;

		if (some > SYMBOLWIRE_ADDRESSES)
			some = SYMBOLWIRE_ADDRESSES;
		error = ask_names(client, file, addresses, first, some, take, context);
		if (error)
			error = fail(client, error);
	}
	return error;
}

int symbolclient_object(struct symbolclient *client, struct symbolclient_file *file,
			uint64_t address, const char **ret_name, uint64_t *ret_offset)
{
	struct symbolwire *wire = &client->process.wire;
	const char *name = NULL;
	uint64_t offset = 0;
	int error = symbolclient_open(client, file);

	if (error)
		return error;
	symbolwire_begin(wire, SYMBOLWIRE_OBJECT);
	symbolwire_put(wire, file->slot, 4);
	symbolwire_put(wire, address, 8);
	error = symbolprocess_ask(&client->process, -1, SYMBOLWIRE_OBJECT_IS);
	if (!error) {
		name = symbolprocess_string(&client->process);
		offset = symbolwire_get(wire, 8);
		error = wire->bad ? -EPROTO : 0;
	}
	if (error)
		return fail(client, error);
	*ret_name = name;
	*ret_offset = offset;
	return 0;
}
