"""Every word of a case's inputs. Amounts in major units, rates in per cent unless a name says otherwise."""

from __future__ import annotations

from typing import Any

from hub.leasing.cases.vocabulary import (
    Word,
    amount,
    bucket,
    changed,
    count,
    count_or_run,
    day,
    due,
    fee,
    flag,
    many,
    maybe,
    one_or_many,
    paid,
    paid_or_run,
    part_of,
    penalty,
    period,
    text,
)

# What is financed
PRINCIPAL = Word("principal", amount, "the amount that is financed")
FINANCED = Word("financed", amount, "the amount that is financed")
ASSET_COST = Word("asset_cost", amount, "the cost of the asset, all of it financed")
CREDIT = Word("credit", amount, "the amount of a credit")
OUTSTANDING = Word("outstanding", amount, "what is owed and is spread anew")
PRICE = Word("price", amount, "the price; what is financed is the price less the down payment plus fees")
ASSET_PRICE = Word("asset_price", amount, "the price; what is financed is the price less the deposit")
DOWN_PAYMENT = Word("down_payment", amount, "what is paid before anything is financed")
DEPOSIT = Word("deposit", amount, "what the customer pays first, out of the price")
DOWN_PAYMENT_PCT = Word("down_payment_pct", amount, "a first instalment of the financed amount, as a share of it")
DOWN_PAYMENT_DATE = Word("down_payment_date", day, "when that first instalment is paid; the start when left out")
FEES = Word("capitalised_fees", one_or_many(fee), "fees that are financed")
UPFRONT_FEE = Word("upfront_fee", amount, "a fee that is paid at the start and not financed; counts in rates only")
MORE_PAID_OUT = Word("second_disbursement", changed("date", "amount"), "what is paid out later: {date, amount}")
DISBURSEMENTS = Word("disbursements", many(changed("date", "amount")), "further payments out: [{date, amount}]")

# The rate
ANNUAL_RATE = Word("annual_rate_pct", amount, "the nominal rate a year")
MONTHLY_RATE = Word("monthly_rate_pct", amount, "the rate a month")
FLAT_RATE = Word("flat_annual_rate_pct", amount, "a flat rate a year, on the whole principal")
ANNUAL_YIELD = Word("annual_yield_pct", amount, "the nominal yield a year")
EFFECTIVE_RATE = Word("effective_annual_rate_pct", amount, "the effective rate a year, compounded once a year")
LENDER_YIELD = Word("lender_yield_pct", amount, "what the lender earns a year, the subsidy included")
COMPOUNDING = Word("interest_compounding", period, "how often interest is put to the capital, when not with each rent")
RATE_CHANGE = Word("rate_change", changed("from_date", "annual_rate_pct"), "{from_date, annual_rate_pct}")
RATE_CHANGES = Word("rate_changes", many(changed("from_date", "annual_rate_pct")), "several of them")

# The term and its dates
PERIODS = Word("periods", count, "how many instalments")
FREQUENCY = Word("frequency", period, "how far apart they are; monthly when left out")
START = Word("start_date", day, "when the schedule starts")
SCHEDULE_START = Word("schedule_start", day, "where the first period would begin, were it whole")
DISBURSED_ON = Word("disbursement_date", day, "when the money is paid out, if that is not the start")
FIRST_DUE = Word("first_due_date", day, "when the first instalment falls due")
DUE_DAY = Word("due_day", count, "the day of the month on which instalments fall due; 31 is the month's end")
DAY_COUNT = Word("day_count", text, "30/360, 30E/360, actual/360, /364, /365, actual/actual, actual/actual AFB")
MODE = Word("mode", text, '"in advance" or "in arrears"')
IN_ADVANCE = Word("payments_in_advance", count, "how many instalments are paid at the start")
AMORTISATION = Word("amortisation_periods", count, "how many instalments the rent is computed over")
BALANCES_AFTER = Word("balances_after", many(count), "after which instalments the balance is asked for")

# The shape of the rents
METHOD = Word(
    "method", text, "equal instalments 等额本息, equal principal 等额本金, flat 等本等息, interest first 先息后本"
)
INSTALMENT = Word("instalment", amount, "the level instalment, when it is given")
RENTAL = Word("rental", amount, "the level rental, when it is given")
FIXED_INSTALMENT = Word("fixed_instalment", amount, "the instalment whose term is asked for")
ORIGINAL_INSTALMENT = Word("original_instalment", amount, "the instalment before anything happens")
WEIGHTS = Word("weights", many(amount), "how many level instalments each one is: stepped, seasonal")
ROWS = Word("instalments_given", many(maybe(amount)), "each instalment, null where it is to be computed: custom rows")
INTEREST_ONLY = Word("interest_only_periods", count, "how many first instalments pay no principal")
DEFERRED = Word("interest_deferred_periods", count, "how many first instalments pay no interest either")
PRINCIPAL_PCT = Word("principal_per_period_pct", amount, "what each pays back, as a share of the principal")
BALLOON = Word("balloon", amount, "what is left for the end")
BALLOON_PCT = Word("balloon_pct", amount, "what is left for the end, as a share of the price or principal")
RESIDUAL = Word("residual", amount, "the residual value at the end")
RESIDUAL_MONTH = Word("residual_month", count, "after how many periods the residual is paid")
PURCHASE_OPTION = Word("purchase_option", amount, "what the title costs at the end")
PURCHASE_MONTH = Word("purchase_option_month", count, "after how many periods that is paid")
UNGUARANTEED = Word("unguaranteed_residual", amount, "what the lessor expects the asset to be worth at the end")

# Rounding
MULTIPLE = Word("instalment_multiple", amount, "the instalment is a whole number of these")
INSTALMENT_ROUNDING = Word("instalment_rounding", text, 'such as "up to 1"')
DECIMALS = Word("currency_decimals", count, "decimals of the currency")
CURRENCY_MULTIPLE = Word("currency_multiple", amount, "every amount is a whole number of these")
INTEREST_WORDS = Word("interest", text, 'how interest is computed, such as "per period 12%/12"')

# What happens
PAYMENTS = Word("payments", many(paid_or_run), "[{date or month, amount}] or [{count, amount, every}]")
PAID = Word("paid", many(paid), "what has been paid: [{date, amount}]")
STRATEGY = Word("strategy", text, "what paying early does: shorten the term, lower the instalment, next instalments")
SETTLED_ON = Word("settlement_date", day, "when everything is settled")
INTEREST_RULE = Word("interest_rule", text, '"accrue to settlement date", "to the next due date", "rule of 78", "none"')
SETTLEMENT_FEE = Word("settlement_fee_pct", amount, "the fee for settling early, of the balance")
AS_OF = Word("as_of", one_or_many(day), "the day, or days, for which it is told")
RULE = Word("rule", text, "the rule in words")
RESCHEDULED = Word("reschedule_from", day, "the due date from which the term is longer")
EXTRA_PERIODS = Word("extra_periods", count, "by how many instalments the term is longer")
MOVED = Word("move_due_date", changed("from_date", "to_date"), "{from_date, to_date}: later ones follow")
HOLIDAY_FROM = Word("holiday_from", day, "the due date from which no principal is paid")
HOLIDAY_PERIODS = Word("holiday_periods", count, "for how many instalments")
HOLIDAY_INTEREST = Word("holiday_interest", text, '"paid", "deferred" or "capitalised"')
BALLOON_PERIODS = Word("balloon_extension_periods", count, "over how many new instalments the balloon is spread")
BALLOON_RATE = Word("balloon_extension_rate_pct", amount, "at which rate")
NEW_FIRST_DUE = Word("new_first_due_date", day, "when the first of the new instalments falls due")
NEW_PERIODS = Word("new_periods", count, "how many new instalments there are")
OVERDUE_DATES = Word("overdue_due_dates", many(day), "when what is overdue fell due")
FUTURE_DATES = Word("future_due_dates", many(day), "when the instalments to come fall due")
FUTURE_INSTALMENT = Word("future_instalment", amount, "what each of them was to be")

# Lateness
PENALTY = Word("penalty", penalty, "{pct or fixed, base, frequency}")
OVERDUE = Word("overdue", amount, "what is overdue")
DAYS_LATE = Word("days_late", count, "for how many days")
DUE_ON = Word("due_date", day, "when it fell due")
PAID_ON = Word("paid_date", day, "when it was paid")
BOTH_ENDS = Word("both_ends", flag, "whether the due day counts as well as the day of payment")
DAILY_RATE = Word("daily_rate_pct", amount, "the penalty a day")
FIXED_FEE = Word("fixed_fee", amount, "a fee besides")
DAILY_ROUNDED = Word("daily_amount_rounded", flag, "whether the amount of a day is rounded before it is multiplied")
GRACE_DAYS = Word("grace_days", count, "days that bear nothing")
CAP_PCT = Word("cap_pct", amount, "the most of a penalty, of what is overdue")
DUE_AMOUNTS = Word("due", many(due), "[{due_date, amount}]")
BUCKETS = Word("buckets", many(bucket), "[[from, to]] in days")

# Rates and laws
CASH_FLOWS = Word("cash_flows", many(amount), "amounts at the ends of equal periods, the first now")
ADVANCE = Word("advance", amount, "what the customer gets")
AMOUNT_FINANCED = Word("amount_financed", amount, "what the customer gets, of the American rate")
ADVANCE_DATE = Word("advance_date", day, "when")
FIRST_PAYMENT = Word("first_payment_date", day, "when the first payment is made")
CHARGES = Word("charges", many(paid), "fees that the customer pays besides: [{date or month, amount}]")
UNIT_PERIODS = Word("unit_periods_per_year", amount, "how many unit periods a year has")
FROM = Word("from_date", day, "where an interval begins")
TO = Word("to_date", day, "where it ends")
REGULAR = Word("regular_period", text, "year, month or week")
APR = Word("apr_pct", amount, "the annual percentage rate")
INSTALMENTS = Word("instalments", count_or_run, "how many, or {count, amount, mode}")
PAID_COUNT = Word("instalments_paid", count, "how many of them are paid")
AFTER_LAST = Word("settlement_after_last_paid", part_of, "{days, of}: the part of a period since the last")
PERIODS_PAID = Word("periods_paid", count, "how many periods have passed")
TOTAL_INTEREST = Word("total_interest", amount, "all the interest of a term")
CONTRIBUTED = Word("contribution_paid", text, 'when the subsidy is paid: "at start", "at end" or "month 3"')
FAIR_VALUE = Word("fair_value", amount, "what the asset is worth")
CARRYING = Word("carrying_amount", amount, "what it stands in the lessor's books for")
MONTHLY_PAYMENT = Word("monthly_payment", amount, "the payment")

# Leases by a money factor
MSRP = Word("msrp", amount, "the list price")
CAP_COST = Word("cap_cost", amount, "the capitalised cost")
RESIDUAL_OF_MSRP = Word("residual_pct_of_msrp", amount, "the residual, of the list price")
RESIDUAL_PCT = Word("residual_pct", amount, "the residual, of the list price")
MONEY_FACTOR = Word("money_factor", amount, "the money factor: the yearly rate in per cent over 2400")
TAX_PCT = Word("tax_pct", amount, "the tax on each payment")

# The unknown
SOLVE_FOR = Word("solve_for", text, "the unknown: rent, rate, term, price, down_payment or residual")

WORDS: dict[str, Word[Any]] = {word.name: word for word in list(globals().values()) if isinstance(word, Word)}
