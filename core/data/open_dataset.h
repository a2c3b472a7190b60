#pragma once

#include <cstdint>

#include "core/config/data_config.h"
#include "core/data/dataset.h"
#include "core/data/input_pipeline.h"

namespace convoy {

// From the key `data` of a config to the objects that it describes.

/// Opens one split, `data.limit` applied. Throws DataError.
DatasetPtr open_dataset(const config::Data& data, Split split);

/// Puts numbers where `mean` or `std` is `dataset`: those of the samples that are trained on. Reads them all
/// if so. Throws DataError.
void measure_channels(config::Data& data, const Dataset& training);

/// How samples become a network's input. REQUIRES: `mean` and `std` are numbers or none.
InputPipeline::Options input_options(const config::Data& data, std::uint64_t seed);

}  // namespace convoy
