"""`python -m leasehub_credit_bureau_report_import`: what the terminal says."""

from __future__ import annotations

import sys

from leasehub_credit_bureau_report_import.intake import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
