"""`python -m tonnage.cli`, for images in which nothing is installed on PATH."""

import sys

from tonnage.cli import main

if __name__ == "__main__":
    sys.exit(main())
