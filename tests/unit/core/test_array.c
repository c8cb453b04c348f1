/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/array.h"
#include "tests/unit/test.h"

static void grows(void **state)
{
	AUTO(own_free) uint32_t *items = NULL;
	size_t capacity = 0;
	struct error err = { 0 };

	(void)state;
	for (uint32_t n = 0; n < 1000; n++) {
		assert_int_equal(array_room(&items, n, &capacity, sizeof(*items), NULL, &err), 0);
		assert_true(capacity > n);
		items[n] = n;
	}
	for (uint32_t n = 0; n < 1000; n++)
		assert_int_equal(items[n], n);
}

static void stays_where_there_is_room(void **state)
{
	AUTO(own_free) char *items = malloc(4);
	char *before = items;
	size_t capacity = 4;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(array_room(&items, 3, &capacity, 1, NULL, &err), 0);
	assert_ptr_equal(items, before);
	assert_int_equal(capacity, 4);
}

/* More than there is, and more than a size can say. */
static void fails_whole(void **state)
{
	static const struct {
		size_t capacity, item_size;
	} cases[] = {
		{SIZE_MAX / 2 + 1, 1       },
		{ 8,               SIZE_MAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(own_free) char *items = malloc(4);
		char *before = items;
		size_t capacity = cases[i].capacity;
		struct error err = { 0 };

		assert_int_equal(array_room(&items, capacity, &capacity, cases[i].item_size, "list",
					    &err),
				 -1);
		assert_int_equal(err.code, ERROR_SYSTEM);
		assert_ptr_equal(items, before);
		assert_int_equal(capacity, cases[i].capacity);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows),
		cmocka_unit_test(stays_where_there_is_room),
		cmocka_unit_test(fails_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
