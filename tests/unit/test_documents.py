"""What the documents say of the code is what the code says."""

from __future__ import annotations

import re

import pytest

from tests.documents import ROOT, documents

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    ("name", "text"),
    [(str(path.relative_to(ROOT)), text) for path, text in documents().items()],
)
def test_generated_tables_are_up_to_date(name: str, text: str) -> None:
    assert (ROOT / name).read_text() == text, "run make documents"


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_every_link_of_the_readme_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
