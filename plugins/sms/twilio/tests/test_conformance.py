"""The plugin keeps the contract, at gold."""

from __future__ import annotations

from leasehub_sms_twilio.conformance import make

from hub.core.hookspecs import MessagingV1
from hub.testing import conformance

TestConformance = conformance(MessagingV1, make=make)
