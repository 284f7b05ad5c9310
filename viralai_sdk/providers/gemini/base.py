"""Where the Gemini API's resources lie, and the key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from viralai_sdk.providers.google_common.base import GoogleAdapter, quoted
from viralai_sdk.providers.google_common.credentials import Credentials, SignedIn


class GeminiAdapter(GoogleAdapter):
    """Base of the Gemini API's services. Its version is the one that the vendor's client speaks since 3.0; `*-latest` names need
    `api_version: v1beta` in the configuration."""

    api_version = "v1"

    @cached_property
    def credentials(self) -> Credentials:
        return Credentials(self.config, default=False)

    def headers(self) -> Mapping[str, str]:
        """The key, for requests and for files that lie on the API's own host."""
        return self.credentials.sign_in_now().headers

    def model_path(self, model: str, signed: SignedIn) -> str:
        name = quoted(model)
        return f"{self.root(signed)}/{name if name.startswith(('models/', 'tunedModels/')) else f'models/{name}'}"
