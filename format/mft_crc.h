/* SPDX-License-Identifier: MIT */
/*
 * mft_crc.h - CRC32C, the checksum of a dump's chunks and header.
 *
 * The polynomial 1EDC6F41, reflected, begun with ones and complemented at the end: that of
 * iSCSI (RFC 3720, 12.1), of which x86-64 has an instruction. Any change of one to three
 * bits, and any of 32 bits in a row, changes it in as much as a chunk can hold (P. Koopman,
 * "32-Bit Cyclic Redundancy Codes for Internet Applications", 2002).
 * Guarantees: no allocation, no floating point or vector register, nothing but its
 * arguments is read; safe in signal handlers and from any number of threads.
 * Not here: what is covered (mft_seal.h).
 */
#ifndef MFT_CRC_H
#define MFT_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Goes on behind what gave crc (0: nothing yet) with `bytes` more. */
uint32_t mft_crc32c(uint32_t crc, const void *data, size_t bytes);

/* The same by tables alone, on any processor. */
uint32_t mft_crc32c_by_table(uint32_t crc, const void *data, size_t bytes);

#endif
