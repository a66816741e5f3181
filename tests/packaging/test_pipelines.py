"""What other people's pipelines read: hook, action, container, run as far as this machine can."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from command_line import run
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "how-to" / "editors-and-pipelines.md").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", DOCKERFILE)
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def test_the_hook_checks_specs() -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["entry"] == "abtest validate"
    assert re.search(hook["files"], "experiments/a/experiment.yaml")
    assert not re.search(hook["files"], "experiments/layers.yaml")
    [block] = re.findall(r"```yaml\n# .pre-commit-config.yaml\n(.*?)```", PAGE, re.DOTALL)
    published, local = yaml.safe_load(block)["repos"]
    assert published["hooks"] == [{"id": hook["id"]}]
    assert {key: hook[key] for key in ("id", "name", "entry", "files")} == {
        key: value for key, value in local["hooks"][0].items() if key != "language"
    }


def test_nothing_names_an_address_that_may_be_somebody_elses() -> None:
    """abtest has no public address; pages say so rather than invent one."""
    assert "has no public address" in PAGE
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "action.yml"]
    for path in pages:
        text = path.read_text(encoding="utf-8")
        owners = set(re.findall(r"([\w-]+)/abtest(?:@|\.git|\"|$)", text, re.MULTILINE))
        assert owners <= {"your-company", "src"}, path


def test_the_action_passes_inputs_by_variables_only() -> None:
    """What stands in `run` is code: an input written into it could be anything."""
    steps = ACTION["runs"]["steps"]
    for step in steps:
        assert "${{" not in step.get("run", "")
    used = set(re.findall(r"inputs\.([a-z-]+)", json.dumps(steps) + str(ACTION["runs"])))
    assert used == set(ACTION["inputs"])
    script = ROOT / ".github" / "comment_plans.sh"
    [plan] = [step for step in steps if step.get("name") == "Plan"]
    assert f"/.github/{script.name}" in plan["run"]
    read = set(re.findall(r"\$\{?([A-Z_]+)", script.read_text(encoding="utf-8")))
    assert read <= set(plan["env"])


def test_the_comment_is_written_once_and_kept_current(tmp_path: Path) -> None:
    """With a git repository, and stand-ins for gh and abtest that say how they are called."""
    bash, git = shutil.which("bash"), shutil.which("git")
    if bash is None or git is None:
        pytest.skip("bash or git is not installed")
    calls, tools, base = tmp_path / "calls", tmp_path / "bin", tmp_path / "origin"
    tools.mkdir()
    _program(
        tools / "gh", f'echo "$*" >> {calls}; case "$*" in *--paginate*) cat {tmp_path}/id;; esac'
    )
    _program(tools / "abtest", 'echo "### Plan of $2"')
    (tmp_path / "id").write_text("", encoding="utf-8")
    shutil.copytree(ROOT / "experiments" / "2026_03_reorder_reminder", base / "experiments" / "a b")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        _git(git, base, *words)
    clone = tmp_path / "clone"
    _git(git, tmp_path, "clone", "-q", str(base), str(clone))
    spec = clone / "experiments" / "a b" / "experiment.yaml"
    spec.write_text(spec.read_text("utf-8") + "\n", encoding="utf-8")
    sha = _git(git, base, "rev-parse", "HEAD").strip()
    comment = tmp_path / "comment.md"
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "BASE": sha}
    environment |= {"FOLDER": "experiments", "NUMBER": "7", "REPOSITORY": "o/r"}
    environment |= {"COMMENT": str(comment), "GH_TOKEN": "none"}
    command = [bash, str(ROOT / ".github" / "comment_plans.sh")]
    subprocess.run(command, cwd=clone, env=environment, check=True)
    assert "### Plan of experiments/a b/experiment.yaml" in comment.read_text(encoding="utf-8")
    assert "--method PATCH" not in calls.read_text(encoding="utf-8")
    (tmp_path / "id").write_text("99\n", encoding="utf-8")
    subprocess.run(command, cwd=clone, env=environment, check=True)
    assert "--method PATCH repos/o/r/issues/comments/99" in calls.read_text(encoding="utf-8")
    spec.write_text(spec.read_text("utf-8").rstrip("\n") + "\n", encoding="utf-8")
    calls.unlink()
    subprocess.run(command, cwd=clone, env=environment, check=True)
    assert not calls.exists(), "nothing was changed, so nothing is said"


def _program(path: Path, body: str) -> None:
    path.write_text(f"#!/usr/bin/env bash\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def _git(git: str, folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        [git, *who, *words], cwd=folder, check=True, capture_output=True, encoding="utf-8"
    )
    return done.stdout


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    copied = set()
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from"):
            copied |= {word.removeprefix("./") for word in rest.split()[:-1]}
    assert copied == kept
    for name in copied:
        assert (ROOT / name).exists()


def test_the_image_runs_the_command_and_not_as_root() -> None:
    found = instructions()
    assert [name for name, _ in found].count("FROM") == 2
    users = [rest for name, rest in found if name == "USER"]
    assert users == ["abtest"]
    names = [name for name, _ in found]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert dict(found)["ENTRYPOINT"] == '["abtest"]'
    assert all(":latest" not in rest and ":" in rest for name, rest in found if name == "FROM")
    assert "--require-hashes" in DOCKERFILE


def test_the_constraints_of_the_image_are_the_pins(tmp_path: Path) -> None:
    sed = shutil.which("sed")
    if sed is None:
        pytest.skip("sed is not installed")
    [script] = re.findall(r"sed '(.*?)' requirements\.txt", DOCKERFILE)
    pins = ROOT / "requirements.txt"
    done = subprocess.run(
        [sed, script, str(pins)], check=True, capture_output=True, encoding="utf-8", cwd=tmp_path
    )
    wanted = re.findall(r"^([a-z0-9][^\s\\]*==[^\s\\;]+)", pins.read_text("utf-8"), re.MULTILINE)
    found = [line.split(" ;")[0].strip() for line in done.stdout.splitlines()]
    assert found == wanted


@pytest.mark.integration
def test_what_the_image_runs_while_it_is_built(tmp_path: Path) -> None:
    """Its first stage without a container: the same lines, in folders of the test."""
    found = instructions()
    stage = found[: [i for i, (name, _) in enumerate(found) if name == "FROM"][1]]
    source, root = tmp_path / "src", tmp_path / "root"
    source.mkdir()
    for line in (rest for name, rest in stage if name == "COPY"):
        for word in line.split()[:-1]:
            copy = shutil.copytree if (ROOT / word).is_dir() else shutil.copy
            copy(ROOT / word, source / word)
    (tmp_path / "bin").mkdir()
    _program(tmp_path / "bin" / "python", f'exec "{sys.executable}" "$@"')
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    env["PATH"] = f"{tmp_path / 'bin'}:{env['PATH']}"
    (root / "opt").mkdir(parents=True)
    for line in (rest for name, rest in stage if name == "RUN"):
        here = re.sub(r"(?<=[ =])/(opt|wheels)", rf"{root}/\1", f" {line}").replace(
            " > /wheels", f" > {root}/wheels"
        )
        here = here.replace("--no-cache-dir ", "")  # what the test may keep between its runs
        done = subprocess.run(
            ["sh", "-euc", here], cwd=source, env=env, capture_output=True, text=True, check=False
        )
        if done.returncode and re.search("No matching distribution|onnection", done.stderr):
            pytest.skip("the package index cannot be reached")
        assert done.returncode == 0, done.stderr[-3000:]
    for words in (("--version",), ("validate", str(ROOT / "experiments"))):
        program = str(root / "opt" / "abtest" / "bin" / "abtest")
        subprocess.run([program, *words], env=env, check=True, capture_output=True)
    assert not (root / "opt" / "abtest" / "bin" / "pytest").exists()


def test_the_settings_on_the_page_are_valid() -> None:
    for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL):
        json.loads(block)
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL):
        assert yaml.safe_load(block)


def test_the_commands_on_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    (tmp_path / "schema").mkdir()
    lines = re.findall(r"^    abtest ((?:validate|plan) .*?)(?: +#.*)?$", PAGE, re.MULTILINE)
    lines += re.findall(r"^`abtest (schema .*?)`", PAGE, re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        run(*line.split()).worked()
    written = (tmp_path / "schema" / "experiment.schema.json").read_bytes()
    assert written == (ROOT / "schema" / "experiment.schema.json").read_bytes()
