"""`MoveClock`: how long a move may take, from what GTP clients say about time. No protocol; quick to import.

A colour's *account* is what it has left of the time system. It follows the client's `time_left` (`left`), and between
two of those the time we have spent ourselves (`spend`). Without a limit there is no account.
"""

from enum import Enum
from typing import NamedTuple

from hayago.rules.coordinates import BLACK, WHITE

LAG = 0.2  # seconds reserved for the way to the client and back
SHARE = 40  # a move gets 1/SHARE of the main time
KEPT = 0.8  # share of the time gained with each move that is used


class System(Enum):
    """The systems of `kata-time_settings` (KataGo, docs/GTP_Extensions.md), under its names."""

    NONE = "none"
    ABSOLUTE = "absolute"
    BYOYOMI = "byoyomi"
    CANADIAN = "canadian"
    FISCHER = "fischer"
    FISCHER_CAPPED = "fischer-capped"


class TimeSystem(NamedTuple):
    """A time system.

    Attributes:
        system: which one.
        main: seconds of main time.
        extra: seconds of a period (byo-yomi, Canadian) or the increment (Fischer).
        stones: stones per period (Canadian), or the number of periods (byo-yomi), which GTP counts in the same place.
        most: the main time never grows beyond this; None is no limit.
        most_per_move: seconds that one move may take; None is no limit.
    """

    system: System = System.NONE
    main: float = 0.0
    extra: float = 0.0
    stones: int = 0
    most: float | None = None
    most_per_move: float | None = None

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit. A clock of no seconds at all is none: no one could play by it."""
        return self.system is not System.NONE and (self.main > 0 or self.extra > 0)

    @property
    def has_periods(self) -> bool:
        """Whether overtime follows the main time."""
        return self.system in (System.BYOYOMI, System.CANADIAN) and self.extra > 0 and self.stones > 0


class _Account:
    """Seconds left, and how many stones or periods are left in overtime; 0 in main time."""

    def __init__(self, seconds: float, stones: int = 0) -> None:
        self.seconds, self.stones = seconds, stones


class MoveClock:
    """The clocks of both colours."""

    def __init__(self) -> None:
        self._heeds_client = True  # until a client says that there is no limit
        self.setting = TimeSystem()
        self.reset()

    def set(self, setting: TimeSystem) -> None:
        """Switch to another time system."""
        self.setting, self._heeds_client = setting, setting.is_limited
        self.reset()

    def reset(self) -> None:
        """Reset both clocks to the beginning of a game."""
        setting = self.setting
        self._accounts: dict[int, _Account] = {}
        if setting.is_limited:
            overtime = setting.main == 0 and setting.has_periods
            for colour in (BLACK, WHITE):
                # Without main time a Fischer clock begins with the increment, or no one could make the first move.
                seconds = setting.main or setting.extra
                self._accounts[colour] = _Account(seconds, setting.stones if overtime else 0)

    def left(self, colour: int, seconds: float, stones: int) -> None:
        """Take over what the client says is left, in overtime with the number of stones or periods left. It is ignored
        under a time system without a limit."""
        if self._heeds_client:
            self._accounts[colour] = _Account(max(seconds, 0.0), stones)

    def spend(self, colour: int, seconds: float) -> None:
        """Count the time that a move of `colour` took."""
        setting, account = self.setting, self._accounts.get(colour)
        if account is None:
            return
        account.seconds -= seconds
        if setting.system in (System.FISCHER, System.FISCHER_CAPPED):
            account.seconds = max(account.seconds, 0.0) + setting.extra
            if setting.most is not None:
                account.seconds = min(account.seconds, setting.most)
        elif setting.has_periods and (account.stones > 0 or account.seconds <= 0):
            if account.stones == 0:  # overtime began during this move
                account.seconds, account.stones = account.seconds + setting.extra, setting.stones
            if setting.system is System.BYOYOMI:
                account.stones = max(account.stones - (account.seconds < 0), 1)
                account.seconds = setting.extra
            else:
                account.stones -= 1
                if account.stones <= 0:
                    account.seconds, account.stones = setting.extra, setting.stones

    def seconds(self, colour: int) -> float | None:
        """How long the next move of `colour` may take; None is no limit."""
        setting, account = self.setting, self._accounts.get(colour)
        if account is None:
            return None
        share = account.seconds
        if account.stones == 0:  # main time, which must last for the rest of the game
            share /= SHARE
            if setting.system in (System.FISCHER, System.FISCHER_CAPPED):
                share += KEPT * min(setting.extra, account.seconds)
            elif setting.has_periods:
                share += KEPT * setting.extra / (1 if setting.system is System.BYOYOMI else setting.stones)
                share = min(share, account.seconds + KEPT * setting.extra)
        elif setting.system is not System.BYOYOMI:  # stones to play in that time
            share /= account.stones
        if setting.most_per_move is not None:
            share = min(share, setting.most_per_move)
        return max(share - LAG, 0.0)
