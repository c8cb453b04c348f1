/* SPDX-License-Identifier: BSD-2-Clause */
/* Plain evidence by its content: part of the forms module. */
#ifndef REPLAY_FORMS_PLAIN_H
#define REPLAY_FORMS_PLAIN_H

#include "replay/forms/forms.h"

/* What a file that begins so is evidence of; ROLE_NONE: nothing that can be told. */
enum bundle_role plain_role(struct bytes start);

#endif
