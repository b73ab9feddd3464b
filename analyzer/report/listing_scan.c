/* SPDX-License-Identifier: MIT */
#include "listing_scan.h"

#include <errno.h>
#include <inttypes.h>

#include "mft_scan.h"
#include "profile.h"

/* As wide as the time and the thread in front of a line. */
#define INDENT "                     "

static int put_begin(FILE *out, struct mft_bytes payload)
{
	struct mft_scan scan;

	if (mft_decode_scan(payload, &scan) < 0)
		return -EBADMSG;
	fprintf(out, "%-18s %31s  %s\n", "scan", "", profile_reason_name(scan.reason));
	return 0;
}

static int put_root(FILE *out, struct mft_bytes payload)
{
	static const char *const kinds[] = {"?",   "module",  "stack", "registers",
					    "tls", "mapping", "heap"};
	struct mft_scan_root root;

	if (mft_decode_scan_root(payload, &root) < 0)
		return -EBADMSG;
	fprintf(out, "%-18s 0x%016" PRIx64 " %12" PRIu64 "  %s", "scan root", root.start,
		root.length, kinds[root.kind <= MFT_ROOT_HEAP ? root.kind : 0]);
	if (root.module)
		fprintf(out, " %" PRIu32, root.module);
	if (root.tid)
		fprintf(out, " %" PRIu32, root.tid);
	fputc('\n', out);
	return 0;
}

static int put_words(FILE *out, struct mft_bytes payload, const char *label)
{
	struct mft_scan_word word = {0};
	const char *indent = "";
	int r;

	while ((r = mft_next_scan_word(&payload, &word)) > 0) {
		fprintf(out, "%s%-18s 0x%016" PRIx64 " 0x%016" PRIx64 "\n", indent, label,
			word.address, word.value);
		indent = INDENT;
	}
	return r;
}

static int put_end(FILE *out, struct mft_bytes payload)
{
	static const char *const lacks[] = {"deadline", "threads", "pages", "space",
					    "moving"};
	struct mft_scan_end end;

	if (mft_decode_scan_end(payload, &end) < 0)
		return -EBADMSG;
	fprintf(out, "%-18s %31s  threads=%" PRIu32 " running=%" PRIu32, "scan end", "",
		end.threads, end.threads_running);
	fprintf(out, " absent_pages=%" PRIu64 " words_lost=%" PRIu64 " ns=%" PRIu64,
		end.absent_pages, end.words_lost, end.duration_ns);
	for (unsigned i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++)
		if (end.flags >> i & 1)
			fprintf(out, " %s", lacks[i]);
	fputc('\n', out);
	return 0;
}

int listing_scan(FILE *out, const struct mft_record *record)
{
	switch (record->op) {
	case MFT_OP_SCAN:
		return put_begin(out, record->payload);
	case MFT_OP_SCAN_ROOT:
		return put_root(out, record->payload);
	case MFT_OP_SCAN_WORDS:
		return put_words(out, record->payload, "scan word");
	case MFT_OP_SCAN_CONTENTS:
		return put_words(out, record->payload, "scan content");
	default:
		return put_end(out, record->payload);
	}
}
