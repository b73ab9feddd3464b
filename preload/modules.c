/* SPDX-License-Identifier: MIT */
#include "modules.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "image.h"
#include "maps.h"
#include "moduletable.h"
#include "process.h"
#include "recorder.h"

#define MODULES_MOST 16384u

struct modules modules = {.stale = 1, .generation = 1};

static struct module_table *modules_now; /* atomic; NULL: none yet */
static uint32_t modules_last_id;	 /* atomic */
static struct module_table *modules_retired;
static uint32_t modules_readers; /* atomic; threads that may hold a table */
static uint32_t modules_busy;	 /* a thread is looking; atomic, never waited for */

struct glance {
	struct recorder *recorder;
	const struct module_table *before;
	struct module_table *after;
	bool complete;
	bool changed;
};

/* The path of the file that is mapped at address, where the loader knows it by a relative
 * name: as it was given to dlopen, from a directory that the process may have left. The
 * caller holds modules_busy. */
static const char *find_path(uintptr_t address, const char *path)
{
	static char lines[20 * 1024], found[CONFIG_PATH_BYTES];
	struct maps_line line;
	struct maps maps;

	if (path[0] == '/' || !strchr(path, '/') ||
	    maps_open(&maps, lines, sizeof(lines)) < 0)
		return path;
	while (maps_next(&maps, &line) > 0) {
		if (line.start != address || line.path_length >= sizeof(found))
			continue;
		memcpy(found, line.path, line.path_length);
		found[line.path_length] = '\0';
		if (found[0] == '/')
			path = found;
		break;
	}
	maps_close(&maps);
	return path;
}

/* One module, with the loader's lock held: it cannot go away meanwhile. */
static int look_at(struct dl_phdr_info *info, size_t bytes, void *context)
{
	struct glance *glance = context;
	const char *path = info->dlpi_name ? info->dlpi_name : "";
	struct module_entry entry = {.bias = info->dlpi_addr};
	struct image_range range;
	const struct module_entry *same;
	struct mft_module record;

	(void)bytes;
	(void)image_find_range(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, &range);
	entry.start = range.start;
	entry.end = range.end;
	if (entry.end == 0 || glance->after->count == glance->after->capacity) {
		glance->complete &= entry.end == 0;
		return 0;
	}
	/* The program itself has no name there. */
	if (!*path && entry.start <= getauxval(AT_ENTRY) && getauxval(AT_ENTRY) < entry.end)
		path = process.exe;
	record.build_id =
		image_build_id(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum);
	record.path = (struct mft_bytes){(const uint8_t *)path, strlen(path)};
	entry.identity = moduletable_identity(path, record.path.length,
					      record.build_id.data, record.build_id.length);
	same = moduletable_find_same(glance->before, &entry);
	if (same) {
		entry.id = same->id;
	} else {
		path = find_path(entry.start, path);
		record.path = (struct mft_bytes){(const uint8_t *)path, strlen(path)};
		entry.id = __atomic_add_fetch(&modules_last_id, 1, __ATOMIC_RELAXED);
		record.id = entry.id;
		record.bias = entry.bias;
		record.start = entry.start;
		record.end = entry.end;
		if (!recorder_room(glance->recorder,
				   record.path.length + record.build_id.length + 96) ||
		    mft_put_module(&glance->recorder->encoder, &record) < 0) {
			glance->complete = false;
			return 0;
		}
		glance->changed = true;
	}
	moduletable_insert(glance->after, &entry);
	return 0;
}

/* Says which modules of the old table are not in the new one. */
static bool report_gone(struct recorder *r, const struct module_table *before,
			const struct module_table *after)
{
	bool gone = false;

	for (uint32_t i = 0; before && i < before->count; i++) {
		struct mft_long record;

		if (moduletable_find_same(after, &before->entries[i]))
			continue;
		gone = true;
		if (!recorder_room(r, MFT_HOT_BYTES_MAX))
			continue;
		mft_long_begin(&r->encoder, &record, MFT_VARINT_BYTES_MAX);
		mft_long_varint(&record, before->entries[i].id);
		(void)mft_long_end(&r->encoder, &record, MFT_OP_MODULE_GONE);
	}
	return gone;
}

/* Puts a new table in place of the old one, which goes once nobody can hold it. */
static void publish(struct module_table *table)
{
	struct module_table *old =
		__atomic_exchange_n(&modules_now, table, __ATOMIC_SEQ_CST);

	if (old) {
		old->retired = modules_retired;
		modules_retired = old;
	}
	/* Partner: modules_find, which counts itself before it takes the table. */
	if (__atomic_load_n(&modules_readers, __ATOMIC_SEQ_CST))
		return;
	while (modules_retired) {
		old = modules_retired;
		modules_retired = old->retired;
		moduletable_free(old);
	}
}

/* Looks at all modules. The caller holds modules_busy. */
static void look(struct recorder *r)
{
	struct glance glance = {.recorder = r, .complete = true};
	uint32_t capacity;
	bool gone;

	glance.before = __atomic_load_n(&modules_now, __ATOMIC_ACQUIRE);
	capacity = glance.before ? glance.before->count * 2 + 64 : 128;
	if (capacity > MODULES_MOST)
		capacity = MODULES_MOST;
	glance.after = moduletable_new(capacity);
	if (!glance.after)
		return;
	dl_iterate_phdr(look_at, &glance);
	if (!glance.complete)
		__atomic_store_n(&modules.stale, 1, __ATOMIC_RELEASE);
	gone = report_gone(r, glance.before, glance.after);
	publish(glance.after);
	if (gone)
		__atomic_fetch_add(&modules.unload_generation, 1, __ATOMIC_RELEASE);
	if (gone || glance.changed)
		__atomic_fetch_add(&modules.generation, 1, __ATOMIC_RELEASE);
}

static bool try_look(struct recorder *r)
{
	uint32_t expected = 0;
	int saved = errno;

	if (!__atomic_compare_exchange_n(&modules_busy, &expected, 1, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	/* Before looking: what happens meanwhile makes it stale again. */
	__atomic_store_n(&modules.stale, 0, __ATOMIC_RELEASE);
	look(r);
	__atomic_store_n(&modules_busy, 0, __ATOMIC_RELEASE);
	errno = saved;
	return true;
}

void modules_touched(void)
{
	struct recorder *r = recorder_thread.recorder;

	__atomic_store_n(&modules.stale, 1, __ATOMIC_RELEASE);
	/* Another thread may look, and call it settled, before this one takes a stack. */
	if (r)
		r->stack.modules_generation = MODULES_TOUCHED;
}

bool modules_are_settled(void)
{
	return !__atomic_load_n(&modules.stale, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&modules_busy, __ATOMIC_ACQUIRE);
}

void modules_refresh(struct recorder *r)
{
	if (__builtin_expect(__atomic_load_n(&modules.stale, __ATOMIC_ACQUIRE), 0))
		(void)try_look(r);
}

/* Returns the module's number, or MFT_MODULE_NONE. */
static uint32_t find(uintptr_t address, uintptr_t *ret_bias)
{
	const struct module_table *table;
	uint32_t low, id = MFT_MODULE_NONE;

	/* Partner: publish. */
	__atomic_fetch_add(&modules_readers, 1, __ATOMIC_SEQ_CST);
	table = __atomic_load_n(&modules_now, __ATOMIC_SEQ_CST);
	low = moduletable_find_from(table, address);
	if (table && low < table->count && table->entries[low].start <= address) {
		id = table->entries[low].id;
		*ret_bias = table->entries[low].bias;
	}
	__atomic_fetch_sub(&modules_readers, 1, __ATOMIC_RELEASE);
	return id;
}

#if __GLIBC_PREREQ(2, 35)
extern __typeof(_dl_find_object) _dl_find_object __attribute__((weak));

/* Where a module is, and its segments. */
struct placed {
	struct image_range range;
	const ElfW(Phdr) * segments;
	unsigned count;
};

/* The program itself: its segments may lie apart, and the loader then tells about the one
 * that was asked for. getauxval(3): AT_PHDR. */
static bool place_program(uintptr_t bias, struct placed *ret_placed)
{
	struct placed placed = {
		.segments = (const ElfW(Phdr) *)getauxval(AT_PHDR),
		.count = (unsigned)getauxval(AT_PHNUM),
	};

	if (!placed.segments)
		placed.count = 0;
	if (!image_find_range(bias, placed.segments, placed.count, &placed.range))
		return false;
	*ret_placed = placed;
	return true;
}

static bool place(const struct dl_find_object *found, struct placed *ret_placed)
{
	const ElfW(Ehdr) *header = found->dlfo_map_start;

	if (!*found->dlfo_link_map->l_name)
		return place_program(found->dlfo_link_map->l_addr, ret_placed);
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	*ret_placed = (struct placed){
		.range = {(uintptr_t)found->dlfo_map_start, (uintptr_t)found->dlfo_map_end},
		.segments = (const ElfW(Phdr) *)((const char *)header + header->e_phoff),
		.count = header->e_phnum,
	};
	return true;
}

/* Records the one module that holds address, as the loader finds it without a lock (glibc
 * 2.35), under a number of its own. For while another thread looks at all of them: code on
 * our own stack cannot be unloaded meanwhile. Returns its number. */
static uint32_t record_one(struct recorder *r, uintptr_t address, uintptr_t *ret_bias)
{
	struct dl_find_object found;
	struct mft_module record;
	struct placed placed;

	if (!_dl_find_object || _dl_find_object((void *)address, &found) != 0)
		return MFT_MODULE_NONE;
	if (!place(&found, &placed))
		return MFT_MODULE_NONE;
	record.bias = found.dlfo_link_map->l_addr;
	record.start = placed.range.start;
	record.end = placed.range.end;
	record.path.data = (const uint8_t *)found.dlfo_link_map->l_name;
	if (!*found.dlfo_link_map->l_name)
		record.path.data = (const uint8_t *)process.exe;
	record.path.length = strlen((const char *)record.path.data);
	record.build_id = image_build_id(record.bias, placed.segments, placed.count);
	record.id = __atomic_add_fetch(&modules_last_id, 1, __ATOMIC_RELAXED);
	if (!recorder_room(r, record.path.length + record.build_id.length + 96) ||
	    mft_put_module(&r->encoder, &record) < 0)
		return MFT_MODULE_NONE;
	*ret_bias = record.bias;
	return record.id;
}

/* Whether the loader knows of code there. */
static bool loader_knows(uintptr_t address)
{
	struct dl_find_object found;

	return !_dl_find_object || _dl_find_object((void *)address, &found) == 0;
}
#else
static uint32_t record_one(struct recorder *r, uintptr_t address, uintptr_t *ret_bias)
{
	(void)r;
	(void)address;
	(void)ret_bias;
	return MFT_MODULE_NONE;
}

static bool loader_knows(uintptr_t address)
{
	(void)address;
	return true;
}
#endif

uint32_t modules_find(struct recorder *r, uintptr_t address, uintptr_t *ret_bias)
{
	uint32_t id;

	*ret_bias = 0;
	id = find(address, ret_bias);
	if (__builtin_expect(id != MFT_MODULE_NONE && modules_are_settled(), 1))
		return id;
	if (!loader_knows(address))
		return id;
	/* What is in the table may be what was there before: libraries come to lie where
	 * others were, or a page beside. */
	if (try_look(r)) {
		id = find(address, ret_bias);
		if (id != MFT_MODULE_NONE)
			return id;
	}
	*ret_bias = 0;
	return record_one(r, address, ret_bias);
}

uint32_t modules_recall(uintptr_t address, uintptr_t *ret_end)
{
	const struct module_table *table;
	uint32_t low, id = MFT_MODULE_NONE;

	*ret_end = UINTPTR_MAX;
	__atomic_fetch_add(&modules_readers, 1, __ATOMIC_SEQ_CST);
	table = __atomic_load_n(&modules_now, __ATOMIC_SEQ_CST);
	low = moduletable_find_from(table, address);
	if (table && low < table->count) {
		const struct module_entry *entry = &table->entries[low];

		*ret_end = entry->start;
		if (entry->start <= address) {
			id = entry->id;
			*ret_end = entry->end;
		}
	}
	__atomic_fetch_sub(&modules_readers, 1, __ATOMIC_RELEASE);
	return id;
}

void modules_forget(void)
{
	/* The table stays mapped: a reader that the fork interrupted may return to it. */
	__atomic_store_n(&modules_now, NULL, __ATOMIC_RELEASE);
	modules_last_id = 0;
	modules_retired = NULL;
	modules_readers = 0;
	modules_busy = 0;
	modules.stale = 1;
	modules.generation = 1;
	modules.unload_generation = 0;
}

static int find_known(struct dl_phdr_info *info, size_t bytes, void *context)
{
	const uintptr_t own = (uintptr_t)&modules;
	struct image_range range;

	(void)bytes;
	(void)context;
	if (!image_find_range(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, &range))
		return 0;
	if (info->dlpi_addr && info->dlpi_addr == getauxval(AT_BASE)) {
		modules.linker_start = range.start;
		modules.linker_bytes = range.end - range.start;
	}
	if (range.start <= own && own < range.end) {
		modules.own_start = range.start;
		modules.own_bytes = range.end - range.start;
	}
	return 0;
}

void modules_begin(void)
{
	dl_iterate_phdr(find_known, NULL);
}
