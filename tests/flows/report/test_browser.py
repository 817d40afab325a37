"""The page as a real Chromium shows it: nothing refused, nothing fetched, nothing empty, nothing cut off."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.report import write_report
from tests.flows.report.chromium import Page, browser, installed
from tests.flows.report.lake import Lake

pytestmark = pytest.mark.browser

EMPTY_FIGURES = """
[...document.querySelectorAll('figure')].filter(figure => {
    const box = figure.querySelector('svg').getBoundingClientRect();
    const drawn = [...figure.querySelectorAll('svg path, svg use, svg rect')].filter(mark => {
        const size = mark.getBoundingClientRect();
        const style = getComputedStyle(mark);
        return size.width + size.height > 0 && (style.stroke !== 'none' || style.fill !== 'none');
    });
    return box.width < 100 || box.height < 60 || drawn.length < 3 || !figure.querySelector('svg text');
}).length
"""
DANGLING = """
[...document.querySelectorAll('a[href^="#"]')].filter(
    link => !document.getElementById(decodeURIComponent(link.hash.slice(1)))).map(link => link.hash)
"""
BROKEN_IMAGES = "[...document.images].filter(image => !image.complete || image.naturalWidth !== 92).length"
INJECTED = "document.querySelectorAll('script, [onerror], iframe').length"
INK = "getComputedStyle(document.querySelector('figure svg text')).fill"
PAPER = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def program() -> str:
    found = installed()
    if found is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    return found


@pytest.fixture
def page(program: str, tmp_path: Path) -> Iterator[Page]:
    with browser(program, tmp_path / "profile") as opened:
        yield opened


def brightness(colour: str) -> float:
    """The mean of the red, green and blue of `rgb(…)`."""
    parts = colour.removeprefix("rgb(").removesuffix(")").split(",")
    return sum(float(part) for part in parts) / 3


def test_every_figure_has_content_and_nothing_is_refused_or_fetched(page: Page, report: Path) -> None:
    page.show_as(1200)
    page.open(report)
    assert page.evaluate("document.querySelectorAll('figure').length") > 10
    assert page.evaluate(EMPTY_FIGURES) == 0
    assert page.evaluate("document.images.length") > 5
    assert page.evaluate(BROKEN_IMAGES) == 0
    assert page.evaluate(DANGLING) == []
    assert page.evaluate(INJECTED) == 0
    assert page.complaints() == []
    assert page.requested() == [report.as_uri()]
    assert report.stat().st_size < 15_000_000


def test_the_leaderboard_is_seen_whole_on_a_laptop(page: Page, report: Path) -> None:
    page.show_as(1200)
    page.open(report)
    boxes = "[...document.querySelectorAll('#leaderboard .scroll')]"
    assert page.evaluate(f"{boxes}.map(box => box.scrollWidth - box.clientWidth)") == [0]


def test_a_link_of_the_contents_scrolls_to_its_section(page: Page, report: Path) -> None:
    page.show_as(1200)
    page.open(report)
    page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
    page.evaluate("""document.querySelector('nav a[href="#movies"]').click()""")
    assert page.evaluate("location.hash") == "#movies"
    assert page.evaluate("scrollY") > 1000


@pytest.mark.parametrize("width", [390, 800, 1400])
def test_nothing_sticks_out_of_the_screen(page: Page, report: Path, width: int) -> None:
    page.show_as(width)
    page.open(report)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_light_and_dark_both_contrast(page: Page, report: Path) -> None:
    page.open(report)
    page.show_as(1200, "light")
    assert brightness(page.evaluate(PAPER)) - brightness(page.evaluate(INK)) > 150
    page.show_as(1200, "dark")
    assert brightness(page.evaluate(INK)) - brightness(page.evaluate(PAPER)) > 150
    page.show_as(1200, "dark", media="print")
    assert brightness(page.evaluate(PAPER)) - brightness(page.evaluate(INK)) > 150


def test_the_empty_page_opens_too(page: Page, lake: Lake) -> None:
    path = write_report(lake.settings())
    page.open(path)
    assert page.complaints() == []
    assert "Nothing has run yet." in page.evaluate("document.body.innerText")


def test_the_policy_stops_a_script_that_got_in(page: Page, report: Path, tmp_path: Path) -> None:
    """What the other tests rely on: a script would be refused, and a refusal would be noticed."""
    hurt = tmp_path / "hurt.html"
    text = report.read_text(encoding="utf-8")
    hurt.write_text(text.replace("<main>", "<main><script>window.ran = 1</script>", 1), encoding="utf-8")
    page.open(hurt)
    assert page.evaluate("window.ran === undefined")
    assert any("Content Security Policy" in line for line in page.complaints())
