/* SPDX-License-Identifier: MIT */
#include "freespace.h"

#include "pages.h"
#include "profile.h"

static unsigned class_of(uint64_t bytes)
{
	return 63 - (unsigned)__builtin_clzll(bytes | 1);
}

void freespace_run(void *context, uint64_t bytes)
{
	struct profile_depth *depth = context;
	unsigned class = class_of(bytes);

	depth->free_runs[class].count++;
	depth->free_runs[class].bytes += bytes;
	for (unsigned c = 0; c <= class; c++)
		depth->free_runs[c].fits += bytes >> c;
}

/* Bytes of each class on a page; most pages have one or two. */
struct shares {
	uint64_t classes; /* bit set */
	uint64_t bytes[64];
};

void sizes_part(void *context, const struct pages_part *part)
{
	const struct sizes *sizes = context;
	struct profile_size_class *classes = sizes->depth->size_classes;
	uint64_t pages_bytes = part->end - part->start;
	uint64_t free_bytes = pages_bytes - part->covered_bytes;
	struct shares shares;
	unsigned count;

	shares.classes = 0;
	for (size_t i = part->first; i < part->last; i++) {
		const struct span *span = &sizes->spans->spans[i];
		uint64_t bytes = pages_span_bytes(span, part->start, part->end);
		unsigned class = class_of(span->end - span->start);

		if (bytes == 0)
			continue;
		if (!(shares.classes >> class & 1)) {
			shares.classes |= 1ull << class;
			shares.bytes[class] = 0;
		}
		shares.bytes[class] += bytes;
	}
	count = (unsigned)__builtin_popcountll(shares.classes);
	for (uint64_t rest = shares.classes; rest; rest &= rest - 1) {
		unsigned class = (unsigned)__builtin_ctzll(rest);

		classes[class].pages += pages_bytes / sizes->depth->page_bytes;
		classes[class].resident_bytes += shares.bytes[class];
		classes[class].pinned_bytes += (double)free_bytes / count;
	}
}

void sizes_count(const struct sizes *sizes)
{
	for (size_t i = 0; i < sizes->spans->count; i++) {
		const struct span *span = &sizes->spans->spans[i];
		struct profile_size_class *class =
			&sizes->depth->size_classes[class_of(span->end - span->start)];

		class->blocks++;
		class->requested_bytes += span->size;
		class->usable_bytes += span->end - span->start;
	}
}
