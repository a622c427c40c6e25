"""Twilio's error codes that texts and calls can meet, and the states of both.

Source: the "Error and Warning Dictionary" (twilio.com/docs/api/errors, twilio-error-codes.json).
"""

from __future__ import annotations

from hub.core.ports.sms import MessageStatus

CREDENTIALS = frozenset({20003, 20005, 20006, 20008, 20101, 20102, 20103, 20104})
LIMITED = frozenset({10004, 14107, 20429, 21611, 22002})
# Account, sender, template or country: the same for every message until somebody changes it.
SETTINGS = frozenset(
    {
        10001, 10002, 10003, 10005, 13227, 13231, 20002, 20009, 20010, 20404, 21203, 21205, 21206, 21207, 21208, 21209,
        21210, 21212, 21213, 21215, 21216, 21219, 21220, 21401, 21408, 21601, 21603, 21606, 21607, 21608, 21609, 21618,
        21620, 21621, 21622, 21626, 21627, 21636, 21637, 21639, 21650, 21651, 21654, 21655, 21659, 21660, 21661, 21662,
        21663, 21664, 21701, 21702, 21703, 21704, 21705, 21710, 21711, 21712, 30002, 30010, 30023, 30024, 30025, 30026,
        30027, 30032, 30034, 30035, 30038, 30039, 30040, 30041, 30044, 63003, 63007, 63016,
    }
)  # fmt: skip
# The message or its receiver: nothing was sent.
BUSINESS = frozenset(
    {
        13221, 13222, 13223, 13224, 13225, 20001, 21201, 21202, 21211, 21214, 21217, 21218, 21221, 21223, 21224, 21602,
        21604, 21605, 21610, 21612, 21613, 21614, 21615, 21616, 21617, 21619, 21623, 21624, 21625, 21628, 21629, 21630,
        21631, 21632, 21633, 21634, 21635, 21638, 21640, 21656, 21657, 21658, 21665, 30003, 30004, 30005, 30006, 30007,
        30009, 30011, 30012, 30013, 30014, 30015, 30016, 30017, 30018, 30019, 30036, 30042, 30450, 30453,
    }
)  # fmt: skip
DOUBT = frozenset({20500, 20503, 20504, 30001, 30008})
# Refusals of a receiver that another vendor may reach all the same.
ELSEWHERE = frozenset({21211, 21612, 21614, 21408, 30003, 30006})

# How far a text has come. One that is not listed counts as accepted, never as more.
MESSAGE_STATUS = {
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.DELIVERED,
    "undelivered": MessageStatus.UNDELIVERABLE,
    "failed": MessageStatus.UNDELIVERABLE,
    "canceled": MessageStatus.UNDELIVERABLE,
}
# How a call has gone; somebody, or their voice mail, has answered one that is completed.
CALL_STATUS = {
    "completed": MessageStatus.DELIVERED,
    "busy": MessageStatus.UNDELIVERABLE,
    "no-answer": MessageStatus.UNDELIVERABLE,
    "failed": MessageStatus.UNDELIVERABLE,
    "canceled": MessageStatus.UNDELIVERABLE,
}
# Why something did not arrive: by the code of a text, by the state of a call.
FAILURES = {
    21211: "invalid_recipient",
    21214: "invalid_recipient",
    21610: "blocked_by_recipient",
    21614: "invalid_recipient",
    30003: "unreachable",
    30004: "blocked_by_recipient",
    30005: "invalid_recipient",
    30006: "unreachable",
    30007: "content_refused",
    30022: "too_many_messages",
    30036: "expired",
    30453: "content_refused",
}
CALL_FAILURES = {"busy": "busy", "no-answer": "unreachable", "canceled": "cancelled"}
