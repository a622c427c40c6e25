"""One direct lease from the first lead to the day it begins, each stage taken through the API by whoever's part it is."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any
from zipfile import ZipFile

from pypdf import PdfReader
from stdnum.cn import ric

from hub.infra.access import Role
from tests.stories.world import Json, Person, World

CREW: dict[str, tuple[Role, ...]] = {
    "sales": (Role.SALES,),
    "credit": (Role.CREDIT_OFFICER,),
    "approver": (Role.APPROVER,),
    "operations": (Role.OPERATIONS,),
    "collector": (Role.COLLECTOR,),
    "accountant": (Role.ACCOUNTANT,),
}
A_PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
MATERIALS = ("identity_document", "income_proof")
_serials = count(1)

TERMS: dict[str, Any] = {
    "lease_type": "direct",
    "method": "equal_instalments",
    "term": {"least": 3, "most": 60},
    "financed_amount": {"least": "10000.00", "most": "800000.00"},
    "annual_rate": {"least": "0.04", "most": "0.14"},
    "down_payment": {"least": "0.10", "most": "0.60"},
    "deposit": {"least": "0", "most": "0.10"},
    "fees": [
        {"kind": "insurance", "payee": "third_party"},
        {"kind": "purchase_tax", "payee": "third_party"},
        {"kind": "service_fee", "payee": "lessor", "may_be_financed": False},
    ],
    "penalty": {"daily_rate": "0.0005", "grace_days": 3, "cap_share": "0.2"},
    "early_settlement": {"lock_in_months": 3, "fee_share": "0.02"},
    "purchase_option": "0.00",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessee:
    """Somebody who wants a car."""

    name: str
    identity: str
    phone: str
    account: str
    vin: str
    bank: str = "ICBC"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What of them nobody may find in a log of calls."""
        return self.name, self.identity, self.phone, self.account


def somebody() -> Lessee:
    """A further lessee, unlike all before."""
    serial = next(_serials)
    body = f"11010119900307{serial:03d}"
    return Lessee(
        name="欧阳建国",
        identity=body + ric.calc_check_digit(body + "0"),
        phone=f"138{serial:08d}",
        account=f"621700{serial:013d}",
        vin=f"LFP90WER3T{serial:07d}",
    )


def deal(world: World, version: str, **other: Any) -> dict[str, Any]:
    """What is quoted: a car of 128,000.00 with 110,400.00 of it and its insurance financed."""
    return {
        "product_version_id": version,
        "branch_id": world.branches["north"],
        "car_model": "轩逸 1.6L",
        "car_price": "128000.00",
        "fees": [
            {"kind": "insurance", "amount": "8000.00", "financed": True},
            {"kind": "purchase_tax", "amount": "11327.43", "financed": False},
        ],
        "down_payment": "25600.00",
        "deposit": "6400.00",
        "service_fee": "1500.00",
        "term_months": 6,
        "annual_rate": "0.1188",
        "starts_on": world.today.isoformat(),
    } | other


async def open_product(world: World, **terms: Any) -> str:
    """A product on offer; its version's id."""
    boss = world.people["admin"]
    made = await boss.post("/products", {"code": "DIRECT-A", "name": "标准直租", "terms": TERMS | terms})
    assert made["state"] == "draft"
    published = await boss.post(f"/product-versions/{made['id']}/publication")
    assert published["state"] == "published"
    return str(made["id"])


@dataclass(slots=True, kw_only=True)
class Lease:
    """One lease as it comes about; every id is the API's."""

    world: World
    version: str
    lessee: Lessee = field(default_factory=somebody)
    terms: dict[str, Any] = field(default_factory=dict)
    lead: str = ""
    party: str = ""
    quote: Json = None
    application: str = ""
    check: str = ""
    contract: str = ""
    number: str = ""
    vehicle: str = ""
    device: str = ""
    dealer: str = ""

    def by(self, login: str) -> Person:
        """Who does the next thing."""
        return self.world.people[login]

    # From the lead to the approval

    async def register(self) -> None:
        """A lead is taken down, and becomes a customer with an account to debit."""
        sales, who, branch = self.by("sales"), self.lessee, self.world.branches["north"]
        lead = await sales.post(
            "/leads", {"branch_id": branch, "name": who.name, "phone": who.phone, "source": "walk_in", "wanted": "轩逸"}
        )
        self.lead = lead["id"]
        assert (lead["state"], lead["name"]) == ("open", f"{who.name[0]}***")
        person = {
            "branch_id": branch,
            "name": who.name,
            "document_number": who.identity,
            "phone": who.phone,
        }
        party = await sales.post("/parties/persons", person)
        self.party = party["id"]
        assert all(secret not in str(party) for secret in who.secrets)
        await sales.post(f"/parties/{self.party}/employments", {"employer": "北方机床厂", "monthly_income": "18000.00"})
        await sales.post(f"/parties/{self.party}/bank-accounts", {"bank_code": who.bank, "number": who.account})
        assert (await sales.post(f"/leads/{self.lead}/convert", {"party_id": self.party}))["state"] == "converted"

    async def consent(self) -> None:
        """The customer agrees to be checked, located and contacted."""
        for purpose in ("credit_check", "location", "contact"):
            body = {"purpose": purpose, "text_version": "2026-1", "method": "signature"}
            await self.by("sales").post(f"/parties/{self.party}/consents", body)

    async def apply(self, *, materials: tuple[str, ...] = MATERIALS, by: str = "sales") -> None:
        """A quote is made, an application drafted on it, and its material put together."""
        seller = self.by(by)
        wish = deal(self.world, self.version, lead_id=self.lead, **self.terms)
        self.quote = await seller.post("/quotes", wish)
        drafted = await seller.post(
            "/applications", {"party_id": self.party, "quote_id": self.quote["id"], "vin": self.lessee.vin}
        )
        self.application = drafted["id"]
        assert (drafted["state"], drafted["financed"]) == ("draft", self.quote["price"]["financed"])
        for kind in materials:
            await seller.put(
                f"/applications/{self.application}/materials/{kind}",
                files={"file": (f"{kind}.pdf", A_PDF, "application/pdf")},
            )

    async def submit(self, *, by: str = "sales") -> None:
        """The application is handed in."""
        handed_in = await self.by(by).post(f"/applications/{self.application}/submit")
        assert handed_in["state"] == "submitted"

    async def check_credit(self, outcome: str = "pass", *, score: int = 720) -> Json:
        """A bureau is asked, and the application is judged by what it says."""
        case = {"document": self.lessee.identity, "score": score, "reasons": [], "facts": {"debt_ratio": "0.31"}}
        await self.world.control("credit_bureau", "script", cases=[case])
        check = await self.by("credit").post("/credit/checks", {"application_id": self.application})
        assert check["state"] == "requested"
        self.check = check["id"]
        await self.world.settle()
        check = await self.by("credit").get(f"/credit/checks/{self.check}")
        assert (check["state"], check["outcome"], check["instance"]) == ("reported", outcome, "bureau_main")
        assert (await self.application_now())["state"] == "under_review"
        return check

    async def approve(self) -> None:
        """Another person says yes."""
        decided = await self.by("approver").post(f"/applications/{self.application}/decisions", {"decision": "approve"})
        assert decided["state"] == "approved"

    async def application_now(self) -> Json:
        """The application as it stands."""
        return await self.by("sales").get(f"/applications/{self.application}")

    # From the contract to the day the lease begins

    async def draft(self) -> None:
        """The contract is written."""
        drafted = await self.by("operations").post("/contracts", {"application_id": self.application})
        self.contract, self.number = drafted["id"], drafted["number"]
        assert drafted["state"] == "drafted"

    async def sign(self) -> None:
        """The papers go out, both sides sign, and the vendor's callback brings the news."""
        sent = await self.by("operations").post(f"/contracts/{self.contract}/signature")
        assert sent["state"] == "out_for_signature"
        await self.world.settle()
        await self.expect("out_for_signature")
        [envelope] = [
            one for one in (await self.world.books("esign"))["envelopes"] if one["subject"].endswith(self.number)
        ]
        await self.world.control("esign", f"envelopes/{envelope['ref']}/sign")
        await self.world.settle()
        await self.expect("signed")

    async def paper(self, language: str, *, signed: bool = False) -> str:
        """The text of the contract in a language, without blanks; the stand-in gives signed papers back in an archive."""
        path = f"/contracts/{self.contract}/documents/{language}.pdf"
        answer = await self.by("operations").ask("GET", path, params={"signed": signed})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == ("application/zip" if signed else "application/pdf")
        content = io.BytesIO(answer.content)
        if signed:
            content = io.BytesIO(ZipFile(content).read(f"{self.number}.{language}.pdf"))
        return "".join("".join(page.extract_text() for page in PdfReader(content).pages).split())

    async def pay_at_signing(self) -> None:
        """A mandate is asked for and given, and everything due at signing is debited under it."""
        due = await self.by("operations").post(f"/contracts/{self.contract}/signing-payments")
        assert {one["state"] for one in due} == {"due"}
        await self.receive_mandate()

    async def receive_mandate(self) -> None:
        """The payer agrees, and what is due at signing is debited."""
        await self.world.settle()
        assert [one["state"] for one in await self.mandates()] == ["pending"]
        await self.world.wait(timedelta(seconds=10))
        assert [one["state"] for one in await self.mandates()] == ["active"]
        await self.expect("funded")

    async def buy(self) -> None:
        """The car is ordered, confirmed and received, and a device waits for it."""
        operations = self.by("operations")
        order = {"vin": self.lessee.vin, "cost": "121000.00", "dealer": "北京东方汽车"}
        if self.dealer:
            order["channel_id"] = self.dealer
        self.vehicle = (await operations.post(f"/contracts/{self.contract}/vehicle", order))["vehicle_id"]
        await operations.post(f"/vehicles/{self.vehicle}/confirmation", {"paper_ref": "PO-1"})
        received = await operations.post(
            f"/vehicles/{self.vehicle}/receipt", {"inspection": "ok", "paper_ref": "GR-1", "mileage_km": 8}
        )
        assert (received["status"], received["title_holder"], received["held_for"]) == (
            "reserved",
            "lessor",
            self.contract,
        )
        device = {
            "branch_id": self.world.branches["north"],
            "terminal_id": f"T-{self.lessee.vin[-7:]}",
            "instance": "gps_main",
        }
        self.device = (await operations.post("/devices", device))["id"]

    async def disburse(self, *, by: str = "accountant") -> Json:
        """Somebody approves what is drafted for the contract, as it is shown, and the money goes out."""
        for one in await self.disbursements("drafted"):
            seen = {"amount": one["amount"], "last_four": one["last_four"]}
            approved = await self.by(by).post(f"/disbursements/{one['id']}/approval", seen)
            assert (approved["state"], approved["approved_by"]) == ("paying", by)
        await self.world.wait(timedelta(seconds=10))
        return await self.disbursements()

    async def disbursements(self, state: str | None = None) -> Json:
        """What is owed for the contract, or was, in the order of the drafts."""
        found = await self.by("accountant").get("/disbursements", contract_id=self.contract)
        return [one for one in found if state in (None, one["state"])]

    async def deliver(self) -> None:
        """The device is built in, and the car handed over."""
        operations = self.by("operations")
        bound = await operations.put(f"/devices/{self.device}/binding", {"vehicle_id": self.vehicle})
        assert (bound["state"], bound["vehicle_id"]) == ("installed", self.vehicle)
        await operations.post(f"/contracts/{self.contract}/delivery", self.delivery_note())
        assert (await operations.get(f"/vehicles/{self.vehicle}"))["status"] == "leased"

    def delivery_note(self) -> dict[str, Any]:
        """The delivery of today."""
        return {"delivered_on": self.world.today.isoformat(), "mileage_km": 8, "paper_ref": "DN-1"}

    async def commence(self) -> None:
        """The lease begins, and its account is open with the schedule that was quoted."""
        begun = await self.by("operations").post(
            f"/contracts/{self.contract}/commencement", {"commenced_on": self.world.today.isoformat()}
        )
        assert begun["state"] == "active"
        account = await self.account()
        quoted = self.quote["price"]["schedule"]
        assert [one["rent"] for one in account["instalments"]] == [one["rent"] for one in quoted]
        assert {one["state"] for one in account["instalments"]} == {"scheduled"}
        assert account["state"] == "active"

    async def run(self) -> Lease:
        """All of it, in order, on one day."""
        for stage in (self.register, self.consent, self.apply, self.submit, self.check_credit, self.approve):
            await stage()
        for stage in (self.draft, self.sign, self.pay_at_signing, self.buy, self.deliver, self.commence):
            await stage()
        return self

    # Looking

    async def expect(self, state: str) -> Json:
        """The contract, which must be in this state."""
        found = await self.by("operations").get(f"/contracts/{self.contract}")
        assert found["state"] == state
        return found

    async def mandates(self) -> Json:
        """The mandates of the contract."""
        return await self.by("operations").get(f"/contracts/{self.contract}/mandates")

    async def account(self) -> Json:
        """The account with its schedule."""
        return await self.by("accountant").get(f"/contracts/{self.contract}/account")

    async def rent(self, number: int) -> Json:
        """One rent of the schedule, from 1."""
        return (await self.account())["instalments"][number - 1]

    async def due_on(self, number: int) -> date:
        """When a rent is due."""
        return date.fromisoformat((await self.rent(number))["due_on"])

    async def charges(self, purpose: str | None = None) -> Json:
        """The debits of the contract, oldest first."""
        found = await self.by("accountant").get(f"/contracts/{self.contract}/charges")
        return [one for one in reversed(found) if purpose in (None, one["purpose"])]

    async def vendor_charges(self, due_on: date | None = None) -> Json:
        """What the vendor has in its books of this contract."""
        found = (await self.world.books("payments"))["charges"]
        return [
            one
            for one in found
            if one["agreement"] == self.number and due_on in (None, date.fromisoformat(one["due_on"]))
        ]
