"""What the benchmarks report: the comparison with the committed figures, and the page made of them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

import pytest

# At the end, because scripts lie there with names like `start`.
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import bench
import page
from figures import Figure, Plot, Ratio, Result, readable
from report import Conditions, Measured, Report, identity
from verdict import findings

ROOT: Final = Path(__file__).parents[2]
SCRIPTS: Final = ROOT / "benchmarks"
#: A page with nothing in its generated parts.
EMPTY: Final = "Before.\n" + "".join(
    f"<!-- {name}: written by benchmarks/bench.py -->\n<!-- end of {name} -->\nBetween.\n"
    for name in ("machine", "limits", "figures")
)


def result(
    ours: float = 1.0,
    peer: float = 2.0,
    *,
    name: str = "send",
    limit: float | None = None,
    ratio_limit: float | None = None,
    **more: Any,
) -> Result:
    """One benchmark that compares two clients; both take almost the same in each round."""
    figures = [
        Figure("send.ours", "This client", "ms", [ours, ours * 0.9, ours * 1.1, ours, ours], limit),
        Figure("send.peer", "Another client", "ms", [peer] * 5),
    ]
    ratios = [Ratio("send.ours/peer", "Ours against the other", "send.ours", "send.peer", ratio_limit)]
    return Result(
        **{"name": name, "title": "A send", "floor": "A bare socket.", "figures": figures, "ratios": ratios}
        | more
    )


def report(*results: Result, load: float = 0.2) -> Report:
    conditions = Conditions("2 cores, some processor", {"Python": "3.11.7"})
    return Report(conditions, [Measured("2026-11-26", load, each) for each in results])


def texts(before: Result | None, now: Result, *, bad: bool) -> list[str]:
    """What the comparison says: the bad findings, or the notes."""
    found = findings([] if before is None else [before], [now])
    return [each.text for each in found if each.is_bad is bad]


class TestComparison:
    @pytest.mark.parametrize("ours", [0.1, 0.5, 1.0, 1.33])
    def test_a_ratio_that_is_better_or_less_than_a_third_worse_is_fine(self, ours):
        assert findings([result(1.0)], [result(ours)]) == []

    def test_a_ratio_that_is_worse_by_more_than_a_third_is_bad(self):
        (text,) = texts(result(1.0), result(1.34), bad=True)
        assert text == "worse: Ours against the other (send.ours/peer): 0.670, was 0.500"

    def test_seconds_are_not_compared(self):
        assert findings([result(1.0, 2.0)], [result(10.0, 20.0)]) == []

    def test_a_ratio_above_its_limit_is_bad_even_if_it_was_before(self):
        broken = result(1.0, 2.0, ratio_limit=0.4)
        (text,) = texts(broken, broken, bad=True)
        assert "Ours against the other (send.ours/peer): 0.500, at most 0.4 is promised" in text

    def test_a_figure_above_its_limit_is_bad(self):
        (text,) = texts(result(1.0), result(1.0, limit=0.9), bad=True)
        assert "This client (send.ours): 1 ms, at most 0.9 is promised" in text

    def test_the_median_is_what_the_limit_is_about(self):
        # One of its rounds is above.
        assert texts(result(1.0), result(1.0, limit=1.0), bad=True) == []

    def test_a_limit_that_is_reached_is_kept(self):
        assert texts(result(1.0), result(1.0, limit=1.0, ratio_limit=0.5), bad=True) == []

    def test_limits_hold_for_a_benchmark_that_is_new(self):
        assert len(texts(None, result(ratio_limit=0.1), bad=True)) == 1
        assert texts(None, result(ratio_limit=0.1), bad=False) == ["send is new"]

    def test_what_is_new_is_only_a_note(self):
        before = result(figures=result().figures[1:], ratios=())
        assert texts(before, result(), bad=True) == []
        assert texts(before, result(), bad=False) == [
            "new ratio: Ours against the other (send.ours/peer): 0.500",
            "new figure: send.ours",
        ]

    def test_a_figure_that_is_gone_is_a_note_and_a_ratio_that_is_gone_is_bad(self):
        now = result(figures=result().figures[1:], ratios=())
        assert texts(result(), now, bad=False) == ["no longer measured: send.ours"]
        assert texts(result(), now, bad=True) == ["no longer measured: the ratio send.ours/peer"]

    def test_benchmarks_that_did_not_run_are_not_compared(self):
        assert findings([result(), result(name="looks")], [result()]) == []


class TestForm:
    def test_a_result_survives_json(self):
        plot = Plot("send", "Sizes", "recipients", "ms", {"ours": [(1, 0.5), (1000, 2.5)]}, log=True)
        before = result(limit=3, plots=[plot], notes=["A note."])
        after = Result.from_dict(json.loads(json.dumps(before.to_dict())))
        assert json.dumps(after.to_dict()) == json.dumps(before.to_dict())
        assert after.figure("send.ours").limit == 3

    def test_json_has_what_follows_from_the_rounds(self):
        written = result(1.0, 2.0).to_dict()
        assert {name: written["figures"][0][name] for name in ("median", "min", "max")} == {
            "median": 1.0,
            "min": 0.9,
            "max": 1.1,
        }
        assert written["ratios"][0]["value"] == 0.5

    @pytest.mark.parametrize(
        "wrong",
        [{"plots": [Plot("p", "P", bars=["typo"])]}, {"ratios": [Ratio("r", "R", "send.ours", "typo")]}],
    )
    def test_a_name_that_is_no_figure_is_an_error(self, wrong):
        with pytest.raises(ValueError, match=r"send: .*'typo', which is no figure"):
            result(**wrong)

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (0.0123456, "0.0123"),
            (1.4, "1.40"),
            (99.94, "99.9"),
            (137.4, "137"),
            (146386.2, "146,386"),
            (32, "32"),
            (0, "0"),
        ],
    )
    def test_figures_are_rounded_to_three_digits(self, value, text):
        assert readable(value) == text


class TestPage:
    def test_what_people_wrote_stays(self):
        text = page.written(EMPTY, report(result()))
        assert (
            re.sub(r"(?s)<!-- (\w+): .*?<!-- end of \1 -->\n", "", text)
            == "Before.\nBetween.\nBetween.\nBetween.\n"
        )

    def test_the_page_is_the_same_when_it_is_written_again(self):
        text = page.written(EMPTY, report(result()))
        assert page.written(text, report(result())) == text

    def test_it_shows_machine_figures_ratios_floor_and_command(self):
        text = page.written(EMPTY, report(result(notes=["It counts."])))
        for part in (
            "2 cores, some processor",
            "Python 3.11.7",
            "### A send",
            "**Floor:** A bare socket.",
            "| This client | 1 | 0.900 | 1.10 | ms |",
            "| Ours against the other | 0.500 |",
            "- It counts.",
            "2026-11-26, 5 rounds.",
            "python benchmarks/send.py",
        ):
            assert part in text

    def test_every_limit_is_in_the_list_of_promises(self):
        text = page.written(EMPTY, report(result(limit=1.5, ratio_limit=0.6)))
        assert "| [send](#a-send) | This client | 1 ms | 1.5 |" in text
        assert "| [send](#a-send) | Ours against the other | 0.500 | 0.6 |" in text

    def test_a_broken_limit_is_said(self):
        text = page.written(EMPTY, report(result(ratio_limit=0.4)))
        assert "| [send](#a-send) | Ours against the other | **0.500, above the limit** | 0.4 |" in text

    def test_load_before_the_run_is_said_where_it_matters(self):
        assert "The load before the run was 1.7" in page.written(EMPTY, report(result(), load=1.7))
        assert "The load" not in page.written(EMPTY, report(result(), load=1.0))

    def test_a_bar_in_a_text_does_not_end_a_cell(self):
        figures = [Figure("send.ours", "a|b", "ms", [1.0] * 5)]
        assert "| a\\|b |" in page.written(EMPTY, report(result(figures=figures, ratios=())))


class TestPictures:
    BARS: Final = Plot("send", "A send", bars=["send.ours", "send.peer"])
    LINES: Final = Plot("sizes", "Sizes", "n", "ms", {"ours": [(1, 0.5), (10, 2.5)], "a": [(1, 1)]}, log=True)

    @pytest.mark.parametrize("plot", [BARS, LINES], ids=["bars", "lines"])
    def test_the_same_figures_give_the_same_file(self, plot):
        plots = pytest.importorskip("plots")
        drawn = plots.svg(result(), plot)
        assert plots.svg(result(), plot) == drawn
        assert identity(result(), plot) in drawn
        assert "<dc:date>" not in drawn
        assert "matplotlib v" not in drawn

    def test_values_and_limits_can_be_read(self):
        plots = pytest.importorskip("plots")
        drawn = plots.svg(result(limit=3), self.BARS)
        assert "This client: 1 ms (at most 3)" in drawn
        assert "Another client: 2 ms" in drawn

    def test_the_identity_follows_figures_and_points(self):
        assert identity(result(1.0), self.BARS) != identity(result(1.1), self.BARS)
        assert identity(result(), self.BARS) != identity(result(ratios=()), self.BARS)
        assert identity(result(), self.BARS) != identity(result(), self.LINES)


class TestCommand:
    @pytest.fixture(autouse=True)
    def root(self, tmp_path, monkeypatch) -> Path:
        """A repository with an empty page, and no benchmark yet."""
        (tmp_path / "benchmarks").mkdir()
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "benchmarks.md").write_text(EMPTY)
        monkeypatch.setenv("PYTHONPATH", str(SCRIPTS))
        monkeypatch.delenv("NO_COLOR", raising=False)
        return tmp_path

    def script(self, root: Path, found: Result) -> None:
        """A benchmark that always finds the same."""
        content = f"from figures import *\nmain(lambda rounds: Result.from_dict({found.to_dict()!r}))\n"
        (root / "benchmarks" / f"{found.name}.py").write_text(content)

    def committed(self, root: Path) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((root / "benchmarks" / "results.json").read_text())
        return read

    def test_writing_makes_json_and_page(self, root, capfd):
        self.script(root, result(1.0, 2.0))
        assert bench.main(["--only", "send", "--write"], root) == 0
        written = self.committed(root)
        assert {"machine", "versions", "benchmarks"} == written.keys()
        assert "cores" in written["machine"]
        assert {"Python", "apache-airflow", "sinch", "requests", "aiohttp"} <= written["versions"].keys()
        (send,) = written["benchmarks"]
        assert {"date", "load", "figures", "ratios"} <= send.keys()
        assert (root / "docs" / "benchmarks.md").read_text() == page.written(
            EMPTY, Report.read(root / "benchmarks" / "results.json")
        )
        assert "Ours against the other: 0.500" in capfd.readouterr().out

    def test_a_worse_ratio_is_red_and_an_error(self, root, capfd):
        self.script(root, result(1.0, 2.0))
        bench.main(["--only", "send", "--write"], root)
        self.script(root, result(1.4, 2.0))
        assert bench.main(["--only", "send"], root) == 1
        assert capfd.readouterr().err == (
            "\033[31mworse: Ours against the other (send.ours/peer): 0.700, was 0.500\033[0m\n"
        )

    def test_a_comparison_leaves_the_committed_files_alone(self, root):
        self.script(root, result(1.0, 2.0))
        bench.main(["--only", "send", "--write"], root)
        before = self.committed(root), (root / "docs" / "benchmarks.md").read_text()
        self.script(root, result(1.2, 2.0))
        assert bench.main(["--only", "send"], root) == 0
        assert (self.committed(root), (root / "docs" / "benchmarks.md").read_text()) == before
        aside = Report.read(root / "build" / "bench" / "benchmarks" / "results.json")
        assert aside.results[0].median("send.ours") == 1.2
        assert "1.20" in (root / "build" / "bench" / "docs" / "benchmarks.md").read_text()

    def test_a_broken_limit_is_red_and_an_error(self, root, capfd):
        self.script(root, result(1.0, 2.0, ratio_limit=0.4))
        assert bench.main(["--only", "send"], root) == 1
        assert capfd.readouterr().err.startswith("\033[31mabove its limit: Ours against the other")

    def test_no_colour_if_asked(self, root, capfd, monkeypatch):
        monkeypatch.setenv("NO_COLOR", "1")
        self.script(root, result(1.0, 2.0, ratio_limit=0.4))
        assert bench.main(["--only", "send"], root) == 1
        assert capfd.readouterr().err.startswith("above its limit")

    @pytest.mark.parametrize("content", ["raise SystemExit(3)", "", "import argparse, nothing_of_this_name"])
    def test_a_benchmark_that_fails_is_an_error_and_the_others_run(self, root, capfd, content):
        (root / "benchmarks" / "send.py").write_text(content)
        self.script(root, result(name="looks"))
        assert bench.main(["--only", "send", "looks"], root) == 1
        assert "\033[31mfailed: send " in capfd.readouterr().err
        found = Report.read(root / "build" / "bench" / "benchmarks" / "results.json")
        assert [each.name for each in found.results] == ["looks"]

    def test_a_result_does_not_count_if_its_benchmark_fails_afterwards(self, root, capfd):
        self.script(root, result())
        with (root / "benchmarks" / "send.py").open("a") as script:
            script.write("raise SystemExit(3)")
        assert bench.main(["--only", "send"], root) == 1
        assert "failed: send ended with 3" in capfd.readouterr().err

    def test_writing_some_keeps_the_others(self, root):
        self.script(root, result(name="send"))
        self.script(root, result(name="looks"))
        bench.main(["--only", "send", "looks", "--write"], root)
        self.script(root, result(1.1, name="looks"))
        assert bench.main(["--only", "looks", "--write"], root) == 0
        medians = {each["name"]: each["figures"][0]["median"] for each in self.committed(root)["benchmarks"]}
        assert medians == {"send": 1.0, "looks": 1.1}

    def test_figures_of_two_machines_are_not_mixed(self, root, capfd):
        self.script(root, result())
        bench.main(["--only", "send", "--write"], root)
        elsewhere = self.committed(root) | {"machine": "64 cores"}
        (root / "benchmarks" / "results.json").write_text(json.dumps(elsewhere))
        with pytest.raises(SystemExit):
            bench.main(["--only", "send", "--write"], root)
        assert "another machine" in capfd.readouterr().err
        # A comparison may cross machines.
        assert bench.main(["--only", "send"], root) == 0
        # All others are missing here, and so they fail. Of what failed, nothing is left from elsewhere.
        self.script(root, result(name="looks"))
        (root / "benchmarks" / "send.py").unlink()
        assert bench.main(["--write"], root) == 1
        assert [each["name"] for each in self.committed(root)["benchmarks"]] == ["looks"]

    def test_published_figures_have_five_rounds(self, root, capfd):
        with pytest.raises(SystemExit):
            bench.main(["--rounds", "4", "--write"], root)
        assert "5 rounds or more" in capfd.readouterr().err

    def test_a_picture_of_an_earlier_report_goes_away(self, root):
        images = root / "docs" / "images" / "benchmarks"
        images.mkdir(parents=True)
        (images / "old.svg").write_text("old")
        self.script(root, result())
        bench.main(["--only", "send", "--write"], root)
        assert list(images.iterdir()) == []


class TestCommitted:
    """What the repository has."""

    @pytest.fixture
    def found(self) -> Report:
        return Report.read(SCRIPTS / "results.json")

    def test_the_page_is_up_to_date(self, found):
        text = (ROOT / page.PAGE).read_text()
        assert text == page.written(text, found), "run: make bench-write"

    def test_the_pictures_are_those_of_the_figures(self, found):
        wanted = [(plot.key, identity(each, plot)) for each in found.results for plot in each.plots]
        drawn = {path.stem: path.read_text() for path in (ROOT / "docs" / page.IMAGES).glob("*.svg")}
        assert sorted(key for key, _ in wanted) == sorted(drawn)
        assert [key for key, identifier in wanted if identifier not in drawn[key]] == []

    def test_every_figure_rests_on_five_rounds_and_every_benchmark_is_there(self, found):
        names = [each.name for each in found.results]
        assert names == [name for name in bench.BENCHMARKS if name in names]
        assert set(bench.BENCHMARKS) - set(names) <= set(bench.LONG)
        short = [each.key for one in found.results for each in one.figures if len(each.rounds) < 5]
        assert short == []

    def test_every_benchmark_runs(self):
        # Each has this form, and nothing else has.
        scripts = {path.stem for path in SCRIPTS.glob("*.py") if "main(measure)" in path.read_text()}
        assert scripts == set(bench.BENCHMARKS)
