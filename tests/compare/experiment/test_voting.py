"""Blind pairs, votes that are never lost, undo, several raters, several kernels."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.compare.experiment.conftest import Writers
from tests.doubles import client, rows
from viralai_sdk import ViralAI
from viralai_sdk.compare.experiment import Experiment
from viralai_sdk.interfaces.errors import InvalidRequestError, ProviderUnavailableError, StorageError

THREE: dict[str, Any] = {"service": "text", "arms": ["ada", "bob", "cyd"], "prompts": ["one", "two"]}


@pytest.fixture
async def experiment(ai: ViralAI) -> Experiment:
    """Three arms, two prompts, all cells made: six comparisons."""
    found = ai.experiment("first", **THREE, seed=3)
    await found.run()
    return found


def vote_on_all(experiment: Experiment, rater: str, answer: str = "left") -> list[str]:
    """Ids of the pairs in the order in which they came up."""
    seen = []
    while (pair := experiment.next_pair(rater)) is not None:
        experiment.vote(pair, answer, rater)
        seen.append(pair.id)
    return seen


def test_a_vote_reveals_who_stood_where(experiment: Experiment) -> None:
    pair = experiment.next_pair("ann")
    assert pair is not None
    reveal = experiment.vote(pair, "1", "ann", seconds=2.5)
    assert reveal.winner == reveal.left.name != reveal.right.name
    assert (reveal.left_cell.response.text, reveal.right_cell.response.text) == (pair.left.text, pair.right.text)  # type: ignore[union-attr]
    (record,) = experiment.votes()
    assert (record.seconds, record.choice, record.left) == (2.5, "left", reveal.left.name)
    (judgement,) = experiment.judgements()
    assert (judgement.winner, judgement.rater, judgement.kind) == (reveal.left.name, "ann", "human")
    assert experiment.reveal(pair, "ann") == reveal


def test_every_rater_sees_every_comparison_once_in_an_order_of_his_own(experiment: Experiment) -> None:
    orders = {rater: [] for rater in ("ann", "ben", "cem", "dea")}  # type: dict[str, list[tuple[Any, ...]]]
    for rater, seen in orders.items():
        while (pair := experiment.next_pair(rater)) is not None:
            reveal = experiment.vote(pair, "tie", rater)
            seen.append((pair.prompt_words, reveal.left.name, reveal.right.name))
        assert len({(words, frozenset(arms)) for words, *arms in seen}) == 6
    assert len({tuple(seen) for seen in orders.values()}) > 1
    assert len(experiment.judgements()) == 24


def test_the_next_pair_is_the_same_in_a_fresh_kernel(experiment: Experiment, home: Path) -> None:
    first = experiment.next_pair("ann")
    assert first is not None
    experiment.vote(first, "left", "ann")
    second = experiment.next_pair("ann")
    reopened = client({}, home).experiment("first")
    assert reopened.next_pair("ann") == second == experiment.next_pair("ann")
    assert second is not None
    assert reopened.vote(second.id, "2", "ann").choice == "right"
    assert len(experiment.judgements()) == 2


def test_voting_twice_on_a_pair_needs_an_undo_in_between(experiment: Experiment) -> None:
    pair = experiment.next_pair("ann")
    assert pair is not None
    experiment.vote(pair, "left", "ann")
    with pytest.raises(InvalidRequestError, match=r"voted on .* already"):
        experiment.vote(pair, "right", "ann")
    undone = experiment.undo("ann")
    assert (undone.pair, experiment.judgements()) == (pair.id, [])
    assert experiment.reveal(pair, "ann") is None
    assert experiment.next_pair("ann") == pair
    experiment.vote(pair, "right", "ann")
    assert [judgement.choice for judgement in experiment.judgements()] == ["right"]
    assert len(rows_of(experiment)) == 3
    experiment.undo("ann")
    with pytest.raises(InvalidRequestError, match="no vote to undo"):
        experiment.undo("ann")


def rows_of(experiment: Experiment) -> list[dict[str, Any]]:
    """What the ballot holds of votes and undos."""
    home = experiment._manager.runtime.home
    found = [json.loads(row["payload"]) for row in rows(home, "votes") if row["experiment"] == "experiment:first"]
    return [entry for entry in found if entry["kind"] in ("vote", "undo")]


def test_undo_takes_back_only_the_raters_own_latest_vote(experiment: Experiment) -> None:
    pairs = vote_on_all(experiment, "ann")
    vote_on_all(experiment, "ben")
    assert experiment.undo("ann").pair == pairs[-1]
    assert experiment.undo("ann").pair == pairs[-2]
    assert (experiment.progress("ann").votes, experiment.progress("ben").votes) == (4, 6)
    assert vote_on_all(experiment, "ann") == pairs[-2:]


def test_tie_both_bad_and_abstain_are_different_answers(experiment: Experiment) -> None:
    for answer in ("3", "0", "abstain", "both bad"):
        pair = experiment.next_pair("ann")
        assert pair is not None
        assert experiment.vote(pair, answer, "ann").winner is None
    assert [one.choice for one in experiment.judgements()] == ["tie", "both_bad", "abstain", "both_bad"]


@pytest.mark.parametrize("wrong", ["", "4", "middle", "LEFT-ish"])
def test_what_is_no_answer_is_refused(experiment: Experiment, wrong: str) -> None:
    pair = experiment.next_pair("ann")
    assert pair is not None
    with pytest.raises(InvalidRequestError, match="is no answer"):
        experiment.vote(pair, wrong, "ann")
    assert experiment.votes() == []


def test_a_pair_belongs_to_the_rater_it_was_made_for(experiment: Experiment) -> None:
    pair = experiment.next_pair("ann")
    assert pair is not None
    with pytest.raises(InvalidRequestError, match="no pair of 'ben'"):
        experiment.vote(pair, "left", "ben")
    with pytest.raises(InvalidRequestError, match="no pair of 'ann'"):
        experiment.vote("pair_none", "left", "ann")
    for nobody in ("", " ", "x" * 300):
        with pytest.raises(InvalidRequestError, match="rater"):
            experiment.next_pair(nobody)
    with pytest.raises(InvalidRequestError, match="seconds"):
        experiment.vote(pair, "left", "ann", seconds=-1)


def test_of_two_votes_cast_at_once_by_one_rater_the_first_counts(experiment: Experiment, home: Path) -> None:
    other = client({}, home).experiment("first")
    pair, same = experiment.next_pair("ann"), other.next_pair("ann")
    assert pair is not None
    assert pair == same
    read = other._ballot._journal.votes
    blind = [True]

    def late(key: str, after: int = 0) -> Any:
        """The other kernel has not read the first vote yet when it writes its own."""
        return [] if blind[0] else read(key, after)

    other._ballot._journal.votes = late  # type: ignore[method-assign]
    append = other._ballot._journal.add_vote

    def write(*given: Any) -> int:
        blind[0] = False
        return append(*given)

    other._ballot._journal.add_vote = write  # type: ignore[method-assign]
    experiment.vote(pair, "left", "ann")
    with pytest.raises(InvalidRequestError, match="voted on"):
        other.vote(pair, "right", "ann")
    assert [one.choice for one in other.judgements()] == ["left"] == [one.choice for one in experiment.judgements()]
    assert experiment._ballot.duplicates == 1


def test_a_pair_with_a_failed_side_is_never_shown_and_counted(ai: ViralAI, writers: Writers) -> None:
    def act(name: str, prompt: str) -> None:
        if (name, prompt) == ("bob", "two"):
            raise ProviderUnavailableError("down.")

    writers.act = act
    experiment = ai.experiment("first", **THREE)
    ai.sync.text  # noqa: B018 - the blocking twin's loop is there
    import asyncio

    asyncio.run(experiment.run())
    assert len(vote_on_all(experiment, "ann")) == 4
    progress = experiment.progress("ann")
    assert (progress.ready, progress.failed, progress.waiting, progress.left) == (4, 2, 0, 0)
    assert all("bob" not in (one.left, one.right) for one in experiment.judgements() if one.prompt == "p002")
    writers.act = lambda name, prompt: None
    asyncio.run(experiment.run(retry_failed=True))
    assert len(vote_on_all(experiment, "ann")) == 2


async def test_voting_may_begin_while_cells_are_still_made(ai: ViralAI) -> None:
    experiment = ai.experiment("first", **THREE)
    assert experiment.next_pair("ann") is None
    assert experiment.progress().waiting == 6
    shown = []

    def on_cell(cell: Any) -> None:
        pair = experiment.next_pair("ann")
        if pair is not None:
            shown.append(pair.id)
            experiment.vote(pair, "left", "ann")

    await experiment.run(on_cell)
    assert shown
    assert len(vote_on_all(experiment, "ann")) == 6 - len(shown)


def test_a_result_whose_file_is_gone_is_not_shown_and_can_be_made_again(ai: ViralAI, home: Path) -> None:
    import asyncio

    arms = [{"provider": "embedded", "name": name, "seed": seed} for name, seed in (("a", 1), ("b", 2))]
    experiment = ai.experiment("pictures", service="image", arms=arms, prompts=["a fox"], width=64, height=64)
    asyncio.run(experiment.run())
    assert experiment.next_pair("ann") is not None
    (cell,) = [cell for cell in experiment.cells() if cell.arm == "a"]
    assert cell.response is not None
    Path(cell.response.artifacts[0].path).unlink()
    assert experiment.next_pair("ann") is None
    assert experiment.progress("ann").failed == 1
    asyncio.run(experiment.run(retry_failed=True))
    assert experiment.next_pair("ann") is not None


# --- blindness -------------------------------------------------------------------------------------------------------------------


def everything(value: Any, seen: set[int] | None = None) -> list[str]:
    """All text and bytes that can be reached from a value by public attributes, items and its own representations."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return []
    seen.add(id(value))
    found = [repr(value), str(value)]
    if isinstance(value, (bytes, bytearray)):
        return [*found, value.decode("latin-1")]
    if value is None or isinstance(value, (str, int, float, bool)):
        return found
    if isinstance(value, dict):
        return found + [text for item in (*value.keys(), *value.values()) for text in everything(item, seen)]
    if isinstance(value, (list, tuple, set)):
        return found + [text for item in value for text in everything(item, seen)]
    for name in dir(value):
        if not name.startswith("_") and not callable(found_value := getattr(value, name)):
            found += everything(found_value, seen)
    found += everything(getattr(value, "__dict__", None), seen)
    return [*found, pickle.dumps(value).decode("latin-1")]


SIGNS = ("Ada Lovelace", "bob", "cyd", "made_by_ada", "secret-model", "outputs", "session_", "0.77", "call_")


def test_nothing_in_a_pair_tells_its_arms(writers: Writers, ai: ViralAI) -> None:
    import asyncio

    arms = [{"name": "Ada Lovelace", "provider": "ada", "model": "secret-model"}, "bob", "cyd"]
    experiment = ai.experiment("first", **{**THREE, "arms": arms})
    asyncio.run(experiment.run())
    for data in experiment._ballot.cells.values():
        data["response"]["text"] = "the same answer"
        data["response"]["generation_time"] = 0.77
    for rater in ("ann", "ben"):
        pair = experiment.next_pair(rater)
        assert pair is not None
        told = "\n".join(everything(pair))
        assert [sign for sign in SIGNS if sign in told] == []
        # A second look at the same results must not tell either: equal content gives equal sides.
        assert pair.left == pair.right


# --- files -----------------------------------------------------------------------------------------------------------------------


def test_votes_travel_as_jsonl_and_are_taken_in_once(experiment: Experiment, tmp_path: Path, home: Path) -> None:
    vote_on_all(experiment, "ann")
    experiment.undo("ann")
    path = tmp_path / "votes.jsonl"
    assert experiment.export_votes(path) == 7
    assert all(json.loads(line)["kind"] in ("vote", "undo") for line in path.read_text().splitlines())
    assert experiment.import_votes(path) == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = client({}, elsewhere).experiment("first", **THREE, seed=3)
    assert other.import_votes(path) == 7
    assert other.judgements() == experiment.judgements()
    assert [one.created for one in other.votes()] == [one.created for one in experiment.votes()]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nonsense", "line 1: is no exported vote"),
        ('{"kind": "vote", "v": 9, "id": "x"}', "line 1: is no vote of schema 1"),
        ('{"kind": "cell", "v": 1, "id": "x"}', "line 1: is no vote"),
        ('{"kind": "vote", "v": 1, "id": "x"}', "line 1: is no exported vote"),
        ("[1]", "line 1: is no exported vote"),
    ],
)
def test_a_file_that_holds_anything_else_is_refused_whole(
    experiment: Experiment, tmp_path: Path, line: str, told: str
) -> None:
    path = tmp_path / "votes.jsonl"
    path.write_text(line)
    with pytest.raises(InvalidRequestError, match=told):
        experiment.import_votes(path)
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        experiment.import_votes(tmp_path / "none.jsonl")


def test_votes_on_strange_arms_are_refused(experiment: Experiment, ai: ViralAI, tmp_path: Path) -> None:
    vote_on_all(experiment, "ann")
    path = tmp_path / "votes.jsonl"
    experiment.export_votes(path)
    other = ai.experiment("second", **{**THREE, "arms": ["ada", "bob"]})
    with pytest.raises(InvalidRequestError, match="this experiment has no 'cyd'"):
        other.import_votes(path)
    assert other.votes() == []


@pytest.mark.parametrize("entry", [{"v": 2, "kind": "vote"}, {"v": 1, "kind": "strange"}, {"v": 1, "kind": "vote"}])
def test_an_entry_from_a_newer_sdk_or_a_damaged_one_is_told(experiment: Experiment, entry: dict[str, Any]) -> None:
    experiment._manager.runtime.journal.add_vote("experiment:first", entry)
    with pytest.raises(StorageError, match="ballot"):
        experiment.votes()


def test_kinds_are_never_mixed_unasked(experiment: Experiment) -> None:
    vote_on_all(experiment, "ann")
    pair = experiment.next_pair("gpt", kind="judge")
    assert pair is not None
    experiment.vote(pair, "left", "gpt", kind="judge")
    assert {one.kind for one in experiment.judgements()} == {"human"}
    assert len(experiment.judgements(("human", "judge"))) == 7
    assert experiment.raters() == [("human", "ann"), ("judge", "gpt")]
    with pytest.raises(InvalidRequestError, match="kind of rater"):
        experiment.judgements(("robot",))  # type: ignore[arg-type]


async def test_the_pair_after_the_next_one_is_known_before_the_vote(ai: ViralAI) -> None:
    experiment = ai.experiment("ahead", service="text", arms=["ada", "bob", "cyd"], prompts=["one", "two"])
    await experiment.run()
    experiment.vote(experiment.next_pair("me"), "tie", "me")
    seen = 1
    while (pair := experiment.next_pair("me")) is not None:
        told = experiment.next_pair("me", after=pair)
        experiment.vote(pair, "left", "me")
        assert (told and told.id) == ((coming := experiment.next_pair("me")) and coming.id)
        seen += 1
    assert seen == 6


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"repeat": "x"}, "no repeat 'x'"),
        ({"repeat": 1}, "no repeat 1"),
        ({"rater": 7}, "its rater"),
        ({"rater": " "}, "its rater"),
        ({"rater_kind": "alien"}, "'alien' is no kind of rater"),
        ({"right": "ada", "left": "ada"}, "cannot be compared with itself"),
        ({"seconds": "x"}, "its seconds"),
        ({"seconds": -1}, "its seconds"),
        ({"created": "x"}, "its created"),
        ({"pair": 3}, "its pair"),
        ({"flipped": "no"}, "flipped"),
        ({"choice": "zzz"}, "line 1: 'zzz' is no answer"),
        ({"kind": "undo", "vote": 3}, "undoes no vote"),
    ],
)
def test_a_vote_that_could_not_have_been_cast_here_is_not_taken_in(
    experiment: Experiment, tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    path = tmp_path / "votes.jsonl"
    vote_on_all(experiment, "ann")
    experiment.export_votes(path)
    vote = json.loads(path.read_text().splitlines()[0])
    path.write_text(json.dumps({**vote, "id": "vote_new", **change}))
    with pytest.raises(InvalidRequestError, match=told):
        experiment.import_votes(path)
    assert len(experiment.votes()) == 6


def test_seconds_that_are_no_number_are_refused(experiment: Experiment) -> None:
    pair = experiment.next_pair("ann")
    assert pair is not None
    for wrong in ("x", True, float("nan"), -1.0):
        with pytest.raises(InvalidRequestError, match="seconds is a number"):
            experiment.vote(pair, "left", "ann", wrong)  # type: ignore[arg-type]
    assert experiment.votes() == []
