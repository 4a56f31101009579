"""Words that give a translation away, and words that have been replaced; nothing a person reads may hold them.

The list is no grammar: it catches what has slipped in before. Write the words on the right.
"""

import io
import re
import tokenize

import pytest

from paths import ROOT

_KINDS = "a|an|the|two|its|it|them|each|every|these|this|playouts|continuations|move|which"
_FINE = "longer|more|less|sign|such|one|limit|need|way|reason|doubt"
AVOID = {
    r"\banew\b|\bonce more\b": "again",
    r"\bby lot\b": "at random",
    r"\bgo(es)? on (from|with|where|by|until|behind|at|there|in|to)\b": "continue, resume",
    r"\bhangs? (on|together)\b": "depends on, belong together",
    r"\bwhoever\b|\b[Nn]obody\b|\bsomebody\b": "the caller, no one, another; or the passive",
    r"\blets? pass\b|\bare let\b": "ignore",
    r"\btelephones?\b": "phone",
    r"\bno number any more\b": "NaN",
    rf"(?<![Tt]here )\b(is|was|are|were) no (?!(?:{_FINE})\b|\w+ (?:here|there|left|in|of|at|on|for)\b)\w": "is not a",
    r"\bsuch a one\b": "one",
    r"\bfor ever\b": "forever",
    rf"\bbehind ({_KINDS})\b": "after (in time)",
    r"\bhereby\b|\bthereby\b|\bwherefrom\b|\bthereof\b": "short words",
    r"\bin the midst of\b": "in the middle of",
    r"\bby now\b": "now",
    r"\bof one's own\b": "of your own",
}


def _prose(path):
    """The text of a file that a person reads, with line numbers: all of a page, comments and strings of a program."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), start=1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING) or token.type == getattr(tokenize, "FSTRING_MIDDLE", -1):
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, line


PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
FOLDERS = {
    "pages": [
        *PAGES,
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted(ROOT.glob("*/README.md")),
        *sorted(ROOT.glob("*/*/README.md")),
    ],
    "package": sorted((ROOT / "src" / "hayago").rglob("*.py")),
    "page of hayago web": sorted([*(ROOT / "web" / "src").glob("*.js*")]),
    "scripts and examples": sorted([*(ROOT / "scripts").rglob("*.py"), *(ROOT / "examples").glob("*.py")]),
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_english_is_natural(folder):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]!r} -> {better}"
        for path in FOLDERS[folder]
        for number, line in _prose(path)
        for pattern, better in AVOID.items()
        for match in re.finditer(pattern, line)
    ]
    assert not found, "\n" + "\n".join(found)


def test_the_check_can_fail():
    hits = [pattern for pattern in AVOID if re.search(pattern, "whoever goes on from there once more, is no engine")]
    assert len(hits) == 4


LONGEST = 34  # words of a sentence on a page; aim for 25


@pytest.mark.parametrize("path", FOLDERS["pages"], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_sentences_on_pages_are_short(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    paragraphs = re.split(r"\n\s*\n|\n(?=\s*(?:[-*#|]|\d+\.))", text)
    sentences = [
        " ".join(sentence.split())
        for paragraph in paragraphs
        if not paragraph.lstrip().startswith("|")
        for sentence in re.split(r"(?<=[.!?:;])\s+", paragraph)
    ]
    long = [sentence for sentence in sentences if len(sentence.split()) > LONGEST]
    assert not long, "\n" + "\n".join(long)
