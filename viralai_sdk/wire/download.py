"""The one checked downloader for addresses that came out of a provider's answer.

Such an address is input from outside: it may point into the private network, and it may redirect there. Every hop is resolved
and checked, and the connection goes to the very address that was checked, so that a name cannot resolve to something else a
moment later.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

import httpx2

from viralai_sdk.interfaces.adapter import error_for_status
from viralai_sdk.interfaces.errors import (
    MalformedResponseError,
    PermissionDeniedError,
    ProviderUnavailableError,
    StorageError,
)
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.steps import Answer, Blob, Download
from viralai_sdk.wire.http import CONNECT_TIMEOUT, FAILURES, Http, Target, cause, failure, origin

MAX_REDIRECTS = 5


async def download(http: Http, step: Download, target: Target, folder: Path, *, allow_private: bool) -> Blob:
    """Stream a file to a temporary name in `folder`.

    Args:
        target: the provider; its key goes along only when the step asks for it, and only to its own origin.
        allow_private: the provider is configured as local, so private addresses are what the user wants.

    Raises:
        PermissionDeniedError: the address, or one it redirects to, is private.
        MalformedResponseError: too large, too many redirects, or not http(s).
        ProviderUnavailableError, ProviderTimeoutError: as for any request; a download can always be tried again.
    """
    url = _parsed(step.url)
    home = origin(httpx2.URL(target.base_url)) if target.base_url else None
    for _ in range(MAX_REDIRECTS + 1):
        trusted = origin(url) == home
        request = await _request(http, url, trusted=trusted or allow_private, timeout=target.timeout)
        if step.authorised and trusted:
            request.headers.update(dict(target.headers))
        try:
            response = await http.client.send(request, stream=True, follow_redirects=False)
        except FAILURES as error:
            raise failure(error) from cause(error)
        try:
            if response.is_redirect:
                url = _parsed(response.headers.get("location", ""), url)
                continue
            return await _store(response, step, folder)
        finally:
            await response.aclose()
    raise MalformedResponseError(f"the result's address redirects more than {MAX_REDIRECTS} times.")


def _parsed(text: str, base: httpx2.URL | None = None) -> httpx2.URL:
    """An address out of an answer, relative to another when one is given."""
    try:
        return httpx2.URL(text) if base is None else base.join(text)
    except (httpx2.InvalidURL, ValueError, TypeError) as error:
        raise MalformedResponseError(f"the result's address cannot be read ({error}).") from error


async def _request(http: Http, url: httpx2.URL, *, trusted: bool, timeout: float) -> httpx2.Request:
    if url.scheme not in ("http", "https") or not url.host:
        raise MalformedResponseError(f"the result's address is not http(s) but {url.scheme or 'nothing'}.")
    limits = httpx2.Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout))
    if trusted:
        return http.client.build_request("GET", url, timeout=limits)
    address = await _public_address(url)
    pinned = url.copy_with(host=address)
    extensions = {"sni_hostname": url.host} if url.scheme == "https" else {}
    headers: Mapping[str, str] = {"host": url.netloc.decode("ascii")}
    return http.client.build_request("GET", pinned, headers=headers, extensions=extensions, timeout=limits)


async def _public_address(url: httpx2.URL) -> str:
    """The address to connect to, after making sure that every address of the name is public."""
    port = origin(url)[2]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise failure(httpx2.ConnectError(f"cannot resolve {url.host}")) from error
    addresses = [str(entry[4][0]).split("%")[0] for entry in found]
    for text in addresses:
        if not is_public(text):
            raise PermissionDeniedError(
                f"the result's address points into a private network ({url.host}).",
                billed="maybe",
                hint="If this provider really runs there, set `local: true` for it in the configuration.",
            )
    return addresses[0]


def is_public(text: str) -> bool:
    """True for addresses of the public internet; an IPv4 address inside IPv6 counts as itself."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return is_public(str(inner))
    return address.is_global and not address.is_multicast


def _temporary(folder: Path) -> tuple[Path, int]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="download-", suffix=".part", dir=folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return Path(name), handle


def _unwritable(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"the result cannot be written below {folder.name!r}: {error.strerror}.",
        billed="yes",
        hint="Free some space or choose another home; the provider still has the result for a while.",
    )


async def _store(response: httpx2.Response, step: Download, folder: Path) -> Blob:
    if response.status_code >= 400:
        told = f"the result could not be fetched (HTTP {response.status_code})."
        if response.status_code in (404, 410):
            raise ProviderUnavailableError(
                told,
                status=response.status_code,
                retryable=False,
                billed="maybe",
                hint="Its address may have expired.",
            )
        error = error_for_status(Answer(response.status_code, dict(response.headers), b""), "")
        error.message, error.billed = told, "maybe"
        raise error
    path, handle = _temporary(folder)
    size, head = 0, b""
    try:
        with os.fdopen(handle, "wb") as file:
            async for chunk in response.aiter_bytes(1 << 18):
                size += len(chunk)
                if size > step.max_bytes:
                    raise MalformedResponseError(f"the result is larger than {step.max_bytes:,} bytes.")
                if len(head) < 64:
                    head += chunk[:64]
                file.write(chunk)
    except (httpx2.HTTPError, httpx2.StreamError) as error:
        path.unlink(missing_ok=True)
        raise failure(error) from error
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritable(folder, error) from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Blob(path=path, media_type=sniff(head))
