"""The status page and the runbooks, as a browser gets them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from monitor.api import runbooks
from monitor.model.finding import Evidence, ObjectRef, Remedy
from monitor.model.state import State
from monitor.model.target import Target
from tests.integration.api.serving import Served, serving
from tests.unit import states

SECTIONS = [
    "targets",
    "findings",
    "locks",
    "statements",
    "tables",
    "indexes",
    "rls",
    "actions",
    "collectors",
    "thresholds",
]
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Structure(HTMLParser):
    """Notes tags, attributes and ids; `open_tags` must end empty."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.open_tags: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open_tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open_tags.pop() == tag


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


async def page(served: Served, path: str = "/") -> str:
    response = await served.client.get(path)
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    return await response.text()


async def test_the_page_is_well_formed_and_has_every_section(served: Served) -> None:
    structure = Structure(await page(served))

    assert structure.open_tags == []
    assert [i for i in structure.ids if i in SECTIONS] == SECTIONS
    assert len(structure.ids) == len(set(structure.ids))


async def test_the_page_needs_neither_script_nor_anything_from_elsewhere(
    served: Served,
) -> None:
    text = await page(served)

    structure = Structure(text)
    assert structure.tags.isdisjoint({"script", "img", "link", "iframe", "form"})
    assert "style" not in structure.attributes
    assert not [name for name in structure.attributes if name.startswith("on")]
    assert not re.search(r"(href|src)=\"(https?:)?//", text)


async def test_the_policy_allows_the_pages_own_style_and_nothing_else(
    served: Served,
) -> None:
    response = await served.client.get("/")

    style = re.search("<style>(.*?)</style>", await response.text(), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert response.headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )


async def test_the_page_says_what_is_wrong_why_and_what_to_type(
    served: Served,
) -> None:
    text = await page(served)

    for expected in (
        "2 critical, 3 warnings",
        "1 of 3 servers does not answer",
        "94 client connections of 97 slots",
        "31 d",
        "drop index concurrently public.orders_legacy_idx;",
        "create index concurrently orders_legacy_idx",
        "ShareUpdateExclusiveLock on public.orders",
        "Standby orders-replica has been watched for 12 days only.",
        "/runbooks/unused_index",
        "Row level security hides the statistics of 2 tables.",
        "create extension pgstattuple;",
        "canceling statement due to lock timeout",
        "The server is a primary.",
        "blocks 3",
        "switched off: policies do nothing",
        "nightly load",
        "performance_thresholds",
        "An autovacuum worker has been at it",
    ):
        assert expected in text


async def test_the_page_refreshes_itself_unless_told_not_to(served: Served) -> None:
    refresh = '<meta http-equiv="refresh" content="{}">'

    assert refresh.format(30) in await page(served)
    assert refresh.format(5) in await page(served, "/?refresh=5")
    assert "http-equiv" not in await page(served, "/?refresh=0")
    assert (await served.client.get("/?refresh=soon")).status == 400


async def test_one_target_can_be_had_alone(served: Served) -> None:
    text = await page(served, "/?target=orders-replica")

    assert "replay is 48 s" in text
    assert "94 client connections" not in text
    assert (await served.client.get("/?target=nobody")).status == 404


async def test_an_alert_leads_to_the_open_findings_of_its_check(served: Served) -> None:
    everything = await page(served)
    checks = re.findall(r'href="/runbooks/(\w+)">Runbook', everything)

    text = await page(served, f"/?check={checks[0]}")

    assert len(set(checks)) > 1
    assert set(re.findall(r'href="/runbooks/(\w+)">Runbook', text)) == {checks[0]}
    assert "<details open" in text.replace('class="sheet finding critical" ', "")
    assert (await served.client.get("/?check=nothing")).status == 404


async def test_a_check_without_findings_does_not_say_that_all_is_well(
    served: Served,
) -> None:
    text = await page(served, "/?check=checksum_failures&target=orders-replica")

    assert "All is well" not in text
    assert "No finding is open." in text


async def test_a_daemon_before_its_first_cycle_says_so() -> None:
    fresh = states.state(
        replace(states.unreachable(), up=True, error=""),
        has_finished_first_cycle=False,
        config_error="pgvigil.yml: unknown key",
        state_error="disk full",
        is_paused=True,
    )

    async with serving(fresh) as served:
        text = await page(served)

    assert "The first cycle has not finished" in text
    assert "pgvigil.yml: unknown key" in text
    assert "disk full" in text
    assert "All actions are paused by an operator." in text
    assert "not reached yet" in text


def hostile() -> State:
    """Return a state in which everything from outside has the hostile name."""
    finding = replace(
        states.UNUSED,
        target=states.HOSTILE,
        database=states.HOSTILE,
        check=states.HOSTILE,
        title=states.HOSTILE,
        summary=states.HOSTILE,
        object=ObjectRef("index", states.HOSTILE, states.HOSTILE),
        evidence=(Evidence(states.HOSTILE, states.HOSTILE, states.HOSTILE),),
        unknowns=(states.HOSTILE,),
        remedy=Remedy(
            sql=states.HOSTILE,
            undo=states.HOSTILE,
            lock=states.HOSTILE,
            risk=states.HOSTILE,
        ),
    )
    primary = states.primary()
    assert primary.view is not None
    catalog = primary.view.catalogs["shop"]
    tables = {
        oid: replace(r, relname=states.HOSTILE, schemaname=states.HOSTILE)
        for oid, r in catalog.relations.items()
    }
    target = Target(name=states.HOSTILE, labels={"team": states.HOSTILE})
    return states.state(
        replace(
            primary,
            target=target,
            error=states.HOSTILE,
            findings=(states.tracked(finding, states.NOW),),
            collectors=(replace(primary.collectors[0], error=states.HOSTILE),),
            view=replace(
                primary.view,
                target=target,
                roles={10: states.HOSTILE},
                databases={5: states.HOSTILE},
                catalogs={states.HOSTILE: replace(catalog, relations=tables)},
                texts={
                    key: replace(text, text=states.HOSTILE)
                    for key, text in primary.view.texts.items()
                },
            ),
        ),
        instance=states.HOSTILE,
        config_error=states.HOSTILE,
    )


@pytest.mark.promise(13, 15)
async def test_a_hostile_name_is_text_everywhere_and_hides_nothing() -> None:
    async with serving(hostile()) as served:
        text = await page(served)

    structure = Structure(text)
    assert structure.open_tags == []
    assert "script" not in structure.tags
    assert "\u202e" not in text
    assert r"\u202e" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;" in text


@pytest.mark.promise(13)
async def test_a_hostile_name_stays_exact_in_json_and_within_ascii() -> None:
    async with serving(hostile()) as served:
        response = await served.client.get("/api/v1/findings")
        raw = await response.read()
        body = await response.json()

    assert raw.isascii()
    assert body["findings"][0]["remedy"]["sql"] == states.HOSTILE


@pytest.mark.promise(13)
async def test_text_of_no_encoding_breaks_no_page() -> None:
    odd = replace(states.SLOTS, summary="lone \udcff, NUL \x00, escape \x1b[31m")
    primary = states.primary(findings=(states.tracked(odd, states.NOW),))

    async with serving(states.state(primary)) as served:
        text = await page(served)
        found = await (await served.client.get("/api/v1/findings")).json()

    assert r"lone \udcff, NUL \x00, escape \x1b[31m" in text
    assert found["findings"][0]["summary"] == odd.summary


@pytest.mark.parametrize("name", runbooks.names())
async def test_every_runbook_is_served(served: Served, name: str) -> None:
    text = await page(served, f"/runbooks/{name}")

    found = runbooks.find(name)
    assert found is not None
    assert found.title.replace("'", "&#39;") in text
    assert Structure(text).open_tags == []


@pytest.mark.parametrize("name", ["nothing", "..%2F..%2Fetc%2Fpasswd", "Query_Time"])
async def test_an_unknown_runbook_is_not_found(served: Served, name: str) -> None:
    response = await served.client.get(f"/runbooks/{name}")

    assert response.status == 404
