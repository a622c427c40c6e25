"""The vendor's words and the hub's, both ways; pure. A status that is not listed counts as sent, never as more.

Fields stand in the order of the vendor's own models, so that the bytes are those that its own client sends.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pypdf import PdfWriter
from pypdf.errors import PyPdfError

from hub.core.errors import Misconfigured, Rejected, RetryAdvice
from hub.core.ports.esign import (
    Envelope,
    EnvelopeRequest,
    EnvelopeStatus,
    EsignDocument,
    FetchRequest,
    SignedFiles,
    Signer,
    SignerRole,
    VoidRequest,
)
from hub.sdk.reading import Fields, JsonObject, json_bytes
from leasehub_esign_tencent.settings import Mark, TencentEsignSettings

# Source: FlowDetailInfo of tencentcloud-sdk-python-ess 3.1.194.
STATUS = {
    0: EnvelopeStatus.SENT,  # not begun
    1: EnvelopeStatus.SENT,
    2: EnvelopeStatus.PARTLY_SIGNED,
    3: EnvelopeStatus.DECLINED,
    4: EnvelopeStatus.COMPLETED,
    5: EnvelopeStatus.EXPIRED,
    6: EnvelopeStatus.VOIDED,
    7: EnvelopeStatus.SENT,  # not begun, with something to fill in
    8: EnvelopeStatus.SENT,  # waits to be filled in
    9: EnvelopeStatus.SENT,  # partly filled in
    10: EnvelopeStatus.DECLINED,  # somebody would not fill it in
    16: EnvelopeStatus.VOIDED,  # no longer valid, as when a signer has changed name
    21: EnvelopeStatus.VOIDED,  # ended by a later agreement
}
COMPANY, PERSON, COMPANY_BY_ITSELF = 0, 1, 3
_CITIZEN = re.compile(r"\d{17}[0-9Xx]")
_MOBILE = re.compile(r"1\d{10}")
# What the name of a flow, and the reason for taking it back, may be made of. Source: CreateFlowByFiles, CancelFlow.
_NOT_IN_A_NAME = re.compile(r"[^\w \-()\[\],;.&+\u3000-\u303f\uff00-\uffef]")
_NOT_IN_A_REASON = re.compile(r"[^\w ,.;:!?()\-\u3000-\u303f\uff00-\uffef]")
_LONGEST = 200
_LINK_S = 1800  # the vendor's own, when nothing else is asked for


def elsewhere(code: str) -> Rejected:
    """This vendor cannot, before anything was sent; another may."""
    return Rejected(code, advice=RetryAdvice.OTHER_PROVIDER)


# Asking


def upload_body(document: EsignDocument, settings: TencentEsignSettings) -> JsonObject:
    """The file, to be signed later."""
    name = document.name if document.name.lower().endswith(".pdf") else f"{document.name}.pdf"
    content = base64.b64encode(document.content).decode()
    return {
        "BusinessType": "DOCUMENT",
        "Caller": {"OperatorId": settings.operator_id},
        "FileInfos": [{"FileBody": content, "FileName": name[-_LONGEST:]}],
        **_agent(settings),
    }


def flow_body(request: EnvelopeRequest, file_id: str, settings: TencentEsignSettings, key: str) -> JsonObject:
    """An envelope over an uploaded file, open until its end; our key goes with it and comes back in every notice."""
    signers = in_turn(request.signers)
    turns = {signer.order for signer in signers}
    return {
        **operator(settings),
        "FlowName": _NOT_IN_A_NAME.sub("-", request.subject)[:_LONGEST],
        "FileIds": [file_id],
        "Approvers": [_approver(signer, settings) for signer in signers],
        "Deadline": int(request.expires_at.timestamp()),
        "Unordered": len(signers) > 1 and len(turns) == 1,
        "UserData": base64.b64encode(key.encode()).decode(),
        **_agent(settings),
    }


def in_turn(signers: Sequence[Signer]) -> list[Signer]:
    """The signers by their turn. The vendor knows one after the other or all at once, and nothing in between."""
    return sorted(signers, key=lambda signer: signer.order)


def one_document(request: EnvelopeRequest) -> EsignDocument:
    """What is sent out: the vendor takes one PDF, so several are bound into one, in their order.

    Raises Rejected for what is no PDF.
    """
    first = request.documents[0]
    if not all(document.content.startswith(b"%PDF-") for document in request.documents):
        raise elsewhere("pdf_only")
    if len(request.documents) == 1:
        return first
    content = _bound([document.content for document in request.documents])
    return EsignDocument(name=first.name, content=content, sha256=hashlib.sha256(content).hexdigest())


def _bound(papers: Sequence[bytes]) -> bytes:
    writer, bound = PdfWriter(), io.BytesIO()
    try:
        for paper in papers:
            writer.append(io.BytesIO(paper), import_outline=False)
        writer.write(bound)
    except PyPdfError:
        raise elsewhere("pdf_only") from None
    return bound.getvalue()


def _approver(signer: Signer, settings: TencentEsignSettings) -> JsonObject:
    mark = settings.mark_of(signer.role)
    if mark is None:
        raise elsewhere("mark_missing")
    if signer.role is SignerRole.LESSOR:
        return _lessor(signer, mark, settings)
    approver: JsonObject = {
        "ApproverType": PERSON,
        "ApproverName": signer.name,
        "ApproverMobile": mobile(signer),
        "SignComponents": [_place("SIGN_SIGNATURE", mark)],
    }
    if _CITIZEN.fullmatch(signer.document_number):
        approver |= {"ApproverIdCardType": "ID_CARD", "ApproverIdCardNumber": signer.document_number.upper()}
    return {**approver, "NotifyType": "sms" if settings.notify else "none"}


def _lessor(signer: Signer, mark: Mark, settings: TencentEsignSettings) -> JsonObject:
    """Our own side: by itself with a seal, or through an employee; else through whom the hub names."""
    organization = {"OrganizationName": settings.organization_name}
    if settings.lessor_seal_id:
        sealed = {"SignComponents": [_place("SIGN_SEAL", mark, settings.lessor_seal_id)], "NotifyType": "none"}
        return {"ApproverType": COMPANY_BY_ITSELF, **organization, **sealed}
    seal = {"SignComponents": [_place("SIGN_SEAL", mark)], "NotifyType": "sms" if settings.notify else "none"}
    if settings.lessor_user_id:
        return {"ApproverType": COMPANY, **organization, **seal, "UserId": settings.lessor_user_id}
    if not signer.phone:
        raise Misconfigured("nobody signs for the lessor: set lessor_seal_id or lessor_user_id")
    named = {"ApproverName": signer.name, "ApproverMobile": mobile(signer)}
    return {"ApproverType": COMPANY, **named, **organization, **seal}


def _place(kind: str, mark: Mark, seal: str = "") -> JsonObject:
    """Where something is signed: below the last place where the keyword stands."""
    place: dict[str, object] = {
        "ComponentType": kind,
        "ComponentHeight": mark.height,
        "ComponentWidth": mark.width,
        "FileIndex": 0,
        "GenerateMode": "KEYWORD",
        "ComponentId": mark.keyword,
        "ComponentValue": seal,
        "OffsetX": mark.offset_x,
        "OffsetY": mark.offset_y,
        "KeywordOrder": "Reverse",
        "RelativeLocation": "Below",
        "KeywordIndexes": [0],
    }
    unset = {"ComponentValue": "", "OffsetX": 0, "OffsetY": 0}
    return {name: value for name, value in place.items() if name not in unset or value != unset[name]}


def mobile(signer: Signer) -> str:
    """A phone as the mainland writes it; raises Rejected for any other."""
    number = signer.phone.removeprefix("+86")
    if not _MOBILE.fullmatch(number):
        raise elsewhere("phone_not_served" if number else "phone_missing")
    return number


def links_body(request: EnvelopeRequest, flow: str, settings: TencentEsignSettings) -> JsonObject | None:
    """The question for the links of those persons who sign; None when there are none."""
    people = [signer for signer in in_turn(request.signers) if signer.role is not SignerRole.LESSOR]
    if not people:
        return None
    asked: JsonObject = {
        "FlowId": flow,
        **operator(settings),
        **_agent(settings),
        "FlowApproverInfos": [
            {"ApproverType": PERSON, "ApproverName": one.name, "ApproverMobile": mobile(one)} for one in people
        ],
    }
    if request.redirect_url:
        asked["JumpUrl"] = request.redirect_url
    return asked if settings.link_valid_s == _LINK_S else {**asked, "ExpiredOn": settings.link_valid_s}


def info_body(flow: str, settings: TencentEsignSettings) -> JsonObject:
    """The question for one envelope."""
    return {**operator(settings), "FlowIds": [flow], **_agent(settings)}


def void_body(request: VoidRequest, settings: TencentEsignSettings) -> JsonObject:
    """An envelope is taken back."""
    reason = _NOT_IN_A_REASON.sub(" ", request.reason).strip()[:_LONGEST]
    return {
        **operator(settings),
        "FlowId": request.envelope_ref,
        "CancelMessage": reason or "撤回",
        **_agent(settings),
    }


def files_body(request: FetchRequest, settings: TencentEsignSettings) -> JsonObject:
    """The question for the address of a signed file."""
    return {
        **operator(settings),
        "BusinessType": "FLOW",
        "BusinessIds": [request.envelope_ref],
        "FileType": "PDF",
        "UrlTtl": 300,
        **_agent(settings),
    }


def operator(settings: TencentEsignSettings) -> JsonObject:
    """In whose name."""
    return {"Operator": {"UserId": settings.operator_id}}


def _agent(settings: TencentEsignSettings) -> JsonObject:
    """For which company of a group."""
    proxy = settings.proxy_organization_id
    return {"Agent": {"ProxyOrganizationId": proxy}} if proxy else {}


# Reading


def links_of(answer: Fields) -> tuple[str, ...]:
    """The links, in the order in which they were asked for."""
    links = (one.text("SignUrl") for one in answer.each("FlowApproverUrlInfos"))
    return tuple(link for link in links if link.startswith("https://"))


def flow_of(answer: Fields, flow: str) -> Fields | None:
    """What is said of one envelope; None when the vendor says nothing of it."""
    return next((one for one in answer.each("FlowDetailInfos") if one.text("FlowId") == flow), None)


def envelope_of(detail: Fields) -> Envelope:
    """An envelope in the hub's words."""
    status = STATUS.get(detail.whole("FlowStatus"), EnvelopeStatus.SENT)
    declined = status is EnvelopeStatus.DECLINED
    return Envelope(
        envelope_ref=detail.text("FlowId"),
        status=status,
        completed_at=_signed_at(detail) if status is EnvelopeStatus.COMPLETED else None,
        decline_reason=(detail.optional_text("FlowMessage") or None) if declined else None,
    )


def _signed_at(detail: Fields) -> datetime | None:
    """When the last of them signed."""
    times = [one.whole("ApproveTime") for one in detail.each("FlowApproverInfos")]
    last = max(times, default=0)
    return datetime.fromtimestamp(last, UTC) if last > 0 else None


def address_of(answer: Fields, settings: TencentEsignSettings) -> str:
    """Where the signed file lies; an address that is not the vendor's is none that we would follow."""
    files = answer.each("FileUrls")
    if len(files) != 1:
        raise answer.fail(f"FileUrls has {len(files)} files, not one")
    url = files[0].text("Url")
    found = urlsplit(url)
    host = found.hostname or ""
    known = any(host == end or host.endswith(f".{end}") for end in settings.file_hosts)
    secured = found.scheme in ("https", urlsplit(settings.url).scheme)  # the file comes no barer than the answers do
    if not secured or not known or found.username is not None:
        raise answer.fail("the file lies at an address that is not the vendor's")
    return url


def signed_of(flow: str, content: bytes, detail: Fields) -> SignedFiles:
    """The signed file; the evidence is what the vendor says of who signed when."""
    if not content.startswith(b"%PDF-"):
        raise detail.fail("the file is no PDF")
    return SignedFiles(
        envelope_ref=flow,
        content=content,
        content_type="application/pdf",
        sha256=hashlib.sha256(content).hexdigest(),
        evidence=json_bytes(detail.content),
        evidence_type="application/json",
    )
