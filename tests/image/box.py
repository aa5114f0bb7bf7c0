"""A container without an engine: an image's files, read-only, its user and environment, on this machine's network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Mounts of a namespace of their own; /tmp is all that can be written. The shell is this machine's, not the image's.
_ENTER = """
set -e
root=$1 name=$2; shift 2
hostname "$name"
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs tmpfs "$root/tmp"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
exec env -i "$@"
"""
_NAMESPACES = ("unshare", "--mount", "--uts", "--propagation", "private")
_BOUNDS = ("/usr/bin/setpriv", "--no-new-privs", "/usr/sbin/chroot")  # PATH is the image's


@dataclass(frozen=True)
class Box:
    """An image that was unpacked, with its configuration."""

    root: Path
    config: Mapping[str, Any]

    def argv(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
        """Return the command line that runs a command in it, on a host of that name."""
        variables = [*self.config["Env"], *(f"{key}={value}" for key, value in environment.items())]
        entered = [*_BOUNDS, f"--userspec={self.config['User']}", str(self.root), *command]
        return [*_NAMESPACES, "sh", "-c", _ENTER, "sh", str(self.root), name, *variables, *entered]
