"""Where Vertex's resources lie: a host for each location, paths below a project."""

from __future__ import annotations

import re
from collections.abc import Mapping

from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.providers.google_common.base import GoogleAdapter, quoted
from viralai_sdk.providers.google_common.credentials import SignedIn

DEFAULT_LOCATION = "global"
REGIONS = ("us", "eu")
"""Locations that are several places at once; they have hosts of their own."""
_LOCATION = re.compile(r"[a-z][a-z0-9-]{0,40}")


class VertexAdapter(GoogleAdapter):
    """Base of Vertex's services. `project` and `location` are options of the provider; without a project, the credentials' own counts."""

    api_version = "v1beta1"

    def __init__(self, config: AIServiceConfig) -> None:
        super().__init__(config)
        self.location = str(config.custom_config.get("location") or DEFAULT_LOCATION)
        if _LOCATION.fullmatch(self.location) is None:
            raise ConfigurationError(
                f"{self.location!r} is no location.", provider=config.name, hint="Write it as in us-central1 or global."
            )
        if config.base_url is None:
            config.base_url = host(self.location)

    def validate_config(self) -> None:
        """Refuse a token without a project: it does not tell which one it belongs to."""
        settings = self.config.custom_config
        if settings.get("access_token") and not settings.get("project"):
            raise self.no_project()

    def headers(self) -> Mapping[str, str]:
        """None for all requests: each carries its own, since a token may have to be fetched first."""
        return {}

    def root(self, signed: SignedIn) -> str:
        project = self.config.custom_config.get("project") or signed.project
        if not project:
            raise self.no_project()
        return f"/{self.version}/projects/{quoted(str(project))}/locations/{self.location}"

    def model_path(self, model: str, signed: SignedIn) -> str:
        name = quoted(model)
        if name.startswith("projects/"):
            return f"/{self.version}/{name}"
        if not name.startswith("publishers/"):
            name = f"publishers/google/models/{name.removeprefix('models/')}"
        return f"/{self.version}/{name}" if self.credentials.by_key else f"{self.root(signed)}/{name}"

    def no_project(self) -> ConfigurationError:
        """The error for calls that do not know whose they are."""
        return ConfigurationError(
            "there is no Google Cloud project.",
            provider=self.get_provider_name(),
            service=self.service.value,
            hint="Set providers.vertex.project in viralai.yaml.",
        )


def host(location: str) -> str:
    """Address of a location."""
    if location == DEFAULT_LOCATION:
        return "https://aiplatform.googleapis.com/"
    if location in REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com/"
    return f"https://{location}-aiplatform.googleapis.com/"
