/* SPDX-License-Identifier: MIT */
#include "snap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "complaint.h"
#include "dumpset.h"

void snap_free(struct snap *snap)
{
	if (!snap)
		return;
	free(snap->cuts);
	free(snap->records);
	free(snap);
}

/* Opens a regular file. Returns a descriptor, or a negative errno. */
static int open_regular(const char *path, uint64_t *ret_bytes)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	*ret_bytes = (uint64_t)status.st_size;
	return fd;
}

/* Reads exactly so many bytes at an offset. */
static int read_part(int fd, void *buffer, uint64_t bytes, uint64_t offset)
{
	uint64_t done = 0;

	while (done < bytes) {
		ssize_t got = pread(fd, (char *)buffer + done, bytes - done,
				    (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EBADMSG;
		done += (uint64_t)got;
	}
	return 0;
}

static int read_header(int fd, uint64_t file_bytes, struct mft_snap_header *header)
{
	uint64_t cuts_bytes;

	if (read_part(fd, header, sizeof(*header), 0) < 0 ||
	    memcmp(header->magic, MFT_SNAP_MAGIC, MFT_MAGIC_BYTES) != 0)
		return -EBADMSG;
	if (header->version_major != MFT_VERSION_MAJOR)
		return -EPROTONOSUPPORT;
	cuts_bytes = (uint64_t)header->cuts * sizeof(struct mft_snap_cut);
	if (header->header_bytes < sizeof(*header) || header->header_bytes > file_bytes ||
	    cuts_bytes > file_bytes - header->header_bytes ||
	    header->records_bytes > file_bytes - header->header_bytes - cuts_bytes)
		return -EBADMSG;
	return 0;
}

int snap_is(const char *path)
{
	char magic[MFT_MAGIC_BYTES];
	uint64_t bytes;
	int fd = open_regular(path, &bytes), is;

	if (fd < 0)
		return 0;
	is = read_part(fd, magic, sizeof(magic), 0) == 0 &&
	     memcmp(magic, MFT_SNAP_MAGIC, sizeof(magic)) == 0;
	close(fd);
	return is;
}

static bool is_dump_of(const char *path, const struct snap *snap)
{
	struct mft_header header;

	return dumpset_header(path, &header) &&
	       memcmp(header.dump_id, snap->header.dump_id, sizeof(header.dump_id)) == 0;
}

int snap_find_dump(const char *snap_path, const struct snap *snap, char **ret_path,
		   struct complaint *complaint)
{
	const size_t length = strlen(snap_path), suffix = strlen(".snap");
	const char *slash = strrchr(snap_path, '/');
	char *path = strdup(snap_path), *folder;
	struct dumpset set;
	int r = -ENOENT;

	if (!path)
		return -ENOMEM;
	if (length > suffix && strcmp(snap_path + length - suffix, ".snap") == 0)
		path[length - suffix] = '\0';
	if (is_dump_of(path, snap)) {
		*ret_path = path;
		return 0;
	}
	free(path);
	folder = slash ? strndup(snap_path, (size_t)(slash - snap_path) + 1) : strdup("./");
	if (!folder)
		return -ENOMEM;
	dumpset_init(&set);
	if (dumpset_add(&set, folder, NULL) == 0) {
		for (size_t i = 0; r == -ENOENT && i < set.count; i++) {
			if (!is_dump_of(set.items[i].path, snap))
				continue;
			*ret_path = strdup(set.items[i].path);
			r = *ret_path ? 0 : -ENOMEM;
		}
	}
	dumpset_done(&set);
	free(folder);
	if (r == -ENOENT)
		complaint_set(complaint, "the dump that this snapshot belongs to is not "
					 "beside it");
	return r;
}

int snap_read(const char *path, struct snap **ret_snap, struct complaint *complaint)
{
	struct snap *snap = calloc(1, sizeof(*snap));
	uint64_t file_bytes = 0, cuts_bytes = 0;
	int fd = open_regular(path, &file_bytes);
	int r = fd < 0 ? fd : 0;

	if (!snap)
		r = -ENOMEM;
	if (r == 0)
		r = read_header(fd, file_bytes, &snap->header);
	if (r == 0) {
		cuts_bytes = snap->header.cuts * sizeof(struct mft_snap_cut);
		snap->cuts = malloc(cuts_bytes + 1);
		snap->records = malloc(snap->header.records_bytes + 1);
		if (!snap->cuts || !snap->records)
			r = -ENOMEM;
	}
	if (r == 0)
		r = read_part(fd, snap->cuts, cuts_bytes, snap->header.header_bytes);
	if (r == 0)
		r = read_part(fd, snap->records, snap->header.records_bytes,
			      snap->header.header_bytes + cuts_bytes);
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		snap_free(snap);
		complaint_set(complaint, "snapshot cannot be read: %s",
			      r == -EBADMSG	      ? "it is damaged, or none"
			      : r == -EPROTONOSUPPORT ? "its version is not known"
						      : strerror(-r));
		return r;
	}
	*ret_snap = snap;
	return 0;
}
