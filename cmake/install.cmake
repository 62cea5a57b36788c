# What `cmake --install` lays down, and the .deb that CPack makes of it. The pages, the completion and the units are
# finished at install time, by packaging/install.cmake: they name folders of the prefix, and what the program says
# of itself.
install(TARGETS gridlight RUNTIME)
if(GRIDLIGHT_BENCH)
  install(TARGETS gridlight-bench RUNTIME)
endif()
install(CODE "
  set(GRIDLIGHT_PROGRAM \"$<TARGET_FILE:gridlight>\")
  set(GRIDLIGHT_SOURCE \"${PROJECT_SOURCE_DIR}\")
  set(GRIDLIGHT_MADE \"${CMAKE_BINARY_DIR}/packaging\")")
install(SCRIPT ${PROJECT_SOURCE_DIR}/packaging/install.cmake)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME gridlight)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "gridlight contributors <gridlight@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "spatial queries over power-grid maps, from PostGIS")
set(CPACK_PACKAGE_DESCRIPTION
  "gridlight answers spatial questions about a power grid over HTTP: what is near
a point, what a viewport shows, how every substation does, and vector tiles
of it all. It reads from a PostgreSQL database with PostGIS, here or on another
host, and keeps that fresh from Snowflake.
.
The package holds the server with its systemd units, the load generator
gridlight-bench, manual pages, and pages for operators.")
set(CPACK_STRIP_FILES ON)
# So that /etc is /etc.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_OUTPUT_FILE_PREFIX ${CMAKE_BINARY_DIR})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "postgresql-15-postgis-3, bash-completion, prometheus")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${PROJECT_SOURCE_DIR}/packaging/debian/postinst
  ${PROJECT_SOURCE_DIR}/packaging/debian/prerm
  ${PROJECT_SOURCE_DIR}/packaging/debian/postrm
  ${PROJECT_SOURCE_DIR}/packaging/debian/conffiles)
include(CPack)
