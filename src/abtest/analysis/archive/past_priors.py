"""The prior of a spec that takes it from the archive: ``analysis.bayes.prior: {from: ...}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.archive.model import Archive, PastPrior
from abtest.analysis.result import Check
from abtest.analysis.result_file import read_document
from abtest.errors import DataError
from abtest.methods.bayes import LogLiftPrior
from abtest.sentences import sentence
from abtest.sources.manifest import sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from abtest.analysis.result import Result
    from abtest.metrics import AnyMetric
    from abtest.spec import LoadedSpec, Spec
    from abtest.spec.plan_values import Values

CONTENT = "analysis.bayes.prior.sha256"
"""The path of the archive's fingerprint in a frozen plan, beside that of its name."""
TABLE = "archive"
"""What the archive is called among the data that a result was computed from."""


def with_past_prior(loaded: LoadedSpec) -> Spec:
    """The spec with the numbers of its prior filled in, where it takes them from an archive.

    The prior is that of the spec's kind and of the kind and direction of its first primary metric;
    without past experiments of these it is N(0, 0.05^2). For `analyze`, `plan` and `backlog`.

    Raises:
        DataError: The archive cannot be read, or was estimated from this experiment too.
    """
    path = archive_of(loaded)
    if path is None:
        return loaded.spec
    found = _prior_in(path, loaded.spec)
    log_lift = LogLiftPrior() if found is None else LogLiftPrior(mean=found.mean, sd=found.sd)
    bayes = loaded.spec.analysis.bayes
    bayes = bayes.model_copy(
        update={"prior": bayes.prior.model_copy(update={"log_lift": log_lift, "lift": None})}
    )
    analysis = loaded.spec.analysis.model_copy(update={"bayes": bayes})
    return loaded.spec.model_copy(update={"analysis": analysis})


def archive_of(loaded: LoadedSpec) -> Path | None:
    """The archive that the spec takes its prior from; None where it gives the prior itself."""
    named = loaded.spec.analysis.bayes.prior.from_
    return None if named is None else loaded.folder / named


def archive_values(loaded: LoadedSpec) -> Values:
    """What of the archive belongs into a frozen plan: the fingerprint of the file's content.

    Raises:
        DataError: The archive cannot be read.
    """
    path = archive_of(loaded)
    if path is None:
        return {}
    _archive_in(path)  # one that is not there or is none is said to be so
    return {CONTENT: sha256_of(path)}


def telling_the_prior(result: Result, loaded: LoadedSpec) -> Result:
    """The result with the spec as it was written, and what its prior was made of."""
    path = archive_of(loaded)
    if path is None:
        return result
    return result.model_copy(
        update={
            "spec": loaded.spec.to_dict(),
            "spec_fingerprint": loaded.spec.fingerprint(),
            "data_fingerprints": {**result.data_fingerprints, TABLE: sha256_of(path)},
            "checks": (*result.checks, _check(_prior_in(path, loaded.spec), loaded.spec)),
        }
    )


def _prior_in(path: Path, spec: Spec) -> PastPrior | None:
    """The prior for a spec; None where the archive holds no experiment like it."""
    archive = _archive_in(path)
    metric = _lead(spec)
    wanted = (spec.kind, metric.kind, metric.desired_change)
    for prior in archive.priors:
        if (prior.kind, prior.metric_kind, prior.desired_change) != wanted:
            continue
        if spec.key in prior.experiments:
            raise DataError(
                f"{path}: its prior for {spec.kind} and {metric.kind} was estimated from "
                f"{spec.key!r} too; what an experiment found must not be its own prior",
                f"write the archive with --leave-out {spec.key}, or before the experiment is read.",
            )
        return prior
    return None


def _archive_in(path: Path) -> Archive:
    hint = "`abtest archive FOLDER -o archive.json` writes one."
    return read_document(path, Archive, "archive", hint)


def _lead(spec: Spec) -> AnyMetric:
    """The first primary metric, or the first metric where none is primary."""
    return next((m for m in spec.metrics if m.role == "primary"), spec.metrics[0])


def _check(prior: PastPrior | None, spec: Spec) -> Check:
    metric = _lead(spec)
    if prior is None:
        message = sentence(
            "The archive holds no experiment of kind {kind} with a primary metric of kind "
            "{metric}: the prior on the log lift is normal with mean 0 and standard deviation "
            "0.05.",
            kind=spec.kind,
            metric=metric.kind,
        )
        return Check(key="prior_from_archive", status="warn", message=message)
    message = sentence(
        "The prior on the log lift is normal with mean {mean:.4f} and standard deviation {sd:.4f}, "
        "from {k} past experiments of kind {kind} with a primary metric of kind {metric}.",
        mean=prior.mean,
        sd=prior.sd,
        k=prior.k,
        kind=spec.kind,
        metric=metric.kind,
    )
    details = {"mean": prior.mean, "sd": prior.sd, "experiments": list(prior.experiments)}
    return Check(key="prior_from_archive", status="pass", message=message, details=details)
