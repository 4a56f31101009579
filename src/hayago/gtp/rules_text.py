"""Rules as KataGo's protocols word them (its docs/GTP_Extensions.md): a JSON object, or the name of a set of rules.

hayago counts area, or territory without points in seki. What it cannot count (a button, a group tax) is refused, or
replaced by the nearest rules that it can.
"""

import json
from dataclasses import replace
from typing import Any

from hayago.rules.game_rules import PRESETS, GameRules, plain_name

# The nearest rules for those that hayago cannot count.
NEAREST = {"stone-scoring": "chinese", "aga-button": "aga", "ancient-territory": "japanese", "ancient-area": "chinese"}


def rules_as_json(rules: GameRules) -> str:
    """The rules as `kata-get-rules` answers them."""
    return json.dumps(
        {
            "friendlyPassOk": rules.friendly_pass_ok,
            "hasButton": False,
            "ko": rules.ko.upper(),
            "scoring": rules.scoring.upper(),
            "suicide": rules.suicide,
            "tax": "SEKI" if rules.scoring == "territory" else "NONE",
            "whiteHandicapBonus": rules.handicap_bonus,
        },
        separators=(",", ":"),
    )


def named_rules(name: str, komi: float) -> GameRules:
    """The rules of that name, with the current komi.

    Raises:
        ValueError: there is no such name.
    """
    name = plain_name(name)
    if name not in PRESETS:
        raise ValueError(f"unknown rules: {name}")
    return replace(PRESETS[name], komi=komi)


def changed_rules(rules: GameRules, fields: dict[str, Any]) -> GameRules:
    """The rules with these fields of `kata-get-rules` changed.

    Raises:
        ValueError: there is no such field or value, or hayago cannot count that way.
    """
    for field, value in fields.items():
        word = str(value).lower() if isinstance(value, (str, bool, int)) else ""
        match field:
            case "ko" if word in ("simple", "positional", "situational"):
                rules = replace(rules, ko=word)  # type: ignore[arg-type]
            case "scoring" if word in ("area", "territory"):
                rules = replace(rules, scoring=word)  # type: ignore[arg-type]
            case "suicide" if word in ("true", "false"):
                rules = replace(rules, suicide=word == "true")
            case "whiteHandicapBonus" if word in ("0", "n", "n-1"):
                rules = replace(rules, handicap_bonus=word.upper())  # type: ignore[arg-type]
            case "friendlyPassOk" if word in ("true", "false"):
                rules = replace(rules, friendly_pass_ok=word == "true")
            case "hasButton" if word == "false":
                pass
            case "tax" if word in ("none", "seki"):
                pass
            case _:
                raise ValueError(f"cannot set {field} to {value}")
    tax = str(fields.get("tax", "")).lower()
    if tax and tax != ("seki" if rules.scoring == "territory" else "none"):
        raise ValueError(f"cannot count {rules.scoring} with tax {tax}")
    return rules


def nearest_fields(fields: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The fields of `GameRules()` to change, without a button or tax that hayago cannot count; and what is left out."""
    own_tax = "seki" if str(fields.get("scoring")).lower() == "territory" else "none"
    uncounted = {"hasButton": {"true"}, "tax": {"none", "seki", "all"} - {own_tax}}
    left_out = [field for field in fields if str(fields[field]).lower() in uncounted.get(field, ())]
    kept = {field: value for field, value in fields.items() if field not in left_out}
    return kept, [f"{field} {fields[field]}" for field in left_out]


def read_fields(text: str) -> dict[str, Any]:
    """The fields of a JSON object.

    Raises:
        ValueError: it is none.
    """
    try:
        fields: dict[str, Any] = json.loads(text)
    except RecursionError:
        raise ValueError("too many brackets") from None
    return fields


def read_rules(text: str, rules: GameRules) -> GameRules:
    """The rules that a text names or describes in JSON. The komi and unnamed fields stay.

    Raises:
        ValueError: it is neither, or hayago cannot count that way.
    """
    if not text.lstrip().startswith("{"):
        return named_rules(text, rules.komi)
    return changed_rules(rules, read_fields(text))
