"""The models of llama.cpp's server: all of it in router mode, hardly anything when it was started with one model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from viralai_sdk.interfaces.adapter import poll_interval
from viralai_sdk.interfaces.errors import (
    AIError,
    InvalidRequestError,
    JobFailedError,
    MalformedResponseError,
    ProviderUnavailableError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.local_models import LocalModel, ModelManager, ModelSteps
from viralai_sdk.interfaces.steps import Answer, Pause, Send, Steps

LOOK_SECONDS = 0.5
ONE_MODEL = (
    "Start it without a model (`llama-server --models-dir DIR`): as a router it loads, unloads and downloads models."
)


class LlamaRouterModels(ModelManager):
    """Downloads and loads go on in the background of the server, and are looked at until they are over."""

    when_stopped = "the server was told to stop; pulling again goes on where it stopped."

    def folders(self) -> list[Path]:
        return [Path.home() / ".cache" / "llama.cpp"]

    def models(self) -> Steps[list[LocalModel]]:
        return [self._model(row) for row in (yield from self._rows())]

    def _model(self, row: Mapping[str, Any]) -> LocalModel:
        status = row.get("status") or {"value": "loaded"}
        value, meta = str(status["value"]), row.get("meta") or {}
        words = {"unloaded": "failed to load" if status.get("failed") else "on disk"}.get(value, value)
        done, total = _bytes(status)
        if value == "downloading" and total:
            words = f"downloading {100 * done // total} %"
        return LocalModel(
            provider=self.provider,
            name=row["id"],
            size=meta.get("size"),
            loaded=value == "loaded",
            context=meta.get("n_ctx") if value == "loaded" else None,
            max_context=meta.get("n_ctx_train"),
            features=tuple((row.get("architecture") or {}).get("input_modalities") or ()),
            state=words,
            path=row.get("path"),
        )

    def pull(self, name: str, options: Mapping[str, Any]) -> ModelSteps:
        yield from self._need_router()
        first: int | None = None
        yield from self._do("POST", "/models", {**options, "model": name})
        while True:
            row = next((row for row in (yield from self._rows()) if row["id"] == name), None)
            status = (row or {}).get("status") or {}
            if status.get("value") != "downloading":
                break
            done, total = _bytes(status)
            first = done if first is None else first
            yield self.progress(name, "downloading", done=done, total=total or None, already=first)
            yield Pause(self._look())
        if row is None or status.get("failed"):
            raise JobFailedError(
                f"llama-server could not download {name!r}.",
                hint="Its log says why. Names are a repository on the hub and a quantization: user/model-GGUF:Q4_K_M.",
            )
        yield self.progress(name, "done", detail=str(status.get("value") or ""))

    def cancel_pull(self, name: str) -> Steps[bool]:
        rows = yield from self._rows()
        if not any(row["id"] == name and (row.get("status") or {}).get("value") == "downloading" for row in rows):
            return False
        yield from self._do("POST", "/models/unload", {"model": name})
        return True

    def load(self, model: LocalModel, settings: Mapping[str, Any]) -> Steps[None]:
        yield from self._need_router()
        yield from self._do("POST", "/models/load", {"model": model.name})
        while True:
            now = self.find(model.name, (yield from self.models()))
            if now.loaded:
                return
            if now.state == "failed to load":
                raise ProviderUnavailableError(
                    f"llama-server could not load {model.name!r}.",
                    billed="no",
                    hint="Its log says why; mostly memory is short: take a smaller quantization or context.",
                )
            yield Pause(self._look())

    def unload(self, model: LocalModel) -> Steps[None]:
        yield from self._need_router()
        yield from self._do("POST", "/models/unload", {"model": model.name})

    def remove(self, model: LocalModel) -> Steps[None]:
        yield from self._need_router()
        yield from self._do("DELETE", f"/models?model={quote(model.name, safe='')}", None)

    def _look(self) -> float:
        return poll_interval(self.config, LOOK_SECONDS)

    def _rows(self) -> Steps[list[dict[str, Any]]]:
        answer: Answer = yield Send("GET", f"{self.root}/models")
        rows: list[dict[str, Any]] = answer.json()["data"]
        return rows

    def _need_router(self) -> Steps[None]:
        rows = yield from self._rows()
        if rows and not any(row.get("status") for row in rows):
            raise UnsupportedCapabilityError("this llama-server was started with one model.", hint=ONE_MODEL)

    def _do(self, method: str, path: str, body: dict[str, Any] | None) -> Steps[None]:
        try:
            answer: Answer = yield Send(method, f"{self.root}{path}", json=body)
        except AIError as error:
            if error.status == 404 and "model" not in error.message.lower():
                raise UnsupportedCapabilityError("this llama-server is no router.", hint=ONE_MODEL) from error
            raise
        data = answer.json()
        if not isinstance(data, dict) or data.get("success") is not True:
            said = data.get("error") if isinstance(data, dict) else None
            if said:
                words = said.get("message") if isinstance(said, dict) else said
                raise InvalidRequestError(f"{str(words).rstrip('.')}.")
            raise MalformedResponseError("the server did not say that it was done.")


def _bytes(status: Mapping[str, Any]) -> tuple[int, int]:
    """Bytes that have come and bytes in all, over the files of a download."""
    files = (status.get("progress") or {}).values() if status.get("value") == "downloading" else ()
    return sum(file["done"] for file in files), sum(file["total"] for file in files)
