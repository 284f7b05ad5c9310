"""What only this provider does."""

import datetime

import pytest
from fake_server import KEY, FakeServer

from viralai_sdk import ModelRetiredError, ViralAI


@pytest.fixture
def ai(tmp_path):
    with FakeServer() as server:
        client = ViralAI(
            {"providers": {"example": {"api_key": KEY, "base_url": server.url}}},
            home=tmp_path,
            progress=False,
            today=lambda: datetime.date(2026, 11, 22),
        )
        yield client
        client.runtime.close()


@pytest.mark.asyncio
async def test_text_has_a_price_from_the_catalog_rows_of_this_package(ai):
    answer = await ai.text("two words", provider="example")
    assert answer.text == "An example answer to: two words"
    assert answer.model_used == "writer-2"
    assert answer.cost_usd == pytest.approx(2 * 1e-6 + 6 * 3e-6)
    await ai.aclose()


@pytest.mark.asyncio
async def test_a_picture_has_the_side_that_is_nearest(ai):
    picture = await ai.image("a fox", provider="example-painter", width=700, height=700)
    assert picture.artifacts[0].width == 768
    assert [warning.kind for warning in picture.warnings] == ["adjusted"]
    assert picture.cost_usd == 0.02
    await ai.aclose()


@pytest.mark.asyncio
async def test_a_model_that_has_ended_names_its_successor(ai):
    with pytest.raises(ModelRetiredError) as caught:
        await ai.text("hello", provider="example:writer-1")
    assert caught.value.replaced_by == "writer-2"
    with pytest.raises(ModelRetiredError, match="writer-0 is gone"):
        await ai.text("hello", provider="example:writer-0")
    await ai.aclose()
