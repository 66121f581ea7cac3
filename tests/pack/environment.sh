# shellcheck shell=sh
# Sourced by what a packed folder starts, with $here the folder: its libraries, and Open MPI's files,
# which that library otherwise looks for where it was installed.
export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export OPAL_PREFIX="$here/openmpi" OPAL_BINDIR="$here/openmpi/bin" OPAL_LIBDIR="$here/lib"
export OPAL_PKGLIBDIR="$here/openmpi/plugins" OPAL_PKGDATADIR="$here/openmpi/share"
export OPAL_DATADIR="$here/openmpi/share" OPAL_SYSCONFDIR="$here/openmpi/etc"
export PMIX_PREFIX="$here/pmix" PMIX_INSTALL_PREFIX="$here/pmix" PMIX_PKGLIBDIR="$here/pmix/lib/pmix"
export HWLOC_PLUGINS_PATH="$here/lib/hwloc"
# Containers run as root, and forbid the one-copy path between processes.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none
# One rank without mpirun starts no daemon.
export OMPI_MCA_ess_singleton_isolated=1
# Ranks on this node need no remote shell; Open MPI insists on finding one.
export PATH="${PATH:-/usr/local/bin:/usr/bin:/bin}"
command -v ssh >/dev/null || export OMPI_MCA_plm_rsh_agent=sh
