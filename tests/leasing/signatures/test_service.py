"""A contract goes out, comes back signed, or does not; whatever a provider says, and however often."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.core.errors import Conflict, NotFound, RuleBroken
from hub.core.events import Fact
from hub.core.ids import ContractId
from hub.core.ports.esign import Envelope, EnvelopeRequest, EnvelopeStatus, FetchRequest, SignedFiles, SignerRole
from hub.infra.access import Actor
from hub.infra.database import Database
from hub.infra.files import Files
from hub.integrations.executor import CallOutcome
from hub.integrations.facts import OutcomeKnown
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractSigned, ContractState, LeaseTransitioned
from hub.leasing.signatures import service
from hub.leasing.signatures.rules import EnvelopeState, Language, SignatureFailed
from hub.sdk.clock import VirtualClock

if TYPE_CHECKING:
    from tests.leasing.signatures.conftest import Provider

SIGNED_AT = datetime(2026, 1, 5, 6, tzinfo=UTC)
SIGNED = SignedFiles(
    envelope_ref="E1",
    content=b"%PDF signed",
    content_type="application/pdf",
    sha256=hashlib.sha256(b"%PDF signed").hexdigest(),
    evidence=b"certificate",
)
MakeProvider = Callable[..., "Provider"]


def envelope(status: EnvelopeStatus = EnvelopeStatus.SENT, **more: object) -> Envelope:
    done = SIGNED_AT if status is EnvelopeStatus.COMPLETED else None
    return Envelope(envelope_ref="E1", status=status, signing_urls=("https://sign/1",), completed_at=done, **more)  # type: ignore[arg-type]


async def _out(database: Database, seller: Actor, contract_id: ContractId, provider: Provider, files: Files) -> UUID:
    async with database.transaction(seller) as tx:
        envelope_id = await service.request_signature(tx, contract_id)
    await service.perform_envelopes(database, provider, files)  # type: ignore[arg-type]
    return envelope_id


async def _state(database: Database, seller: Actor, contract_id: ContractId) -> ContractState:
    async with database.transaction(seller) as tx:
        return (await contracts.view(tx, contract_id)).state


async def _told(database: Database, seller: Actor, envelope_id: UUID, result: Envelope) -> None:
    fact = OutcomeKnown(
        call_id=UUID(int=1),
        operation="esign_create",
        key=str(envelope_id),
        instance="esign_main",
        outcome=CallOutcome.OK,
        result=result,
    )
    async with database.transaction(seller) as tx:
        await service.record_outcome_known(tx, fact)


async def test_a_contract_goes_out_in_both_languages_and_comes_back_signed(
    database: Database,
    seller: Actor,
    contract_id: ContractId,
    files: Files,
    provider: MakeProvider,
    facts: list[Fact],
) -> None:
    esign = provider(envelope(), SIGNED)
    envelope_id = await _out(database, seller, contract_id, esign, files)
    assert await _state(database, seller, contract_id) is ContractState.OUT_FOR_SIGNATURE
    await _told(database, seller, envelope_id, envelope(EnvelopeStatus.COMPLETED))
    assert await service.perform_fetch(database, esign, files) == 1  # type: ignore[arg-type]
    async with database.transaction(seller) as tx:
        contract = await contracts.view(tx, contract_id)
        papers = {paper.language: paper for paper in await service.documents(tx, contract_id)}
    assert (contract.state, contract.signed_at) == (ContractState.SIGNED, SIGNED_AT)
    assert set(papers) == set(Language)
    for paper in papers.values():
        assert files.get(paper.sha256).startswith(b"%PDF-")
        assert files.get(paper.signed_sha256 or "") == b"%PDF signed"
        assert files.get(paper.evidence_sha256 or "") == b"certificate"
    sent, fetched = esign.asked
    assert isinstance(sent.request, EnvelopeRequest)
    assert [signer.role for signer in sent.request.signers] == [SignerRole.LESSEE, SignerRole.LESSOR]
    assert [document.sha256 for document in sent.request.documents] == [
        papers[language].sha256 for language in Language
    ]
    assert (sent.key, fetched.pin, fetched.request) == (str(envelope_id), "esign_main", FetchRequest(envelope_ref="E1"))
    assert [fact for fact in facts if isinstance(fact, ContractSigned)]


async def test_a_step_repeated_after_a_crash_asks_for_the_very_same(
    database: Database,
    seller: Actor,
    contract_id: ContractId,
    files: Files,
    provider: MakeProvider,
    clock: VirtualClock,
) -> None:
    first, second = provider(CallOutcome.OK), provider(envelope())
    with pytest.raises(ExceptionGroup):
        await _out(database, seller, contract_id, first, files)
    assert await service.perform_envelopes(database, second, files) == 0  # type: ignore[arg-type]
    clock.advance(service.CLAIM + timedelta(seconds=1))
    assert await service.perform_envelopes(database, second, files) == 1  # type: ignore[arg-type]
    assert first.asked == second.asked
    assert await _state(database, seller, contract_id) is ContractState.OUT_FOR_SIGNATURE


@pytest.mark.parametrize(
    ("line", "state"),
    [
        (envelope(EnvelopeStatus.DECLINED, decline_reason="too dear"), EnvelopeState.DECLINED),
        (envelope(EnvelopeStatus.EXPIRED), EnvelopeState.EXPIRED),
        (CallOutcome.REJECTED, EnvelopeState.FAILED),
        (CallOutcome.NOT_EXECUTED, EnvelopeState.FAILED),
    ],
)
async def test_a_signature_that_does_not_come_leads_back_to_the_draft(
    database: Database,
    seller: Actor,
    contract_id: ContractId,
    files: Files,
    provider: MakeProvider,
    facts: list[Fact],
    line: object,
    state: EnvelopeState,
) -> None:
    await _out(database, seller, contract_id, provider(line), files)
    assert await _state(database, seller, contract_id) is ContractState.DRAFTED
    assert [fact.state for fact in facts if isinstance(fact, SignatureFailed)] == [state]
    again = await _out(database, seller, contract_id, provider(envelope()), files)
    async with database.transaction(seller) as tx:
        newest, first = await service.envelopes(tx, contract_id)
    assert (newest.id, newest.state, first.state) == (again, EnvelopeState.SENT, state)


async def test_an_unknown_outcome_waits_until_it_is_known(
    database: Database, seller: Actor, contract_id: ContractId, files: Files, provider: MakeProvider
) -> None:
    envelope_id = await _out(database, seller, contract_id, provider(CallOutcome.UNKNOWN), files)
    assert await _state(database, seller, contract_id) is ContractState.OUT_FOR_SIGNATURE
    with pytest.raises(RuleBroken, match="contract_state"):
        await _out(database, seller, contract_id, provider(), files)
    await _told(database, seller, envelope_id, envelope())
    async with database.transaction(seller) as tx:
        assert (await service.envelopes(tx, contract_id))[0].state is EnvelopeState.SENT


async def test_stale_and_repeated_news_change_nothing(
    database: Database, seller: Actor, contract_id: ContractId, files: Files, provider: MakeProvider, facts: list[Fact]
) -> None:
    esign = provider(envelope(), SIGNED)
    envelope_id = await _out(database, seller, contract_id, esign, files)
    for status in (EnvelopeStatus.COMPLETED, EnvelopeStatus.COMPLETED, EnvelopeStatus.SENT, EnvelopeStatus.DECLINED):
        await _told(database, seller, envelope_id, envelope(status))
    await service.perform_fetch(database, esign, files)  # type: ignore[arg-type]
    await service.perform_fetch(database, esign, files)  # type: ignore[arg-type]
    async with database.transaction(seller) as tx:
        await service.record_signed(tx, envelope_id, signed_sha256="1" * 64, evidence_sha256=None)
        moves = [event.after for event in await contracts.timeline(tx, contract_id)]
    assert moves == [ContractState.DRAFTED, ContractState.OUT_FOR_SIGNATURE, ContractState.SIGNED]
    assert [fact.after for fact in facts if isinstance(fact, LeaseTransitioned)] == moves


async def test_a_signed_file_that_cannot_be_fetched_is_asked_for_again(
    database: Database,
    seller: Actor,
    contract_id: ContractId,
    files: Files,
    provider: MakeProvider,
    clock: VirtualClock,
) -> None:
    esign = provider(envelope(EnvelopeStatus.COMPLETED), CallOutcome.UNKNOWN, SIGNED)
    await _out(database, seller, contract_id, esign, files)
    await service.perform_fetch(database, esign, files)  # type: ignore[arg-type]
    assert await _state(database, seller, contract_id) is ContractState.OUT_FOR_SIGNATURE
    clock.advance(timedelta(seconds=service.FETCH_AGAIN_S + 1))
    await service.perform_fetch(database, esign, files)  # type: ignore[arg-type]
    assert await _state(database, seller, contract_id) is ContractState.SIGNED


@pytest.mark.parametrize(
    ("line", "state"),
    [
        (envelope(EnvelopeStatus.VOIDED), ContractState.DRAFTED),
        (envelope(EnvelopeStatus.COMPLETED), ContractState.OUT_FOR_SIGNATURE),
        (CallOutcome.REJECTED, ContractState.OUT_FOR_SIGNATURE),
        (CallOutcome.UNKNOWN, ContractState.OUT_FOR_SIGNATURE),
    ],
)
async def test_an_envelope_is_taken_back_unless_it_was_signed_first(
    database: Database,
    seller: Actor,
    contract_id: ContractId,
    files: Files,
    provider: MakeProvider,
    line: object,
    state: ContractState,
) -> None:
    esign = provider(envelope(), line)
    await _out(database, seller, contract_id, esign, files)
    async with database.transaction(seller) as tx:
        with pytest.raises(RuleBroken, match="contract_not_cancellable"):
            await contracts.cancel(tx, contract_id, reason="another car")
        await service.withdraw_signature(tx, contract_id, reason="another car")
    assert await service.perform_voids(database, esign, limit=5) == 1  # type: ignore[arg-type]
    assert await _state(database, seller, contract_id) is state


async def test_nothing_is_withdrawn_that_is_not_out(database: Database, seller: Actor, contract_id: ContractId) -> None:
    async with database.transaction(seller) as tx:
        with pytest.raises(Conflict, match="no_envelope_out"):
            await service.withdraw_signature(tx, contract_id, reason="x")


async def test_a_paper_is_found_by_its_language_once_it_is_set(
    database: Database, seller: Actor, outsider: Actor, contract_id: ContractId, files: Files, provider: MakeProvider
) -> None:
    async with database.transaction(seller) as tx:
        with pytest.raises(NotFound):
            await service.paper(tx, contract_id, Language.CHINESE)
    await _out(database, seller, contract_id, provider(envelope()), files)
    async with database.transaction(seller) as tx:
        found = await service.paper(tx, contract_id, Language.ENGLISH)
        with pytest.raises(NotFound):
            await service.paper(tx, contract_id, Language.ENGLISH, signed=True)
        number = (await contracts.view(tx, contract_id)).number
    assert found.name == f"{number}.en.pdf"
    assert files.has(found.sha256)
    async with database.transaction(outsider) as tx:
        with pytest.raises(NotFound):
            await service.paper(tx, contract_id, Language.ENGLISH)


async def test_another_branchs_contract_is_not_found(
    database: Database, outsider: Actor, contract_id: ContractId
) -> None:
    async with database.transaction(outsider) as tx:
        for act in (service.documents, service.envelopes, service.request_signature):
            with pytest.raises(NotFound):
                await act(tx, contract_id)


async def test_the_database_keeps_one_live_envelope_and_the_story(
    database: Database, seller: Actor, contract_id: ContractId, files: Files, provider: MakeProvider
) -> None:
    await _out(database, seller, contract_id, provider(envelope()), files)
    for statement in (
        "insert into envelope (id, branch_id, contract_id, state, signing_urls, requested_at, expires_at)"
        " select gen_random_uuid(), branch_id, contract_id, 'requested', '{}', now(), now() from envelope",
        "update contract_event set note = 'other'",
        "delete from contract_event",
        "update contract set state = 'active'",
        "update contract set state = 'closed'",
    ):
        with pytest.raises(DBAPIError):
            async with database.transaction(seller) as tx:
                await tx.execute(text(statement))
