"""Files that are whole or not there: written beside and renamed, and checked byte for byte when
read.

A stored file is its content followed by a trailer of a mark and the content's SHA-256. NetCDF and
zip readers ignore the trailer, so other programs open the files as they are; here nothing is
parsed before it is checked, and a file cut short or altered anywhere is set aside under another
name, never read.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from icl.settings import InputError

MARK = b"icl-sha256:"
TRAILER = len(MARK) + 64


class StoreError(InputError):
    """The store cannot be read or written; one line says which file and why."""


class CorruptFile(StoreError):
    """A file is not what was written; it has been set aside."""


def write(path: Path, content: bytes) -> None:
    """Write a stored file, content and trailer, as :func:`replace` does."""
    replace(path, content + MARK + hashlib.sha256(content).hexdigest().encode())


def replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, also when the power fails.

    Raises :class:`StoreError` when the disk is full or the folder cannot be written; what stood
    there before is then still there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # mkstemp's files are their owner's alone
        Path(name).replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}; nothing was changed") from None
    finally:
        Path(name).unlink(missing_ok=True)
    with suppress(OSError):  # the file is in place; some network and FUSE mounts refuse this
        _sync_folder(path.parent)


def read(path: Path) -> bytes | None:
    """The content of a file, or None if there is none.

    Raises :class:`CorruptFile` when it is not what was written, after setting it aside.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from None
    content, trailer = data[:-TRAILER], data[-TRAILER:]
    if trailer == MARK + hashlib.sha256(content).hexdigest().encode():
        return content
    raise CorruptFile(set_aside(path, "it is cut short or altered"))


def set_aside(path: Path, why: str) -> str:
    """Rename a file that must not be read again; returns the line that says so."""
    aside = path.with_name(path.name + ".corrupt")
    try:
        path.replace(aside)
    except OSError as error:
        return f"{path} cannot be used: {why}; it could not be set aside: {error.strerror}"
    return f"{path} cannot be used: {why}; set aside as {aside.name}"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
