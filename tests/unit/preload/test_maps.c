/* SPDX-License-Identifier: MIT */
/* Lines of /proc/self/maps: whole and cut, given twice, and those of this process. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "maps.h"

/* Maps that read a text instead, through a small buffer. */
static void begin(struct maps *maps, const char *text, char *buffer, size_t bytes)
{
	int fd = memfd_create("maps", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	*maps = (struct maps){.fd = fd, .buffer = buffer, .bytes = bytes, .line = buffer};
}

static void fields(void **state)
{
	static const char text[] =
		"55d0c8a00000-55d0c8a02000 r-xp 00001000 08:01 1234      /bin/a b\n"
		"7f1200000000-7f1200021000 rw-s 00000000 00:00 0 \n"
		"7ffd1b000000-7ffd1b021000 ---p 00000000 00:00 0         [stack]\n";
	struct maps_line line;
	char buffer[80];
	struct maps maps;

	(void)state;
	begin(&maps, text, buffer, sizeof(buffer));
	assert_int_equal(maps_next(&maps, &line), 1);
	assert_int_equal(line.start, 0x55d0c8a00000);
	assert_int_equal(line.end, 0x55d0c8a02000);
	assert_int_equal(line.inode, 1234);
	assert_true(line.readable && !line.writable && line.executable && !line.shared);
	assert_int_equal(line.path_length, 8);
	assert_memory_equal(line.path, "/bin/a b", 8);
	assert_int_equal(maps_next(&maps, &line), 1);
	assert_true(line.readable && line.writable && !line.executable && line.shared);
	assert_int_equal(line.inode, 0);
	assert_int_equal(line.path_length, 0);
	assert_int_equal(maps_next(&maps, &line), 1);
	assert_true(!line.readable && !line.writable && !line.shared);
	assert_memory_equal(line.path, "[stack]", 7);
	assert_int_equal(maps_next(&maps, &line), 0);
	maps_close(&maps);
}

/* What the kernel says when a mapping grows between two reads. */
static void a_mapping_that_is_listed_twice(void **state)
{
	static const char text[] = "1000-3000 rw-p 00000000 00:00 0 \n"
				   "1000-5000 rw-p 00000000 00:00 0 \n"
				   "1000-5000 rw-p 00000000 00:00 0 \n"
				   "5000-6000 rw-p 00000000 00:00 0 \n";
	static const uintptr_t wanted[][2] = {
		{0x1000, 0x3000}, {0x3000, 0x5000}, {0x5000, 0x6000}};
	struct maps_line line;
	char buffer[256];
	struct maps maps;

	(void)state;
	begin(&maps, text, buffer, sizeof(buffer));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(maps_next(&maps, &line), 1);
		assert_int_equal(line.start, wanted[i][0]);
		assert_int_equal(line.end, wanted[i][1]);
	}
	assert_int_equal(maps_next(&maps, &line), 0);
	maps_close(&maps);
}

static void what_is_no_line(void **state)
{
	static const char *const texts[] = {"1000\n", "1000-2000 rw-p\n",
					    "1000-2000 rw-p 0 00:00\n",
					    "x-2000 rw-p 00000000 00:00 0\n", "\n"};
	struct maps_line line;
	char buffer[64];
	struct maps maps;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		begin(&maps, texts[i], buffer, sizeof(buffer));
		assert_int_equal(maps_next(&maps, &line), -EBADMSG);
		maps_close(&maps);
	}
	/* A line that is longer than the buffer. */
	begin(&maps, "1000-2000 rw-p 00000000 00:00 0 /a/path\n", buffer, 16);
	assert_int_equal(maps_next(&maps, &line), -EBADMSG);
	maps_close(&maps);
}

static void this_process(void **state)
{
	static char lines[20 * 1024], here;
	char local;
	bool data = false, stack = false;
	uintptr_t last = 0;
	struct maps_line line;
	struct maps maps;
	int r;

	(void)state;
	assert_int_equal(maps_open(&maps, lines, sizeof(lines)), 0);
	while ((r = maps_next(&maps, &line)) > 0) {
		assert_true(line.start >= last && line.end > line.start);
		last = line.end;
		if ((uintptr_t)&here >= line.start && (uintptr_t)&here < line.end)
			data = line.writable && line.readable && !line.shared;
		if ((uintptr_t)&local >= line.start && (uintptr_t)&local < line.end)
			stack = line.path_length == 7 && !memcmp(line.path, "[stack]", 7);
	}
	assert_int_equal(r, 0);
	assert_true(data && stack);
	maps_close(&maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(a_mapping_that_is_listed_twice),
		cmocka_unit_test(what_is_no_line),
		cmocka_unit_test(this_process),
	};

	return cmocka_run_group_tests_name("maps", tests, NULL, NULL);
}
