/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot profiles as a database keeps them. What is read is written the same again. */
#include <stdlib.h>

#include "db/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile_list list = { 0 }, again = { 0 };
	struct buf out = BUF_INIT, states = BUF_INIT;
	struct error err;

	if (profiles_decode(bytes_of(data, size), "input", &list, &err) == 0 &&
	    profiles_encode(list.profiles, list.n_profiles, list.images, list.n_images, &out,
			    &err) == 0 &&
	    (profiles_decode(buf_bytes(&out), "again", &again, &err) < 0 ||
	     again.n_profiles != list.n_profiles || again.n_images != list.n_images))
		abort();
	if (list.n_states &&
	    (reference_states_encode(list.states, list.n_states, &states, &err) < 0 ||
	     profiles_decode(buf_bytes(&states), "states", &again, &err) < 0 ||
	     again.n_states != list.n_states))
		abort();
	buf_clear(&states);
	buf_clear(&out);
	profile_list_clear(&list);
	profile_list_clear(&again);
	return 0;
}
