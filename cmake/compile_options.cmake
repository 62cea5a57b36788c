# Everything that our own targets are compiled with; linked PUBLIC by gridlight_geo, so that each has it.
add_library(gridlight_options INTERFACE)
target_compile_options(gridlight_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  # Fuzzing is not the place to learn what only clang warns of; ./dev lint is.
  $<$<NOT:$<BOOL:${GRIDLIGHT_FUZZ}>>:-Werror>
  # g++ 12 sees Asio's aligned_alloc for a coroutine's frame, but not that its operator delete frees by free().
  -Wno-mismatched-new-delete
  # Its sanitizers hide from it what is set and how long a string is.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${GRIDLIGHT_SANITIZED}>>:
    -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow>)
target_compile_definitions(gridlight_options INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED
  # A lookup nests some ten coroutines; the frames of so many are kept for the next request, not 2.
  BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16
  BOOST_ASIO_DISABLE_SERIAL_PORT)
target_include_directories(gridlight_options INTERFACE ${PROJECT_SOURCE_DIR})
target_link_libraries(gridlight_options INTERFACE Threads::Threads)

# One target a folder: its .cpp files, without those of its own tests.
function(gridlight_folder name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC gridlight_options)
endfunction()
