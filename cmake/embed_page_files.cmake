# Run by gridlight_embed_page: the bytes go through the assembler, a table names them.
string(REPLACE "|" ";" FILES "${FILES}")
list(SORT FILES)
set(assembly ".section .rodata\n")
set(names "")
set(entries "")
set(number 0)

# The label of a file's bytes; an empty one for a file that is not there.
macro(embed path out)
  if(EXISTS ${path})
    set(label gridlight_page_${number})
    math(EXPR number "${number} + 1")
    string(APPEND assembly ".balign 16\n.globl ${label}\n.hidden ${label}\n${label}:\n.incbin \"${path}\"\n"
      ".globl ${label}_end\n.hidden ${label}_end\n${label}_end:\n.byte 0\n")
    string(APPEND names "extern \"C\" __attribute__((visibility(\"hidden\"))) const char ${label}[], ${label}_end[];\n")
    set(${out} "{${label}, static_cast<std::size_t>(${label}_end - ${label})}")
  else()
    set(${out} "{}")
  endif()
endmacro()

foreach(path ${FILES})
  if(path MATCHES "\\.(gz|br)$")
    continue()
  endif()
  file(RELATIVE_PATH name ${ROOT} ${path})
  file(SHA256 ${path} hash)
  string(SUBSTRING ${hash} 0 24 tag)
  embed(${path} plain)
  embed(${path}.gz gzip)
  embed(${path}.br brotli)
  string(APPEND entries "    {\"${name}\", \"${tag}\", ${plain}, ${gzip}, ${brotli}},\n")
endforeach()
if(entries STREQUAL "")
  set(table "const std::span<const page_file> page{};\n")
else()
  set(table "namespace { const page_file files[] = {\n${entries}}; }\nconst std::span<const page_file> page{files};\n")
endif()
file(WRITE ${DIR}/page.S "${assembly}.section .note.GNU-stack,\"\",%progbits\n")
file(WRITE ${DIR}/page.hpp "#pragma once
#include \"server/embedded.hpp\"
namespace gridlight::embedded { extern const std::span<const page_file> page; }
")
file(WRITE ${DIR}/page.cpp "#include \"embedded/page.hpp\"
${names}namespace gridlight::embedded {
${table}}
")
