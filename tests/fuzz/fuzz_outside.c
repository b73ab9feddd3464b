/* SPDX-License-Identifier: MIT */
/*
 * fuzz_outside.c - libFuzzer target: any bytes as what was seen of a process from outside.
 *
 * An input that begins as an ELF file does is a core file, any other a snapshot. Both are
 * of the process whose dump is that of seed_dump.c, and go with it through every report; a
 * snapshot also with the ring dump of seed_ring.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "complaint.h"
#include "corefile.h"
#include "every_report.h"
#include "fuzz_file.h"
#include "seed_dump.h"
#include "seed_ring.h"
#include "snap.h"
#include "starving.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Among the open files. */
static void find_dump(const char *path, const struct snap *snap)
{
	struct complaint complaint = {""};
	char *dump;
	int r;

	if (!snap_is(path))
		abort();
	r = snap_find_dump(path, snap, &dump, &complaint);
	if (r == 0)
		free(dump);
	else if (complaint.text[0] == '\0' && (r != -ENOMEM || !may_lack_memory()))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_file file = {.fd = -1}, dump, ring;
	struct complaint complaint = {""};
	struct snap *snap = NULL;
	bool damaged;
	int r;

	if (file.fd < 0) {
		every_report_begin();
		fuzz_file_open(&file);
		fuzz_file_open(&dump);
		fuzz_file_open(&ring);
		if (seed_dump_write(dump.path, SEED_DUMP_CHUNK_BYTES, false) < 0 ||
		    seed_ring_write(ring.path, false) < 0)
			abort();
	}
	fuzz_file_fill(&file, data, size);
	if (size > 0 && data[0] == 0x7f)
		r = corefile_read(file.path, dump.path, &snap, &complaint);
	else
		r = snap_read(file.path, &snap, &complaint);
	if (r < 0 && complaint.text[0] == '\0')
		abort();
	if (r == 0 && data[0] != 0x7f)
		find_dump(file.path, snap);
	if (r == 0)
		(void)every_report_of_dump(dump.path, snap, false, &damaged);
	if (r == 0 && data[0] != 0x7f)
		(void)every_report_of_dump(ring.path, snap, false, &damaged);
	snap_free(snap);
	return 0;
}
