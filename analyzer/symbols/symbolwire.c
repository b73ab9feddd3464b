/* SPDX-License-Identifier: MIT */
#include "symbolwire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Room for one descriptor. */
union descriptor_room {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

void symbolwire_begin(struct symbolwire *wire, enum symbolwire_kind kind)
{
	wire->at = wire->end = 0;
	wire->bad = false;
	wire->fd = -1;
	symbolwire_put(wire, kind, 1);
}

size_t symbolwire_room(const struct symbolwire *wire)
{
	/* One byte stays for the 0 behind what a reader takes as a string. */
	return SYMBOLWIRE_BYTES - 1 - wire->end;
}

void symbolwire_set(struct symbolwire *wire, size_t place, uint64_t number, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		wire->bytes[place + i] = (uint8_t)(number >> (8 * i));
}

void symbolwire_put(struct symbolwire *wire, uint64_t number, size_t bytes)
{
	if (bytes > symbolwire_room(wire)) {
		wire->bad = true;
		return;
	}
	symbolwire_set(wire, wire->end, number, bytes);
	wire->end += bytes;
}

void symbolwire_put_bytes(struct symbolwire *wire, const void *bytes, size_t count)
{
	if (count > SYMBOLWIRE_STRING_BYTES || count + 5 > symbolwire_room(wire)) {
		wire->bad = true;
		return;
	}
	symbolwire_put(wire, count, 4);
	memcpy(wire->bytes + wire->end, bytes, count);
	wire->end += count;
	symbolwire_put(wire, 0, 1);
}

uint64_t symbolwire_get(struct symbolwire *wire, size_t bytes)
{
	uint64_t number = 0;

	if (wire->bad || bytes > wire->end - wire->at) {
		wire->bad = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		number |= (uint64_t)wire->bytes[wire->at + i] << (8 * i);
	wire->at += bytes;
	return number;
}

const char *symbolwire_get_bytes(struct symbolwire *wire, size_t most, size_t *ret_count)
{
	size_t count = (size_t)symbolwire_get(wire, 4);
	const char *found = (const char *)wire->bytes + wire->at;

	if (wire->bad || count > most || count >= wire->end - wire->at ||
	    found[count] != '\0') {
		wire->bad = true;
		return NULL;
	}
	wire->at += count + 1;
	*ret_count = count;
	return found;
}

int symbolwire_send(const struct symbolwire *wire, int socket, int fd)
{
	struct iovec part = {.iov_base = (void *)wire->bytes, .iov_len = wire->end};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	union descriptor_room room;

	if (wire->bad)
		return -EMSGSIZE;
	if (fd >= 0) {
		memset(&room, 0, sizeof(room));
		message.msg_control = room.bytes;
		message.msg_controllen = sizeof(room.bytes);
		room.header.cmsg_level = SOL_SOCKET;
		room.header.cmsg_type = SCM_RIGHTS;
		room.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&room.header), &fd, sizeof(fd));
	}
	while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			return errno == ECONNRESET ? -EPIPE : -errno;
	}
	return 0;
}

static int wait_for_message(int socket, int timeout_ms)
{
	struct pollfd wanted = {.fd = socket, .events = POLLIN};
	int ready;

	do {
		ready = poll(&wanted, 1, timeout_ms);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return -errno;
	return ready ? 0 : -ETIMEDOUT;
}

static int take_descriptor(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

int symbolwire_receive(struct symbolwire *wire, int socket, int timeout_ms,
		       enum symbolwire_kind *ret_kind)
{
	struct iovec part = {.iov_base = wire->bytes, .iov_len = SYMBOLWIRE_BYTES};
	union descriptor_room room;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes),
	};
	ssize_t received;
	int error = timeout_ms < 0 ? 0 : wait_for_message(socket, timeout_ms);

	if (error)
		return error;
	memset(&room, 0, sizeof(room));
	do {
		received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (received < 0 && errno == EINTR);
	if (received < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (received == 0)
		return -EPIPE;
	wire->at = 0;
	wire->end = (size_t)received;
	wire->fd = take_descriptor(&message);
	wire->bad = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
	*ret_kind = (enum symbolwire_kind)symbolwire_get(wire, 1);
	if (!wire->bad)
		return 0;
	if (wire->fd >= 0)
		close(wire->fd);
	wire->fd = -1;
	return -EBADMSG;
}
