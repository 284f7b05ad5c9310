"""The catalog's data about Google holds together, and the plan's names lead to the right classes."""

from __future__ import annotations

import datetime
import importlib

import pytest

from viralai_sdk.catalog.catalog import Catalog
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.providers import gemini, registry, vertex

AS_OF = datetime.date(2026, 11, 22)


@pytest.mark.parametrize("provider", ["gemini", "vertex"])
def test_defaults_exist_serve_and_stay(provider: str) -> None:
    catalog = Catalog().provider(provider)
    assert set(catalog.defaults) == set(registry.spec_of(provider).services)
    for service, name in catalog.defaults.items():
        model = catalog.models[name]
        assert service in model.services
        assert model.retires is None or (model.retires - AS_OF).days > 90
        assert model.prices


@pytest.mark.parametrize("provider", ["gemini", "vertex"])
def test_rows(provider: str) -> None:
    catalog = Catalog().provider(provider)
    assert catalog.as_of == AS_OF
    for model in catalog.models.values():
        assert len(model.services) == 1
        assert model.source
        assert all(price >= 0 for price in model.prices.values())
        assert model.replaced_by is None or model.replaced_by in catalog.models


def test_the_keyed_api_lists_nothing_that_it_stopped_serving() -> None:
    assert not [name for name in Catalog().provider("gemini").models if name.startswith(("veo", "imagen"))]


@pytest.mark.parametrize("module", [gemini, vertex])
def test_every_class_of_a_spec_can_be_imported_by_its_plain_name(module: object) -> None:
    spec = module.PROVIDER  # type: ignore[attr-defined]
    for path in spec.services.values():
        home, _, name = path.partition(":")
        assert getattr(importlib.import_module(home), name) is getattr(module, name)
    with pytest.raises(AttributeError, match="NoSuchService"):
        module.NoSuchService  # type: ignore[attr-defined]  # noqa: B018


def test_the_plans_names() -> None:
    assert gemini.GeminiImageGenerationService is gemini.GeminiImageService
    assert vertex.VertexImagenGenerationService is vertex.VertexImagenService
    assert vertex.VEOVideoGenerationService is vertex.VEOVideoService


@pytest.mark.parametrize(
    ("word", "service", "provider"),
    [
        ("veo", AIServiceType.VIDEO_GENERATION, "vertex"),
        ("IMAGEN", AIServiceType.IMAGE_GENERATION, "vertex"),
        ("nano-banana", AIServiceType.IMAGE_GENERATION, "gemini"),
        ("Gemini", AIServiceType.TEXT_GENERATION, "gemini"),
        ("vertex-ai", AIServiceType.SPEECH_SYNTHESIS, "vertex"),
    ],
)
def test_product_names(word: str, service: AIServiceType, provider: str) -> None:
    assert registry.resolve(word, service) == provider
