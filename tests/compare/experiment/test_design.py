"""The design is balanced at every moment, random, and the same on every machine."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viralai_sdk.compare.design import SIDE_BLOCK, Design, Order, Slot

sizes = st.tuples(st.integers(2, 9), st.integers(1, 9), st.integers(1, 3))


def spread(counts: Counter[object], keys: int) -> int:
    """Largest difference between counts; keys that were never counted count as 0."""
    return max(counts.values()) - (min(counts.values()) if len(counts) == keys else 0)


@settings(max_examples=60, deadline=None)
@given(sizes, st.text(max_size=8), st.text(min_size=1, max_size=8))
def test_every_comparison_comes_up_once(size: tuple[int, int, int], seed: str, rater: str) -> None:
    design = Design(*size, seed)
    order = design.order(rater)
    seen = [order[number] for number in range(len(order))]
    assert len(seen) == len(set(seen)) == len(design)
    assert set(seen) == set(design.slots())
    with pytest.raises(IndexError):
        order[len(order)]


@settings(max_examples=60, deadline=None)
@given(sizes, st.text(max_size=8), st.data())
def test_at_any_moment_pairs_are_shown_equally_often_but_for_one(
    size: tuple[int, int, int], seed: str, data: st.DataObject
) -> None:
    design = Design(*size, seed)
    order = design.order("ann")
    stop = data.draw(st.integers(1, len(order)))
    pairs = Counter((slot.first, slot.second) for slot in islice(shown(order), stop))
    assert spread(pairs, len(design.pairs)) <= 1


@settings(max_examples=60, deadline=None)
@given(sizes, st.text(max_size=8))
def test_each_pairs_sides_are_balanced_but_for_one(size: tuple[int, int, int], seed: str) -> None:
    order = Design(*size, seed).order("ann")
    sides: Counter[object] = Counter()
    blocks: dict[tuple[int, int], list[bool]] = {}
    for slot in shown(order):
        left_first = order.left_first(slot)
        sides[slot.first, slot.second] += 1 if left_first else -1
        blocks.setdefault((slot.first, slot.second), []).append(left_first)
    assert all(abs(difference) <= 1 for difference in sides.values())
    for found in blocks.values():  # also while it goes on: every whole block of appearances is balanced
        for start in range(0, len(found) - SIDE_BLOCK + 1, SIDE_BLOCK):
            assert sum(found[start : start + SIDE_BLOCK]) == SIDE_BLOCK // 2


@settings(max_examples=60, deadline=None)
@given(sizes, st.text(max_size=8))
def test_prompts_are_complete_blocks_and_evenly_used_in_each_round(size: tuple[int, int, int], seed: str) -> None:
    design = Design(*size, seed)
    order, each = design.order("ann"), len(design.pairs)
    for turn in range(design.rounds):
        prompts = Counter(order[turn * each + place].prompt for place in range(each))
        assert spread(Counter(prompts), min(design.prompts, each + 1)) <= 1
    for first, second in design.pairs:
        met = Counter(slot.prompt for slot in shown(order) if (slot.first, slot.second) == (first, second))
        assert set(met.values()) == {design.repeats}
        assert len(met) == design.prompts


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 12), st.text(max_size=8))
def test_arms_take_turns_within_a_round(arms: int, seed: str) -> None:
    order = Design(arms, 3, 1, seed).order("ann")
    half = arms // 2
    for start in range(0, arms * (arms - 1) // 2, half):
        matching = [order[start + place] for place in range(half)]
        seen = [arm for slot in matching for arm in (slot.first, slot.second)]
        assert len(seen) == len(set(seen))


def test_the_same_seed_and_rater_give_the_same_order_and_others_another() -> None:
    def told(seed: str, rater: str) -> list[tuple[Slot, bool]]:
        order = Design(4, 5, 2, seed).order(rater)
        return [(slot, order.left_first(slot)) for slot in shown(order)]

    assert told("1", "ann") == told("1", "ann")
    assert told("1", "ann") != told("1", "ben")
    assert told("1", "ann") != told("2", "ann")
    assert Design(4, 5, 2, "1").order("ann")[0] == Slot(prompt=4, first=1, second=3, repeat=0), "fixed for all machines"


def test_the_side_cannot_be_guessed_from_the_one_before() -> None:
    order = Design(2, 40, 10, "seed").order("ann")
    sides = [order.left_first(slot) for slot in shown(order)]
    changes = sum(one != other for one, other in pairwise(sides))
    assert 0.45 < changes / len(sides) < 0.68
    assert len({tuple(sides[start : start + SIDE_BLOCK]) for start in range(0, 400, SIDE_BLOCK)}) > 20


def test_a_large_design_is_computed_only_as_far_as_it_is_asked_for() -> None:
    design = Design(200, 10_000, 100, "seed")
    assert len(design) == 19_900 * 1_000_000
    order = design.order("ann")
    assert order[len(order) - 1] != order[0]
    assert len(order._rounds) <= 4


def shown(order: Order) -> list[Slot]:
    return [order[number] for number in range(len(order))]
