#pragma once

#include <string>
#include <vector>

#include "core/data/dataset.h"

namespace convoy {

/// Pictures to predict from: PNG and JPEG files of one picture each, and .npy files of 8-bit unsigned values,
/// [H, W, C] or [N, H, W, C] (without C where it is 1). They follow each other in the order of `paths`; none
/// has a label. Formats are told by content, not by name.
///
/// Every file is opened and its size checked at once; PNG and JPEG files are decoded when they are read, and
/// opened anew for it. Throws DataError that names the file, what was found and what was expected.
DatasetPtr open_images(const std::vector<std::string>& paths, const Shape& expected);

}  // namespace convoy
