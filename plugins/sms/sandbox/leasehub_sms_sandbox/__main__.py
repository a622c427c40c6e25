"""`python -m leasehub_sms_sandbox --port 8801 --books DIR`."""

from __future__ import annotations

from hub.sdk.sandbox.serve import main
from leasehub_sms_sandbox.vendor import create_app

if __name__ == "__main__":
    main(create_app, "sms")
