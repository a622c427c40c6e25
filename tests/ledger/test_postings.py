"""Every posting balances, moves the right accounts, and refuses what cannot be."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import InvalidInput, RuleBroken
from hub.core.ids import EntryId
from hub.core.money import Money
from hub.ledger import postings
from hub.ledger.chart import CHART, Account, AccountKind, Side, normal_side
from hub.ledger.postings import Commencement, Loss, Payoff, ReceiptParts, SigningPurpose
from hub.ledger.rules import EntryDraft, EntryView, Line, LineView, one_of_each

CAUSE, CONTRACT = UUID(int=1), UUID(int=2)
DAY = date(2026, 1, 5)
ABOUT = {"contract_id": CONTRACT, "value_on": DAY}


def yuan(text: str) -> Money:
    return Money.of(text)


def lines_of(draft: EntryDraft) -> dict[str, str]:
    return {line.account.name: str(line.amount.amount) for line in draft.lines}


def test_every_account_has_facts_and_both_names() -> None:
    assert set(CHART) == set(Account)
    assert all(facts.name_zh and facts.name_en for facts in CHART.values())


def test_assets_and_expenses_grow_on_the_debit_side() -> None:
    debit = {kind for kind in AccountKind if normal_side(kind) is Side.DEBIT}
    assert debit == {AccountKind.ASSET, AccountKind.EXPENSE}


@pytest.mark.parametrize(
    ("purpose", "account"),
    [
        (SigningPurpose.DOWN_PAYMENT, "CUSTOMER_PREPAYMENTS"),
        (SigningPurpose.SECURITY_DEPOSIT, "SECURITY_DEPOSITS"),
        (SigningPurpose.SERVICE_FEE, "SERVICE_FEE_INCOME"),
        (SigningPurpose.THIRD_PARTY_FEES, "PAYABLES"),
    ],
)
def test_a_signing_payment_waits_on_the_account_of_its_purpose(purpose: SigningPurpose, account: str) -> None:
    amount = {"instance": "psp_main", "purpose": purpose, "amount": yuan("100")}
    received = postings.signing_payment_received(charge_id=CAUSE, **ABOUT, **amount)
    assert lines_of(received) == {"PROVIDER_CLEARING": "100.00", account: "-100.00"}
    refunded = postings.signing_payment_refunded(payout_id=CAUSE, **ABOUT, **amount)
    assert lines_of(refunded) == {"PROVIDER_CLEARING": "-100.00", account: "100.00"}


def test_a_lease_commences_out_of_stock_and_prepayment() -> None:
    start = Commencement(
        financed=yuan("93000"),
        down_payment=yuan("30000"),
        car_price=yuan("110000"),
        car_cost=yuan("108000"),
        third_party_fees=yuan("12000"),
        service_fees=yuan("1000"),
    )
    assert lines_of(postings.lease_commenced(**ABOUT, start=start)) == {
        "LEASE_PRINCIPAL": "93000.00",
        "CUSTOMER_PREPAYMENTS": "30000.00",
        "LEASED_ASSETS": "-108000.00",
        "DISPOSAL_RESULT": "-2000.00",
        "PAYABLES": "-12000.00",
        "SERVICE_FEE_INCOME": "-1000.00",
    }


def test_a_lease_that_finances_what_was_not_bought_is_refused() -> None:
    start = Commencement(
        financed=yuan("93000.01"), down_payment=yuan("1"), car_price=yuan("93000"), car_cost=yuan("93000")
    )
    with pytest.raises(RuleBroken) as refusal:
        postings.lease_commenced(**ABOUT, start=start)
    assert refusal.value.rule == "financed_amount_is_what_was_bought"


def test_rent_falls_due_out_of_principal_and_income() -> None:
    draft = postings.rent_fell_due(instalment_id=CAUSE, **ABOUT, principal=yuan("90"), interest=yuan("10"))
    assert lines_of(draft) == {"RENT_RECEIVABLE": "100.00", "LEASE_PRINCIPAL": "-90.00", "FINANCE_INCOME": "-10.00"}
    assert draft.ref == f"rent_fell_due:{CAUSE}"


def test_a_rent_without_interest_has_two_lines() -> None:
    draft = postings.rent_fell_due(instalment_id=CAUSE, **ABOUT, principal=yuan("90"), interest=Money(0))
    assert lines_of(draft) == {"RENT_RECEIVABLE": "90.00", "LEASE_PRINCIPAL": "-90.00"}


def test_penalty_of_two_days_are_two_entries() -> None:
    first = postings.penalty_accrued(instalment_id=CAUSE, **ABOUT, amount=yuan("1"))
    second = postings.penalty_accrued(
        instalment_id=CAUSE, contract_id=CONTRACT, value_on=date(2026, 1, 6), amount=yuan("1")
    )
    assert first.ref != second.ref
    waived = postings.penalty_waived(waiver_id=CAUSE, **ABOUT, amount=yuan("1"), reason="goodwill")
    assert lines_of(waived) == {"PENALTY_INCOME": "1.00", "PENALTY_RECEIVABLE": "-1.00"}


def test_a_receipt_is_split_and_the_rest_waits() -> None:
    parts = ReceiptParts(rent=yuan("80"), penalty=yuan("5"), unallocated=yuan("15"))
    draft = postings.receipt_from_provider(charge_id=CAUSE, **ABOUT, instance="psp_main", parts=parts)
    assert lines_of(draft) == {
        "PROVIDER_CLEARING": "100.00",
        "RENT_RECEIVABLE": "-80.00",
        "PENALTY_RECEIVABLE": "-5.00",
        "UNALLOCATED_RECEIPTS": "-15.00",
    }
    assert draft.lines[0].instance == "psp_main"


def test_a_receipt_without_a_provider_is_in_the_bank() -> None:
    draft = postings.receipt_from_provider(charge_id=CAUSE, **ABOUT, instance=None, parts=ReceiptParts(rent=yuan("80")))
    assert lines_of(draft) == {"BANK": "80.00", "RENT_RECEIVABLE": "-80.00"}


def test_suspense_is_allocated_or_refunded() -> None:
    allocated = postings.receipt_allocated_from_suspense(
        allocation_id=CAUSE, **ABOUT, rent=yuan("9"), penalty=yuan("1")
    )
    assert lines_of(allocated) == {
        "UNALLOCATED_RECEIPTS": "10.00",
        "RENT_RECEIVABLE": "-9.00",
        "PENALTY_RECEIVABLE": "-1.00",
    }
    owed = postings.refund_owed(refund_id=CAUSE, **ABOUT, amount=yuan("5"))
    paid = postings.refund_paid(refund_id=CAUSE, **ABOUT, instance="psp_main", amount=yuan("5"))
    assert lines_of(owed) == {"UNALLOCATED_RECEIPTS": "5.00", "REFUNDS_PAYABLE": "-5.00"}
    assert lines_of(paid) == {"REFUNDS_PAYABLE": "5.00", "PROVIDER_CLEARING": "-5.00"}


def test_a_payoff_makes_all_of_it_receivable() -> None:
    payoff = Payoff(principal=yuan("5000"), interest=yuan("40"), fee=yuan("150"), rebate=yuan("60"))
    assert payoff.total == yuan("5130")
    assert lines_of(postings.payoff_agreed(settlement_id=CAUSE, **ABOUT, payoff=payoff)) == {
        "RENT_RECEIVABLE": "5130.00",
        "LEASE_PRINCIPAL": "-5000.00",
        "FINANCE_INCOME": "20.00",
        "SETTLEMENT_FEE_INCOME": "-150.00",
    }


def test_the_deposit_pays_what_is_due_and_goes_back() -> None:
    offset = postings.deposit_offset(offset_id=CAUSE, **ABOUT, rent=yuan("9"), penalty=yuan("1"))
    assert lines_of(offset)["SECURITY_DEPOSITS"] == "10.00"
    returned = postings.deposit_returned(payout_id=CAUSE, **ABOUT, instance="psp_main", amount=yuan("5"))
    assert lines_of(returned) == {"SECURITY_DEPOSITS": "5.00", "PROVIDER_CLEARING": "-5.00"}


def test_a_provider_settles_less_its_fee() -> None:
    draft = postings.provider_settled(
        settlement_ref="2026-01-05", value_on=DAY, instance="psp_main", amount=yuan("100"), fee=yuan("0.60")
    )
    assert lines_of(draft) == {"BANK": "99.40", "PROVIDER_FEES": "0.60", "PROVIDER_CLEARING": "-100.00"}
    assert draft.contract_id is None


def test_cars_capital_and_payouts() -> None:
    bought = postings.vehicle_purchased(vehicle_id=CAUSE, **ABOUT, cost=yuan("9"))
    paid = postings.vehicle_paid(payout_id=CAUSE, **ABOUT, instance=None, amount=yuan("9"))
    insurer = postings.third_party_paid(
        payout_id=CAUSE, **ABOUT, instance="psp_main", amount=yuan("9"), payee="insurer"
    )
    funded = postings.provider_funded(funding_ref="1", value_on=DAY, instance="psp_main", amount=yuan("9"))
    capital = postings.capital_paid_in(payment_ref="1", value_on=DAY, amount=yuan("9"))
    assert lines_of(bought) == {"LEASED_ASSETS": "9.00", "PAYABLES": "-9.00"}
    assert lines_of(paid) == {"PAYABLES": "9.00", "BANK": "-9.00"}
    assert lines_of(insurer) == {"PAYABLES": "9.00", "PROVIDER_CLEARING": "-9.00"}
    assert lines_of(funded) == {"PROVIDER_CLEARING": "9.00", "BANK": "-9.00"}
    assert lines_of(capital) == {"BANK": "9.00", "CAPITAL": "-9.00"}


def test_a_loss_takes_everything_off_the_books() -> None:
    loss = Loss(principal=yuan("900"), rent=yuan("90"), penalty=yuan("10"))
    draft = postings.written_off(write_off_id=CAUSE, **ABOUT, loss=loss, reason="car lost")
    assert lines_of(draft)["CREDIT_LOSSES"] == "1000.00"


def test_title_passes_for_the_option_price() -> None:
    draft = postings.title_transferred(**ABOUT, price=yuan("100"), residual=yuan("120"))
    assert lines_of(draft) == {"RENT_RECEIVABLE": "100.00", "LEASE_PRINCIPAL": "-120.00", "DISPOSAL_RESULT": "20.00"}


@pytest.mark.parametrize("amount", [Money(0), Money(-1)])
def test_nothing_and_less_is_refused(amount: Money) -> None:
    with pytest.raises(InvalidInput) as refusal:
        postings.penalty_accrued(instalment_id=CAUSE, **ABOUT, amount=amount)
    assert refusal.value.field == "amount"


def test_negative_parts_are_refused() -> None:
    with pytest.raises(InvalidInput, match="penalty: must not be negative"):
        postings.receipt_from_provider(
            charge_id=CAUSE, **ABOUT, instance="psp", parts=ReceiptParts(rent=Money(5), penalty=Money(-1))
        )


def _view(draft: EntryDraft, reverses_id: EntryId | None = None) -> EntryView:
    lines = tuple(LineView(account=line.account, amount=line.amount, instance=line.instance) for line in draft.lines)
    return EntryView(
        id=EntryId(CAUSE),
        number=1,
        ref=draft.ref,
        kind=draft.kind,
        value_on=draft.value_on,
        posted_on=DAY,
        posted_by="test",
        contract_id=draft.contract_id,
        memo=draft.memo,
        reverses_id=reverses_id,
        lines=lines,
    )


def test_a_reversal_is_the_mirror() -> None:
    draft = postings.refund_paid(refund_id=CAUSE, **ABOUT, instance="psp_main", amount=yuan("5"))
    mirror = postings.reversal(_view(draft), reason="paid by mistake")
    assert lines_of(mirror) == {"REFUNDS_PAYABLE": "-5.00", "PROVIDER_CLEARING": "5.00"}
    assert mirror.reverses_id == CAUSE


def test_a_reversal_is_not_reversed_and_wants_a_reason() -> None:
    view = _view(postings.refund_owed(refund_id=CAUSE, **ABOUT, amount=yuan("5")), EntryId(UUID(int=9)))
    with pytest.raises(RuleBroken):
        postings.reversal(view, reason="again")
    with pytest.raises(InvalidInput, match="reason"):
        postings.reversal(_view(postings.refund_owed(refund_id=CAUSE, **ABOUT, amount=yuan("5"))), reason=" ")


def _line(account: Account, minor: int, currency: str = "CNY") -> Line:
    instance = "psp" if CHART[account].by_instance else None
    return Line(account=account, amount=Money(minor, currency), instance=instance)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((_line(Account.BANK, 100), _line(Account.CAPITAL, -99)), "0.01 CNY too much debit"),
        ((_line(Account.BANK, 100), _line(Account.CAPITAL, -100, "USD")), "one currency"),
        ((), "one currency"),
    ],
)
def test_a_draft_that_does_not_balance_cannot_be_made(lines: tuple[Line, ...], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        EntryDraft(ref="x:1", kind="x", value_on=DAY, lines=lines)


def test_a_line_names_an_instance_where_the_account_wants_one() -> None:
    with pytest.raises(InvalidInput, match="needs a provider instance"):
        Line(account=Account.PROVIDER_CLEARING, amount=Money(1))
    with pytest.raises(InvalidInput, match="does not take a provider instance"):
        Line(account=Account.BANK, amount=Money(1), instance="psp")
    with pytest.raises(InvalidInput, match="a line of nothing"):
        Line(account=Account.BANK, amount=Money(0))


@pytest.mark.parametrize(("ref", "memo", "field"), [("", "", "ref"), ("r" * 121, "", "ref"), ("r", "m" * 401, "memo")])
def test_reference_and_memo_have_a_length(ref: str, memo: str, field: str) -> None:
    lines = _line(Account.BANK, 1), _line(Account.CAPITAL, -1)
    with pytest.raises(InvalidInput) as refusal:
        EntryDraft(ref=ref, kind="x", value_on=DAY, lines=lines, memo=memo)
    assert refusal.value.field == field


def test_the_fingerprint_is_what_is_booked() -> None:
    lines = _line(Account.BANK, 1), _line(Account.CAPITAL, -1)
    draft = EntryDraft(ref="x:1", kind="x", value_on=DAY, lines=lines)
    same = EntryDraft(ref="x:1", kind="x", value_on=DAY, lines=lines[::-1], memo="told otherwise")
    other = EntryDraft(ref="x:1", kind="x", value_on=date(2026, 1, 6), lines=lines)
    assert draft.fingerprint == same.fingerprint != other.fingerprint
    assert one_of_each([draft, same]) == (draft,)
    with pytest.raises(InvalidInput, match="two different entries"):
        one_of_each([draft, other])


AMOUNTS = st.integers(min_value=0, max_value=10**12).map(Money)


@given(rent=AMOUNTS, penalty=AMOUNTS, unallocated=AMOUNTS)
def test_every_receipt_balances(rent: Money, penalty: Money, unallocated: Money) -> None:
    parts = ReceiptParts(rent=rent, penalty=penalty, unallocated=unallocated)
    if not parts.total:
        return
    draft = postings.receipt_from_provider(charge_id=CAUSE, **ABOUT, instance="psp", parts=parts)
    assert sum(line.amount.minor for line in draft.lines) == 0
    assert draft.lines[0].amount == parts.total


@given(
    price=AMOUNTS, down_share=st.integers(0, 100), margin=st.integers(-(10**9), 10**9), fees=AMOUNTS, service=AMOUNTS
)
def test_every_commencement_balances(price: Money, down_share: int, margin: int, fees: Money, service: Money) -> None:
    down = price.times(Decimal(down_share) / 100)
    start = Commencement(
        financed=price - down + fees + service,
        down_payment=down,
        car_price=price,
        car_cost=price - Money(margin),
        third_party_fees=fees,
        service_fees=service,
    )
    if not (price or fees or service or margin):
        return
    draft = postings.lease_commenced(**ABOUT, start=start)
    assert sum(line.amount.minor for line in draft.lines) == 0
