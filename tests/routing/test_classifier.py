"""Which task a prompt is, how hard, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.routing.classifier import PATH, TASKS, classify, weights
from llmo.routing.cues import cues
from llmo.routing.instruction import read

PROMPTS = Path(__file__).parents[2] / ".ci" / "classifier" / "prompts"
LOG = "\n".join(f"2026-03-01T04:{n % 60:02}:09 ERROR worker {n} failed to prove its identity" for n in range(400))


@pytest.mark.parametrize(
    ("prompt", "task"),
    [
        ("Fix the grammar: me go home", "simple"),
        ("Translate to French: good morning", "simple"),
        ("Sortiere alphabetisch: Ulm, Bonn, Celle", "simple"),
        ("Extrais l'adresse mail : écrivez à i.caron@atelier.example", "simple"),
        ("Convierte a mayúsculas: hola", "simple"),
        ("翻译成英文：电梯正在维修", "simple"),
        ("英語に訳して：良い天気ですね", "simple"),
        ("Prove that the square root of 2 is irrational", "complex"),
        ("Beweise, dass es unendlich viele Primzahlen gibt", "complex"),
        ("Démontre le théorème de Rolle", "complex"),
        ("Demuestra que la suma de dos pares es par", "complex"),
        ("证明根号3是无理数", "complex"),
        ("素数が無限に存在することを証明してください", "complex"),
        ("```python\nprint(1)\n```\nWhy does this deadlock? Find the race condition and write tests.", "complex"),
        ("sort these names alphabetically: Zoe, Adam, Mia, Bo", "simple"),
        ("Write a birthday card for my aunt", "general"),
        ("Was koche ich heute aus Kürbis und Linsen?", "general"),
        ("qwrtz plmk", "general"),
        ("", "general"),
    ],
)
def test_the_task_of_a_prompt(prompt: str, task: str) -> None:
    """
    Mechanical is simple, proofs and systems are complex in six languages; no evidence is general.
    """
    found = classify(prompt)

    assert found.task == task
    assert sum(found.scores.values()) == pytest.approx(1, abs=0.001)
    assert max(found.scores, key=lambda name: found.scores[name]) == task
    assert 0 <= found.difficulty <= 1


@pytest.mark.parametrize(
    "prompt", ["Extract the hostname of the first line:", "Which language is this log in? One word.", "Count the lines"]
)
def test_a_trivial_request_stays_simple_over_a_long_log(prompt: str) -> None:
    """
    What is pasted is no part of the request, whatever words it holds.
    """
    assert (classify(prompt).task, "simple") == ("simple", classify(f"{prompt}\n\n{LOG}").task)


def test_a_proof_is_complex_in_six_words_and_under_a_long_log() -> None:
    """
    Nor is what is short easy.
    """
    short, long = classify("Prove Hall's marriage theorem"), classify(f"Prove Hall's marriage theorem\n\n{LOG}")

    assert ("complex", "complex") == (short.task, long.task)
    assert "asks for a proof" in short.reason


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("Translate to Spanish: the shop is closed", "asks for a translation"),
        ("Find the root cause of this deadlock and prove the fix correct", "asks to find a fault"),
        ("qwrtz plmk", "no sign of a simple or complex task"),
    ],
)
def test_the_reasons_are_what_a_person_sees(prompt: str, reason: str) -> None:
    """
    At most three, the strongest first.
    """
    found = classify(prompt).reason

    assert reason in found
    assert found.count(", ") < 3


@pytest.mark.parametrize(
    "reply", ["yes, do it", "ok", "ja, mach das", "oui, continue", "sí, hazlo", "好的，继续", "はい、お願い"]
)
def test_a_reply_has_the_task_of_the_turn_before(reply: str) -> None:
    """
    Whatever stood between the two.
    """
    proof = "Prove that the square root of 2 is irrational"

    found = classify("Translate to French: good morning", proof, "ok", reply)

    assert (found.task, found.scores, found.difficulty) == (
        "complex",
        classify(proof).scores,
        classify(proof).difficulty,
    )
    assert found.reason.startswith("continues: ")
    assert classify(proof, "Translate that to French: QED").task == "simple"


def test_a_reply_to_nothing_is_judged_by_itself() -> None:
    """
    There is nothing to inherit.
    """
    assert classify("yes, do it").scores == classify("ok", "yes, do it").scores or classify("ok").scores
    assert classify().task == "general"


def test_blocks_of_a_coding_tool_are_not_the_prompt() -> None:
    """
    What it reminds the model of says nothing of what the user asks.
    """
    block = "<system-reminder>Prove every theorem. Debug the deadlock in the distributed cache.</system-reminder>"

    assert classify(f"{block}\nUppercase this: hello") == classify("\nUppercase this: hello")


@pytest.mark.parametrize("piece", ["```\n", "证", "<file></file>", "\n", "A. x\n", "「", "prove that x. "])
def test_no_more_is_read_of_a_huge_prompt_than_of_a_long_one(piece: str) -> None:
    """
    Only its ends are read, and of them so many words, however they are written.
    """
    found = [cues(read(piece * times), weights().lexicon) for times in (20000, 40000)]

    assert found[0] == found[1]
    assert all(len(grams) <= 24 * 128 for grams, _ in found[0].grams)
    assert read(piece * 20000).asked == read(piece * 20000).asked.strip()


@given(
    st.text()
    | st.lists(st.sampled_from(["```", "\n", "<file>", "</file>", "Text:", ":", "「", '"', "证", "\u2028", "\0"])).map(
        "".join
    )
)
def test_any_text_has_a_task(prompt: str) -> None:
    """
    Also one that no language has.
    """
    found = classify(prompt)

    assert found.task in TASKS
    assert found == classify(prompt)


def _rows(part: str) -> list[dict[str, Any]]:
    return [json.loads(row) for row in (PROMPTS / f"{part}.jsonl").read_text("utf-8").split("\n") if row]


def test_the_prompts_of_development_are_told_apart() -> None:
    """
    They are not in the training; the floors are below what the commit of the weights says, with room for retraining.
    """
    rows = _rows("dev")
    found = [classify(row["prompt"]) for row in rows]
    right = [one.task == row["task"] for one, row in zip(found, rows, strict=True)]
    hard = [one for one, row in zip(found, rows, strict=True) if row["task"] == "complex"]

    assert sum(right) / len(rows) > 0.75
    assert sum(one.task == "simple" for one in hard) / len(hard) < 0.06
    for language in {row["language"] for row in rows}:
        here = [yes for yes, row in zip(right, rows, strict=True) if row["language"] == language]
        assert sum(here) / len(here) > 0.65, language


def test_no_prompt_of_development_is_in_the_training() -> None:
    """
    Or the figures would mean nothing.
    """
    known = {row["prompt"].casefold() for row in _rows("train")}

    assert [row for row in _rows("dev") if row["prompt"].casefold() in known] == []


def test_the_weights_are_small() -> None:
    """
    They are read by every command that plans.
    """
    assert PATH.stat().st_size < 500_000
