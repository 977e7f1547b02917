"""How well the 7-day window of "peaking now" detects outbreaks, beside R's `surveillance`, on simulated series.

    python bench/peaks.py [--series N] [--scenarios 1 2 ...] [--cache DIR] [--false-alarms 0.01] [--jobs N] [--cached-only]

Needs numpy, and R with `surveillance` (Debian: r-base-core, r-cran-surveillance). A thousand pairs of 28 scenarios keep R busy for
some two hours; its scores are kept in DIR, so that a run that was stopped goes on where it was.

Prints the whole table as markdown. What is simulated is that of Noufaily et al., "An improved algorithm for outbreak
detection in multiple surveillance systems", Statistics in Medicine 32 (2013): 624 weekly counts, negative binomial with
variance φμ and mean exp(θ + βt + Σ γ₁cos(2πjt/52) + γ₂sin(2πjt/52)); four past outbreaks of k = 2, 3, 5 and 10 that begin
in random weeks of 313 to 575; and, in the second series of each pair alone, one outbreak that begins in a random week of 576
to 621, k = 1 to 10 in turn. An outbreak's cases are Poisson (at least one) with mean k standard deviations of the baseline of
its first week, spread over the weeks by a lognormal distribution of mean 0 and deviation 0.5 on the log scale.

Every method is given the threshold at which it raises alarms in the same share of the scored weeks of the quiet series
(`--false-alarms`), scenario by scenario. Equal scores at the threshold are told apart at random, by one draw that all
methods share.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing.pool
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parent.parent
WEEKS = 624
FIRST_PAST, FIRST_SCORED = 313, 576
OUTBREAK_WEEKS = 4
CHUNK = 100
SETTINGS = [
    # theta, beta, gamma_1, gamma_2, phi
    (0.1, 0.0025, 0.6, 0.6, 1.5),
    (-2.0, 0.005, 0.1, 0.3, 2.0),
    (1.5, 0.003, 0.2, -0.4, 1.0),
    (0.5, 0.002, 0.5, 0.5, 5.0),
    (2.5, 0.001, 1.0, 0.1, 3.0),
    (3.75, 0.001, 0.1, -0.1, 1.1),
    (5.0, 0.0001, 0.05, 0.01, 1.2),
]
SCENARIOS = [
    (theta, trend * beta, gamma_1, gamma_2, phi, seasons)
    for theta, beta, gamma_1, gamma_2, phi in SETTINGS
    for trend in (0, 1)
    for seasons in (0, 1)
]
MEASURES = (
    "Outbreaks detected, %",
    "Days to detection; never detected counts as a week after the end",
    "Outbreaks detected in their first week, %",
)
DIGITS = (1, 2, 1)
PEERS = {
    "farrington_nb": "Farrington Flexible",
    "farrington_muan": "Farrington Flexible (muan)",
    "ears_c1": "EARS C1",
    "ears_c2": "EARS C2",
    "ears_c3": "EARS C3",
}


def mean_of(scenario) -> numpy.ndarray:
    theta, beta, gamma_1, gamma_2, _, seasons = scenario
    week = numpy.arange(1, WEEKS + 1)
    season = sum(
        gamma_1 * numpy.cos(2 * numpy.pi * j * week / 52) + gamma_2 * numpy.sin(2 * numpy.pi * j * week / 52)
        for j in range(1, seasons + 1)
    )
    return numpy.exp(theta + beta * week + season)


def simulate(number: int, first: int, series: int, spread: int):
    """The quiet series, those with an outbreak, and the weeks at which to score (counted from 1; the outbreak's lead)."""
    scenario = SCENARIOS[number - 1]
    phi = scenario[4]
    mean = mean_of(scenario)
    quiet = numpy.zeros((series, WEEKS), dtype=numpy.int64)
    outbreak = numpy.zeros_like(quiet)
    weeks = numpy.zeros((series, OUTBREAK_WEEKS + spread), dtype=numpy.int64)
    for index in range(series):
        # A generator per pair whose stream numpy has frozen: more series leave the first ones as they are.
        chance = numpy.random.RandomState([2013, number, first + index])
        base = chance.poisson(mean) if phi == 1 else chance.negative_binomial(mean / (phi - 1), 1 / phi)

        def cases(start, k, length):
            total = 0
            while total == 0:
                total = chance.poisson(k * numpy.sqrt(phi * mean[start - 1]))
            when = numpy.floor(chance.lognormal(0.0, 0.5, total)).astype(int)
            return numpy.bincount(numpy.minimum(when, length - 1), minlength=length)[:length]

        for k in (2, 3, 5, 10):
            start = chance.randint(FIRST_PAST, FIRST_SCORED - OUTBREAK_WEEKS)
            base[start - 1 : start - 1 + OUTBREAK_WEEKS] += cases(start, k, OUTBREAK_WEEKS)
        start = chance.randint(FIRST_SCORED, WEEKS - OUTBREAK_WEEKS + 2)
        quiet[index] = base
        outbreak[index] = base
        outbreak[index, start - 1 : start - 1 + OUTBREAK_WEEKS] += cases(start, 1 + (first + index) % 10, OUTBREAK_WEEKS)
        during = list(range(start, start + OUTBREAK_WEEKS))
        others = [week for week in range(FIRST_SCORED, WEEKS + 1) if week not in during]
        step = len(others) / spread if spread else 0
        weeks[index] = during + [others[int((place + chance.random_sample()) * step)] for place in range(spread)]
    return quiet, outbreak, weeks


def folder_of(cache: Path, number: int, chunk: int, spread: int) -> Path:
    return cache / f"spread-{spread}" / f"scenario-{number:02}" / f"{chunk:04}"


def chunk_of(cache: Path, number: int, chunk: int, spread: int) -> Path:
    """The folder of a hundred pairs of a scenario, simulated and scored by R; kept, because that is what takes hours."""
    folder = folder_of(cache, number, chunk, spread)
    if not (folder / "peers.csv").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in zip(("quiet", "outbreak", "weeks"), simulate(number, chunk * CHUNK, CHUNK, spread), strict=True):
            numpy.savetxt(folder / f"{name}.csv", rows, fmt="%d", delimiter=",")
        subprocess.run(["Rscript", str(ROOT / "bench" / "peaks.R"), str(folder)], check=True, stdout=sys.stderr)
    return folder


def read(path: Path) -> numpy.ndarray:
    return numpy.loadtxt(path, delimiter=",", dtype=numpy.int64, ndmin=2)


def ours(folder: Path, weekly: Path) -> dict[str, dict[str, numpy.ndarray]]:
    """The evidence of a surge, and -log10 p of the window alone, for both series of each pair at each of its weeks."""
    weeks = read(folder / "weeks.csv")
    scores = {"blotter": {}, "window_p": {}}
    for name in ("quiet", "outbreak"):
        lines = (
            " ".join(map(str, at)) + "," + ",".join(map(str, counts))
            for at, counts in zip(weeks, read(folder / f"{name}.csv"), strict=True)
        )
        said = subprocess.run([str(weekly)], input="\n".join(lines), check=True, capture_output=True, text=True).stdout
        values = numpy.array([[float(value) for value in line.split(",")] for line in said.splitlines()])
        # Evidence of 0 is that of a week so empty that none can be less.
        scores["blotter"][name] = numpy.log10(numpy.maximum(values[:, 3::4], 1e-300))
        scores["window_p"][name] = -numpy.log10(values[:, 2::4])
    return scores


def theirs(folder: Path) -> dict[str, dict[str, numpy.ndarray]]:
    with (folder / "peers.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    series = max(int(row["series"]) for row in rows)

    def of(column: str) -> numpy.ndarray:
        # No score (C3 of weeks that are all equal), no alarm.
        scores = [-numpy.inf if row[column] == "NA" else float(row[column]) for row in rows]
        # R writes column by column: all series at their first week, then all at their second.
        return numpy.array(scores).reshape(-1, series).T

    return {peer: {name: of(f"{peer}_{name}") for name in ("quiet", "outbreak")} for peer in PEERS}


class Comparison:
    """Of all methods on one scenario, at equal false alarms."""

    def __init__(self, methods, lasts: numpy.ndarray, chance: numpy.ndarray):
        self.lasts = lasts
        self.beaten = {}
        self.order = {}
        for method, scores in methods.items():
            # Where each outbreak week would stand among the quiet weeks, equal scores told apart by the draw.
            quiet, tie = scores["quiet"].ravel(), chance.ravel()
            order = numpy.lexsort((-tie, -quiet))
            outbreak = scores["outbreak"][:, :OUTBREAK_WEEKS]
            keys = numpy.array(list(zip(-quiet[order], -tie[order])), dtype=[("score", float), ("tie", float)])
            wanted = numpy.array(
                list(zip(-outbreak.ravel(), -chance[:, :OUTBREAK_WEEKS].ravel())), dtype=[("score", float), ("tie", float)]
            )
            self.order[method] = order // scores["quiet"].shape[1]
            self.beaten[method] = numpy.searchsorted(keys, wanted).reshape(outbreak.shape)

    def measures(self, method: str, false_alarms: float, times: numpy.ndarray) -> numpy.ndarray:
        """By measure and series; each series counts so many times when the threshold is set."""
        passed = numpy.concatenate(([0], numpy.cumsum(times[self.order[method]])))
        alarms = passed[self.beaten[method]] < false_alarms * passed[-1]
        alarms &= numpy.arange(OUTBREAK_WEEKS) < self.lasts[:, None]
        detected = alarms.any(axis=1)
        # Never detected counts as a week after its end: a mean over the detected ones would reward missing the hard ones.
        days = 7.0 * numpy.where(detected, alarms.argmax(axis=1) + 1, self.lasts + 1)
        return numpy.array([100.0 * detected, days, 100.0 * alarms[:, 0]])

    def table(self, false_alarms: float, rounds: int):
        """By method: the means of the measures, and the 95 % intervals of our difference from it."""
        count = len(self.lasts)
        chance = numpy.random.RandomState(95)
        differences = {method: [] for method in self.order}
        for _ in range(rounds):
            times = numpy.bincount(chance.randint(0, count, count), minlength=count).astype(float)
            means = {method: self.measures(method, false_alarms, times) @ times / count for method in self.order}
            for method in self.order:
                differences[method].append(means["blotter"] - means[method])
        rows = {}
        for method in self.order:
            low, high = numpy.percentile(numpy.array(differences[method]), [2.5, 97.5], axis=0)
            rows[method] = (self.measures(method, false_alarms, numpy.ones(count)).mean(axis=1), low, high)
        return rows


def load(number: int, chunks: int, cache: Path, spread: int, weekly: Path) -> Comparison:
    parts, lasts = [], []
    for chunk in range(chunks):
        folder = chunk_of(cache, number, chunk, spread)
        parts.append(ours(folder, weekly) | theirs(folder))
        added = read(folder / "outbreak.csv") - read(folder / "quiet.csv")
        starts = read(folder / "weeks.csv")[:, 0]
        during = numpy.array([row[start - 1 : start - 1 + OUTBREAK_WEEKS] for row, start in zip(added, starts, strict=True)])
        lasts.append(OUTBREAK_WEEKS - (during[:, ::-1] > 0).argmax(axis=1))
    methods = {
        method: {name: numpy.concatenate([part[method][name] for part in parts]) for name in ("quiet", "outbreak")}
        for method in parts[0]
    }
    chance = numpy.random.RandomState([1995, number]).random_sample(methods["blotter"]["quiet"].shape)
    return Comparison(methods, numpy.concatenate(lasts), chance)


def describe(number: int) -> str:
    theta, beta, gamma_1, gamma_2, phi, seasons = SCENARIOS[number - 1]
    season = f"{gamma_1:g}, {gamma_2:g}" if seasons else "–"
    return f"{number} | {theta:g} | {beta:g} | {season} | {phi:g}"


def cell(row, measure: int, against: bool) -> str:
    means, low, high = row
    if not against:
        return f"**{means[measure]:.{DIGITS[measure]}f}**"
    return f"{means[measure]:.{DIGITS[measure]}f} ({low[measure]:+.1f}, {high[measure]:+.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=1000, help="pairs a scenario, in hundreds")
    parser.add_argument("--scenarios", type=int, nargs="+", default=list(range(1, len(SCENARIOS) + 1)))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "blotter-peaks")
    parser.add_argument("--false-alarms", type=float, default=0.01, help="the share of quiet weeks with an alarm")
    parser.add_argument("--spread", type=int, default=4, help="weeks to score besides those of the outbreak")
    parser.add_argument("--rounds", type=int, default=1000, help="of the bootstrap")
    parser.add_argument("--jobs", type=int, default=1, help="of R at once")
    parser.add_argument("--cached-only", action="store_true", help="use what R has already scored, equally many a scenario")
    arguments = parser.parse_args()

    chunks = max(1, arguments.series // CHUNK)
    cache, spread = arguments.cache, arguments.spread
    if arguments.cached_only:
        held = lambda number: sum(1 for _ in (folder_of(cache, number, 0, spread).parent).glob("*/peers.csv"))  # noqa: E731
        chunks = min(chunks, *(held(number) for number in arguments.scenarios))
    # One chunk of every scenario, then the next: whenever it is stopped, all scenarios have equally many.
    wanted = [(number, chunk) for chunk in range(chunks) for number in arguments.scenarios]
    with multiprocessing.pool.ThreadPool(arguments.jobs) as pool:
        for done, _ in enumerate(pool.imap_unordered(lambda key: chunk_of(cache, *key, spread), wanted), 1):
            print(f"\r{done} of {len(wanted)} chunks scored by R", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "blotter-peak", "--example", "weekly"], check=True, cwd=ROOT)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    weekly = target / "release" / "examples" / "weekly"

    tables = {}
    for number in arguments.scenarios:
        comparison = load(number, chunks, cache, spread, weekly)
        tables[number] = comparison.table(arguments.false_alarms, arguments.rounds)
        print(f"scenario {number} compared", file=sys.stderr, flush=True)
    report(tables, chunks * CHUNK, arguments.false_alarms)


def report(tables, series: int, false_alarms: float) -> None:
    methods = ["blotter", "window_p", *PEERS]
    titles = ["Blotter", "p of the window alone", *PEERS.values()]
    print(f"{series} pairs a scenario; alarms in {false_alarms:.1%} of quiet weeks. In brackets the 95 % interval of Blotter less")
    print("the method (paired bootstrap over series, thresholds set anew in each round).")
    for measure, what in enumerate(MEASURES):
        print(f"\n**{what}**\n")
        print(f"| | θ | β | γ₁, γ₂ | φ | {' | '.join(titles)} |")
        print("|" + " --- |" * (5 + len(titles)))
        for number, table in tables.items():
            cells = [cell(table[method], measure, method != "blotter") for method in methods]
            print(f"| {describe(number)} | {' | '.join(cells)} |")
        means = [numpy.mean([table[method][0][measure] for table in tables.values()]) for method in methods]
        print(f"| mean | | | | | {' | '.join(f'**{mean:.2f}**' for mean in means)} |")
        for word, sign in (("better", 1), ("worse", -1)):
            # Fewer days are better.
            sign = -sign if measure == 1 else sign
            beyond = [
                sum(bool(table[method][1][measure] > 0 if sign > 0 else table[method][2][measure] < 0) for table in tables.values())
                for method in methods[1:]
            ]
            print(f"| scenarios in which Blotter is {word} beyond the interval | | | | | – | {' | '.join(map(str, beyond))} |")


if __name__ == "__main__":
    main()
