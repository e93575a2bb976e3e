"""Build plans: everything a backend would write, as data.

A plan is pure: relative path to contents, the tool steps as argument lists, and a digest. Writing
is one operation that either completes or leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from netloom.core.diagnostics import CompileError

MANIFEST = "netloom.manifest"
"""File that marks a directory as a netloom project and lists what belongs to it."""


@dataclass(frozen=True)
class Step:
    """One call of a tool, to be run in the project directory.

    Attributes:
        name: what the step does, one word ("analyse", "simulate", "synthesize").
        arguments: tool key (see `netloom.core.tools`) followed by its arguments.
    """

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class BuildPlan:
    """Files of a project by relative path, and steps that use them."""

    files: Mapping[str, str]
    steps: tuple[Step, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.files:
            pure = PurePosixPath(path)
            if pure.is_absolute() or ".." in pure.parts:
                raise ValueError(f"path {path!r} leaves the project")

    @property
    def digest(self) -> str:
        """Hash of all paths and contents (sha256, hexadecimal)."""
        state = hashlib.sha256()
        for path in sorted(self.files):
            state.update(f"{path}\0{len(self.files[path])}\0{self.files[path]}".encode())
        return state.hexdigest()

    def with_files(self, files: Mapping[str, str]) -> BuildPlan:
        """The plan with further files."""
        return BuildPlan({**self.files, **files}, self.steps, self.properties)

    def manifest(self) -> str:
        """Contents of the manifest file."""
        listing = "".join(f"{path}\n" for path in sorted(self.files))
        return f"netloom project\ndigest {self.digest}\n{listing}"

    def write(self, directory: Path) -> Path:
        """Write the project; on any failure, and on an interrupt, everything is as it was.

        The files go to a temporary directory beside the target first. An existing netloom project
        is replaced as a whole; any other directory that is not empty is refused.

        Returns:
            The directory.

        Raises:
            CompileError: NL501 when it cannot be written, NL502 when it holds something else.
        """
        created: list[Path] = []
        done = False
        try:
            _check_replaceable(directory)
            created = _make_parents(directory)
            with tempfile.TemporaryDirectory(
                prefix=".netloom-", dir=directory.parent, ignore_cleanup_errors=True
            ) as temporary:
                self._fill(Path(temporary) / "new")
                _replace(Path(temporary), directory)
            done = True
        except OSError as error:
            raise CompileError(
                "NL501",
                f"{error.strerror or error}",
                origin=str(directory),
                hint="choose a directory that you may write to",
            ) from error
        finally:
            if not done:
                _remove_empty(created)
        return directory

    def _fill(self, directory: Path) -> None:
        directory.mkdir()
        for path, contents in {**self.files, MANIFEST: self.manifest()}.items():
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(contents, encoding="utf-8", newline="\n")
            if contents.startswith("#!"):
                target.chmod(0o755)


def _check_replaceable(directory: Path) -> None:
    if not directory.exists():
        return
    if not directory.is_dir():
        raise CompileError("NL501", "it is a file", origin=str(directory), hint="name a directory")
    if any(directory.iterdir()) and not (directory / MANIFEST).exists():
        raise CompileError(
            "NL502",
            "the directory is not empty and was not written by netloom",
            origin=str(directory),
            hint="choose another directory, or empty this one",
        )
    if directory.samefile(Path.cwd()):
        # Replacing it would leave the user's shell in a directory that is no more.
        raise CompileError(
            "NL501", "it is the current directory", origin=str(directory), hint="name a directory below it"
        )


def _make_parents(directory: Path) -> list[Path]:
    """Create the directories above `directory`; those that were missing, outermost first."""
    missing = [parent for parent in reversed(directory.parents) if not parent.exists()]
    for index, parent in enumerate(missing):
        try:
            parent.mkdir()
        except BaseException:
            _remove_empty(missing[:index])
            raise
    return missing


def _remove_empty(directories: Sequence[Path]) -> None:
    for directory in reversed(directories):
        with contextlib.suppress(OSError):
            directory.rmdir()


def _replace(temporary: Path, target: Path) -> None:
    """Put `temporary`/new in place of the target; the old project goes to `temporary`."""
    if not target.exists():
        os.rename(temporary / "new", target)
        return
    try:
        os.rename(target, temporary / "old")
        os.rename(temporary / "new", target)
    except BaseException:
        if (temporary / "old").exists():
            os.rename(temporary / "old", target)
        raise
