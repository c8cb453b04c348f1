/* SPDX-License-Identifier: BSD-2-Clause */
/* Device paths from text. The bytes are those that OVMF measured of QEMU's devices. */
#include "refgen/firmware/firmware.h"
#include "tests/unit/test.h"

#define MAC  "030b25005254006d6201" ZEROS26 "01"
#define IPV4 "030c1b00" ZEROS23
#define IPV6                                                                                       \
	"030d3c00" ZEROS26 "00000000000000000000000000"                                            \
	"40" ZEROS16
#define URI     "03180400"
#define ZEROS16 "00000000000000000000000000000000"
#define ZEROS23 ZEROS16 "00000000000000"
#define ZEROS26 ZEROS16 "00000000000000000000"

static const struct good_case {
	const char *text, *hex;
} good_cases[] = {
	{"Scsi(0x3,0x1)",								   "0302080003000100"                },
	{ "Scsi(3,1)",								      "0302080003000100"                },
	{ "Scsi(0xFFFF,65535)",							     "03020800ffffffff"                },
	{ "Sata(0x2,0xFFFF,0x0)",							   "03120a000200ffff0000"            },
	{ "NVMe(0x1,00-00-00-00-00-00-00-00)",                                              "03171000010000000000000000000000"},
	{ "NVMe(0x1,52-54-00-00-00-00-AB-01)",                                              "031710000100000001ab000000005452"},
	{ "MAC(5254006d6201,0x1)",							  MAC                               },
	{ "MAC(52:54:00:6D:62:01,1)",						       MAC                               },
	{ "MAC(5254006d6201,0x1)/IPv4(0.0.0.0)",                                            MAC IPV4                          },
	{ "MAC(5254006d6201,0x1)/IPv4(0.0.0.0,other,DHCP,0.0.0.0,0.0.0.0,0.0.0.0)",         MAC IPV4                          },
	{ "MAC(5254006d6201,0x1)/IPv4(0.0.0.0)/Uri()",                                      MAC IPV4 URI                      },
	{ "MAC(5254006d6201,0x1)/IPv6(0:0:0:0:0:0:0:0)",                                    MAC IPV6                          },
	{ "MAC(5254006d6201,0x1)/IPv6(0:0:0:0:0:0:0:0,other,Static,0:0:0:0:0:0:0:0)/Uri()",
         MAC IPV6 URI													 },
};

static void good(void **state)
{
	const struct good_case *row = *state;
	AUTO(buf_clear) struct buf out = BUF_INIT;
	AUTO(buf_clear) struct buf hex = BUF_INIT;

	assert_int_equal(devpath_append_text(&out, row->text), 0);
	buf_append_hex(&hex, buf_bytes(&out));
	assert_string_equal((const char *)hex.data, row->hex);
}

static const char *const bad_texts[] = {
	"",
	"/",
	"Scsi",
	"Scsi(",
	"Scsi)",
	")Scsi(",
	"Scsi()",
	"Scsi(1)",
	"Scsi(1,2,3)",
	"Scsi(1,2)/",
	"Scsi(1,2)x",
	"Scsi(1,2)Scsi(1,2)",
	"/Scsi(1,2)",
	" Scsi(1,2)",
	"Scsi(1, 2)",
	"Scsi(-1,2)",
	"Scsi(0x,2)",
	"Scsi(0xg,2)",
	"Scsi(a,2)",
	"Scsi(65536,0)",
	"Scsi(0x10000,0)",
	"Scsi(18446744073709551617,0)",
	"scsi(1,2)",
	"Sata(1,2)",
	"NVMe(1)",
	"NVMe(1,00-00-00-00-00-00-00)",
	"NVMe(1,00:00:00:00:00:00:00:00)",
	"NVMe(0x100000000,00-00-00-00-00-00-00-00)",
	"NVMe(1,0g-00-00-00-00-00-00-00)",
	"MAC(5254006d62,1)",
	"MAC(5254006d6201,2)",
	"MAC(52-54-00-6d-62-01,1)",
	"IPv4(10.0.0.1)",
	"IPv6(0:0:0:0:0:0:0:1)",
	"Uri(http://example.org/)",
	"HD(1,GPT)",
	"Scsi(1,2,3,4,5,6,7)",
};

static void bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_texts); i++) {
		AUTO(buf_clear) struct buf out = BUF_INIT;

		if (devpath_append_text(&out, bad_texts[i]) == 0)
			fail_msg("\"%s\" was taken", bad_texts[i]);
	}
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(good_cases) + 1];

	for (size_t i = 0; i < ARRAY_SIZE(good_cases); i++)
		tests[i] =
			(struct CMUnitTest){ .name = good_cases[i].text,
					     .test_func = good,
					     .initial_state = (void *)(uintptr_t)&good_cases[i] };
	tests[ARRAY_SIZE(good_cases)] = (struct CMUnitTest)cmocka_unit_test(bad);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
