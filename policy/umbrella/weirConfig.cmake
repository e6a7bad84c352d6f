# find_package(weir 0.2 REQUIRED): weir::weir, weir::headers, weir::header_only, and weir::programs where the programs
# were installed. What is missing is named as Debian and Ubuntu call it.
macro(weir_look_for package debian)  # no function: what is found must be seen outside
  find_package(${package} QUIET ${ARGN})
  if(NOT ${package}_FOUND)
    list(APPEND weir_missing "${package} (Debian, Ubuntu: apt install ${debian})")
  endif()
endmacro()
set(weir_missing)
weir_look_for(TBB libtbb-dev)
weir_look_for(Eigen3 libeigen3-dev NO_MODULE)
weir_look_for(nlohmann_json nlohmann-json3-dev)
weir_look_for(ZLIB zlib1g-dev)
if(weir_missing)
  list(JOIN weir_missing ", " weir_missing)
  set(weir_FOUND FALSE)
  set(weir_NOT_FOUND_MESSAGE "weir needs ${weir_missing}, not found.")
  return()
endif()
include(${CMAKE_CURRENT_LIST_DIR}/weirTargets.cmake)

# What only the definitions include: weir::weir has them compiled, the other two ways compile them again. Where they are
# missing a source that does so ends with an #error that says the same.
find_path(weir_protozero protozero/pbf_reader.hpp)
find_path(weir_stb stb/stb_image.h)
foreach(header protozero stb)
  if(weir_${header})
    target_include_directories(weir::headers INTERFACE ${weir_${header}})
  elseif(NOT weir_FIND_QUIETLY)
    message(STATUS "weir::header_only, and weir::headers with WEIR_IMPLEMENTATION, need ${header}, which was not "
                   "found. Debian, Ubuntu: apt install lib${header}-dev. weir::weir does not.")
  endif()
endforeach()
# weir::programs is linked with cpp-httplib where `weir serve` was built.
if(TARGET weir::programs)
  get_target_property(weir_linked weir::programs INTERFACE_LINK_LIBRARIES)
  find_library(weir_httplib_library cpp-httplib)
  if(weir_linked MATCHES "cpp-httplib" AND NOT weir_httplib_library AND NOT weir_FIND_QUIETLY)
    message(STATUS "weir::programs needs cpp-httplib, which was not found. Debian, Ubuntu: apt install "
                   "libcpp-httplib-dev. weir::weir does not.")
  endif()
endif()
