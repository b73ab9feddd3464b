/* SPDX-License-Identifier: MIT */
#include "ringundo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "ring.h"
#include "ringplaces.h"

/* Entries can be read forwards only: notes where each begins. Returns how many there are,
 * or a negative errno. */
static int64_t find_entries(const uint8_t *journal, uint64_t bytes, uint64_t **ret_starts)
{
	uint64_t *starts =
		calloc(bytes / sizeof(struct mft_ring_undo) + 1, sizeof(*starts));
	struct mft_ring_undo undo;
	int64_t count = 0;
	uint64_t at = 0;

	if (!starts)
		return -ENOMEM;
	while (at < bytes) {
		if (bytes - at < sizeof(undo))
			goto bad;
		memcpy(&undo, journal + at, sizeof(undo));
		if (undo.bytes > bytes - at - sizeof(undo))
			goto bad;
		starts[count++] = at;
		at += sizeof(undo) + ((uint64_t)undo.bytes + 7) / 8 * 8;
	}
	*ret_starts = starts;
	return count;
bad:
	free(starts);
	return -EBADMSG;
}

/* Puts old bytes back, the last ones first. */
static int put_back(struct ring *ring, struct reader *reader, const uint8_t *journal,
		    uint64_t bytes)
{
	uint64_t *starts;
	int64_t count = find_entries(journal, bytes, &starts);
	int r = 0;

	for (int64_t i = count - 1; r == 0 && i >= 0; i--) {
		struct mft_ring_undo undo;
		uint8_t *to;

		memcpy(&undo, journal + starts[i], sizeof(undo));
		r = ringplaces_bytes(ring, reader, undo.offset, undo.bytes, &to);
		if (r == 0)
			memcpy(to, journal + starts[i] + sizeof(undo), undo.bytes);
	}
	if (count >= 0)
		free(starts);
	return count < 0 ? (int)count : r;
}

int ringundo_step(struct ring *ring, struct reader *reader)
{
	const struct mft_ring_root root = ring->root;
	const uint64_t room = (uint64_t)root.journal_chunks * ring->chunk_bytes;
	const uint64_t begin = ring->places[0].offset + ring->chunk_bytes;
	uint8_t *journal;
	int64_t n;
	int r;

	if (root.sequence % 2 == 0 || root.journal_bytes == 0)
		return 0;
	if (room < MFT_RING_CONTENTS || root.journal_bytes > room - MFT_RING_CONTENTS ||
	    begin > reader->file_bytes || root.journal_bytes > reader->file_bytes - begin)
		return -EBADMSG;
	journal = malloc(root.journal_bytes);
	if (!journal)
		return -ENOMEM;
	n = reader_pread(reader, journal, root.journal_bytes, begin + MFT_RING_CONTENTS);
	if (n < 0)
		r = (int)n;
	else if ((uint64_t)n < root.journal_bytes)
		r = -EBADMSG;
	else
		r = put_back(ring, reader, journal, root.journal_bytes);
	free(journal);
	if (r == 0)
		memcpy(&ring->root, ring->places[0].image + MFT_RING_CONTENTS,
		       sizeof(ring->root));
	return r;
}
