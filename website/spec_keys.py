"""The page of all keys of a spec, from the JSON Schema that editors read."""

from __future__ import annotations

import json
import re
from typing import Any

from abtest.spec.schema import json_schema
from docstrings import plain
from tables import code, table

Schema = dict[str, Any]

_PLAIN = {
    "array": "list",
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "object": "mapping",
    "string": "text",
}
HEAD = """# Keys of a spec

Every key of `experiment.yaml`, with what it takes, its default and its meaning. This page is made
from the same models that read the file; `abtest schema` writes them as a JSON Schema, with which
an editor completes and checks keys. A key that is not here is an error that names the line and
the nearest key.
"""


def page() -> str:
    """The page."""
    schema = json_schema()
    blocks = {"spec": schema, **schema["$defs"]}
    shown = [(name, block) for name, block in blocks.items() if block.get("properties")]
    return "\n".join([HEAD, *(_block(name, block) for name, block in shown)])


def _block(name: str, block: Schema) -> str:
    title = "The whole file" if name == "spec" else _title(name, block)
    about = "" if name == "spec" else _first(block.get("description", ""))
    required = set(block.get("required", ()))
    rows = [
        (code(key), _type(value), _default(key, value, required), _meaning(value))
        for key, value in block["properties"].items()
    ]
    head = f"## {title} {{#{anchor(name)}}}"
    return f"{head}\n\n{about}\n\n{table(('key', 'takes', 'default', 'meaning'), rows)}\n"


def anchor(name: str) -> str:
    """Where on the page a block is."""
    return name.rsplit("__", 1)[-1].lower() + ("-purchases" if "metrics__prior" in name else "")


def _title(name: str, block: Schema) -> str:
    kind = block["properties"].get("kind", {}).get("const")
    return f"`kind: {kind}`" if kind else _words(name)


def _words(name: str) -> str:
    """EventsTable becomes Events table."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.rsplit("__", 1)[-1])
    return words.removesuffix(" Metric").capitalize()


def _first(text: str) -> str:
    """The first paragraph."""
    return plain(text.split("\n\n", maxsplit=1)[0])


def _meaning(value: Schema) -> str:
    if "const" in value and "description" not in value:
        return "Names the kind."
    return _first(value.get("description", ""))


def _default(key: str, value: Schema, required: set[str]) -> str:
    if key in required:
        return "required"
    default = value.get("default")
    if default in (None, {}, []):
        return " "
    if isinstance(default, dict) and "$ref" in value:
        return "as there"
    return code(json.dumps(default, ensure_ascii=False).strip('"'))


def _type(value: Schema) -> str:
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[-1]
        return "anything" if name == "JsonValue" else f"[{_words(name)}](#{anchor(name)})"
    for word in ("anyOf", "oneOf"):
        if word in value:
            forms = [_type(form) for form in value[word] if form.get("type") != "null"]
            return " or ".join(dict.fromkeys(forms))
    if "const" in value:
        return code(json.dumps(value["const"]).strip('"'))
    if "enum" in value:
        return ", ".join(code(str(choice)) for choice in value["enum"])
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {}))}"
    if value.get("type") == "object" and isinstance(value.get("additionalProperties"), dict):
        return f"a mapping of names to {_type(value['additionalProperties'])}"
    return _PLAIN.get(value.get("type", ""), "anything")
