/* SPDX-License-Identifier: MIT */
#include "pagescan.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "sys.h"

/* linux/fs.h has these since Linux 6.7: include/uapi/linux/fs.h, struct pm_scan_arg. */
struct scan_argument {
	uint64_t size;
	uint64_t flags;
	uint64_t start, end;
	uint64_t walk_end;
	uint64_t runs, most_runs;
	uint64_t most_pages;
	uint64_t inverted, all_of, any_of, wanted;
};
#define SCAN _IOWR('f', 16, struct scan_argument)
#define IS_PRESENT (1u << 3)
#define IS_PAGE_OF_ZEROS (1u << 5)

long pagescan(int pagemap, uintptr_t start, uintptr_t end, struct pagescan_run *ret_runs,
	      size_t most, uintptr_t *ret_position)
{
	struct scan_argument argument = {
		.size = sizeof(argument),
		.start = start,
		.end = end,
		.runs = (uintptr_t)ret_runs,
		.most_runs = most,
		.inverted = IS_PAGE_OF_ZEROS,
		.all_of = IS_PRESENT | IS_PAGE_OF_ZEROS,
		.wanted = IS_PRESENT,
	};
	long r = SYS3(SYS_ioctl, pagemap, SCAN, &argument);

	if (r < 0)
		return r;
	if (argument.walk_end <= start || argument.walk_end > end)
		return -EIO;
	/* Where there was no room for more, Linux 6.18 has been seen to say that it came
	 * less far than the runs that it tells of. */
	if (r > 0 && ret_runs[r - 1].end > argument.walk_end)
		argument.walk_end = ret_runs[r - 1].end;
	*ret_position = argument.walk_end;
	return r;
}
