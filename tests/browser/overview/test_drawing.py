"""What the charts draw, measured: labels cover nothing, and a kind of failure keeps its colour."""

import random
from itertools import pairwise
from typing import Any

import pytest

from tests.browser.browser import Ask

STATES = ("open", "half_open", "forced_open", "off", "unknown")
# Draws a lane on a canvas; returns the boxes of its blocks and of its texts, in pixels.
DRAWN = """drawBand && (() => {
  const [spans, width] = given;
  const ctx = document.createElement("canvas").getContext("2d");
  const blocks = [], texts = [];
  const { fillRect, fillText } = ctx;
  ctx.fillRect = (left, top, wide, height) => {
    if (height > 18) blocks.push([left, left + wide]);
    fillRect.call(ctx, left, top, wide, height);
  };
  ctx.fillText = (text, left, top) => {
    texts.push([left, left + ctx.measureText(text).width]);
    fillText.call(ctx, text, left, top);
  };
  const plot = { ctx, bbox: { left: 0, top: 0, width, height: 32 }, valToPos: (at) => (at / 3600) * width };
  it.drawBand(plot, [{ name: "calcom", spans }], 3600, {});
  return { blocks, texts };
})()"""


def lane(seed: int) -> list[dict[str, Any]]:
    """Return an hour of a breaker that changes now and then, or flaps."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    ends = sorted(chance.sample(range(1, 3600), chance.randint(1, 25)))
    spans, state = [], "closed"
    for start, end in pairwise([0, *ends, 3600]):
        spans.append({"from": start, "to": None if end == 3600 else end, "state": state})
        state = chance.choice([one for one in ("closed", "closed", *STATES) if one != state])
    return spans


@pytest.mark.parametrize("width", [300, 900])
def test_a_label_covers_no_block_and_no_other_label(ask: Ask, width: int) -> None:
    """But its own block, where it has room; of a breaker that flaps there is less text, and never a half block."""
    seen = 0
    for seed in range(40):
        drawn = ask("charts/band.js", DRAWN, lane(seed), width)
        texts = sorted(drawn["texts"])
        seen += len(texts)
        assert all(before[1] < after[0] for before, after in pairwise(texts)), seed
        for left, right in texts:
            assert 0 <= left < right <= width, seed
            met = sorted(block for block in drawn["blocks"] if block[0] < right and left < block[1])
            if met:
                assert met[0][0] <= left, seed
                assert max(block[1] for block in met) >= right, seed
                assert all(after[0] <= before[1] for before, after in pairwise(met)), seed
    assert seen > 30


def test_a_kind_of_failure_keeps_its_colour(ask: Ask) -> None:
    """Whatever fails besides it, and whichever is more frequent; those that have none share a grey."""

    def colours(failures: dict[str, list[int]]) -> dict[str, str]:
        data = {"t": [0, 60], "step": 60, "held": [], "accepted": [], "booked": [], "p50": [], "p95": [], "breaker": []}
        data |= {"unsure": [0, 0], "until": 120}
        head = """kinds && (async () => {
          const { columns } = await import(`${location.origin}/charts/series.js`);
          return it.kinds(() => ({ data: given[0], columns: columns(given[0]) }))[3].head(null);
        })()"""
        heads = ask("charts/kinds.js", head, data | {"failures": failures})
        return {one["text"].rpartition(" ")[0]: one["colour"] for one in heads if one}

    few = colours({"http_503": [1, 1], "timeout": [5, 5]})
    many = colours({"http_503": [9, 9], "timeout": [5, 5], "http_500": [7, 7], "tls": [1, 0], "new_kind": [1, 1]})
    assert few == {"http 503": "kind-http_503", "timeout": "kind-timeout"}
    assert few.items() <= many.items()
    assert many["new kind"] == "kind-others"
    assert len(set(many.values())) == len(many)


def test_a_figure_that_is_counted_up_to_a_cap_has_a_plus(ask: Ask) -> None:
    """Of those there may be more; all others are what they are."""
    draw = """drawTotals && (() => {
      const place = document.createElement("div");
      it.drawTotals(place, given[0]);
      return place.textContent;
    })()"""
    told = {"now": {"pending": 1000, "booking": 3}, "day": {"confirmed": 1000}, "unknown": 1000, "queues": {}}

    text = ask("sections/totals.js", draw, told | {"capped": ["pending", "unknown"]})

    assert "pending1,000+booking3" in text
    assert "confirmed1,000" in text
    assert "confirmed1,000+" not in text
    assert "1,000+ may be booked" in text
