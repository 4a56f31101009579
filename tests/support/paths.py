"""Where the files are that tests use."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DEMO_GAMES = ROOT / "data" / "demo-games.sgf"
SUPPORT = Path(__file__).parent
ENGINES = SUPPORT / "engines"
PROOFS = ROOT / "scripts" / "proofs"
TRANSCRIPTS = SUPPORT / "transcripts"
