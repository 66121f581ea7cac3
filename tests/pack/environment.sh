# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Sourced by the start scripts of a packed folder, with $here set to the folder. Points Open MPI to its files, which it
# would otherwise seek where it was installed. Programs find their libraries by themselves.
export OPAL_PREFIX="$here/openmpi" OPAL_BINDIR="$here/openmpi/bin" OPAL_LIBDIR="$here/lib"
export OPAL_PKGLIBDIR="$here/openmpi/plugins" OPAL_PKGDATADIR="$here/openmpi/share"
export OPAL_DATADIR="$here/openmpi/share" OPAL_SYSCONFDIR="$here/openmpi/etc"
export PMIX_PREFIX="$here/pmix" PMIX_INSTALL_PREFIX="$here/pmix" PMIX_PKGLIBDIR="$here/pmix/lib/pmix"
export HWLOC_PLUGINS_PATH="$here/lib/hwloc"
# Containers often run as root and forbid single-copy transfers between processes.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none
# A single rank without mpirun needs no daemon.
export OMPI_MCA_ess_singleton_isolated=1
# Ranks on this node need no remote shell, but Open MPI insists on finding one.
export PATH="${PATH:-/usr/local/bin:/usr/bin:/bin}"
command -v ssh >/dev/null || export OMPI_MCA_plm_rsh_agent=sh
