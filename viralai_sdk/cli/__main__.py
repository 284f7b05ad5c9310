"""`python -m viralai_sdk.cli` is the same as `viralai`."""

import sys

from viralai_sdk.cli import main

if __name__ == "__main__":
    sys.exit(main())
