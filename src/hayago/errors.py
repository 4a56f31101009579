"""The one base class of everything that goes wrong because of what came in: a bad file, a bad move, a missing model.

The command line prints such an error as one line and exits with its status; anything else is a bug and shows its
traceback.
"""


class HayagoError(Exception):
    """Something the user gave cannot be used; the message says what, where and why in one line."""

    exit_status = 1
