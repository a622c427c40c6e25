"""The short commands of an administrator: look at providers, switch them, check the books, turn the keys, let people in."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import psycopg
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import select

from hub.commands import proof
from hub.commands.premises import migrated
from hub.core.errors import Conflict, NotFound
from hub.infra import logs, sealing, staff
from hub.infra.access import Role, system
from hub.infra.records import Branch, BranchKind, Staff
from hub.infra.rotation import reseal_everything, retire
from hub.infra.sealing import Head
from hub.infra.settings import load_settings
from hub.infra.vault import KeyVault
from hub.integrations import switches, validity
from hub.integrations.registry import ProviderState, describe
from hub.integrations.validity import CredentialView, Validity
from hub.ledger import service as ledger
from hub.wiring import Hub, configured, open_hub

_ACTOR = system("command line")


@asynccontextmanager
async def _hub() -> AsyncIterator[Hub]:
    settings = load_settings()
    logs.configure(level="WARNING", form=settings.log_format)
    async with open_hub(settings, migrated(settings)) as hub:
        yield hub


async def providers(*, check: bool) -> int:
    """Print every instance with its state and the reason, and its credentials; with `check`, fail when one is not usable."""
    console = Console(file=sys.stdout)  # taken before plugins are: one may have let go of it
    async with _hub() as hub:
        generation = hub.house.registry.current
        table = Table("instance", "state", "plugin", "contract", "mode", "why")
        for card in describe(generation):
            plugin = f"{card.plugin} {card.version}".strip()
            cells = (card.name, card.state, plugin, card.contract, card.mode, card.reason)
            # As text, since a plugin's words are no markup; folded, since a reason that is cut off is none.
            table.add_row(*(Text(cell, overflow="fold") for cell in cells))
        console.print(table)
        papers = validity.credentials(generation, hub.house.database.clock.now())
        _print_credentials(console, papers)
        fit = (ProviderState.LOADED, ProviderState.DISABLED)
        broken = any(card.state not in fit for card in describe(generation))
        ended = any(one.current and one.validity is Validity.ENDED for one in papers)
    return 1 if check and (broken or ended) else 0


def _print_credentials(console: Console, found: Sequence[CredentialView]) -> None:
    """The keys and certificates that plugins name, and until when each counts."""
    if not found:
        return
    table = Table("instance", "credential", "kind", "fingerprint", "counts until", "stands")
    for one in found:
        until = one.not_after.date().isoformat() if one.not_after else "no end"
        stands = one.validity.replace("_", " ") if one.current else "kept for what was signed with it"
        cells = (one.instance, one.name, one.kind.replace("_", " "), one.fingerprint, until, stands)
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))
    console.print(table)


async def switch(instances: Sequence[str], *, enabled: bool, reason: str) -> int:
    """Let instances take new calls or no longer."""
    known = configured(load_settings(), os.environ).providers
    for instance in instances:
        if instance not in known:
            raise NotFound("provider", instance)
    async with _hub() as hub, hub.house.database.transaction(_ACTOR) as tx:
        for instance in instances:
            await switches.switch(tx, instance, enabled=enabled, reason=reason)
    print(f"{', '.join(instances)}: {'enabled' if enabled else 'disabled'}; running processes follow within seconds")
    return 0


async def ask_for_reload() -> int:
    """Check the configuration here, then have every running process build a new generation from it."""
    configured(load_settings(), os.environ)
    async with _hub() as hub, hub.house.database.transaction(_ACTOR) as tx:
        await switches.ask_for_reload(tx)
    print("running processes reload within seconds; one that a required provider fails keeps what it has")
    return 0


async def ledger_check() -> int:
    """Prove that the books balance, or say what is wrong with them."""
    async with _hub() as hub, hub.house.database.transaction(_ACTOR) as tx:
        findings = await ledger.check(tx)
        balance = await ledger.trial_balance(tx)
    for finding in findings:
        print(f"{finding.kind}: {finding.subject}: {finding.detail}", file=sys.stderr)
    print(
        f"debit {balance.debit}, credit {balance.credit}: {'books balance' if not findings else 'BOOKS DO NOT BALANCE'}"
    )
    return 1 if findings else 0


async def ledger_prove() -> int:
    """Recount, by questions to the database alone, everything that must be true of what is stored."""
    async with _hub() as hub:
        now = hub.house.database.clock.now()
        url = hub.house.database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    found = await asyncio.to_thread(_proven, url, now)
    for violation in found:
        print(violation, file=sys.stderr)
    print(f"{len(found)} violations" if found else "everything is as it must be")
    return 1 if found else 0


async def audit_verify(head: str | None) -> int:
    """Recount the chain of the audit trail, and print its head for keeping elsewhere."""
    expected = None if head is None else Head.of(head)
    async with _hub() as hub:
        while await sealing.seal_due(hub.house.database):
            pass
        async with hub.house.database.transaction(_ACTOR) as tx:
            seen = await sealing.verify(tx, expected=expected)
    for flaw in seen.flaws:
        print(f"{flaw.kind}: entry {flaw.entry_id}, seal {flaw.number}", file=sys.stderr)
    print(f"{seen.head.number} entries sealed, {'none was touched' if not seen.flaws else 'THE TRAIL WAS TOUCHED'}")
    print(f"head {seen.head}")
    return 1 if seen.flaws else 0


def _proven(url: str, now: datetime) -> list[proof.Violation]:
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return proof.violations(connection, now)


async def rotate_keys() -> int:
    """Add a key, seal with it from now on, and reseal every field and file there is."""
    async with _hub() as hub:
        vault = hub.house.database.vault
        assert isinstance(vault, KeyVault)
        key_id = vault.rotate()
        rows = await reseal_everything(hub.house.database, vault)
        files = hub.house.files.reseal(vault)
    print(f"key {key_id} seals from now on; {rows} fields and {files} files were resealed")
    return 0


async def retire_key(key_id: int) -> int:
    """Take a key that seals nothing any more out of the keyring, for good."""
    async with _hub() as hub:
        vault = hub.house.database.vault
        assert isinstance(vault, KeyVault)
        await retire(hub.house.database, vault, hub.house.files, key_id)
    print(f"key {key_id} is gone from the keyring; a backup from before that needs it needs a copy of the old keyring")
    return 0


async def found(login: str, password: str) -> int:
    """Open the headquarters and its first administrator; refused once there is anybody."""
    async with _hub() as hub, hub.house.database.transaction(_ACTOR) as tx:
        if await tx.scalar(select(Staff.id).limit(1)):
            raise Conflict("there are accounts already: an administrator adds further ones")
        headquarters = await tx.scalar(select(Branch.id).where(Branch.kind == BranchKind.HEADQUARTERS))
        if headquarters is None:
            headquarters = await staff.add_branch(
                tx, code="headquarters", name="Headquarters", kind=BranchKind.HEADQUARTERS
            )
        await staff.add_staff(
            tx,
            login=login,
            display_name=login,
            branch_id=headquarters,
            roles=frozenset({Role.ADMINISTRATOR}),
            password=password,
        )
    print(f"{login} may log in")
    return 0


async def issue_token(login: str, days: int) -> int:
    """Print a token that speaks for somebody, this one time."""
    async with _hub() as hub, hub.house.database.transaction(_ACTOR) as tx:
        staff_id = await tx.scalar(select(Staff.id).where(Staff.login == login))
        if staff_id is None:
            raise NotFound("staff", login)
        print(await staff.issue_token(tx, staff_id=staff_id, name="command line", valid_days=days))
    return 0
