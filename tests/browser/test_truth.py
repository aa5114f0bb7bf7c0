"""The page never says what is not so: one kind of trouble; `make truth` deals all."""

import pytest
from playwright.sync_api import Browser

from tests.browser.deployment import Deployment
from tests.truth.run import compare

SECONDS = 6.0
ENOUGH = 300  # claims


@pytest.mark.alone
def test_each_sentence_of_an_outage_is_true(deployed: Deployment, browser: Browser) -> None:
    """Each text is understood, and each claim in it holds in PostgreSQL, Redis or the simulator."""
    result = compare(deployed, browser, [("outage",)], seconds=SECONDS, say=lambda _: None)

    assert result.unread == {}
    assert [(one.name, one.words, one.seen.at, one.seen.told) for one in result.false] == []
    assert len(result.claims) >= ENOUGH
