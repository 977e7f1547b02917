"""How late incidents become known: learned from a real change feed, against `statsmodels`, and used by peaks."""

import json
import re
import tomllib

import numpy
import pytest
from cluster import Embedded
from conftest import BINARY, ROOT, run_to_end
from data import FEED, real
from statsmodels.duration.survfunc import SurvfuncRight

HOUR = 3_600_000_000
#: The feed's first commit holds everything before it.
SINCE = "2022-02-02T00:00:00Z"


def run(*arguments, code=0):
    done = run_to_end(BINARY, *arguments, code=code)
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lag") / "blotter"
    run("demo", "--no-serve", "--until-caught-up", "--dir", folder, "--data", real(FEED, "how late a city's incidents become known is learned from its own change feed"))
    return Embedded(folder)


def delays(table, since: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Of each incident that happened after all that was known then: the data's age of it when it was heard of first, and now."""
    first: dict[str, tuple[int, int]] = {}
    rows = table.to_pyarrow_table(columns=["id", "observed_at", "occurred_at_utc", "deleted"])
    columns = [rows["id"].to_pylist(), *(rows[name].cast("int64").to_pylist() for name in ("observed_at", "occurred_at_utc")), rows["deleted"].to_pylist()]
    for incident, observed, occurred, deleted in zip(*columns, strict=True):
        if not deleted:
            first[incident] = min(first.get(incident, (observed, occurred)), (observed, occurred))
    heard = sorted((observed // HOUR, occurred // HOUR) for observed, occurred in first.values())
    begin = int(numpy.datetime64(since.removesuffix("Z"), "h").astype(int))
    started = max(occurred for observed, occurred in heard if observed <= begin)
    end = max(occurred for _, occurred in heard)
    delayed, reached = [], []
    for observed, occurred in heard:
        if occurred > started:
            delayed.append(max(other for at, other in heard if at <= observed) - occurred)
            reached.append(end - occurred)
    return numpy.array(delayed), numpy.array(reached)


def test_what_is_learned_is_what_statsmodels_learns(followed):
    learned, _ = run("reporting-lag", "--store", f"file://{followed.directory}/store", "--since", SINCE)
    steps = tomllib.loads(learned)["reporting_lag"]["share_by_age_hours"]
    delayed, reached = delays(followed.table(), SINCE)
    assert f"# Learned from {len(delayed)} incidents" in learned
    # The ages that two hundred had time to reach.
    last = max(age for age in range(90 * 24 + 1) if ((delayed <= age) & (reached >= age)).sum() >= 200)
    judged = delayed <= last
    assert steps[-1] == [delayed[judged].max(), 1]
    if (late := (~judged).sum()) > 0:
        assert f"# {late} became known later" in learned
    # In reversed time, where what has not had time to be late enters late.
    function = SurvfuncRight(last - delayed[judged], numpy.ones(judged.sum()), entry=last - numpy.minimum(reached[judged], last) - 0.5)
    survival = dict(zip(function.surv_times, function.surv_prob, strict=True))

    def share(age):
        """Known by that age: not yet past in reversed time."""
        past = [at for at in survival if at <= last - age - 1]
        return survival[max(past)] if past else 1.0

    before = 0
    for age, known in steps:
        assert known == pytest.approx(share(age), abs=0.0005 + 1e-9), age
        # What lies between two steps is less than a step more.
        assert age == 0 or share(age - 1) < before + 0.0106, age
        before = known
    # A real feed: most is known on the next day, and some only weeks later.
    assert share(0) < 0.5 < share(12) and 0.95 < share(168) < 0.999


def test_peaks_expect_no_more_than_is_known(followed, tmp_path):
    learned, _ = run("reporting-lag", "--store", f"file://{followed.directory}/store", "--since", SINCE)
    profile = tmp_path / "chicago.toml"
    profile.write_text((ROOT / "cities" / "chicago.toml").read_text().replace("[portal]", f"{learned}\n[portal]"))

    def windows(city):
        told, _ = run("peaks", "--city", city, "--snapshots", followed.local, "--log", f"embedded:{followed.directory}/log", "--format", "json")
        answer = json.loads(told)
        return answer["reporting_lag"], answer["windows"]

    (source, whole), (learned_source, lagged) = windows("chicago"), windows(profile)
    assert (source, learned_source) == ("none", "profile")
    assert [window["standing"] for window in whole] == ["ranked"] * 4
    # Of the newest hours less than half is known.
    assert [window["standing"] for window in lagged] == ["incomplete", "incomplete", "ranked", "ranked"]
    assert 0.5 < lagged[2]["reported_share"] < lagged[3]["reported_share"] < 1
    expected = {(peak["area"], peak["category"]): peak["expected"] for peak in whole[3]["peaks"]}
    compared = [(peak, expected[peak["area"], peak["category"]]) for peak in lagged[3]["peaks"] if (peak["area"], peak["category"]) in expected]
    assert compared and all(peak["expected"] < before for peak, before in compared)


def test_records_of_the_first_load_are_not_learned_from(followed):
    """Whoever gives a time before the first record means that record."""
    store = f"file://{followed.directory}/store"
    early, exact = (run("reporting-lag", "--store", store, "--since", since)[0] for since in ("1900-01-01T00:00:00Z", "2022-02-01T22:51:46Z"))
    assert early == exact
    assert "after all that was known at 2022-02-01T23:00:00Z" in early


#: What the archive of this feed has, and what to do where it is too little.
REMEDY = (
    "the archive has records from 2022-02-01T22:51:46Z to 2022-12-31T13:11:31Z: set `--since` to the time from which the source was "
    "followed live"
)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        # Unless given, since the archive was begun, which was a moment ago.
        ((), rf"too few records since 20\S+Z; {REMEDY}: 0 incidents happened after all that was known by then, "
         "at most 0 of them had time to reach the same age, and 200 must have"),
        (("--since", "2022-12-30T00:00:00Z"), f"too few records since 2022-12-30T00:00:00Z; {REMEDY}: 8 incidents happened after all that "
         "was known by then, at most 5 of them had time to reach the same age, and 200 must have"),
        (("--since", "yesterday"), "`--since yesterday`: give a moment such as 2026-01-31T12:00:00Z"),
    ],
)  # fmt: skip
def test_too_few_incidents_are_refused_with_the_remedy(followed, arguments, why):
    _, error = run("reporting-lag", "--store", f"file://{followed.directory}/store", *arguments, code=1)
    (line,) = error.splitlines()
    assert re.fullmatch(why, line.partition(" ERROR ")[2]), line


def test_a_store_without_an_archive_is_refused(tmp_path):
    _, error = run("reporting-lag", "--store", f"file://{tmp_path}", code=1)
    assert "there is no archive in this store yet" in error
