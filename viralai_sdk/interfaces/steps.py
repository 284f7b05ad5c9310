"""What an adapter asks the runner to do.

An adapter is sans-IO: it is a generator that yields steps and is sent their answers. It never opens a connection, sleeps, retries or
writes a file, so it fits on a page, is tested as data and cannot forget a timeout.

    def steps(self, request, model):
        answer = yield Send("POST", "/images/generations", json={...}, creates=True)
        return MediaPayload(blobs=[Blob(data, "image/png")])
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from viralai_sdk.interfaces.errors import MalformedResponseError
from viralai_sdk.interfaces.records import Record, Usage, WordTiming

T = TypeVar("T")


@dataclass(slots=True)
class FilePart:
    """One file of a multipart body."""

    field: str
    filename: str
    data: bytes
    media_type: str


@dataclass(slots=True)
class Send:
    """One HTTP request. Answered by an `Answer`; a status of 400 and above is raised as the error `Adapter.error` makes of it.

    Attributes:
        path: appended to the provider's base URL, or an absolute URL on the provider's own host.
        json: body as JSON; `fields` and `files` make a multipart body instead; `content` is sent as it is.
        creates: True when the provider may bill for this request: it is then sent again only after a failure that certainly happened
            before processing.
        expect: how the answer is read: whole ("body"), or event by event ("sse", "ndjson"), or as byte chunks ("bytes"). Streams are only
            for `StreamingAdapter.stream`.
        accept: value of the Accept header.
        max_bytes: largest body that is read.
    """

    method: str
    path: str
    json: Any = None
    params: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    fields: Sequence[tuple[str, str]] | None = None
    files: Sequence[FilePart] | None = None
    content: bytes | None = None
    creates: bool = False
    expect: Literal["body", "sse", "ndjson", "bytes"] = "body"
    accept: str = "application/json"
    max_bytes: int = 256 * 1024 * 1024


@dataclass(slots=True)
class Answer:
    """An HTTP answer, read whole. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            MalformedResponseError: it is none; the message quotes its start.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            start = self.body[:80].decode("utf-8", "replace")
            raise MalformedResponseError(
                f"the answer is not JSON ({error.__class__.__name__}); it starts with {start!r}."
            ) from error


@dataclass(slots=True)
class Download:
    """Fetch a file whose address came out of a provider's answer, through the one checked downloader. Answered by a `Blob` on disk.

    Attributes:
        authorised: send the provider's key, which happens only on the provider's own origin.
        max_bytes: larger files are refused.
    """

    url: str
    authorised: bool = False
    max_bytes: int = 4 * 1024**3


@dataclass(slots=True)
class Compute:
    """Run blocking work in a thread.

    The function also gets two keyword arguments: `report(fraction, stage, preview=None)`, which raises to unwind the thread when the
    call was cancelled, and `workspace`, a folder for temporary files.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Parallel:
    """Run several generators at once. Answered by a list in their order; a failed one is its exception, never raised here."""

    branches: Sequence[Generator[Any, Any, Any]]


@dataclass(slots=True)
class Report:
    """Tell the user how far things are. Answered by None."""

    fraction: float | None
    stage: str
    preview: bytes | None = None
    queue_position: int | None = None


@dataclass(slots=True)
class Pause:
    """Wait between two looks at something that settles soon. Answered by None."""

    seconds: float


@dataclass(slots=True)
class Announce:
    """Say which job is about to be created, when its id is ours to choose. Answered by None.

    The runner writes the ticket down and opens the job's live channel, both before the request that creates it is sent. A request
    whose answer never came is then still found again.
    """

    ticket: JobTicket


Step: TypeAlias = "Send | Download | Compute | Parallel | Report | Pause | Announce"
Steps: TypeAlias = Generator[Step, Any, T]


class StreamEvent(Record):
    """One event of a stream: `name` of an SSE event ("" when unnamed) and its data, undecoded."""

    name: str = ""
    data: str


class _End:
    """The stream's regular end."""

    def __repr__(self) -> str:
        return "END"


END = _End()
StreamSteps: TypeAlias = "Generator[Send | Compute | str | bytes | None, Any, T]"
"""Yields one `Send` to open the stream, then for every event sent in, what it adds (None for nothing); is sent END at the end and
returns the payload. Before that come what other steps it needs, such as a `Compute` or a `Send` whose answer is read whole. An engine
without a wire yields pieces right away, or after a `Compute`."""


@dataclass(slots=True)
class Blob:
    """One produced file: bytes in memory, or a finished temporary file that will be moved into place."""

    data: bytes | None = None
    media_type: str | None = None
    path: Path | None = None
    name: str = ""
    """A word for the file name, chosen by the adapter, never by the wire."""


@dataclass(slots=True)
class Payload:
    """What all adapters return.

    Attributes:
        model: model that really served, when the answer names it.
        cost_usd: price, when the provider itself states it.
        quantities: billed amounts by the catalog's units, such as {"image": 1} or {"character": 120}.
        metadata: facts worth keeping; no secrets, no signed URLs.
        request_id: the provider's id of the request.
    """

    model: str | None = None
    cost_usd: float | None = None
    quantities: dict[str, float] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    warnings: list[Any] = field(default_factory=list)
    request_id: str | None = None


@dataclass(slots=True)
class TextPayload(Payload):
    """Text and how it ended."""

    text: str = ""
    parsed: Any = None
    usage: Usage = field(default_factory=Usage)
    finish_reason: Literal["stop", "length", "tool_calls", "other"] = "stop"


@dataclass(slots=True)
class MediaPayload(Payload):
    """Files: pictures, one film, or one recording."""

    blobs: list[Blob] = field(default_factory=list)
    word_timings: list[WordTiming] = field(default_factory=list)


@dataclass(slots=True)
class JobTicket:
    """A provider's job: everything needed to find it again, as plain JSON values. No secret, no signed URL."""

    remote_id: str
    state: dict[str, Any] = field(default_factory=dict)


class Ear(Protocol):
    """Understands the messages of one job's live channel. Pure: it decides nothing, it only tells."""

    @property
    def over(self) -> bool:
        """The channel said that the job has ended: time to look at it now. Whether and how it ended, the look decides."""

    def hear(self, message: str | bytes) -> Report | None:
        """Take one message; what there is to show for it."""


@dataclass(slots=True)
class Listen:
    """A job's live channel: a WebSocket at the provider. It shows progress and is never the truth.

    Attributes:
        path: appended to the provider's base URL, whose scheme becomes ws or wss.
        first: messages sent as soon as it is open.
        ear: gets every message, from all connections of the job in turn.
    """

    path: str
    ear: Ear
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    first: Sequence[str] = ()


@dataclass(slots=True)
class JobProgress:
    """One look at a provider's job.

    Attributes:
        over: "" while it runs, "done" when it can be collected.
        poll_after: the provider's wish for the next look, in seconds.
        result: facts the adapter needs to collect; kept in memory only.
    """

    over: Literal["", "done", "cancelled"] = ""
    fraction: float | None = None
    stage: str | None = None
    queue_position: int | None = None
    preview: bytes | None = None
    poll_after: float | None = None
    result: Any = None
