/* SPDX-License-Identifier: MIT */
#include "opening.h"

#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "identity.h"
#include "mft_seal.h"
#include "order.h"
#include "process.h"
#include "ring.h"
#include "sys.h"
#include "text.h"

/* Makes the output template absolute while the working directory is still the user's. A
 * '%' in the directory's own name must not be taken for an escape. */
int opening_settle_output(void)
{
	const char *given = process.config.output;
	struct text text;

	text_init(&text, process.output, sizeof(process.output));
	if (given[0] != '/') {
		if (process.cwd[0] != '/')
			return -ENOENT;
		for (const char *p = process.cwd; *p; p++) {
			if (*p == '%')
				text_add_char(&text, '%');
			text_add_char(&text, *p);
		}
		text_add_char(&text, '/');
	}
	text_add(&text, given[0] ? given : "mftrace.%e.%p.mft");
	return text.cut ? -ENAMETOOLONG : 0;
}

static void fill_header(struct mft_header *header, bool forked)
{
	memset(header, 0, sizeof(*header));
	memcpy(header->magic, MFT_MAGIC, MFT_MAGIC_BYTES);
	header->version_major = MFT_VERSION_MAJOR;
	header->version_minor = MFT_VERSION_MINOR;
	header->page_bytes = (uint32_t)getauxval(AT_PAGESZ);
	header->header_bytes = header->page_bytes > MFT_HEADER_BYTES ? header->page_bytes
								     : MFT_HEADER_BYTES;
	header->chunk_bytes = MFT_CHUNK_BYTES_DEFAULT;
#if defined(__x86_64__)
	header->elf_machine = EM_X86_64;
#elif defined(__aarch64__)
	header->elf_machine = EM_AARCH64;
#else
	header->elf_machine = EM_NONE;
#endif
	header->pointer_bytes = sizeof(void *);
	header->mode = process.config.ring_bytes ? MFT_MODE_RING : MFT_MODE_FULL;
	header->pid = process.pid;
	header->ppid = (int32_t)SYS0(SYS_getppid);
	header->start_ticks = identity_start_ticks();
	header->start_unix_ns = order_now_ns(CLOCK_REALTIME);
	header->start_monotonic_ns = process.start_ns;
	header->clock_unit_ns = MFT_CLOCK_UNIT_NS;
	identity_boot_id(header->boot_id);
	(void)SYS3(SYS_getrandom, header->dump_id, sizeof(header->dump_id), 0);
	if (process.own_malloc[0])
		header->flags |= MFT_FLAG_OWN_MALLOC;
	if (forked) {
		memcpy(header->parent_id, process.parent_dump_id,
		       sizeof(header->parent_id));
		header->flags |= MFT_FLAG_FORKED;
	}
	strncpy(header->recorder, "mftrace " MFTRACE_VERSION, sizeof(header->recorder) - 1);
	header->start_seal = mft_seal_start(header);
}

static const char *why(int error)
{
	switch (-error) {
	case EACCES:
	case EPERM:
		return "permission denied";
	case ENOENT:
		return "no such directory";
	case ENOTDIR:
		return "not a directory";
	case ENOSPC:
	case EDQUOT:
		return "no space left on the device";
	case EFBIG:
		return "over the file size limit";
	case EROFS:
		return "read-only file system";
	case ENAMETOOLONG:
		return "file name too long";
	case EEXIST:
		return "the file and its numbered successors exist";
	default:
		return "cannot create the dump";
	}
}

static const char *exe_name(void)
{
	const char *slash = strrchr(process.exe, '/');

	return slash ? slash + 1 : process.exe;
}

bool opening_create(bool forked)
{
	static struct mft_header header;
	static char path[CONFIG_PATH_BYTES];
	int r;

	fill_header(&header, forked);
	r = config_expand(process.output, process.pid, exe_name(), path, sizeof(path));
	if (r == 0)
		r = dumpfile_create(&process.dump, path, &header);
	if (r == 0 && process.config.ring_bytes) {
		r = ring_begin(&process.dump, process.config.ring_bytes);
		if (r < 0)
			dumpfile_discard(&process.dump);
	}
	if (r == 0)
		return true;
	/* A child's standard error may be anything by now; the parent's dump goes on. */
	if (!forked)
		process_say(path[0] ? path : process.output, why(r));
	return false;
}
