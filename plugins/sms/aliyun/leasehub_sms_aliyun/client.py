"""The actions of both products that are asked for, and how a day's messages are paged through."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

from leasehub_acs3.client import Acs3Client, Action, Nonce

from hub.core.provider import CallContext, PluginContext
from hub.sdk.reading import Fields, JsonObject, json_object
from leasehub_sms_aliyun import mapping
from leasehub_sms_aliyun.codes import ELSEWHERE, REFUSALS
from leasehub_sms_aliyun.settings import AliyunSmsSettings

_VERSION = "2017-05-25"
SEND = Action(name="SendSms", version=_VERSION, codes=REFUSALS, mutates=True, elsewhere=ELSEWHERE)
DETAILS = Action(name="QuerySendDetails", version=_VERSION, codes=REFUSALS)
SIGN = Action(name="QuerySmsSign", version=_VERSION, codes=REFUSALS)
CALL = Action(name="SingleCallByTts", version=_VERSION, codes=REFUSALS, mutates=True, elsewhere=ELSEWHERE)
CALL_DETAIL = Action(name="QueryCallDetailByCallId", version=_VERSION, codes=REFUSALS)
_MOST_PAGES = 4  # of fifty messages to one number in one day; by the vendor's own limits there is hardly a second


class AliyunSmsClient:
    """Speaks to both products for one instance."""

    def __init__(self, settings: AliyunSmsSettings, context: PluginContext, nonce: Nonce | None = None) -> None:
        self._sms = Acs3Client(settings.sms_url, settings, context, nonce)
        self._voice = Acs3Client(settings.voice_url, settings, context, nonce)

    async def send(self, query: dict[str, str], ctx: CallContext) -> Fields:
        """Send a text message."""
        return await self._sms.call(SEND, ctx, query=query)

    async def speak(self, query: dict[str, str], ctx: CallContext) -> Fields:
        """Call a number and say something."""
        return await self._voice.call(CALL, ctx, query=query)

    async def signature(self, name: str, ctx: CallContext) -> Fields:
        """Whether a signature is approved."""
        return await self._sms.call(SIGN, ctx, query={"SignName": name})

    async def find(self, to: str, day: date, ref: str | None, key: str | None, ctx: CallContext) -> Fields | None:
        """A message to a number on a day, by its BizId or by our key; None when there is none."""
        for page in range(1, _MOST_PAGES + 1):
            answer = await self._sms.call(DETAILS, ctx, query=mapping.details_query(to, day, page, ref))
            found, total = mapping.details(answer)
            for detail in found:
                if ref or (key and detail.optional_text("OutId") == key):
                    return detail
            if not found or page * 50 >= total:
                break
        return None

    async def call_detail(self, call_id: str, sent_at: datetime, ctx: CallContext) -> JsonObject | None:
        """The record of a call; None when there is none yet."""
        query = {"CallId": call_id, "ProdId": mapping.TTS_PRODUCT, "QueryDate": str(_milliseconds(sent_at))}
        data = (await self._voice.call(CALL_DETAIL, ctx, query=query)).optional_text("Data")
        return json_object(data.encode()) if data and json.loads(data) else None


def _milliseconds(instant: datetime) -> int:
    return int((instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
