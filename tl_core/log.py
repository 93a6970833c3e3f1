"""What the processes of a workspace log: a JSON object on each line, in files that are rotated.

Everything logs to one logger. Each kind of process has a file of its own, because two processes
cannot rotate one file; a run's own log, which its page shows, stands in its folder.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

LOGGER = "headstart"
_LARGEST, _OLD = 1 << 20, 3  # bytes of a file, and files kept beside it


def get_log() -> logging.Logger:
    """Return the logger that everything logs to."""
    return logging.getLogger(LOGGER)


def set_up_log(root: Path, process: str) -> Path:
    """Send what this process logs to `logs/PROCESS.log` below `root`, once; return the file.

    Args:
        root: of the workspace.
        process: its kind, e.g. "server" or "worker-cpu".
    """
    file = root / "logs" / f"{process}.log"
    with suppress(OSError):  # a workspace that may only be read is still shown
        file.parent.mkdir(parents=True, exist_ok=True)
    logger = get_log()
    logger.setLevel(logging.INFO)
    if not any(getattr(h, "baseFilename", None) == str(file) for h in logger.handlers):
        handler = _File(file, maxBytes=_LARGEST, backupCount=_OLD, encoding="utf-8", delay=True)
        handler.setFormatter(_JsonLine())
        logger.addHandler(handler)
    return file


class _File(RotatingFileHandler):
    """A file that says nothing of itself where it cannot be written."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class _JsonLine(logging.Formatter):
    """Formats a record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "pid": os.getpid(),
            "where": f"{record.module}:{record.lineno}",
            "says": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
