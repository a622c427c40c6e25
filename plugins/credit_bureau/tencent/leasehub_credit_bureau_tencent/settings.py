"""What an operator configures: which check is made when nobody says, and how much a check of a phone tells."""

from __future__ import annotations

from leasehub_tc3.settings import Address, Tc3Settings

from hub.core.ports.credit_bureau import CheckKind


class TencentChecksSettings(Tc3Settings):
    """Settings of one instance. `detailed`: a check of a phone says what differs, and costs more."""

    region: str = "ap-guangzhou"
    url: Address = "https://faceid.tencentcloudapi.com"
    default_check: CheckKind = CheckKind.PHONE
    detailed: bool = False
