"""The examples of the page on apps, each in its real framework."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from abtest import Experiment, assign
from abtest.exposures import Exposure, read_json_lines
from abtest.flags import Flag
from command_line import run
from support import ROOT

EXAMPLES = ROOT / "docs" / "examples"
NAMES = ("fastapi_app", "flask_app", "django_middleware", "nightly_offers", "celery_offers")
PYTHON_EXAMPLES = [EXAMPLES / f"{name}.py" for name in NAMES]
PAGE = (ROOT / "docs" / "how-to" / "use-in-an-app.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SPEC = ROOT / "experiments" / "2026_01_winback_incentive_mix" / "experiment.yaml"
FLAG = Flag(
    Experiment("winback", [("control", 1), ("coupon", 1)], overrides={"boss": "coupon"}),
    {"coupon": {"discount_pct": 10}},
    unit="customer_id",
)
CUSTOMERS = [f"C{n}" for n in range(12)] + ["boss", "کاربر"]


@dataclass(frozen=True)
class Place:
    """The files that an example is told about."""

    flags: Path
    exposures: Path

    def logged(self) -> list[tuple[str, str, str]]:
        records = read_json_lines([self.exposures]).records
        return [(r.unit, r.variant, r.reason) for r in records if isinstance(r, Exposure)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    found = Place(tmp_path / "winback.flags.json", tmp_path / "exposures.jsonl")
    found.flags.write_text(FLAG.to_json(), encoding="utf-8")
    monkeypatch.setenv("WINBACK_FLAGS", str(found.flags))
    monkeypatch.setenv("EXPOSURES", str(found.exposures))
    return found


def example(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def wanted() -> list[tuple[str, str, str]]:
    given = [(unit, assign(FLAG.experiment, unit)) for unit in CUSTOMERS]
    return [(unit, found.variant or "", found.reason) for unit, found in given]


def discount(unit: str) -> int:
    return 10 if FLAG.experiment.variant(unit) == "coupon" else 0


@pytest.mark.integration
def test_fastapi(place: Place) -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    pytest.importorskip("httpx", reason="httpx is not installed")
    import asyncio  # noqa: PLC0415

    import httpx  # noqa: PLC0415

    app = example("fastapi_app").app

    async def ask() -> list[dict[str, int]]:
        transport = httpx.ASGITransport(app=app)
        client = httpx.AsyncClient(transport=transport, base_url="http://shop.example")
        # The transport starts no lifespan, so it is entered by hand.
        async with app.router.lifespan_context(app), client:
            answers = [
                await client.get("/basket", headers={"x-customer-id": unit}) for unit in units
            ]
            nobody = await client.get("/basket")
            return [answer.json() for answer in (*answers, nobody)]

    units = [unit for unit in CUSTOMERS if unit.isascii()]  # headers are Latin-1 there
    found = asyncio.run(ask())
    assert found == [{"discount_pct": discount(unit)} for unit in units] + [{"discount_pct": 0}]
    assert place.logged() == [row for row in wanted() if row[0].isascii()]


@pytest.mark.integration
def test_flask(place: Place) -> None:
    pytest.importorskip("flask", reason="flask is not installed")
    module = example("flask_app")
    client = module.app.test_client()
    for unit in CUSTOMERS:
        if unit.isascii():
            answer = client.get("/basket", headers={"x-customer-id": unit})
            assert answer.get_json() == {"discount_pct": discount(unit)}
    assert client.get("/basket").get_json() == {"discount_pct": 0}
    assert module.LOG.close()
    assert place.logged() == [row for row in wanted() if row[0].isascii()]


@pytest.mark.integration
def test_django(place: Place) -> None:
    pytest.importorskip("django", reason="django is not installed")
    from django.conf import settings  # noqa: PLC0415

    module = example("django_middleware")
    if not settings.configured:
        middleware = "django_middleware.WinbackMiddleware"
        settings.configure(
            ROOT_URLCONF="urls_of_the_example", MIDDLEWARE=[middleware], ALLOWED_HOSTS=["*"]
        )
    import django  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415

    urls = type(sys)("urls_of_the_example")
    urls.urlpatterns = [path("basket", module.basket)]  # type: ignore[attr-defined]
    sys.modules["urls_of_the_example"] = urls
    django.setup()
    client = Client()
    for unit in CUSTOMERS:
        if unit.isascii():
            answer = client.get("/basket", headers={"x-customer-id": unit})
            assert answer.json() == {"discount_pct": discount(unit)}
    assert client.get("/basket").json() == {"discount_pct": 0}
    assert module.LOG.close()
    assert place.logged() == [row for row in wanted() if row[0].isascii()]


def cron(place: Place, customers: Path, outbox: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / "nightly_offers.py"), str(place.flags)]
    command += [str(customers), str(outbox), str(place.exposures)]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=env)


def test_a_cron_job_that_is_started_again_sends_nothing_twice(place: Place, tmp_path: Path) -> None:
    customers, outbox = tmp_path / "customers.csv", tmp_path / "outbox.csv"
    customers.write_text("customer_id\n" + "\n".join(CUSTOMERS[:5]) + "\n", encoding="utf-8")
    assert cron(place, customers, outbox).returncode == 0
    customers.write_text("customer_id\n" + "\n".join(CUSTOMERS) + "\n", encoding="utf-8")
    assert cron(place, customers, outbox).returncode == 0
    sent = outbox.read_text(encoding="utf-8").splitlines()
    assert sent == [f"{unit},10" for unit, variant, _ in wanted() if variant == "coupon"]
    assert place.logged() == wanted()


def test_a_cron_job_sends_nothing_that_is_not_logged(place: Place, tmp_path: Path) -> None:
    customers, outbox = tmp_path / "customers.csv", tmp_path / "outbox.csv"
    customers.write_text("customer_id\nboss\n", encoding="utf-8")
    place.exposures.with_name("exposures.jsonl.lock").mkdir()  # nobody can take this lock
    found = cron(place, customers, outbox)
    assert found.returncode == 1
    assert "cannot be written; nothing more is sent" in found.stderr
    assert outbox.read_text(encoding="utf-8") == ""


def celery_example(monkeypatch: pytest.MonkeyPatch, outbox: Path) -> Any:
    pytest.importorskip("celery", reason="celery is not installed")
    monkeypatch.setenv("OUTBOX", str(outbox))
    monkeypatch.setenv("BROKER", "memory://")
    return example("celery_offers")


# In a process of its own: a worker changes how the whole process logs.
WORKER = """
import json, sys
import celery_offers as offers
from celery.contrib.testing.worker import start_worker

offers.app.conf.result_backend = "cache+memory://"
with start_worker(offers.app, pool="solo", perform_ping_check=False):
    waiting = [offers.send_offer.delay(unit) for unit in sys.argv[1:]]
    print(json.dumps([one.get(timeout=60) for one in waiting]))
"""


@pytest.mark.integration
def test_a_worker_of_celery(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real worker takes the tasks from a queue and runs them."""
    pytest.importorskip("celery", reason="celery is not installed")
    outbox = tmp_path / "outbox.csv"
    monkeypatch.setenv("OUTBOX", str(outbox))
    monkeypatch.setenv("BROKER", "memory://")
    paths = [str(EXAMPLES), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    command = [sys.executable, "-W", "ignore", "-c", WORKER, *CUSTOMERS]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    offered = json.loads(done.stdout.splitlines()[-1])
    assert offered == [discount(unit) for unit in CUSTOMERS]
    sent = outbox.read_text(encoding="utf-8").splitlines()
    assert sent == [f"{unit},10" for unit, variant, _ in wanted() if variant == "coupon"]
    assert place.logged() == wanted()


# Of Celery and its parts: none of it comes from abtest.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.integration
def test_a_task_of_celery_sends_nothing_that_is_not_logged(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run at once, without a worker; it tries again, and then it fails in sight."""
    outbox = tmp_path / "outbox.csv"
    offers = celery_example(monkeypatch, outbox)
    offers.app.conf.task_always_eager = True
    place.exposures.with_name("exposures.jsonl.lock").mkdir()  # nobody can take this lock
    tries: list[bool] = []
    monkeypatch.setattr(offers.LOG, "write", _counted(offers.LOG.write, tries))
    assert offers.send_offer.delay("boss").state == "FAILURE"
    assert len(tries) == 1 + offers.send_offer.max_retries
    assert not outbox.exists()


def _counted(write: Any, tries: list[bool]) -> Any:
    def counted(record: Exposure) -> bool:
        tries.append(write(record))
        return tries[-1]

    return counted


def test_the_warehouse_model_gives_the_same_variants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    [command] = re.findall(r"^    abtest (sql .*?\.sql)$", PAGE, re.MULTILINE | re.DOTALL)
    words = command.replace("\\\n", " ").replace("experiments/", f"{ROOT}/experiments/").split()
    run(*words).worked()
    statement = Path("models/winback_split.sql").read_text(encoding="utf-8")
    units = [f"{number:06d}" for number in range(1, 300)]
    with duckdb.connect() as database:
        database.execute("create table lapsed_customers (customer_id text)")
        database.executemany("insert into lapsed_customers values (?)", [(u,) for u in units])
        rows = database.execute(
            f"select customer_id, variant from ({statement.rstrip().rstrip(';')})"
        )
        found = dict(rows.fetchall())
    experiment = Experiment.from_spec(SPEC)
    from datetime import UTC, datetime  # noqa: PLC0415

    at = datetime(2026, 1, 6, 7, tzinfo=UTC)  # 08:00 in Berlin
    assert found == {unit: experiment.variant(unit, at=at) for unit in units}


def test_the_macro_of_dbt_is_left_as_it_is() -> None:
    found = run("sql", SPEC, "--dialect", "duckdb", "--table", "{{ ref('lapsed_customers') }}")
    assert "{{ ref('lapsed_customers') }}" in found.worked().out


@pytest.mark.parametrize("path", PYTHON_EXAMPLES, ids=lambda path: path.stem)
def test_the_page_shows_the_files(path: Path) -> None:
    code = path.read_text(encoding="utf-8")
    assert code in SHOWN
    assert len(code.splitlines()) < 50


def test_the_page_shows_nothing_else() -> None:
    assert len(SHOWN) == len(PYTHON_EXAMPLES)
