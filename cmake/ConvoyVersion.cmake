set(cuda_facts "")
if(CONVOY_WITH_CUDA)
  set(cuda_facts "${CMAKE_CUDA_COMPILER_VERSION} for ${CMAKE_CUDA_ARCHITECTURES}")
  string(REPLACE ";" ", " cuda_facts "${cuda_facts}")
endif()
# Facts of the build for `convoy --version`: generated/launcher/build_facts.h, written again when one of them changes.
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/build_facts.in.h CONTENT
"#pragma once

namespace convoy::build {

constexpr const char* kVersion = \"${PROJECT_VERSION}\";
constexpr const char* kCommit = \"@commit@\";
constexpr const char* kType = \"$<CONFIG>\";
constexpr const char* kCompiler = \"${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}\";
constexpr const char* kSystem = \"${CMAKE_SYSTEM_NAME} ${CMAKE_SYSTEM_PROCESSOR}\";
constexpr const char* kOpenBlas = \"${OPENBLAS_VERSION}\";
constexpr const char* kOneDnn = \"${dnnl_VERSION}\";  // empty: built without
constexpr const char* kCuda = \"${cuda_facts}\";       // likewise

}  // namespace convoy::build
")
add_custom_target(convoy_build_facts ALL
  COMMAND ${CMAKE_COMMAND} -D SOURCE=${PROJECT_SOURCE_DIR} -D INPUT=${PROJECT_BINARY_DIR}/build_facts.in.h
          -D OUTPUT=${PROJECT_BINARY_DIR}/generated/launcher/build_facts.h
          -P ${PROJECT_SOURCE_DIR}/cmake/WriteBuildFacts.cmake
  BYPRODUCTS ${PROJECT_BINARY_DIR}/generated/launcher/build_facts.h
  COMMENT "Noting the commit" VERBATIM)
