/* SPDX-License-Identifier: MIT */
/*
 * api_fuzz SEED CALLS [mild]: so many random calls of every allocation function of C and
 * every form of operator new and delete, with sizes from none to more than there is,
 * alignments good and bad, products that overflow, failures in between. Prints a digest of
 * what a caller can observe but addresses: whether memory came, errno, alignment, zeros,
 * contents kept, what a failed call left; and another one of usable sizes. What the choices
 * depend on is the seed alone. mild: nothing that only glibc's allocator survives
 * (alignments that are none, pvalloc, operators that give no memory or none of it). A
 * traced run must print the same, and record what is counted here.
 */
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>

#include "truth.h"

/* C23, newer than the C library: there when the recorder brings them. They must not be
 * called only then: natively free stands in for them. */
extern "C" void free_sized(void *block, size_t size) __attribute__((weak));
extern "C" void free_aligned_sized(void *block, size_t alignment, size_t size)
	__attribute__((weak));

namespace
{

constexpr size_t slots_total = 1024;
constexpr int errno_before = 4711;

/* How a block may be released: each family by its own operators only. */
enum family : uint8_t {
	BY_MALLOC,
	BY_NEW,
	BY_NEW_ARRAY,
	BY_NEW_ALIGNED,
	BY_NEW_ARRAY_ALIGNED
};

struct slot {
	unsigned char *block;
	size_t size;
	size_t alignment;
	unsigned char fill;
	family by;
	truth_count *origin; /* of the call that it is from */
};

slot slots[slots_total];
uint64_t random_state;
bool mild;
uint64_t digest = 14695981039346656037ull, usable_digest = 14695981039346656037ull;
truth_count from_c, from_new, from_realloc;
long long failed, reallocs, thrown;

uint64_t random_number()
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

void observe(uint64_t value)
{
	digest = (digest ^ value) * 1099511628211ull;
}

/* Mostly small, some of pages, a few large, some impossible. */
size_t random_size()
{
	static const size_t odd[] = {0,
				     1,
				     PTRDIFF_MAX,
				     size_t(PTRDIFF_MAX) + 1,
				     SIZE_MAX,
				     SIZE_MAX - 15,
				     SIZE_MAX - 4096,
				     PTRDIFF_MAX - 8192,
				     size_t(1) << 47,
				     size_t(1) << 62};
	uint64_t r = random_number();

	switch (r % 64) {
	case 0:
		return odd[(r >> 20) % (sizeof(odd) / sizeof(odd[0]))];
	case 1:
		return (r >> 20) % (300 << 10);
	case 2:
		return 0;
	default:
		return r % 10 ? (r >> 20) % 700 : (r >> 20) % 9000;
	}
}

/* A power of two, mostly; sometimes one that is none, or too much. */
size_t random_alignment()
{
	static const size_t bad[] = {
		0, 1, 3, 4, 24, 100, SIZE_MAX, size_t(1) << 63, size_t(1) << 62};
	uint64_t r = random_number();

	return mild || r % 16 ? size_t(16) << r / 16 % 11
			      : bad[r / 16 % (sizeof(bad) / sizeof(bad[0]))];
}

bool is_power_of_two(size_t n)
{
	return n && (n & (n - 1)) == 0;
}

/* Large blocks are sampled. */
size_t stride(size_t size)
{
	return size > 4096 ? 509 : 1;
}

void check(const slot &s, size_t size)
{
	for (size_t i = 0; i < size; i += stride(s.size))
		if (s.block[i] != s.fill) {
			observe(0xbad);
			return;
		}
}

void observe_errno()
{
	observe(uint64_t(errno));
	errno = errno_before;
}

/* Whether the block may have a mapping of its own, a part of which is in front of it: how
 * much depends on where the kernel has put it (glibc: mallopt(3), M_MMAP_THRESHOLD). */
bool is_placed_by_kernel(size_t size, size_t alignment)
{
	return alignment > 4096 && size + alignment >= 128 << 10;
}

void keep(slot &s, void *block, size_t size, size_t alignment, family by,
	  truth_count *origin)
{
	s = {static_cast<unsigned char *>(block),	  size, alignment,
	     static_cast<unsigned char>(random_number()), by,	origin};
	observe_errno();
	/* Small blocks need no more than they can hold (C11 6.2.8, as others read it). */
	if (!mild || alignment != 16)
		observe(uintptr_t(block) % (alignment ? alignment : 1));
	if (!is_placed_by_kernel(size, alignment))
		usable_digest =
			(usable_digest ^ malloc_usable_size(block)) * 1099511628211ull;
	observe(malloc_usable_size(block) >= size);
	for (size_t i = 0; i < size; i += stride(size))
		s.block[i] = s.fill;
	truth_allocated(origin, size);
}

void fail()
{
	observe_errno();
	observe(0xfa11);
	failed++;
}

/* ---- Allocations --------------------------------------------------------------------- */

void observe_zeros(const unsigned char *block, size_t size)
{
	unsigned char all = 0;

	for (size_t i = 0; block && i < size; i++)
		all |= block[i];
	observe(all);
}

/* malloc's kin: all blocks are free's. */
TRUTH_SITE void fuzz_c(slot &s)
{
	const uint64_t any = random_number() % 13, kind = mild && any == 8 ? 7 : any;
	const size_t alignment = random_alignment();
	size_t size = random_size(), promised = 16;
	void *block = nullptr;
	int mark, status;

	switch (kind) {
	case 0:
		block = calloc(1, size);
		observe_zeros(static_cast<unsigned char *>(block), size);
		break;
	case 1: {
		const size_t each =
			random_number() % 40 ? random_number() % 100 : random_size();
		const bool over = __builtin_mul_overflow(each, size % 300, &promised);

		block = calloc(size % 300, each);
		size = over ? SIZE_MAX : promised;
		promised = 16;
		observe_zeros(static_cast<unsigned char *>(block), block ? size : 0);
		break;
	}
	case 2:
		block = realloc(nullptr, size);
		break;
	case 3: {
		const size_t each =
			random_number() % 40 ? random_number() % 100 : random_size();
		const bool over = __builtin_mul_overflow(each, size % 300, &promised);

		block = reallocarray(nullptr, size % 300, each);
		size = over ? SIZE_MAX : promised;
		promised = 16;
		break;
	}
	case 4:
		block = &mark;
		status = posix_memalign(&block, alignment, size);
		observe(uint64_t(status));
		/* What it does not give it leaves alone. */
		if (status) {
			observe(block == &mark);
			block = nullptr;
		}
		promised = alignment;
		break;
	case 5:
		block = aligned_alloc(alignment, size);
		promised = is_power_of_two(alignment) ? alignment : 1;
		break;
	case 6:
		block = memalign(alignment, size);
		promised = is_power_of_two(alignment) ? alignment : 1;
		break;
	case 7:
		block = valloc(size);
		promised = 4096;
		break;
	case 8:
		block = pvalloc(size);
		promised = 4096;
		break;
	default:
		block = malloc(size);
	}
	if (block)
		keep(s, block, size, promised, BY_MALLOC, &from_c);
	else
		fail();
}

TRUTH_SITE void *call_new(uint64_t kind, size_t size, std::align_val_t alignment)
{
	switch (kind) {
	case 0:
		return ::operator new(size);
	case 1:
		return ::operator new[](size);
	case 2:
		return ::operator new(size, alignment);
	case 3:
		return ::operator new[](size, alignment);
	case 4:
		return ::operator new(size, std::nothrow);
	case 5:
		return ::operator new[](size, std::nothrow);
	case 6:
		return ::operator new(size, alignment, std::nothrow);
	default:
		return ::operator new[](size, alignment, std::nothrow);
	}
}

TRUTH_SITE void fuzz_new(slot &s)
{
	const uint64_t kind = random_number() % 8;
	const size_t alignment = size_t(16) << random_number() % 9;
	size_t size = random_size();
	const family families[] = {BY_NEW, BY_NEW_ARRAY, BY_NEW_ALIGNED,
				   BY_NEW_ARRAY_ALIGNED};
	const family by = families[kind % 4];
	void *block = nullptr;

	/* libstdc++ rounds up without a look at the end of numbers, and gives a block of 0.
	 */
	if (by >= BY_NEW_ALIGNED && size > SIZE_MAX - alignment)
		size = SIZE_MAX - alignment;
	if (mild)
		size = size % 100000 + 1;
	try {
		block = call_new(kind, size, std::align_val_t(alignment));
	} catch (const std::bad_alloc &) {
		observe(0xbadA110c);
		thrown++;
	}
	if (block)
		keep(s, block, size, by >= BY_NEW_ALIGNED ? alignment : 16, by, &from_new);
	else
		fail();
}

/* ---- Releases and changes of size ---------------------------------------------------- */

void release_malloc(slot &s)
{
	const uint64_t kind = random_number() % 3;

	if (kind == 0 && free_sized)
		free_sized(s.block, s.size);
	else if (kind == 1 && free_aligned_sized)
		free_aligned_sized(s.block, s.alignment, s.size);
	else
		free(s.block);
}

void release_new(slot &s)
{
	const auto alignment = std::align_val_t(s.alignment);
	const bool sized = random_number() % 2;

	switch (s.by) {
	case BY_NEW:
		return sized		     ? ::operator delete(s.block, s.size)
		       : random_number() % 2 ? ::operator delete(s.block, std::nothrow)
					     : ::operator delete(s.block);
	case BY_NEW_ARRAY:
		return sized		     ? ::operator delete[](s.block, s.size)
		       : random_number() % 2 ? ::operator delete[](s.block, std::nothrow)
					     : ::operator delete[](s.block);
	case BY_NEW_ALIGNED:
		return sized ? ::operator delete(s.block, s.size, alignment)
		       : random_number() % 2
			       ? ::operator delete(s.block, alignment, std::nothrow)
			       : ::operator delete(s.block, alignment);
	default:
		return sized ? ::operator delete[](s.block, s.size, alignment)
		       : random_number() % 2
			       ? ::operator delete[](s.block, alignment, std::nothrow)
			       : ::operator delete[](s.block, alignment);
	}
}

void release(slot &s)
{
	check(s, s.size);
	if (s.by == BY_MALLOC)
		release_malloc(s);
	else
		release_new(s);
	observe_errno();
	truth_freed(s.origin, s.size);
	s.block = nullptr;
}

TRUTH_SITE void fuzz_realloc(slot &s)
{
	const bool array = random_number() % 3 == 0;
	size_t each = 1, size = random_size();
	void *moved;

	reallocs++;
	if (array) {
		size_t product;

		each = random_number() % 40 ? random_number() % 60 : random_size();
		size %= 200;
		moved = reallocarray(s.block, size, each);
		size = __builtin_mul_overflow(size, each, &product) ? SIZE_MAX : product;
	} else {
		moved = realloc(s.block, size);
	}
	if (moved) {
		const size_t old = s.size;

		s.block = static_cast<unsigned char *>(moved);
		check(s, old < size ? old : size);
		truth_freed(s.origin, old);
		keep(s, moved, size, 16, BY_MALLOC, &from_realloc);
	} else if (size == 0) {
		observe_errno();
		truth_freed(s.origin, s.size);
		s.block = nullptr;
	} else {
		fail();
		check(s, s.size);
	}
}

void release_nothing()
{
	free(nullptr);
	::operator delete(nullptr);
	::operator delete[](nullptr, std::nothrow);
	::operator delete(nullptr, size_t(5));
	::operator delete(nullptr, std::align_val_t(64));
	observe(malloc_usable_size(nullptr));
	observe_errno();
}

} // namespace

int main(int argc, char **argv)
{
	if (argc != 3 && argc != 4)
		return 2;
	mild = argc == 4;
	random_state = 88172645463325252ull ^ strtoull(argv[1], nullptr, 0) << 20;
	/* The page size is asked for at most once, and exceptions have their own first
	 * time. */
	try {
		throw std::bad_alloc();
	} catch (const std::bad_alloc &) {
	}
	errno = errno_before;
	for (long i = 0, calls = atol(argv[2]); i < calls; i++) {
		slot &s = slots[random_number() % slots_total];
		const uint64_t what = random_number() % 16;

		if (!s.block && what < 10)
			fuzz_c(s);
		else if (!s.block)
			fuzz_new(s);
		else if (what < 4 && s.by == BY_MALLOC)
			fuzz_realloc(s);
		else if (what == 15)
			release_nothing();
		else
			release(s);
	}
	truth_number("digest", (long long)(digest >> 1));
	truth_number("usable_digest", (long long)(usable_digest >> 1));
	truth_number("failed", failed);
	truth_number("reallocs", reallocs);
	truth_number("thrown", thrown);
	truth_number("new", (long long)from_new.allocations);
	truth_number("new_live_blocks", (long long)from_new.live_blocks);
	truth_number("new_live_bytes", (long long)from_new.live_bytes);
	truth_site("fuzz_c", &from_c, nullptr);
	truth_site("fuzz_realloc", &from_realloc, nullptr);
	truth_print();
	return 0;
}
