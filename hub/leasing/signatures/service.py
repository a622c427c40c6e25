"""Have a contract signed: set its papers, send them out in an envelope, take what comes back, keep the signed file.

An envelope's id is its idempotency key, and its papers come out byte for byte the same, so a step that is repeated
after a crash sends nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar, assert_never
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.core.errors import Conflict, InvalidInput, NotFound
from hub.core.ids import BranchId, ContractId
from hub.core.ports.esign import (
    Envelope,
    EnvelopeRequest,
    EsignDocument,
    FetchRequest,
    SignedFiles,
    Signer,
    SignerRole,
    VoidRequest,
)
from hub.infra import audit, staff
from hub.infra.access import system
from hub.infra.clock import BUSINESS_ZONE
from hub.infra.crash import crash_point
from hub.infra.database import Database, Tx
from hub.infra.files import Files
from hub.integrations.executor import Answer, Ask, CallOutcome, Executor
from hub.integrations.facts import OutcomeKnown
from hub.integrations.routing import RouteFacts
from hub.leasing.applications import service as applications
from hub.leasing.contracts import service as contracts
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import RevealPurpose
from hub.leasing.products import service as products
from hub.leasing.quotes import service as quotes
from hub.leasing.signatures.document import TEMPLATE_VERSION, Paper, sheet
from hub.leasing.signatures.records import DocumentRecord, EnvelopeRecord
from hub.leasing.signatures.rules import (
    ENVELOPE_LOST,
    DocumentKind,
    DocumentView,
    EnvelopeState,
    EnvelopeView,
    Language,
    PaperFile,
    SignatureFailed,
    envelope_may_move,
    envelope_state,
)
from hub.leasing.signatures.typesetting import typeset

PERFORM_ENVELOPES = "signatures.perform_envelopes"
PERFORM_VOIDS = "signatures.perform_voids"
FETCH_SIGNED = "signatures.fetch_signed"
CHUNK = 50
AT_ONCE = 8
VALID = timedelta(days=14)
FETCH_AGAIN_S = 60
# A claim that outlives this belongs to a worker that has died; the same key makes taking it over safe.
CLAIM = timedelta(seconds=60)

_WAITING: ColumnElement[bool] = EnvelopeRecord.state == EnvelopeState.REQUESTED
_UNVOIDED = (EnvelopeRecord.state == EnvelopeState.SENT) & EnvelopeRecord.void_reason.is_not(None)
_UNFETCHED = (EnvelopeRecord.state == EnvelopeState.COMPLETED) & EnvelopeRecord.fetched_at.is_(None)

_Item = TypeVar("_Item")


# Asking


async def request_signature(tx: Tx, contract_id: ContractId) -> UUID:
    """Send a drafted contract out to lessee and lessor; returns the envelope's id. Raises RuleBroken for another state."""
    contract = await contracts.send_out(tx, contract_id)
    tries = select(func.count()).where(EnvelopeRecord.contract_id == contract_id)
    envelope = EnvelopeRecord(
        id=tx.new_id(),
        branch_id=contract.branch_id,
        contract_id=contract.id,
        number=(await tx.scalar(tries) or 0) + 1,
        state=EnvelopeState.REQUESTED,
        signing_urls=[],
        requested_at=tx.now,
        expires_at=tx.now + VALID,
    )
    tx.add(envelope)
    await tx.flush()
    await tx.jobs.enqueue(tx, PERFORM_ENVELOPES, key=PERFORM_ENVELOPES)
    return envelope.id


async def withdraw_signature(tx: Tx, contract_id: ContractId, *, reason: str) -> None:
    """Have the envelope that is out taken back; once the provider has done so, the contract is a draft again."""
    if not 0 < len(reason.strip()) <= 300:
        raise InvalidInput("reason", "must have 1 to 300 characters")
    await contracts.lock(tx, contract_id)
    envelope = await tx.scalar(
        select(EnvelopeRecord).where(
            EnvelopeRecord.contract_id == contract_id, EnvelopeRecord.state == EnvelopeState.SENT
        )
    )
    if envelope is None:
        raise Conflict("no_envelope_out")
    envelope.void_reason = reason.strip()
    await audit.record(
        tx,
        action="contract.signature_withdrawn",
        subject="contract",
        subject_id=contract_id,
        detail={"reason": reason},
        branch_id=envelope.branch_id,
    )
    await tx.jobs.enqueue(tx, PERFORM_VOIDS, key=PERFORM_VOIDS)


# Performing: claim a chunk, work with no transaction open, record each answer in its own transaction


async def _claim(
    database: Database,
    wanted: ColumnElement[bool],
    prepare: Callable[[Tx, EnvelopeRecord], Awaitable[_Item]],
    limit: int,
) -> list[_Item]:
    async with database.transaction(system("signatures")) as tx:
        unclaimed = or_(EnvelopeRecord.claimed_until_at.is_(None), EnvelopeRecord.claimed_until_at < tx.now)
        due = select(EnvelopeRecord).where(wanted, unclaimed).order_by(EnvelopeRecord.id).limit(limit)
        rows = (await tx.scalars(due.with_for_update(skip_locked=True))).all()
        for row in rows:
            row.claimed_until_at = tx.now + CLAIM
        return [await prepare(tx, row) for row in rows]


async def _each(items: Sequence[_Item], work: Callable[[_Item], Awaitable[None]]) -> int:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(item: _Item) -> None:
        async with places:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(one(item))
    return len(items)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sending:
    """A claimed envelope with what its papers say and who signs them. Personal data: never logged."""

    envelope_id: UUID
    contract_id: UUID
    paper: Paper = field(repr=False)
    signers: tuple[Signer, ...] = field(repr=False)
    expires_at: datetime
    branch: str
    dated_on: date


async def perform_envelopes(database: Database, executor: Executor, files: Files, *, limit: int = CHUNK) -> int:
    """Set and keep the papers of the envelopes that wait, and send them out; returns how many."""

    async def send(sending: _Sending) -> None:
        documents = await _set_papers(sending, files)
        async with database.transaction(system("signatures")) as tx:
            await _keep_papers(tx, sending, documents)
        answer = await executor.call(_create_ask(sending, documents))
        crash_point("signatures.before_record_envelope")
        async with database.transaction(system("signatures")) as tx:
            await record_envelope(tx, sending.envelope_id, answer)

    return await _each(await _claim(database, _WAITING, _sending, limit), send)


async def _sending(tx: Tx, envelope: EnvelopeRecord) -> _Sending:
    contract = await contracts.view(tx, ContractId(envelope.contract_id))
    quote = await quotes.get_quote(tx, contract.quote_id)
    application = await applications.get_application(tx, contract.application_id)
    lessee = await parties.reveal_party(tx, contract.party_id, RevealPurpose.CONTRACT)
    lessor = _lessor(await staff.branches(tx), contract.branch_id)
    paper = Paper(
        contract=contract,
        lessor=lessor,
        lessee=lessee,
        vin=application.car.vin,
        deal=quote.deal,
        price=quote.price,
        terms=(await products.get_version(tx, contract.product_version_id)).terms,
        drafted_on=contract.drafted_at.astimezone(BUSINESS_ZONE).date(),
    )
    return _Sending(
        envelope_id=envelope.id,
        contract_id=contract.id,
        paper=paper,
        signers=(
            Signer(
                role=SignerRole.LESSEE,
                order=1,
                name=lessee.name,
                phone=lessee.phone,
                email=lessee.email or "",
                document_number=lessee.document_number,
            ),
            Signer(role=SignerRole.LESSOR, order=2, name=lessor),
        ),
        expires_at=envelope.expires_at,
        branch=await staff.branch_code(tx, contract.branch_id),
        dated_on=paper.drafted_on,
    )


def _lessor(branches: Sequence[staff.BranchView], branch_id: UUID) -> str:
    """The name of the company that a branch belongs to: that of whatever stands on top."""
    known = {branch.id: branch for branch in branches}
    branch = known[BranchId(branch_id)]
    while branch.parent_id is not None:
        branch = known[branch.parent_id]
    return branch.name


async def _set_papers(sending: _Sending, files: Files) -> dict[Language, EsignDocument]:
    documents = {}
    for language in Language:
        kind = DocumentKind.LEASE_CONTRACT
        content = await typeset(kind, language, sheet(sending.paper, language), dated_on=sending.dated_on)
        digest = await asyncio.to_thread(files.put, content)
        name = f"{sending.paper.contract.number}.{language.value}.pdf"
        documents[language] = EsignDocument(name=name, content=content, sha256=digest)
    return documents


async def _keep_papers(tx: Tx, sending: _Sending, documents: dict[Language, EsignDocument]) -> None:
    for language, document in documents.items():
        await tx.execute(
            insert(DocumentRecord)
            .values(
                id=tx.new_id(),
                contract_id=sending.contract_id,
                envelope_id=sending.envelope_id,
                kind=DocumentKind.LEASE_CONTRACT,
                language=language,
                template_version=TEMPLATE_VERSION,
                sha256=document.sha256,
            )
            .on_conflict_do_nothing()
        )


def _create_ask(sending: _Sending, documents: dict[Language, EsignDocument]) -> Ask:
    number = sending.paper.contract.number
    return Ask(
        operation="esign_create",
        request=EnvelopeRequest(
            subject=f"融资租赁合同 {number}",
            documents=tuple(documents.values()),
            signers=sending.signers,
            expires_at=sending.expires_at,
        ),
        key=str(sending.envelope_id),
        lease_id=sending.contract_id,
        branch=sending.branch,
        route=RouteFacts(branch=sending.branch, lease_id=sending.contract_id),
    )


async def perform_voids(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Have the envelopes taken back that are to be; returns how many were asked for."""

    async def void(errand: _Errand) -> None:
        answer = await executor.call(errand.ask)
        async with database.transaction(system("signatures")) as tx:
            await _record_void(tx, errand.envelope_id, answer.outcome, answer.result, answer.error_code)

    return await _each(await _claim(database, _UNVOIDED, _void_errand, limit), void)


async def perform_fetch(database: Database, executor: Executor, files: Files, *, limit: int = CHUNK) -> int:
    """Fetch and keep what has been signed; returns how many envelopes were asked for."""

    async def fetch(errand: _Errand) -> None:
        answer = await executor.call(errand.ask)
        signed = answer.result
        if answer.outcome is not CallOutcome.OK or not isinstance(signed, SignedFiles):
            async with database.transaction(system("signatures")) as tx:
                await tx.jobs.enqueue(tx, FETCH_SIGNED, key=FETCH_SIGNED, delay_s=FETCH_AGAIN_S)
            return
        content = await asyncio.to_thread(files.put, signed.content)
        evidence = await asyncio.to_thread(files.put, signed.evidence) if signed.evidence else None
        crash_point("signatures.before_record_signed")
        async with database.transaction(system("signatures")) as tx:
            await record_signed(tx, errand.envelope_id, signed_sha256=content, evidence_sha256=evidence)

    return await _each(await _claim(database, _UNFETCHED, _fetch_errand, limit), fetch)


@dataclass(frozen=True, slots=True)
class _Errand:
    """A claimed envelope and what to ask of its provider."""

    envelope_id: UUID
    ask: Ask


async def _void_errand(tx: Tx, envelope: EnvelopeRecord) -> _Errand:
    assert envelope.envelope_ref is not None, "an envelope that is out has the provider's reference"
    assert envelope.void_reason is not None, "only an envelope with a reason is taken back"
    request = VoidRequest(envelope_ref=envelope.envelope_ref, reason=envelope.void_reason)
    return await _errand(tx, envelope, "esign_void", request, _void_key(envelope.id))


async def _fetch_errand(tx: Tx, envelope: EnvelopeRecord) -> _Errand:
    assert envelope.envelope_ref is not None, "a completed envelope has the provider's reference"
    request = FetchRequest(envelope_ref=envelope.envelope_ref)
    return await _errand(tx, envelope, "esign_fetch", request, f"{envelope.id}:fetch")


async def _errand(tx: Tx, envelope: EnvelopeRecord, operation: str, request: object, key: str) -> _Errand:
    contract = await contracts.view(tx, ContractId(envelope.contract_id))
    ask = Ask(
        operation=operation,
        request=request,
        key=key,
        lease_id=envelope.contract_id,
        branch=await staff.branch_code(tx, contract.branch_id),
        pin=envelope.instance,
    )
    return _Errand(envelope.id, ask)


_VOID = ":void"


def _void_key(envelope_id: UUID) -> str:
    return f"{envelope_id}{_VOID}"


# Recording


async def record_envelope(tx: Tx, envelope_id: UUID, answer: Answer) -> None:
    """Write down what a provider said to an envelope."""
    envelope = await _held_envelope(tx, envelope_id)
    envelope.instance = answer.instance or envelope.instance
    await _take(tx, envelope, answer.outcome, answer.result, answer.error_code)


async def record_outcome_known(tx: Tx, fact: OutcomeKnown) -> None:
    """Take late news of an envelope: from reconcile, a poll, or a callback."""
    match fact.operation:
        case "esign_create":
            envelope = await _held_envelope(tx, UUID(fact.key))
            envelope.instance = fact.instance or envelope.instance
            await _take(tx, envelope, fact.outcome, fact.result, fact.error_code)
        case "esign_void":
            envelope_id = UUID(fact.key.removesuffix(_VOID))
            await _record_void(tx, envelope_id, fact.outcome, fact.result, fact.error_code)
        case _:
            return


async def _take(
    tx: Tx, envelope: EnvelopeRecord, outcome: CallOutcome, result: object | None, error_code: str | None
) -> None:
    match outcome:
        case CallOutcome.OK:
            assert isinstance(result, Envelope)
            envelope.envelope_ref = result.envelope_ref
            envelope.signing_urls = list(result.signing_urls) or envelope.signing_urls
            envelope.reason = result.decline_reason or envelope.reason
            await _move(tx, envelope, envelope_state(result.status), result.completed_at)
        case CallOutcome.UNKNOWN:
            await _move(tx, envelope, EnvelopeState.UNKNOWN)
        case CallOutcome.REJECTED | CallOutcome.NOT_EXECUTED:
            envelope.reason = error_code
            await _move(tx, envelope, EnvelopeState.FAILED)
        case _:
            assert_never(outcome)


async def _record_void(
    tx: Tx, envelope_id: UUID, outcome: CallOutcome, result: object | None, error_code: str | None
) -> None:
    """An envelope that was taken back is void; one that was signed first is signed. A refusal leaves it out."""
    envelope = await _held_envelope(tx, envelope_id)
    if outcome is CallOutcome.OK and isinstance(result, Envelope):
        await _move(tx, envelope, envelope_state(result.status), result.completed_at)
    elif outcome in (CallOutcome.REJECTED, CallOutcome.NOT_EXECUTED):
        envelope.void_reason, envelope.reason = None, error_code


async def _move(tx: Tx, envelope: EnvelopeRecord, after: EnvelopeState, completed_at: datetime | None = None) -> None:
    """Move an envelope forward, and its contract with it; stale news changes nothing."""
    if not envelope_may_move(EnvelopeState(envelope.state), after):
        return
    envelope.state, envelope.claimed_until_at = after, None
    if after is EnvelopeState.COMPLETED:
        envelope.completed_at = completed_at or tx.now
        await tx.jobs.enqueue(tx, FETCH_SIGNED, key=FETCH_SIGNED)
    elif after in ENVELOPE_LOST:
        contract_id = ContractId(envelope.contract_id)
        await contracts.return_to_draft(tx, contract_id, note=f"envelope {after.value}")
        tx.emit(SignatureFailed(contract_id=contract_id, envelope_id=envelope.id, state=after))


async def record_signed(tx: Tx, envelope_id: UUID, *, signed_sha256: str, evidence_sha256: str | None) -> None:
    """The signed file and its evidence are kept: the contract is signed. A second time changes nothing."""
    envelope = await _held_envelope(tx, envelope_id)
    if envelope.fetched_at is not None:
        return
    envelope.fetched_at = tx.now
    await tx.execute(
        update(DocumentRecord)
        .where(DocumentRecord.envelope_id == envelope.id)
        .values(signed_sha256=signed_sha256, evidence_sha256=evidence_sha256)
    )
    await contracts.mark_signed(tx, ContractId(envelope.contract_id), signed_at=envelope.completed_at or tx.now)


async def _held_envelope(tx: Tx, envelope_id: UUID) -> EnvelopeRecord:
    """The envelope, after its contract: one lock order for everybody who moves a contract."""
    contract_id = await tx.scalar(select(EnvelopeRecord.contract_id).where(EnvelopeRecord.id == envelope_id))
    if contract_id is None:
        raise NotFound("envelope", envelope_id)
    await contracts.lock(tx, ContractId(contract_id))
    return await tx.get_one(EnvelopeRecord, envelope_id, with_for_update=True, populate_existing=True)


# Looking


async def documents(tx: Tx, contract_id: ContractId) -> tuple[DocumentView, ...]:
    """The papers of a contract, newest envelope first."""
    await contracts.view(tx, contract_id)
    rows = select(DocumentRecord).join(EnvelopeRecord, EnvelopeRecord.id == DocumentRecord.envelope_id)
    rows = rows.where(DocumentRecord.contract_id == contract_id)
    return tuple(
        DocumentView(
            id=row.id,
            kind=DocumentKind(row.kind),
            language=Language(row.language),
            template_version=row.template_version,
            sha256=row.sha256,
            signed_sha256=row.signed_sha256,
            evidence_sha256=row.evidence_sha256,
        )
        for row in await tx.scalars(rows.order_by(EnvelopeRecord.number.desc(), DocumentRecord.language.desc()))
    )


async def paper(tx: Tx, contract_id: ContractId, language: Language, *, signed: bool = False) -> PaperFile:
    """The file of the newest lease contract in a language, as sent out or as signed; looking is audited.

    Raises NotFound before there is one.
    """
    contract = await contracts.view(tx, contract_id)
    papers = [document for document in await documents(tx, contract_id) if document.language is language]
    sha256 = (papers[0].signed_sha256 if signed else papers[0].sha256) if papers else None
    if sha256 is None:
        raise NotFound("contract_document", language.value)
    await audit.record(
        tx,
        action="contract.paper_viewed",
        subject="contract",
        subject_id=contract_id,
        detail={"language": language, "signed": signed},
        branch_id=contract.branch_id,
    )
    return PaperFile(name=f"{contract.number}.{language.value}.pdf", sha256=sha256)


async def envelopes(tx: Tx, contract_id: ContractId) -> tuple[EnvelopeView, ...]:
    """Every try to have a contract signed, newest first."""
    await contracts.view(tx, contract_id)
    rows = (
        select(EnvelopeRecord).where(EnvelopeRecord.contract_id == contract_id).order_by(EnvelopeRecord.number.desc())
    )
    return tuple(
        EnvelopeView(
            id=row.id,
            state=EnvelopeState(row.state),
            instance=row.instance,
            requested_at=row.requested_at,
            completed_at=row.completed_at,
            reason=row.reason,
            signing_urls=tuple(row.signing_urls),
        )
        for row in await tx.scalars(rows)
    )
