"""Chromium, and the pages of a server in it: loaded anew, or turned to another address."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
#: No first-run chatter, no calls to anyone: the page must be readable with no internet.
ARGUMENTS = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: What the browser does without. The last two are what it keeps ready for its address bar: a process for each window, which costs a
#: sixth of what a page does. The others are Playwright's own, whose flag this one replaces.
WITHOUT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,LensOverlay,"
    "MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,TcpPortRandomizationWin,OptimizationHints,"
    "NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch,WebUIOmniboxPopup,WebUIOmniboxAimPopup"
)
#: What a page will show is waited for, however busy the machine is. Five seconds, the default, are few where others draw beside it.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
#: Of pages that tests have left, so many stay for others.
MOST_LEFT = 4
#: As an address opens the page: at its top, the next Tab begins at the first stop, and the pointer is nowhere.
TURN = """address => {
    scrollTo(0, 0);
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
    history.replaceState(null, "", address);
    dispatchEvent(new PopStateEvent("popstate"));
}"""
#: After two frames the page has drawn every answer that it has.
FRAMES = "async () => { for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame); }"
#: The map is drawn, and no view waits for its answer.
SETTLED = "() => document.documentElement.dataset.ready === 'true' && document.querySelector('[aria-busy=true]') === null"


class Opened:
    """A page in a context of its own; what it complains about is noted in a list."""

    def __init__(self, chromium: Browser, server, scheme: str, width: int, height: int, complaints: list[str]):
        self.url, self.complaints = server.url, complaints
        self.unanswered: set[Request] = set()
        self.context = chromium.new_context(
            color_scheme=scheme, viewport={"width": width, "height": height}, reduced_motion="reduce", locale="en-US"
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self.note)
        for end in ("requestfinished", "requestfailed"):
            self.page.on(end, self.forget)

    def load(self, query: str) -> None:
        self.page.goto(f"{self.url}/{query}")
        self.page.wait_for_selector("html[data-ready=true]", timeout=PATIENCE_MS)

    def note(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.complaints.append(f"asked elsewhere: {request.url}")
        elif request.resource_type == "fetch":
            self.unanswered.add(request)

    def forget(self, request: Request) -> None:
        self.unanswered.discard(request)

    def turn_to(self, query: str) -> None:
        """Shows another address, without loading the page anew. Every view has its answer then."""
        self.page.mouse.move(0, 0)
        self.page.evaluate(TURN, f"/{query}")
        self.page.evaluate(FRAMES)
        self.page.wait_for_function(SETTLED, timeout=PATIENCE_MS)
        until = time.monotonic() + PATIENCE_MS / 1000
        while self.unanswered:
            assert time.monotonic() < until, f"no answer to {[request.url for request in self.unanswered]}"
            self.page.wait_for_timeout(20)  # the interval of asking, not a hope: the condition decides
        self.page.evaluate(FRAMES)


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, f"--disable-features={WITHOUT}"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def left(chromium) -> dict[tuple, Opened]:
    """Pages that tests have left, the newest last, by server and by what belongs to the browser's context."""
    pages: dict[tuple, Opened] = {}
    yield pages
    for each in pages.values():
        each.context.close()


def close_others(left: dict[tuple, Opened], server) -> None:
    """Closes what was left of other servers: one test after the other asks the same, and then none does."""
    for key in [key for key in left if key[0] != server.url]:
        left.pop(key).context.close()


@pytest.fixture
def visit(chromium, left) -> Callable[..., Page]:
    """Opens the page and waits until it has drawn; what it complains about fails the test."""
    opened, complaints = [], []

    def open_page(server, query: str = "", scheme="light", width=1440, height=900) -> Page:
        close_others(left, server)
        opened.append(Opened(chromium, server, scheme, width, height, complaints))
        opened[-1].load(query)
        return opened[-1].page

    open_page.complaints = complaints
    yield open_page
    for each in opened:
        each.context.close()
    assert not complaints


@pytest.fixture
def view(request, chromium, left) -> Callable[..., Page]:
    """Shows a view like `visit`, in the page that an earlier test has left, where there is one: to load the page takes a browser
    seconds, to turn to another address some tenths of one. A test that leaves something behind that is not in the address closes its
    page. A test of how the page opens needs `visit`."""
    used, complaints = [], []

    def show(server, query: str = "", scheme="light", width=1440, height=900) -> Page:
        close_others(left, server)
        key = (server.url, scheme, width, height)
        opened, show_there = left.pop(key, None), Opened.turn_to
        if opened is None:
            opened, show_there = Opened(chromium, server, scheme, width, height, complaints), Opened.load
        used.append((key, opened))
        opened.complaints = complaints
        show_there(opened, query)
        return opened.page

    show.complaints = complaints
    yield show
    for key, opened in used:
        if opened.page.is_closed() or request.node.has_failed or key in left:
            opened.context.close()
        else:
            left[key] = opened
    while len(left) > MOST_LEFT:
        left.pop(next(iter(left))).context.close()
    assert not complaints
