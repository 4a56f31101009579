"""From a prior to a move: styles, levels, and judging the end of a game. No protocol.

Open player.py first.
"""
