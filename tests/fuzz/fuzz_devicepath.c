/* SPDX-License-Identifier: BSD-2-Clause */
/* What UEFI variables hold: device paths, load options, signature lists. */
#include <assert.h>
#include <stdlib.h>

#include "replay/eventlog/eventlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct bytes bytes = bytes_of(data, size);
	struct efi_signature_cursor cursor = efi_signatures(bytes, 0, "lists");
	struct efi_signature signature;
	struct load_option option;
	struct error err = { 0 };

	device_path_append(&text, bytes);
	if (load_option_parse(bytes, 0, "option", &option, &err) == 0)
		device_path_append(&text, option.device_path);
	else
		assert(err.offset <= size);
	while (efi_signature_next(&cursor, &signature, &err) > 0)
		assert(signature.data_offset + signature.data.size <= size);
	if (buf_finish(&text, NULL) < 0)
		abort();
	return 0;
}
