/* SPDX-License-Identifier: MIT */
/* The map of the heap: rows and cells, and pictures that can be read again. */
#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "heapgrid.h"
#include "picture.h"
#include "profile.h"
#include "workdir.h"

/* Seven pages of the brk heap with a hole, two arenas' heaps, two mappings. */
static uint8_t classes[] = {10, 10, 0, 0, 5, 1, 0, 10, 0, 0, 10, 10};
static struct profile_stretch stretches[] = {
	{0x10000, 5, 0, PROFILE_REGION_BRK, true},
	{0x20000, 2, 5, PROFILE_REGION_BRK, false},
	{0x4000000, 1, 7, PROFILE_REGION_ARENA, true},
	{0x8000000, 2, 8, PROFILE_REGION_ARENA, true},
	{0x9000000, 1, 10, PROFILE_REGION_MAPPED, true},
	{0xa000000, 1, 11, PROFILE_REGION_MAPPED, true},
};
static const struct profile_depth depth = {
	.page_bytes = 4096,
	.stretches = stretches,
	.stretches_count = sizeof(stretches) / sizeof(stretches[0]),
	.page_classes = classes,
	.pages_count = sizeof(classes),
};

#define NONE HEAPGRID_NOTHING

static void a_cell_a_page(void **state)
{
	static const uint8_t cells[] = {10,   10,   0, 0, 5,	1,    0,  NONE, 10,   NONE,
					NONE, NONE, 0, 0, NONE, NONE, 10, 10,	NONE, NONE};
	static const uint64_t addresses[] = {0x10000, 0x14000, 0x4000000, 0x8000000,
					     0x9000000};
	struct heapgrid grid;

	(void)state;
	assert_int_equal(heapgrid_init(&grid, &depth, 4, 100), 0);
	assert_int_equal(grid.rows_count, 5);
	assert_int_equal(grid.pages_per_cell, 1);
	assert_memory_equal(grid.cells, cells, sizeof(cells));
	for (unsigned row = 0; row < 5; row++) {
		assert_true(grid.rows[row].address == addresses[row]);
		assert_int_equal(grid.rows[row].region_begins, row != 1);
	}
	heapgrid_done(&grid);
}

static void a_cell_for_several_pages(void **state)
{
	struct heapgrid grid;

	(void)state;
	assert_int_equal(heapgrid_init(&grid, &depth, 4, 1), 0);
	assert_int_equal(grid.pages_per_cell, 4);
	assert_int_equal(grid.rows_count, 4);
	assert_int_equal(grid.cells[0], 5); /* of 10, 10, 0, 0 */
	assert_int_equal(grid.cells[1], 2); /* of 5, 1, 0 */
	assert_int_equal(grid.cells[2], NONE);
	assert_int_equal(grid.cells[8], 0);
	heapgrid_done(&grid);
}

static void as_png(void **state)
{
	const char *directory = workdir_make();
	char path[300];
	png_image image = {.version = PNG_IMAGE_VERSION};
	uint8_t *pixels;

	(void)state;
	assert_non_null(directory);
	(void)snprintf(path, sizeof(path), "%s/map.png", directory);
	assert_int_equal(picture_write(&depth, path), 0);
	assert_true(png_image_begin_read_from_file(&image, path));
	image.format = PNG_FORMAT_RGB;
	/* Four rows and a gap before each but the first, of squares of 4 pixels. */
	assert_int_equal(image.width, 256 * 4);
	assert_int_equal(image.height, 7 * 4);
	pixels = malloc(PNG_IMAGE_SIZE(image));
	assert_non_null(pixels);
	assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
	/* Green, red, white behind the end. */
	assert_true(pixels[1] > pixels[0]);
	assert_true(pixels[3 * 2 * 4] > pixels[3 * 2 * 4 + 1]);
	assert_int_equal(pixels[3 * 7 * 4 + 1], 255);
	free(pixels);
	workdir_remove();
}

static void what_cannot_be_drawn(void **state)
{
	const struct profile_depth empty = {.page_bytes = 4096};

	(void)state;
	assert_int_equal(picture_write(&depth, "map.gif"), -EINVAL);
	assert_int_equal(picture_write(&depth, ".png"), -EINVAL);
	assert_int_equal(picture_write(&empty, "map.png"), -ENODATA);
	assert_int_equal(picture_write(&depth, "/nowhere/map.svg"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cell_a_page),
		cmocka_unit_test(a_cell_for_several_pages),
		cmocka_unit_test(as_png),
		cmocka_unit_test(what_cannot_be_drawn),
	};

	return cmocka_run_group_tests_name("heapgrid", tests, NULL, NULL);
}
