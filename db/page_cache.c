/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/page_cache.h"

#include <pthread.h>
#include <sqlite3.h>

#include "db/large.h"

static pthread_once_t page_cache_once = PTHREAD_ONCE_INIT;

static void begin(void)
{
	const size_t size = (size_t)PAGE_CACHE_KIB << 10;
	struct large memory = { NULL, NULL };
	int head;

	if (sqlite3_config(SQLITE_CONFIG_PCACHE_HDRSZ, &head) != SQLITE_OK ||
	    large_take(&memory, size, NULL) < 0)
		return;
	head = (head + 7) / 8 * 8;
	if (sqlite3_config(SQLITE_CONFIG_PAGECACHE, memory.at, PAGE_SIZE_NEW + head,
			   (int)(size / (size_t)(PAGE_SIZE_NEW + head))) != SQLITE_OK)
		large_free(&memory);
}

void page_cache_begin(void)
{
	pthread_once(&page_cache_once, begin);
}
