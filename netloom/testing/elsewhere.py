"""Run as a script by `netloom.testing.emission`: emits programs on what looks like another day.

The clock is changed before netloom or any plugin is imported, so that a date or time in a file shows.
"""

from __future__ import annotations

import datetime
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

AHEAD_S = 400 * 24 * 3600.0 + 3661.0
"""By how much the clock is ahead, in seconds."""

_NOW = time.time
_LOCAL = time.localtime


def now() -> float:
    """Seconds since the epoch, ahead of time."""
    return _NOW() + AHEAD_S


class Datetime(datetime.datetime):
    """A datetime whose present is ahead."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        """The present in a time zone, by default the local one."""
        return cls.fromtimestamp(now(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        """The present in UTC, without a time zone."""
        return cls.fromtimestamp(now(), datetime.UTC).replace(tzinfo=None)


class Date(datetime.date):
    """A date whose present is ahead."""

    @classmethod
    def today(cls) -> Any:
        """The present day."""
        return cls.fromtimestamp(now())


def ahead(function: Callable[..., Any], given: int, present: Callable[[], Any]) -> Callable[..., Any]:
    """A function of module time whose argument number `given` is the present when it is left out."""
    return lambda *arguments: function(*arguments, *([] if len(arguments) > given else [present()]))


def change_clock() -> None:
    """Let modules time and datetime tell another day."""
    changed: dict[str, Callable[..., Any]] = {
        "time": now,
        "time_ns": lambda: int(now() * 1e9),
        "strftime": ahead(time.strftime, 1, lambda: _LOCAL(now())),
        "asctime": ahead(time.asctime, 0, lambda: _LOCAL(now())),
        "ctime": ahead(time.ctime, 0, now),
        "gmtime": ahead(time.gmtime, 0, now),
        "localtime": ahead(time.localtime, 0, now),
    }
    vars(time).update(changed)
    vars(datetime).update({"datetime": Datetime, "date": Date})


def main(requests: Path, results: Path) -> None:
    """Emit what a file asks for into another file."""
    import warnings

    import netloom
    from netloom.core.diagnostics import NetloomWarning

    warnings.simplefilter("ignore", NetloomWarning)
    emitted: list[dict[str, str]] = []
    for request in json.loads(requests.read_text()):
        design = netloom.compile(
            request["model"], backend=request["backend"], io=request["io"], **request["options"]
        )
        emitted.append(dict(design.plan.files))
    results.write_text(json.dumps(emitted))


if __name__ == "__main__":
    change_clock()
    main(Path(sys.argv[1]), Path(sys.argv[2]))
