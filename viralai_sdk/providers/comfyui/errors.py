"""ComfyUI's refusals and failures as our errors. Bodies may be JSON, plain text or empty."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from viralai_sdk.interfaces.adapter import error_for_status
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError, JobFailedError, PermissionDeniedError
from viralai_sdk.interfaces.steps import Answer
from viralai_sdk.providers.comfyui.graph import Graph, label
from viralai_sdk.providers.comfyui.schema import is_file

MAX_TEXT = 400
MEMORY_HINT = "The graphics card's memory is full: ask for a smaller size or fewer pictures, or call client.free()."


def error_from_answer(answer: Answer) -> AIError:
    """The error of an HTTP refusal."""
    body = _json(answer.body)
    if isinstance(body.get("error"), Mapping) or body.get("node_errors"):
        return rejection(body, {}, answer.status)
    said = body.get("error")
    text: str = said if isinstance(said, str) else ""
    if not text and answer.body[:1] not in (b"{", b"<"):
        text = answer.body[:MAX_TEXT].decode("utf-8", "replace").strip()
    if answer.status == 413:
        return InvalidRequestError(
            text or "the file is larger than the server takes.",
            status=413,
            hint="The server's --max-upload-size sets the limit (100 MB).",
        )
    if answer.status == 403 and not text:
        return PermissionDeniedError(
            "the server refused the request without a word (HTTP 403).",
            status=403,
            hint="A path outside its folders, or a proxy that compares Origin and Host.",
        )
    error = error_for_status(answer, text)
    if answer.status >= 500:
        # Even a refused prompt may have been queued, so nothing is sent again before the queue was looked at.
        error.billed = "maybe"
    return error


def rejection(body: Mapping[str, Any], graph: Graph, status: int | None = None) -> InvalidRequestError:
    """The error of a prompt that the server refused, wholly or in part. The truth is in `node_errors`; the top level only counts."""
    details = body.get("node_errors")
    lines: list[str] = []
    hint = None
    for key, row in (details if isinstance(details, Mapping) else {}).items():
        for error in row.get("errors") or ():
            known: Graph = graph if key in graph else {key: {"class_type": row.get("class_type", "?"), "inputs": {}}}
            lines.append(f"{label(known, key)}: {_sentence(error)}")
            hint = hint or _hint(error)
    if not lines:
        error = body.get("error")
        error = error if isinstance(error, Mapping) else {}
        lines.append(
            " ".join(filter(None, [_text(error.get("message")), _text(error.get("details"))])) or "no reason given"
        )
        if error.get("type") == "missing_node_type" or "does not exist" in lines[0]:
            hint = "Install its custom nodes on the server, or update the server."
        elif error.get("type") == "prompt_no_outputs":
            hint = "The workflow needs a node that stores something, such as SaveImage."
    return InvalidRequestError(f"the server refused the workflow: {'; '.join(lines)[:2000]}", status=status, hint=hint)


def _sentence(error: Mapping[str, Any]) -> str:
    kind, extra = error.get("type"), error.get("extra_info")
    extra = extra if isinstance(extra, Mapping) else {}
    name = extra.get("input_name") or ""
    if kind == "required_input_missing":
        return f"the input {name or error.get('details')!r} is missing"
    if kind == "exception_during_validation" and "exception_type" in extra:
        return f"{extra['exception_type']}: {_text(extra.get('exception_message') or error.get('details'))}"
    message, details = _text(error.get("message")), _text(error.get("details"))
    return f"{message} ({details})" if details else message


def _hint(error: Mapping[str, Any]) -> str | None:
    if error.get("type") != "value_not_in_list":
        return None
    extra = error.get("extra_info")
    extra = extra if isinstance(extra, Mapping) else {}
    config, value = extra.get("input_config"), extra.get("received_value")
    choices: Any = None
    if isinstance(config, list) and config:
        options = config[1] if len(config) > 1 and isinstance(config[1], Mapping) else {}
        choices = config[0] if isinstance(config[0], list) else options.get("options")
    shown = f" It has: {', '.join(map(str, choices[:12])) or 'none'}." if isinstance(choices, list) else ""
    if is_file(value):
        return f"The server has no file {value!r}; put it into its models folder, or name one that it has.{shown}"
    return shown.strip() or None


def execution_error(body: Mapping[str, Any], nodes: Mapping[str, str]) -> JobFailedError:
    """The error of a job that failed while running: which node and why. Tensors, tracebacks and server paths stay out."""
    key = str(body.get("node_id", "?"))
    named = nodes.get(key) or nodes.get(key.split(".")[0])
    kind, message = str(body.get("exception_type") or ""), _text(body.get("exception_message"))
    class_type = _text(body.get("node_type"))
    where = f"node {key} ({class_type}" + (f" {named!r})" if named and named != class_type else ")")
    memory = "OutOfMemoryError" in kind
    if memory:
        message = message.split("\n")[0]
    return JobFailedError(
        f"{where} failed: {kind}: {message}"[:1000],
        billed="no",
        hint=MEMORY_HINT if memory else None,
    )


def _text(value: Any) -> str:
    return str(value).strip()[:MAX_TEXT] if value not in (None, "") else ""


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
