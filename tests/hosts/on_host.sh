#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# on_host.sh HOST COMMAND...: runs a command line on one of the hosts of hosts.py. mpirun's agent for starting daemons.
host=$1
shift
exec nsenter --target "$(<"$SWITCHYARD_TEST_HOSTS/$host.pid")" --net --uts -- bash -c "$*"
