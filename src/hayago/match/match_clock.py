"""The clock of one player in one game, in the terms of GTP's `time_settings`: a main time, then Canadian byo-yomi."""

from typing import NamedTuple


class TimeSettings(NamedTuple):
    """Seconds of main time, then periods of `byo_yomi_seconds` for each `byo_yomi_stones` moves.

    Without byo-yomi (0 0) there is only the main time.
    """

    main_seconds: int
    byo_yomi_seconds: int
    byo_yomi_stones: int


class MatchClock:
    """Counts down while its player thinks."""

    def __init__(self, settings: TimeSettings) -> None:
        self._settings = settings
        self._left = float(settings.main_seconds)
        self._stones = 0  # 0 while in main time
        if not self._left:
            self._begin_period(0.0)

    @property
    def stones_left(self) -> int:
        """Moves to play in what is left of the period; 0 in main time."""
        return self._stones

    @property
    def seconds_left(self) -> float:
        """Seconds left of the main time, or of the current period."""
        return self._left

    @property
    def seconds_for_move(self) -> float:
        """The longest the next move may take."""
        return self._left + (0 if self._stones else self._settings.byo_yomi_seconds)

    def spend(self, seconds: float) -> bool:
        """Subtract the time of a move; False if it took more than there was."""
        if seconds > self.seconds_for_move:
            return False
        self._left -= seconds
        if not self._stones and self._left <= 0 and self._settings.byo_yomi_stones:
            self._begin_period(-self._left)
        if self._stones:
            self._stones -= 1
            if not self._stones:
                self._begin_period(0.0)
        return True

    def _begin_period(self, spent: float) -> None:
        self._left = self._settings.byo_yomi_seconds - spent
        self._stones = self._settings.byo_yomi_stones
