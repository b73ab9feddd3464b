/* SPDX-License-Identifier: MIT */
#include "corefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gelf.h>

#include "complaint.h"
#include "corenotes.h"
#include "image.h"
#include "imagescan.h"
#include "modulemap.h"
#include "pointers.h"
#include "reader.h"
#include "snap.h"
#include "snapwriter.h"

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_NONE
#endif

/* Memory that the file holds. */
struct segment {
	uint64_t start, end;	/* of the mapping */
	uint64_t offset, bytes; /* in the file */
	unsigned flags;
};

struct core {
	int fd;
	Elf *elf;
	struct stat status;
	struct segment *segments; /* in order of address, apart from each other */
	size_t count;
	struct corenotes notes;
};

static void core_close(struct core *core)
{
	corenotes_done(&core->notes);
	free(core->segments);
	if (core->elf)
		elf_end(core->elf);
	if (core->fd >= 0)
		close(core->fd);
}

static int by_start(const void *a, const void *b)
{
	const struct segment *left = a, *right = b;

	return (left->start > right->start) - (left->start < right->start);
}

/* Puts segments in order and leaves out what no kernel writes: one that lies over another,
 * and bytes of the file that would be the contents of several, which could make the little
 * that is there look like any amount. */
static void sort_segments(struct core *core)
{
	uint64_t left = (uint64_t)core->status.st_size;
	size_t kept = 0;

	if (core->count)
		qsort(core->segments, core->count, sizeof(*core->segments), by_start);
	for (size_t i = 0; i < core->count; i++) {
		struct segment *segment = &core->segments[i];

		if (kept > 0 && segment->start < core->segments[kept - 1].end)
			continue;
		if (segment->bytes > left)
			segment->bytes = left;
		left -= segment->bytes;
		core->segments[kept++] = *segment;
	}
	core->count = kept;
}

static int find_segments(struct core *core)
{
	const uint64_t file_bytes = (uint64_t)core->status.st_size;
	size_t headers = 0;

	if (elf_getphdrnum(core->elf, &headers) < 0)
		return -EBADMSG;
	core->segments = calloc(headers + 1, sizeof(*core->segments));
	if (!core->segments)
		return -ENOMEM;
	for (size_t i = 0; i < headers; i++) {
		struct segment *segment = &core->segments[core->count];
		GElf_Phdr header;

		if (!gelf_getphdr(core->elf, (int)i, &header) || header.p_type != PT_LOAD ||
		    header.p_memsz == 0 || header.p_vaddr > UINT64_MAX - header.p_memsz)
			continue;
		*segment = (struct segment){
			.start = header.p_vaddr,
			.end = header.p_vaddr + header.p_memsz,
			.offset = header.p_offset,
			.bytes = header.p_filesz,
			.flags = header.p_flags,
		};
		/* Of a file that was cut short less is there. */
		if (segment->bytes > header.p_memsz)
			segment->bytes = header.p_memsz;
		if (segment->offset > file_bytes)
			segment->bytes = 0;
		else if (segment->bytes > file_bytes - segment->offset)
			segment->bytes = file_bytes - segment->offset;
		core->count++;
	}
	sort_segments(core);
	return 0;
}

static int core_open(struct core *core, const char *path, struct complaint *complaint)
{
	GElf_Ehdr header;
	int r = 0;

	memset(core, 0, sizeof(*core));
	core->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (core->fd < 0 || fstat(core->fd, &core->status) < 0) {
		r = -errno;
		complaint_set(complaint, "core file cannot be read: %s", strerror(-r));
		return r;
	}
	elf_version(EV_CURRENT);
	core->elf = S_ISREG(core->status.st_mode)
			    ? elf_begin(core->fd, ELF_C_READ_MMAP, NULL)
			    : NULL;
	if (!core->elf || !gelf_getehdr(core->elf, &header) || header.e_type != ET_CORE) {
		complaint_set(complaint, "this is not a core file");
		return -EBADMSG;
	}
	if (header.e_machine != OWN_MACHINE || gelf_getclass(core->elf) != ELFCLASS64) {
		complaint_set(complaint, "core file of another kind of machine");
		return -ENOTSUP;
	}
	r = find_segments(core);
	if (r == 0)
		r = corenotes_read(&core->notes, core->elf);
	if (r < 0)
		complaint_set(complaint, "core file cannot be read: %s", strerror(-r));
	return r;
}

static const struct segment *find_segment(const struct core *core, uint64_t address)
{
	size_t low = 0, high = core->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (core->segments[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == core->count || core->segments[low].start > address)
		return NULL;
	return &core->segments[low];
}

static int64_t read_memory(void *context, void *buffer, size_t bytes, uint64_t address)
{
	const struct core *core = context;
	const struct segment *segment = find_segment(core, address);
	uint64_t at = segment ? address - segment->start : 0;
	ssize_t got;

	if (!segment || at >= segment->bytes)
		return -EFAULT;
	if (bytes > segment->bytes - at)
		bytes = (size_t)(segment->bytes - at);
	got = pread(core->fd, buffer, bytes, (off_t)(segment->offset + at));
	return got < 0 ? -errno : got;
}

/* ---- Whose it is ------------------------------------------------------------------ */

/* Whether a build-id can be read from a module's memory and is another one. */
static bool is_other_build(struct core *core, const struct profile_module *module)
{
	uint8_t page[4096];
	size_t i;
	int64_t got = read_memory(core, page, sizeof(page), module->start);

	/* The note stands in the file's first page, where linkers put it: look for its
	 * head, sizes and type and "GNU", and compare what follows. */
	for (i = 0; module->build_id_bytes && got > 0 &&
		    i + 16 + module->build_id_bytes <= (size_t)got;
	     i += 4) {
		const uint32_t head[3] = {4, (uint32_t)module->build_id_bytes,
					  NT_GNU_BUILD_ID};

		if (memcmp(page + i, head, sizeof(head)) == 0 &&
		    memcmp(page + i + 12, "GNU", 4) == 0)
			return memcmp(page + i + 16, module->build_id,
				      module->build_id_bytes) != 0;
	}
	return false;
}

/* The program and all libraries that it was started with lie where the dump says, so the
 * first module that the dump names must. */
static bool has_modules(struct core *core, const struct modulemap *map)
{
	size_t found = 0, sought = 0;

	for (size_t i = 0; i < map->count; i++) {
		const struct profile_module *module = &map->modules[i];
		const struct corenotes_file *file =
			corenotes_find(&core->notes, module->start);

		if (module->path[0] != '/')
			continue;
		sought++;
		if (!file || strcmp(file->path, module->path) != 0) {
			if (sought == 1)
				return false;
			continue;
		}
		if (is_other_build(core, module))
			return false;
		found++;
	}
	return found > 0;
}

static int check_identity(struct core *core, const struct reader *reader,
			  const struct modulemap *map, struct complaint *complaint)
{
	if (core->notes.pid && core->notes.pid != reader->header.pid) {
		complaint_set(
			complaint,
			"core file of another process: of %d, where the dump is of %d",
			core->notes.pid, reader->header.pid);
		return -ESTALE;
	}
	if (core->notes.files_count && !has_modules(core, map)) {
		complaint_set(complaint, "core file of another process: what the dump says "
					 "was loaded is not there");
		return -ESTALE;
	}
	if (core->notes.threads_count == 0) {
		complaint_set(complaint, "core file without threads: it is damaged");
		return -EBADMSG;
	}
	return 0;
}

/* ---- The image -------------------------------------------------------------------- */

static bool is_recorders(const struct modulemap *map, uint64_t address)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct profile_module *module = &map->modules[i];
		const char *slash = strrchr(module->path, '/');

		if (slash && strncmp(slash + 1, "libmftrace.so", 13) == 0 &&
		    address >= module->start && address < module->end)
			return true;
	}
	return false;
}

static int build_image(struct core *core, const struct modulemap *map, struct image *image)
{
	struct image_raw *raws = calloc(core->count + 1, sizeof(*raws));
	int r = raws ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < core->count; i++) {
		const struct segment *segment = &core->segments[i];
		const struct corenotes_file *file =
			corenotes_find(&core->notes, segment->start);

		raws[i] = (struct image_raw){
			.start = segment->start,
			.end = segment->end,
			.readable = segment->flags & PF_R,
			.writable = segment->flags & PF_W,
			.executable = segment->flags & PF_X,
			.from_file = file != NULL,
			.header =
				file && file->offset == 0 && segment->start == file->start,
			.own = is_recorders(map, segment->start),
			.path = file ? file->path : "",
		};
	}
	if (r == 0)
		r = image_build(image, raws, core->count);
	free(raws);
	for (size_t i = 0; r == 0 && i < image->mappings_count; i++) {
		const struct image_mapping *m = &image->mappings[i];
		const struct segment *segment = find_segment(core, m->start);
		uint64_t end = segment->start + segment->bytes;

		if (m->kind == IMAGE_CONST)
			continue;
		end = end < m->end ? end : m->end;
		if (end > m->start)
			r = image_add_run(image, i, m->start, end);
		/* What is not in the file was not resident, or was left out. */
	}
	for (size_t i = 0; r == 0 && i < core->notes.threads_count; i++)
		r = image_add_thread(image, &core->notes.threads[i]);
	return r;
}

/* The instant of a core file is when it was last written. */
static uint64_t find_clock(const struct core *core, const struct mft_header *header)
{
	const struct timespec *written = &core->status.st_mtim;
	uint64_t ns = (uint64_t)written->tv_sec * 1000000000u + (uint64_t)written->tv_nsec;

	if (ns <= header->start_unix_ns)
		return SNAP_CLOCK_END;
	return (ns - header->start_unix_ns) / header->clock_unit_ns;
}

static int make_snap(struct core *core, const struct mft_header *header,
		     const struct modulemap *map, struct snap **ret_snap)
{
	struct image image = {
		.page_bytes = header->page_bytes, .read = read_memory, .context = core};
	struct pointers pointers = {.clock = 0};
	struct snapwriter writer = {.bytes = NULL};
	struct snap *snap = calloc(1, sizeof(*snap));
	int r = snap ? build_image(core, map, &image) : -ENOMEM;

	if (r == 0)
		r = imagescan_run(&image, &pointers);
	if (r == 0)
		r = snapwriter_init(&writer);
	if (r == 0)
		r = snapwriter_put_scan(&writer, &pointers);
	if (r == 0) {
		memcpy(snap->header.dump_id, header->dump_id, sizeof(header->dump_id));
		snap->header.pid = header->pid;
		snap->header.clock = find_clock(core, header);
		snapwriter_finish(&writer, snap);
		*ret_snap = snap;
		snap = NULL;
	}
	snapwriter_done(&writer);
	pointers_done(&pointers);
	image_done(&image);
	snap_free(snap);
	return r;
}

int corefile_read(const char *core_path, const char *dump_path, struct snap **ret_snap,
		  struct complaint *complaint)
{
	struct reader *reader = NULL;
	struct modulemap map;
	struct core core;
	int r = core_open(&core, core_path, complaint);

	modulemap_init(&map, NULL);
	if (r == 0)
		r = reader_open(dump_path, &reader, complaint);
	if (r < 0)
		goto out;
	modulemap_init(&map, reader);
	r = modulemap_search(&map);
	if (r == 0)
		r = check_identity(&core, reader, &map, complaint);
	else
		complaint_set(complaint, "dump cannot be read: %s", strerror(-r));
	if (r < 0)
		goto out;
	r = make_snap(&core, &reader->header, &map, ret_snap);
	if (r < 0)
		complaint_set(complaint, "core file cannot be read: %s", strerror(-r));
out:
	modulemap_done(&map);
	reader_close(reader);
	core_close(&core);
	return r;
}
