/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/rpm/inputs.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"

static char scratch[TEST_FOLDER_SIZE];

static void file(const char *name)
{
	char path[TEST_FOLDER_SIZE + 64];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fclose(out);
}

static void folder(const char *name)
{
	char path[TEST_FOLDER_SIZE + 64];

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void symbolic(const char *target, const char *name)
{
	char path[TEST_FOLDER_SIZE + 64];

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	assert_int_equal(symlink(target, path), 0);
}

/* A repository: two folders with packages, what is no package, and links. */
static int make_tree(void **state)
{
	(void)state;
	test_folder_make(scratch);
	folder("x86_64");
	folder("noarch");
	folder("repodata");
	folder("empty");
	file("x86_64/b-1.rpm");
	file("x86_64/c-1.rpm");
	file("noarch/a-1.rpm");
	file("noarch/c-1.rpm");
	file("noarch/.rpm");
	file("repodata/primary.xml");
	symbolic("../x86_64/b-1.rpm", "noarch/again.rpm");
	symbolic("nowhere", "noarch/dangling.rpm");
	symbolic("..", "noarch/up");
	return 0;
}

static int remove_tree(void **state)
{
	(void)state;
	test_folder_drop(scratch);
	return 0;
}

struct failures {
	unsigned n;
	struct error last;
	char last_path[256];
};

static void failed(void *ctx, const char *path, const struct error *why)
{
	struct failures *failures = ctx;

	assert_string_equal(why->source, path);
	failures->n++;
	failures->last = *why;
	snprintf(failures->last_path, sizeof(failures->last_path), "%s", path);
}

static void add(struct rpm_inputs *inputs, const char *name, struct failures *failures)
{
	char path[TEST_FOLDER_SIZE + 64];

	snprintf(path, sizeof(path), "%s%s%s", scratch, *name ? "/" : "", name);
	assert_int_equal(rpm_inputs_add(inputs, path, failed, failures, NULL), 0);
}

static void is(const struct rpm_inputs *inputs, size_t index, const char *name)
{
	assert_true(index < inputs->n_items);
	assert_string_equal(rpm_inputs_path(inputs, index) + strlen(scratch) + 1, name);
}

static void tree_sorted_by_base_name(void **state)
{
	AUTO(rpm_inputs_clear) struct rpm_inputs inputs = { 0 };
	struct failures failures = { 0 };

	(void)state;
	add(&inputs, "", &failures);
	rpm_inputs_sort(&inputs);
	/* A package that is a link to nothing is missing, and that is told. */
	assert_int_equal(failures.n, 1);
	assert_non_null(strstr(failures.last_path, "/noarch/dangling.rpm"));
	assert_int_equal(failures.last.code, ERROR_INPUT);
	assert_int_equal(inputs.n_items, 4);
	is(&inputs, 0, "noarch/a-1.rpm");
	is(&inputs, 1, "noarch/again.rpm"); /* the same file as x86_64/b-1.rpm, which is left out */
	is(&inputs, 2, "noarch/c-1.rpm");
	is(&inputs, 3, "x86_64/c-1.rpm");
}

static void order_of_arguments_does_not_matter(void **state)
{
	AUTO(rpm_inputs_clear) struct rpm_inputs inputs = { 0 };
	struct failures failures = { 0 };

	(void)state;
	add(&inputs, "x86_64/c-1.rpm", &failures);
	add(&inputs, "x86_64", &failures);
	add(&inputs, "noarch/c-1.rpm", &failures);
	add(&inputs, "x86_64/../noarch/a-1.rpm", &failures);
	rpm_inputs_sort(&inputs);
	assert_int_equal(failures.n, 0);
	assert_int_equal(inputs.n_items, 4);
	is(&inputs, 0, "x86_64/../noarch/a-1.rpm");
	is(&inputs, 1, "x86_64/b-1.rpm");
	is(&inputs, 2, "noarch/c-1.rpm");
	is(&inputs, 3, "x86_64/c-1.rpm");
}

static void what_is_not_there_is_told(void **state)
{
	AUTO(rpm_inputs_clear) struct rpm_inputs inputs = { 0 };
	struct failures failures = { 0 };

	(void)state;
	add(&inputs, "x86_64/d-1.rpm", &failures);
	assert_int_equal(failures.n, 1);
	assert_int_equal(failures.last.code, ERROR_INPUT);
	add(&inputs, "empty", &failures);
	assert_int_equal(failures.n, 2);
	assert_non_null(strstr(failures.last.message, "no *.rpm"));
	add(&inputs, "repodata", &failures);
	assert_int_equal(failures.n, 3);
	rpm_inputs_sort(&inputs);
	assert_int_equal(inputs.n_items, 0);
}

/* A file is taken by whatever name it was given. */
static void named_files_need_no_suffix(void **state)
{
	AUTO(rpm_inputs_clear) struct rpm_inputs inputs = { 0 };
	struct failures failures = { 0 };

	(void)state;
	add(&inputs, "repodata/primary.xml", &failures);
	assert_int_equal(failures.n, 0);
	assert_int_equal(inputs.n_items, 1);
}

int main(void)
{
	struct test_list tests = { 0 };
	int failures;

	make_tree(NULL);
	TEST(&tests, tree_sorted_by_base_name);
	TEST(&tests, order_of_arguments_does_not_matter);
	TEST(&tests, what_is_not_there_is_told);
	TEST(&tests, named_files_need_no_suffix);
	failures = test_run(&tests, "refgen/rpm/inputs");
	return remove_tree(NULL) != 0 ? 1 : failures;
}
