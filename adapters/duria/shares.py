"""Which folders the kernel sends no events for: it says nothing of what another machine, or a layer below, writes."""

import os
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")
_SILENT: Final = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "lustre", "davfs", "9p", "virtiofs"),
    *("vboxsf", "vmhgfs", "prl_fs", "drvfs", "fuseblk", "fuse"),
}


def silent(folder: Path) -> bool:
    """Whether the folder lies on a share, as far as this machine can tell; blocks no longer than /proc does."""
    kind = _kind(folder)
    return kind in _SILENT or kind.startswith("fuse.")


def _kind(folder: Path) -> str:
    """The type of the file system that holds the folder; empty if it is not known."""
    try:
        lines = _MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    where = os.path.abspath(folder)  # noqa: PTH100 - resolve() would ask the share, which may be dead
    best, kind = "", ""
    for line in lines:
        fields, _, rest = line.partition(" - ")
        point = fields.split(" ")[4].encode("latin-1", "replace").decode("unicode_escape")
        if len(point) >= len(best) and (where == point or where.startswith(point.rstrip("/") + "/")):
            best, kind = point, rest.split(" ")[0]
    return kind
