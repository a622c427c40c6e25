"""Tables of what an application may become, what it needs, and who may decide."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import InvalidInput, RuleBroken
from hub.core.money import Money
from hub.leasing.applications.rules import (
    LARGEST_FILE_BYTES,
    MOVES,
    STATE_AFTER,
    ApplicationState,
    CreditOutcome,
    Decision,
    Hand,
    MaterialKind,
    application_number,
    approval_valid_until,
    check_approved,
    check_credit,
    check_four_eyes,
    check_limit,
    check_material,
    check_move,
    check_quote,
    media_type,
    required_material,
    state_at_submission,
)
from hub.leasing.parties.rules import PartyKind
from hub.leasing.products.rules import LeaseType

TODAY = date(2026, 1, 5)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


@pytest.mark.parametrize("after", ApplicationState)
@pytest.mark.parametrize("before", ApplicationState)
def test_only_the_listed_moves_are_allowed(before: ApplicationState, after: ApplicationState) -> None:
    if after in MOVES[before]:
        check_move(before, after)
    else:
        with pytest.raises(RuleBroken, match="application_state"):
            check_move(before, after)


def test_the_table_of_moves_is_whole() -> None:
    assert set(MOVES) == set(ApplicationState)
    assert set(STATE_AFTER) == set(Decision)
    assert set(STATE_AFTER.values()) <= MOVES[ApplicationState.UNDER_REVIEW]


@pytest.mark.parametrize("party", PartyKind)
def test_a_leaseback_also_needs_the_papers_of_the_car(party: PartyKind) -> None:
    direct = required_material(LeaseType.DIRECT, party)
    leaseback = required_material(LeaseType.SALE_AND_LEASEBACK, party)
    assert leaseback - direct == {MaterialKind.REGISTRATION_CERTIFICATE, MaterialKind.VEHICLE_PHOTOS}
    assert direct


kinds = st.sets(st.sampled_from(MaterialKind))


@given(required=kinds, present=kinds)
def test_exactly_what_is_missing_is_named(required: set[MaterialKind], present: set[MaterialKind]) -> None:
    if required <= present:
        check_material(required, present)
    else:
        with pytest.raises(RuleBroken, match="material_missing") as broken:
            check_material(required, present)
        assert broken.value.facts["missing"] == sorted(required - present)


def test_a_new_name_does_not_make_a_second_pair_of_eyes() -> None:
    married = Hand(staff_id=UUID(int=1), name="wang")
    with pytest.raises(RuleBroken, match="own_application"):
        check_four_eyes(married, [Hand(staff_id=UUID(int=1), name="li")])
    check_four_eyes(married, [Hand(staff_id=UUID(int=2), name="wang"), Hand(staff_id=None, name="wang")])


def test_nobody_decides_on_their_own() -> None:
    seller, approver = Hand(staff_id=None, name="seller"), Hand(staff_id=None, name="approver")
    check_four_eyes(approver, [seller])
    with pytest.raises(RuleBroken, match="own_application"):
        check_four_eyes(seller, [approver, seller])


@pytest.mark.parametrize(
    ("outcome", "until", "rule"),
    [
        (None, None, "credit_missing"),
        (CreditOutcome.DECLINE, None, "credit_declined"),
        (CreditOutcome.PASS, YESTERDAY, "credit_expired"),
        (CreditOutcome.REFER, YESTERDAY, "credit_expired"),
        (CreditOutcome.PASS, TODAY, None),
        (CreditOutcome.REFER, TOMORROW, None),
        (CreditOutcome.PASS, None, None),
    ],
)
def test_an_approval_stands_on_a_credit_outcome(
    outcome: CreditOutcome | None, until: date | None, rule: str | None
) -> None:
    if rule is None:
        check_credit(outcome, until, TODAY)
    else:
        with pytest.raises(RuleBroken) as broken:
            check_credit(outcome, until, TODAY)
        assert broken.value.rule == rule


@pytest.mark.parametrize(
    ("roles", "financed", "allowed"),
    [
        ({"approver"}, "500000.00", True),
        ({"approver"}, "500000.01", False),
        ({"administrator"}, "9000000.00", True),
        ({"approver", "administrator"}, "9000000.00", True),
        ({"sales"}, "1.00", False),
        (set(), "1.00", False),
    ],
)
def test_a_role_approves_up_to_its_limit(roles: set[str], financed: str, allowed: bool) -> None:
    if allowed:
        check_limit(roles, Money.of(financed))
    else:
        with pytest.raises(RuleBroken, match="approval_limit"):
            check_limit(roles, Money.of(financed))


@pytest.mark.parametrize(
    ("outcome", "until", "state"),
    [
        (None, None, ApplicationState.SUBMITTED),
        (CreditOutcome.REFER, YESTERDAY, ApplicationState.SUBMITTED),
        (CreditOutcome.REFER, TODAY, ApplicationState.UNDER_REVIEW),
        (CreditOutcome.PASS, None, ApplicationState.UNDER_REVIEW),
    ],
)
def test_a_returned_application_keeps_a_credit_outcome_that_holds(
    outcome: CreditOutcome | None, until: date | None, state: ApplicationState
) -> None:
    assert state_at_submission(outcome, until, TODAY) is state


def test_an_approval_holds_for_thirty_days() -> None:
    until = approval_valid_until(TODAY)
    assert until == date(2026, 2, 4)
    check_approved(ApplicationState.APPROVED, until, until)
    with pytest.raises(RuleBroken, match="approval_expired"):
        check_approved(ApplicationState.APPROVED, until, until + timedelta(days=1))
    with pytest.raises(RuleBroken, match="application_not_approved"):
        check_approved(ApplicationState.WITHDRAWN, until, TODAY)


def test_a_quote_binds_up_to_its_last_day() -> None:
    check_quote(TODAY, TODAY)
    with pytest.raises(RuleBroken, match="quote_expired"):
        check_quote(YESTERDAY, TODAY)


def test_numbers_sort_as_they_were_given() -> None:
    assert application_number(TODAY, 1) == "AP20260105-000001"
    assert application_number(TODAY, 9) < application_number(TODAY, 10) < application_number(TOMORROW, 1)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n0", "image/png"),
    ],
)
def test_a_file_is_what_its_first_bytes_say(content: bytes, kind: str) -> None:
    assert media_type(content) == kind


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"MZ\x90", b" %PDF-1.7", b"%PDF-" + b"0" * LARGEST_FILE_BYTES], ids=range(5)
)
def test_a_file_of_another_type_or_size_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput, match="file"):
        media_type(content)
