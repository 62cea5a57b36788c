# gridlight_embed(TARGET NAME FILE...): compiles text files into TARGET and generates "embedded/NAME.hpp", which declares
#   namespace gridlight::embedded { extern const std::span<const file> NAME; }   in the order given.
function(gridlight_embed target name)
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/embed)
  set(script ${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake)
  set(files "")
  foreach(file ${ARGN})
    get_filename_component(path ${file} ABSOLUTE)
    list(APPEND files ${path})
  endforeach()
  string(REPLACE ";" "|" joined "${files}")
  add_custom_command(
    OUTPUT ${dir}/embedded/${name}.cpp ${dir}/embedded/${name}.hpp
    COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DDIR=${dir}/embedded "-DFILES=${joined}" -P ${script}
    DEPENDS ${files} ${script}
    VERBATIM)
  target_sources(${target} PRIVATE ${dir}/embedded/${name}.cpp ${dir}/embedded/${name}.hpp)
  set_source_files_properties(${dir}/embedded/${name}.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  target_include_directories(${target} PUBLIC ${dir})
endfunction()
