# SPDX-License-Identifier: Apache-2.0
"""Network namespaces as hosts: up to four, each with a host name and an address of its own, joined by a bridge that may
be slow, lose frames or lose a host. The file system is shared. Everything lies in one process namespace with private
mounts, and the kernel removes both with their first process: a test that is killed leaves an empty folder behind."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
INSIDE = "SWITCHYARD_TEST_HOSTS"  # set within the namespaces: the folder of their files
KEEPALIVE = {"time": 2, "intvl": 1, "probes": 2}  # seconds, and a number; quicker than docs/operating.md advises
NAMESPACES = ["unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]


def run(*words):
    subprocess.run([str(word) for word in words], check=True, stdin=subprocess.DEVNULL)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def namespaces():
    """The command that starts another in new namespaces, as root there. Skips the test where that is impossible."""
    for tool in ("hostname", "ip", "mount", "nsenter", "unshare"):
        if shutil.which(tool) is None:
            skip(f"{tool} is not installed")
    command = NAMESPACES + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    trial = "mount -t tmpfs tmpfs /dev/shm && ip link add eth0 type veth"
    tried = subprocess.run([*command, "sh", "-c", trial], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        skip(f"no network namespaces for this user: {tried.stderr.strip()}")
    return command


def enter():
    """Returns in new namespaces only, by starting this script again. What runs there is host 1."""
    if INSIDE in os.environ:
        threading.Thread(target=end_with_starter, daemon=True).start()
        return
    command = namespaces()
    folder = tempfile.mkdtemp()
    try:
        inner = subprocess.Popen([*command, sys.executable, *sys.argv], env={**os.environ, INSIDE: folder},
                                 stdin=subprocess.PIPE)
        code = inner.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(code if code >= 0 else 128 - code)


def end_with_starter():
    """Standard input is a pipe that ends with the process that made the namespaces, however that ends."""
    sys.stdin.read()
    os._exit(1)  # the first process of the namespaces: the kernel kills all others


def address(number):
    return f"10.77.0.{number}"


class Hosts:
    """Hosts h1 to hN. h1 is where the test itself runs; a sleeping process holds each other one, and the wire."""

    def __init__(self, count):
        enter()
        self.count = count
        self.folder = pathlib.Path(os.environ[INSIDE])
        # Files of the test and of Open MPI, none of which outlives the namespaces.
        for place in (self.folder, "/dev/shm"):
            run("mount", "-t", "tmpfs", "tmpfs", place)
        os.environ["TMPDIR"] = tempfile.tempdir = str(self.folder)
        names = "".join(f"{address(number)} h{number}\n" for number in range(1, count + 1))
        (self.folder / "names").write_text(f"127.0.0.1 localhost\n{names}")
        run("mount", "--bind", self.folder / "names", "/etc/hosts")
        socket.sethostname("h1")
        run("ip", "link", "set", "lo", "up")
        self.wire = self.hold("wire")
        run(*self.on_wire(), "ip", "link", "add", "bridge", "up", "type", "bridge")
        for number in range(1, count + 1):
            if number > 1:
                self.hold(f"h{number}")
            self.connect(number)
        self.forwarder = None

    def hold(self, name):
        """Starts the process that keeps a namespace, and returns its number."""
        script = 'hostname "$1" && ip link set lo up && echo ready && exec sleep infinity'
        holder = subprocess.Popen(["unshare", "--net", "--uts", "bash", "-c", script, "hold", name],
                                  stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        if holder.stdout.readline() != b"ready\n":
            sys.exit(f"FAILED: no namespace for {name}")
        (self.folder / f"{name}.pid").write_text(str(holder.pid))
        return holder.pid

    def on(self, number):
        """The words before a command that shall run on a host."""
        return [] if number == 1 else [HERE / "on_host.sh", f"h{number}"]

    def on_wire(self):
        return ["nsenter", "--target", self.wire, "--net"]

    def connect(self, number):
        port = f"port{number}"
        run(*self.on(number), "ip", "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", self.wire)
        run(*self.on(number), "ip", "address", "add", f"{address(number)}/24", "dev", "eth0")
        run(*self.on(number), "ip", "link", "set", "eth0", "up")
        run(*self.on_wire(), "ip", "link", "set", port, "up", "master", "bridge")

    def slow_down(self, delay_ms, loss):
        """From now on frames between hosts take delay_ms, and the share `loss` of them is lost."""
        for number in range(1, self.count + 1):
            run(*self.on_wire(), "ip", "link", "set", f"port{number}", "nomaster")
        self.forwarder = subprocess.Popen(
            [str(word) for word in [*self.on_wire(), sys.executable, HERE / "slow_wire.py", delay_ms, loss, self.count]],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        if self.forwarder.stdout.readline() != b"ready\n":
            sys.exit("FAILED: nothing forwards between the hosts")

    def frames(self):
        """Ends slow_down() and returns how many frames were forwarded and how many were lost."""
        self.forwarder.terminate()
        forwarded, lost = self.forwarder.communicate()[0].split()
        return int(forwarded), int(lost)

    def cut_off(self, number):
        """Nothing goes to or from this host any more."""
        run(*self.on_wire(), "ip", "link", "set", f"port{number}", "down")

    def mpi(self, ranks_each, hosts=None, keepalive=True):
        """Options of mpirun for so many ranks on each of the hosts, all by default."""
        file = self.folder / "hostfile"
        file.write_text("".join(f"h{number} slots={ranks_each}\n" for number in hosts or range(1, self.count + 1)))
        settings = {"plm_rsh_agent": HERE / "on_host.sh", "btl": "tcp,vader,self", "btl_tcp_if_include": "eth0",
                    "oob_tcp_if_include": "eth0"}
        if keepalive:
            settings |= {f"oob_tcp_keepalive_{name}": value for name, value in KEEPALIVE.items()}
        return ["--hostfile", file, *(word for name, value in settings.items() for word in ("--mca", name, value))]


def programs(name):
    """{process: its host} of the living processes of this name on all hosts."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            before, _, after = (entry / "stat").read_text().rpartition(")")
            if before.partition("(")[2] == name[:15] and after.split()[0] != "Z":
                found[int(entry.name)] = host_of(entry)
    return found


def host_of(process):
    """1 for the host of this test, else the number of the host whose namespace the process is in."""
    here = os.readlink(process / "ns" / "uts")
    for file in pathlib.Path(os.environ[INSIDE]).glob("h*.pid"):
        if os.readlink(f"/proc/{file.read_text()}/ns/uts") == here:
            return int(file.stem[1:])
    return 1
