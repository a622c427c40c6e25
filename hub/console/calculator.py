"""The calculator: a deal as it is typed, priced before it is kept, and the quote that keeps it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from hub.console.charts import Bar
from hub.console.creation import Creation, Preview, branch_field
from hub.console.forms import Field, Kind, Option, Values
from hub.console.i18n import N_
from hub.console.labels import label
from hub.console.page import Fact, Look
from hub.console.visit import Visit
from hub.core.errors import InvalidInput
from hub.core.ids import BranchId, LeadId, ProductVersionId
from hub.core.money import Money
from hub.infra.access import Permission as P
from hub.leasing.leads import service as leads
from hub.leasing.products import service as products
from hub.leasing.quotes import service as quotes
from hub.leasing.quotes.pricing import price
from hub.leasing.quotes.rules import Deal, Fee, Price
from hub.leasing.schedules.rules import NOTHING

# What the fees that most lessors know are called; any other is called by its code.
_FEES: Mapping[str, str] = {
    "insurance": N_("Insurance"),
    "purchase_tax": N_("Purchase tax"),
    "gps_fee": N_("GPS fee"),
    "plate_registration": N_("Plate registration"),
    "accessories": N_("Accessories"),
    "service_fee": N_("Service fee"),
}
_ALLOWED = "the product allows "
_MOST_PRODUCTS = 200


def fee_name(kind: str) -> str:
    """What a kind of fee is called, as a text to translate."""
    return _FEES.get(kind) or label(kind)


async def _fields(visit: Visit) -> Sequence[Field]:
    offered = [one for one in await products.list_products(visit.tx, limit=_MOST_PRODUCTS) if one.published_version_id]
    options = tuple(Option(value=str(one.published_version_id), label=one.name, is_name=True) for one in offered)
    money = Kind.MONEY
    return (
        Field(name="lead_id", label=N_("Lead"), kind=Kind.HIDDEN, required=False),
        Field(name="party_id", label=N_("Customer"), kind=Kind.HIDDEN, required=False),
        await branch_field(visit),
        Field(
            name="product_version_id",
            label=N_("Product"),
            kind=Kind.CHOICE,
            options=options,
            start=options[0].value if len(options) == 1 else "",
        ),
        Field(name="car_model", label=N_("Car"), longest=120),
        Field(name="car_price", label=N_("Car price"), kind=money),
        Field(name="down_payment", label=N_("Down payment"), kind=money),
        Field(name="deposit", label=N_("Deposit"), kind=money, required=False),
        Field(name="service_fee", label=N_("Service fee"), kind=money, required=False, help=N_("Paid at signing.")),
        Field(name="balloon", label=N_("Balloon"), kind=money, required=False, help=N_("Left to the end of the term.")),
        Field(name="term_months", label=N_("Term in months"), kind=Kind.NUMBER),
        Field(name="annual_rate", label=N_("Annual rate"), kind=Kind.SHARE, help=N_("A percentage such as 8.88.")),
        *[field for kind in await _kinds(visit, offered) for field in _fee_fields(kind)],
        Field(name="starts_on", label=N_("Starts on"), kind=Kind.DAY, start=visit.tx.today.isoformat()),
    )


async def _kinds(visit: Visit, offered: Sequence[Any]) -> list[str]:
    """Every kind of fee that a product on offer knows, in the order of the products."""
    kinds: dict[str, None] = {}
    for one in offered:
        version = await products.get_version(visit.tx, one.published_version_id)
        kinds |= dict.fromkeys(rule.kind for rule in version.terms.fees if rule.kind != "service_fee")
    return list(kinds)


def _fee_fields(kind: str) -> tuple[Field, Field]:
    return (
        Field(name=f"fee_{kind}", label=fee_name(kind), kind=Kind.MONEY, required=False),
        Field(name=f"financed_{kind}", label=N_("financed, not paid at signing"), kind=Kind.YES, required=False),
    )


def _deal(values: Values) -> Deal:
    """The deal that a form means."""
    return Deal(
        car_model=values["car_model"],
        car_price=values["car_price"],
        fees=_fees(values),
        down_payment=values["down_payment"],
        deposit=values["deposit"] or NOTHING,
        service_fee=values["service_fee"] or NOTHING,
        balloon=values["balloon"] or NOTHING,
        term_months=values["term_months"],
        annual_rate=values["annual_rate"],
        starts_on=values["starts_on"],
    )


def _fees(values: Values) -> tuple[Fee, ...]:
    typed = {name.removeprefix("fee_"): amount for name, amount in values.items() if name.startswith("fee_")}
    return tuple(
        Fee(kind=kind, amount=amount, financed=values[f"financed_{kind}"])
        for kind, amount in typed.items()
        if amount is not None and amount != NOTHING
    )


def _at_its_field(visit: Visit, error: InvalidInput, fees: Sequence[Fee]) -> InvalidInput:
    """What the price list says of a deal, at the field of the form that it is about."""
    field, reason = error.field, error.reason
    if reason.startswith(_ALLOWED):
        reason = visit.say(N_("the product allows %(allowed)s"), allowed=reason.removeprefix(_ALLOWED))
    if field == "financed_amount":
        return InvalidInput("", f"{visit.say(N_('Financed amount'))}: {reason}")
    if field.startswith("fees."):
        _, place, what = field.split(".")
        return InvalidInput(f"{'financed' if what == 'financed' else 'fee'}_{fees[int(place)].kind}", reason)
    return InvalidInput(field, reason)


async def _preview(visit: Visit, values: Values) -> Preview:
    version = await products.get_version(visit.tx, ProductVersionId(UUID(values["product_version_id"])))
    deal = _deal(values)
    try:
        priced = price(version.terms, deal, today=visit.tx.today)
    except InvalidInput as error:
        raise _at_its_field(visit, error, deal.fees) from None
    return "quote_figures.html", figures(visit, deal, priced)


async def _make(visit: Visit, values: Values) -> str:
    deal = _deal(values)
    lead_id = _id("lead_id", values["lead_id"])
    lead = None if lead_id is None else await leads.get_lead(visit.tx, LeadId(lead_id))
    party_id = _id("party_id", values["party_id"])
    try:
        quote = await quotes.make_quote(
            visit.tx,
            product_version_id=ProductVersionId(UUID(values["product_version_id"])),
            branch_id=BranchId(UUID(values["branch_id"])),
            lead_id=None if lead is None else lead.id,
            **{one.name: getattr(deal, one.name) for one in dataclasses.fields(deal)},
        )
    except InvalidInput as error:
        raise _at_its_field(visit, error, deal.fees) from None
    # Who is quoted as a customer already goes on to the application; the quote itself knows only leads.
    return f"/quotes/{quote.id}" if party_id is None else f"/quotes/{quote.id}/do/application?party_id={party_id}"


def _id(name: str, text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise InvalidInput(name, N_("is not one of the choices")) from None


NEW_QUOTE = Creation(
    path="/quotes/new",
    title=N_("New quote"),
    plural=N_("Quotes"),
    list_path="/quotes",
    permission=P.QUOTES_WRITE,
    button=N_("Keep the quote"),
    fields=_fields,
    perform=_make,
    preview=_preview,
    explain=N_("What comes of it is shown before anything is kept."),
)


# What comes of a deal


def figures(visit: Visit, deal: Deal, priced: Price) -> Mapping[str, Any]:
    """What a deal costs, as it is drawn: altogether, at signing, month by month."""
    bars = [
        Bar(
            label=str(one.number),
            parts=((one.principal.amount, "main"), (one.interest.amount, "second")),
            title=f"{one.number} · {one.due_on.isoformat()} · {one.rent.amount:,}",
        )
        for one in priced.schedule
    ]
    shown = {"financed": financed(deal, priced), "terms": terms(deal, priced), "signing": signing(priced)}
    return {**shown, "bars": bars, "deal": deal, "priced": priced}


def terms(deal: Deal, priced: Price) -> tuple[Fact, ...]:
    """For how long, at which rate, and what it costs altogether."""
    return (
        Fact(label=N_("Term in months"), value=deal.term_months, look=Look.NUMBER),
        Fact(label=N_("Annual rate"), value=deal.annual_rate, look=Look.PERCENT),
        Fact(label=N_("Effective annual rate"), value=priced.effective_annual_rate, look=Look.PERCENT),
        Fact(label=N_("All rents"), value=priced.total_rent, look=Look.MONEY),
        Fact(label=N_("Interest in them"), value=priced.total_interest, look=Look.MONEY),
        Fact(label=N_("Purchase option"), value=priced.purchase_option, look=Look.MONEY),
        Fact(label=N_("Total cost"), value=priced.total_cost, look=Look.MONEY),
    )


def financed(deal: Deal, priced: Price) -> tuple[Fact, ...]:
    """What is financed: the price less the down payment, and the fees that are financed."""
    fees = Money.total(fee.amount for fee in deal.fees if fee.financed)
    return (
        Fact(label=N_("Car price"), value=deal.car_price, look=Look.MONEY),
        Fact(label=N_("Down payment"), value=deal.down_payment, look=Look.MONEY),
        Fact(label=N_("Fees financed"), value=fees, look=Look.MONEY),
        Fact(label=N_("Balloon"), value=deal.balloon, look=Look.MONEY),
        Fact(label=N_("Financed amount"), value=priced.financed, look=Look.MONEY),
    )


def signing(priced: Price) -> tuple[Fact, ...]:
    """What is paid at signing."""
    due = priced.due_at_signing
    return (
        Fact(label=N_("Down payment"), value=due.down_payment, look=Look.MONEY),
        Fact(label=N_("Deposit"), value=due.deposit, look=Look.MONEY),
        Fact(label=N_("Service fee"), value=due.service_fee, look=Look.MONEY),
        Fact(label=N_("Fees not financed"), value=due.fees, look=Look.MONEY),
        Fact(label=N_("All of it"), value=due.total, look=Look.MONEY),
    )
