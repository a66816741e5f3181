"""Answer statements with ClickHouse as a library: python run_clickhouse.py JOBS ANSWERS."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from chdb.session import Session


def main(asked: Path, answered: Path) -> None:
    session: Any = Session()  # type: ignore[no-untyped-call, unused-ignore]
    answers = []
    for number, (ids, statement) in enumerate(json.loads(asked.read_text())):
        rows = asked.with_name(f"ids_{number}.jsonl")
        rows.write_text("\n".join(json.dumps({"id": unit}) for unit in ids))
        source = f"file('{rows}', 'JSONEachRow', 'id String')"
        session.query(f"CREATE TABLE ids_{number} ENGINE = Memory AS SELECT id FROM {source}")
        lines = str(session.query(statement, "JSONCompactEachRow")).splitlines()
        answers.append([json.loads(line) for line in lines if line])
    answered.write_text(json.dumps(answers))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
