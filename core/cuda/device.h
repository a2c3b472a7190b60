#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace convoy::cuda {

// Seen by all of Convoy, also where it is built without CUDA (device_stub.cpp).

/// A GPU that this process may use.
struct DeviceInfo {
  int number = 0;  ///< as CUDA counts those that CUDA_VISIBLE_DEVICES leaves
  std::string name;
  std::string pci_address;  ///< "0000:3b:00.0": the same for all processes of a host
  int compute_major = 0, compute_minor = 0;
  int multiprocessors = 0;
  std::size_t memory_bytes = 0;
};

/// What CUDA finds on this host, without taking any of it.
struct Availability {
  bool built = false;   ///< this binary has CUDA in it
  std::string absence;  ///< why there is no GPU to use: "no NVIDIA driver"; empty where there is one
  std::string driver;   ///< the newest CUDA that the driver knows: "13.0"
  std::string runtime;  ///< the CUDA runtime of this binary, cuDNN, cuBLAS and NCCL: "13.0"
  std::string cudnn, cublas, nccl;
  std::vector<DeviceInfo> devices;
};

/// Never throws for want of a driver or a GPU.
Availability availability();

}  // namespace convoy::cuda
