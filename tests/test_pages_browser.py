import os
from pathlib import Path

import pytest
from playwright.sync_api import Error, sync_playwright

from gateway.answers import Tone
from gateway.config import Serve
from gateway.edges.web.app import create_app
from tests.web_standing import Memory, facts, line

pytestmark = pytest.mark.browser

PLACES = (Path("/usr/bin/chromium"), Path("/usr/bin/chromium-browser"))
CHROMIUM = next((path for path in PLACES if path.exists()), None)
WIDTHS = {"desktop": 1280, "tablet": 768, "phone": 390, "small phone": 320}
ORIGIN = "https://entente.example.org"
LONG = line(
    2,
    outgoing=False,
    what="request: " + "investigate-the-source-of-this-campaign-" * 3,
    fate="refused: 36 not-agreed",
    tone=Tone.BAD,
    peer="W" * 200,
)
PAGES = {
    "plain": facts(),
    "empty": facts(last=(), counts=(), mailbox=""),
    "long": facts(name="N" * 200, id=f"{ORIGIN}/{'a' * 200}", last=(LONG,) * 3),
    "hostile": facts(
        name="<script>document.title='owned'</script>\N{RIGHT-TO-LEFT OVERRIDE}",
        counts=(("<img src=x onerror=alert(1)>", 10**12),),
    ),
}


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        if os.environ.get("ENTENTE_REQUIRE_BROWSER") == "1":
            pytest.fail("there is no Chromium, and ENTENTE_REQUIRE_BROWSER=1 asks for one")
        pytest.skip("NO CHROMIUM ON THIS MACHINE: the pages were looked at by nobody")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        yield browser
        browser.close()


class Visit:
    """A page of our real application in a real browser; what it asks for beyond us is refused."""

    def __init__(self, browser, shown, width: int, scheme: str) -> None:
        client = create_app(Memory(shown), Serve()).test_client()
        self.said: list[str] = []
        self.abroad: list[str] = []
        self._context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        self.page = self._context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))

        def answer(route) -> None:
            url = route.request.url
            if not url.startswith(ORIGIN):
                self.abroad.append(url)
                route.abort()
                return
            with client.get(url.removeprefix(ORIGIN)) as reply:
                route.fulfill(
                    status=reply.status_code, headers=dict(reply.headers), body=reply.data
                )

        self.page.route("**/*", answer)
        self.page.goto(f"{ORIGIN}/", wait_until="load")

    def close(self) -> None:
        self._context.close()


@pytest.fixture
def visit(chromium):
    made: list[Visit] = []

    def open_page(shown, width: int = 1280, scheme: str = "light") -> Visit:
        made.append(Visit(chromium, shown, width, scheme))
        return made[-1]

    yield open_page
    for one in made:
        one.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_the_page_fits_every_screen_and_complains_of_nothing(visit, name, width, scheme) -> None:
    seen = visit(PAGES[name], width, scheme)
    shots = os.environ.get("ENTENTE_SHOTS")
    if shots:
        file = Path(shots) / f"status-{name}-{width}-{scheme}.png"
        seen.page.screenshot(path=str(file), full_page=True)
    assert seen.said == []
    assert seen.abroad == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    outside = seen.page.evaluate(
        "Array.from(document.querySelectorAll('main *'))"
        ".filter(e => e.tagName !== 'THEAD' && !e.closest('thead'))"
        ".filter(e => e.getBoundingClientRect().right > innerWidth + 1).length"
    )
    assert outside == 0
    assert "owned" not in seen.page.title().split(" ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(visit, scheme) -> None:
    # The contrast of WCAG 2.2, 4.5 to 1, for every element that holds text of its own.
    seen = visit(facts(), 1280, scheme)
    low = seen.page.evaluate(
        """() => {
          const rgb = text => text.match(/[0-9.]+/g).map(Number);
          const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const ground = element => {
            for (let e = element; e; e = e.parentElement) {
              const c = rgb(getComputedStyle(e).backgroundColor);
              if (c.length < 4 || c[3] > 0) return c;
            }
            return [255, 255, 255];
          };
          return Array.from(document.body.querySelectorAll('*'))
            .filter(e => Array.from(e.childNodes).some(n => n.nodeType === 3 && n.data.trim()))
            .map(e => {
              const a = light(rgb(getComputedStyle(e).color)), b = light(ground(e));
              return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.className, e.tagName];
            })
            .filter(([ratio]) => ratio < 4.5);
        }"""
    )
    assert low == []


def test_on_a_phone_a_line_of_the_table_is_read_without_turning_the_screen(visit) -> None:
    seen = visit(facts(), 390)
    row = seen.page.locator("tbody tr").first
    for part in (".peer", ".fate", ".what", ".way", ".when"):
        box = row.locator(part).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_no_script_can_run_even_if_one_were_there(visit) -> None:
    seen = visit(facts())
    with pytest.raises(Error):
        seen.page.add_script_tag(content="document.title = 'owned'")
    assert seen.page.title() != "owned"
