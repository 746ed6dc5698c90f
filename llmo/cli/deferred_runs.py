"""Deferred runs as commands open them: the folder, the providers' batch services, the account."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from llmo.batch.executors.deferred.context import DeferredContext
from llmo.batch.executors.deferred.state import RunFolder, RunState, batches
from llmo.batch.registry import Registry
from llmo.errors import UsageError
from llmo.ledger.deferred import DeferredAccount
from llmo.routing.deferred import at_batch_price
from llmo.storage.paths import ensure_private

if TYPE_CHECKING:
    from llmo.batch.registry import RunRecord
    from llmo.cli.context import Context
    from llmo.client.session import Session


def opened(ctx: Context, session: Session, record: RunRecord) -> DeferredContext:
    """The run of a record, locked for this process. Raises `LlmoError`."""
    registry = Registry.of(ctx.env)
    folder = RunFolder(registry.folder(record.id))
    try:
        ensure_private(folder.path)
    except OSError as exc:
        raise UsageError(f"cannot write {folder.path}: {exc.strerror}") from None
    account = DeferredAccount(
        session.runtime.ledger,
        session.limits,
        allow_unpriced=session.terms.allow_unpriced,
        warn=session.terms.warn,
        tell=session.terms.tell,
    )
    made = DeferredContext(
        name=record.name,
        folder=folder,
        state=RunState(settings={}),
        engine=session.engine.with_account(account),
        account=account,
        services=session.providers.batches,
        facts=lambda target: at_batch_price(ctx.planner.facts(target)),
        clock=ctx.clock,
        enqueued={
            name: one.enqueued_tokens for name, one in ctx.profile.providers.items() if one.enqueued_tokens is not None
        },
        others=lambda: batches(registry.folder(one.id) for one in registry.all() if one.id != record.id),
        tell=lambda line: ctx.note(f"llmo: {line}"),
    )
    try:
        # Behind the lock: what another process wrote before it ended is in it.
        made.state = folder.load() or made.state
        registry.write(record.mine())
    except BaseException:
        made.close()
        raise
    return made


def named(batches: int) -> str:
    """So many batches."""
    return "1 batch" if batches == 1 else f"{batches:,} batches"


def fetch_command(record: RunRecord) -> str:
    """The command that fetches the answers of a run."""
    profile = [] if record.profile is None else ["-P", record.profile]
    output = [] if record.output is not None else ["-o", "FILE"]
    return shlex.join(["llmo", *profile, "runs", "fetch", record.id, *output])
