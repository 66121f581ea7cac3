# SPDX-License-Identifier: Apache-2.0
"""A place of its own on this host for a test's daemons: namespaces for processes, network, shared memory and mounts.
Whatever ends the test, the kernel then ends every process in it, and files in TMPDIR are gone. Needs root."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
# unshare ends with this process, and what it starts ends with unshare.
NAMESPACES = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--net",
              "--ipc", "--mount"]
# A network of one address: names are not resolved where there is only the loopback. bash stays, as the process that
# takes over orphans.
PREPARE = """\
mount -t tmpfs none "$TMPDIR" && chmod 755 "$TMPDIR" && ip link set lo up &&
  ip link add eth0 type veth peer name eth1 && ip addr add 10.0.0.1/24 dev eth0 &&
  ip link set eth0 up && ip link set eth1 up || exit 125
"$@"
exit $?
"""


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def why_not(programs):
    """Why this host cannot; empty if it can."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed (setup.sh --tests)"
    if os.geteuid() != 0:
        return "not root"
    done = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"namespaces are not permitted: {done.stderr.strip()}"


def enter(*programs):
    """Starts the calling script again in such a place, and exits as it does; returns there, with the folder. Skips the
    test where that is not possible."""
    if os.environ.get("REAL_HOST"):
        return pathlib.Path(os.environ["REAL_HOST"])
    reason = why_not(["ip", "setpriv", "unshare", *programs])
    if reason:
        skip(reason)
    folder = tempfile.mkdtemp(prefix="sy", dir="/tmp")  # short: it holds sockets
    try:
        done = subprocess.run([*NAMESPACES, "bash", "-c", PREPARE, "bash", sys.executable, *sys.argv], check=False,
                              env={**os.environ, "REAL_HOST": folder, "TMPDIR": folder})
    finally:
        os.rmdir(folder)
    if done.returncode == 125:
        skip("its network and its file system in memory cannot be made")
    sys.exit(done.returncode)
