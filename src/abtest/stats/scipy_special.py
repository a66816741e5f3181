"""``scipy.special``, loaded when a function of it is first used.

It takes a quarter of a second, which commands that compute nothing (validate, assign, sql) would
pay as well, because a spec names methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scipy import special
else:

    class _Special:
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any function of the module
            from scipy import special as loaded  # noqa: PLC0415 - this is the point

            found = getattr(loaded, name)
            setattr(self, name, found)  # the next time costs nothing
            return found

    special = _Special()

__all__ = ["special"]
