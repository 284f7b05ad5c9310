"""What Stability's routes share: the key, the error body, multipart forms read strictly."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from PIL import Image, UnidentifiedImageError
from starlette.datastructures import UploadFile
from starlette.requests import Request

from viralai_sdk.simulator.reception import Reception, Refusal

NAMES = {400: "bad_request", 401: "unauthorized", 403: "content_moderation", 413: "payload_too_large"}
NAMES |= {429: "rate_limit_exceeded", 500: "internal_error"}
MAX_BODY = 10 * 1024 * 1024


def error_body(status: int, message: str, name: str | None = None) -> dict[str, Any]:
    """The v2beta shape."""
    return {"id": f"sim{status}", "name": name or NAMES.get(status, "bad_request"), "errors": [message]}


class Desk(Reception):
    """Stability's door."""

    def refuse(self, status: int, message: str, code: str | None = None) -> Refusal:
        return Refusal(status, error_body(status, message, code))

    def check_key(self, request: Request) -> None:
        if self.bearer(request) != self.state.config.key:
            raise self.refuse(401, "Missing or invalid API key.")

    async def form(
        self, request: Request, texts: Iterable[str], files: Iterable[str]
    ) -> tuple[dict[str, str], dict[str, Image.Image]]:
        """The text fields and pictures of a multipart body. An empty part is no picture: it only makes a body multipart."""
        if not request.headers.get("content-type", "").startswith("multipart/form-data;"):
            raise self.refuse(400, "content-type: must be multipart/form-data")
        if len(await request.body()) > MAX_BODY:
            raise self.refuse(413, "The body is larger than 10 MiB.")
        fields: dict[str, str] = {}
        pictures: dict[str, Image.Image] = {}
        async with request.form() as form:
            for name, value in form.multi_items():
                if not isinstance(value, UploadFile):
                    fields[name] = value
                elif data := await value.read():
                    pictures[name] = self._open(name, data)
        self.check_known(fields, texts)
        self.check_known(pictures, files)
        return fields, pictures

    def _open(self, name: str, data: bytes) -> Image.Image:
        try:
            image = Image.open(io.BytesIO(data))
            image.load()
        except (UnidentifiedImageError, OSError) as error:
            raise self.refuse(400, f"{name}: is not a valid image") from error
        if image.format not in ("JPEG", "PNG", "WEBP") or not all(64 <= side <= 16384 for side in image.size):
            raise self.refuse(400, f"{name}: must be a jpeg, png or webp with sides of 64 to 16384 pixels")
        return image
