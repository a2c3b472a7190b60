#pragma once

#include <memory>

#include "core/backend.h"

namespace convoy::reference {

// One factory an op; T is float or double.
template <class T>
std::unique_ptr<Kernel> make_conv2d(const Op& op);
template <class T>
std::unique_ptr<Kernel> make_pool2d(const Op& op);
template <class T>
std::unique_ptr<Kernel> make_global_average_pool2d(const Op& op);
template <class T>
std::unique_ptr<Kernel> make_dense(const Op& op);
template <class T>
std::unique_ptr<Kernel> make_activation(const Op& op);
template <class T>
std::unique_ptr<Kernel> make_dropout(const Op& op);
template <class T>
std::unique_ptr<Kernel> make_batch_moments(const Op& op);
template <class T>
std::unique_ptr<Kernel> make_normalize(const Op& op);
template <class T>
std::unique_ptr<Kernel> make_zero_padding2d(const Op& op);

/// The tensors of SliceArgs and its children, typed.
template <class T>
const T* input_of(const SliceArgs& args) {
  return static_cast<const T*>(args.input);
}
template <class T>
const T* parameter_of(const SliceArgs& args, int i) {
  return static_cast<const T*>(args.parameters[i]);
}
template <class T>
T* output_of(const ForwardArgs& args) {
  return static_cast<T*>(args.output);
}
template <class T>
const T* output_of(const BackwardArgs& args) {
  return static_cast<const T*>(args.output);
}
template <class T>
const T* grad_output_of(const BackwardArgs& args) {
  return static_cast<const T*>(args.grad_output);
}
template <class T>
T* grad_input_of(const BackwardArgs& args) {
  return static_cast<T*>(args.grad_input);
}
template <class T>
T* grad_parameter_of(const BackwardArgs& args, int i) {
  return static_cast<T*>(args.grad_parameters[i]);
}

}  // namespace convoy::reference
