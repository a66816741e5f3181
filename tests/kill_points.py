"""Runs a command again and again, each time killed (SIGKILL) at another touch of a file.

Usage: kill_points.py TEMPLATE FOLDER, and on stdin one JSON list of arguments on each line. For
each command it prints one JSON object: how many touches there were, what the files were before and
after a whole run, and after each kill. Every run begins with a new copy of the template.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

TOUCHES = {"os.rename", "os.remove", "os.chmod", "os.mkdir", "os.rmdir", "os.truncate", "os.link"}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def main() -> None:
    template, folder = map(Path, sys.argv[1:])
    import abtest.analysis.analyze  # noqa: PLC0415 - loaded once, before forking
    import abtest.cli.app  # noqa: PLC0415
    import abtest.report.html  # noqa: F401, PLC0415

    for line in sys.stdin:
        arguments = json.loads(line)
        _fresh(template, folder)
        before = _files(folder)
        code, touches, opened = _run(folder, arguments, 0)
        found: dict[str, Any] = {"code": code, "touches": touches, "opened": opened}
        found |= {"before": before, "after": _files(folder), "killed": []}
        for stop in range(1, touches + 1):
            _fresh(template, folder)
            code, _, _ = _run(folder, arguments, stop)
            found["killed"].append([code, _files(folder)])
        _run(folder, arguments, 0)  # once more over what the last kill left
        found["again"] = _files(folder)
        print(json.dumps(found), flush=True)  # noqa: T201 - what the script is for


def _fresh(template: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder)


def _files(folder: Path) -> dict[str, str]:
    """Every file under the folder and what it holds."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def _run(folder: Path, arguments: list[str], stop: int) -> tuple[int, int, list[str]]:
    """The exit code (negative for a signal), the number of touches, and which files were opened."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(folder, arguments, stop, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().decode().splitlines()
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status), len(told), sorted({t for t in told if t})


def _child(folder: Path, arguments: list[str], stop: int, pipe: int) -> None:
    """Run the command; each touch is told through the pipe, and the one at ``stop`` is the last."""
    count = 0

    def touch(name: str) -> None:
        nonlocal count
        count += 1
        if count == stop:
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(pipe, f"{name}\n".encode())

    def hook(event: str, details: tuple[Any, ...]) -> None:
        place = details[0] if details else None
        if not isinstance(place, str | bytes | os.PathLike):
            return
        path = Path(os.fsdecode(place)).absolute()
        if not path.is_relative_to(folder):
            return
        if event == "open" and isinstance(details[2], int) and details[2] & WRITES:
            touch(path.name)
        elif event in TOUCHES:
            touch("")

    sync = os.fsync

    def counted(handle: Any) -> None:
        touch("")
        sync(handle)
        touch("")

    os.chdir(folder)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    os.fsync = counted  # type: ignore[assignment]
    sys.addaudithook(hook)
    sys.argv = ["abtest", *arguments]
    code = 70
    try:
        from abtest.cli.app import main as command  # noqa: PLC0415

        command()
        code = 0
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
