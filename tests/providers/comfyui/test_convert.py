"""Save-format workflows become the graphs that ComfyUI's own editor would queue, or are refused with a reason."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.providers.comfyui.support import schema
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.providers.comfyui.convert import classes_of, convert
from viralai_sdk.providers.comfyui.schema import read_class
from viralai_sdk.providers.comfyui.workflow import ComfyUIWorkflow

SUB = "5b4c0000-0000-4000-8000-000000000001"
INNER = "5b4c0000-0000-4000-8000-000000000002"
Saved = dict[str, Any]


def saved(*nodes: Saved, links: list[Any] | None = None, **more: Any) -> Saved:
    return {"nodes": list(nodes), "links": links or [], "version": 0.4, **more}


def item(
    key: Any,
    kind: str,
    values: Any = None,
    ins: list[Any] | None = None,
    outs: list[str] | None = None,
    mode: int = 0,
    **more: Any,
) -> Saved:
    """A node; `ins` are (name, type, link[, widget])."""
    inputs = [
        {"name": row[0], "type": row[1], "link": row[2], **({"widget": {"name": row[0]}} if len(row) > 3 else {})}
        for row in ins or []
    ]
    outputs = [{"name": kind, "type": kind} for kind in outs or []]
    return {
        "id": key,
        "type": kind,
        "mode": mode,
        "inputs": inputs,
        "outputs": outputs,
        "widgets_values": values,
        **more,
    }


def empty(key: Any = 1, values: Any = (64, 48, 1, 7), **more: Any) -> Saved:
    return item(key, "EmptyImage", list(values) if isinstance(values, tuple) else values, outs=["IMAGE"], **more)


def save(key: Any = 9, link: Any = 1, **more: Any) -> Saved:
    return item(key, "SaveImage", ["out"], [("images", "IMAGE", link)], **more)


def noise(key: Any, link: Any, values: list[Any], mode: int = 0, **more: Any) -> Saved:
    return item(key, "ImageAddNoise", values, [("image", "IMAGE", link)], ["IMAGE"], mode, **more)


def chain(middle: Saved) -> Saved:
    """EmptyImage → middle → SaveImage."""
    return saved(
        empty(), middle, save(link=2), links=[[1, 1, 0, middle["id"], 0, "IMAGE"], [2, middle["id"], 0, 9, 0, "IMAGE"]]
    )


def definition(
    nodes: list[Saved], links: list[Any], ins: list[tuple[str, str]], outs: list[str], key: str = SUB
) -> Saved:
    rows = [
        dict(zip(("id", "origin_id", "origin_slot", "target_id", "target_slot", "type"), link, strict=True))
        for link in links
    ]
    return {
        "id": key,
        "name": "sub",
        "inputNode": {"id": -10},
        "outputNode": {"id": -20},
        "nodes": nodes,
        "links": rows,
        "inputs": [{"name": name, "type": kind} for name, kind in ins],
        "outputs": [{"name": kind, "type": kind} for kind in outs],
    }


def sub_noise(**instance: Any) -> Saved:
    """EmptyImage → sub-graph with an ImageAddNoise whose seed is an input → SaveImage."""
    inner = item(3, "ImageAddNoise", [11, "fixed", 0.5], [("image", "IMAGE", 1), ("seed", "INT", 2, True)], ["IMAGE"])
    sub = definition(
        [inner],
        [(1, -10, 0, 3, 0, "IMAGE"), (2, -10, 1, 3, 1, "INT"), (3, 3, 0, -20, 0, "IMAGE")],
        [("image", "IMAGE"), ("seed", "INT")],
        ["IMAGE"],
    )
    made = item(
        5, SUB, instance.pop("values", []), [("image", "IMAGE", 1), ("seed", "INT", None, True)], ["IMAGE"], **instance
    )
    return saved(
        empty(),
        made,
        save(link=2),
        links=[[1, 1, 0, 5, 0, "IMAGE"], [2, 5, 0, 9, 0, "IMAGE"]],
        definitions={"subgraphs": [sub]},
    )


def nested() -> Saved:
    inner = definition(
        [noise(7, 1, [5, "fixed", 0.1])],
        [(1, -10, 0, 7, 0, "IMAGE"), (2, 7, 0, -20, 0, "IMAGE")],
        [("image", "IMAGE")],
        ["IMAGE"],
        INNER,
    )
    outer = definition(
        [item(6, INNER, [], [("image", "IMAGE", 1)], ["IMAGE"])],
        [(1, -10, 0, 6, 0, "IMAGE"), (2, 6, 0, -20, 0, "IMAGE")],
        [("image", "IMAGE")],
        ["IMAGE"],
    )
    return saved(
        empty(),
        item(5, SUB, [], [("image", "IMAGE", 1)], ["IMAGE"]),
        save(link=2),
        links=[[1, 1, 0, 5, 0, "IMAGE"], [2, 5, 0, 9, 0, "IMAGE"]],
        definitions={"subgraphs": [outer, inner]},
    )


PRIMITIVE_LINKS = [[1, 1, 0, 9, 0, "IMAGE"], [5, 4, 0, 1, 0, "INT"]]
PRIMITIVE = saved(
    item(4, "PrimitiveNode", [96, "fixed"], outs=["INT"]),
    empty(ins=[("width", "INT", 5, True)]),
    save(),
    links=PRIMITIVE_LINKS,
)
KSAMPLER = [
    ("model", "MODEL", 1),
    ("positive", "CONDITIONING", 2),
    ("negative", "CONDITIONING", 3),
    ("latent_image", "LATENT", 4),
]
TEXT_TO_IMAGE = saved(
    item(1, "CheckpointLoaderSimple", ["sim.safetensors"], outs=["MODEL", "CLIP", "VAE"]),
    item(2, "CLIPTextEncode", ["a boat"], [("clip", "CLIP", 5)], ["CONDITIONING"], title="Positive Prompt"),
    item(3, "CLIPTextEncode", ["ugly"], [("clip", "CLIP", 6)], ["CONDITIONING"]),
    item(4, "EmptyLatentImage", [64, 64, 1], outs=["LATENT"]),
    item(5, "KSampler", [156680208700286, True, 20, 8, "euler", "normal", 1], KSAMPLER, ["LATENT"]),
    item(6, "VAEDecode", None, [("samples", "LATENT", 7), ("vae", "VAE", 8)], ["IMAGE"]),
    save(link=9),
    links=[
        [1, 1, 0, 5, 0, "MODEL"],
        [2, 2, 0, 5, 1, "CONDITIONING"],
        [3, 3, 0, 5, 2, "CONDITIONING"],
        [4, 4, 0, 5, 3, "LATENT"],
        [5, 1, 1, 2, 0, "CLIP"],
        [6, 1, 1, 3, 0, "CLIP"],
        [7, 5, 0, 6, 0, "LATENT"],
        [8, 1, 2, 6, 1, "VAE"],
        [9, 6, 0, 9, 0, "IMAGE"],
    ],
)
PLAIN = saved(empty(), save(), links=[[1, 1, 0, 9, 0, "IMAGE"]])
RESIZE = item(
    3, "ResizeImageMaskNode", ["scale dimensions", 32, 24, "center", "area"], [("input", "IMAGE,MASK", 1)], ["IMAGE"]
)
IMAGE_1 = ["1", 0]

CASES: dict[str, tuple[Saved, dict[str, dict[str, Any]]]] = {
    "plain": (
        PLAIN,
        {
            "1": {"width": 64, "height": 48, "batch_size": 1, "color": 7},
            "9": {"images": IMAGE_1, "filename_prefix": "out"},
        },
    ),
    "values as object": (
        saved(
            empty(values={"color": 7, "width": 64, "height": 48, "batch_size": 1, "preview": {}}),
            save(),
            links=[[1, 1, 0, 9, 0, "IMAGE"]],
        ),
        {"1": {"width": 64, "height": 48, "batch_size": 1, "color": 7}},
    ),
    "named values": (
        saved(empty(widgets_values_named={"width": 8, "height": 9}), save(), links=[[1, 1, 0, 9, 0, "IMAGE"]]),
        {"1": {"width": 8, "height": 9, "batch_size": 1, "color": 0}},
    ),
    "too few values": (
        saved(empty(values=[64]), save(), links=[[1, 1, 0, 9, 0, "IMAGE"]]),
        {"1": {"width": 64, "height": 512, "batch_size": 1, "color": 0}},
    ),
    "no values": (
        saved(empty(values=None), save(), links=[[1, 1, 0, 9, 0, "IMAGE"]]),
        {"1": {"width": 512, "height": 512, "batch_size": 1, "color": 0}},
    ),
    "string ids": (
        saved(empty("a"), save("b"), links=[[1, "a", 0, "b", 0, "IMAGE"]]),
        {"b": {"images": ["a", 0], "filename_prefix": "out"}},
    ),
    "links as objects": (
        saved(
            empty(),
            save(),
            links=[{"id": 1, "origin_id": 1, "origin_slot": 0, "target_id": 9, "target_slot": 0, "type": "IMAGE"}],
        ),
        {"9": {"images": IMAGE_1, "filename_prefix": "out"}},
    ),
    "control after generate, word": (
        chain(noise(3, 1, [42, "randomize", 0.25])),
        {"3": {"image": IMAGE_1, "seed": 42, "strength": 0.25}},
    ),
    "control after generate, boolean": (
        chain(noise(3, 1, [42, True, 0.25])),
        {"3": {"image": IMAGE_1, "seed": 42, "strength": 0.25}},
    ),
    "control after generate, absent": (
        chain(noise(3, 1, [42, 0.25])),
        {"3": {"image": IMAGE_1, "seed": 42, "strength": 0.25}},
    ),
    "control fixed": (chain(noise(3, 1, [42, "fixed", 1])), {"3": {"image": IMAGE_1, "seed": 42, "strength": 1}}),
    "muted branch": (
        saved(empty(), save(), save(10, 2, mode=2), links=[[1, 1, 0, 9, 0, "IMAGE"], [2, 1, 0, 10, 0, "IMAGE"]]),
        {"9": {"images": IMAGE_1, "filename_prefix": "out"}},
    ),
    "muted source": (chain(noise(3, 1, [1, "fixed", 0.1], mode=2)), {"9": {"filename_prefix": "out"}}),
    "bypassed": (chain(noise(3, 1, [1, "fixed", 0.1], mode=4)), {"9": {"images": IMAGE_1, "filename_prefix": "out"}}),
    "bypassed takes the input beside it": (
        saved(
            empty(),
            empty(2),
            item(3, "ImageBatch", None, [("image1", "IMAGE", 1), ("image2", "IMAGE", 2)], ["IMAGE"], 4),
            save(link=3),
            links=[[1, 1, 0, 3, 0, "IMAGE"], [2, 2, 0, 3, 1, "IMAGE"], [3, 3, 0, 9, 0, "IMAGE"]],
        ),
        {"9": {"images": IMAGE_1, "filename_prefix": "out"}},
    ),
    "bypassed twice": (
        saved(
            empty(),
            noise(3, 1, [1, "fixed", 0.1], 4),
            noise(4, 2, [1, "fixed", 0.1], 4),
            save(link=3),
            links=[[1, 1, 0, 3, 0, "IMAGE"], [2, 3, 0, 4, 0, "IMAGE"], [3, 4, 0, 9, 0, "IMAGE"]],
        ),
        {"9": {"images": IMAGE_1, "filename_prefix": "out"}},
    ),
    "reroute": (
        chain(item(3, "Reroute", None, [("", "*", 1)], ["IMAGE"])),
        {"9": {"images": IMAGE_1, "filename_prefix": "out"}},
    ),
    "reroute of reroute": (
        saved(
            empty(),
            item(3, "Reroute", None, [("", "*", 1)], ["*"]),
            item(4, "Reroute", None, [("", "*", 2)], ["*"]),
            save(link=3),
            links=[[1, 1, 0, 3, 0, "*"], [2, 3, 0, 4, 0, "*"], [3, 4, 0, 9, 0, "IMAGE"]],
        ),
        {"9": {"images": IMAGE_1, "filename_prefix": "out"}},
    ),
    "primitive": (PRIMITIVE, {"1": {"width": 96, "height": 48, "batch_size": 1, "color": 7}}),
    "primitive behind a reroute": (
        saved(
            item(4, "PrimitiveNode", [33], outs=["INT"]),
            item(6, "Reroute", None, [("", "*", 5)], ["INT"]),
            empty(ins=[("width", "INT", 6, True)]),
            save(),
            links=[[1, 1, 0, 9, 0, "IMAGE"], [5, 4, 0, 6, 0, "INT"], [6, 6, 0, 1, 0, "INT"]],
        ),
        {"1": {"width": 33, "height": 48, "batch_size": 1, "color": 7}},
    ),
    "typed primitive stays a node": (
        saved(
            item(4, "PrimitiveInt", [50, "fixed"], outs=["INT"]),
            empty(ins=[("width", "INT", 5, True)]),
            save(),
            links=PRIMITIVE_LINKS,
        ),
        {"4": {"value": 50}, "1": {"width": ["4", 0], "height": 48, "batch_size": 1, "color": 7}},
    ),
    "notes": (
        saved(
            empty(),
            save(),
            item(20, "Note", ["hi"]),
            item(21, "MarkdownNote", ["# hi"]),
            links=[[1, 1, 0, 9, 0, "IMAGE"]],
        ),
        {"1": {"width": 64, "height": 48, "batch_size": 1, "color": 7}},
    ),
    "unknown panel that touches nothing": (
        saved(empty(), save(), item(20, "Fast Groups Muter", None), links=[[1, 1, 0, 9, 0, "IMAGE"]]),
        {"1": {"width": 64, "height": 48, "batch_size": 1, "color": 7}},
    ),
    "set and get nodes": (
        saved(
            empty(),
            item(3, "SetNode", ["pic"], [("IMAGE", "IMAGE", 1)], ["*"]),
            item(4, "GetNode", ["pic"], outs=["IMAGE"]),
            save(link=2),
            links=[[1, 1, 0, 3, 0, "IMAGE"], [2, 4, 0, 9, 0, "IMAGE"]],
        ),
        {"9": {"images": IMAGE_1, "filename_prefix": "out"}},
    ),
    "upload button": (
        saved(
            item(1, "LoadImage", ["a.png", "image"], outs=["IMAGE", "MASK"]), save(), links=[[1, 1, 0, 9, 0, "IMAGE"]]
        ),
        {"1": {"image": "a.png"}},
    ),
    "dynamic combo": (
        chain(RESIZE),
        {
            "3": {
                "input": IMAGE_1,
                "resize_type": "scale dimensions",
                "resize_type.width": 32,
                "resize_type.height": 24,
                "resize_type.crop": "center",
                "scale_method": "area",
            }
        },
    ),
    "autogrow": (
        saved(
            empty(),
            empty(2),
            item(3, "BatchImagesNode", [], [("images.image0", "IMAGE", 1), ("images.image1", "IMAGE", 2)], ["IMAGE"]),
            save(link=3),
            links=[[1, 1, 0, 3, 0, "IMAGE"], [2, 2, 0, 3, 1, "IMAGE"], [3, 3, 0, 9, 0, "IMAGE"]],
        ),
        {"3": {"images.image0": IMAGE_1, "images.image1": ["2", 0]}},
    ),
    "text to image": (
        TEXT_TO_IMAGE,
        {
            "5": {
                "seed": 156680208700286,
                "steps": 20,
                "cfg": 8,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1,
                "model": ["1", 0],
                "positive": ["2", 0],
                "negative": ["3", 0],
                "latent_image": ["4", 0],
            }
        },
    ),
    "sub-graph, inner value": (
        sub_noise(),
        {"5:3": {"image": IMAGE_1, "seed": 11, "strength": 0.5}, "9": {"images": ["5:3", 0], "filename_prefix": "out"}},
    ),
    "sub-graph, own value": (sub_noise(values=[77]), {"5:3": {"image": IMAGE_1, "seed": 77, "strength": 0.5}}),
    "sub-graph, proxied value": (
        sub_noise(values=[78, 0.9], properties={"proxyWidgets": [["-1", "seed"], ["3", "strength"]]}),
        {"5:3": {"image": IMAGE_1, "seed": 78, "strength": 0.9}},
    ),
    "sub-graph, proxied without values": (
        sub_noise(properties={"proxyWidgets": [["3", "strength"]]}),
        {"5:3": {"image": IMAGE_1, "seed": 11, "strength": 0.5}},
    ),
    "sub-graph bypassed": (sub_noise(mode=4), {"9": {"images": IMAGE_1, "filename_prefix": "out"}}),
    "sub-graph muted": (sub_noise(mode=2), {"9": {"filename_prefix": "out"}}),
    "sub-graph in a sub-graph": (
        nested(),
        {
            "5:6:7": {"image": IMAGE_1, "seed": 5, "strength": 0.1},
            "9": {"images": ["5:6:7", 0], "filename_prefix": "out"},
        },
    ),
    "definitions in extra": (
        {
            **{k: v for k, v in nested().items() if k != "definitions"},
            "extra": {"definitions": nested()["definitions"]},
        },
        {"5:6:7": {"image": IMAGE_1, "seed": 5, "strength": 0.1}},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_converts(name: str) -> None:
    data, expected = CASES[name]
    before = copy.deepcopy(data)
    graph = convert(data, schema())
    assert data == before
    for key, inputs in expected.items():
        assert graph[key]["inputs"] == inputs
    assert all(node["class_type"] in schema() for node in graph.values())


@pytest.mark.parametrize("mode", [2, 4])
def test_nodes_of_the_editor_alone_pass_on_what_they_get_whatever_their_mode(mode: int) -> None:
    """As ComfyUI's own editor converts it (1.27.10 and 1.35.9 were asked): muting a reroute or a primitive changes nothing."""
    rerouted = chain(item(3, "Reroute", None, [("", "*", 1)], ["IMAGE"], mode))
    assert convert(rerouted, schema())["9"]["inputs"]["images"] == ["1", 0]
    primitive = item(5, "PrimitiveNode", [128, "fixed"], outs=["INT"], mode=mode)
    canvas = item(1, "EmptyImage", [64, 48, 1, 7], [("width", "INT", 4, True)], ["IMAGE"])
    fed = saved(primitive, canvas, save(), links=[[1, 1, 0, 9, 0, "IMAGE"], [4, 5, 0, 1, 0, "INT"]])
    assert convert(fed, schema())["1"]["inputs"]["width"] == 128


def test_widgets_newer_than_the_file_get_their_defaults_optional_ones_included() -> None:
    """As the editor does: a Python function's own default need not be the widget's."""
    rows = {
        "strength": ["FLOAT", {"default": 1.0}],
        "mode": [["soft", "hard"], {}],
        "note": ["STRING", {"multiline": True}],
        "on": ["BOOLEAN", {}],
        "picture": ["IMAGE", {}],
    }
    described = {"input": {"required": {"old": ["INT", {"default": 3}]}, "optional": rows}, "output": ["IMAGE"]}
    known = {**schema(), "Grown": read_class("Grown", described)}
    graph = convert(saved(item(3, "Grown", [7], outs=["IMAGE"]), save(), links=[[1, 3, 0, 9, 0, "IMAGE"]]), known)
    assert graph["3"]["inputs"] == {"old": 7, "strength": 1.0, "mode": "soft", "note": "", "on": False}


def test_there_are_at_least_thirty_cases() -> None:
    assert len(CASES) >= 30


def test_titles_and_classes_are_kept() -> None:
    graph = convert(TEXT_TO_IMAGE, schema())
    assert graph["2"]["_meta"]["title"] == "Positive Prompt"
    assert "KSampler" in classes_of(TEXT_TO_IMAGE)


def itself() -> Saved:
    loop = definition(
        [item(6, SUB, [], [("image", "IMAGE", 1)], ["IMAGE"])],
        [(1, -10, 0, 6, 0, "IMAGE"), (2, 6, 0, -20, 0, "IMAGE")],
        [("image", "IMAGE")],
        ["IMAGE"],
    )
    return {**nested(), "definitions": {"subgraphs": [loop]}}


REFUSED: dict[str, tuple[Saved, str]] = {
    "unknown class": (
        chain(item(3, "ImageAddNoize", [1], [("image", "IMAGE", 1)], ["IMAGE"])),
        "no class 'ImageAddNoize'",
    ),
    "group node": (chain(item(3, "workflow>mine", [1], [("image", "IMAGE", 1)], ["IMAGE"])), "group node"),
    "other version of a node": (
        saved(empty(values=["abc", 1]), save(), links=[[1, 1, 0, 9, 0, "IMAGE"]]),
        "another version",
    ),
    "nothing runs": (saved(empty(mode=2), save(mode=4)), "nothing of the workflow would run"),
    "sub-graph in itself": (itself(), "contains itself"),
    "values nobody can place": (
        sub_noise(values=[1, 2, 3], properties={"proxyWidgets": [["3", "strength"]]}),
        "cannot be told",
    ),
    "reroutes in a circle": (
        saved(
            item(3, "Reroute", None, [("", "*", 2)], ["*"]),
            item(4, "Reroute", None, [("", "*", 1)], ["*"]),
            save(link=3),
            links=[[1, 3, 0, 4, 0, "*"], [2, 4, 0, 3, 0, "*"], [3, 4, 0, 9, 0, "*"]],
        ),
        "circle",
    ),
    "real circle": (
        saved(
            noise(3, 2, [1, 0.1]),
            noise(4, 1, [1, 0.1]),
            save(link=3),
            links=[[1, 3, 0, 4, 0, "*"], [2, 4, 0, 3, 0, "*"], [3, 4, 0, 9, 0, "*"]],
        ),
        "circle",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_with_a_reason(name: str) -> None:
    data, words = REFUSED[name]
    with pytest.raises(InvalidRequestError, match=words):
        convert(data, schema())


def test_a_mountain_of_nested_sub_graphs_ends_in_an_error() -> None:
    """Ten levels that each hold the next one ten times would be ten thousand million nodes."""
    ids = [f"level-{number}" for number in range(10)]
    rows = [
        definition(
            [item(n, ids[level + 1] if level < 9 else "EmptyImage", [], outs=["IMAGE"]) for n in range(10)],
            [],
            [],
            [],
            ids[level],
        )
        for level in range(10)
    ]
    with pytest.raises(InvalidRequestError, match="more than"):
        convert(saved(item(1, ids[0], []), definitions={"subgraphs": rows}), schema())


def test_app_mode_names_are_parameters() -> None:
    data = {
        **copy.deepcopy(TEXT_TO_IMAGE),
        "extra": {"linearMode": True, "linearData": {"inputs": [["2", "text"], [5, "steps"]], "outputs": ["9"]}},
    }
    workflow = ComfyUIWorkflow(data).use_schema(schema())
    workflow.set_parameters({"text": "a ship", "steps": 3})
    assert workflow.graph["2"]["inputs"]["text"] == "a ship"
    assert workflow.graph["5"]["inputs"]["steps"] == 3
    assert workflow.outputs == ["9"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 30) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "inputs", "link", "nodes", "links", "mode", "widgets_values"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.fixed_dictionaries({"nodes": st.lists(json_values, max_size=4), "links": st.lists(json_values, max_size=4)}))
@settings(max_examples=150, deadline=None)
def test_junk_is_converted_or_refused_and_nothing_else(data: Saved) -> None:
    with contextlib.suppress(InvalidRequestError):
        convert(data, schema())
