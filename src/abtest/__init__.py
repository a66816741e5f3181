"""abtest: does a price, a message or an incentive make customers come back, and does it pay?

The names below load on first use (PEP 562), so that ``from abtest import assign`` in a web app
loads nothing but the standard library.
"""

__version__ = "0.1.0"

_HOMES = {
    "AbtestError": "abtest.errors",
    "AssignmentError": "abtest.errors",
    "DataError": "abtest.errors",
    "Experiment": "abtest.assignment",
    "Result": "abtest.analysis.result",
    "SpecError": "abtest.errors",
    "analyze": "abtest.analysis.analyze",
    "assign": "abtest.assignment",
    "assign_table": "abtest.analysis.assign_table",
}

TYPE_CHECKING = False
if TYPE_CHECKING:
    from abtest.analysis.analyze import analyze as analyze
    from abtest.analysis.assign_table import assign_table as assign_table
    from abtest.analysis.result import Result as Result
    from abtest.assignment import Experiment as Experiment
    from abtest.assignment import assign as assign
    from abtest.errors import AbtestError as AbtestError
    from abtest.errors import AssignmentError as AssignmentError
    from abtest.errors import DataError as DataError
    from abtest.errors import SpecError as SpecError

__all__ = [
    "AbtestError",
    "AssignmentError",
    "DataError",
    "Experiment",
    "Result",
    "SpecError",
    "__version__",
    "analyze",
    "assign",
    "assign_table",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'abtest' has no attribute {name!r}")
    # __import__ rather than importlib: a web app then loads four modules fewer.
    value = getattr(__import__(home, fromlist=[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
