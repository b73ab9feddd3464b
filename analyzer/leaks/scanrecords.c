/* SPDX-License-Identifier: MIT */
#include "scanrecords.h"

#include <errno.h>
#include <stdlib.h>

#include "mft_scan.h"
#include "modulemap.h"
#include "pointers.h"

static void drop(struct scanrecords *records)
{
	if (records->open)
		pointers_done(records->open);
	free(records->open);
	records->open = NULL;
}

void scanrecords_done(struct scanrecords *records)
{
	drop(records);
}

static int begin(struct scanrecords *records, struct mft_bytes payload)
{
	struct mft_scan scan;

	drop(records);
	if (mft_decode_scan(payload, &scan) < 0)
		return -EBADMSG;
	records->open = calloc(1, sizeof(*records->open));
	if (!records->open)
		return -ENOMEM;
	records->open->reason = (enum mft_snapshot_reason)scan.reason;
	return 0;
}

static int add_root(struct pointers *pointers, struct mft_bytes payload,
		    struct modulemap *modules)
{
	struct mft_scan_root record;
	struct pointers_root root;
	int r;

	/* Kinds of a newer version are memory all the same. */
	if (mft_decode_scan_root(payload, &record) < 0 || record.kind == 0)
		return -EBADMSG;
	root = (struct pointers_root){
		.start = record.start,
		.end = record.start + record.length,
		.kind = record.kind <= MFT_ROOT_HEAP ? (enum mft_root_kind)record.kind
						     : MFT_ROOT_MAPPING,
		.module = POINTERS_NONE,
		.tid = record.tid ? record.tid : POINTERS_NONE,
	};
	if (record.module) {
		r = modulemap_find(modules, record.module, &root.module);
		if (r == -ENOENT)
			root.module = POINTERS_NONE;
		else if (r < 0)
			return r;
	}
	return pointers_add_root(pointers, &root);
}

static int add_words(struct pointers *pointers, struct mft_bytes payload, bool contents)
{
	struct mft_scan_word word = {0};
	int r, added = 0;

	while (added == 0 && (r = mft_next_scan_word(&payload, &word)) > 0)
		added = contents ? pointers_add_content(pointers, word.address, word.value)
				 : pointers_add_word(pointers, word.address, word.value);
	return added < 0 ? added : r;
}

int scanrecords_add(struct scanrecords *records, const struct mft_record *record,
		    struct modulemap *modules)
{
	int r;

	if (record->op == MFT_OP_SCAN)
		return begin(records, record->payload);
	if (!records->open)
		return -EBADMSG;
	if (record->op == MFT_OP_SCAN_ROOT)
		r = add_root(records->open, record->payload, modules);
	else
		r = add_words(records->open, record->payload,
			      record->op == MFT_OP_SCAN_CONTENTS);
	if (r < 0)
		drop(records);
	return r;
}

int scanrecords_end(struct scanrecords *records, const struct mft_record *record,
		    const struct blocks *blocks, struct pointers **ret_pointers)
{
	struct pointers *pointers = records->open;
	struct mft_scan_end end;
	int r;

	if (!pointers)
		return -EBADMSG;
	r = mft_decode_scan_end(record->payload, &end);
	if (r == 0)
		r = pointers_add_blocks(pointers, blocks);
	if (r < 0) {
		drop(records);
		return r;
	}
	pointers->clock = record->clock;
	pointers->flags = end.flags;
	pointers->threads = end.threads;
	pointers->threads_running = end.threads_running;
	pointers->absent_pages = end.absent_pages;
	pointers->words_lost = end.words_lost;
	pointers->duration_ns = end.duration_ns;
	records->open = NULL;
	*ret_pointers = pointers;
	return 0;
}
