"""The connection that `google-auth` fetches tokens through: ours, so that it needs no other HTTP library.

Imported only when `google-auth` is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import httpx2
from google.auth import exceptions, transport

from viralai_sdk.wire.http import ssl_context

TIMEOUT = 10.0
"""Seconds for one request to a token server."""


class Answer(transport.Response):
    """One answer in the library's shape."""

    def __init__(self, answer: httpx2.Response) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.content


class Transport(transport.Request):
    """Sends the library's requests. Redirects are not followed: no token server has any."""

    def __init__(self) -> None:
        self._client = httpx2.Client(verify=ssl_context(), follow_redirects=False)

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> Answer:
        try:
            return Answer(
                self._client.request(
                    method, url, content=body, headers=dict(headers or {}), timeout=min(timeout or TIMEOUT, TIMEOUT)
                )
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise exceptions.TransportError(type(error).__name__) from error  # type: ignore[no-untyped-call]

    def __enter__(self) -> Transport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
