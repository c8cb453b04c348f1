/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/ima/internal.h"

static const struct field_row {
	const char *name;
	enum ima_field_kind kind;
} fields[IMA_FIELD_COUNT] = {
	[IMA_FIELD_D] = {"d",             IMA_KIND_DIGEST    },
	[IMA_FIELD_N] = { "n",            IMA_KIND_NAME      },
	[IMA_FIELD_D_NG] = { "d-ng",         IMA_KIND_ALG_DIGEST},
	[IMA_FIELD_D_NGV2] = { "d-ngv2",       IMA_KIND_ALG_DIGEST},
	[IMA_FIELD_N_NG] = { "n-ng",         IMA_KIND_NAME      },
	[IMA_FIELD_SIG] = { "sig",          IMA_KIND_HEX       },
	[IMA_FIELD_BUF] = { "buf",          IMA_KIND_HEX       },
	[IMA_FIELD_D_MODSIG] = { "d-modsig",     IMA_KIND_ALG_DIGEST},
	[IMA_FIELD_MODSIG] = { "modsig",       IMA_KIND_HEX       },
	[IMA_FIELD_EVMSIG] = { "evmsig",       IMA_KIND_HEX       },
	[IMA_FIELD_IUID] = { "iuid",         IMA_KIND_U32       },
	[IMA_FIELD_IGID] = { "igid",         IMA_KIND_U32       },
	[IMA_FIELD_IMODE] = { "imode",        IMA_KIND_U16       },
	[IMA_FIELD_XATTRNAMES] = { "xattrnames",   IMA_KIND_STRING    },
	[IMA_FIELD_XATTRLENGTHS] = { "xattrlengths", IMA_KIND_HEX       },
	[IMA_FIELD_XATTRVALUES] = { "xattrvalues",  IMA_KIND_HEX       },
};

/* builtin_templates in ima_template.c. */
/* clang-format off */
static const struct template_row {
	const char *name;
	struct ima_template template;
} templates[] = {
	{ "ima-ng", { false, 2, { IMA_FIELD_D_NG, IMA_FIELD_N_NG } } },
	{ "ima-sig", { false, 3, { IMA_FIELD_D_NG, IMA_FIELD_N_NG, IMA_FIELD_SIG } } },
	{ "ima", { true, 2, { IMA_FIELD_D, IMA_FIELD_N } } },
	{ "ima-ngv2", { false, 2, { IMA_FIELD_D_NGV2, IMA_FIELD_N_NG } } },
	{ "ima-sigv2", { false, 3, { IMA_FIELD_D_NGV2, IMA_FIELD_N_NG, IMA_FIELD_SIG } } },
	{ "ima-buf", { false, 3, { IMA_FIELD_D_NG, IMA_FIELD_N_NG, IMA_FIELD_BUF } } },
	{ "ima-modsig", { false, 5, { IMA_FIELD_D_NG, IMA_FIELD_N_NG, IMA_FIELD_SIG,
	  IMA_FIELD_D_MODSIG, IMA_FIELD_MODSIG } } },
	{ "evm-sig", { false, 9, { IMA_FIELD_D_NG, IMA_FIELD_N_NG, IMA_FIELD_EVMSIG,
	  IMA_FIELD_XATTRNAMES, IMA_FIELD_XATTRLENGTHS, IMA_FIELD_XATTRVALUES, IMA_FIELD_IUID,
	  IMA_FIELD_IGID, IMA_FIELD_IMODE } } },
};
/* clang-format on */

static const struct ima_template unknown;

const char *ima_field_name(enum ima_field_id id)
{
	return id < IMA_FIELD_COUNT ? fields[id].name : "unknown";
}

enum ima_field_kind ima_field_kind(enum ima_field_id id)
{
	return fields[id].kind;
}

/* ima_template_fmt=: known fields between '|', at most 15. */
static bool format_parse(struct bytes format, struct ima_template *out)
{
	*out = unknown;
	for (;;) {
		const uint8_t *bar = format.size ? memchr(format.data, '|', format.size) : NULL;
		struct bytes name = format;
		enum ima_field_id id = 0;

		if (bar)
			name.size = (size_t)(bar - format.data);
		while (id < IMA_FIELD_COUNT && !bytes_equal_string(name, fields[id].name))
			id++;
		if (id == IMA_FIELD_COUNT || out->n_fields == IMA_FIELDS_MAX)
			return false;
		out->fields[out->n_fields++] = id;
		if (!bar)
			return true;
		format = bytes_of(bar + 1, format.size - name.size - 1);
	}
}

const struct ima_template *ima_template_lookup(struct bytes name, struct ima_template *scratch)
{
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++)
		if (bytes_equal_string(name, templates[i].name))
			return &templates[i].template;
	return format_parse(name, scratch) ? scratch : &unknown;
}
