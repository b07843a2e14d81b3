"""Looks at the pages of a sidecar as a person does: search, open, read as of, compare; and nothing hostile happens."""

import os
import sys
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

chromium, address, token, then, now = sys.argv[1:]

PAGES = ["/", "/?q=clicks", "/views/stats", "/views/offer", "/services/ranker_v1", "/entities/user", "/freshness"]
PAGES += ["/consumers", "/consumers/usage", "/answers", "/feeds", "/alerts", "/changes", "/plans", "/audits", "/audits/1"]
PAGES += ["/?q=status:stale", "/views/stats/usage", f"/changes?from={then}&to={now}", "/changes?from=x", "/explore"]
PAGES += [f"/explore?by=user_id&key.user_id=1&at={now}&then={then}", "/nothing-of-this"]

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()

problems: list[str] = []


def watch(context: BrowserContext) -> Page:
    """A page whose dialogs, errors and requests to others are problems."""
    page = context.new_page()
    page.on("dialog", lambda dialog: (problems.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: problems.append(f"an error of a script: {error}"))
    page.on("request", lambda asked: None if asked.url.startswith(address) else problems.append(asked.url))
    page.on("console", lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None)
    return page


def log_in(page: Page) -> None:
    page.goto(address + "/?q=clicks")
    page.fill("#token", "wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("This is not the token.")
    page.fill("#token", token)
    page.keyboard.press("Enter")
    expect(page).to_have_url(address + "/?q=clicks")
    cookie = page.context.cookies()[0]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict", cookie
    assert page.evaluate("document.cookie") == ""


def search(page: Page) -> None:
    page.goto(address + "/")
    page.locator("h1").click()
    page.keyboard.press("/")
    page.keyboard.type("clikcs")
    hit = page.get_by_role("link", name="stats:clicks", exact=True)
    expect(hit).to_be_visible()
    expect(page).to_have_url(address + "/?q=clikcs")
    page.get_by_role("link", name="int64", exact=True).click()
    expect(page.locator("#query")).to_have_value("clikcs type:int64")
    # The page is there before its script listens to keys, and another letter in the query would search again.
    page.wait_for_load_state("load")
    page.locator("#query").focus()
    page.keyboard.press("ArrowDown")
    name = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(name.split(":")[0])


def open_a_view(page: Page) -> None:
    page.goto(address + "/views/stats")
    expect(page.locator(".badge.stale")).to_have_text("stale")
    expect(page.get_by_role("cell", name="ranker")).to_be_visible()
    page.get_by_text("Likely duplicates").click()
    expect(page.get_by_text("None was found.")).to_be_visible()


def look_at_values(page: Page) -> None:
    page.goto(address + "/views/stats")
    histogram = page.get_by_role("img", name="Histogram of the values of clicks")
    expect(histogram).to_be_hidden()
    page.locator("table a[href='#values-clicks']").click()
    expect(histogram).to_be_visible()
    expect(histogram).to_have_accessible_description(
        "2 buckets from 7 to 9; half of the numbers are at most 7; the fullest bucket has 1 of 2"
    )
    page.locator("table a[href='#values-name']").click()
    expect(page.locator("td.value", has_text="document.title='hacked'")).to_be_visible()


def read_as_of_and_compare(page: Page) -> None:
    page.goto(address + "/views/stats")
    page.get_by_role("link", name="Explore an entity").click()
    page.get_by_label("user_id (int64)").fill("1")
    page.get_by_label("as of", exact=True).fill(then)
    page.get_by_role("button", name="Show").click()
    clicks = page.locator("#values tr", has_text="stats:clicks")
    expect(clicks.locator("td").nth(0)).to_have_text("5")
    page.get_by_label("as of", exact=True).fill(now)
    page.get_by_label("beside it: as of").fill(then)
    page.keyboard.press("Enter")
    for cell, text in {0: "differ", 1: "7", 4: "5"}.items():
        expect(clicks.locator("td").nth(cell)).to_have_text(text)
    expect(page.get_by_role("img", name="Time line of 2 versions")).to_be_visible()


def stale_shows_stale(page: Page) -> None:
    page.goto(address + "/freshness")
    first = page.locator("tbody tr").first
    expect(first).to_contain_text("stats")
    expect(first.locator(".badge")).to_have_text("stale")


def nothing_hostile_happens(page: Page) -> None:
    for path in PAGES:
        page.goto(address + path)
        assert "hacked" not in page.title(), path
        assert page.locator("img, iframe, main script, [onerror], [style]").count() == 0, path
    page.goto(address + "/views/stats")
    expect(page.get_by_text("</script><script>document.title='hacked'</script>").first).to_be_visible()


def pages_fit_and_are_named(page: Page) -> None:
    """On a phone nothing but tables scrolls sideways, and what one uses has a name."""
    page.set_viewport_size({"width": 360, "height": 740})
    for path in PAGES[:-1]:
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        assert page.locator("h1").count() == 1 and page.locator("main").count() == 1, path
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("input:not([type=hidden]):not([hidden]), select, button, a")]
                .filter((one) => !(one.labels?.length || one.textContent.trim())).map((one) => one.outerHTML)"""
        )
        assert nameless == [], (path, nameless)


def open_whole(page: Page, path: str) -> None:
    """Opens a page, and waits for the parts of it that its script fetches: it has begun to when the page is loaded."""
    page.goto(address + path, wait_until="load")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def unfold(page: Page) -> None:
    """Opens all that is folded in, and waits for the parts that are fetched then."""
    page.evaluate(
        """() => Promise.all([...document.querySelectorAll("details:not([open])")].map((one) => {
            const toggled = new Promise((done) => one.addEventListener("toggle", done, { once: true }));
            one.open = true;
            return toggled;
        }))"""
    )
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def nobody_is_kept_out(page: Page) -> None:
    """axe-core finds nothing serious on any page, also within what is folded in."""
    for path in [*PAGES[:-1], "/views/none"]:
        open_whole(page, path)
        unfold(page)
        # The page's policy lets nothing in: the debugger runs it.
        page.evaluate(AXE)
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations)")
        serious = [
            (one["id"], one["help"], [node["html"] for node in one["nodes"]][:3])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], (path, serious)


def everything_is_reached_by_keys(page: Page) -> None:
    """The tab key begins with the way past the navigation and reaches each thing that one uses, which then shows it."""
    page.goto(address + "/")
    assert page.evaluate("document.activeElement.id") == "query"
    for path in ["/services/ranker_v1", "/freshness", "/changes", "/plans", "/audits/1", "/views/stats"]:
        open_whole(page, path)
        wanted = page.evaluate(
            """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), summary, [tabindex='0']")]
                .filter((one) => one.checkVisibility()).length"""
        )
        stops = 0
        for _ in range(wanted + 3):
            page.keyboard.press("Tab")
            stop = page.evaluate(
                """() => {
                    const one = document.activeElement;
                    if (one === document.body || one.dataset.stopped) return null;
                    one.dataset.stopped = "yes";
                    return { text: one.textContent.trim(), outline: getComputedStyle(one).outlineStyle };
                }"""
            )
            if stop is None:
                break
            assert stop["outline"] != "none", (path, stop)
            assert stops > 0 or stop["text"] == "Skip to the content", (path, stop)
            stops += 1
        assert stops == wanted, (path, stops, wanted)


def pages_only_read(page: Page) -> None:
    page.goto(address + "/")
    status = page.evaluate("fetch('/v1/views').then((response) => response.status)")
    assert status == 401, status
    status = page.evaluate("fetch('/v1/write/stats', {method: 'POST', body: '[]'}).then((response) => response.status)")
    assert status == 403, status


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#token")).to_be_visible()
    page.goto(address + "/views/stats")
    expect(page.locator("#token")).to_be_visible()


def without_scripts(context: BrowserContext) -> None:
    page = watch(context)
    page.goto(address + "/")
    page.fill("#query", "clicks")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="stats:clicks", exact=True).click()
    page.get_by_role("link", name="Who has read it in the last 30 days").click()
    expect(page.get_by_role("cell", name="ranker")).to_be_visible()


# A busy machine is given time.
expect.set_options(timeout=20_000)
with sync_playwright() as playwright:
    # Root has no sandbox to drop into.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
    context = browser.new_context()
    page = watch(context)
    log_in(page)
    for step in (search, open_a_view, look_at_values, read_as_of_and_compare, stale_shows_stale):
        step(page)
    nothing_hostile_happens(page)
    pages_fit_and_are_named(page)
    dark = browser.new_context(color_scheme="dark", storage_state=context.storage_state())
    pages_fit_and_are_named(watch(dark))
    nobody_is_kept_out(watch(dark))
    nobody_is_kept_out(page)
    page.set_viewport_size({"width": 1280, "height": 800})
    nobody_is_kept_out(page)
    everything_is_reached_by_keys(page)
    without_scripts(browser.new_context(java_script_enabled=False, storage_state=context.storage_state()))
    pages_only_read(page)
    log_out(page)
    browser.close()
assert problems == [], problems
