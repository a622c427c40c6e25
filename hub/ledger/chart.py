"""The chart of accounts: which accounts the books have, what they are called, which side they grow on.

Four-digit numbers follow the list of accounts in the application guide of the Chinese accounting standards (MoF, 2006,
with 6115 and 6702 from the later forms of financial statements); six digits are our own sub-accounts under them.
What happens between the accounts is in `postings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never


class AccountKind(StrEnum):
    """The five elements of the accounts."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"


class Side(StrEnum):
    """The two sides of an account."""

    DEBIT = "debit"
    CREDIT = "credit"


def normal_side(kind: AccountKind) -> Side:
    """The side on which an account of this kind grows."""
    match kind:
        case AccountKind.ASSET | AccountKind.EXPENSE:
            return Side.DEBIT
        case AccountKind.LIABILITY | AccountKind.EQUITY | AccountKind.INCOME:
            return Side.CREDIT
        case _:
            assert_never(kind)


class Account(StrEnum):
    """Every account of the books, by its code."""

    BANK = "1002"
    PROVIDER_CLEARING = "1012"
    RENT_RECEIVABLE = "1122"
    PENALTY_RECEIVABLE = "1221"
    LEASED_ASSETS = "1461"
    LEASE_PRINCIPAL = "1531"
    PAYABLES = "2202"
    CUSTOMER_PREPAYMENTS = "2203"
    SECURITY_DEPOSITS = "224101"
    UNALLOCATED_RECEIPTS = "224102"
    REFUNDS_PAYABLE = "224103"
    CAPITAL = "4001"
    FINANCE_INCOME = "6041"
    SERVICE_FEE_INCOME = "605101"
    SETTLEMENT_FEE_INCOME = "605102"
    DISPOSAL_RESULT = "6115"
    PENALTY_INCOME = "6301"
    PROVIDER_FEES = "6603"
    CREDIT_LOSSES = "6702"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What the chart says of an account. `by_instance`: each line names the provider instance that holds the money."""

    name_zh: str
    name_en: str
    kind: AccountKind
    by_instance: bool = False

    @property
    def normal_side(self) -> Side:
        """The side on which the account grows."""
        return normal_side(self.kind)


_ASSET, _LIABILITY, _INCOME = AccountKind.ASSET, AccountKind.LIABILITY, AccountKind.INCOME

CHART: dict[Account, AccountFacts] = {
    Account.BANK: AccountFacts(name_zh="银行存款", name_en="Bank", kind=_ASSET),
    Account.PROVIDER_CLEARING: AccountFacts(
        name_zh="支付机构待清算款", name_en="Provider clearing", kind=_ASSET, by_instance=True
    ),
    Account.RENT_RECEIVABLE: AccountFacts(name_zh="应收租金", name_en="Rent receivable", kind=_ASSET),
    Account.PENALTY_RECEIVABLE: AccountFacts(name_zh="应收违约金", name_en="Penalty receivable", kind=_ASSET),
    Account.LEASED_ASSETS: AccountFacts(name_zh="融资租赁资产", name_en="Leased-asset stock", kind=_ASSET),
    Account.LEASE_PRINCIPAL: AccountFacts(
        name_zh="应收融资租赁款本金", name_en="Finance-lease principal receivable", kind=_ASSET
    ),
    Account.PAYABLES: AccountFacts(name_zh="应付账款", name_en="Payable to dealers and third parties", kind=_LIABILITY),
    Account.CUSTOMER_PREPAYMENTS: AccountFacts(name_zh="预收账款", name_en="Customer prepayments", kind=_LIABILITY),
    Account.SECURITY_DEPOSITS: AccountFacts(name_zh="风险保证金", name_en="Security deposits held", kind=_LIABILITY),
    Account.UNALLOCATED_RECEIPTS: AccountFacts(name_zh="待核销收款", name_en="Unallocated receipts", kind=_LIABILITY),
    Account.REFUNDS_PAYABLE: AccountFacts(name_zh="应退款项", name_en="Refunds payable", kind=_LIABILITY),
    Account.CAPITAL: AccountFacts(name_zh="实收资本", name_en="Paid-in capital", kind=AccountKind.EQUITY),
    Account.FINANCE_INCOME: AccountFacts(name_zh="租赁收入", name_en="Finance income", kind=_INCOME),
    Account.SERVICE_FEE_INCOME: AccountFacts(name_zh="服务费收入", name_en="Service fee income", kind=_INCOME),
    Account.SETTLEMENT_FEE_INCOME: AccountFacts(
        name_zh="提前还款手续费收入", name_en="Early-settlement fee income", kind=_INCOME
    ),
    Account.DISPOSAL_RESULT: AccountFacts(name_zh="资产处置损益", name_en="Gain or loss on disposal", kind=_INCOME),
    Account.PENALTY_INCOME: AccountFacts(name_zh="违约金收入", name_en="Penalty income", kind=_INCOME),
    Account.PROVIDER_FEES: AccountFacts(
        name_zh="支付手续费", name_en="Payment provider fees", kind=AccountKind.EXPENSE
    ),
    Account.CREDIT_LOSSES: AccountFacts(
        name_zh="信用减值损失", name_en="Credit losses written off", kind=AccountKind.EXPENSE
    ),
}
