"""Rows that ask the same thing: how many wait for one answer, and what becomes of them, in virtual time."""

from __future__ import annotations

import pytest

from llmo.batch.executors.local import DUPLICATES
from llmo.batch.output.appended import OutputLost
from llmo.errors import Unavailable
from tests.batch.test_local_executor import Provider, run, works
from tests.batch.test_stops import executor, finished


@pytest.mark.parametrize("workers", [2, 3])
def test_so_many_rows_wait_for_an_equal_one_and_no_more(workers):
    """
    As many are read while the first is in flight, for the second group as for the first: memory stays bounded.
    """
    taken: list[str] = []
    provider = Provider(seconds={"a": 10.0, "b": 10.0})

    def feed():
        for work in works(["a"] * 100 + ["b"] * 100):
            taken.append(work.request.messages[0].text)
            yield work

    async def send(work):
        found = await provider(work)
        read.append(taken.count(provider.sent[-1]))
        return found

    read: list[int] = []
    made, lines, stats = executor(feed(), send, workers=workers, dedupe=True)
    finished(made)

    # The one that is in flight, those that wait, and one in the hands of each other worker.
    assert read == [1 + DUPLICATES * workers + workers - 1] * 2
    assert (provider.sent, len(lines), stats.copied, stats.spent) == (["a", "b"], 200, 198, 2 * 10**9)


def test_a_failure_is_shared_too():
    """
    Each equal row has its line, and each is counted as failed for what it was.
    """
    lines, _, stats = run(["a", "a", "a"], Provider(errors={"a": Unavailable("no")}))

    assert [(line["status"], line["error"]["kind"]) for line in lines] == [("error", "unavailable")] * 3
    assert (stats.failed, dict(stats.failures), dict(stats.statuses)) == (3, {"unavailable": 3}, {"error": 3})


def test_an_answer_that_could_not_be_written_is_not_copied():
    """
    Nobody could tell where it is: the equal rows are left for the next run.
    """

    def write(line):
        raise OutputLost("no space left on device")

    lines, ending, stats = run(["a", "a", "a"], Provider(), write=write)

    assert (lines, ending.reason, ending.lost, stats.copied, stats.done) == ([], "output", 1, 0, 0)
