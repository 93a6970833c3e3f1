"""What the operating system refuses, in one sentence, wherever it comes up.

The terminal, the pages, runs and the predictor turn errors into sentences at one place each; all of
them ask here what is no mistake of ours: rights, a disk that is read-only, full or away, memory.
"""

from __future__ import annotations

import errno

from tl_core.errors import BusyError, HeadstartError, NoRoomError, TransientError, UserError
from tl_core.workspace import is_full

MEMORY = (
    "The memory of this machine is not enough for this; close other programs, or choose a smaller "
    "backbone, fewer pictures per step (the batch size) or more frozen stages."
)

_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_BUSY = {errno.EBUSY, errno.EAGAIN, errno.ETXTBSY, errno.EDEADLK}
# A disk in the network that went away, a cable, a machine that slept.
_AWAY = {
    getattr(errno, name)
    for name in ("EIO", "ESTALE", "ETIMEDOUT", "ENOTCONN", "EHOSTDOWN", "EREMOTEIO", "ENODEV",
                 "ENXIO", "ESHUTDOWN")
    if hasattr(errno, name)
}  # fmt: skip
_HELD_ON_WINDOWS = {32, 33}  # ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
_NO_MEMORY = ("can't allocate memory", "not enough memory", "Cannot allocate memory")


def as_sentence(error: BaseException) -> HeadstartError | None:
    """Return an error as one that a person can act on; `None` where it is a mistake of ours.

    >>> print(as_sentence(PermissionError(13, "Permission denied", "/data/hs/datasets")))
    /data/hs/datasets may not be used (Permission denied): it belongs to somebody else, or its \
disk is read-only; change its owner or its permissions, or set HEADSTART_HOME to a folder of yours.
    >>> as_sentence(ZeroDivisionError("division by zero"))
    """
    if isinstance(error, HeadstartError):
        return error
    if is_memory_refused(error):
        return UserError(MEMORY)
    return _of_system(error) if isinstance(error, OSError) else None


def is_memory_refused(error: BaseException) -> bool:
    """Tell whether the system gave no memory, whichever library asked for it.

    >>> is_memory_refused(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"))
    True
    """
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    return isinstance(error, RuntimeError) and any(said in str(error) for said in _NO_MEMORY)


def _of_system(error: OSError) -> UserError | None:
    where, why = _where(error), error.strerror or str(error)
    if is_full(error):
        return NoRoomError(f"The disk is full ({where}); free some space and try again.")
    if error.errno in _BUSY or getattr(error, "winerror", None) in _HELD_ON_WINDOWS:
        return BusyError(
            f"Another program holds {where} ({why}); wait until it is done, or close it, and try "
            "again."
        )
    if error.errno in _REFUSED:
        return UserError(
            f"{where} may not be used ({why}): it belongs to somebody else, or its disk is "
            "read-only; change its owner or its permissions, or set HEADSTART_HOME to a folder of "
            "yours."
        )
    if error.errno in _AWAY:
        return TransientError(
            f"The disk with {where} does not answer ({why}); check that it is connected, and try "
            "again."
        )
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return BusyError(
            "This machine lets no further file be opened; close other programs, and try again."
        )
    return None


def _where(error: OSError) -> str:
    names = [name for name in (error.filename2, error.filename) if name]
    return str(names[0]) if names else "a file of Headstart's"
