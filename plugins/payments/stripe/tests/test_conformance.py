"""The plugin keeps the contract, at gold."""

from __future__ import annotations

from leasehub_payments_stripe.conformance import make

from hub.core.hookspecs import PaymentsV1
from hub.testing import conformance

TestConformance = conformance(PaymentsV1, make=make)
