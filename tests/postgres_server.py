"""A real PostgreSQL server for tests: its own data, a socket in a folder, a user without rights."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sql_engines import postgres_tools

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "s3cret-of-the-test"  # noqa: S105 - of a server that lives for one test


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that wants a password."""

    home: Path
    tools: Path

    @property
    def address(self) -> str:
        """Its address, without the password."""
        return f"postgresql://tester@/postgres?host={self.home}"

    def run(self, script: str) -> None:
        """Run statements."""
        arguments = ["-h", str(self.home), "-U", "tester", "-d", "postgres", "-X", "-q"]
        command = [str(self.tools / "psql"), *arguments, "-v", "ON_ERROR_STOP=1"]
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        done = subprocess.run(
            command, input=script, capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stderr[-2000:]


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Start a server, and stop it at the end."""
    tools = postgres_tools()
    if tools is None:
        pytest.skip("PostgreSQL is not installed")
    user = "nobody" if os.geteuid() == 0 else None  # the server refuses to run as root
    home = folder / "pg"
    home.mkdir()
    secret = home / "secret"
    secret.write_text(PASSWORD)
    if user is not None:
        for parent in [home, *home.parents[:-1]]:
            parent.chmod(parent.stat().st_mode | 0o055)
        shutil.chown(home, user)
        shutil.chown(secret, user)

    def call(tool: str, *arguments: str) -> None:
        command = [str(tools / tool), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, user=user, cwd=home
        )
        assert done.returncode == 0, done.stderr[-2000:]

    call("initdb", "-D", "data", "-A", "scram-sha-256", "-U", "tester", "-E", "UTF8", "--no-sync",
         "--locale=C.UTF-8", f"--pwfile={secret}")  # fmt: skip
    call("pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o",
         f"-c listen_addresses='' -c fsync=off -k {home}")  # fmt: skip
    try:
        yield Postgres(home, tools)
    finally:
        call("pg_ctl", "stop", "-m", "immediate", "-D", "data")
