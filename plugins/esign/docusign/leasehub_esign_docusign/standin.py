"""The authorisation server and the account as a stand-in: it checks assertions and tokens, keeps envelopes, and calls back."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.core.provider import Clock
from hub.testing.kit.rig import Booking
from hub.testing.wire import Callback, WireVendor
from leasehub_esign_docusign.callbacks import SIGNATURE, signature
from leasehub_esign_docusign.grant import GRANT

_ACCOUNT = "/restapi/v2.1/accounts/{account}"
_ENVELOPE = f"{_ACCOUNT}/envelopes/{{envelope}}"
_POLL_EVERY = timedelta(minutes=15)
_VOIDABLE = ("sent", "delivered", "signed")
_CERTIFICATE = b"%PDF-1.7\n% who signed when\n%%EOF\n"


class Refused(Exception):
    """The vendor says no, with its own code."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """What the vendor knows of an integration: its key, the user it acts for, the account, whether somebody consented."""

    integration_key: str
    user_id: str
    account_id: str
    audience: str
    public_key: RSAPublicKey
    consented: bool = True


@dataclass(slots=True, kw_only=True)
class Sent:
    """An envelope as the vendor keeps it; `marks` are its own fields by name."""

    ref: str
    body: dict[str, Any]
    status: str
    sent_at: datetime
    ends_at: datetime
    changed_at: datetime
    signers: list[dict[str, Any]]
    reason: str = ""
    marks: list[tuple[str, str]] = field(default_factory=list)
    asked_at: datetime | None = None


class DocusignVendor(WireVendor):
    """One account. `hmac_keys` sign the callbacks; `connect_to` takes them for the whole account.

    `counts_polls`: an envelope that is asked for twice in a quarter of an hour is refused, as the vendor does.
    """

    def __init__(
        self, clock: Clock, knows: Integration, *, hmac_keys: Sequence[str] = (), connect_to: str = ""
    ) -> None:
        super().__init__(clock)
        self.knows = knows
        self.hmac_keys = list(hmac_keys)
        self.connect_to = connect_to
        self.counts_polls = False
        self.tokens: dict[str, datetime] = {}
        self.envelopes: dict[str, Sent] = {}

    def routes(self) -> Sequence[Route]:
        """The authorisation server, and what of the account is asked for."""
        return (
            Route("/oauth/token", self._token, methods=["POST"]),
            Route(_ACCOUNT, self._guarded(self._account)),
            Route(f"{_ACCOUNT}/envelopes", self._guarded(self._create), methods=["POST"]),
            Route(f"{_ACCOUNT}/envelopes", self._guarded(self._list)),
            Route(_ENVELOPE, self._guarded(self._show), methods=["GET"]),
            Route(_ENVELOPE, self._guarded(self._change), methods=["PUT"]),
            Route(f"{_ENVELOPE}/custom_fields", self._guarded(self._mark), methods=["POST"]),
            Route(f"{_ENVELOPE}/views/recipient", self._guarded(self._view), methods=["POST"]),
            Route(f"{_ENVELOPE}/documents/{{document}}", self._guarded(self._file)),
        )

    async def settle(self) -> None:
        """Everybody whose turn comes signs, until nothing is open any more."""
        for sent in self.envelopes.values():
            if sent.status in _VOIDABLE:
                for signer in sent.signers:
                    signer |= {"status": "completed", "signedDateTime": _time(self.clock.now())}
                self.turn(sent, "completed")

    def turn(self, sent: Sent, status: str, reason: str = "") -> None:
        """An envelope comes to a status, and whoever wants to know is told."""
        sent.status, sent.reason, sent.changed_at = status, reason, self.clock.now()
        self._tell(sent, f"envelope-{status}")

    def expire(self) -> None:
        """What has run out by now is voided."""
        for sent in self.envelopes.values():
            if sent.status in _VOIDABLE and self.clock.now() >= sent.ends_at:
                self.turn(sent, "voided", "Envelope has expired.")

    def _tell(self, sent: Sent, event: str) -> None:
        account, wanted = self.knows.account_id, sent.body.get("eventNotification") or {}
        urls = [wanted["url"]] if event in wanted.get("events", []) else []
        told = {
            "event": event,
            "apiVersion": "v2.1",
            "uri": f"/restapi/v2.1/accounts/{account}/envelopes/{sent.ref}",
            "retryCount": 0,
            "configurationId": 10418,
            "generatedDateTime": _time(self.clock.now()),
            "data": {"accountId": account, "userId": self.knows.user_id, "envelopeId": sent.ref},
        }
        body = json.dumps(told).encode()
        signatures = {f"{SIGNATURE}{number}": signature(key, body) for number, key in enumerate(self.hmac_keys, 1)}
        headers = {"content-type": "application/json; charset=utf-8", **signatures}
        for url in [*urls, *([self.connect_to] if self.connect_to else [])]:
            self.outbox.append(Callback(url=url, headers=headers, body=body))

    # The authorisation server

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if form.get("grant_type") != GRANT:
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        if error := self._wrong(form.get("assertion", "")):
            return JSONResponse({"error": error[0], "error_description": error[1]}, 400)
        token = f"token-{len(self.tokens) + 1}-of-the-stand-in"
        self.tokens[token] = self.clock.now() + timedelta(hours=1)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def _wrong(self, assertion: str) -> tuple[str, str] | None:
        """What is wrong with an assertion."""
        signed, _, made = assertion.rpartition(".")
        try:
            head, claims = (json.loads(_bytes(part)) for part in signed.split("."))
            self.knows.public_key.verify(_bytes(made), signed.encode(), PKCS1v15(), SHA256())
        except (ValueError, InvalidSignature):
            return "invalid_grant", "no_valid_keys_or_signatures"
        now = int(self.clock.now().timestamp())
        if head != {"typ": "JWT", "alg": "RS256"} or claims.get("aud") != self.knows.audience:
            return "invalid_grant", "unsupported_audience"
        if claims.get("iss") != self.knows.integration_key:
            return "invalid_grant", "issuer_not_found"
        if claims.get("sub") != self.knows.user_id:
            return "invalid_grant", "user_not_found"
        if not (claims["iat"] <= now < claims["exp"] <= claims["iat"] + 3600):
            return "invalid_grant", "expired_assertion"
        if set(str(claims.get("scope")).split()) != {"signature", "impersonation"} or not self.knows.consented:
            return "consent_required", ""
        return None

    # The account

    def _guarded(self, answer: Any) -> Any:
        async def guarded(request: Request) -> Response:
            try:
                self._check(request)
                found = await answer(request)
            except Refused as no:
                return JSONResponse(
                    {"errorCode": no.code, "message": f"The request was refused: {no.code}."}, no.status
                )
            return found if isinstance(found, Response) else JSONResponse(found)

        return guarded

    def _check(self, request: Request) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        ends = self.tokens.get(token)
        if kind != "Bearer" or ends is None:
            raise Refused("AUTHORIZATION_INVALID_TOKEN", 401)
        if self.clock.now() >= ends:
            raise Refused("USER_AUTHENTICATION_FAILED", 401)
        if request.path_params["account"].lower() != self.knows.account_id.lower():
            raise Refused("USER_DOES_NOT_BELONG_TO_SPECIFIED_ACCOUNT")

    async def _account(self, request: Request) -> dict[str, Any]:
        return {"accountName": "The lessor", "accountIdGuid": self.knows.account_id}

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        signers = body["recipients"]["signers"]
        for document in body["documents"]:
            if not base64.b64decode(document["documentBase64"], validate=True).startswith(b"%PDF-"):
                raise Refused("DOCUMENT_CONVERSION_FAILURE")
        if not all("@" in signer["email"] and signer["name"] for signer in signers):
            raise Refused("INVALID_EMAIL_ADDRESS_FOR_RECIPIENT")
        if len(body["emailSubject"]) > 100 or len(body.get("transactionId", "")) > 36:
            raise Refused("INVALID_REQUEST_PARAMETER")
        now, digest = self.clock.now(), hashlib.sha256(f"{len(self.envelopes)}".encode()).hexdigest()
        days = int(body["notification"]["expirations"]["expireAfter"])
        first = min(int(signer["routingOrder"]) for signer in signers)
        sent = Sent(
            ref=f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}",
            body=body,
            status=body["status"],
            sent_at=now,
            ends_at=now + timedelta(days=days),
            changed_at=now,
            signers=[
                {**signer, "status": "sent" if int(signer["routingOrder"]) == first else "created"}
                for signer in signers
            ],
        )
        self.envelopes[sent.ref] = sent
        self.bookings.append(Booking(key=body.get("transactionId", "")))
        self._tell(sent, "envelope-sent")
        answer = {
            "envelopeId": sent.ref,
            "status": sent.status,
            "statusDateTime": _time(now),
            "uri": f"/envelopes/{sent.ref}",
        }
        return JSONResponse(answer, 201)

    async def _list(self, request: Request) -> dict[str, Any]:
        asked = request.query_params
        if not {"envelope_ids", "transaction_ids", "from_date"} & set(asked):
            raise Refused("INVALID_REQUEST_PARAMETER")
        mark = tuple(asked["custom_field"].split("=", 1)) if "custom_field" in asked else None
        found = [
            _shown(sent, with_signers="recipients" in asked.get("include", ""))
            for sent in self.envelopes.values()
            if sent.ref in asked.get("envelope_ids", sent.ref).split(",")
            and sent.body.get("transactionId", "")
            in asked.get("transaction_ids", sent.body.get("transactionId", "")).split(",")
            and (mark is None or mark in sent.marks)
        ]
        size = str(len(found))
        return {"resultSetSize": size, "totalSetSize": size, "startPosition": "0"} | (
            {"envelopes": found} if found else {}
        )

    def _sent(self, request: Request) -> Sent:
        found = self.envelopes.get(request.path_params["envelope"])
        if found is None:
            raise Refused("ENVELOPE_DOES_NOT_EXIST", 404)
        return found

    async def _show(self, request: Request) -> dict[str, Any]:
        sent, now = self._sent(request), self.clock.now()
        if self.counts_polls and sent.asked_at is not None and now - sent.asked_at < _POLL_EVERY:
            raise Refused("Hourly_Envelope_Polling_Limit_Exceeded")
        sent.asked_at = now
        return _shown(sent, with_signers="recipients" in request.query_params.get("include", ""))

    async def _change(self, request: Request) -> dict[str, Any]:
        sent, body = self._sent(request), await request.json()
        if body.get("status") != "voided" or not body.get("voidedReason"):
            raise Refused("INVALID_REQUEST_PARAMETER")
        if sent.status not in _VOIDABLE:
            raise Refused("ENVELOPE_CANNOT_VOID_INVALID_STATE")
        self.turn(sent, "voided", body["voidedReason"])
        self.bookings.append(Booking(key=sent.marks[-1][1] if sent.marks else ""))
        return {"envelopeId": sent.ref}

    async def _mark(self, request: Request) -> Response:
        sent, body = self._sent(request), await request.json()
        if sent.status not in _VOIDABLE:
            raise Refused("ENVELOPE_INVALID_STATUS")
        sent.marks += [(one["name"], one["value"]) for one in body["textCustomFields"]]
        return JSONResponse({"textCustomFields": body["textCustomFields"], "listCustomFields": []}, 201)

    async def _view(self, request: Request) -> Response:
        sent, body = self._sent(request), await request.json()
        fits = [
            one for one in sent.signers if all(one.get(name) == body.get(name) for name in ("email", "clientUserId"))
        ]
        if not fits or fits[0]["name"] != body["userName"] or not body["returnUrl"]:
            raise Refused("UNKNOWN_ENVELOPE_RECIPIENT")
        if fits[0]["status"] not in ("sent", "delivered"):
            raise Refused("RECIPIENT_NOT_IN_SEQUENCE")
        return JSONResponse({"url": f"https://demo.docusign.net/Signing/?slt={sent.ref}-{body['clientUserId']}"}, 201)

    async def _file(self, request: Request) -> Response:
        sent, name = self._sent(request), request.path_params["document"]
        if name not in ("combined", "certificate"):
            raise Refused("DOCUMENT_DOES_NOT_EXIST", 404)
        combined = b"".join(base64.b64decode(one["documentBase64"]) for one in sent.body["documents"])
        return Response(combined if name == "combined" else _CERTIFICATE, media_type="application/pdf")


def _shown(sent: Sent, *, with_signers: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "envelopeId": sent.ref,
        "status": sent.status,
        "emailSubject": sent.body["emailSubject"],
        "transactionId": sent.body.get("transactionId", ""),
        "sentDateTime": _time(sent.sent_at),
        "expireDateTime": _time(sent.ends_at),
    }
    if sent.status in ("completed", "declined", "voided"):
        shown[f"{sent.status}DateTime"] = _time(sent.changed_at)
    if sent.status == "voided":
        shown["voidedReason"] = sent.reason
    if with_signers:
        shown["recipients"] = {"signers": sent.signers, "recipientCount": str(len(sent.signers))}
    return shown


def _time(instant: datetime) -> str:
    """As the vendor writes instants: seven digits after the second."""
    return f"{instant:%Y-%m-%dT%H:%M:%S.%f}0Z"


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
