"""Plots with their tables, the page, and the list of runs."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest

from tests.bench.conftest import failed, row, saved
from viralai_sdk.bench import history, marks, plots, report, tradeoff
from viralai_sdk.bench.extras import need
from viralai_sdk.bench.results import SavedRun
from viralai_sdk.bench.served import against_the_log, spans
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError, MalformedResponseError
from viralai_sdk.simulator import Recorded


@pytest.fixture
def run(tmp_path: Path) -> SavedRun:
    rows = [row(n, 0.1 + n / 100, concurrency=level) for level in (1, 16) for n in range(20)]
    rows += [row(n, 0.2 + n / 100, arm="b", cost_usd=0.001, metrics={"sharpness": 0.5}) for n in range(20)]
    rows += [failed(30, arm="b"), row(31, 0.3, arm="c", cost_usd=None, cold=True)]
    return saved(tmp_path / "run", rows)


@pytest.mark.parametrize(
    ("plot", "rows"),
    [
        (plots.latency, {"a", "b"}),
        (plots.throughput, {"a", "b", "c"}),
        (plots.failures, {"b"}),
        (plots.timeline, {"a", "b", "c"}),
        (tradeoff.cost, {"a", "b", "c"}),
    ],
)
def test_every_plot_has_its_table_and_its_words(run: SavedRun, plot: object, rows: set[str]) -> None:
    made = plot(run)  # type: ignore[operator]
    assert made.png().startswith(b"\x89PNG")
    assert len(made.png()) < 100_000
    assert set(made.table.column("arm")) == rows
    assert "b" in made.words


def test_an_empty_run_is_drawn_as_empty(tmp_path: Path) -> None:
    run = saved(tmp_path / "run", [])
    for plot in (plots.latency, plots.throughput, plots.failures, plots.timeline, tradeoff.cost):
        assert plot(run).png()


def test_quality_is_drawn_against_cost(run: SavedRun) -> None:
    made = tradeoff.cost(run, "sharpness")
    assert {line["arm"]: line["on the front"] for line in made.table} == {"a": None, "b": True, "c": None}


def test_no_two_arms_look_alike_and_colour_is_never_the_only_difference() -> None:
    looks = marks.marks([str(number) for number in range(20)])
    assert len(set(map(str, looks.values()))) == 20
    same_colour = [look for look in looks.values() if look.colour == marks.COLOURS[0]]
    assert len({look.marker for look in same_colour}) == len(same_colour)


def test_a_plot_shows_its_picture_and_then_its_table(run: SavedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython.display

    shown: list[object] = []
    monkeypatch.setattr(IPython.display, "display", lambda *given, **more: shown.append((given, more)))
    plots.latency(run)._ipython_display_()
    plots.failures(saved(run.folder.parent / "good", [row(1)]))._ipython_display_()
    assert len(shown) == 3
    assert "image/png" in shown[0][0][0]  # type: ignore[index]


def test_a_missing_package_is_told_with_the_line_that_installs_it() -> None:
    with pytest.raises(ConfigurationError, match=r'pip install "viralai-sdk\[bench\]"'):
        need("viralai_no_such_package")


# --- the page


def book(*outputs: object) -> object:
    code = nbformat.v4.new_code_cell("1 < 2", outputs=list(outputs))
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title <script>alert(1)</script>"), code])


def test_the_page_shows_text_tables_and_pictures_and_fetches_nothing() -> None:
    page = report.html_of(
        book(
            nbformat.v4.new_output("stream", text="a < b"),
            nbformat.v4.new_output("display_data", {"image/png": "iVBO\nRw==", "text/plain": 'a "plot"'}),
            nbformat.v4.new_output("execute_result", {"text/html": "<table></table>", "text/plain": "t"}),
            nbformat.v4.new_output("execute_result", {"text/plain": "<plain>"}),
            nbformat.v4.new_output("error", ename="Boom", evalue="<now>", traceback=[]),
        ),
        "A <title>",
    )
    assert report.outside_of(page) is None
    for piece in (
        "a &lt; b",
        'alt="a &quot;plot&quot;"',
        "iVBORw==",
        "<table></table>",
        "&lt;plain&gt;",
        "&lt;now&gt;",
    ):
        assert piece in page
    assert "<script" not in page
    assert "A &lt;title&gt;" in page


@pytest.mark.parametrize(
    "html",
    [
        "<script>1</script>",
        '<img src="https://example.org/x.png">',
        "<link rel=x href=//example.org/x.css>",
        "<style>@import 'x'</style>",
        "<p style=\"background:url('http://example.org')\">",
    ],
)
def test_a_page_that_would_fetch_something_is_not_written(tmp_path: Path, html: str) -> None:
    path = tmp_path / "n.ipynb"
    nbformat.write(book(nbformat.v4.new_output("display_data", {"text/html": html})), path)
    with pytest.raises(MalformedResponseError, match="from outside"):
        report.write_report(path, tmp_path / "r.html", "x")
    assert not (tmp_path / "r.html").exists()


# --- earlier runs


def test_runs_are_found_by_folder_name_and_as_the_latest(tmp_path: Path) -> None:
    first = saved(tmp_path / "one", [row(1)])
    with pytest.raises(InvalidRequestError, match="Did you mean 'one'"):
        history.find("onee", tmp_path)
    assert history.find("one", tmp_path).folder == first.folder
    assert history.find(str(first.folder), tmp_path / "elsewhere").name == "one"
    assert history.find("latest", tmp_path).name == "one"
    with pytest.raises(InvalidRequestError, match="no benchmark in"):
        history.find("latest", tmp_path / "nothing")


def test_the_trend_follows_each_arm_from_run_to_run(tmp_path: Path) -> None:
    for place, seconds in enumerate((0.1, 0.2)):
        saved(tmp_path / f"run{place}", [row(n, seconds) for n in range(5)], began=place)
    saved(tmp_path / "pictures", [row(1, 9.0)], service="image")
    rows = history.trend_rows(history.runs_in(tmp_path, "text_generation"))
    assert [line["p50_change"] for line in rows] == [None, pytest.approx(2.0)]
    table = history.trend_table(rows, tmp_path)
    assert table[1]["p50 since"] == "2.00×"
    assert table[0]["run"] == "run0 (simulated)"
    assert len(history.runs_in(tmp_path)) == 3
    empty = history.trend_rows([saved(tmp_path / "empty", [failed(1)])])
    assert history.trend_table(empty, tmp_path)[0]["p50"] == "unknown"


def test_of_two_that_began_in_the_same_second_the_later_one_comes_later(tmp_path: Path) -> None:
    for moment, (name, seconds) in enumerate((("z", 0.1), ("a", 0.2))):
        saved(tmp_path / name, [row(n, seconds) for n in range(5)], began=7)
        os.utime(tmp_path / name / "summary.json", (1_800_000_000 + moment,) * 2)
    rows = history.trend_rows(history.runs_in(tmp_path))
    assert [(line["run"], line["p50_change"]) for line in rows] == [("z", None), ("a", pytest.approx(2.0))]


# --- the simulated vendors' log


def test_requests_of_one_call_are_joined_and_ours_stands_beside_theirs() -> None:
    def served(path: str, arrived: float, ended: float, method: str = "POST", vendor: str = "comfyui") -> Recorded:
        return Recorded(vendor, method, path, "", {}, b"", arrived, 200, ended - arrived, ended - arrived)

    log = [
        served("/history/0", 0.0, 0.5, "GET"),
        served("/prompt", 1.0, 1.1),
        served("/view", 1.2, 1.5, "GET"),
        served("/prompt", 2.0, 2.1),
    ]
    assert spans(log, "comfyui", "/prompt") == pytest.approx([0.5, 0.1])
    ours = [row(1, 0.11), row(2, 0.12)]
    theirs = [served("/v1/chat", n, n + 0.1, vendor="openai") for n in (0.0, 1.0)]
    (line,) = against_the_log(ours, theirs)
    assert line["p50 added"] == "15.0 ms"
    assert len(against_the_log(ours, log)) == 0
