/* SPDX-License-Identifier: MIT */
/*
 * picture.h - the map of the heap as a picture: a square a page, PNG or SVG.
 *
 * Rows of 256 pages (a mebibyte, with pages of 4 KiB) in order of address, each heap on
 * rows of its own with a gap before it; red where nothing lives on a page, over yellow to
 * green where it is full. Above 4,096 rows a square stands for several pages.
 * Threads: none. Memory: the picture's pixels while it is written.
 */
#ifndef PICTURE_H
#define PICTURE_H

struct profile_depth;

/* Writes the map to a file, whose name ends in .png or .svg. Returns 0; -EINVAL: it ends
 * otherwise; -ENODATA: no page is resident; -ENOMEM, -EIO, or what opening says. */
int picture_write(const struct profile_depth *depth, const char *path);

#endif
