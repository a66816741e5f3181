"""The page of all commands and their options, from the command line itself."""

from __future__ import annotations

import inspect
import re
from typing import Any, get_type_hints

import typer.main

from abtest.cli.app import app
from tables import code, table

HEAD = """# Commands

Every command and option, made from the program itself; `abtest COMMAND --help` says the same.
Results go to stdout, progress and warnings to stderr. What a command's exit code means is on [its
own page](exit-codes.md).

`abtest --version` prints the version; `abtest --install-completion` makes the shell complete
names.
"""


def page() -> str:
    """The page."""
    group: Any = typer.main.get_command(app)
    return "\n".join([HEAD, *(_command(name, found) for name, found in group.commands.items())])


def _command(name: str, command: Any) -> str:  # noqa: ANN401 - typer brings its own click
    hints = get_type_hints(command.callback)
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    usage = " ".join([f"abtest {name}", *map(_usage, arguments), "[OPTIONS]" if options else ""])
    rows = [(code(p.name.upper()), _default(p), p.help or "") for p in arguments]
    rows += [(_names(p, hints.get(p.name)), _default(p), p.help or "") for p in options]
    about = inspect.cleandoc(command.help or "")
    head = table(("argument or option", "default", "meaning"), rows)
    return f"## abtest {name}\n\n{about}\n\n```text\n{usage.strip()}\n```\n\n{head}\n"


def _usage(parameter: Any) -> str:  # noqa: ANN401
    name: str = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _names(parameter: Any, hint: Any) -> str:  # noqa: ANN401
    names = ", ".join(code(name) for name in (*parameter.opts, *parameter.secondary_opts))
    choices = re.findall(r"Literal\[([^\]]*)\]", str(hint))
    return names + (f": {choices[0].replace(chr(39), '')}" if choices else "")


def _default(parameter: Any) -> str:  # noqa: ANN401
    if parameter.required:
        return "required"
    default = parameter.default
    if default is True:
        return "on"
    return "" if default in (None, False, ()) or callable(default) else code(str(default))
