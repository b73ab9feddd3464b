/* SPDX-License-Identifier: MIT */
#include "mft_seal.h"

#include <stddef.h>

#include "mft_crc.h"
#include "mft_ring.h"

#define CHUNK_COUNTERS offsetof(struct mft_chunk, lost_events)
#define CHUNK_SEAL offsetof(struct mft_chunk, seal)
#define CHUNK_COVERED (CHUNK_SEAL + sizeof(uint64_t))
#define ROOT_HOLD (MFT_RING_CONTENTS + offsetof(struct mft_ring_root, hold_until_ns))
#define HEADER_OWN offsetof(struct mft_header, state)
#define HEADER_COUNTERS offsetof(struct mft_header, lost_events)
#define HEADER_MUTABLE offsetof(struct mft_header, chunks)
#define HEADER_SEAL offsetof(struct mft_header, end_seal)
#define HEADER_CONTROL offsetof(struct mft_header, control)

_Static_assert(HEADER_CONTROL == HEADER_SEAL + sizeof(uint64_t), "nothing between them");
_Static_assert(HEADER_COUNTERS == MFT_SEAL_END_OWN, "what the process alone changes");

static uint64_t make_seal(uint32_t bytes, uint32_t crc)
{
	return (uint64_t)bytes << 32 | crc;
}

bool mft_seal_fits_chunk(uint64_t seal, uint32_t chunk_bytes)
{
	uint32_t bytes = mft_seal_bytes(seal);

	return bytes >= CHUNK_COVERED && bytes <= chunk_bytes;
}

uint64_t mft_seal_chunk(const struct mft_chunk *chunk, uint32_t bytes, uint32_t chunk_bytes)
{
	const uint8_t *data = (const uint8_t *)chunk;
	uint32_t crc =
		mft_crc32c(0, data, bytes == chunk_bytes ? CHUNK_SEAL : CHUNK_COUNTERS);

	crc = mft_crc32c(crc, data + CHUNK_COVERED, bytes - CHUNK_COVERED);
	return make_seal(bytes, crc);
}

uint64_t mft_seal_root(const struct mft_chunk *root, uint32_t chunk_bytes)
{
	const uint8_t *data = (const uint8_t *)root;
	const size_t behind = ROOT_HOLD + sizeof(uint64_t);
	uint32_t crc = mft_crc32c(0, data, CHUNK_SEAL);

	crc = mft_crc32c(crc, data + CHUNK_COVERED, ROOT_HOLD - CHUNK_COVERED);
	crc = mft_crc32c(crc, data + behind, chunk_bytes - behind);
	return make_seal(chunk_bytes, crc);
}

uint64_t mft_seal_start(const struct mft_header *header)
{
	return make_seal(HEADER_MUTABLE, mft_crc32c(0, header, HEADER_MUTABLE));
}

uint64_t mft_seal_end(const struct mft_header *header, uint32_t bytes)
{
	const uint8_t *data = (const uint8_t *)header;
	const size_t behind = HEADER_CONTROL + sizeof(header->control);
	/* Others write it, who cannot know when the process ends. */
	const uint32_t no_control = MFT_CONTROL_RECORD;
	uint32_t crc;

	if (bytes != MFT_SEAL_END_WHOLE)
		return make_seal(
			MFT_SEAL_END_OWN,
			mft_crc32c(0, data + HEADER_OWN, HEADER_COUNTERS - HEADER_OWN));
	crc = mft_crc32c(0, data, HEADER_SEAL);
	crc = mft_crc32c(crc, &no_control, sizeof(no_control));
	crc = mft_crc32c(crc, data + behind, sizeof(*header) - behind);
	return make_seal(bytes, crc);
}
