#pragma once

#include <array>

#include "core/config/types.h"

namespace convoy::config {

enum class Metric { accuracy, top_5_accuracy };
enum class Monitor { loss, accuracy, top_5_accuracy, val_loss, val_accuracy, val_top_5_accuracy };
enum class Precision { float32, split_bfloat16, bfloat16, tf32 };
enum class OnNonfinite { stop, skip };
enum class BackendKind { automatic, cpu, cuda };
enum class CommunicatorKind { automatic, mpi, nccl };
enum class Reduce { exact, native };
enum class FaultKind { kill, stop, nan, slow, corrupt_gradient, full_disk, drop_link };

constexpr auto enum_names(Metric) {
  using enum Metric;
  return std::array{EnumName{accuracy, "accuracy"}, EnumName{top_5_accuracy, "top_5_accuracy"}};
}

constexpr auto enum_names(Monitor) {
  using enum Monitor;
  return std::array{EnumName{loss, "loss"},
                    EnumName{accuracy, "accuracy"},
                    EnumName{top_5_accuracy, "top_5_accuracy"},
                    EnumName{val_loss, "val_loss"},
                    EnumName{val_accuracy, "val_accuracy"},
                    EnumName{val_top_5_accuracy, "val_top_5_accuracy"}};
}

constexpr auto enum_names(Precision) {
  using enum Precision;
  return std::array{EnumName{float32, "float32"}, EnumName{split_bfloat16, "split_bfloat16"},
                    EnumName{bfloat16, "bfloat16"}, EnumName{tf32, "tf32"}};
}

constexpr auto enum_names(OnNonfinite) {
  using enum OnNonfinite;
  return std::array{EnumName{stop, "stop"}, EnumName{skip, "skip"}};
}

constexpr auto enum_names(BackendKind) {
  using enum BackendKind;
  return std::array{EnumName{automatic, "auto"}, EnumName{cpu, "cpu"}, EnumName{cuda, "cuda"}};
}

constexpr auto enum_names(CommunicatorKind) {
  using enum CommunicatorKind;
  return std::array{EnumName{automatic, "auto"}, EnumName{mpi, "mpi"}, EnumName{nccl, "nccl"}};
}

constexpr auto enum_names(Reduce) {
  using enum Reduce;
  return std::array{EnumName{exact, "exact"}, EnumName{native, "native"}};
}

constexpr auto enum_names(FaultKind) {
  using enum FaultKind;
  return std::array{EnumName{kill, "kill"},
                    EnumName{stop, "stop"},
                    EnumName{nan, "nan"},
                    EnumName{slow, "slow"},
                    EnumName{corrupt_gradient, "corrupt_gradient"},
                    EnumName{full_disk, "full_disk"},
                    EnumName{drop_link, "drop_link"}};
}

}  // namespace convoy::config
