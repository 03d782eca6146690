"""What the database adds up, and the picture of it."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from sqlalchemy import event, update

from consentgate import ConsentGateError
from consentgate.ledger import plot
from consentgate.ledger.statistics import CHOICES, GROUPS, Row, Statistics, statistics
from consentgate.ledger.store import Store
from consentgate.ledger.tables import records
from ledger_rows import DAY, NOON, add_records, entry, shown

MIDNIGHT = NOON - 43_200


def counted(store: Store, by: str, **period: int) -> Statistics:
    """Return the statistics of a ledger."""
    with store.reading() as connection:
        return statistics(connection, by, **period)


def by_key(found: Statistics) -> dict[str, dict[str, int]]:
    """Return how many choices of each kind the rows have, in their order."""
    return {row.key: dict(row.counts) for row in found.rows}


def made(by: str, *rows: tuple[str, dict[str, int]], **apart: int) -> Statistics:
    """Return statistics that say this, without a database."""
    kinds = ("granted", "refused") if by == "category" else CHOICES
    found = tuple(Row(key, counts) for key, counts in rows)
    total = Row("", {kind: sum(row.counts.get(kind, 0) for row in found) for kind in CHOICES})
    return Statistics(by, kinds, found, total, apart.get("void", 0), apart.get("lapsed", 0))


def size(path: Path) -> tuple[int, int]:
    """Return the width and the height of a PNG in pixels, as its header says (PNG 11.2.1)."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    return width, height


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Statistics], Figure]:
    """Return a function that draws statistics and returns the figure that was written."""
    figures: list[Figure] = []
    savefig = Figure.savefig

    def remembering(figure: Figure, *args: Any, **kwargs: Any) -> None:
        figures.append(figure)
        savefig(figure, *args, **kwargs)

    def draw(found: Statistics) -> Figure:
        monkeypatch.setattr(Figure, "savefig", remembering)
        plot.save(found, tmp_path / "plot.png")
        return figures[-1]

    return draw


@pytest.mark.conformance("L12")
def test_choices_are_counted_by_day_in_order(store: Store) -> None:
    """A day is one of UTC: the last second of it and the first of the next are of two days."""
    add_records(
        store,
        [
            entry("refused", at=MIDNIGHT + DAY),
            entry("granted", at=MIDNIGHT),
            entry("granted", at=MIDNIGHT + DAY - 1),
            entry("partial", at=MIDNIGHT - 1),
        ],
    )
    assert list(by_key(counted(store, "day")).items()) == [
        ("2026-11-24", {"partial": 1}),
        ("2026-11-25", {"granted": 2}),
        ("2026-11-26", {"refused": 1}),
    ]


def test_shares_are_of_what_visitors_chose(store: Store) -> None:
    """Void grants and lapsed choices stand apart; the shares of the rest add up to one."""
    actions = ["granted", "granted", "partial", "refused", "withdrawn", "void", "lapsed", "lapsed"]
    add_records(store, map(entry, actions))
    found = counted(store, "day")
    assert (found.total.choices, found.void, found.lapsed) == (5, 1, 2)
    assert found.rows[0].counts == found.total.counts
    assert [found.total.share(kind) for kind in CHOICES] == [0.4, 0.2, 0.2, 0.2]


@pytest.mark.parametrize("by", GROUPS)
def test_a_grant_that_was_voided_is_in_no_rate(store: Store, by: str) -> None:
    """A grant that never reached its browser is not counted, by whatever it is counted."""
    voided, told = entry("granted"), entry("granted")
    void = entry("void", id=voided.id, decisions={}, extra={"voids": str(voided.sequence)})
    add_records(store, [voided, told, void])
    found = counted(store, by)
    assert (found.total.choices, found.void) == (1, 1)
    assert {row.choices for row in found.rows} == {1}
    alone = [entry("granted", id="alone", site="alone.example")]
    lost = [entry("void", id="alone", decisions={}, extra={"voids": str(alone[0].sequence)})]
    add_records(store, alone, lost)
    assert "alone.example" not in {row.key for row in counted(store, by).rows}


@pytest.mark.conformance("L12")
@pytest.mark.parametrize(
    ("by", "changes", "expected"),
    [
        (
            "source",
            [{"source": "page"}, {}, {}],
            {"banner": {"granted": 2}, "page": {"granted": 1}},
        ),
        ("site", [{"site": "b"}, {"site": "a"}], {"a": {"granted": 1}, "b": {"granted": 1}}),
        ("language", [{"language": "fr"}, {}], {"en": {"granted": 1}, "fr": {"granted": 1}}),
        ("revision", [{"revision": "r0"}], {"r0": {"granted": 1}}),
    ],
    ids=["source", "site", "language", "revision"],
)
def test_choices_are_counted_by_what_a_record_says(
    store: Store, by: str, changes: list[dict[str, Any]], expected: dict[str, dict[str, int]]
) -> None:
    """The group with the most choices stands first, groups of one size by their names."""
    add_records(store, [entry(**change) for change in changes])
    assert list(by_key(counted(store, by)).items()) == list(expected.items())


@pytest.mark.conformance("L12")
def test_categories_are_counted_by_what_each_choice_says_of_them(store: Store) -> None:
    """A category has the choices that decided on it, and no others."""
    add_records(
        store,
        [
            entry("granted"),
            entry("partial"),
            entry("withdrawn"),
            entry("refused", decisions={"statistics": False}),
            entry("lapsed"),
        ],
    )
    found = counted(store, "category")
    assert by_key(found) == {
        "statistics": {"granted": 2, "refused": 2},
        "marketing": {"granted": 1, "refused": 2},
    }
    assert found.total.choices == 4 and found.kinds == ("granted", "refused")


@pytest.mark.parametrize("decisions", ["no JSON", "[]", "7"])
def test_spoiled_decisions_are_of_no_category(store: Store, decisions: str) -> None:
    """A record whose decisions somebody spoiled is a choice, of no category."""
    add_records(store, [entry()])
    with store.writing() as connection:
        connection.execute(update(records).values(decisions=decisions))
    found = counted(store, "category")
    assert found.rows == () and found.total.choices == 1


def test_a_record_at_no_time_is_of_no_date(store: Store) -> None:
    """A time that somebody spoiled is its own group, named by the number of its day."""
    add_records(store, [entry()])
    with store.writing() as connection:
        connection.execute(update(records).values(made_at=DAY * 10**10))
    assert by_key(counted(store, "day")) == {"10000000000": {"granted": 1}}


def test_only_the_time_that_is_asked_for_counts(store: Store) -> None:
    """The first second counts, the second behind the last does not."""
    add_records(store, [entry(at=NOON + seconds) for seconds in range(4)])
    found = counted(store, "day", since=NOON + 1, until=NOON + 3)
    assert found.total.choices == 2
    assert counted(store, "day", since=NOON + 4).rows == ()


@pytest.mark.parametrize("by", GROUPS)
def test_the_database_adds_up(store: Store, by: str) -> None:
    """However many records there are, two statements return a row for each group and action."""
    add_records(store, [entry(["granted", "refused"][number % 2]) for number in range(60)])
    statements: list[str] = []

    @event.listens_for(store.engine, "before_cursor_execute")
    def _executed(_: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    found = counted(store, by)
    assert found.total.choices == 60
    selects = [statement for statement in statements if "consentgate_records" in statement]
    assert len(selects) == 2
    assert all("GROUP BY" in statement for statement in selects)


def test_statistics_as_plain_values_have_every_kind() -> None:
    """A program finds each kind, also that which nobody chose."""
    found = made("language", ("en", {"granted": 1, "refused": 2}), void=1, lapsed=2)
    counts = {"granted": 1, "partial": 0, "refused": 2, "withdrawn": 0}
    shares = {"granted": 0.333333, "partial": 0.0, "refused": 0.666667, "withdrawn": 0.0}
    same = {"choices": 3, "counts": counts, "shares": shares}
    assert found.as_json() == {
        "by": "language",
        **same,
        "void": 1,
        "lapsed": 2,
        "rows": [{"key": "en", **same}],
    }


def test_of_no_choices_there_is_no_share() -> None:
    """An empty ledger has no rates, and nothing is divided by zero."""
    assert Row("", {}).share("granted") == 0.0


def test_a_plot_by_day_has_the_shares_and_the_numbers(
    drawn: Callable[[Statistics], Figure],
) -> None:
    """The bars of a day's shares fill its hundred per cent, and below stands how many there are."""
    rows = [
        ("2026-11-24", {"granted": 3, "refused": 1}),
        ("2026-11-26", {"granted": 1, "withdrawn": 1}),
    ]
    figure = drawn(made("day", *rows))
    rates, numbers = figure.axes
    tops = [bar.get_y() + bar.get_height() for bar in rates.patches]  # type: ignore[attr-defined]  # they are rectangles
    assert tops == [75, 50, 75, 50, 100, 50, 100, 100]
    assert [bar.get_height() for bar in numbers.patches] == [4, 2]  # type: ignore[attr-defined]  # as above
    assert [label.get_text() for label in numbers.get_xticklabels()] == ["2026-11-24", "2026-11-26"]
    assert "%" in rates.get_ylabel() and numbers.get_ylabel() and "UTC" in numbers.get_xlabel()
    assert rates.get_title(loc="left") == "6 choices"
    legend = rates.get_legend()
    assert legend and [text.get_text() for text in legend.get_texts()] == list(CHOICES)


def test_a_plot_of_many_days_names_some_of_them(drawn: Callable[[Statistics], Figure]) -> None:
    """A year's days are not all named, and what is at no day is not drawn."""
    days = [(str(date(2026, 1, 1) + timedelta(number)), {"granted": 1}) for number in range(365)]
    figure = drawn(made("day", *days, ("10000000000", {"granted": 1})))
    _, numbers = figure.axes
    assert len(numbers.patches) == 365
    assert 3 <= len(numbers.get_xticks()) <= 12


def test_a_plot_by_anything_else_has_a_bar_for_each_group(
    drawn: Callable[[Statistics], Figure],
) -> None:
    """A bar is named by its group and its number of choices; a wide enough part says its share."""
    figure = drawn(
        made("language", ("en", {"granted": 96, "partial": 4}), ("", {"refused": 1_000}))
    )
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["en (100)", "none (1,000)"]
    shares = [text.get_text() for text in axes.texts if text.get_text()]
    assert shares == ["96 %", "100 %"]
    assert "language" in axes.get_ylabel() and "%" in axes.get_xlabel()


def test_a_plot_of_many_groups_has_the_largest(drawn: Callable[[Statistics], Figure]) -> None:
    """More bars than can be read are not drawn, and the title says how many are left out."""
    many = [(f"site-{number}", {"granted": 1}) for number in range(plot.MOST + 5)]
    figure = drawn(made("site", *many))
    (axes,) = figure.axes
    assert len(axes.get_yticks()) == plot.MOST
    assert "5 smaller left out" in figure.get_suptitle()


def test_a_plot_by_category_has_two_parts(drawn: Callable[[Statistics], Figure]) -> None:
    """Of a category each choice says yes or no."""
    figure = drawn(made("category", ("statistics", {"granted": 1, "refused": 3})))
    assert [bar.get_width() for bar in figure.axes[0].patches] == [25, 75]  # type: ignore[attr-defined]  # they are rectangles


@pytest.mark.parametrize("key", ["$x$", "é\n", "x" * 300], ids=["mathematics", "odd", "long"])
def test_a_plot_draws_whatever_a_row_says(key: str, tmp_path: Path) -> None:
    """A name that somebody spoiled is drawn as plain letters, and leaves room for its bar."""
    path = tmp_path / "plot.png"
    plot.save(made("site", (key, {"granted": 1})), path)
    assert size(path) == (1350, 360)


def test_a_plot_is_a_png_whatever_its_file_is_called(tmp_path: Path) -> None:
    """The file is the one that was named, and a PNG."""
    path = tmp_path / "plot.txt"
    plot.save(made("day", ("2026-11-25", {"granted": 1})), path)
    assert size(path) == (1350, 900)


def test_a_plot_touches_no_global_state(tmp_path: Path) -> None:
    """The app may draw with Matplotlib itself: no figure of its own is made, no backend chosen."""
    pyplot = sys.modules.pop("matplotlib.pyplot", None)
    plot.save(made("day", ("2026-11-25", {"granted": 1})), tmp_path / "plot.png")
    assert "matplotlib.pyplot" not in sys.modules
    if pyplot is not None:
        sys.modules["matplotlib.pyplot"] = pyplot


def test_without_matplotlib_there_is_no_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who lacks the extra is told which one, and no file is made."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConsentGateError, match=r"consentgate\[plot\]"):
        plot.save(made("day", ("2026-11-25", {"granted": 1})), tmp_path / "plot.png")
    assert not (tmp_path / "plot.png").exists()


def test_of_nothing_there_is_no_plot(tmp_path: Path) -> None:
    """A ledger without choices has no picture."""
    with pytest.raises(ConsentGateError, match="no choices"):
        plot.save(made("day"), tmp_path / "plot.png")


def test_a_revision_counts_by_itself(store: Store) -> None:
    """Choices under two texts of one revision are of one revision, of two languages."""
    add_records(store, [entry(), entry(shown=shown("de"))])
    assert by_key(counted(store, "revision")) == {"r1": {"granted": 2}}
    assert set(by_key(counted(store, "language"))) == {"en", "de"}
