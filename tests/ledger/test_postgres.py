"""What only a ledger on a server meets: other machines, a connection that ends anywhere, rights, and text it can't store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from llmo.errors import ConfigError, Locked
from llmo.ledger import processes
from llmo.ledger.records import LOST, Call, Held, Limit, Released, Settled, Settlement
from llmo.ledger.refusals import OverBudget
from tests import virtual
from tests.ledger.storages import rows
from tests.servers import postgres
from tests.servers.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from llmo.ledger.postgres.ledger import PostgresLedger

postgres.available()
CAP = Limit(name="cap", usd=1000, window="day")


@pytest.fixture
def url() -> Iterator[str]:
    made = postgres.fresh()
    yield made
    postgres.shared().give_back(made)


@pytest.fixture
def clock() -> virtual.VirtualClock:
    return virtual.VirtualClock()


def opened(url: str, tmp_path: Path, clock: virtual.VirtualClock | None = None) -> PostgresLedger:
    from llmo.ledger.postgres.ledger import PostgresLedger

    return PostgresLedger(url, "postgresql://x", clock or virtual.VirtualClock(), "UTC", spool=tmp_path / "spool")


@pytest.fixture
def ledger(url: str, tmp_path: Path, clock: virtual.VirtualClock) -> Iterator[PostgresLedger]:
    made = opened(url, tmp_path, clock)
    yield made
    made.close()


def call(identifier: str, **facts: Any) -> Call:
    return Call(**{"id": identifier, "run": "r", "provider": "p", "model": "m", **facts})


def settled(cost: int | None, **facts: Any) -> Settlement:
    return Settlement(cost=cost, source="computed", **facts)


def sums(ledger: PostgresLedger) -> tuple[int, int, int]:
    (found,) = ledger.status([CAP])
    return found.spent, found.held, found.calls


def through(relay: Relay, url: str) -> str:
    """The address of a database, through a relay."""
    database = url.partition("@/")[2].partition("?")[0]
    return f"postgresql://postgres@127.0.0.1:{relay.port}/{database}?sslmode=disable&gssencmode=disable"


@pytest.mark.parametrize("back", [True, False], ids=["once", "for good"])
@pytest.mark.parametrize("after", [False, True], ids=["before a message", "before its reply"])
def test_a_connection_that_ends_anywhere_books_nothing_twice_and_loses_nothing(
    ledger: PostgresLedger, tmp_path: Path, *, after: bool, back: bool
) -> None:
    """
    At each message of a hold and its settlement: a call that was granted is settled once, one that was not holds nothing.
    """
    ledger.hold(call("before"), 1, [CAP])
    ledger.settle("before", settled(0))
    cut, fates = 0, []
    while True:
        cut += 1
        with Relay(postgres.shared().port, cut=cut, after=after, back=back) as relay:
            mine = opened(through(relay, ledger.url), tmp_path)
            name, granted = f"{cut}", True
            try:
                mine.hold(call(name), 10, [CAP])
            except ConfigError:
                granted = False
            else:
                mine.apply([Settled(name, settled(7))])
            mine.close()
        ledger.reconcile()
        sums(ledger)  # whoever reaches the server takes in what the other one kept
        state = rows(ledger, f"SELECT state, cost FROM calls WHERE id = '{name}'")
        fates.append(granted)
        assert state == [("settled", 7)] if granted else state in ([], [("released", 0)]), (cut, granted, state)
        assert ledger.spooled() == 0
        if not relay.is_cut:
            break

    spent = 7 * sum(fates)
    assert len(fates) > 8
    assert (spent, 0) == sums(ledger)[:2]
    # Only a connection that was never made is not tried again, and only at the end of all nothing was cut.
    assert fates.index(True) <= 2 if back else fates[0] is False
    assert all(fates[2:]) or not back


def test_what_is_settled_beside_a_hold_is_kept_where_the_server_is_gone(url: str, tmp_path: Path) -> None:
    """
    The hold gets the error, the settlement waits; a hold alone is an error and leaves no file.
    """
    with Relay(postgres.shared().port) as relay:
        mine = opened(through(relay, url), tmp_path)
        mine.hold(call("a"), 10, [CAP])
        relay.cut, relay.back = relay.seen + 1, False
        failed, kept, freed = mine.apply([Held(call("b"), 10, (CAP,)), Settled("a", settled(7)), Released("x", "busy")])
        with pytest.raises(ConfigError, match="cannot use the ledger"):
            mine.hold(call("c"), 10, [CAP])
        mine.close()

    assert (ConfigError, None, None) == (type(failed).__mro__[1], kept, freed)
    assert 2 == mine.spooled()
    other = opened(url, tmp_path)
    assert (7, 0, 1) == sums(other)
    assert 0 == other.spooled()
    other.close()


def test_a_server_that_falls_silent_is_given_up(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    After the seconds that a statement has, as if it were gone.
    """
    from llmo.ledger.postgres import ledger as module

    monkeypatch.setattr(module, "LEAST_S", 0.2)
    server = postgres.Server()
    try:
        mine = opened(server.unused(), tmp_path)
        mine.hold(call("a"), 10, [CAP])
        mine.until = 0.0
        with server.frozen():
            assert [None] == mine.apply([Settled("a", settled(7))])
            assert 1 == mine.spooled()
        mine.close()
        mine.until = None
        assert (7, 0, 1) == sums(mine)
        mine.close()
    finally:
        server.close()


def test_a_writer_that_falls_silent_stops_nobody(
    ledger: PostgresLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The server ends its transaction, of which nothing is stored; others wait no longer than they may.
    """
    from llmo.ledger.postgres import connection

    monkeypatch.setattr(connection, "IDLE_S", 1)
    other = opened(ledger.url, tmp_path)
    ledger.hold(call("a"), 10, [CAP])
    db = other._db()

    def fall_silent() -> None:
        with other._posting(db) as postings:
            postings.apply(Held(call("b"), 10, (CAP,)))
            with pytest.raises(Locked, match="another program locks it"):
                ledger.apply([Settled("a", settled(7))], patience=0.05)
            ledger.settle("a", settled(7))

    with pytest.raises(ConfigError, match="cannot use the ledger"):
        fall_silent()
    other.close()

    assert (7, 0, 1) == sums(ledger)


def test_a_hold_of_another_machine_stays_for_a_day(
    ledger: PostgresLedger, tmp_path: Path, clock: virtual.VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It counts as one of a running process, for nobody can look; its own late settlement still corrects it.
    """
    away = opened(ledger.url, tmp_path, clock)
    with monkeypatch.context() as patch:
        patch.setattr(processes, "_machine", lambda: "away")
        away.hold(call("a"), 10, [CAP])
    limit = Limit(name="all", usd=100)
    (status,) = ledger.status([limit], live=True)
    first = ledger.reconcile()
    clock.elapsed += 24 * 3600 + 1
    (later,) = ledger.status([limit], live=True)
    second = (ledger.stranded(), ledger.reconcile())
    lost = rows(ledger, "SELECT outcome, cost FROM calls")
    away.settle("a", settled(7))
    away.close()

    assert (10, 10, []) == (status.held, status.live, first)
    assert (10, 0, ((1, 10), [("r", 10)])) == (later.held, later.live, second)
    assert [(LOST, 10)] == lost
    assert [(7, 0)] == [(one.spent, one.held) for one in ledger.status([limit])]


def test_text_that_the_server_can_not_store_does_not_lose_a_settlement(ledger: PostgresLedger) -> None:
    """
    NUL and half a character, from a provider or in a tag; reports by that tag work.
    """
    ledger.hold(call("a", tags={"who": "a\x00b", "back\\u0000slash": "x"}), 10, [CAP])
    ledger.settle("a", settled(7, served_model="m\x00", request_id="\ud800", outcome="ok"))

    assert (7, 0, 1) == sums(ledger)
    assert [("a\ufffdb",)] == [one.group for one in ledger.spending(["tag:who"])]
    assert [("m\ufffd", "?")] == rows(ledger, "SELECT served_model, request_id FROM calls")


def test_an_amount_out_of_range_is_refused_alone(ledger: PostgresLedger) -> None:
    """
    The entries beside it are stored.
    """
    entries = [Held(call("a"), 1), Held(call("b"), 2**63), Held(call("c"), 3)]
    results = ledger.apply(entries)

    assert [None, None] == [results[0], results[2]]
    assert "out of range" in str(results[1])
    assert [("a",), ("c",)] == rows(ledger, "SELECT id FROM calls ORDER BY id")


def test_names_too_long_for_an_index_are_refused_before_anything_is_sent(ledger: PostgresLedger) -> None:
    """
    In one line; a hold beside them is granted, up to two thousand bytes are stored.
    """
    results = ledger.apply([Held(call("a", tags={"t": "ä" * 1000}), 1), Held(call("b", task="x" * 1990), 1, (CAP,))])
    ledger.settle("b", settled(1))
    with pytest.raises(ConfigError, match="have more than 2,000 bytes"):
        ledger.hold(call("c", model="m" * 2001), 1)

    assert isinstance(results[0], ConfigError)
    assert results[1] is None
    assert (1, 0, 1) == sums(ledger)


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        pytest.param(["UPDATE llmo.ledger SET version = 99"], "it was written by a newer llmo (schema 99", id="newer"),
        pytest.param(["DELETE FROM llmo.ledger"], 'it is damaged: relation "ledger" already exists', id="no id"),
        pytest.param(["DROP TABLE llmo.calls"], 'it is damaged: relation "calls" does not exist', id="damaged"),
        pytest.param(["ALTER DATABASE {name} SET default_transaction_read_only = on"], "it is read-only", id="standby"),
    ],
)
def test_a_database_that_can_not_be_used_is_one_clear_error(tmp_path: Path, statements: list[str], why: str) -> None:
    """
    And nothing is held.
    """
    url = postgres.shared().unused()
    first = opened(url, tmp_path)
    first.hold(call("a"), 1, [CAP])
    first.close()
    name = url.partition("@/")[2].partition("?")[0]
    postgres.shared().sql(*(one.format(name=name) for one in statements), url=url)
    second = opened(url, tmp_path)
    with pytest.raises(ConfigError) as error:
        second.hold(call("b"), 1, [CAP])
    second.close()

    assert f"cannot use the ledger: postgresql://x: {why}" in error.value.message


def test_a_role_without_rights_is_told_and_one_that_only_reads_reads(tmp_path: Path) -> None:
    """
    Rights are for the role that made the tables to give.
    """
    server = postgres.shared()
    url = server.unused()
    server.sql("DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN")
    theirs = url.replace("//postgres@", "//reader@")
    reader = opened(theirs, tmp_path)
    assert [] == reader.spending()
    with pytest.raises(ConfigError, match="permission denied for database"):
        reader.hold(call("a"), 1)
    owner = opened(url, tmp_path)
    owner.hold(call("a"), 1, [CAP])
    reader.close()
    with pytest.raises(ConfigError, match="this role may not use schema llmo"):
        reader.spending()
    server.sql("GRANT USAGE ON SCHEMA llmo TO reader", "GRANT SELECT ON ALL TABLES IN SCHEMA llmo TO reader", url=url)
    reader.close()
    assert (0, 1, 1) == sums(reader)
    with pytest.raises(ConfigError, match="permission denied for table"):
        reader.hold(call("b"), 1, [CAP])
    reader.close()
    owner.close()


def test_many_limits_refuse_alike_in_a_database(ledger: PostgresLedger) -> None:
    """
    Each by itself, with its name.
    """
    limits = [Limit(name=f"{n}", usd=100 - n, match={"provider": "p"}) for n in range(3)]
    ledger.hold(call("a"), 98, limits)
    (refused,) = ledger.apply([Held(call("b"), 1, tuple(limits))])

    assert isinstance(refused, OverBudget)
    assert "2" == refused.status.name
