# `cmake --install`: the program, and the libraries for find_package(convoy).
include(CMakePackageConfigHelpers)
set(convoy_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/convoy)

foreach(library IN ITEMS options core layers comm launcher)
  set_target_properties(convoy_${library} PROPERTIES EXPORT_NAME ${library})
  install(TARGETS convoy_${library} EXPORT convoy_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endforeach()
install(TARGETS convoy RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET convoy_cuda)
  install(TARGETS convoy_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/convoy)
endif()
install(EXPORT convoy_targets FILE convoy-targets.cmake NAMESPACE convoy:: DESTINATION ${convoy_package_dir})
foreach(folder IN ITEMS core layers comm launcher)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/convoy
          FILES_MATCHING PATTERN "*.h")
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs DESTINATION ${CMAKE_INSTALL_DATADIR}/convoy)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/convoy-config.cmake.in
  ${PROJECT_BINARY_DIR}/convoy-config.cmake INSTALL_DESTINATION ${convoy_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/convoy-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/convoy-config.cmake ${PROJECT_BINARY_DIR}/convoy-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/ConvoyDependencies.cmake DESTINATION ${convoy_package_dir})
