/* SPDX-License-Identifier: BSD-2-Clause */
/* A boot without firmware, of one program: predicted twice, and whichever allocation fails. */
#include "refgen/boot/boot.h"

#include <unistd.h>

#include "core/file.h"
#include "core/own.h"
#include "tests/unit/refgen/pe/build.h"
#include "tests/unit/test.h"

/* A program that nobody knows, with a signature that is none: it may run with Secure Boot on, or off. */
static void make_program(const char *path)
{
	struct build build = {
		.sections = {{ ".text", bytes_of_string("code"), 0 },
                             { ".sbat", bytes_of_string("sbat,1,x,y,1,z\napp,3,x,y,1,z\n"), 0 }}
	};
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct error err = { 0 };

	build.signatures[0] = bytes_of_string("0\1\2\3");
	build_pe(&build, &out);
	assert_int_equal(file_write(path, buf_bytes(&out), &err), 0);
}

static void both_states(void **state)
{
	char path[] = "/tmp/assay-boot-XXXXXX";
	const char *paths[] = { path };
	const struct boot_inputs inputs = { .paths = paths, .n_paths = 1 };
	AUTO(boot_freep) struct boot *boot = NULL;
	AUTO(arena_clear) struct arena arena = { 0 };
	const struct boot_profile *profiles;
	struct boot_image *images;
	struct error err = { 0 };
	size_t n;

	(void)state;
	close(mkstemp(path));
	make_program(path);
	if (boot_predict(&inputs, &boot, &err) < 0)
		fail_msg("%s", err.message);
	profiles = boot_profiles(boot, &n);
	assert_int_equal(n, 2);
	assert_string_equal(profiles[0].profile.name, "Secure Boot on");
	assert_string_equal(profiles[1].profile.name, "Secure Boot off");
	assert_int_equal(boot_images(boot, &arena, &images, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(images[0].sbat_state, SBAT_READ);
	assert_int_equal(images[0].n_sbat, 2);
	assert_int_equal(images[0].sbat[1].generation, 3);
	assert_int_equal(images[0].n_signatures, 1);
	unlink(path);
}

static void without_memory(void **state)
{
	char path[] = "/tmp/assay-boot-XXXXXX";
	const char *paths[] = { path };
	const struct boot_inputs inputs = { .paths = paths, .n_paths = 1 };
	bool done = false;

	(void)state;
	close(mkstemp(path));
	make_program(path);
	for (unsigned n = 1; !done; n++) {
		AUTO(boot_freep) struct boot *boot = NULL;
		AUTO(arena_clear) struct arena arena = { 0 };
		struct boot_image *images;
		struct error err = { 0 };
		size_t n_images;
		int status;

		test_alloc_fail(n);
		status = boot_predict(&inputs, &boot, &err);
		if (status == 0)
			status = boot_images(boot, &arena, &images, &n_images, &err);
		done = !test_alloc_failed();
		test_alloc_fail(0);
		if (done)
			assert_int_equal(status, 0);
		if (status < 0) {
			assert_int_equal(err.code, ERROR_SYSTEM);
			continue;
		}
		/* A block that could not be made smaller is kept as it is. */
		boot_profiles(boot, &n_images);
		assert_int_equal(n_images, 2);
	}
	unlink(path);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, both_states);
	TEST(&tests, without_memory);
	return test_run(&tests, "refgen/boot");
}
