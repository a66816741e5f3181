"""What can go wrong, for people to read.

AbtestError
├── SpecError         the YAML is at fault; carries every fault at once
├── DataError         a file, a column or a value is at fault
└── AssignmentError   a unit or an experiment cannot be used to assign
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class AbtestError(Exception):
    """Base of every error a user can cause; its text is one message without a traceback."""


class Fault:
    """One thing wrong with a spec: where it is, what is wrong and what to do next.

    Args:
        path: The YAML path, such as ``("metrics", 0, "window")``.
        message: "`{thing}` is {value}; it must {rule}."
        hint: The next step, or an empty string.
        line: The line in the file, from 1, or 0 where it is not known.
        file: The file's name, or an empty string for a spec that was passed as an object.
    """

    __slots__ = ("file", "hint", "line", "message", "path")

    def __init__(
        self,
        path: "Sequence[str | int]",
        message: str,
        hint: str = "",
        *,
        line: int = 0,
        file: str = "",
    ) -> None:
        self.path = tuple(path)
        self.message = message
        self.hint = hint
        self.line = line
        self.file = file

    @property
    def dotted(self) -> str:
        """The path as ``metrics.0.window``."""
        return ".".join(str(part) for part in self.path)

    def __repr__(self) -> str:
        return f"Fault({self.dotted!r}, {self.message!r})"

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part)
        where = ": ".join(part for part in (place, self.dotted) if part)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}\n  Hint: {self.hint}" if self.hint else text


class SpecError(AbtestError):
    """The spec is at fault. ``faults`` holds every fault that was found, in file order."""

    def __init__(self, faults: "Sequence[Fault]") -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> "tuple[type[SpecError], tuple[tuple[Fault, ...]]]":
        return type(self), (self.faults,)


class DataError(AbtestError):
    """A file, a column or a value in the data is at fault."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}\n  Hint: {hint}" if hint else message)

    def __reduce__(self) -> "tuple[type[DataError], tuple[str, str]]":
        return type(self), (self.message, self.hint)


class AssignmentError(AbtestError, ValueError):
    """A unit id, a salt or a weight cannot be used for assignment."""
