"""Stripe as a stand-in: customers agree on a page that nobody sees, money moves in its books alone, events are signed.

It refuses what Stripe refuses of these calls: other keys, unknown parameters, a key that is used for something else. It
does not know which payment method takes which currency.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.core.money import Money
from hub.core.provider import Clock
from hub.sdk.signing import sign
from hub.testing.kit.rig import Booking
from hub.testing.wire import Callback, WireVendor

Object = dict[str, Any]
Answer = Callable[[Request, Object], Object]
_KEPT = timedelta(hours=24)
_MOST = 99_999_999
_PARAMS = {
    "create_session": "mode customer_creation payment_method_types success_url cancel_url locale client_reference_id"
    " metadata setup_intent_data",
    "create_intent": "amount currency customer payment_method payment_method_types mandate off_session confirm"
    " error_on_requires_action metadata expand",
    "update_intent": "metadata",
    "cancel_intent": "",
    "detach": "",
    "create_refund": "payment_intent amount metadata expand",
}


class Refused(Exception):
    """A no of Stripe's."""

    def __init__(self, status: int, code: str | None = None, kind: str = "invalid_request_error", **more: Any) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"error": {"type": kind, "message": "stand-in", **({"code": code} if code else {}), **more}}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What was answered to a key."""

    asked: tuple[str, str]
    status: int
    body: Object
    at: datetime


def signature(secret: str, body: bytes, at: datetime) -> str:
    """The header that Stripe puts on an event."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={sign(secret.encode(), f'{seconds}.'.encode() + body).hex()}"


class StripeVendor(WireVendor):
    """`decline` is what the next payments are declined with; `blind` makes the search see nothing, as when it lags."""

    def __init__(self, clock: Clock, api_key: str, *, webhook_secret: str = "", push_to: str = "") -> None:
        self.api_key = api_key
        self.webhook_secret = webhook_secret
        self.push_to = push_to
        self.decline = ""
        self.blind = False
        self.smallest = 1
        self.objects: dict[str, Object] = {}
        self._kept: dict[str, _Kept] = {}
        self._made = 0
        super().__init__(clock)

    def routes(self) -> list[Route]:
        """The calls that the plugin makes."""
        return [
            self._at("/v1/balance", GET=lambda request, params: {"object": "balance", "livemode": False}),
            self._at("/v1/checkout/sessions", GET=self._list("checkout.session"), POST=self.create_session),
            self._at("/v1/checkout/sessions/{id}", GET=self._one),
            self._at("/v1/payment_intents", POST=self.create_intent),
            self._at("/v1/payment_intents/search", GET=self._search),
            self._at("/v1/payment_intents/{id}", GET=self._one, POST=self.update_intent),
            self._at("/v1/payment_intents/{id}/cancel", POST=self.cancel_intent),
            self._at("/v1/refunds", GET=self._list("refund"), POST=self.create_refund),
            self._at("/v1/refunds/{id}", GET=self._one),
            self._at("/v1/payment_methods/{id}/detach", POST=self.detach),
            self._at("/v1/balance_transactions", GET=self._list("balance_transaction")),
        ]

    def _at(self, path: str, **answers: Answer) -> Route:
        async def endpoint(request: Request) -> Response:
            return await self._answered(request, answers[request.method])

        return Route(path, endpoint, methods=list(answers))

    async def _answered(self, request: Request, answer: Answer) -> Response:
        body = await request.body()
        try:
            self._admit(request)
            asked, key = (
                (request.url.path, repr(sorted(parse_qsl(body.decode())))),
                request.headers.get("idempotency-key", ""),
            )
            kept = self._kept.get(key)
            if request.method == "POST" and kept is not None and self.clock.now() - kept.at < _KEPT:
                if kept.asked != asked:
                    raise Refused(400, kind="idempotency_error")
                return JSONResponse(kept.body, kept.status, {"idempotent-replayed": "true"})
            text = body.decode() if request.method == "POST" else request.url.query
            status, content = self._did(answer, request, nested(text))
            if key:
                self._kept[key] = _Kept(asked=asked, status=status, body=content, at=self.clock.now())
            return JSONResponse(content, status)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status)

    def _did(self, answer: Answer, request: Request, params: Object) -> tuple[int, Object]:
        allowed = _PARAMS.get(getattr(answer, "__name__", ""))
        if allowed is not None and (unknown := set(params) - set(allowed.split())):
            raise Refused(400, "parameter_unknown", param=sorted(unknown)[0])
        try:
            found = answer(request, params)
        except Refused as refused:
            if refused.status != 402:
                raise
            return 402, refused.body
        paths = [path.split(".") for path in params.get("expand", [])]
        return 200, json.loads(json.dumps(self._shown(found, paths)))

    def _admit(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.api_key}":
            raise Refused(401)
        if not request.headers.get("stripe-version"):
            raise Refused(400, "parameter_missing")
        form = request.headers.get("content-type") == "application/x-www-form-urlencoded"
        if request.method == "POST" and not form:
            raise Refused(400, "parameter_invalid_empty")

    # What is there

    def _new(self, kind: str, prefix: str, **fields: Any) -> Object:
        self._made += 1
        made = {"id": f"{prefix}_{self._made:08d}", "object": kind, "created": self._seconds(), **fields}
        self.objects[made["id"]] = made
        return made

    def _seconds(self) -> int:
        return int(self.clock.now().timestamp())

    def _held(self, id_: object, kind: str | None = None) -> Object:
        found = self.objects.get(str(id_))
        if found is None or (kind and found["object"] != kind):
            raise Refused(404, "resource_missing", param="id")
        return found

    def _of(self, kind: str) -> list[Object]:
        return [one for one in self.objects.values() if one["object"] == kind]

    def _one(self, request: Request, params: Object) -> Object:
        return self._held(request.path_params["id"])

    def _list(self, kind: str) -> Answer:
        def answer(request: Request, params: Object) -> Object:
            bounds = params.get("created", {})
            found = [one for one in reversed(self._of(kind)) if _within(one["created"], bounds)]
            if after := params.get("starting_after"):
                found = found[[one["id"] for one in found].index(after) + 1 :]
            size = int(params.get("limit", 10))
            return {"object": "list", "data": found[:size], "has_more": len(found) > size}

        return answer

    def _search(self, request: Request, params: Object) -> Object:
        terms = dict(_term(part) for part in params["query"].split(" OR "))
        found = [
            one
            for one in self._of("payment_intent")
            if not self.blind and any(one["metadata"].get(name) == value for name, value in terms.items())
        ]
        return {"object": "search_result", "data": found, "has_more": False}

    def _shown(self, value: Any, paths: list[list[str]]) -> Any:
        """An object with what was asked for in place of its ids."""
        if isinstance(value, list):
            return [self._shown(one, paths) for one in value]
        if not isinstance(value, dict):
            return value
        shown = dict(value)
        for name in {path[0] for path in paths if path}:
            inner = shown.get(name)
            whole = self.objects.get(inner) if isinstance(inner, str) else inner
            if whole is not None:
                shown[name] = self._shown(whole, [path[1:] for path in paths if path[:1] == [name]])
        return shown

    # What is done

    def create_session(self, request: Request, params: Object) -> Object:
        """A page for a payer."""
        if params.get("mode") != "setup" or not params.get("success_url"):
            raise Refused(400, "parameter_missing")
        session = self._new(
            "checkout.session",
            "cs_test",
            mode="setup",
            status="open",
            metadata=params.get("metadata", {}),
            payment_method_types=params["payment_method_types"],
            setup_intent=None,
            expires_at=self._seconds() + 86400,
        )
        session["url"] = f"https://checkout.stripe.com/c/pay/{session['id']}"
        session["intent_metadata"] = params.get("setup_intent_data", {}).get("metadata", {})
        self.bookings.append(Booking(key=request.headers["idempotency-key"]))
        return session

    def detach(self, request: Request, params: Object) -> Object:
        """Take a payment method from its customer."""
        method = self._held(request.path_params["id"], "payment_method")
        if method["customer"] is None:
            raise Refused(400, "payment_method_unexpected_state")
        method["customer"] = None
        self.bookings.append(Booking(key=request.headers.get("idempotency-key", "")))
        self.tell("payment_method.detached", method)
        return method

    def create_intent(self, request: Request, params: Object) -> Object:
        """A payment that is confirmed at once."""
        amount = int(params["amount"])
        if not self.smallest <= amount <= _MOST:
            raise Refused(400, "amount_too_small" if amount < self.smallest else "amount_too_large", param="amount")
        method = self._held(params["payment_method"], "payment_method")
        if method["customer"] != params["customer"] or params["payment_method_types"] != [method["type"]]:
            raise Refused(400, "payment_method_unexpected_state")
        slow = method["type"] != "card"
        intent = self._new(
            "payment_intent",
            "pi",
            amount=amount,
            amount_received=0,
            currency=params["currency"],
            customer=params["customer"],
            status="processing" if slow else "succeeded",
            latest_charge=None,
            last_payment_error=None,
            metadata=params.get("metadata", {}),
        )
        if self.decline and not slow:
            raise self._declined(intent)
        key = request.headers.get("idempotency-key", "")
        self.bookings.append(Booking(key=key, money=Money(amount, params["currency"].upper())))
        if not slow:
            self._succeed(intent)
        return intent

    def _declined(self, intent: Object) -> Refused:
        code = self.decline if self.decline in ("authentication_required", "expired_card") else "card_declined"
        intent["status"] = "requires_payment_method"
        error = {"code": code, "decline_code": self.decline}
        intent["last_payment_error"] = {"type": "card_error", **error}
        return Refused(402, kind="card_error", **error, payment_intent=dict(intent))

    def update_intent(self, request: Request, params: Object) -> Object:
        """Notes at a payment."""
        intent = self._held(request.path_params["id"], "payment_intent")
        intent["metadata"] = {**intent["metadata"], **params["metadata"]}
        return intent

    def cancel_intent(self, request: Request, params: Object) -> Object:
        """Stop a payment."""
        intent = self._held(request.path_params["id"], "payment_intent")
        if intent["status"] in ("succeeded", "canceled"):
            raise Refused(400, "payment_intent_unexpected_state")
        intent["status"] = "canceled"
        self.bookings.append(Booking(key=request.headers["idempotency-key"]))
        return intent

    def create_refund(self, request: Request, params: Object) -> Object:
        """Give back."""
        intent = self._held(params["payment_intent"], "payment_intent")
        amount = int(params["amount"])
        given = sum(one["amount"] for one in self._of("refund") if one["payment_intent"] == intent["id"])
        if intent["status"] != "succeeded" or given == intent["amount"]:
            raise Refused(400, "charge_already_refunded" if given else "payment_intent_unexpected_state")
        if given + amount > intent["amount"]:
            raise Refused(400, param="amount")
        refund = self._new(
            "refund",
            "re",
            amount=amount,
            currency=intent["currency"],
            payment_intent=intent["id"],
            status="pending",
            balance_transaction=None,
            metadata=params.get("metadata", {}),
        )
        money = Money(amount, intent["currency"].upper())
        self.bookings.append(Booking(key=request.headers.get("idempotency-key", ""), money=money))
        return refund

    def _succeed(self, intent: Object) -> None:
        charge = self._new(
            "charge",
            "ch",
            amount=intent["amount"],
            currency=intent["currency"],
            payment_intent=intent["id"],
            metadata=intent["metadata"],
        )
        charge["balance_transaction"] = self._book(charge, "charge", charge["amount"], fee=30)
        intent.update(status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"])

    def _book(self, source: Object, category: str, amount: int, fee: int) -> str:
        booked = self._new(
            "balance_transaction",
            "txn",
            amount=amount,
            currency=source["currency"],
            fee=fee,
            reporting_category=category,
            source=source["id"],
        )
        return str(booked["id"])

    # What comes to its end

    async def settle(self) -> None:
        """Payers agree, slow debits and refunds come through; an event tells of each."""
        for session in [one for one in self._of("checkout.session") if one["status"] == "open"]:
            self.agree(session)
        for intent in [one for one in self._of("payment_intent") if one["status"] == "processing"]:
            self._succeed(intent)
            self.tell("payment_intent.succeeded", intent)
        for refund in [one for one in self._of("refund") if one["status"] == "pending"]:
            refund["balance_transaction"] = self._book(refund, "refund", -refund["amount"], fee=0)
            refund["status"] = "succeeded"
            self.tell("refund.updated", refund)

    def agree(self, session: Object) -> None:
        """A payer agrees."""
        customer = self._new("customer", "cus")["id"]
        kind = session["payment_method_types"][0]
        method = self._new("payment_method", "pm", type=kind, customer=customer)["id"]
        mandate = None if kind == "card" else self._new("mandate", "mandate", status="active")["id"]
        intent = self._new(
            "setup_intent",
            "seti",
            status="succeeded",
            customer=customer,
            payment_method=method,
            mandate=mandate,
            metadata=session["intent_metadata"],
        )
        session.update(status="complete", url=None, setup_intent=intent["id"])
        self.tell("checkout.session.completed", session)
        self.tell("setup_intent.succeeded", intent)

    def tell(self, type_: str, subject: Object) -> None:
        """Post an event."""
        if self.push_to:
            self._made += 1
            event = {"id": f"evt_{self._made}", "object": "event", "type": type_, "created": self._seconds()}
            body = json.dumps({**event, "livemode": False, "data": {"object": subject}}).encode()
            signed = {"stripe-signature": signature(self.webhook_secret, body, self.clock.now())}
            headers = {"content-type": "application/json; charset=utf-8", **signed}
            self.outbox.append(Callback(url=self.push_to, headers=headers, body=body))


def nested(text: str) -> Object:
    """Parameters as they were before they were written with brackets."""
    found: Object = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        first, *rest = name.replace("]", "").split("[")
        inner, last = found, first
        for part in rest:
            inner, last = inner.setdefault(last, {}), part
        inner[last] = value
    return {name: _listed(value) for name, value in found.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if all(name.isdigit() for name in value):
        return [_listed(held) for held in value.values()]
    return {name: _listed(held) for name, held in value.items()}


def _within(created: int, bounds: Mapping[str, str]) -> bool:
    return int(bounds.get("gte", 0)) <= created < int(bounds.get("lt", 2**40))


def _term(part: str) -> tuple[str, str]:
    name, _, value = part.partition(":")
    return name.removeprefix("metadata['").removesuffix("']"), value.strip("'").replace("\\'", "'").replace(
        "\\\\", "\\"
    )
