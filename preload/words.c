/* SPDX-License-Identifier: MIT */
#include "words.h"

#include <string.h>

#include "areas.h"
#include "pageset.h"
#include "peek.h"
#include "recorder.h"

#define WORD sizeof(uintptr_t)
/* A count or a length beyond this is none. */
#define NUMBER_BITS 40

/* A table of virtual functions has at least two pointers to code among its first words. */
#define TABLE_WORDS 20u
#define TABLE_POINTERS 2u
#define VERDICTS 4096u

static uintptr_t copy[8192] __attribute__((aligned(64)));

/* What was found of addresses in read-only data, by a hash of the address. */
static struct {
	uintptr_t address;
	bool is_table;
} verdicts[VERDICTS];

/* ---- Writing ----------------------------------------------------------------------- */

static void start_record(struct words_writer *writer)
{
	memset(writer->buffer, 0, sizeof(writer->buffer));
	mft_encoder_init(&writer->encoder, writer->buffer,
			 writer->buffer + sizeof(writer->buffer) - MFT_ENCODE_SLACK, 0);
	mft_long_begin(&writer->encoder, &writer->record, sizeof(writer->buffer));
	writer->last = (struct mft_scan_word){0};
	writer->count = 0;
}

/* Moves the record into the recorder's stream. */
static void flush(struct words_writer *writer, struct recorder *r)
{
	size_t bytes;

	if (writer->count == 0)
		return;
	(void)mft_long_end(&writer->encoder, &writer->record, writer->op);
	bytes = (size_t)(writer->encoder.pos - writer->buffer);
	if (recorder_room(r, bytes)) {
		memcpy(r->encoder.pos + 1, writer->buffer + 1, bytes - 1);
		mft_commit(&r->encoder, writer->op, r->encoder.pos + bytes);
	} else {
		writer->lost += writer->count;
	}
	start_record(writer);
}

static void put(struct words_writer *writer, struct recorder *r, uintptr_t address,
		uintptr_t value)
{
	if ((size_t)(writer->record.limit - writer->record.pos) < MFT_SCAN_WORD_BYTES_MAX)
		flush(writer, r);
	mft_long_scan_word(&writer->record, &writer->last, address, value);
	writer->count++;
}

/* ---- What tells a pointer into a block's middle ------------------------------------ */

static bool is_code(const struct areas *areas, uintptr_t address)
{
	const struct area *area = areas_find(areas, address);

	return area && area->kind == AREA_CODE;
}

/* Whether words at address are NULL or pointers to code, two of them at least not NULL. The
 * two words in front, offset and type, need not be there. */
static bool looks_like_table(const struct words *words, uintptr_t address)
{
	const struct area *area = areas_find(words->areas, address);
	uintptr_t table[TABLE_WORDS];
	unsigned pointers = 0;
	size_t count;

	if (!area || area->kind != AREA_CONST)
		return false;
	count = (area->end - address) / WORD;
	if (count > TABLE_WORDS)
		count = TABLE_WORDS;
	if (!peek_words(words->peek, address, table, count))
		return false;
	for (size_t i = 0; i < count && pointers < TABLE_POINTERS; i++) {
		if (table[i] && !is_code(words->areas, table[i]))
			return false;
		pointers += table[i] != 0;
	}
	return pointers == TABLE_POINTERS;
}

static bool is_table(const struct words *words, uintptr_t address)
{
	size_t slot = (size_t)(address * 0x9e3779b97f4a7c15ull >> 52) % VERDICTS;

	if (address % WORD)
		return false;
	if (verdicts[slot].address != address) {
		verdicts[slot].address = address;
		verdicts[slot].is_table = looks_like_table(words, address);
	}
	return verdicts[slot].is_table;
}

static bool is_number(uintptr_t value)
{
	return value && value >> NUMBER_BITS == 0;
}

/* Numbers in front of what a word points to: docs/format.md, section 10. */
static void put_numbers(struct words *words, uintptr_t target)
{
	const unsigned all = PAGESET_TARGET | PAGESET_PRESENT;

	for (unsigned i = 1; i <= 3; i++) {
		const uintptr_t *in_front = (const uintptr_t *)target - i;

		/* Anonymous memory that is present can be read. */
		if (pageset_get(words->pages, (uintptr_t)in_front) == all &&
		    is_number(*in_front))
			put(&words->contents, words->recorder, (uintptr_t)in_front,
			    *in_front);
	}
}

/* ---- Looking ----------------------------------------------------------------------- */

static void look_at(struct words *words, const uintptr_t *memory, uintptr_t start,
		    size_t bytes, bool is_heap)
{
	const uintptr_t const_bytes = words->const_end - words->const_start;

	for (size_t i = 0; i < bytes / WORD; i++) {
		uintptr_t value = memory[i];

		if (pageset_get(words->pages, value) & PAGESET_TARGET) {
			put(&words->found, words->recorder, start + i * WORD, value);
			if (value % 16 == 8)
				put_numbers(words, value);
		} else if (is_heap && value - words->const_start < const_bytes &&
			   is_table(words, value)) {
			put(&words->contents, words->recorder, start + i * WORD, value);
		}
	}
}

/* Pages of a file, which can fault. */
static void look_at_file(struct words *words, uintptr_t start, uintptr_t end)
{
	while (start < end) {
		size_t want = end - start < sizeof(copy) ? end - start : sizeof(copy);
		size_t got = peek_bytes(words->peek, start, copy, want);

		look_at(words, copy, start, got, false);
		start += got;
		if (got == want)
			continue;
		/* Up to the next page nothing can be read. */
		start = (start | (words->page_bytes - 1)) + 1;
		words->unread_pages++;
	}
}

/* Pages that lie one behind the other and are present. */
static void look_at_run(struct words *words, const struct area *area, uintptr_t start,
			uintptr_t end)
{
	if (start >= end)
		return;
	if (area_is_anonymous(area))
		look_at(words, (const uintptr_t *)start, start, end - start,
			area_is_target(area));
	else
		look_at_file(words, start, end);
}

void words_look(struct words *words, const struct area *area, uintptr_t start,
		uintptr_t end)
{
	uintptr_t run = start;

	for (uintptr_t page = start; page < end; page += words->page_bytes) {
		if (pageset_get(words->pages, page) & PAGESET_PRESENT)
			continue;
		look_at_run(words, area, run, page);
		run = page + words->page_bytes;
	}
	look_at_run(words, area, run, end);
}

void words_begin(struct words *words, struct recorder *recorder, struct peek *peek,
		 const struct areas *areas, const struct pageset *pages, size_t page_bytes)
{
	words->recorder = recorder;
	words->peek = peek;
	words->areas = areas;
	words->pages = pages;
	words->page_bytes = page_bytes;
	words->unread_pages = 0;
	words->const_start = UINTPTR_MAX;
	words->const_end = 0;
	for (size_t i = 0; i < areas->count; i++) {
		if (areas->items[i].kind != AREA_CONST)
			continue;
		if (words->const_end == 0)
			words->const_start = areas->items[i].start;
		words->const_end = areas->items[i].end;
	}
	if (words->const_end == 0)
		words->const_start = 0;
	memset(verdicts, 0, sizeof(verdicts));
	words->found.op = MFT_OP_SCAN_WORDS;
	words->contents.op = MFT_OP_SCAN_CONTENTS;
	words->found.lost = words->contents.lost = 0;
	start_record(&words->found);
	start_record(&words->contents);
}

void words_end(struct words *words)
{
	flush(&words->found, words->recorder);
	flush(&words->contents, words->recorder);
}
