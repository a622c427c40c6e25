"""`python -m leasehub_credit_bureau_sandbox --port 8801 --books DIR`."""

from __future__ import annotations

from hub.sdk.sandbox.serve import main
from leasehub_credit_bureau_sandbox.vendor import create_app

if __name__ == "__main__":
    main(create_app, "credit_bureau")
