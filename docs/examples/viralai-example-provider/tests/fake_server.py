"""Example AI on loopback: as strict as the real one would be."""

from __future__ import annotations

import base64
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

KEY = "example-canary-4b1f9c"
TEXT_FIELDS = {"model", "turns", "behaviour", "longest", "boldness", "until", "stream"}
IMAGE_FIELDS = {"model", "description", "side", "count", "seed"}


class FakeServer:
    """`with FakeServer() as server: server.url`"""

    def __enter__(self) -> FakeServer:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["x-example-key"] != KEY:
            self._problem(401, "wrong_key", "this key is not known")
            return
        order = json.loads(data)
        if self.path == "/v1/complete" and order.keys() <= TEXT_FIELDS:
            self._complete(order)
        elif self.path == "/v1/pictures" and order.keys() <= IMAGE_FIELDS and order["side"] in (512, 768, 1024):
            self._pictures(order)
        else:
            self._problem(422, "wrong_request", f"{self.path} does not take {sorted(order)}")

    def _complete(self, order: dict[str, Any]) -> None:
        if order["model"] == "writer-0":
            self._problem(404, "model_gone", "writer-0 is gone")
            return
        question = order["turns"][-1][1]
        words = f"An example answer to: {question}".split(" ")
        tokens = {"in": len(question.split()), "out": len(words)}
        if order.get("stream"):
            pieces = [{"piece": word if number == 0 else f" {word}"} for number, word in enumerate(words)]
            lines = [*pieces, {"done": True, "tokens": tokens}]
            self._answer(200, "".join(json.dumps(line) + "\n" for line in lines).encode(), "application/x-ndjson")
        else:
            self._json(200, {"output": " ".join(words), "tokens": tokens, "model": order["model"]})

    def _pictures(self, order: dict[str, Any]) -> None:
        buffer = io.BytesIO()
        Image.new("RGB", (order["side"], order["side"]), "orange").save(buffer, "PNG")
        self._json(200, {"pictures": [base64.b64encode(buffer.getvalue()).decode()] * order["count"]})

    def _problem(self, status: int, kind: str, text: str) -> None:
        self._json(status, {"problem": {"kind": kind, "text": text}})

    def _json(self, status: int, data: Any) -> None:
        self._answer(status, json.dumps(data).encode(), "application/json")

    def _answer(self, status: int, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""
