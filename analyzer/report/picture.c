/* SPDX-License-Identifier: MIT */
#include "picture.h"

#include <errno.h>
#include <inttypes.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "heapgrid.h"
#include "profile.h"

#define COLUMNS 256u
#define ROWS_MOST 4096u
#define GAP_ROWS 1u /* before a heap */

struct colour {
	uint8_t red, green, blue;
};

/* By class of occupancy. */
static const struct colour colours[] = {
	{200, 32, 32},	{226, 88, 24},	{236, 120, 24}, {242, 150, 28},
	{246, 178, 36}, {244, 204, 48}, {216, 210, 56}, {176, 204, 64},
	{132, 194, 72}, {84, 180, 80},	{32, 160, 88},
};

/* Small heaps get squares that can be seen. */
static unsigned square_pixels(size_t rows)
{
	return rows <= 256 ? 4 : rows <= 1024 ? 2 : 1;
}

static size_t gaps_before(const struct heapgrid *grid, size_t row)
{
	return row > 0 && grid->rows[row].region_begins ? GAP_ROWS : 0;
}

static size_t height_rows(const struct heapgrid *grid)
{
	size_t rows = grid->rows_count;

	for (size_t row = 0; row < grid->rows_count; row++)
		rows += gaps_before(grid, row);
	return rows;
}

/* ---- PNG --------------------------------------------------------------------------- */

static void paint_row(const struct heapgrid *grid, size_t row, unsigned square,
		      uint8_t *pixels)
{
	const uint8_t *cells = grid->cells + row * grid->columns;
	size_t stride = (size_t)3 * square * grid->columns;

	for (unsigned x = 0; x < grid->columns * square; x++) {
		uint8_t class = cells[x / square];

		if (class > HEAPGRID_FULL)
			break;
		pixels[3 * x] = colours[class].red;
		pixels[3 * x + 1] = colours[class].green;
		pixels[3 * x + 2] = colours[class].blue;
	}
	for (unsigned y = 1; y < square; y++)
		memcpy(pixels + y * stride, pixels, stride);
}

static int write_png(const struct heapgrid *grid, FILE *out)
{
	unsigned square = square_pixels(grid->rows_count);
	size_t stride = (size_t)3 * square * grid->columns;
	size_t rows = height_rows(grid), at = 0;
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = square * grid->columns,
		.height = (png_uint_32)(square * rows),
		.format = PNG_FORMAT_RGB,
	};
	uint8_t *pixels = malloc(rows * square * stride);
	int written;

	if (!pixels)
		return -ENOMEM;
	memset(pixels, 255, rows * square * stride);
	for (size_t row = 0; row < grid->rows_count; row++) {
		at += gaps_before(grid, row);
		paint_row(grid, row, square, pixels + at++ * square * stride);
	}
	written = png_image_write_to_stdio(&image, out, 0, pixels, 0, NULL);
	png_image_free(&image);
	free(pixels);
	return written ? 0 : -EIO;
}

/* ---- SVG --------------------------------------------------------------------------- */

/* Neighbours of one class are one rectangle. */
static void draw_row(const struct heapgrid *grid, size_t row, size_t y, unsigned square,
		     FILE *out)
{
	const uint8_t *cells = grid->cells + row * grid->columns;

	fprintf(out, "<g><title>0x%" PRIx64 "</title>\n", grid->rows[row].address);
	for (unsigned x = 0; x < grid->columns && cells[x] <= HEAPGRID_FULL;) {
		const struct colour *colour = &colours[cells[x]];
		unsigned end = x + 1;

		while (end < grid->columns && cells[end] == cells[x])
			end++;
		fprintf(out,
			"<rect x=\"%u\" y=\"%zu\" width=\"%u\" height=\"%u\" "
			"fill=\"#%02x%02x%02x\"/>\n",
			x * square, y * square, (end - x) * square, square, colour->red,
			colour->green, colour->blue);
		x = end;
	}
	fputs("</g>\n", out);
}

static int write_svg(const struct heapgrid *grid, FILE *out)
{
	unsigned square = square_pixels(grid->rows_count);
	size_t rows = height_rows(grid), y = 0;

	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%zu\" "
		"shape-rendering=\"crispEdges\">\n"
		"<title>Resident pages of the heap: red empty, green full; %" PRIu64
		" pages a square</title>\n",
		grid->columns * square, rows * square, grid->pages_per_cell);
	for (size_t row = 0; row < grid->rows_count; row++) {
		y += gaps_before(grid, row);
		draw_row(grid, row, y++, square, out);
	}
	fputs("</svg>\n", out);
	return 0;
}

/* ---- Both -------------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *end)
{
	size_t length = strlen(path), tail = strlen(end);

	return length > tail && strcasecmp(path + length - tail, end) == 0;
}

int picture_write(const struct profile_depth *depth, const char *path)
{
	bool png = ends_in(path, ".png");
	struct heapgrid grid;
	FILE *out;
	int error;

	if (!png && !ends_in(path, ".svg"))
		return -EINVAL;
	if (depth->pages_count == 0)
		return -ENODATA;
	error = heapgrid_init(&grid, depth, COLUMNS, ROWS_MOST);
	if (error)
		return error;
	out = fopen(path, "we");
	if (out) {
		error = png ? write_png(&grid, out) : write_svg(&grid, out);
		if (ferror(out))
			error = error ? error : -EIO;
		if (fclose(out) == EOF && !error)
			error = -errno;
	} else {
		error = -errno;
	}
	heapgrid_done(&grid);
	return error;
}
