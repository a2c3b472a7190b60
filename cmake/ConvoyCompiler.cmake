# How every file of the project is compiled.
include(GNUInstallDirs)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CONVOY_CCACHE ccache)
if(CONVOY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CONVOY_CCACHE})
endif()

add_library(convoy_options INTERFACE)
add_library(convoy::options ALIAS convoy_options)
target_compile_features(convoy_options INTERFACE cxx_std_20)
target_include_directories(convoy_options INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                           $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/convoy>)
# A contracted multiply-add rounds once where the source rounds twice: the bits of a result would then depend on the
# compiler. Fused multiply-adds are written out (std::fma) where they are wanted.
target_compile_options(convoy_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>
                       $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false;-Xcompiler=-ffp-contract=off>)
set(convoy_warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
    -Woverloaded-virtual $<$<BOOL:${CONVOY_WARNINGS_AS_ERRORS}>:-Werror>)
# At -O3 GCC 12 warns of overlapping copies inside std::string (https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105651).
list(APPEND convoy_warnings $<$<CONFIG:Release>:-Wno-restrict>)
target_compile_options(convoy_options INTERFACE
  $<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CXX>:${convoy_warnings}>>
  $<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>>
  $<BUILD_INTERFACE:$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${CONVOY_WARNINGS_AS_ERRORS}>>:-Werror=all-warnings>>)
