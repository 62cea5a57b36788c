# gridlight_embed_page(TARGET): compiles the bundle of static/, which ./dev makes, into TARGET, as it is, and generates
# "embedded/page.hpp": namespace gridlight::embedded { extern const std::span<const page_file> page; }, sorted by name.
# Without a bundle it is empty.
set(GRIDLIGHT_PAGE ${PROJECT_SOURCE_DIR}/build/static/dist CACHE PATH "the bundle of static/")
enable_language(ASM)

function(gridlight_embed_page target)
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/embed)
  set(script ${PROJECT_SOURCE_DIR}/cmake/embed_page_files.cmake)
  # Names change with what stands in the files: another bundle has CMake run again.
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${GRIDLIGHT_PAGE}/*)
  string(REPLACE ";" "|" joined "${files}")
  add_custom_command(
    OUTPUT ${dir}/embedded/page.S ${dir}/embedded/page.cpp ${dir}/embedded/page.hpp
    COMMAND ${CMAKE_COMMAND} -DROOT=${GRIDLIGHT_PAGE} -DDIR=${dir}/embedded "-DFILES=${joined}" -P ${script}
    DEPENDS ${files} ${script}
    VERBATIM)
  target_sources(${target} PRIVATE ${dir}/embedded/page.S ${dir}/embedded/page.cpp ${dir}/embedded/page.hpp)
  set_source_files_properties(${dir}/embedded/page.S PROPERTIES OBJECT_DEPENDS "${files}")
  set_source_files_properties(${dir}/embedded/page.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  target_include_directories(${target} PUBLIC ${dir})
endfunction()
