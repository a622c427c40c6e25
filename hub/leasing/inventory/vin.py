"""The vehicle identification number: its format, which must hold, and its check digit, which may only warn.

Source: ISO 3779:2009, clause 5 (17 characters, no I, O or Q); GB 16735-2019, annex on the check digit in position 9.
"""

from __future__ import annotations

import re

from vininfo import Vin

from hub.core.errors import InvalidInput

_FORMAT = re.compile(r"[A-HJ-NPR-Z0-9]{17}")


def read_vin(text: str) -> str:
    """The VIN in capitals without blanks; raises InvalidInput when it is not 17 allowed characters."""
    vin = "".join(text.split()).upper()
    if not _FORMAT.fullmatch(vin):
        raise InvalidInput("vin", "must be 17 letters and digits without I, O and Q")
    return vin


def vin_warning(vin: str) -> str | None:
    """What is odd about a well-formed VIN, or None. Makers outside China and North America need no check digit, so it never blocks."""
    return None if Vin(vin).verify_checksum() else "check digit does not match"
