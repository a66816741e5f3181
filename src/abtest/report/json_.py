"""The result as JSON: ``abtest-result/v1``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abtest.analysis.result import Result

# JSON escapes codes below 32 itself. A terminal obeys these too, and not every reader takes a lone
# surrogate; they only occur inside strings, where an escape means the same.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def render_json(result: Result) -> str:
    """The whole result, indented by two, in the documented order of keys.

    Args:
        result: The result of an analysis.

    Returns:
        JSON in which what is absent is null.
    """
    text = json.dumps(result.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n"
