"""The page for those who integrate over HTTP, and its blocks of code."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[3] / "docs" / "integrating.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """Return the page's blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
