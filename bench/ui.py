"""The page in headless Chromium, with software rendering: first screen, brush, and ten minutes of live incidents.

    python bench/ui.py [--only first filter brush live] [--rounds N] [--live-seconds N]

kepler.gl's UMD build from npm shows the same incidents as CSV, where it has the same step.
"""

from __future__ import annotations

import argparse
import csv
import functools
import http.server
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from run import PACKED, Demo, wait_for

sys.path.append(str(Path(__file__).resolve().parent.parent / "e2e"))

from conftest import ARGUMENTS, CHROMIUM  # noqa: E402

SIMULATED = 6_700_000
RATE = 1000
STEPS = 60
#: A step of kepler.gl takes seconds in software.
KEPLER_STEPS = 6
STEPS_OF_THE_PAGE = ["first", "filter", "brush", "live"]
#: What kepler.gl's UMD build expects on the page, by the paths of npm packages.
KEPLER = {
    "react@18.3.1": "umd/react.production.min.js",
    "react-dom@18.3.1": "umd/react-dom.production.min.js",
    "redux@4.2.1": "dist/redux.min.js",
    "react-redux@8.1.3": "dist/react-redux.min.js",
    "styled-components@6.1.19": "dist/styled-components.min.js",
    "kepler.gl@3.2.6": "umd/keplergl.min.js",
}
#: Marks when somebody acts, when buffers go to the GPU, and when the document changes.
INSTRUMENTS = """
(() => {
  const state = { changed: 0, flights: 0, uploads: 0, long: [] };
  window.bench = state;
  const changed = () => { state.changed = performance.now(); };
  for (const name of ["bufferData", "bufferSubData"]) {
    const original = WebGL2RenderingContext.prototype[name];
    WebGL2RenderingContext.prototype[name] = function (...words) {
      state.uploads += 1;
      // Smaller ones are not data: each frame has some.
      if (words.some(word => (word?.byteLength ?? 0) >= 1024)) performance.mark("upload");
      changed();
      return original.apply(this, words);
    };
  }
  // A map that is drawn later than the rest is a change like theirs: one mark a frame.
  let drawn = false;
  for (const name of ["drawArrays", "drawElements"]) {
    const original = WebGL2RenderingContext.prototype[name];
    WebGL2RenderingContext.prototype[name] = function (...words) {
      if (!drawn) {
        drawn = true;
        performance.mark("change");
        queueMicrotask(() => { drawn = false; });
      }
      changed();
      return original.apply(this, words);
    };
  }
  const ask = window.fetch;
  window.fetch = async (...words) => {
    state.flights += 1;
    try { return await ask(...words); } finally { state.flights -= 1; changed(); }
  };
  for (const kind of ["pointermove", "pointerup", "keydown"]) {
    addEventListener(kind, () => { performance.mark("input"); changed(); }, { capture: true });
  }
  new PerformanceObserver(list => state.long.push(...list.getEntries().map(entry => entry.duration)))
    .observe({ type: "longtask", buffered: true });
  const observe = () => new MutationObserver(() => { performance.mark("change"); changed(); })
    .observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  observe();
  state.settled = (quiet) => new Promise(resolve => {
    const look = () => {
      if (state.flights === 0 && performance.now() - state.changed > quiet) resolve();
      else setTimeout(look, 20);
    };
    setTimeout(look, 20);
  });
})()
"""


def p95(values):
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def opened(browser, script: str | None = INSTRUMENTS) -> Page:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    context.set_default_timeout(600_000)
    page = context.new_page()
    if script:
        page.add_init_script(script)
    return page


def first_screen(browser, url: str) -> float:
    """Milliseconds from the first byte of the document to the page that says that it is ready."""
    page = opened(
        browser,
        """new MutationObserver(() => {
             if (document.documentElement?.dataset.ready === "true" && !window.readyAt) window.readyAt = performance.now();
           }).observe(document, { subtree: true, attributes: true, childList: true })""",
    )
    page.goto(url)
    page.wait_for_function("() => window.readyAt")
    took = page.evaluate("() => readyAt - performance.getEntriesByType('navigation')[0].responseStart")
    page.context.close()
    return took


def first(scratch: Path, browser, rounds: int):
    folder = scratch / "first"
    source = unpacked(scratch)
    demo = Demo(folder, "--data", source)
    url = demo.until(r"(http://[\d.:]+)").group(1)
    wait_for(f"{url}/api/v1/meta", lambda meta: meta["caught_up"])
    ours = [first_screen(browser, url) for _ in range(rounds + 1)][1:]
    demo.end()
    theirs = [kepler_first(scratch, browser, source) for _ in range(min(rounds, 3))]
    yield (
        "First screen, 1.7 M incidents: first byte → interactive, data on the map",
        f"{statistics.median(ours) / 1000:.2f} s",
        f"kepler.gl 3.2.6, CSV beside it on the same host: {statistics.median(theirs) / 1000:.1f} s",
        f"{statistics.median(ours) / statistics.median(theirs):.3f}",
    )


def trace_of(browser, page: Page, act) -> list[dict]:
    browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline", "blink.user_timing"])
    act()
    return json.loads(browser.stop_tracing())["traceEvents"]


def steps_of(events: list[dict]) -> list[tuple[float, float, float]]:
    """Of each input, in milliseconds: main-thread work until the last new buffers, for how long of that the thread had a processor,
    and the time until everything was painted."""
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"].get("name") == "CrRendererMain"
    }
    marks = sorted((event["ts"], event["name"], (event["pid"], event["tid"])) for event in events
                   if event.get("cat") == "blink.user_timing" and event["name"] in ("input", "upload", "change"))
    thread = marks[0][2]
    assert thread in main
    tasks = sorted((event["ts"], event["ts"] + event.get("dur", 0), event.get("tdur", 0)) for event in events
                   if event["name"] in ("RunTask", "ThreadControllerImpl::RunTask") and (event["pid"], event["tid"]) == thread)
    paints = sorted(event["ts"] + event.get("dur", 0) for event in events
                    if event["name"] in ("Commit", "Paint", "CompositeLayers") and (event["pid"], event["tid"]) == thread)
    inputs = [ts for ts, name, _ in marks if name == "input"]
    steps = []
    for number, began in enumerate(inputs):
        ended = inputs[number + 1] if number + 1 < len(inputs) else float("inf")
        uploads = [ts for ts, name, _ in marks if name == "upload" and began < ts < ended]
        changes = [ts for ts, name, _ in marks if began < ts < ended and name != "input"]
        if not uploads:
            continue
        within = [(min(end, uploads[-1]) - max(start, began), ran / (end - start))
                  for start, end, ran in tasks if start < uploads[-1] and end > max(began, start)]
        busy, ran = sum(length for length, _ in within), sum(length * share for length, share in within)
        painted = next((ts for ts in paints if ts >= changes[-1]), changes[-1])
        steps.append((busy / 1000, ran / 1000, (painted - began) / 1000))
    return steps


def dragged(browser, demo: Demo, rounds: int) -> list[tuple[float, float, float]]:
    """The steps of a brush that is dragged over all that the server has."""
    url = demo.until(r"(http://[\d.:]+)").group(1)
    wait_for(f"{url}/api/v1/meta", lambda meta: meta["caught_up"])
    page = opened(browser)
    page.goto(url)
    page.wait_for_selector("html[data-ready=true]")
    page.evaluate("() => bench.settled(500)")
    box = page.get_by_test_id("brush").bounding_box()
    middle = box["y"] + box["height"] / 2
    across = lambda share: box["x"] + box["width"] * share  # noqa: E731

    def drag():
        page.mouse.move(across(0.3), middle)
        page.mouse.down()
        for step in range(STEPS):
            page.mouse.move(across(0.4 + 0.4 * step / STEPS), middle)
            page.evaluate("() => bench.settled(150)")
        page.mouse.up()
        page.evaluate("() => bench.settled(300)")

    steps = [step for _ in range(rounds) for step in steps_of(trace_of(browser, page, drag))]
    page.context.close()
    demo.end()
    return steps


def brush(scratch: Path, browser, rounds: int):
    steps = dragged(browser, Demo(scratch / "brush", "--simulate", SIMULATED), rounds)
    busy, ran, painted = zip(*steps, strict=True)
    yield (
        f"Dragging the brush over {SIMULATED / 1e6:.1f} M incidents, {len(steps)} steps: main-thread work until new buffers are with the GPU",
        f"p95 {p95(busy):.1f} ms (median {statistics.median(busy):.1f} ms); of it on a processor p95 {p95(ran):.1f} ms",
        "to hold: 16 ms",
        "",
    )
    yield (
        "… until map, list and series are painted, software rendering",
        f"p95 {p95(painted):.0f} ms (median {statistics.median(painted):.0f} ms)",
        "to hold: 100 ms",
        "",
    )


def unpacked(scratch: Path) -> Path:
    source = scratch / "crimes.csv"
    if not source.exists():
        subprocess.run(["zstd", "-dqf", str(PACKED), "-o", str(source)], check=True)
    return source


def filtered(scratch: Path, browser, rounds: int):
    """The step that kepler.gl has, too: the period is filtered, and all that shows it is painted."""
    source = unpacked(scratch)
    steps = dragged(browser, Demo(scratch / "filter", "--data", source), rounds)
    painted = [painted for _, _, painted in steps]
    with kepler_page(scratch, browser, source) as page:
        theirs = page.evaluate(KEPLER_FILTER, KEPLER_STEPS)
    yield (
        f"Filtering 1.7 M incidents by time, {len(painted)} and {len(theirs)} steps: input → painted",
        f"p95 {p95(painted):.0f} ms (median {statistics.median(painted):.0f} ms)",
        f"kepler.gl 3.2.6: p95 {p95(theirs):.0f} ms (median {statistics.median(theirs):.0f} ms)",
        f"{statistics.median(painted) / statistics.median(theirs):.2f}",
    )


def heap(page: Page) -> float:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = session.send("Performance.getMetrics")["metrics"]
    session.detach()
    return next(metric["value"] for metric in metrics if metric["name"] == "JSHeapUsedSize") / 2**20


def live(scratch: Path, browser, seconds: int):
    folder = scratch / "live"
    demo = Demo(folder, "--simulate", 300_000, "--simulate-rate", RATE)
    url = demo.until(r"(http://[\d.:]+)").group(1)
    page = opened(browser)
    page.goto(url)
    page.wait_for_selector("html[data-ready=true]")
    # The history is loaded first; what is measured is life.
    wait_for(f"{url}/api/v1/meta", lambda meta: meta["incidents"]["total"] >= 300_000 + 20 * RATE)
    before = heap(page)
    page.evaluate("() => { bench.long.length = 0; }")
    page.wait_for_timeout(seconds * 1000)
    tasks = page.evaluate("() => bench.long")
    grown = heap(page) - before
    total = page.evaluate("() => fetch('/api/v1/meta').then(answer => answer.json()).then(meta => meta.incidents.total)")
    page.context.close()
    demo.end()
    yield (
        f"Live at {RATE:,} incidents/s for {seconds} s: longest task of the main thread, and growth of the heap",
        f"{max(tasks, default=0):.0f} ms ({len(tasks)} tasks of 50 ms or more), {grown:+.1f} MiB",
        f"{total - 300_000:,} incidents; to hold: 100 ms, 20 MiB",
        "",
    )


# ----- kepler.gl ---------------------------------------------------------------------------------------

KEPLER_PAGE = """<!doctype html><meta charset=utf-8><title>kepler.gl</title><style>html,body,#app{margin:0;height:100%%}</style>
<div id=app></div>%s<script>
(async () => {
  const reducer = KeplerGl.keplerGlReducer.initialState({ uiState: { currentModal: null } });
  const store = Redux.createStore(Redux.combineReducers({ keplerGl: reducer }), {},
    Redux.applyMiddleware(...KeplerGl.enhanceReduxMiddleware([])));
  window.store = store;
  const element = React.createElement(ReactRedux.Provider, { store },
    React.createElement(KeplerGl.KeplerGl, { id: "map", width: 1440, height: 900, mapboxApiAccessToken: "none" }));
  ReactDOM.createRoot(document.getElementById("app")).render(element);
  const text = await (await fetch("incidents.csv")).text();
  const data = KeplerGl.processCsvData(text);
  store.dispatch(KeplerGl.addDataToMap({
    datasets: { info: { id: "incidents", label: "incidents" }, data },
    options: { centerMap: true, readOnly: false },
    config: { version: "v1", config: { mapStyle: { styleType: "no_map" }, visState: { layers: [
      { id: "points", type: "point", config: { dataId: "incidents", label: "points", columns: { lat: "latitude", lng: "longitude" }, isVisible: true } },
    ] } } },
  }));
  requestAnimationFrame(() => requestAnimationFrame(() => { window.readyAt = performance.now(); }));
})();
</script>"""


def kepler_files(scratch: Path, source: Path) -> Path:
    """kepler.gl's page, its scripts from npm, and the incidents that have a place."""
    folder = scratch / "kepler"
    if folder.exists():
        return folder
    folder.mkdir()
    scripts = []
    for package, path in KEPLER.items():
        packed = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run(["tar", "xzf", packed.splitlines()[-1], f"package/{path}"], cwd=folder, check=True)
        name = f"{package.partition('@')[0]}.js"
        shutil.move(folder / "package" / path, folder / name)
        scripts.append(f"<script src={name}></script>")
    (folder / "index.html").write_text(KEPLER_PAGE % "".join(scripts))
    with source.open(newline="") as rows, (folder / "incidents.csv").open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["occurred_at", "category", "latitude", "longitude"])
        for row in csv.DictReader(rows):
            named = {name.lower().replace(" ", "_"): value for name, value in row.items()}
            if named["latitude"]:
                writer.writerow([named["date"], named["primary_type"], named["latitude"], named["longitude"]])
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


#: A window of a tenth of the time, moved step by step: milliseconds of each until its frame is painted.
KEPLER_FILTER = """async steps => {
  const painted = () => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve, 0))));
  const rest = () => new Promise(resolve => setTimeout(resolve, 150));
  store.dispatch(KeplerGl.addFilter("incidents"));
  store.dispatch(KeplerGl.setFilter(0, "name", "occurred_at"));
  await painted();
  const [first, last] = store.getState().keplerGl.map.visState.filters[0].domain;
  const took = [];
  for (let step = 0; step < steps; step += 1) {
    await rest();
    const at = first + (last - first) * (0.3 + 0.5 * step / steps);
    const began = performance.now();
    store.dispatch(KeplerGl.setFilter(0, "value", [at, at + (last - first) / 10]));
    await painted();
    took.push(performance.now() - began);
  }
  return took;
}"""


@contextmanager
def kepler_page(scratch: Path, browser, source: Path):
    """kepler.gl's page, once it has drawn all."""
    folder = kepler_files(scratch, source)
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = opened(browser, None)
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
        page.wait_for_function("() => window.readyAt")
        yield page
        page.context.close()
        server.shutdown()


def kepler_first(scratch: Path, browser, source: Path) -> float:
    with kepler_page(scratch, browser, source) as page:
        return page.evaluate("() => readyAt - performance.getEntriesByType('navigation')[0].responseStart")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", nargs="*", choices=STEPS_OF_THE_PAGE, default=STEPS_OF_THE_PAGE)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--live-seconds", type=int, default=600)
    chosen = arguments.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="blotter-bench-ui-"))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            rows = {
                "first": lambda: first(scratch, browser, chosen.rounds),
                "filter": lambda: filtered(scratch, browser, min(chosen.rounds, 2)),
                "brush": lambda: brush(scratch, browser, min(chosen.rounds, 3)),
                "live": lambda: live(scratch, browser, chosen.live_seconds),
            }
            for name in chosen.only:
                for row in rows[name]():
                    print("| " + " | ".join(row) + " |", flush=True)
            browser.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
