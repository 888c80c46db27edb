"""The files of a store: who may open them, and the little room that is kept for bad days."""

import fcntl
import logging
import os
import shutil
from pathlib import Path

from quota.errors import StoreTakenError, StoreUnavailableError

log = logging.getLogger(__name__)

OWNER_ONLY = 0o600
BALLAST_BYTES = 1 << 20
BALLAST_REST_BYTES = 1 << 17
# Room for the ballast and for what comes after it.
ROOM_BYTES = 16 * BALLAST_BYTES

# File systems that another machine can write to; their locks cannot be relied upon.
SHARED_FILE_SYSTEMS = frozenset(
    {
        *{"afs", "beegfs", "ceph", "cifs", "coda", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs"},
        *{"nfs", "nfs4", "ocfs2", "smb3", "smbfs", "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs"},
        *{"fuse.rclone", "fuse.s3fs", "fuse.sshfs"},
    }
)


def beside(path: Path, what: str) -> Path:
    """The file of this name that belongs to a database: `quotabot.db-lock`."""
    return path.with_name(f"{path.name}-{what}")


def make_private(path: Path) -> None:
    """Create the database file, or take over the one that is there, for its owner only."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY))
    # SQLite gives new -wal and -shm files the mode of the database; old ones may be left over.
    for file in (path, beside(path, "wal"), beside(path, "shm")):
        if file.exists() and file.stat().st_mode & 0o077:
            file.chmod(OWNER_ONLY)


def shared_file_system(path: Path, mounts: str) -> str | None:
    """The network file system that holds a path, by the text of /proc/mounts; None for a local."""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        # The kernel writes blanks inside a name as octal numbers.
        place = fields[1].encode().decode("unicode_escape")
        if path.is_relative_to(place) and len(place) >= len(best):
            best, kind = place, fields[2]
    return kind if kind in SHARED_FILE_SYSTEMS else None


def refuse_shared(path: Path) -> None:
    """Raise where the database would lie on a network file system and that is easy to tell."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8")
    except OSError:
        return
    kind = shared_file_system(path, mounts)
    if kind is not None:
        raise StoreUnavailableError(
            f"{path} lies on a network file system ({kind}), where locks cannot be relied upon: "
            "move the database to a local disk"
        )


class Lock:
    """The right to write, held by one process; the system takes it back when the process dies."""

    def __init__(self, path: Path) -> None:
        """Take the lock, or raise with the process that holds it."""
        self.path = beside(path, "lock")
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise StoreTakenError(
                f"{path} is open for writing in another process (pid {holder}): stop that one "
                "first, or point this one at a database of its own"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others in. The file stays: to remove it would let two hold the same name."""
        os.close(self._file)


class Ballast:
    """Room that is given up when the disk is full, so that what was used can still be written.

    Most of it is for the database, the rest for the file of what even then finds no room.
    """

    def __init__(self, path: Path) -> None:
        """Keep the ballast beside the database."""
        self.path = beside(path, "ballast")

    def take_aboard(self) -> None:
        """Claim the room, unless that would leave the disk with too little."""
        try:
            if self._size() >= BALLAST_BYTES:
                return
            if shutil.disk_usage(self.path.parent).free < ROOM_BYTES:
                return
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            file = os.open(self.path, flags, OWNER_ONLY)
            try:
                # Noise: a hole, or zeros on a disk that compresses, take no room to give up.
                os.write(file, os.urandom(BALLAST_BYTES))
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            log.warning("no ballast could be kept at %s: %s", self.path, error.strerror)

    def drop(self) -> bool:
        """Give up most of the room; False where that was done before."""
        if self._size() <= BALLAST_REST_BYTES:
            return False
        log.error("the disk is full: %s gives up its room to settlements", self.path)
        return self._cut(BALLAST_REST_BYTES)

    def drop_rest(self) -> bool:
        """Give up what is left; False where there is nothing."""
        return self._size() > 0 and self._cut(0)

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _cut(self, size: int) -> bool:
        try:
            os.truncate(self.path, size)
        except OSError:
            return False
        return True
