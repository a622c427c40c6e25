"""Silver and gold: a callback is believed when it is genuine, and only then; reading it changes nothing."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlencode

from hub.core.ports.webhooks import WebhookDelivery, WebhookKind, WebhookRequest
from hub.testing.contexts import webhook_request
from hub.testing.kit.bench import Bench
from hub.testing.kit.catalogue import NotApplicable, Tier, check, require
from hub.testing.kit.rig import Callbacks

_STALE = timedelta(hours=1)
_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_FORGED = "Anybody can post to a public address: a forged callback would have the hub ask, or worse, believe."
_STRANGE_HEADERS: tuple[Mapping[str, str], ...] = (
    {},
    {"webhook-signature": "v1,"},
    {"webhook-signature": "\u00e9\u4e2d"},
    {"webhook-timestamp": "9" * 400, "webhook-id": "x", "webhook-signature": "v1,AAAA"},
    {"content-type": "multipart/form-data"},
)
_STRANGE_BODIES = (b"", b"\x00\xff\xfe", b"[]", b"null", b"{" * 5000, b"a=b&a=c", "{\u201cid\u201d: 1}".encode())


def _callbacks(bench: Bench) -> Callbacks:
    if "webhook_receive" not in bench.implemented:
        raise NotApplicable("the plugin takes no callbacks")
    if bench.rig.callbacks is None:
        raise AssertionError("the plugin takes callbacks: the rig must say how this vendor signs them")
    return bench.rig.callbacks


@dataclass(frozen=True, slots=True)
class _Posted:
    """A callback with its marks: the headers that sign it, with one of them in the address where this vendor has it
    there, or the fields of a form that carries its own signature."""

    bench: Bench
    callbacks: Callbacks
    body: bytes
    marks: Mapping[str, str]

    @property
    def signature(self) -> str:
        return self.marks[self._name]

    @property
    def _name(self) -> str:
        return self.callbacks.signature_field or self.callbacks.signature_header

    @property
    def request(self) -> WebhookRequest:
        clock = self.bench.rig.clock
        if self.callbacks.in_query:
            proof = {name: value for name, value in self.marks.items() if name == self._name}
            return webhook_request(self.unsigned().marks, self.body, clock, query=proof)
        if self.callbacks.signature_field is None:
            return webhook_request(self.marks, self.body, clock)
        form = b"&".join([self.body, urlencode(self.marks).encode()] if self.marks else [self.body])
        return webhook_request({"content-type": _FORM}, form, clock)

    def changed(self, body: bytes) -> WebhookRequest:
        """Another body under the same marks."""
        return replace(self, body=body).request

    def unsigned(self) -> _Posted:
        """Without its signature, with whatever else marks it."""
        return replace(self, marks={name: value for name, value in self.marks.items() if name != self._name})

    def signed(self, signature: str) -> WebhookRequest:
        """With this for a signature."""
        return replace(self, marks={**self.marks, self._name: signature}).request


def _posted(bench: Bench, callbacks: Callbacks, body: bytes, secret: str | None = None) -> _Posted:
    marks = callbacks.sign(secret or callbacks.secret, body, bench.rig.clock.now())
    return _Posted(bench, callbacks, body, marks)


def _signed(bench: Bench, callbacks: Callbacks, body: bytes, *, secret: str | None = None) -> WebhookRequest:
    return _posted(bench, callbacks, body, secret).request


def _received(bench: Bench, request: WebhookRequest) -> WebhookDelivery:
    delivery = bench.implemented["webhook_receive"](request=request)
    if not isinstance(delivery, WebhookDelivery):
        raise AssertionError(f"webhook_receive gave a {type(delivery).__name__}")
    return delivery


def _refuses(bench: Bench, request: WebhookRequest, what: str) -> None:
    delivery = _received(bench, request)
    require(not delivery.verified, f"{what} is believed")
    require(not delivery.events, f"{what} is not believed, and read all the same")


@check(
    "webhooks.genuine", Tier.SILVER, "What is genuine and not believed is asked for again until the vendor gives up."
)
async def genuine(bench: Bench) -> None:
    """A genuine callback is verified, gives at least one mapped event with a subject, and is answered with 2xx."""
    callbacks = _callbacks(bench)
    for body in callbacks.bodies:
        delivery = _received(bench, _signed(bench, callbacks, body))
        require(delivery.verified, f"a genuine callback is not believed: {delivery.reason}")
        require(200 <= delivery.reply.status < 300, f"it is answered with {delivery.reply.status}")
        mapped = [event for event in delivery.events if event.kind is not WebhookKind.UNMAPPED]
        require(bool(mapped) and all(event.subject_ref for event in mapped), "it tells of nothing")


@check("webhooks.tampered", Tier.SILVER, _FORGED)
async def tampered(bench: Bench) -> None:
    """A body that was changed after it was signed is not believed."""
    callbacks = _callbacks(bench)
    for body in callbacks.bodies:
        changed = _posted(bench, callbacks, body).changed(body + b" ")
        _refuses(bench, changed, "a body that was changed after it was signed")


@check("webhooks.wrong_key", Tier.SILVER, _FORGED)
async def wrong_key(bench: Bench) -> None:
    """A callback that is signed with another key is not believed, nor one signed with an empty key."""
    callbacks = _callbacks(bench)
    request = _signed(bench, callbacks, callbacks.bodies[0], secret=callbacks.other_secret)
    _refuses(bench, request, "a callback signed with another key")


@check("webhooks.unsigned", Tier.SILVER, _FORGED)
async def unsigned(bench: Bench) -> None:
    """A callback without a signature is not believed, nor one whose signature is empty."""
    callbacks = _callbacks(bench)
    posted = _posted(bench, callbacks, callbacks.bodies[0])
    without = posted.unsigned()
    name = callbacks.signature_field or callbacks.signature_header
    require(without.marks != posted.marks, f"the rig's signature {name} is not among what it signs with")
    _refuses(bench, without.request, "a callback without a signature")
    for empty in ("", " ", "null", "None", "undefined"):
        _refuses(bench, posted.signed(empty), f"the signature {empty!r}")


@check(
    "webhooks.prefix",
    Tier.GOLD,
    "A comparison that stops at the shorter text accepts a guess of one letter.",
)
async def prefix(bench: Bench) -> None:
    """No beginning of a valid signature is believed, and nothing that is longer than it."""
    callbacks = _callbacks(bench)
    posted = _posted(bench, callbacks, callbacks.bodies[0])
    whole = posted.signature
    for end in range(1, len(whole)):
        _refuses(bench, posted.signed(whole[:end]), "a prefix")
    _refuses(bench, posted.signed(whole + "A"), "a longer signature")


@check(
    "webhooks.doubled",
    Tier.GOLD,
    "A header that comes twice is joined by commas; which of the two a proxy has checked, nobody knows.",
)
async def doubled(bench: Bench) -> None:
    """A signature that came twice is not believed."""
    callbacks = _callbacks(bench)
    posted = _posted(bench, callbacks, callbacks.bodies[0])
    whole = posted.signature
    for twice in (f"{whole}, {whole}", f"{whole},{whole}", f"x, {whole}"):
        _refuses(bench, posted.signed(twice), "a doubled signature")
    if callbacks.signature_field is not None:
        field = urlencode({callbacks.signature_field: whole}).encode()
        _refuses(bench, posted.changed(posted.body + b"&" + field), "a form with two signatures")


@check(
    "webhooks.stale",
    Tier.GOLD,
    "A genuine callback that somebody kept must not work for ever.",
)
async def stale(bench: Bench) -> None:
    """A callback that was signed an hour ago, or in an hour, is not believed."""
    callbacks = _callbacks(bench)
    if not callbacks.dated:
        raise NotApplicable("this vendor's signature covers no time")
    now = bench.rig.clock.now()
    for sent_at in (now - _STALE, now + _STALE):
        body = callbacks.bodies[0]
        posted = _Posted(bench, callbacks, body, callbacks.sign(callbacks.secret, body, sent_at))
        _refuses(bench, posted.request, f"a callback of {sent_at:%H:%M} at {now:%H:%M}")


@check(
    "webhooks.duplicate",
    Tier.SILVER,
    "Every vendor delivers some callbacks twice; the inbox knows them by their event's id.",
)
async def duplicate(bench: Bench) -> None:
    """The same callback twice gives the same events; two different ones have different ids, where the vendor has ids."""
    callbacks = _callbacks(bench)
    first, second = (_signed(bench, callbacks, body) for body in callbacks.bodies[:2])
    require(
        _received(bench, first) == _received(bench, first), "the same callback gives other events at the second time"
    )
    ids = [{event.event_id for event in _received(bench, one).events} for one in (first, second)]
    require(ids[0].isdisjoint(ids[1]) or ids == [{None}, {None}], "two callbacks share an event id")


@check(
    "webhooks.reordered",
    Tier.GOLD,
    "Callbacks overtake each other; a plugin that remembers the last one would read the next one wrongly.",
)
async def reordered(bench: Bench) -> None:
    """Callbacks give the same events in whatever order they come."""
    callbacks = _callbacks(bench)
    requests = [_signed(bench, callbacks, body) for body in callbacks.bodies]
    forwards = [_received(bench, request) for request in requests]
    backwards = [_received(bench, request) for request in reversed(requests)]
    require(forwards == backwards[::-1], "the order of callbacks changes what they say")


@check(
    "webhooks.pure",
    Tier.SILVER,
    "It runs before the answer to the vendor, in the one loop that everybody shares.",
)
async def pure(bench: Bench) -> None:
    """`webhook_receive` is a plain function: it asks nobody and books nothing."""
    callbacks = _callbacks(bench)
    require(
        not inspect.iscoroutinefunction(bench.implemented["webhook_receive"]), "webhook_receive must be a plain def"
    )
    before, seen = list(await bench.rig.books()), len(bench.line.seen)
    for body in callbacks.bodies:
        _received(bench, _signed(bench, callbacks, body))
    require(len(bench.line.seen) == seen, "the vendor was asked while a callback was read")
    require(list(await bench.rig.books()) == before, "the vendor's books have changed")


@check(
    "webhooks.unmapped",
    Tier.SILVER,
    "Vendors add event types without telling; what nobody knows stays visible to an operator and harms nothing.",
)
async def unmapped(bench: Bench) -> None:
    """A genuine callback of an unknown type is believed, and gives an UNMAPPED event."""
    callbacks = _callbacks(bench)
    delivery = _received(bench, _signed(bench, callbacks, callbacks.unmapped))
    require(delivery.verified, f"a genuine callback is not believed: {delivery.reason}")
    kinds = {event.kind for event in delivery.events}
    require(
        kinds == {WebhookKind.UNMAPPED}, f"an unknown type gives {sorted(kind.value for kind in kinds) or 'nothing'}"
    )


@check(
    "webhooks.never_raises",
    Tier.GOLD,
    "An exception is a 500 to the vendor, who sends it again and again; and anybody can post rubbish.",
)
async def never_raises(bench: Bench) -> None:
    """Whatever is posted, signed or not, `webhook_receive` gives an answer, and unsigned rubbish is never believed."""
    callbacks = _callbacks(bench)
    for body in _STRANGE_BODIES:
        _received(bench, _signed(bench, callbacks, body))
        for headers in _STRANGE_HEADERS:
            _refuses(bench, webhook_request(headers, body, bench.rig.clock), "unsigned rubbish")
