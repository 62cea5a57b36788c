# Run by gridlight_embed: text files in, a header and a source of raw string literals out.
string(REPLACE "|" ";" FILES "${FILES}")
file(WRITE ${DIR}/${NAME}.hpp "#pragma once
#include \"server/embedded.hpp\"
namespace gridlight::embedded { extern const std::span<const file> ${NAME}; }
")
set(entries "")
foreach(path ${FILES})
  file(READ ${path} text)
  get_filename_component(base ${path} NAME)
  # A literal may hold 64 KiB in strict compilers: cut it into pieces, which the compiler joins.
  string(LENGTH "${text}" length)
  set(pieces "")
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${text}" ${at} 8000 piece)
    string(APPEND pieces "R\"gridlight(${piece})gridlight\"\n")
    math(EXPR at "${at} + 8000")
  endwhile()
  if(pieces STREQUAL "")
    set(pieces "\"\"")
  endif()
  string(APPEND entries "  {\"${base}\", ${pieces}},\n")
endforeach()
file(WRITE ${DIR}/${NAME}.cpp "#include \"embedded/${NAME}.hpp\"
#include <array>
namespace gridlight::embedded {
namespace { const file files[] = {\n${entries}}; }
const std::span<const file> ${NAME}{files};
}
")
