#pragma once

#include <memory>

#include "core/backend.h"

namespace convoy::openblas {

// T is float or double.
template <class T>
std::unique_ptr<Kernel> make_conv2d(const Op& op);
template <class T>
std::unique_ptr<Kernel> make_dense(const Op& op);

}  // namespace convoy::openblas
