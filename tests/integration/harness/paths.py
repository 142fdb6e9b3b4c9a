"""Where the checkout is and which build is under test: GATECERT_BUILD, build where it is not set."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
BUILD = CHECKOUT / os.environ.get("GATECERT_BUILD", "build")
