/* SPDX-License-Identifier: MIT */
/*
 * frag_counterfactual [gap=BYTES] pool|sessions|index|tail|arena_tail
 *                     [trim | tail | gone SITE]
 *
 * Makes a fragmented heap, always the same one, but for a gap of so many bytes on its first
 * page, if one is asked for. Without a second argument it looks at the
 * pages that its live blocks lie on and ends, so that a recording's exit snapshot shows
 * that heap. With one, it does what a report predicts, and measures how far RSS drops:
 *   trim       malloc_trim(0)
 *   gone SITE  frees all blocks of the site and trims, after a trim that does not count
 *   tail       frees the highest block, with everything that malloc keeps at the end of a
 *              heap switched off
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frag_pages.h"
#include "frag_rss.h"
#include "truth.h"

#define BLOCKS_MAX 1000000
/* Freed blocks of a size that malloc keeps for a thread (tcache_count). */
#define CACHED_MOST 7

static struct block {
	void *memory;
	size_t size;
	int site;
} blocks[BLOCKS_MAX];

static size_t blocks_count;
static struct truth_count counts[FRAG_SITES];
static uint64_t random_state = 7;

static size_t random_below(size_t limit)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (random_state >> 33) % limit;
}

#define SITE(name)                                                                         \
	static TRUTH_SITE void *name(size_t size)                                          \
	{                                                                                  \
		return malloc(size);                                                       \
	}

SITE(pool_passer)
SITE(pool_keeper)
SITE(session_header)
SITE(session_buffer)
SITE(cache_entry)
SITE(log_line)
SITE(tree_node)
SITE(index_entry)
SITE(table_row)
SITE(tail_base)
SITE(tail_burst)
SITE(tail_holder)

/* The sites of a pattern, by number. */
struct site {
	const char *name;
	void *(*allocate)(size_t size);
};

static const struct site *sites;

static struct block *take(int site, size_t size)
{
	struct block *block = &blocks[blocks_count++];

	if (blocks_count > BLOCKS_MAX)
		abort();
	block->memory = sites[site].allocate(size);
	block->size = size;
	block->site = site;
	memset(block->memory, 'x', size);
	truth_allocated(&counts[site], size);
	return block;
}

static void drop(struct block *block)
{
	if (!block || !block->memory)
		return;
	free(block->memory);
	block->memory = NULL;
	truth_freed(&counts[block->site], block->size);
}

/* More than there can be free at the beginning. */
#define BEGIN_BYTES 5000
#define BEGIN_BLOCKS 3

/* They are a site as well: a block of a pattern may find room beside them. */
static struct block begin_blocks[BEGIN_BLOCKS];
static struct truth_count begin_count;

static TRUTH_SITE void *begin_heap(size_t size)
{
	static int count;
	struct block *block = &begin_blocks[count++];

	block->memory = malloc(size);
	block->size = size;
	if (!block->memory)
		abort();
	truth_allocated(&begin_count, size);
	return block->memory;
}

/* The first blocks of glibc's heap fill its first pages, whatever lies there already:
 * behind them heaps are alike. */
static void fill_begin(size_t gap)
{
	uintptr_t first, next;

	if (gap > 0)
		begin_heap(gap);
	first = (uintptr_t)begin_heap(BEGIN_BYTES);
	/* The next block begins behind this one and a header of 8 bytes, at a multiple of
	 * 16; and this one is to end so that the one behind it begins a page. */
	next = first + BEGIN_BYTES + 8;
	begin_heap(2 * FRAG_PAGE_BYTES - next % FRAG_PAGE_BYTES - 8);
	if (gap > 0) {
		free(begin_blocks[0].memory);
		begin_blocks[0].memory = NULL;
		truth_freed(&begin_count, gap);
	}
}

/* ---- Patterns ----------------------------------------------------------------------- */

/* 200,000 small blocks, of which every 16th stays. */
static const struct site pool_sites[] = {
	{"pool_keeper", pool_keeper}, {"pool_passer", pool_passer}, {NULL, NULL}};

static void pool(void)
{
	enum {
		KEEPER,
		PASSER
	};

	for (size_t i = 0; i < 200000; i++)
		take(i % 16 == 0 ? KEEPER : PASSER, 256);
	for (size_t i = 0; i < 200000; i++)
		if (i % 16 != 0)
			drop(&blocks[i]);
}

/* A server: sessions come and go, caches and a history stay. */
static const struct site sessions_sites[] = {{"session_header", session_header},
					     {"session_buffer", session_buffer},
					     {"cache_entry", cache_entry},
					     {"log_line", log_line},
					     {NULL, NULL}};

#define SESSIONS_AT_ONCE 9000

static void sessions(void)
{
	enum {
		HEADER,
		BUFFER,
		CACHE,
		LOG
	};
	static struct {
		struct block *first;
		size_t count;
	} open[SESSIONS_AT_ONCE];

	for (size_t s = 0; s < 8 * SESSIONS_AT_ONCE; s++) {
		size_t slot = s % SESSIONS_AT_ONCE;
		struct block *line;

		/* The header comes first; one in ten stays, for the history. */
		for (size_t i = s % 10 ? 0 : 1; i < open[slot].count; i++)
			drop(open[slot].first + i);
		open[slot].first = take(HEADER, 200);
		open[slot].count = 5 + random_below(9);
		for (size_t i = 1; i < open[slot].count; i++)
			take(BUFFER, 64 + random_below(3000));
		if (s % 5 == 0)
			take(CACHE, 600);
		line = take(LOG, 80);
		if (random_below(30) != 0)
			drop(line);
	}
	for (size_t slot = 0; slot < SESSIONS_AT_ONCE; slot++)
		for (size_t i = 0; i < open[slot].count; i++)
			drop(open[slot].first + i);
}

/* A tree is parsed and freed; what was made of it on the way stays: first an index, then
 * rows, then both side by side. */
static const struct site index_sites[] = {{"tree_node", tree_node},
					  {"index_entry", index_entry},
					  {"table_row", table_row},
					  {NULL, NULL}};

static void index_and_rows(void)
{
	enum {
		NODE,
		INDEX,
		ROW
	};

	for (size_t i = 0; i < 240000; i++) {
		size_t phase = i / 80000;

		take(NODE, 24 + random_below(120));
		if (phase != 1 && i % 60 == 0)
			take(INDEX, 48);
		if (phase != 0 && i % 150 == 0)
			take(ROW, 1000);
	}
	for (size_t i = 0; i < blocks_count; i++)
		if (blocks[i].site == NODE)
			drop(&blocks[i]);
}

/* A burst goes, and one small block above it stays. It is larger than what a thread caches
 * of its freed blocks. */
static const struct site tail_sites[] = {{"tail_base", tail_base},
					 {"tail_burst", tail_burst},
					 {"tail_holder", tail_holder},
					 {NULL, NULL}};

static void tail(void)
{
	enum {
		BASE,
		BURST,
		HOLDER
	};

	for (size_t i = 0; i < 200; i++)
		take(BASE, 500);
	for (size_t i = 0; i < 3000; i++)
		take(BURST, 4000 + random_below(2000));
	take(HOLDER, 1500);
	for (size_t i = 0; i < blocks_count; i++)
		if (blocks[i].site == BURST)
			drop(&blocks[i]);
}

static void *tail_in_thread(void *unused)
{
	(void)unused;
	tail();
	return NULL;
}

static void arena_tail(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, tail_in_thread, NULL) ||
	    pthread_join(thread, NULL))
		abort();
}

/* ---- What would be ------------------------------------------------------------------ */

static long long rss_before, anonymous_before;

static void begin_measuring(void)
{
	rss_before = frag_rss_bytes();
	anonymous_before = frag_rss_anonymous_bytes();
}

static void tell_returned(void)
{
	long long rss = frag_rss_bytes(), anonymous = frag_rss_anonymous_bytes();

	truth_number("returned_bytes", rss_before - rss);
	truth_number("returned_anonymous_bytes", anonymous_before - anonymous);
}

static void trim(void)
{
	begin_measuring();
	malloc_trim(0);
	tell_returned();
}

static void gone(const char *name)
{
	malloc_trim(0);
	begin_measuring();
	for (size_t i = 0; i < blocks_count; i++)
		if (!strcmp(sites[blocks[i].site].name, name))
			drop(&blocks[i]);
	malloc_trim(0);
	tell_returned();
}

/* Every free reaches the heap, and the heap keeps nothing at its end. */
static void keep_nothing(size_t size)
{
	void *cached[CACHED_MOST];

	mallopt(M_TOP_PAD, 0);
	mallopt(M_TRIM_THRESHOLD, (int)FRAG_PAGE_BYTES);
	mallopt(M_MXFAST, 0);
	for (int i = 0; i < CACHED_MOST; i++)
		cached[i] = malloc(size);
	for (int i = 0; i < CACHED_MOST; i++)
		free(cached[i]);
}

static void without_tail(void)
{
	struct block *highest = NULL;

	for (size_t i = 0; i < blocks_count; i++)
		if (blocks[i].memory &&
		    (!highest || (uintptr_t)blocks[i].memory > (uintptr_t)highest->memory))
			highest = &blocks[i];
	keep_nothing(highest->size);
	begin_measuring();
	drop(highest);
	tell_returned();
}

static int look(void)
{
	static struct frag_pages pages;
	const char *names[FRAG_SITES];
	int count = 0, err;

	for (; sites[count].name; count++)
		names[count] = sites[count].name;
	names[count] = "begin_heap";
	counts[count] = begin_count;
	for (size_t i = 0; i < blocks_count; i++)
		if (blocks[i].memory)
			frag_pages_add(blocks[i].memory, blocks[i].size, blocks[i].site);
	for (int i = 0; i < BEGIN_BLOCKS; i++)
		if (begin_blocks[i].memory)
			frag_pages_add(begin_blocks[i].memory, begin_blocks[i].size, count);
	err = frag_pages_measure(&pages);
	if (err)
		return err;
	frag_pages_print(&pages, names, counts, count + 1);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		const struct site *sites;
		void (*run)(void);
	} patterns[] = {{"pool", pool_sites, pool},
			{"sessions", sessions_sites, sessions},
			{"index", index_sites, index_and_rows},
			{"tail", tail_sites, tail},
			{"arena_tail", tail_sites, arena_tail}};

	size_t gap = 0;

	if (argc > 1 && !strncmp(argv[1], "gap=", 4)) {
		gap = strtoul(argv[1] + 4, NULL, 10);
		argc--;
		argv++;
	}
	fill_begin(gap);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (argc < 2 || strcmp(argv[1], patterns[i].name))
			continue;
		sites = patterns[i].sites;
		patterns[i].run();
	}
	if (!sites)
		return 2;
	(void)frag_rss_bytes(); /* its memory is there from now on */
	if (argc == 2 && look())
		return 3;
	if (argc == 3 && !strcmp(argv[2], "trim"))
		trim();
	if (argc == 3 && !strcmp(argv[2], "tail"))
		without_tail();
	if (argc == 4 && !strcmp(argv[2], "gone"))
		gone(argv[3]);
	truth_number("rss_bytes", frag_rss_bytes());
	truth_print();
	return 0;
}
