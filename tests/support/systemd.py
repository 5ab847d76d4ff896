# SPDX-License-Identifier: MIT
#
# Runs systemd with the units of the packages in the same guest as the test.

import subprocess
import sys
import time

# The first process mounts file systems and becomes systemd. Its /dev has no terminal, which systemd would use.
BOOT = """
mount -t tmpfs -o mode=755 none /tmp
for node in null zero full random urandom moddb; do cp -a /dev/$node /tmp; done
ln -s /proc/self/fd /tmp/fd
ln -s pts/ptmx /tmp/ptmx
mkdir /tmp/pts /tmp/shm
mount --move /tmp /dev
mount -t tmpfs -o mode=1777 none /tmp
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/systemd
cp -r /opt/moddb/systemd /run/systemd/system
exec /lib/systemd/systemd --unit=basic.target
"""


class SystemdMachine:
    """Namespaces in which systemd is the first process. `enter` is the prefix of a command that is to run there."""

    def __init__(self):
        self.outer = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--cgroup",
                                       "--uts", "--ipc", "sh", "-c", BOOT], stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not self.is_up():
            if time.monotonic() > deadline:
                sys.exit("systemd does not start")
            time.sleep(0.1)

    def is_up(self):
        child = subprocess.run(["pgrep", "-P", str(self.outer.pid)], capture_output=True, text=True).stdout.strip()
        self.enter = ["nsenter", "--target", child, "--mount", "--pid", "--cgroup", "--uts", "--ipc"]
        state = child and subprocess.run([*self.enter, "systemctl", "is-system-running"], capture_output=True, text=True).stdout
        return state in ("running\n", "degraded\n")

    def end(self):
        self.outer.kill()
        self.outer.wait()
