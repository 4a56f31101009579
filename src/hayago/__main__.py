"""`python -m hayago` is `hayago`."""

import sys

from hayago.cli import main

sys.exit(main())
