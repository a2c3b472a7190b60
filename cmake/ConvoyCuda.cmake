# What of CUDA is here. The tests on a stand-in of its libraries need the headers only.
find_path(CONVOY_CUDA_INCLUDE_DIR cuda_runtime_api.h
          PATHS ENV CUDA_PATH ENV CUDA_HOME /usr/local/cuda PATH_SUFFIXES include
          DOC "Where the headers of CUDA, cuBLAS, cuDNN and NCCL are")
foreach(header IN ITEMS cublas_v2.h cudnn.h nccl.h)
  if(CONVOY_CUDA_INCLUDE_DIR AND NOT EXISTS ${CONVOY_CUDA_INCLUDE_DIR}/${header})
    message(STATUS "No ${header} in ${CONVOY_CUDA_INCLUDE_DIR}")
    set(CONVOY_CUDA_INCLUDE_DIR CONVOY_CUDA_INCLUDE_DIR-NOTFOUND)
  endif()
endforeach()
if(NOT CONVOY_CUDA_INCLUDE_DIR)
  message(STATUS "CUDA's headers not found, so its backend is not tested")
endif()
