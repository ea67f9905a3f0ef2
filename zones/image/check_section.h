// SPDX-License-Identifier: Apache-2.0
// Validates one answer section of an image. Private to image_check.
#pragma once

#include "zones/image/image.h"

// Checks the section at byte offset off: sizes, every record, every fix-up position. The name that
// it answers, NULL where it may not point into the question.
enum image_refusal check_section(
	const struct image *img, uint32_t off, const struct image_name *asked);
