"""The YAML files beside specs, read and checked as specs are: every fault with its line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from abtest.errors import SpecError
from abtest.fields import Block
from abtest.spec.faults import faults_of
from abtest.spec.yaml_text import read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from abtest.errors import Fault

B = TypeVar("B", bound=Block)


def read_block(path: Path, model: type[B], rule: Callable[[B], Iterable[Fault]]) -> B:
    """Read a file as one block.

    Args:
        path: The file.
        model: What it holds.
        rule: What must hold between its parts.

    Raises:
        SpecError: The file is at fault; the error lists every fault with its line.
    """
    document = read_document(path)
    if document.faults:
        raise SpecError(document.faults)
    try:
        block = model.model_validate_json(json.dumps(document.data))
    except ValidationError as error:
        raise SpecError(faults_of(error, model, document)) from error
    faults = [document.placed(fault) for fault in rule(block)]
    if faults:
        raise SpecError(faults)
    return block
