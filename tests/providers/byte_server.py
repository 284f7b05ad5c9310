"""A server that sends a stream in exactly the pieces it is told to, each as a chunk of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager


class ByteServer:
    """Answers every request with `pieces`, whatever was asked. Connections stay open for the next request."""

    def __init__(self) -> None:
        self.media_type = "text/event-stream"
        self.pieces: Iterable[bytes] = ()
        self.url = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.partition(b":")[2]))
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: " + self.media_type.encode() + b"\r\n"
                    b"transfer-encoding: chunked\r\n\r\n"
                )
                for piece in self.pieces:
                    if piece:
                        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                writer.write(b"0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def byte_server() -> AsyncIterator[ByteServer]:
    """A running server."""
    made = ByteServer()
    server = await asyncio.start_server(made._serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        await asyncio.sleep(0)
