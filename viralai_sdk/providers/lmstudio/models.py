"""What LM Studio keeps, by its REST API v1 (0.4.0 and later); older ones can only list."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from viralai_sdk.interfaces.adapter import poll_interval
from viralai_sdk.interfaces.errors import (
    AIError,
    JobFailedError,
    MalformedResponseError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.local_models import Ability, LocalModel, ModelManager, ModelSteps
from viralai_sdk.interfaces.steps import Answer, Pause, Send, Steps

V1, V0 = "/api/v1", "/api/v0"
LOOK_SECONDS = 0.5
"""Between two looks at a download; nobody pays for a look at one's own machine."""
UPDATE = "Update LM Studio to 0.4.0 or later, or do it in the app."


class LMStudioModels(ModelManager):
    """Lists, downloads, loads and unloads. It cannot delete, nor stop a download."""

    instead: ClassVar[Mapping[Ability, str]] = {
        "remove": "Delete the model in the app (My Models), or remove its files below ~/.lmstudio/models.",
    }
    cancellable = False
    when_stopped = "it goes on in LM Studio; stop it in the app, or pull again to follow it."
    takes = frozenset({"context"})

    def folders(self) -> list[Path]:
        return [Path.home() / ".lmstudio" / "models"]

    def models(self) -> Steps[list[LocalModel]]:
        rows = yield from self._ask("GET", "/models", None)
        if rows is None:
            return (yield from self._old_models())
        return [self._model(row) for row in rows["models"]]

    def _model(self, row: Mapping[str, Any]) -> LocalModel:
        loaded = row.get("loaded_instances") or []
        config = (loaded[0].get("config") or {}) if loaded else {}
        features = row.get("capabilities") or {}
        return LocalModel(
            provider=self.provider,
            name=row["key"],
            size=row.get("size_bytes"),
            loaded=bool(loaded),
            context=config.get("context_length"),
            max_context=row.get("max_context_length"),
            parameters=row.get("params_string"),
            quantization=(row.get("quantization") or {}).get("name"),
            family=row.get("architecture"),
            features=(str(row.get("type", "llm")), *(name for name, has in features.items() if has)),
            state="loaded" if loaded else "on disk",
            instances=tuple(instance["id"] for instance in loaded),
        )

    def _old_models(self) -> Steps[list[LocalModel]]:
        answer: Answer = yield Send("GET", f"{self.root}{V0}/models")
        rows = checked(answer)["data"]
        return [
            LocalModel(
                provider=self.provider,
                name=row["id"],
                loaded=row.get("state") == "loaded",
                max_context=row.get("max_context_length"),
                quantization=row.get("quantization"),
                family=row.get("arch"),
                features=(str(row.get("type", "llm")),),
                state="loaded" if row.get("state") == "loaded" else "on disk",
                instances=(row["id"],) if row.get("state") == "loaded" else (),
            )
            for row in rows
        ]

    def pull(self, name: str, options: Mapping[str, Any]) -> ModelSteps:
        job = yield from self._need("POST", "/models/download", {**options, "model": name})
        number, first = job.get("job_id"), None
        while job["status"] not in ("completed", "already_downloaded"):
            if job["status"] == "failed":
                raise JobFailedError(
                    f"LM Studio could not download {name!r}: {job.get('error') or 'it gave no reason'}.",
                    hint="The app's Downloads show why. Pull again to go on.",
                )
            done = job.get("downloaded_bytes")
            first = done if first is None else first
            yield self.progress(
                name,
                "paused" if job["status"] == "paused" else "downloading",
                done=done,
                total=job.get("total_size_bytes"),
                already=first or 0,
                rate=job.get("bytes_per_second"),
                detail=str(job["status"]),
            )
            yield Pause(poll_interval(self.config, LOOK_SECONDS))
            job = yield from self._need("GET", f"/models/download/status/{number}", None)
        total = job.get("total_size_bytes")
        yield self.progress(name, "done", done=total, total=total, already=first or 0, detail=str(job["status"]))

    def load(self, model: LocalModel, settings: Mapping[str, Any]) -> Steps[None]:
        wanted = {"model": model.name}
        if "context" in settings:
            wanted["context_length"] = settings["context"]
        done = yield from self._need("POST", "/models/load", wanted)
        if done.get("status") != "loaded":
            raise MalformedResponseError(f"LM Studio did not say that the model is loaded, but {done.get('status')!r}.")

    def unload(self, model: LocalModel) -> Steps[None]:
        for instance in model.instances:
            yield from self._need("POST", "/models/unload", {"instance_id": instance})

    def _need(self, method: str, path: str, body: dict[str, Any] | None) -> Steps[dict[str, Any]]:
        data = yield from self._ask(method, path, body)
        if data is None:
            raise UnsupportedCapabilityError("this LM Studio has no REST API v1.", hint=UPDATE)
        return data

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Steps[dict[str, Any] | None]:
        """An answer of the REST API v1; None when this LM Studio does not have it."""
        try:
            answer: Answer = yield Send(method, f"{self.root}{V1}{path}", json=body)
        except AIError as error:
            # A model that is not there is a 404 too, but one with a reason.
            if error.status == 404 and "endpoint" in error.message.lower():
                return None
            raise
        data = answer.json()
        if isinstance(data, dict) and isinstance(data.get("error"), str) and "endpoint" in data["error"].lower():
            return None
        return checked(answer)


def checked(answer: Answer) -> dict[str, Any]:
    """The answer's object. Errors have been seen under HTTP 200.

    Raises:
        MalformedResponseError: it is an error, or no object.
    """
    data = answer.json()
    if not isinstance(data, dict):
        raise MalformedResponseError("LM Studio's answer is no JSON object.")
    if error := data.get("error"):
        words = error.get("message") if isinstance(error, dict) else error
        raise MalformedResponseError(f"LM Studio answered with an error: {str(words).rstrip('.')}.")
    return data
