"""The only place that knows everything: which fact wakes which service, which job runs what, which tick starts what.

Nothing is decided here. A line of a table connects what one room makes known with what another does about it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from starlette.types import ASGIApp, Receive, Scope, Send

from hub import news
from hub.core.errors import InvalidInput
from hub.core.events import Fact, HubStarted, LeaseTransition, ReconcileEscalated
from hub.core.ids import ContractId
from hub.core.json import JsonValue
from hub.core.ports.payments import RejectionAdvice
from hub.core.provider import Clock
from hub.house import House
from hub.infra import idempotency, logs, sealing
from hub.infra.access import system
from hub.infra.clock import Ids, SystemClock
from hub.infra.database import Database, Tx, make_engine
from hub.infra.destinations import Destinations
from hub.infra.embedded_postgres import EmbeddedPostgres
from hub.infra.files import Files
from hub.infra.jobs import ProcrastinateJobs
from hub.infra.rotation import require_keys
from hub.infra.settings import Environment, HubSettings
from hub.infra.transport import make_client
from hub.infra.vault import KeyVault
from hub.integrations import applying, call_log, configuration, inbox, orders, reconcile, switches, usage
from hub.integrations.credentials import SecretSource
from hub.integrations.executor import Executor
from hub.integrations.facts import NewsAfterwards, OutcomeEscalated, OutcomeKnown, ProviderEventReceived
from hub.integrations.registry import HttpClient, Registry
from hub.leasing.applications import service as applications
from hub.leasing.channels import service as channels
from hub.leasing.collections import service as collections
from hub.leasing.collections.rules import PromiseBroken
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractCancelled, ContractFunded, LeaseCommenced, LeaseTransitioned
from hub.leasing.credit import service as credit
from hub.leasing.disbursements import service as disbursements
from hub.leasing.disbursements.rules import CancelledDisbursementPaid
from hub.leasing.funding import service as funding
from hub.leasing.inventory.rules import VehicleReceived
from hub.leasing.leads import service as leads
from hub.leasing.mandates import service as mandates
from hub.leasing.mandates.rules import MandateActivated, MandateRejected, MandateRevoked
from hub.leasing.parties import listing as party_listing
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import (
    ChargeInDoubt,
    ChargePurpose,
    ChargeRejected,
    ChargeSucceeded,
    PayoutInDoubt,
    PayoutPurpose,
    PayoutRejected,
    PayoutSucceeded,
)
from hub.leasing.servicing import service as servicing
from hub.leasing.servicing.rules import AccountSettled, MoneyUnallocated, RentOverdue, RentPaid, RentUncollectable
from hub.leasing.settlements import service as settlements
from hub.leasing.settlements.rules import LeaseEndReached, PurchaseOptionUncollectable
from hub.leasing.signatures import service as signatures
from hub.leasing.statements import service as statements
from hub.leasing.suspense import service as suspense
from hub.leasing.tracking import service as tracking
from hub.leasing.tracking.rules import DeviceAlarmRaised
from hub.leasing.warnings import service as warnings
from hub.leasing.warnings.rules import Ground, WarningCode, WarningKind, ground
from hub.outgoing import delivery
from hub.outgoing.rules import DELIVER, FORGET

if TYPE_CHECKING:
    from hub.api.app import Lifespan

HTTP_TIMEOUT_S = 10.0


# Facts: what has happened, and who acts on it


async def _charge_succeeded(tx: Tx, fact: ChargeSucceeded) -> None:
    match fact.purpose:
        case ChargePurpose.SIGNING:
            await funding.record_signing_payment(tx, fact)
        case ChargePurpose.RENT:
            await servicing.record_rent_charge(tx, fact)
        case ChargePurpose.SETTLEMENT:
            await settlements.record_settlement_charge(tx, fact)
        case ChargePurpose.PURCHASE_OPTION:
            await settlements.record_option_charge(tx, fact)


async def _charge_rejected(tx: Tx, fact: ChargeRejected) -> None:
    if fact.advice is RejectionAdvice.NEW_MANDATE:
        await mandates.note_refusal(tx, fact.contract_id)
    match fact.purpose:
        case ChargePurpose.SIGNING:
            await funding.record_signing_payment_rejected(tx, fact)
        case ChargePurpose.RENT:
            await servicing.record_rent_rejected(tx, fact)
        case ChargePurpose.SETTLEMENT:
            await settlements.record_settlement_rejected(tx, fact)
        case ChargePurpose.PURCHASE_OPTION:
            await settlements.record_option_rejected(tx, fact)


async def _mandate_revoked(tx: Tx, fact: MandateRevoked) -> None:
    if fact.by_payer:
        await _warn(tx, fact)


async def _payout_succeeded(tx: Tx, fact: PayoutSucceeded) -> None:
    match fact.purpose:
        case PayoutPurpose.DEPOSIT_RETURN:
            await settlements.record_deposit_returned(tx, fact)
        case PayoutPurpose.REFUND:
            await suspense.record_refund_paid(tx, fact)
        case PayoutPurpose.DISBURSEMENT:
            await disbursements.record_paid(tx, fact)


async def _payout_rejected(tx: Tx, fact: PayoutRejected) -> None:
    if fact.purpose is PayoutPurpose.DISBURSEMENT:
        await disbursements.record_refused(tx, fact)


async def _open_account(tx: Tx, fact: LeaseCommenced) -> None:
    await servicing.open_account(tx, contract_id=fact.contract_id, bank_account_id=fact.bank_account_id)


async def _accrue_commission(tx: Tx, fact: LeaseCommenced) -> None:
    contract = await contracts.view(tx, fact.contract_id)
    application = await applications.get_application(tx, contract.application_id)
    if application.channel_id is not None:
        await channels.accrue(
            tx, contract_id=contract.id, partner_id=application.channel_id, financed=contract.financed_amount
        )


async def _close_contract(tx: Tx, fact: LeaseEndReached) -> None:
    await contracts.close(tx, fact.contract_id, closed_on=tx.today)


# What deserves a warning about its lease: which kind, about what, and why.
_WARNINGS: dict[type[Fact], Callable[[Any], tuple[WarningKind, UUID, Ground]]] = {
    RentOverdue: lambda fact: (
        WarningKind.RENT_OVERDUE,
        fact.instalment_id,
        ground(WarningCode.RENT_OVERDUE, number=fact.number, day=fact.due_on, owed=fact.owed),
    ),
    RentUncollectable: lambda fact: (
        WarningKind.RENT_UNCOLLECTABLE,
        fact.instalment_id,
        ground(WarningCode.NO_FURTHER_DEBIT, code=fact.code),
    ),
    PurchaseOptionUncollectable: lambda fact: (
        WarningKind.RENT_UNCOLLECTABLE,
        fact.contract_id,
        ground(WarningCode.OPTION_NOT_DEBITED, code=fact.code),
    ),
    ChargeInDoubt: lambda fact: (
        WarningKind.MONEY_IN_DOUBT,
        fact.charge_id,
        ground(WarningCode.DEBIT_DISPUTED if fact.disputed else WarningCode.DEBIT_UNKNOWN),
    ),
    PayoutInDoubt: lambda fact: (
        WarningKind.MONEY_IN_DOUBT,
        fact.payout_id,
        ground(WarningCode.PAYOUT_DISPUTED if fact.disputed else WarningCode.PAYOUT_UNKNOWN),
    ),
    PayoutRejected: lambda fact: (
        WarningKind.PAYOUT_REJECTED,
        fact.payout_id,
        ground(WarningCode.PAYOUT_REFUSED, code=fact.code),
    ),
    CancelledDisbursementPaid: lambda fact: (
        WarningKind.MONEY_IN_DOUBT,
        fact.disbursement_id,
        ground(WarningCode.CANCELLED_PAID, money=fact.money),
    ),
    MoneyUnallocated: lambda fact: (
        WarningKind.MONEY_UNALLOCATED,
        fact.charge_id,
        ground(WarningCode.MORE_THAN_OWED, money=fact.money),
    ),
    MandateRejected: lambda fact: (
        WarningKind.MANDATE_REJECTED,
        fact.mandate_id,
        ground(WarningCode.MANDATE_REFUSED),
    ),
    MandateRevoked: lambda fact: (
        WarningKind.MANDATE_REVOKED,
        fact.mandate_id,
        ground(WarningCode.MANDATE_TAKEN_BACK),
    ),
    PromiseBroken: lambda fact: (
        WarningKind.PROMISE_BROKEN,
        fact.promise_id,
        ground(WarningCode.PROMISE_BROKEN, money=fact.money),
    ),
}


async def _warn(tx: Tx, fact: Any) -> None:
    kind, subject, why = _WARNINGS[type(fact)](fact)
    if fact.contract_id is not None:
        await warnings.raise_for_contract(tx, kind, contract_id=fact.contract_id, subject=str(subject), ground=why)
    else:
        await warnings.raise_warning(
            tx, kind, branch_id=fact.branch_id, contract_id=None, subject=str(subject), ground=why
        )


async def _warn_escalated(tx: Tx, fact: OutcomeEscalated) -> None:
    call = await call_log.get_call(tx, fact.call_id)
    if call.lease_id is not None:
        await warnings.raise_for_contract(
            tx,
            WarningKind.CALL_ESCALATED,
            contract_id=ContractId(call.lease_id),
            subject=str(fact.call_id),
            ground=ground(
                WarningCode.CALL_ESCALATED, operation=fact.operation, provider=fact.instance, reason=fact.reason
            ),
        )


async def _warn_alarm(tx: Tx, fact: DeviceAlarmRaised) -> None:
    contract = await contracts.of_vehicle(tx, fact.vehicle_id) if fact.vehicle_id else None
    if contract is not None:
        await warnings.raise_for_contract(
            tx,
            WarningKind.DEVICE_ALARM,
            contract_id=contract.id,
            subject=str(fact.device_id),
            ground=ground(WarningCode.DEVICE_ALARM, kind=fact.kind),
        )


FACTS: dict[type[Fact], tuple[Callable[..., Awaitable[None]], ...]] = {
    # what providers have said late
    OutcomeKnown: (
        mandates.record_outcome_known,
        payments.record_outcome_known,
        signatures.record_outcome_known,
        credit.record_outcome_known,
        collections.record_outcome_known,
    ),
    OutcomeEscalated: (mandates.record_escalated, payments.record_escalated, _warn_escalated),
    NewsAfterwards: (mandates.note_news,),
    ProviderEventReceived: (tracking.record_alarm, tracking.record_position),
    # from signature to delivery
    MandateActivated: (funding.charge_signing_payments, servicing.record_mandate, settlements.record_mandate),
    MandateRejected: (_warn,),
    MandateRevoked: (_mandate_revoked,),
    ChargeSucceeded: (_charge_succeeded,),
    ChargeRejected: (_charge_rejected,),
    ChargeInDoubt: (_warn,),
    ContractFunded: (disbursements.pay_approved,),
    ContractCancelled: (disbursements.pay_approved,),
    VehicleReceived: (disbursements.draft_for_vehicle,),
    LeaseCommenced: (_open_account, _accrue_commission, disbursements.draft_for_fees),
    # rent
    RentOverdue: (collections.open_case, _warn),
    RentPaid: (collections.record_rent_paid,),
    MoneyUnallocated: (_warn,),
    RentUncollectable: (_warn,),
    PromiseBroken: (_warn,),
    DeviceAlarmRaised: (_warn_alarm,),
    # the end
    AccountSettled: (settlements.begin_end,),
    PayoutSucceeded: (_payout_succeeded,),
    PayoutRejected: (_payout_rejected, _warn),
    PayoutInDoubt: (_warn,),
    CancelledDisbursementPaid: (_warn,),
    PurchaseOptionUncollectable: (_warn,),
    LeaseEndReached: (_close_contract,),
}


def _listener(registry: Registry) -> Callable[[Tx, Fact], Awaitable[None]]:
    async def hear(tx: Tx, fact: Fact) -> None:
        for act in FACTS.get(type(fact), ()):
            await act(tx, fact)
        await news.tell(tx, fact)
        _observe(tx, registry, fact)

    return hear


def _observe(tx: Tx, registry: Registry, fact: Fact) -> None:
    """Have observers told after the commit, for what is theirs to see."""
    match fact:
        case LeaseTransitioned():
            event: LeaseTransition | ReconcileEscalated = LeaseTransition(
                contract_id=fact.contract_id,
                contract_number=fact.contract_number,
                before=fact.before or "",
                after=fact.after,
                occurred_at=fact.occurred_at,
            )
            tx.after_commit.append(lambda: registry.observe("lease_transition", event))
        case OutcomeEscalated():
            escalated = ReconcileEscalated(
                call_id=fact.call_id, instance=fact.instance, operation=fact.operation, reason=fact.reason
            )
            tx.after_commit.append(lambda: registry.observe("reconcile_escalated", escalated))
        case _:
            pass


# Jobs: what a wake-up or a tick of the clock runs. Every task takes what waits, so a tick makes good a lost wake-up.

EVERY_15_SECONDS = "* * * * * */15"
EVERY_MINUTE = "* * * * *"
EVERY_HOUR = "7 * * * *"
PARTY_NAMES = "parties.index_names"


def tasks(house: House) -> Mapping[str, tuple[Callable[[], Awaitable[int]], str]]:
    """Every task by name: what it runs (returning how many it took), and the tick that also starts it."""
    database, executor, files = house.database, house.executor, house.files
    return {
        credit.PERFORM: (lambda: credit.perform_checks(database, executor), EVERY_15_SECONDS),
        signatures.PERFORM_ENVELOPES: (
            lambda: signatures.perform_envelopes(database, executor, files),
            EVERY_15_SECONDS,
        ),
        signatures.PERFORM_VOIDS: (lambda: signatures.perform_voids(database, executor), EVERY_15_SECONDS),
        signatures.FETCH_SIGNED: (lambda: signatures.perform_fetch(database, executor, files), EVERY_15_SECONDS),
        mandates.PERFORM_MANDATES: (lambda: mandates.perform_mandates(database, executor), EVERY_15_SECONDS),
        mandates.PERFORM_REVOCATIONS: (lambda: mandates.perform_revocations(database, executor), EVERY_15_SECONDS),
        mandates.PERFORM_LOOKS: (lambda: mandates.perform_looks(database, executor), EVERY_15_SECONDS),
        payments.PERFORM_CHARGES: (lambda: payments.perform_charges(database, executor), EVERY_15_SECONDS),
        payments.PERFORM_PAYOUTS: (lambda: payments.perform_payouts(database, executor), EVERY_15_SECONDS),
        collections.PERFORM_CONTACTS: (lambda: collections.perform_contacts(database, executor), EVERY_15_SECONDS),
        tracking.PERFORM_LOCATES: (lambda: tracking.perform_locates(database, executor), EVERY_15_SECONDS),
        PARTY_NAMES: (lambda: party_listing.index_names(database), EVERY_MINUTE),
        inbox.INBOX_APPLY: (lambda: applying.apply_due(database, executor), EVERY_15_SECONDS),
        reconcile.RECONCILE: (lambda: reconcile.reconcile_due(database, executor), EVERY_15_SECONDS),
        statements.PERFORM: (lambda: statements.perform(database, executor), EVERY_HOUR),
        servicing.CLOSE_DAY: (lambda: close_day(house), EVERY_MINUTE),
        usage.TALLY: (lambda: usage.tally(database, house.registry.current.instances), EVERY_MINUTE),
        DELIVER: (house.postman.deliver_due, EVERY_15_SECONDS),
        FORGET: (lambda: delivery.forget(database), EVERY_HOUR),
        idempotency.FORGET: (lambda: idempotency.forget(database), EVERY_HOUR),
        sealing.SEAL_AUDIT: (lambda: sealing.seal_due(database), EVERY_MINUTE),
    }


async def close_day(house: House) -> int:
    """The night: what there is to close and to debit on the business date, a chunk a transaction."""
    await collections.break_promises(house.database)
    async with house.database.transaction(system("night")) as tx:
        await leads.mark_overdue(tx)
    closed = 0
    while done := await servicing.close_due_accounts(house.database):
        closed += done
    while done := await settlements.charge_due_options(house.database):
        closed += done
    return closed


def _run_until_nothing_waits(
    take: Callable[[], Awaitable[int]],
) -> Callable[[Mapping[str, JsonValue]], Awaitable[None]]:
    async def run(_: Mapping[str, JsonValue]) -> None:
        while await take():
            pass

    return run


def register(jobs: ProcrastinateJobs, house: House) -> None:
    """Tell the job engine every task and its tick."""
    for name, (take, cron) in tasks(house).items():
        jobs.register(name, _run_until_nothing_waits(take), cron=cron)


# The doors

_PROGRAMS = ("/api/", "/webhooks/", "/health/", "/metrics")


def open_doors(house: House, *, lifespan: Lifespan | None = None) -> ASGIApp:
    """What one process serves: the API for programs, the console for people. `lifespan` runs beside both.

    The doors are imported when they are opened: a worker opens none, and the console waits for the first person.
    """
    from hub.api.app import create_app

    api, console = create_app(house, lifespan=lifespan), _console(house)

    async def doors(scope: Scope, receive: Receive, send: Send) -> None:
        is_program = scope["type"] != "http" or scope["path"].startswith(_PROGRAMS)
        await (api if is_program else console)(scope, receive, send)

    return doors


def _console(house: House) -> ASGIApp:
    """The console, which is a third of what an API process would hold, and is of no use where only programs come."""
    opened: list[ASGIApp] = []

    def opening() -> None:
        from hub.console.app import create_console

        opened.append(create_console(house))

    async def console(scope: Scope, receive: Receive, send: Send) -> None:
        if not opened:  # beside the loop, which goes on serving
            await asyncio.to_thread(opening)
        await opened[0](scope, receive, send)

    return console


# Building the house


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """One process of the hub: the house behind the doors, and the engine that works in the background."""

    house: House
    jobs: ProcrastinateJobs

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Work on jobs, follow the providers' switches and seal the audit trail until the block ends."""
        stop = asyncio.Event()
        worker = asyncio.create_task(self.jobs.work(stop))
        followers = [asyncio.create_task(follow(self.house)) for follow in (_follow_switches, _keep_sealing)]
        try:
            yield
        finally:
            stop.set()
            for follower in followers:
                follower.cancel()
            await asyncio.gather(worker, *followers, return_exceptions=True)


def database_url(settings: HubSettings) -> str:
    """The database that the settings name; without one, our own server is started and asked."""
    return settings.database_url or embedded(settings).start()


def embedded(settings: HubSettings) -> EmbeddedPostgres:
    """Our own server, in the data folder."""
    return EmbeddedPostgres(settings.data_dir / "postgres")


def configured(settings: HubSettings, environment: Mapping[str, str]) -> configuration.Configuration:
    """What the configuration file says; none means no providers, unless a file was named that is not there."""
    try:
        text = settings.config.read_text(encoding="utf-8")
    except FileNotFoundError:
        if "config" in settings.model_fields_set:
            raise InvalidInput("LEASEHUB_CONFIG", f"{settings.config} does not exist") from None
        text = ""
    except OSError as error:
        raise InvalidInput("LEASEHUB_CONFIG", f"{settings.config}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidInput("LEASEHUB_CONFIG", f"{settings.config} is not UTF-8 text") from None
    return configuration.parse(text, environment)


def secrets_of(settings: HubSettings) -> SecretSource:
    """Where the secrets of instances come from."""
    return SecretSource(
        folder=_secrets_folder(settings),
        environment=os.environ,
        development=settings.environment is Environment.DEVELOPMENT,
    )


@asynccontextmanager
async def open_hub(
    settings: HubSettings,
    url: str,
    *,
    clock: Clock | None = None,
    client: Callable[[str, str | None, Destinations], HttpClient] | None = None,
) -> AsyncIterator[Hub]:
    """A hub on a migrated database. `client` makes an instance's HTTP client, `clock` tells the time: both are seams."""
    clock = clock or SystemClock()
    vault = KeyVault.at(settings.keyring)
    jobs = ProcrastinateJobs(url)
    registry = _registry(settings, clock, client)
    database = Database(engine=make_engine(url), clock=clock, ids=Ids(clock), vault=vault, jobs=jobs)
    database.listener = _listener(registry)
    house = House(
        settings=settings,
        database=database,
        files=Files(settings.data_dir / "files", vault),
        registry=registry,
        executor=Executor(database=database, registry=registry, tenant=settings.tenant),
        postman=_postman(settings, database),
    )
    register(jobs, house)
    await jobs.open()
    try:
        await require_keys(database, vault)
        await reload_providers(house, insist=False)
        generation = registry.current
        registry.observe("hub_started", HubStarted(generation=generation.number, instances=tuple(generation.instances)))
        yield Hub(house=house, jobs=jobs)
    finally:
        await registry.close()
        await house.postman.close()
        await jobs.close()
        await database.close()


@asynccontextmanager
async def open_database(url: str, vault: KeyVault) -> AsyncIterator[Database]:
    """The bare database, to be looked at: nobody listens, and no job is taken."""
    clock, jobs = SystemClock(), ProcrastinateJobs(url)
    database = Database(engine=make_engine(url), clock=clock, ids=Ids(clock), vault=vault, jobs=jobs)
    try:
        yield database
    finally:
        await database.close()


def _registry(
    settings: HubSettings, clock: Clock, client: Callable[[str, str | None, Destinations], HttpClient] | None
) -> Registry:
    def guarded_client(instance: str, base_url: str | None, destinations: Destinations) -> HttpClient:
        return make_client(timeout_s=HTTP_TIMEOUT_S, base_url=base_url or "", destinations=destinations)

    return Registry(
        make_client=client or guarded_client,
        clock=clock,
        logger=logs.logger,
        secrets=secrets_of(settings),
        webhook_base=settings.public_url,
        tenant=settings.tenant,
    )


def _postman(settings: HubSettings, database: Database) -> delivery.Postman:
    listed = configured(settings, os.environ).webhook_hosts
    return delivery.Postman(database=database, destinations=Destinations(allow_hosts=listed))


def _secrets_folder(settings: HubSettings) -> Path:
    return settings.config.parent / "secrets"


async def reload_providers(house: House, *, insist: bool = True) -> None:
    """Build a new generation of providers from the configuration, the switches and the orders, and make it the current one."""
    async with house.database.transaction(system("registry")) as tx:
        off, wanted_orders = await switches.switched_off(tx), await orders.orders(tx)
    wanted = configured(house.settings, os.environ)
    await house.registry.reload(wanted, switched_off=off, orders=wanted_orders, insist=insist)


async def _keep_sealing(house: House, every_s: float = 1.0) -> None:
    """Seal what is written, a moment later; a second without anything new costs one statement and no job."""
    log = logs.logger("audit")
    while True:
        try:
            if await sealing.anything_to_seal(house.database):
                while await sealing.seal_due(house.database):
                    pass
        except Exception as error:
            log.warning("audit.sealing_failed", error=type(error).__name__)
        await asyncio.sleep(every_s)


async def _follow_switches(house: House, every_s: float = 3.0) -> None:
    """Follow what operators switch, in whichever process they do it, and ask again those that could not be reached."""
    log = logs.logger("registry")
    seen: str | None = None
    while True:
        try:
            async with house.database.transaction(system("registry")) as tx:
                change = await switches.last_change(tx)
            if seen is not None and change != seen:
                await reload_providers(house)
            elif seen is not None:
                await house.registry.retry_setup()
            seen = change
        except Exception as error:
            log.warning("registry.follow_failed", error=type(error).__name__, reason=str(error))
        await asyncio.sleep(every_s)
