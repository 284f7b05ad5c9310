"""The child process that holds a model: `python -I worker.py FOLDER`, JSON lines on stdin and stdout.

llama.cpp keeps the interpreter lock while it loads, writes to the standard streams as it likes, opens a port, and a fault in it ends the
whole process: none of that may happen to a notebook's kernel. Memory is really free once this process has gone.

In:  {"load": {…}} once · {"ask": id, "body": {…}} · {"stop": id}. The end of stdin is the end of this process.
Out: {"ready": {…}} or {"refused": "…"} once · {"id", "chunk": {…}} · {"id", "over": true}.
Nothing of this package is imported: the parent starts this file by its path. FOLDER is where `xllamacpp` is installed.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
from typing import Any, BinaryIO


class Channel:
    """Lines to the parent, from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()


def load(wish: dict[str, Any]) -> Any:
    """The engine with its model loaded."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = wish["path"]
    params.n_ctx = wish["n_ctx"]
    params.n_parallel = wish["n_parallel"]
    params.kv_unified = wish["n_parallel"] > 1
    if wish["n_threads"]:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = wish["n_threads"]
    if wish["n_gpu_layers"] is not None:
        params.n_gpu_layers = wish["n_gpu_layers"]
    if wish["chat_template"]:
        params.chat_template = wish["chat_template"]
    # Errors only. The engine opens a port that nobody here uses: a key that nobody knows keeps others on this machine out.
    params.verbosity = 1
    params.api_keys = [secrets.token_hex(16)]
    params.ui = False
    return xllamacpp.Server(params)


class Desk:
    """Answers requests, each in a thread of its own; the engine itself lets them wait for a free slot."""

    def __init__(self, server: Any, channel: Channel) -> None:
        self._server = server
        self._channel = channel
        self._stopped: set[int] = set()

    def ask(self, number: int, body: dict[str, Any]) -> None:
        threading.Thread(target=self._serve, args=(number, body), daemon=True).start()

    def stop(self, number: int) -> None:
        self._stopped.add(number)

    def _serve(self, number: int, body: dict[str, Any]) -> None:
        def on_chunk(chunk: dict[str, Any]) -> bool:
            if number in self._stopped:
                return True
            self._channel.send({"id": number, "chunk": chunk})
            return False

        try:
            if number not in self._stopped:
                self._server.handle_chat_completions(body, on_chunk)
        except Exception as error:  # what the engine refuses it throws in many ways; the parent sorts them
            self._channel.send({"id": number, "chunk": {"error": {"code": 400, "message": str(error)}}})
        self._stopped.discard(number)
        self._channel.send({"id": number, "over": True})


def main() -> None:
    # What the engine prints must not get between the lines.
    channel = Channel(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    sys.path.append(sys.argv[1])
    desk: Desk | None = None
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "load" in message:
            try:
                desk = Desk(load(message["load"]), channel)
            except Exception as error:
                channel.send({"refused": f"{type(error).__name__}: {error}"})
                return  # an ordinary end, in which the engine's logger writes down what it still holds
            channel.send({"ready": {"pid": os.getpid()}})
        elif desk is not None and "ask" in message:
            desk.ask(message["ask"], message["body"])
        elif desk is not None:
            desk.stop(message["stop"])
    # Skip the teardown: there is nothing to save, and what still runs must not hold it up.
    os._exit(0)


if __name__ == "__main__":
    main()
