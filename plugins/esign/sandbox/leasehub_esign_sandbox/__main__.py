"""`python -m leasehub_esign_sandbox --port 8801 --books DIR`."""

from __future__ import annotations

from hub.sdk.sandbox.serve import main
from leasehub_esign_sandbox.vendor import create_app

if __name__ == "__main__":
    main(create_app, "esign")
