"""`GameRules`: the rules of a game. Pure Python, so that a protocol can name rules at once.

The fields and the names of the presets are those of KataGo's `kata-set-rules` (its docs/GTP_Extensions.md), which
clients already speak. `Board` knows simple ko and positional superko. Situational superko forbids less than positional
superko, so a player who keeps positional superko obeys all three.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

Scoring = Literal["area", "territory"]
Ko = Literal["simple", "positional", "situational"]
HandicapBonus = Literal["0", "N-1", "N"]


@dataclass(frozen=True)
class GameRules:
    """The rules of one game; by default Chinese ones with positional superko.

    Attributes:
        scoring: "area" counts living stones and surrounded points; "territory" counts surrounded points and prisoners,
            and nothing in seki.
        ko: which repetition is forbidden.
        suicide: whether a move may take off its own chain of several stones. `Board.play` refuses
            it under any rules; `Board.play_tolerant` takes it from an opponent.
        komi: points for White.
        handicap_bonus: further points for White if Black has N handicap stones.
        friendly_pass_ok: dead stones may stay on the board when both pass. Otherwise nothing is removed at the end:
            every stone counts as alive, so dead ones must be captured first.
    """

    scoring: Scoring = "area"
    ko: Ko = "positional"
    suicide: bool = False
    komi: float = 7.5
    handicap_bonus: HandicapBonus = "N"
    friendly_pass_ok: bool = True

    def komi_and_compensation(self, handicap: int) -> float:
        """Komi plus the compensation for handicap stones; one stone is not a handicap."""
        if handicap < 2 or self.handicap_bonus == "0":
            return self.komi
        return self.komi + handicap - (self.handicap_bonus == "N-1")


def sgf_name(rules: GameRules) -> str:
    """The rules as SGF's RU names them, whatever the komi; in KataGo's short form if they have no name."""
    for preset, name in _SGF_NAMES.items():
        if replace(PRESETS[preset], komi=rules.komi) == rules:
            return name
    tax = "SEKI" if rules.scoring == "territory" else "NONE"
    bonus = "" if rules.handicap_bonus == "0" else f"whb{rules.handicap_bonus}"
    friendly = "fpok1" if rules.friendly_pass_ok else ""
    return f"ko{rules.ko.upper()}score{rules.scoring.upper()}tax{tax}sui{int(rules.suicide)}{bonus}{friendly}"


_SHORT_FORM = re.compile(
    r"ko(?P<ko>SIMPLE|POSITIONAL|SITUATIONAL)score(?P<scoring>AREA|TERRITORY)tax(?:NONE|SEKI)"
    r"sui(?P<suicide>[01])(?:whb(?P<bonus>0|N-1|N))?(?P<friendly>fpok1)?"
)


def plain_name(name: str) -> str:
    """A name of rules as in PRESETS: lower case, with hyphens."""
    return name.strip().lower().replace("_", "-").replace(" ", "-")


def rules_of_sgf(text: str) -> GameRules | None:
    """The rules that an RU names, with their usual komi: a name of SGF or of a preset, or KataGo's short form, which
    `sgf_name` writes. None if it names none that hayago can count."""
    name = plain_name(text)
    for preset, sgf in _SGF_NAMES.items():
        if name == sgf.lower():
            return PRESETS["chinese-ogs" if sgf == "Chinese" else preset]
    if name in PRESETS:
        return PRESETS[name]
    match = _SHORT_FORM.fullmatch(text.strip())
    if match is None:
        return None
    return GameRules(
        "area" if match["scoring"] == "AREA" else "territory",
        match["ko"].lower(),  # type: ignore[arg-type]
        match["suicide"] == "1",
        handicap_bonus=match["bonus"] or "0",  # type: ignore[arg-type]
        friendly_pass_ok=bool(match["friendly"]),
    )


def score_text(score: float) -> str:
    """A score (Black minus White) as results are written: B+3.5, W+12, 0."""
    return "0" if score == 0 else f"{'B' if score > 0 else 'W'}+{abs(score):g}"


_CHINESE = GameRules()
_JAPANESE = GameRules("territory", "simple", False, 6.5, "0")
_AGA = GameRules("area", "situational", False, 7.5, "N-1")

# The komi of a preset is the usual one; a client sets its own.
PRESETS: Mapping[str, GameRules] = MappingProxyType(
    {
        "chinese": replace(_CHINESE, ko="simple"),
        "chinese-ogs": _CHINESE,
        "chinese-kgs": _CHINESE,
        "japanese": _JAPANESE,
        "korean": _JAPANESE,
        "aga": _AGA,
        "bga": _AGA,
        "new-zealand": GameRules("area", "situational", True, 7.0, "0"),
        "tromp-taylor": GameRules("area", "positional", True, 7.5, "0", friendly_pass_ok=False),
    }
)

_SGF_NAMES = {
    "chinese": "Chinese",
    "chinese-ogs": "Chinese",
    "japanese": "Japanese",
    "aga": "AGA",
    "new-zealand": "NZ",
    "tromp-taylor": "Tromp-Taylor",
}
