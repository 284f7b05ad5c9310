"""A run on disk: `results.parquet`, one row a call; `summary.json`, the figures. Each is there whole or not at all."""

from __future__ import annotations

import datetime
import importlib.metadata
import io
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viralai_sdk.bench.extras import need
from viralai_sdk.bench.planning import BenchmarkPlan
from viralai_sdk.bench.rows import Recorded, Row, read_row
from viralai_sdk.bench.summary import summarise
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.store.files import storage_error, write_atomic
from viralai_sdk.store.redact import redact

SCHEMA = 1
RESULTS, SUMMARY = "results.parquet", "summary.json"
_PACKAGES = ("httpx2", "numpy", "pydantic", "papermill", "pyarrow")


@dataclass(frozen=True)
class SavedRun:
    """A run that lies on disk.

    Attributes:
        folder: where.
        summary: its `summary.json`.
        rows: its calls.
    """

    folder: Path
    summary: Mapping[str, Any]
    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def service(self) -> str:
        """text, image, video or speech."""
        return str(self.summary["service"])


def summary_of(plan: BenchmarkPlan, known: Recorded, *, state: str, reason: str, name: str) -> dict[str, Any]:
    """Everything of a run that is not one call's own. Without secrets.

    Args:
        state: "complete" or "partial"; `reason` says why it is partial.
    """
    rows = known.rows
    began = min((row.at for row in rows), default=None)
    ended = max((row.at + row.service_seconds for row in rows), default=None)
    told = {
        "schema": SCHEMA,
        "name": name,
        "service": plan.service,
        "state": state,
        "reason": reason,
        "fingerprint": plan.fingerprint,
        "began": _moment(began),
        "ended": _moment(ended),
        "planned": len(plan.slots),
        "recorded": len(rows),
        "begun_without_outcome": list(known.interrupted),
        "perhaps_paid_twice": list(known.again),
        "host_lag_seconds": known.lag,
        "expected_cost_usd": plan.cost_usd,
        "arms": summarise(rows, seed=plan.parameters.seed),
        "notes": list(plan.notes),
        "parameters": plan.parameters.recorded(),
        "prompts": [{"id": prompt.id, "prompt": prompt.words} for prompt in plan.prompts],
        "environment": environment(),
    }
    found: dict[str, Any] = redact(told)
    return found


def environment() -> dict[str, Any]:
    """On what the run was made."""
    from viralai_sdk import __version__

    versions: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "viralai_sdk": __version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "packages": versions,
    }


def save(folder: Path, rows: Sequence[Row], summary: Mapping[str, Any]) -> None:
    """Write both files; the summary comes last, so that a folder with one is complete.

    Raises:
        StorageError: one cannot be written.
        ConfigurationError: pyarrow is not installed.
    """
    write_atomic(folder / RESULTS, _parquet(rows, summary))
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomic(folder / SUMMARY, text.encode("utf-8", "replace") + b"\n")


def load(folder: Path | str) -> SavedRun:
    """Read a run.

    Raises:
        InvalidRequestError: there is none, or it was written by a newer SDK.
    """
    place = Path(folder)
    try:
        summary = json.loads((place / SUMMARY).read_bytes())
    except FileNotFoundError:
        raise InvalidRequestError(
            f"{str(folder)!r} holds no finished benchmark.", hint=f"It has no {SUMMARY}."
        ) from None
    except OSError as error:
        raise storage_error("read", place / SUMMARY, error) from error
    except ValueError as error:
        raise InvalidRequestError(f"{str(place / SUMMARY)!r} is broken: {error}.") from error
    if not isinstance(summary, dict) or summary.get("schema") != SCHEMA:
        raise InvalidRequestError(
            f"{str(place / SUMMARY)!r} is not of schema {SCHEMA}.", hint="Another version wrote it."
        )
    return SavedRun(place, summary, tuple(_rows(place / RESULTS)))


def _schema(pyarrow: Any) -> Any:
    text, number, whole, yes = pyarrow.string(), pyarrow.float64(), pyarrow.int64(), pyarrow.bool_()
    kinds = {
        **dict.fromkeys(("id", "phase", "arm", "provider", "model", "prompt", "outcome", "error", "message"), text),
        **dict.fromkeys(("billed", "cost_source", "call_id", "session_id", "metrics", "unmeasured"), text),
        **dict.fromkeys(("at", "scheduled", "started", "seconds", "service_seconds", "first", "cost_usd"), number),
        **dict.fromkeys(("repeat", "concurrency", "retries", "attempts", "bytes"), whole),
        "cold": yes,
    }
    return pyarrow.schema([(name, kinds[name]) for name in Row.__dataclass_fields__])


def _parquet(rows: Sequence[Row], summary: Mapping[str, Any]) -> bytes:
    pyarrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    data = [{**redact(row.to_dict()), "metrics": json.dumps(row.metrics, ensure_ascii=False)} for row in rows]
    about = {"viralai_bench": json.dumps({"schema": SCHEMA, "name": summary["name"]})}
    table = pyarrow.Table.from_pylist(data, schema=_schema(pyarrow).with_metadata(about))
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _rows(path: Path) -> list[Row]:
    pyarrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    try:
        # Without pyarrow's threads: a process that ends soon after it started some may be aborted by them.
        file = parquet.ParquetFile(io.BytesIO(path.read_bytes()), pre_buffer=False)
        table = file.read(use_threads=False)
    except OSError as error:
        raise storage_error("read", path, error) from error
    except pyarrow.ArrowException as error:
        raise InvalidRequestError(f"{str(path)!r} is no readable table: {error}.") from error
    return [read_row({**row, "metrics": json.loads(row["metrics"] or "{}")}) for row in table.to_pylist()]


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")
