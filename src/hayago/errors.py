"""The base class of all errors caused by input: a bad file, a bad move, a missing model.

The command line prints such an error as one line and exits with its status. Any other exception is a bug and shows its
traceback.
"""


class HayagoError(Exception):
    """Some input cannot be used. The message says what, where and why in one line."""

    exit_status = 1
