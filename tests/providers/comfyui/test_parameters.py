"""Parameters are found by every name people use, set with their types kept, and refused before anything is sent."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.providers.comfyui.support import RECORDINGS, node, picture_graph, schema
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_sdk.providers.comfyui.graph import read_workflow
from viralai_sdk.providers.comfyui.schema import check_graph, read_class
from viralai_sdk.providers.comfyui.templates import choose_workflow, load_template, templates
from viralai_sdk.providers.comfyui.workflow import ComfyUIWorkflow, missing


def text_to_image() -> ComfyUIWorkflow:
    return ComfyUIWorkflow(load_template("sd15")).use_schema(schema())


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("5.seed", 7, ("5", "seed")),
        ("5/seed", 7, ("5", "seed")),
        ("seed", 7, ("5", "seed")),
        ("Sampler.steps", 9, ("5", "steps")),
        ("KSampler.cfg", 3, ("5", "cfg")),
        ("ksampler.cfg", 3.5, ("5", "cfg")),
        ("Positive Prompt", "a fox", ("2", "text")),
        ("positive", "a fox", ("2", "text")),
        ("prompt", "a fox", ("2", "text")),
        ("negative", "rain", ("3", "text")),
        ("Negative-Prompt", "rain", ("3", "text")),
        ("steps", 4.0, ("5", "steps")),
        ("width", 640, ("4", "width")),
        ("EmptyLatentImage.height", 640, ("4", "height")),
        ("ckpt_name", "sim.safetensors", ("1", "ckpt_name")),
    ],
)
def test_found_by_name(name: str, value: Any, place: tuple[str, str]) -> None:
    workflow = text_to_image()
    before = copy.deepcopy(workflow.graph)
    workflow.set_parameters({name: value})
    before[place[0]]["inputs"][place[1]] = value
    assert workflow.graph == before


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"stepz": 3}, "Did you mean 'steps'"),
        ({"text": "x"}, "several"),
        ({"steps": 0}, "at least 1"),
        ({"steps": 2.5}, "whole number"),
        ({"steps": "many"}, "whole number"),
        ({"cfg": "much"}, "must be a number"),
        ({"cfg": float("nan")}, "finite"),
        ({"denoise": 1.5}, "at most 1"),
        ({"sampler_name": "eular"}, "Did you mean 'euler'"),
        ({"ckpt_name": "no.safetensors"}, "which the server does not have"),
        ({"positive": 3}, "must be text"),
        ({"5.model": 3}, "cut the link"),
        ({"5.positive": "x"}, "cut the link"),
    ],
)
def test_wrong_names_and_values_change_nothing(values: dict[str, Any], words: str) -> None:
    workflow = text_to_image()
    before = copy.deepcopy(workflow.graph)
    with pytest.raises(InvalidRequestError, match=words):
        workflow.set_parameters({"seed": 1, **values})
    assert workflow.graph == before


def test_a_link_is_cut_only_when_asked_and_a_primitive_is_set_instead() -> None:
    graph = picture_graph()
    graph["4"] = node("PrimitiveInt", "Breite", value=64)
    graph["1"]["inputs"]["width"] = ["4", 0]
    workflow = ComfyUIWorkflow(graph).use_schema(schema())
    workflow.set_parameters({"1.width": 80})
    assert workflow.graph["4"]["inputs"]["value"] == 80
    assert workflow.graph["1"]["inputs"]["width"] == ["4", 0]
    workflow.set_parameters(Breite=96)
    assert workflow.graph["4"]["inputs"]["value"] == 96
    workflow.set_parameters({"1.width": 128}, cut_links=True)
    assert workflow.graph["1"]["inputs"]["width"] == 128
    workflow.set_parameters({"1.height": ["4", 0]})
    assert workflow.graph["1"]["inputs"]["height"] == ["4", 0]
    with pytest.raises(InvalidRequestError, match="not there"):
        workflow.set_parameters({"1.height": ["77", 0]})


def test_placeholders_keep_their_types() -> None:
    graph = picture_graph(width="${width}", color="${color}")
    graph["2"]["inputs"]["filename_prefix"] = "${name}/run ${number}"
    workflow = ComfyUIWorkflow(graph)
    assert set(workflow.placeholders()) == {"width", "color", "name", "number"}
    workflow.set_parameters({"width": 64, "color": 1, "name": "fox", "number": 7})
    assert workflow.graph["1"]["inputs"]["width"] == 64
    assert workflow.graph["2"]["inputs"]["filename_prefix"] == "fox/run 7"


def test_lists_are_wrapped_since_a_bare_one_is_a_link() -> None:
    workflow = ComfyUIWorkflow({"1": node("Any", x="${rows}")})
    workflow.set_parameters(rows=["a", 0])
    assert workflow.graph["1"]["inputs"]["x"] == {"__value__": ["a", 0]}


def test_dotted_inputs_of_dynamic_nodes() -> None:
    workflow = ComfyUIWorkflow(RECORDINGS / "workflows" / "v27_dynamic_combo_resize.json").use_schema(schema())
    workflow.set_parameters({"2.resize_type.width": 48})
    assert workflow.graph["2"]["inputs"]["resize_type.width"] == 48
    workflow.set_parameters({"2.resize_type": "scale by multiplier", "2.resize_type.multiplier": 2.0})
    assert workflow.graph["2"]["inputs"]["resize_type.multiplier"] == 2.0
    with pytest.raises(InvalidRequestError):
        workflow.set_parameters({"2.resize_type": "scale bye multiplier"})


def test_parameters_tell_type_range_choices_and_value() -> None:
    rows = {(row.node, row.input): row for row in text_to_image().parameters()}
    steps = rows["5", "steps"]
    assert (steps.type, steps.minimum, steps.maximum, steps.value) == ("INT", 1, 10000, 25)
    assert rows["1", "ckpt_name"].choices == ("sim.safetensors",)
    assert "positive" in (rows["2", "text"].name, *rows["2", "text"].also)
    assert ("5", "model") not in rows
    names = [row.name for row in rows.values()]
    assert len(names) == len(set(names))


def test_every_listed_name_sets_its_own_place() -> None:
    for row in text_to_image().parameters():
        workflow = text_to_image()
        if isinstance(row.value, str) and row.choices is None:
            workflow.set_parameters({row.name: "other"})
            assert workflow.graph[row.node]["inputs"][row.input] == "other"


def test_sampler_texts_are_found_behind_other_nodes() -> None:
    ltx = ComfyUIWorkflow("ltx").set_parameters({"positive": "a wave", "negative": "dull"})
    assert ltx.graph["3"]["inputs"]["text"] == "a wave"
    assert ltx.graph["4"]["inputs"]["text"] == "dull"
    flux = ComfyUIWorkflow("flux").set_parameters({"prompt": "a kite"})
    assert flux.graph["4"]["inputs"]["text"] == "a kite"


def test_the_illustrative_shape_of_named_nodes_is_converted() -> None:
    data = {
        "workflow": {
            "name": "x",
            "nodes": {
                "enc": {"type": "CLIPTextEncode", "inputs": {"text": "${prompt}", "clip": ["load", 0]}},
                "load": {"type": "CLIPLoader", "inputs": {}},
            },
        }
    }
    graph = ComfyUIWorkflow(data).set_parameters(prompt="hi").graph
    assert graph["enc"] == {
        "class_type": "CLIPTextEncode",
        "inputs": {"text": "hi", "clip": ["load", 0]},
        "_meta": {"title": "enc"},
    }
    with pytest.raises(InvalidRequestError, match="no type"):
        ComfyUIWorkflow({"workflow": {"nodes": {"a": {}}}})


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere.json", "cannot be read"),
        ("{broken", "no JSON"),
        ({}, "no ComfyUI workflow"),
        ({"1": {"inputs": {}}}, "no ComfyUI workflow"),
        ({"1": {"class_type": "A", "inputs": 3}}, "no object"),
        ({"1": {"class_type": "A", "inputs": {"x": ["2", 0]}}}, "not in the workflow"),
        (
            {"1": {"class_type": "A", "inputs": {"x": ["2", 0]}}, "2": {"class_type": "A", "inputs": {"x": ["1", 0]}}},
            "circle",
        ),
        ("[" * 5000, "cannot be read|no JSON|no workflow"),
        (b"[" * 100_000, "no JSON"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "no workflow"),
    ],
)
def test_broken_files_are_refused(source: Any, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        ComfyUIWorkflow(source)


def test_deep_nesting_is_refused() -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    with pytest.raises(InvalidRequestError, match="nested"):
        read_workflow({"1": {"class_type": "A", "inputs": {"x": deep}}})


def test_a_picture_made_by_comfyui_is_a_workflow(tmp_path: Path) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("prompt", json.dumps(picture_graph(color=5)))
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=info)
    assert ComfyUIWorkflow(tmp_path / "a.png").graph["1"]["inputs"]["color"] == 5
    zipped = PngInfo()
    zipped.add_itxt("workflow", json.dumps(picture_graph(color=6)), zip=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "b.png", pnginfo=zipped)
    assert ComfyUIWorkflow(tmp_path / "b.png").graph["1"]["inputs"]["color"] == 6


def test_number_links_become_strings() -> None:
    graph = ComfyUIWorkflow({"1": node("A"), "2": node("B", x=[1, 0])}).graph
    assert graph["2"]["inputs"]["x"] == ["1", 0]


def test_requirements_name_missing_files_and_nodes() -> None:
    lacks = missing(load_template("sdxl"), ComfyUIWorkflow("sdxl").graph, schema())
    assert [row.name for row in lacks.models] == ["sd_xl_base_1.0.safetensors"]
    assert lacks.models[0].has == ("sim.safetensors",)
    lacks = missing(load_template("animatediff"), ComfyUIWorkflow("animatediff").graph, schema())
    assert {row.class_type for row in lacks.nodes} >= {"ADE_AnimateDiffLoaderGen1"}
    saved = {
        "nodes": [{"id": 1, "type": "Fancy", "outputs": [], "inputs": [], "properties": {"cnr_id": "fancy-pack"}}],
        "links": [],
    }
    assert missing(saved, None, schema()).nodes[0].pack == "fancy-pack"
    assert not missing(picture_graph(), ComfyUIWorkflow(picture_graph()).graph, schema())


@pytest.mark.parametrize("name", templates())
def test_templates_are_sound(name: str) -> None:
    workflow = ComfyUIWorkflow(name)
    assert templates()[name].description
    assert all(node["_meta"]["title"] for node in workflow.graph.values())
    known = {key: node for key, node in workflow.graph.items() if node["class_type"] in schema()}
    assert [text for text in check_graph(known, schema()) if "missing" in text or "no input" in text] == []


def test_a_model_name_leads_to_a_workflow(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(picture_graph()))
    assert choose_workflow("", None, "image", reference=False).name == "sdxl"
    assert choose_workflow("", None, "image", reference=True).name == "img2img"
    assert choose_workflow("", str(tmp_path / "mine.json"), "image", reference=False).name == "mine"
    assert choose_workflow("flux", str(tmp_path / "mine.json"), "image", reference=False).name == "flux"
    chosen = choose_workflow("other.safetensors", "sd15", "image", reference=False)
    assert (chosen.name, chosen.checkpoint) == ("sd15:other.safetensors", "other.safetensors")
    assert choose_workflow("", picture_graph(), "image", reference=False).data["1"]
    with pytest.raises(ConfigurationError, match="Did you mean 'sdxl'"):
        choose_workflow("sdxll", None, "image", reference=False)
    with pytest.raises(ConfigurationError, match="no template"):
        load_template("nothing")


def test_both_notations_of_a_choice_are_read() -> None:
    known = read_class(
        "X",
        {
            "input": {
                "required": {
                    "a": [["p", "q"], {}],
                    "b": ["COMBO", {"options": ["r"]}],
                    "c": ["COMBO", {"remote": {}}],
                    "d": 5,
                }
            }
        },
    )
    assert [item.choices for item in known.inputs] == [["p", "q"], ["r"], None]


def test_save_format_needs_a_server() -> None:
    with pytest.raises(ConfigurationError, match="prepare"):
        ComfyUIWorkflow({"nodes": [], "links": []}).graph  # noqa: B018
