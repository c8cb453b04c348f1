/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page_cache: memory for the pages that SQLite holds while it imports, taken at once and in large pages where
 * the system has them. Page by page from the heap each costs a fault when it is first touched: of an
 * import of headers those were a seventh.
 *
 * Threads: it is SQLite's, so the whole process has one. The first import of a process gets it, before
 *          any other thread uses SQLite; if SQLite was in use already, pages come from the heap as ever.
 */
#ifndef DB_PAGE_CACHE_H
#define DB_PAGE_CACHE_H

#define PAGE_CACHE_KIB 16384

/* Of a new database. The prints of some artifacts share a page, so an audit reads a third as many. */
#define PAGE_SIZE_NEW 16384

/* Gives SQLite the memory, unless it has it. It is kept until the process ends. */
void page_cache_begin(void);

#endif
