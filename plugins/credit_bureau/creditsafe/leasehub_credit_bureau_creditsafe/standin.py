"""The vendor as a stand-in: it locks out who guesses, gives tokens of an hour, knows some companies and bills each report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.core.provider import Clock
from hub.testing.kit.rig import Booking
from hub.testing.wire import WireVendor

_LOCK_AFTER, _WITHIN, _LOCKED = 5, timedelta(minutes=2), timedelta(minutes=5)
_CRITERIA = ("id", "safeNo", "regNo", "vatNo", "name")


class CreditsafeVendor(WireVendor):
    """One account; `countries` are those of its contract, `companies` the vendor's register by connect id."""

    def __init__(self, clock: Clock, *, username: str, password: str, countries: Sequence[str] = ("CN",)) -> None:
        super().__init__(clock)
        self.account = {"username": username, "password": password}
        self.countries = tuple(countries)
        self.companies: dict[str, dict[str, Any]] = {}
        self.ratings: dict[str, dict[str, Any]] = {}
        self.failed_sections: list[str] = []
        self.tokens: dict[str, datetime] = {}
        self.wrong: list[datetime] = []
        self.locked_until: datetime | None = None

    def routes(self) -> Sequence[Route]:
        """What of Connect is asked for."""
        return (
            Route("/v1/authenticate", self._authenticate, methods=["POST"]),
            Route("/v1/access", self._guarded(self._access)),
            Route("/v1/companies", self._guarded(self._search)),
            Route("/v1/companies/{company:path}", self._guarded(self._report)),
        )

    async def settle(self) -> None:
        """Nothing waits here for anybody."""

    def add_company(self, number: str, name: str, score: object = "71", *, country: str = "CN", **more: object) -> str:
        """A company in the register; gives its connect id."""
        connect_id = f"{country}-X-{number}"
        self.companies[connect_id] = {
            "id": connect_id,
            "country": country,
            "regNo": number,
            "vatNo": [number],
            "safeNo": f"{country}{len(self.companies):08d}",
            "name": name,
            "type": "Ltd",
            "status": "Active",
            "address": {"simpleValue": "Shanghai"},
            **more,
        }
        self.ratings[connect_id] = {
            "commonValue": "A",
            "commonDescription": "Very Low Risk",
            "creditLimit": {"currency": "CNY", "value": "1500000"},
            "providerValue": {"maxValue": "100", "minValue": "1", "value": score},
            "pod": 0.0031,
        }
        return connect_id

    async def _authenticate(self, request: Request) -> Response:
        now = self.clock.now()
        if self.locked_until is not None and now < self.locked_until:
            return JSONResponse({"message": "Too Many Requests"}, 429)
        if await request.json() != self.account:
            self.wrong = [at for at in self.wrong if now - at < _WITHIN] + [now]
            if len(self.wrong) >= _LOCK_AFTER:
                self.locked_until = now + _LOCKED
            return JSONResponse({"message": "Access denied"}, 401)
        token = f"eyJ-token-{len(self.tokens) + 1}"
        self.tokens[token] = now + timedelta(hours=1)
        return JSONResponse({"token": token})

    def _guarded(self, answer: Any) -> Any:
        async def guarded(request: Request) -> Response:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            ends = self.tokens.get(token)
            if ends is None or self.clock.now() >= ends:
                return JSONResponse({"error": "Invalid Token"}, 401)
            found: Response = await answer(request)
            return found

        return guarded

    async def _access(self, request: Request) -> Response:
        services = [{"countryIso2": one, "paid": 100, "used": len(self.bookings)} for one in self.countries]
        access = {"creditsafeConnectOnlineReports": services, "creditsafeConnectMonitoring": []}
        return JSONResponse({"correlationId": self._correlation(), "countryAccess": access})

    async def _search(self, request: Request) -> Response:
        asked = request.query_params
        if not asked.get("countries") or not any(asked.get(name) for name in _CRITERIA):
            return self._refused("Insufficient search criteria")
        if not set(asked["countries"].split(",")) <= set(self.countries):
            return JSONResponse({"message": "Access forbidden"}, 403)
        found = [
            one
            for one in self.companies.values()
            if one["country"] in asked["countries"].split(",")
            and asked.get("regNo", one["regNo"]) == one["regNo"]
            and asked.get("vatNo", one["vatNo"][0]) in one["vatNo"]
        ]
        if not found:
            messages = [{"type": "Information", "code": "NoResults", "text": "no results found for search criteria"}]
            return JSONResponse({"totalSize": 0, "companies": {}, "messages": messages})
        page = {"correlationId": self._correlation(), "messages": [], "totalSize": len(found)}
        return JSONResponse(page | {"companies": found[: int(asked.get("pageSize", "10"))]})

    async def _report(self, request: Request) -> Response:
        company = self.companies.get(request.path_params["company"])
        if company is None:
            return self._refused("Company not found", 404)
        if company["country"] == "DE" and "de_reason_code::" not in request.query_params.get("customData", ""):
            messages = [{"type": "Error", "code": "InsufficientCustomerData", "text": "reason code"}]
            return JSONResponse({"correlationId": self._correlation(), "messages": messages}, 400)
        self.bookings.append(Booking(key=request.query_params.get("callRef", "")))
        rating = {} if "CreditScore" in self.failed_sections else {"currentCreditRating": self.ratings[company["id"]]}
        score = rating | {"latestRatingChangeDate": "2025-11-01T00:00:00Z"}
        report = {"companyId": company["id"], "companySummary": {"businessName": company["name"]}, "creditScore": score}
        answer = {"correlationId": self._correlation(), "failedSections": self.failed_sections, "report": report}
        return JSONResponse(answer | {"companyId": company["id"], "language": request.query_params.get("language")})

    def _refused(self, details: str, status: int = 400) -> Response:
        body = {"correlationId": self._correlation(), "message": "Bad Request", "details": details}
        return JSONResponse(body, status)

    def _correlation(self) -> str:
        return f"correlation-{len(self.received)}"
