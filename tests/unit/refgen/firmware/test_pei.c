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

#define OVMF "/usr/share/OVMF/"

static const struct pei_case {
	const char *name, *code, *vars;
	struct firmware_facts facts;
	const char *sha256;
} cases[] = {
	{"one processor, 512 MiB",
         "OVMF_CODE_4M.fd",      "OVMF_VARS_4M.fd",
         { .cpus = 1, .max_cpus = 1, .memory_mib = 512 },
         "4ba6627806be7604d879ebc1199d739d5cbaec2bd8adc7296da0733b84be208b"},
	{ "two processors, 3 GiB",
         "OVMF_CODE_4M.fd",      "OVMF_VARS_4M.fd",
         { .cpus = 2, .max_cpus = 2, .memory_mib = 3072 },
         "a0b4f9100dd9c78ae235ba04b5b02e69dfbf5a49e85574ef0e07366f7ea6788e"},
	{ "S3",
         "OVMF_CODE_4M.fd",      "OVMF_VARS_4M.fd",
         { .cpus = 1, .max_cpus = 1, .memory_mib = 512, .s3 = true },
         "05f50e00bfb1a99b8af5474be75405dd2d39d5dcdb482e22c32ce34d9db9f619"},
	{ "SMM",
         "OVMF_CODE_4M.ms.fd",   "OVMF_VARS_4M.ms.fd",
         { .cpus = 1, .max_cpus = 1, .memory_mib = 512, .tseg_mib = 16 },
         "a3eee5dccab8e28344d8a7a70c7d31c9507bf530a1d7b072bc1ce3832948ab76"},
	{ "SMM, two processors, 3 GiB",
         "OVMF_CODE_4M.ms.fd",   "OVMF_VARS_4M.ms.fd",
         { .cpus = 2, .max_cpus = 2, .memory_mib = 3072, .tseg_mib = 16 },
         "050edee0f832a168ec038ccfaee0dbb909ffd79b4175f012a14ade2efa611200"},
	{ "SMM and S3",
         "OVMF_CODE_4M.ms.fd",   "OVMF_VARS_4M.ms.fd",
         { .cpus = 1, .max_cpus = 1, .memory_mib = 512, .s3 = true, .tseg_mib = 16 },
         "be1619e3b77e08198bf339b003604eb26fcca038b7c567abb0649660695b3324"},
	{ "low memory above 2 GiB",
         "OVMF_CODE_4M.fd",      "OVMF_VARS_4M.fd",
         { .cpus = 1, .max_cpus = 1, .memory_mib = 2304 },
         "8477e1e67d5e209005ef9900e1f24e795c0a5d009ae5377bd525fbc5aa3e56de"},
	{ "image of 2 MiB",
         "OVMF_CODE.fd",         "OVMF_VARS.fd",
         { .cpus = 1, .max_cpus = 1, .memory_mib = 512 },
         "2c1d873d93003c8f042bc5cbf79b4d6dbb532e31e213a0f8ed8caec2d41ed158"},
	{ "image of 2 MiB with SMM",
         "OVMF_CODE.secboot.fd", "OVMF_VARS.ms.fd",
         { .cpus = 1, .max_cpus = 1, .memory_mib = 512, .tseg_mib = 16 },
         "e447349b06ca3e47890aa5773e0236ab875f150979b7a157c27a2a1c1bac953c"},
	{ "processors to be plugged in",
         "OVMF_CODE_4M.fd",      "OVMF_VARS_4M.fd",
         { .cpus = 1, .max_cpus = 4, .memory_mib = 512 },
         "f3fcc8ac148f48a6b1e5dba91719dd6168111192282cedf2ec60fbb62e8bee6b"},
	{ "i440fx",
         "OVMF_CODE_4M.fd",      "OVMF_VARS_4M.fd",
         { .i440fx = true, .cpus = 1, .max_cpus = 1, .memory_mib = 512 },
         "210f477c046962a4cd2cac44668b69ca2a35dbb643d65c0f8a51fbabb9b2d581"},
	{ "image of 2 MiB, S3, two processors",
         "OVMF_CODE.fd",         "OVMF_VARS.fd",
         { .cpus = 2, .max_cpus = 2, .memory_mib = 512, .s3 = true },
         "2e1f73d63db37eb453adcf33a614a1a873f76c2b9a35545c8c50547d3ae68daf"},
	{ "i440fx, 4 GiB, S3",
         "OVMF_CODE_4M.fd",      "OVMF_VARS_4M.fd",
         { .i440fx = true, .cpus = 1, .max_cpus = 1, .memory_mib = 4096, .s3 = true },
         "4a54dfbf3c21a9ebfa3e90cb2f41dbe8a1ab2f06f8cd1915c3dba2cc10f67bea"},
	{ "SMM and S3, two processors",
         "OVMF_CODE_4M.ms.fd",   "OVMF_VARS_4M.ms.fd",
         { .cpus = 2, .max_cpus = 2, .memory_mib = 512, .s3 = true, .tseg_mib = 16 },
         "bbd89be7dbf4312f4f1fdfa103a3f87f62e19e049f0e7909d9e300bf9297c792"},
	{ "S3, two processors",
         "OVMF_CODE_4M.fd",      "OVMF_VARS_4M.fd",
         { .cpus = 2, .max_cpus = 2, .memory_mib = 512, .s3 = true },
         "261e16586bfbe10e0c37112d2661d8da4fdd11d25e42b33a9e87c414ab7f98e6"},
};

static struct bytes ovmf_file(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), OVMF "%s", name);
	if (access(path, R_OK) < 0)
		skip();
	return test_file(path);
}

static void pei_volume(void **state)
{
	const struct pei_case *row = *state;
	AUTO(firmware_clear) struct firmware firmware = { 0 };
	AUTO(varstore_clear) struct varstore store = { 0 };
	AUTO(buf_clear) struct buf volume = BUF_INIT;
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	struct bytes code = ovmf_file(row->code), vars = ovmf_file(row->vars);
	char hex[DIGEST_HEX_SIZE];
	const char *reason = "";
	struct digest digest;
	struct error err = { 0 };
	uint32_t used = 0;

	if (firmware_open(code, row->code, &firmware, &err) < 0 ||
	    varstore_parse(vars, row->vars, &store, &err) < 0)
		fail_msg("%s: %s", err.source, err.message);
	assert_int_equal(firmware_pei_volume(&firmware, &row->facts, &store, &volume, &used,
					     &reason, &err),
			 1);
	assert_int_equal(firmware.pei.base, 0x820000);
	assert_int_equal(firmware.dxe.base, 0x900000);
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, buf_bytes(&volume), &digest, &err),
			 0);
	assert_string_equal(digest_hex(&digest, hex), row->sha256);
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
