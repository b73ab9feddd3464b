/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd_complaining.h"
#include "commands.h"
#include "complaint.h"
#include "listing.h"
#include "number.h"
#include "reader.h"

static const char usage[] =
	"Usage: mftrace dump [OPTIONS] DUMP\n"
	"\n"
	"Prints what was recorded, one line a record, in the order in which it happened:\n"
	"time in seconds, thread, function, address, bytes, and where it was called from\n"
	"(module+offset #number of the stack node within its thread).\n"
	"\n"
	"  --thread TID   only this thread's records\n"
	"  --limit N      stop after N records\n"
	"  --stack        whole call stacks, a line a frame\n"
	"  --help         this text\n";

/* Returns 0; 1: help was asked for and given; -EINVAL: a mistake was complained of. */
static int parse(int argc, char **argv, struct listing_options *ret_options)
{
	static const struct option long_options[] = {
		{"thread", required_argument, NULL, 't'},
		{"limit", required_argument, NULL, 'l'},
		{"stack", no_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	struct listing_options options = {.limit = UINT64_MAX};
	int c;

	optind = 1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		switch (c) {
		case 't':
			if (!number_parse_id(optarg, &options.thread)) {
				complain("dump", "--thread: not a thread's number");
				return -EINVAL;
			}
			options.one_thread = true;
			break;
		case 'l':
			if (!number_parse(optarg, 0, UINT64_MAX, &options.limit)) {
				complain("dump", "--limit: not a number");
				return -EINVAL;
			}
			break;
		case 's':
			options.whole_stacks = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default:
			complain(argv[optind - 1], c == ':' ? "this option needs a value"
							    : "no such option; see mftrace "
							      "dump --help");
			return -EINVAL;
		}
	}
	if (argc - optind != 1) {
		complain("dump", "name one dump; see mftrace dump --help");
		return -EINVAL;
	}
	*ret_options = options;
	return 0;
}

static int flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	fprintf(stderr, "mftrace: standard output: cannot write: %s\n", strerror(errno));
	return 2;
}

int cmd_dump(int argc, char **argv)
{
	struct listing_options options;
	struct complaint complaint;
	struct reader *reader;
	const char *path;
	int r = parse(argc, argv, &options);

	if (r != 0)
		return r < 0 ? 2 : flush();
	path = argv[optind];
	if (reader_open(path, &reader, &complaint) < 0) {
		complain(path, complaint.text);
		return 2;
	}
	r = listing_write(reader, &options, stdout);
	if (r < 0) {
		complaint_set(&complaint, "cannot read: %s", strerror(-r));
		complain(path, complaint.text);
	} else if (reader->damage.places > 0) {
		complaint_set(&complaint, "damaged at byte %" PRIu64 ": %s",
			      reader->damage.offset, reader->damage.text);
		complain(path, complaint.text);
	}
	reader_close(reader);
	return r < 0 ? 2 : flush();
}
