"""Tencent E-Sign as a stand-in: files for an hour, envelopes that people sign in turn, encrypted and signed notices."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leasehub_tc3.standin import Act, Asked, Refused, Tc3Vendor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.core.provider import Clock
from hub.sdk.reading import Fields, JsonObject
from hub.sdk.signing import sign
from hub.testing.kit.rig import Booking
from hub.testing.wire import Callback
from leasehub_esign_tencent.callbacks import encrypted

OPERATOR, SEAL = "yDxbWUyKQDxgzjEB8mxCcDjAyF", "yDxMjUyKQDN7EkUuO4zjEBpGXvHEACSA"
_FLOW_NAME = re.compile(r"[\w \-()\[\],;.&+\u3000-\u303f\uff00-\uffef]{1,200}")
_MOBILE = re.compile(r"1\d{10}")
PENDING, PARTLY, DECLINED, DONE, EXPIRED, CANCELLED = 1, 2, 3, 4, 5, 6
_OPEN = (PENDING, PARTLY)


@dataclass(kw_only=True)
class Approver:
    """Who signs; 0 a company's employee, 1 a person, 3 a company by itself."""

    kind: int
    name: str = field(repr=False)
    mobile: str = field(repr=False)
    signed_at: int = 0


@dataclass(kw_only=True)
class Flow:
    """An envelope; `user_data` is what the caller put on it."""

    flow_id: str
    name: str
    content: bytes = field(repr=False)
    approvers: list[Approver]
    unordered: bool
    deadline: int
    user_data: str
    status: int = PENDING
    message: str = ""


class TencentEss(Tc3Vendor):
    """The vendor; `notices_url` is where it was told to post, `files_at` where its files lie."""

    versions: Mapping[str, str] = {"ess": "2020-11-11"}

    def __init__(
        self,
        clock: Clock,
        *,
        secret_id: str,
        secret_key: str,
        notices_url: str,
        token: str,
        callback_key: str,
        files_at: str = "https://file.ess.tencent.cn",
    ) -> None:
        super().__init__(clock, secret_id=secret_id, secret_key=secret_key)
        self._notices_url = notices_url
        self._token = token
        self._callback_key = callback_key
        self._files_at = files_at
        self.files: dict[str, bytes] = {}
        self.flows: dict[str, Flow] = {}

    def routes(self) -> Sequence[Route]:
        """The interface, and the place of files."""
        return [*super().routes(), Route("/file/FLOW/{flow}/0/0.PDF", self._file)]

    def actions(self) -> Mapping[str, Act]:
        """What the service can be asked."""
        return {
            "ess.UploadFiles": self._upload,
            "ess.CreateFlowByFiles": self._create,
            "ess.CreateFlowSignUrl": self._links,
            "ess.DescribeFlowInfo": self._info,
            "ess.DescribeFileUrls": self._urls,
            "ess.CancelFlow": self._cancel,
            "ess.DescribeOrganizationVerifyStatus": lambda asked: {"VerifyStatus": 2, **self._operator(asked)},
        }

    async def settle(self) -> None:
        """Everybody signs, one after the other."""
        for flow in self.flows.values():
            while flow.status in _OPEN:
                self._sign_next(flow)

    def decline(self, flow_id: str, reason: str) -> None:
        """Somebody does not want to."""
        flow = self.flows[flow_id]
        flow.status, flow.message = DECLINED, reason
        self._tell(flow, "reject")

    def _upload(self, asked: Asked) -> JsonObject:
        if asked.host.endswith(".tencentcloudapi.com"):
            raise Refused("InvalidAction")  # files have a door of their own
        if asked.body.inner("Caller").text("OperatorId") != OPERATOR:
            raise Refused("OperationDenied.UserNotInOrganization")
        asked.body.text("BusinessType")
        ids = [self._stored(file) for file in asked.body.each("FileInfos")]
        return {"FileIds": list(ids), "TotalCount": len(ids)}

    def _stored(self, file: Fields) -> str:
        try:
            content = base64.b64decode(file.text("FileBody"), validate=True)
        except binascii.Error:
            raise Refused("InvalidParameter.FileType") from None
        if not file.text("FileName").lower().endswith(".pdf") or not content.startswith(b"%PDF-"):
            raise Refused("InvalidParameter.FileType")
        file_id = f"yDRSRUUgygj6rq7wUuO4{self.new_number():012d}"
        self.files[file_id] = content
        return file_id

    def _operator(self, asked: Asked) -> JsonObject:
        if asked.body.inner("Operator").text("UserId") != OPERATOR:
            raise Refused("OperationDenied.UserNotInOrganization")
        return {}

    def _create(self, asked: Asked) -> JsonObject:
        self._operator(asked)
        body = asked.body
        (file_id,) = body.texts("FileIds")
        if file_id not in self.files:
            raise Refused("ResourceNotFound.Resource")
        if not _FLOW_NAME.fullmatch(body.text("FlowName")):
            raise Refused("InvalidParameter.FlowName")
        deadline = body.whole("Deadline")
        if deadline <= self.clock.now().timestamp():
            raise Refused("InvalidParameter.FlowDeadLine")
        approvers = [self._approver(one) for one in body.each("Approvers")]
        if not approvers:
            raise Refused("MissingParameter.FlowApprover")
        flow = Flow(
            flow_id=f"yDwqoUUckp3bkmc7UuPT{self.new_number():012d}",
            name=body.text("FlowName"),
            content=self.files[file_id],
            approvers=approvers,
            unordered=body.flag("Unordered"),
            deadline=deadline,
            user_data=body.optional_text("UserData") or "",
        )
        self.flows[flow.flow_id] = flow
        self.bookings.append(Booking(key=base64.b64decode(flow.user_data).decode()))
        self._tell(flow, "start")
        return {"FlowId": flow.flow_id, "PreviewUrl": "", "Approvers": [{"RecipientId": "r"} for _ in approvers]}

    def _approver(self, given: Fields) -> Approver:
        kind = given.whole("ApproverType")
        for place in given.each("SignComponents"):
            place.text("ComponentType")
            if place.text("GenerateMode") != "KEYWORD" or not place.text("ComponentId"):
                raise Refused("InvalidParameter.Keyword")
            if kind == 3 and place.optional_text("ComponentValue") != SEAL:
                raise Refused("OperationDenied.NoPermissionUseServerSignSeal")
        if kind in (0, 3) and not given.optional_text("OrganizationName"):
            raise Refused("MissingParameter.ApproverOrganizationInfo")
        name, mobile = given.optional_text("ApproverName") or "", given.optional_text("ApproverMobile") or ""
        by_user = kind == 3 or given.optional_text("UserId")
        if not by_user and not (name and _MOBILE.fullmatch(mobile)):
            raise Refused("InvalidParameter.Mobile" if name else "MissingParameter.ApproverName")
        return Approver(kind=kind, name=name, mobile=mobile)

    def _links(self, asked: Asked) -> JsonObject:
        self._operator(asked)
        flow = self._flow(asked.body.text("FlowId"))
        return {"FlowApproverUrlInfos": [self._link(flow, one) for one in asked.body.each("FlowApproverInfos")]}

    def _link(self, flow: Flow, given: Fields) -> JsonObject:
        name, mobile = given.text("ApproverName"), given.text("ApproverMobile")
        if not any((one.name, one.mobile) == (name, mobile) for one in flow.approvers):
            raise Refused("ResourceNotFound", "无法找到参与人")
        url = f"https://essurl.cn/{flow.flow_id[-6:]}{mobile[-2:]}"
        return {"SignUrl": url, "LongUrl": url, "ApproverType": 1, "ApproverName": name, "ApproverMobile": mobile}

    def _info(self, asked: Asked) -> JsonObject:
        self._operator(asked)
        return {"FlowDetailInfos": [self._detail(self._flow(flow)) for flow in asked.body.texts("FlowIds")]}

    def _flow(self, flow_id: str) -> Flow:
        flow = self.flows.get(flow_id)
        if flow is None:
            raise Refused("FailedOperation", "无效的流程合同Id，检查后重试")
        if flow.status in _OPEN and flow.deadline <= self.clock.now().timestamp():
            flow.status = EXPIRED
        return flow

    def _detail(self, flow: Flow) -> JsonObject:
        return {
            "FlowId": flow.flow_id,
            "FlowName": flow.name,
            "FlowStatus": flow.status,
            "FlowMessage": flow.message,
            "FlowApproverInfos": [
                {"ApproveName": one.name, "ApproveStatus": 3 if one.signed_at else 2, "ApproveTime": one.signed_at}
                for one in flow.approvers
            ],
            "CcInfos": [],
        }

    def _urls(self, asked: Asked) -> JsonObject:
        self._operator(asked)
        flows = [self._flow(flow) for flow in asked.body.texts("BusinessIds")]
        urls = [f"{self._files_at}/file/FLOW/{flow.flow_id}/0/0.PDF?hkey=made-up" for flow in flows]
        return {"FileUrls": [{"Url": url, "Option": ""} for url in urls], "TotalCount": len(urls)}

    def _cancel(self, asked: Asked) -> JsonObject:
        self._operator(asked)
        flow = self._flow(asked.body.text("FlowId"))
        if flow.status not in _OPEN:
            raise Refused("OperationDenied.FlowHasTerminated", "此流程已经终止，当前所有参与者签署")
        flow.status, flow.message = CANCELLED, asked.body.text("CancelMessage")
        self.bookings.append(Booking(key=asked.key))
        self._tell(flow, "cancel")
        return {}

    async def _file(self, request: Request) -> Response:
        flow = self.flows.get(request.path_params["flow"])
        if flow is None or request.query_params.get("hkey") != "made-up":
            return Response(status_code=403)
        signatures = b"".join(b"%% signed at %d\n" % one.signed_at for one in flow.approvers if one.signed_at)
        return Response(flow.content + signatures, media_type="application/pdf")

    def _sign_next(self, flow: Flow) -> None:
        waiting = [one for one in flow.approvers if not one.signed_at]
        waiting[0].signed_at = int(self.clock.now().timestamp())
        flow.status = PARTLY if len(waiting) > 1 else DONE
        self._tell(flow, "sign" if len(waiting) > 1 else "finish")

    def _tell(self, flow: Flow, operate: str) -> None:
        told: JsonObject = {
            "FlowId": flow.flow_id,
            "FlowName": flow.name,
            "FlowCallbackStatus": flow.status,
            "Operate": operate,
            "UserData": flow.user_data,
            "UpdatedOn": int(self.clock.now().timestamp()),
            "Approvers": [{"ApproverName": one.name, "ApproverMobile": one.mobile} for one in flow.approvers],
        }
        body = notice(self._callback_key, f"msg-{self.new_number()}", "FlowStatusChange", told)
        self.outbox.append(Callback(url=self._notices_url, headers=signed(self._token, body), body=body))


def notice(key: str, message_id: str, kind: str, told: JsonObject) -> bytes:
    """A notice as it is posted."""
    message = {"MsgId": message_id, "MsgType": kind, "MsgVersion": "CustomApp", "MsgData": told}
    return json.dumps({"encrypt": encrypted(key, json.dumps(message, ensure_ascii=False).encode())}).encode()


def signed(token: str, body: bytes) -> dict[str, str]:
    """The headers of a notice."""
    return {
        "content-type": "application/json",
        "content-signature": f"sha256={sign(token.encode(), body).hex()}",
    }
