"""The plugin keeps the contract, at gold."""

from __future__ import annotations

from leasehub_esign_docusign.conformance import EXEMPTIONS, make

from hub.core.hookspecs import EsignV1
from hub.testing import conformance

TestConformance = conformance(EsignV1, make=make, exemptions=EXEMPTIONS)
