"""The YAML: models, loading with line numbers, rules, JSON Schema."""

from abtest.spec.experiment import Spec
from abtest.spec.load import Draft, LoadedSpec, draft_mapping, draft_spec, load_spec, parse_spec

__all__ = ["Draft", "LoadedSpec", "Spec", "draft_mapping", "draft_spec", "load_spec", "parse_spec"]
