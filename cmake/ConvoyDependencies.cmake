# Third-party libraries, all of them Debian packages; scripts/install_dependencies.sh installs them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
# mpi.h without the C++ bindings that MPI has dropped and that would ask for a library of their own.
set_property(TARGET MPI::MPI_C APPEND PROPERTY INTERFACE_COMPILE_DEFINITIONS OMPI_SKIP_MPICXX)
find_package(yaml-cpp REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
# Optional: oneDNN's convolutions are several times faster than those built on a matrix product.
find_package(dnnl QUIET)
if(dnnl_FOUND)
  find_package(OpenMP REQUIRED COMPONENTS CXX)  # oneDNN's threads are set to one through it
else()
  message(STATUS "oneDNN not found, so convolutions will be slower (Debian: libdnnl-dev and ocl-icd-opencl-dev)")
endif()
