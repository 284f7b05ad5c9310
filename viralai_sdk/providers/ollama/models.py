"""What an Ollama server keeps on disk and in memory."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viralai_sdk.interfaces.errors import AIError, InvalidRequestError, MalformedResponseError, ProviderUnavailableError
from viralai_sdk.interfaces.local_models import LocalModel, ModelManager, ModelSteps, Phase
from viralai_sdk.interfaces.steps import END, Answer, Parallel, Send, Steps
from viralai_sdk.providers.ollama.errors import error_from_stream

FOREVER = datetime.timedelta(days=3650)
"""A model that is kept for ever is said to expire centuries from now."""
PHASES: tuple[tuple[str, Phase], ...] = (
    ("pulling manifest", "starting"),
    ("pulling", "downloading"),
    ("verifying", "verifying"),
    ("writing", "verifying"),
    ("removing", "verifying"),
    ("success", "done"),
)


class OllamaModels(ModelManager):
    """Ollama does all of it. A download ends with its connection, and goes on where it stopped."""

    takes = frozenset({"context", "keep_alive"})

    def folders(self) -> list[Path]:
        chosen = os.environ.get("OLLAMA_MODELS", "").strip()
        usual = [Path.home() / ".ollama" / "models", Path("/usr/share/ollama/.ollama/models")]
        return [Path(chosen)] if chosen else [folder for folder in usual if folder.is_dir()] or usual[:1]

    def same(self, asked: str, name: str) -> bool:
        return tagged(asked) == tagged(name)

    def models(self) -> Steps[list[LocalModel]]:
        found = yield Parallel([_get("/api/tags"), _get("/api/ps")])
        for outcome in found:
            if isinstance(outcome, AIError):
                raise outcome
        on_disk, in_memory = (outcome["models"] or [] for outcome in found)
        running = {tagged(row["name"]): row for row in in_memory}
        return [self._model(row, running.get(tagged(row["name"]))) for row in on_disk]

    def _model(self, row: Mapping[str, Any], running: Mapping[str, Any] | None) -> LocalModel:
        details = row.get("details") or {}
        remote = bool(row.get("remote_host") or row.get("remote_model"))
        loaded = running or {}
        return LocalModel(
            provider=self.provider,
            name=row["name"],
            size=None if remote else row.get("size"),
            loaded=running is not None,
            memory=loaded.get("size"),
            vram=loaded.get("size_vram"),
            context=loaded.get("context_length"),
            max_context=details.get("context_length"),
            expires=when(loaded.get("expires_at")),
            parameters=details.get("parameter_size") or None,
            quantization=details.get("quantization_level") or None,
            family=details.get("family") or None,
            features=tuple(row.get("capabilities") or ()),
            remote=remote,
            state="on disk" if running is None else "loaded",
        )

    def pull(self, name: str, options: Mapping[str, Any]) -> ModelSteps:
        layers: dict[str, tuple[int, int]] = {}
        already, status = 0, ""
        event = yield Send("POST", "/api/pull", json={**options, "model": name, "stream": True}, expect="ndjson")
        while event is not END:
            line = read_line(event.data)
            status = str(line.get("status") or "")
            if digest := line.get("digest"):
                done, total = int(line.get("completed") or 0), int(line.get("total") or 0)
                if digest not in layers:
                    already += done
                layers[digest] = (done, total)
            event = yield self.progress(
                name,
                _phase(status),
                done=sum(done for done, _ in layers.values()) if layers else None,
                total=sum(total for _, total in layers.values()) or None,
                already=already,
                detail=status,
            )
        if status != "success":
            raise ProviderUnavailableError(
                f"the download broke off after {status!r}.", hint="Pull again: it goes on where it stopped."
            )

    def load(self, model: LocalModel, settings: Mapping[str, Any]) -> Steps[None]:
        wanted: dict[str, Any] = {"model": model.name, "stream": False}
        if "keep_alive" in settings:
            wanted["keep_alive"] = settings["keep_alive"]
        if "context" in settings:
            wanted["options"] = {"num_ctx": settings["context"]}
        yield from self._generate_nothing(wanted)

    def unload(self, model: LocalModel) -> Steps[None]:
        yield from self._generate_nothing({"model": model.name, "keep_alive": 0, "stream": False})

    def _generate_nothing(self, wanted: dict[str, Any]) -> Steps[None]:
        """A request without a prompt only loads, or with `keep_alive: 0` unloads."""
        answer: Answer = yield Send("POST", "/api/generate", json=wanted)
        data = answer.json()
        if data.get("error"):
            raise error_from_stream(data["error"])
        if data.get("done") is not True:
            raise MalformedResponseError("the server did not say that it is done.")

    def remove(self, model: LocalModel) -> Steps[None]:
        yield Send("DELETE", "/api/delete", json={"model": model.name})


def tagged(name: str) -> str:
    """A model's whole name: without a tag, "latest" is meant."""
    last = name.rpartition("/")[2]
    return name if ":" in last else f"{name}:latest"


def when(written: Any) -> datetime.datetime | None:
    """A time in the server's writing, with nanoseconds; None for ever, or when it is none."""
    try:
        time = datetime.datetime.fromisoformat(str(written))
    except ValueError:
        return None
    if time.tzinfo is None or time - datetime.datetime.now(datetime.UTC) > FOREVER:
        return None
    return time


def read_line(text: str) -> dict[str, Any]:
    """A line of a download's stream.

    Raises:
        AIError: it reports an error, which comes under HTTP 200.
        MalformedResponseError: it is no JSON object.
    """
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedResponseError(f"the stream holds something that is no progress: {text[:80]!r}.") from error
    if not isinstance(line, dict):
        raise MalformedResponseError(f"the stream holds something that is no progress: {text[:80]!r}.")
    if line.get("error"):
        words = str(line["error"])
        if "file does not exist" in words or "not found" in words:
            raise InvalidRequestError(
                f"{words.rstrip('.')}.", hint="There is no model of that name; ollama.com/library lists them."
            )
        raise error_from_stream(words)
    return line


def _phase(status: str) -> Phase:
    return next((phase for start, phase in PHASES if status.startswith(start)), "downloading")


def _get(path: str) -> Steps[dict[str, Any]]:
    answer: Answer = yield Send("GET", path)
    data: dict[str, Any] = answer.json()
    return data
