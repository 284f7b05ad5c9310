"""The GGUF files beside the configured one, and which of them are in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.local_models import Ability, LocalModel, ModelManager
from viralai_sdk.interfaces.steps import Compute, Steps
from viralai_sdk.providers.llamacpp import files
from viralai_sdk.providers.llamacpp.engine import Engine
from viralai_sdk.providers.llamacpp.header import read_header
from viralai_sdk.providers.llamacpp.pool import POOL
from viralai_sdk.providers.llamacpp.text import LlamaCppTextService


class LlamaCppModels(ModelManager):
    """Models are files of the user's own: they are listed, loaded and unloaded, and never written or deleted."""

    instead: ClassVar[Mapping[Ability, str]] = {
        "pull": "Download a GGUF file, such as by `hf download REPOSITORY FILE --local-dir DIR`, and give its path; "
        "llama.cpp's own server (llamacpp_server) downloads by itself.",
        "remove": "Delete the file; `viralai models list --provider llamacpp --json` shows its path.",
    }

    outlives = False

    def folder(self) -> Path:
        """Where the files are: `models_dir`, else the folder of the configured file.

        Raises:
            ConfigurationError: neither is set.
        """
        chosen = self.config.custom_config.get("models_dir")
        if chosen:
            return Path(str(chosen)).expanduser().absolute()
        if not self.config.model_name:
            raise ConfigurationError(
                "no folder of models is known.", hint="Set providers.llamacpp.models_dir, or model_path."
            )
        path = Path(self.config.model_name).expanduser().absolute()
        return path if path.is_dir() else path.parent

    def same(self, asked: str, name: str) -> bool:
        return asked in (name, name.removesuffix(".gguf")) or Path(asked).name == name

    def models(self) -> Steps[list[LocalModel]]:
        found: list[LocalModel] = yield Compute(_list, (self.provider, self.folder()))
        return found

    def load(self, model: LocalModel, settings: Mapping[str, Any]) -> Steps[None]:
        assert isinstance(self.service, LlamaCppTextService)
        yield Compute(_load, (self.service.engine(str(model.path)),))

    def unload(self, model: LocalModel) -> Steps[None]:
        yield Compute(_unload, (str(model.path),))


def _list(provider: str, folder: Path, *, report: Any, workspace: Path) -> list[LocalModel]:
    loaded = {engine.file.path: engine for engine in POOL.engines()}
    paths = {**dict.fromkeys(files.in_folder(folder)), **dict.fromkeys(loaded)}
    return [_model(provider, path, loaded.get(path)) for path in paths]


def _model(provider: str, path: Path, engine: Engine | None) -> LocalModel:
    header = read_header(path)
    room = None if engine is None else min(engine.settings.n_ctx, header.context or engine.settings.n_ctx)
    return LocalModel(
        provider=provider,
        name=path.name,
        size=path.stat().st_size,
        loaded=engine is not None,
        memory=engine.memory if engine else None,
        context=room,
        max_context=header.context,
        parameters=header.parameters,
        quantization=header.quantization,
        family=header.architecture,
        state="loaded" if engine else "on disk",
        path=str(path),
    )


def _load(engine: Engine, *, report: Any, workspace: Path) -> None:
    engine.load(report)


def _unload(path: str, *, report: Any, workspace: Path) -> None:
    POOL.unload(files.find(path))
