# SPDX-License-Identifier: Apache-2.0
# `cmake --install`: the program, and what a user reads or starts from. `cpack -G DEB`: the same as a Debian package, whose
# dependencies are those of the libraries that the program links. The preset `package` builds what it should hold: a
# program for any processor of the baseline.
include(GNUInstallDirs)
# Where CUDA's runtime was found, it is looked for; all other libraries are the system's.
set_target_properties(switchyard PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # installing needs no tests to be built
install(TARGETS switchyard RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY configs slurm DESTINATION ${CMAKE_INSTALL_DATADIR}/switchyard USE_SOURCE_PERMISSIONS)
install(FILES README.md CHANGELOG.md CITATION.cff LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_PACKAGE_NAME switchyard)
set(CPACK_PACKAGE_VENDOR "The Switchyard developers")
set(CPACK_PACKAGE_CONTACT "The Switchyard developers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "pre-trains Switch Transformers on CPUs and GPUs")
set(CPACK_PACKAGE_DESCRIPTION "One program under mpirun streams C4 through SentencePiece and span corruption, trains
T5-style encoder-decoders with sparse experts, and writes checkpoints in HDF5.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR DEB)
set(CPACK_SOURCE_GENERATOR TGZ)
set(CPACK_SOURCE_IGNORE_FILES /\\.git /build /runs/ /data/sample/ /data/downloads/ __pycache__)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS openmpi-bin)  # mpirun, and orted, which one rank alone starts too
set(CPACK_VERBATIM_VARIABLES ON)
include(CPack)
