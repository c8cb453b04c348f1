/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the PEI modules have written into their own volume when Tcg2Pei hashes it. Which variables
 * those are depends on the release, and where they lie on the build: volumes are known by the digest
 * of what the image holds. Others are not guessed at.
 *
 * edk2 2022.05 to 2022.11: mPlatformInfoHob of PlatformPei, 138 packed bytes, and behind it two
 * bytes of QemuFwCfgLib; builds for SMM: the table of memory types as well.
 * edk2 2025.02, not for SMM: the port of the ACPI timer, four bytes of the PEI core's AcpiTimerLib.
 * Builds for SMM patch addresses near the end of memory into code; they are not known here.
 * Source: OvmfPkg/Include/Library/PlatformInitLib.h, OvmfPkg/Library/PlatformInitLib/MemDetect.c and
 * Platform.c, OvmfPkg/PlatformPei/MemTypeInfo.c of those releases; memory of running machines.
 */
#include "core/crypto.h"
#include "refgen/firmware/internal.h"

#define PLATFORM_INFO_SIZE 140 /* with the two bytes of QemuFwCfgLib */
#define MIB                (UINT64_C(1) << 20)
#define GIB                (UINT64_C(1) << 30)

#define HOST_BRIDGE_Q35    0x29c0
#define HOST_BRIDGE_I440FX 0x1237

static const struct guid guid_memory_types =
	GUID(0x4c19049f, 0x4137, 0x4dd3, 0x9c, 0x10, 0x8b, 0x97, 0xa8, 0x3f, 0xfd, 0xfa);

/* The known volumes, by the SHA-256 of the volume in the image. */
static const struct pei_layout {
	const char *sha256;
	uint32_t platform_info; /* offset of mPlatformInfoHob in the volume; 0: none */
	uint32_t memory_types;  /* offset of the table, of builds for SMM; 0: not written to */
	uint32_t timer_port;    /* offset of mAcpiTimerIoAddr; 0: none */
} layouts[] = {
  /* Debian 12, ovmf 2022.11-6+deb12u2: OVMF_CODE_4M.fd */
	{.sha256 = "471281a7d197d12ac61a810e5150b9b5ddc47be78ef0c24af7a8192c81b3a808",
         .platform_info = 0xe0c0							 },
 /* the same: OVMF_CODE_4M.ms.fd */
	{ .sha256 = "dd099b33f9e54526542b92036e12aed1af73d17f0cdeaa12ab02b1030953ac4c",
         .platform_info = 0xe0c0,
         .memory_types = 0xe080 },
 /* the same: OVMF_CODE.fd */
	{ .sha256 = "18e2c1cc4960c2694c162e8e756fbf467aaeceee7dbfe1e1dd919ffb2cd9a9d2",
         .platform_info = 0xefc0},
 /* the same: OVMF_CODE.secboot.fd */
	{ .sha256 = "2e571db1989a97dbacc3bf4563af4a4e681a8bb16394c98e0018432ebc9115d1",
         .platform_info = 0xefc0,
         .memory_types = 0xef60 },
 /* Debian 13, ovmf 2025.02-8+deb13u1: OVMF_CODE_4M.fd */
	{ .sha256 = "acc7cc32f3e05161d1620022562909c284f700d73082cf7ac159451a3f7c7212",
         .timer_port = 0x6e50						       },
};

static int find_layout(struct bytes volume, const struct pei_layout **out, struct error *err)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;

	*out = NULL;
	if (hasher_new(&hasher, err) < 0 ||
	    hasher_digest_bytes(hasher, ALG_SHA256, volume, &digest, err) < 0)
		return -1;
	digest_hex(&digest, hex);
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		if (strcmp(layouts[i].sha256, hex) == 0)
			*out = &layouts[i];
	return 0;
}

static void put(uint8_t *at, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t align_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

/* Largest power of two that is not larger; value is not 0. */
static uint64_t power_of_two(uint64_t value)
{
	return UINT64_C(1) << (63 - __builtin_clzll(value));
}

/* --- the address map ------------------------------------------------------------------------- */

/* How QEMU splits memory around 4 GiB (hw/i386/pc_q35.c, pc_piix.c; machine types since 2.0). */
static void split_memory(const struct firmware_facts *facts, uint64_t *low, uint64_t *high)
{
	uint64_t memory = facts->memory_mib * MIB;
	uint64_t limit = facts->i440fx ? 0xe0000000 : 0xb0000000;

	*low = memory < limit ? memory : facts->i440fx ? 3 * GIB : 2 * GIB;
	*high = memory - *low;
}

struct address_map {
	uint64_t low;               /* end of memory below 4 GiB */
	uint64_t first_non_address; /* end of all that can be addressed */
	unsigned width;             /* address bits */
	uint64_t uncached_base, uncached_size;
	uint64_t mmio64_base, mmio64_size;
	uint64_t mmio32_base, mmio32_size;
	uint64_t io_base, io_size;
};

/* PlatformGetFirstNonAddress and PlatformAddressWidthInitialization: a window of 32 GiB above all
 * memory, aligned to its size. */
static void place_mmio64(struct address_map *map, uint64_t high)
{
	map->mmio64_size = 32 * GIB;
	map->mmio64_base = align_up(4 * GIB + high, map->mmio64_size);
	map->first_non_address = map->mmio64_base + map->mmio64_size;
	map->width = 64 - (unsigned)__builtin_clzll(map->first_non_address - 1);
	if (map->width < 36)
		map->width = 36;
}

static struct address_map make_address_map(const struct firmware_facts *facts)
{
	const uint64_t pcie_base = 0xb0000000; /* PcdPciExpressBaseAddress */
	struct address_map map = { 0 };
	uint64_t high;

	split_memory(facts, &map.low, &high);
	place_mmio64(&map, high);
	if (facts->i440fx) {
		map.uncached_size = power_of_two(4 * GIB - map.low);
		map.uncached_base = 4 * GIB - map.uncached_size;
		map.mmio32_base = map.uncached_base;
		map.io_base = 0xc000;
		map.io_size = 0x4000;
	} else {
		map.uncached_base = map.low <= 2 * GIB ? 2 * GIB : pcie_base;
		map.mmio32_base = pcie_base + 256 * MIB;
		map.io_base = 0x6000;
		map.io_size = 0xa000;
	}
	map.mmio32_size = 0xfc000000 - map.mmio32_base;
	return map;
}

/* --- mPlatformInfoHob ------------------------------------------------------------------------ */

/* PublishPeiMemory: for resume, 512 KiB and a stack of 32 KiB for each possible processor. */
static void put_s3_memory(uint8_t *info, const struct firmware_facts *facts, bool smm, uint64_t low)
{
	uint64_t size = 512 * 1024 + facts->max_cpus * UINT64_C(0x8000);

	if (smm)
		low -= facts->tseg_mib * MIB;
	put(info + 130, 4, low - size);
	put(info + 134, 4, size);
}

static void put_platform_info(uint8_t *info, const struct firmware_facts *facts, bool smm,
			      uint32_t *used)
{
	struct address_map map = make_address_map(facts);

	*used |= 1u << FACT_MACHINE | 1u << FACT_CPUS | 1u << FACT_MAX_CPUS | 1u << FACT_MEMORY |
		 1u << FACT_S3;
	put(info + 24, 2, facts->i440fx ? HOST_BRIDGE_I440FX : HOST_BRIDGE_Q35);
	info[39] = facts->s3;
	if (smm) {
		*used |= 1u << FACT_TSEG;
		info[40] = 1; /* SMRAM is required */
		info[41] = 1; /* and is at the default SMBASE, too */
		put(info + 42, 2, facts->tseg_mib);
	}
	put(info + 44, 8, map.first_non_address);
	info[52] = (uint8_t)map.width;
	put(info + 53, 4, map.uncached_base);
	put(info + 57, 4, map.uncached_size);
	put(info + 70, 8, map.mmio64_base);
	put(info + 78, 8, map.mmio64_size);
	put(info + 86, 4, map.mmio32_base);
	put(info + 90, 4, map.mmio32_size);
	put(info + 94, 8, map.io_base);
	put(info + 102, 8, map.io_size);
	put(info + 118, 4, facts->cpus);
	put(info + 122, 4, facts->max_cpus);
	put(info + 126, 4, 64); /* PcdCpuMaxLogicalProcessorNumber, the default */
	if (facts->s3)
		put_s3_memory(info, facts, smm, map.low);
	info[138] = 1; /* fw_cfg is there */
	info[139] = 1; /* and does DMA */
}

/* --- the table of memory types --------------------------------------------------------------- */

static uint32_t le32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

#define MEMORY_TYPES     5  /* ACPI NVS, ACPI reclaim, reserved, runtime code, runtime data */
#define MEMORY_TYPES_MAX 17 /* EfiMaxMemoryType + 1 of these releases */

/*
 * Pages to set aside per type of memory: each entry becomes the larger of the firmware's and that of
 * the variable's first entry for this type. The firmware passes over a variable that is no list of
 * pairs, or has more than there are types.
 */
static void put_memory_types(uint8_t *table, const struct varstore *store)
{
	const struct variable *variable =
		store ? varstore_find(store, &guid_memory_types, "MemoryTypeInformation") : NULL;

	if (!variable || variable->data.size % 8 != 0 || variable->data.size > 8 * MEMORY_TYPES_MAX)
		return;
	for (size_t i = 0; i < MEMORY_TYPES; i++)
		for (size_t at = 0; at < variable->data.size; at += 8) {
			const uint8_t *hint = variable->data.data + at;

			if (le32(table + 8 * i) != le32(hint))
				continue;
			if (le32(table + 8 * i + 4) < le32(hint + 4))
				memcpy(table + 8 * i + 4, hint + 4, 4);
			break;
		}
}

/* --- the volume ------------------------------------------------------------------------------ */

/* Where they are expected the variables are what they are before anything ran: zeros. */
static bool layout_fits(const struct pei_layout *layout, struct bytes volume)
{
	return layout->platform_info + PLATFORM_INFO_SIZE <= volume.size &&
	       layout->memory_types + 8 * (MEMORY_TYPES + 1) <= volume.size &&
	       layout->timer_port + 4 <= volume.size &&
	       (layout->platform_info == 0 ||
		bytes_all(bytes_of(volume.data + layout->platform_info, PLATFORM_INFO_SIZE), 0)) &&
	       (layout->timer_port == 0 ||
		bytes_all(bytes_of(volume.data + layout->timer_port, 4), 0));
}

static const char *facts_fit(const struct firmware_facts *facts, const struct firmware *firmware)
{
	if (facts->memory_mib < 64)
		return "a machine of less than 64 MiB does not start this firmware";
	if (facts->memory_mib > 1 << 26)
		return "more memory than the firmware can address";
	if (facts->cpus == 0 || facts->max_cpus < facts->cpus || facts->max_cpus > 4096)
		return "the number of processors is not possible";
	if (firmware->smm && facts->i440fx)
		return "a build for SMM does not start on the pc machine";
	if (facts->tseg_mib > facts->memory_mib / 2)
		return "more SMRAM than memory";
	return NULL;
}

int firmware_pei_volume(const struct firmware *firmware, const struct firmware_facts *facts,
			const struct varstore *store, struct buf *out, uint32_t *used,
			const char **reason, struct error *err)
{
	const struct pei_layout *layout;
	struct bytes volume = firmware->pei.bytes;

	if (find_layout(volume, &layout, err) < 0)
		return -1;
	if (!layout || !layout_fits(layout, volume)) {
		*reason = "what the PEI modules of this build have written by then is not known";
		return 0;
	}
	*reason = facts_fit(facts, firmware);
	if (*reason)
		return 0;
	out->size = 0;
	buf_append(out, volume);
	if (buf_finish(out, err) < 0)
		return -1;
	if (layout->platform_info != 0)
		put_platform_info(out->data + layout->platform_info, facts, firmware->smm, used);
	if (layout->timer_port != 0) {
		*used |= 1u << FACT_MACHINE;
		put(out->data + layout->timer_port, 4, facts->i440fx ? 0xb008 : 0x608);
	}
	if (layout->memory_types != 0)
		put_memory_types(out->data + layout->memory_types, store);
	return 1;
}
