/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PEI volume as measured, on Debian's images where they are installed. Expected digests are those of
 * event logs and of the memory of machines that QEMU 7.2 booted with swtpm; each log's PCR 0 was
 * compared with the TPM's.
 */
#include "refgen/firmware/internal.h"

#include <unistd.h>

#include "core/crypto.h"
#include "tests/unit/test.h"

/* Debian's images by name and digest; $OVMF_DIR may name another folder than that of the package. */
static const struct build {
	const char *code, *vars, *sha256;
} builds[] = {
	{"OVMF_CODE_4M.fd",       "OVMF_VARS_4M.fd",    /* Debian 12 */
	  "b157d97b1f69729514feb7f201d2cbe4957f23ab77920e361fe9f822ba49ca4c"},
	{ "OVMF_CODE_4M.ms.fd",   "OVMF_VARS_4M.ms.fd",
         "d50189a486d22af418198226a3a5bcb6ddac775590f6a808bd629474ee034d62"                                                     },
	{ "OVMF_CODE.fd",         "OVMF_VARS.fd",
         "d9b568def24088c92f34b5479e0ed7e44d0a4d4cea8a0f5716719180bba48106"                                                     },
	{ "OVMF_CODE.secboot.fd", "OVMF_VARS.ms.fd",
         "6ee6a5db7a1443d17594f1e00e3cf2a2250bc1c95c8f9101bc49c9977ce11a68"                                                     },
	{ "OVMF_CODE_4M.fd",      "OVMF_VARS_4M.fd",
         /* Debian 13 */ "624e06de18b4fa535e90db7160d00d3d07d206422b89999bf1e27d920264e4e0"                                     },
};
enum { NO_SMM, SMM, NO_SMM_2M, SMM_2M, DEBIAN_13 };

static const struct pei_case {
	const char *name;
	int build;
	struct firmware_facts facts;
	const char *sha256;
} cases[] = {
	{"one processor, 512 MiB",
         NO_SMM,    { .cpus = 1, .max_cpus = 1, .memory_mib = 512 },
         "4ba6627806be7604d879ebc1199d739d5cbaec2bd8adc7296da0733b84be208b"},
	{ "two processors, 3 GiB",
         NO_SMM,    { .cpus = 2, .max_cpus = 2, .memory_mib = 3072 },
         "a0b4f9100dd9c78ae235ba04b5b02e69dfbf5a49e85574ef0e07366f7ea6788e"},
	{ "S3",
         NO_SMM,    { .cpus = 1, .max_cpus = 1, .memory_mib = 512, .s3 = true },
         "05f50e00bfb1a99b8af5474be75405dd2d39d5dcdb482e22c32ce34d9db9f619"},
	{ "SMM",
         SMM,       { .cpus = 1, .max_cpus = 1, .memory_mib = 512, .tseg_mib = 16 },
         "a3eee5dccab8e28344d8a7a70c7d31c9507bf530a1d7b072bc1ce3832948ab76"},
	{ "SMM, two processors, 3 GiB",
         SMM,       { .cpus = 2, .max_cpus = 2, .memory_mib = 3072, .tseg_mib = 16 },
         "050edee0f832a168ec038ccfaee0dbb909ffd79b4175f012a14ade2efa611200"},
	{ "SMM and S3",
         SMM,       { .cpus = 1, .max_cpus = 1, .memory_mib = 512, .s3 = true, .tseg_mib = 16 },
         "be1619e3b77e08198bf339b003604eb26fcca038b7c567abb0649660695b3324"},
	{ "low memory above 2 GiB",
         NO_SMM,    { .cpus = 1, .max_cpus = 1, .memory_mib = 2304 },
         "8477e1e67d5e209005ef9900e1f24e795c0a5d009ae5377bd525fbc5aa3e56de"},
	{ "image of 2 MiB",
         NO_SMM_2M, { .cpus = 1, .max_cpus = 1, .memory_mib = 512 },
         "2c1d873d93003c8f042bc5cbf79b4d6dbb532e31e213a0f8ed8caec2d41ed158"},
	{ "image of 2 MiB with SMM",
         SMM_2M,    { .cpus = 1, .max_cpus = 1, .memory_mib = 512, .tseg_mib = 16 },
         "e447349b06ca3e47890aa5773e0236ab875f150979b7a157c27a2a1c1bac953c"},
	{ "processors to be plugged in",
         NO_SMM,    { .cpus = 1, .max_cpus = 4, .memory_mib = 512 },
         "f3fcc8ac148f48a6b1e5dba91719dd6168111192282cedf2ec60fbb62e8bee6b"},
	{ "i440fx",
         NO_SMM,    { .i440fx = true, .cpus = 1, .max_cpus = 1, .memory_mib = 512 },
         "210f477c046962a4cd2cac44668b69ca2a35dbb643d65c0f8a51fbabb9b2d581"},
	{ "image of 2 MiB, S3, two processors",
         NO_SMM_2M, { .cpus = 2, .max_cpus = 2, .memory_mib = 512, .s3 = true },
         "2e1f73d63db37eb453adcf33a614a1a873f76c2b9a35545c8c50547d3ae68daf"},
	{ "i440fx, 4 GiB, S3",
         NO_SMM,    { .i440fx = true, .cpus = 1, .max_cpus = 1, .memory_mib = 4096, .s3 = true },
         "4a54dfbf3c21a9ebfa3e90cb2f41dbe8a1ab2f06f8cd1915c3dba2cc10f67bea"},
	{ "SMM and S3, two processors",
         SMM,       { .cpus = 2, .max_cpus = 2, .memory_mib = 512, .s3 = true, .tseg_mib = 16 },
         "bbd89be7dbf4312f4f1fdfa103a3f87f62e19e049f0e7909d9e300bf9297c792"},
	{ "S3, two processors",
         NO_SMM,    { .cpus = 2, .max_cpus = 2, .memory_mib = 512, .s3 = true },
         "261e16586bfbe10e0c37112d2661d8da4fdd11d25e42b33a9e87c414ab7f98e6"},
	{ "40 GiB",
         NO_SMM,    { .cpus = 1, .max_cpus = 1, .memory_mib = 40960 },
         "e615c2ce839755cf5a11a8261c0f9ea7e61a720302fe34d7fdb5e8079caf10ca"},
	{ "2025.02",
         DEBIAN_13, { .cpus = 1, .max_cpus = 1, .memory_mib = 512 },
         "a386f05738e11e7b8c253dc47b96bfc66d3d9ce62ee7b30ee3d4a6c5215e7e4e"},
	{ "2025.02, two processors, 3 GiB, S3",
         DEBIAN_13, { .cpus = 2, .max_cpus = 2, .memory_mib = 3072, .s3 = true },
         "a386f05738e11e7b8c253dc47b96bfc66d3d9ce62ee7b30ee3d4a6c5215e7e4e"},
	{ "2025.02, i440fx",
         DEBIAN_13, { .i440fx = true, .cpus = 1, .max_cpus = 1, .memory_mib = 512 },
         "448113fdbd7054a1504acf913bf8d7d90ae2d1246ae1c9aab50490e539c242e7"},
};

static struct bytes ovmf_file(const char *name)
{
	const char *dir = getenv("OVMF_DIR");
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir && *dir ? dir : "/usr/share/OVMF", name);
	return access(path, R_OK) < 0 ? bytes_of(NULL, 0) : test_file(path);
}

static void assert_sha256(struct hasher *hasher, struct bytes bytes, const char *expected)
{
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;
	struct error err;

	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, bytes, &digest, &err), 0);
	assert_string_equal(digest_hex(&digest, hex), expected);
}

/* True if this build is installed. */
static bool is_build(struct hasher *hasher, struct bytes code, const struct build *build)
{
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;
	struct error err;

	if (code.size == 0)
		return false;
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, code, &digest, &err), 0);
	return strcmp(digest_hex(&digest, hex), build->sha256) == 0;
}

static void pei_volume(void **state)
{
	const struct pei_case *row = *state;
	const struct build *build = &builds[row->build];
	AUTO(firmware_clear) struct firmware firmware = { 0 };
	AUTO(varstore_clear) struct varstore store = { 0 };
	AUTO(buf_clear) struct buf volume = BUF_INIT;
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	struct bytes code = ovmf_file(build->code), vars = ovmf_file(build->vars);
	const char *reason = "";
	struct error err = { 0 };
	uint32_t used = 0;

	assert_int_equal(hasher_new(&hasher, &err), 0);
	if (!is_build(hasher, code, build) || vars.size == 0) {
		test_drop(code);
		test_drop(vars);
		hasher_free(TAKE(hasher));
		skip();
	}
	if (firmware_open(code, build->code, &firmware, &err) < 0 ||
	    varstore_parse(vars, build->vars, &store, &err) < 0)
		fail_msg("%s: %s", err.source, err.message);
	assert_int_equal(firmware_pei_volume(&firmware, &row->facts, &store, &volume, &used,
					     &reason, &err),
			 1);
	assert_sha256(hasher, buf_bytes(&volume), row->sha256);
	assert_int_equal(firmware.pei.base, 0x820000);
	assert_int_equal(firmware.dxe.base, 0x900000);
	assert_true(firmware.version_known);
	assert_int_equal(firmware.version.size, row->build == DEBIAN_13 ? 34 : 0);
	assert_int_equal(firmware.measures_acpi, row->build == DEBIAN_13);
	assert_int_equal(firmware.secure_boot, row->build != DEBIAN_13);
	assert_int_equal(firmware.smm, row->build == SMM || row->build == SMM_2M);
	assert_false(firmware.measures_smbios);
	assert_true(firmware.ui.present && firmware.shell.present);
	assert_int_equal(!!(used & 1u << FACT_TSEG), firmware.smm);
	test_drop(code);
	test_drop(vars);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, pei_volume, cases);
	return test_run(&tests, "refgen/firmware/pei");
}
