# Run by cmake --install: everything but the programs. Wants GRIDLIGHT_PROGRAM, which tells of its commands and settings,
# GRIDLIGHT_SOURCE, and GRIDLIGHT_MADE, a folder for what is made here.
set(prefix ${CMAKE_INSTALL_PREFIX})
set(packaging ${GRIDLIGHT_SOURCE}/packaging)
set(BIN ${prefix}/bin)
set(DOC ${prefix}/share/doc/gridlight)
if(prefix STREQUAL "/usr")
  set(ETC /etc)
else()
  set(ETC ${prefix}/etc)
endif()
set(COPYABLE OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
set(FOLDER OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
file(MAKE_DIRECTORY ${GRIDLIGHT_MADE})

# lay FILE... under FOLDER of the prefix
function(lay to)
  file(INSTALL DESTINATION ${to} TYPE FILE PERMISSIONS ${COPYABLE} DIRECTORY_PERMISSIONS ${FOLDER} FILES ${ARGN})
endfunction()
function(describe what into)
  execute_process(COMMAND ${GRIDLIGHT_PROGRAM} describe ${what} OUTPUT_VARIABLE text
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${into} "${text}" PARENT_SCOPE)
endfunction()
# Debian packs pages and changelogs, without the time, so that the same source makes the same bytes.
function(pack file)
  execute_process(COMMAND gzip -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

describe(commands COMMANDS)
describe(settings SETTINGS)
describe(completion completion)
foreach(page gridlight.1 gridlight-bench.1 gridlight.yaml.5)
  file(READ ${packaging}/man/${page}.in text)
  foreach(word COMMANDS SETTINGS ETC DOC)
    string(REPLACE "@${word}@" "${${word}}" text "${text}")
  endforeach()
  file(WRITE ${GRIDLIGHT_MADE}/${page} "${text}")
  pack(${GRIDLIGHT_MADE}/${page})
  string(REGEX REPLACE ".*\\." "" section ${page})
  lay(${prefix}/share/man/man${section} ${GRIDLIGHT_MADE}/${page}.gz)
endforeach()

file(WRITE ${GRIDLIGHT_MADE}/gridlight "${completion}\n")
lay(${prefix}/share/bash-completion/completions ${GRIDLIGHT_MADE}/gridlight)

configure_file(${packaging}/systemd/gridlight.service.in ${GRIDLIGHT_MADE}/gridlight.service @ONLY)
lay(${prefix}/lib/systemd/system ${GRIDLIGHT_MADE}/gridlight.service ${packaging}/systemd/gridlight.socket)

# Somebody's own configuration stays; dpkg sees to that by itself, as it is a conffile.
if(DEFINED ENV{DESTDIR} OR NOT EXISTS ${ETC}/gridlight/gridlight.yaml)
  lay(${ETC}/gridlight ${packaging}/gridlight.yaml)
endif()

configure_file(${packaging}/debian/changelog ${GRIDLIGHT_MADE}/changelog.Debian COPYONLY)
pack(${GRIDLIGHT_MADE}/changelog.Debian)
configure_file(${packaging}/debian/lintian-overrides ${GRIDLIGHT_MADE}/overrides/gridlight COPYONLY)
lay(${prefix}/share/lintian/overrides ${GRIDLIGHT_MADE}/overrides/gridlight)
file(GLOB pages ${GRIDLIGHT_SOURCE}/docs/*.md)
lay(${DOC} ${packaging}/debian/copyright ${GRIDLIGHT_MADE}/changelog.Debian.gz ${pages})
lay(${DOC}/examples ${GRIDLIGHT_SOURCE}/gridlight.yaml)
file(INSTALL DESTINATION ${DOC}/examples TYPE DIRECTORY FILE_PERMISSIONS ${COPYABLE} DIRECTORY_PERMISSIONS ${FOLDER}
  FILES ${GRIDLIGHT_SOURCE}/deploy/)
