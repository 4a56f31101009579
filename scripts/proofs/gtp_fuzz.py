"""Fuzzed GTP: lines that might come, what every reply must be, and a model that says how the board must stand.

The model's board is sgfmill's. It believes a command when the engine has accepted it, plays it itself, and then both
boards must be the same; our own moves must besides be legal, and repeat no earlier position.
"""

import json
import random
import re
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

from hypothesis import strategies as st
from sgfmill import boards, sgf

from hayago.gtp.kata_json import Desk, work_off
from hayago.gtp.pipes import decoded

SIZES = (5, 7)
GAMES = (
    "(;SZ[5]KM[0.5]AB[aa][ee]AW[bb]PL[W];W[cc];B[bc];W[];B[cb];W[dd];B[ab])",
    "(;SZ[7]HA[2]AB[bb][ff];W[cc];B[dd];W[ee];B[gg];W[gf])",
    "(;SZ[9];B[aa])",
    "no game at all",
)
_GENMOVES = {"genmove", "kgs-genmove_cleanup", "gomill-genmove_ex"} | {
    f"{form}genmove_analyze" for form in ("", "lz-", "kata-", "cgos-")
}
_COLUMNS = "ABCDEFGHJKLMNOPQRST"
_GRAPHICS = re.compile(r"(gogui-gfx:\n([A-Z]+ [^\n]*\n)+\n)*")
_REPLY = re.compile(r"[=?](\d*) [^\n]*\n([^\n]+\n)*\n")


_TROUBLE = (
    b" ",
    b"\t",
    b"\r",
    b"#",
    b"\n",
    b"\x00",
    b"-1",
    b"99999999999",
    b"nan",
    b'"',
    b"\xff",
    b"1_0",
    b"\xef\xbb\xbf",
)
HUGE = ("inf", "-inf", "1e400", "1e308", "9" * 400, "-" + "9" * 400, "9" * 5000, "1_0", "\uff11", "\u0661")
INTERRUPTED = 0.4  # chance that the client sends something while an analysis waits


class Fuzzer:
    """Sends lines to an engine and checks what comes of them.

    Args:
        engine: the engine, its board empty and of 5x5.
        folder: holds the games, and whatever is written.
    """

    def __init__(self, engine, folder):
        self.engine = engine
        self.lines = self.accepted = 0
        self.files = [Path(folder) / f"{number}.sgf" for number in range(len(GAMES))]
        for path, game in zip(self.files, GAMES, strict=True):
            path.write_text(game)
        self.written = Path(folder) / "written.sgf"
        self.size = SIZES[0]
        self.states = [boards.Board(self.size)]
        if engine is not None:
            moments = random.Random(0)
            engine.input_within = lambda seconds: moments.random() < INTERRUPTED

    def send(self, data):
        """One line, as bytes; a newline in it makes it several."""
        for line in map(decoded, data.split(b"\n")):
            words = words_of(line)
            identity = words.pop(0) if words and words[0].isascii() and words[0].isdigit() else ""
            if words[:1] == ["printsgf"] and words[1:] not in ([], ["-"], [str(self.written)]):
                continue  # it would write anywhere
            with redirect_stderr(StringIO()) as stderr:
                reply = self.engine.answer(line)
            assert _GRAPHICS.fullmatch(stderr.getvalue()), f"{line!r} said {stderr.getvalue()!r}"
            self.lines += 1
            if reply is None:
                assert not words and not identity, f"no reply to {line!r}"
                continue
            match = _REPLY.fullmatch(reply)
            assert match and match[1] == identity, f"{line!r} was answered {reply!r}"
            assert reply.replace("\n", "").isprintable(), f"{line!r} was answered {reply!r}"
            assert "internal error" not in reply, f"{line!r} was answered {reply!r}"
            self.engine.finished = False
            if reply[0] == "=" and words:
                self.accepted += 1
                self._follow(words[0], words[1:], reply[1 + len(identity) :].strip())
                self._compare(line)

    def _follow(self, name, arguments, text):
        """Do on the model's board what the engine says it has done."""
        if name in ("boardsize", "rectangular_boardsize"):
            self.size = int(arguments[0])
            self.states = [boards.Board(self.size)]
        elif name == "clear_board":
            self.states = [boards.Board(self.size)]
        elif name == "play":
            self._play(arguments[0], arguments[1])
        elif name == "gogui-play_sequence":
            for colour, vertex in zip(arguments[::2], arguments[1::2], strict=True):
                self._play(colour, vertex)
        elif name in _GENMOVES:
            if text.startswith("play ") or "\nplay " in text:
                text = text.rpartition("play ")[2]
            if text not in ("resign", "claim"):
                named = arguments and arguments[0].lower() in ("b", "w", "black", "white")
                colour = arguments[0] if named else self._mover()
                self._play(colour, text, strict=True)
        elif name in ("undo", "gg-undo"):
            for _ in range(int(arguments[0]) if name == "gg-undo" and arguments else 1):
                self.states.pop()
            assert self.states
        elif name in ("fixed_handicap", "place_free_handicap", "set_free_handicap"):
            vertices = arguments if name.startswith("set") else text.split()
            if name == "place_free_handicap":
                assert len(vertices) == int(arguments[0])
            self._lay_out([("b", vertex) for vertex in vertices])
        elif name in ("gogui-setup", "set_position"):
            self._lay_out(
                [(colour[0].lower(), vertex) for colour, vertex in zip(arguments[::2], arguments[1::2], strict=True)]
            )
        elif name == "loadsgf":
            self._load(arguments)

    def _mover(self):
        """Whose move it was: where an analysing genmove names no colour, it is the one whose turn it was."""
        return "bw"[self.engine.game.to_play == 1]

    def _play(self, colour, vertex, strict=False):
        board = self.states[-1].copy()
        place = self._place(vertex)
        if place is not None:
            side = colour[0].lower()
            board.play(*place, side)
            if strict:
                assert board.get(*place) == side, f"suicide at {vertex}"
                assert all(board != before for before in self.states), f"{vertex} repeats a position"
        self.states.append(board)

    def _lay_out(self, stones):
        board = boards.Board(self.size)
        for colour, vertex in stones:
            row, column = self._place(vertex)
            assert board.get(row, column) is None
            board.board[row][column] = colour
        self.states = [board]

    def _load(self, arguments):
        number = int(arguments[-1]) if len(arguments) > 1 and arguments[-1].isdigit() else None
        path = " ".join(arguments[: -1 if number is not None else None]).strip('"')
        game = sgf.Sgf_game.from_bytes(Path(path).read_bytes())
        self.size = game.get_size()
        board = boards.Board(self.size)
        black, white, _ = game.get_root().get_setup_stones()
        board.apply_setup(black, white, ())
        self.states = [board]
        moves = [node.get_move() for node in game.get_main_sequence()[1:]]
        for colour, place in moves if number is None else moves[: max(number - 1, 0)]:
            board = board.copy()
            if place is not None:
                board.play(*place, colour)
            self.states.append(board)

    def _place(self, vertex):
        if vertex.lower() == "pass":
            return None
        return int(vertex[1:]) - 1, _COLUMNS.index(vertex[0].upper())

    def _compare(self, line):
        grid = self.engine.game.board.grid().tolist()
        model = [
            [{None: 0, "b": 1, "w": 2}[self.states[-1].get(row, column)] for column in range(self.size)]
            for row in reversed(range(self.size))
        ]
        assert grid == model, f"the boards differ after {line!r}"


_VALUES = (
    "Infinity",
    "NaN",
    "1e400",
    "9" * 400,
    "-1",
    "1.5",
    "null",
    "true",
    "[]",
    "{}",
    '"\\ud800"',
    "[[[]]]",
    '"B"',
    '"1_0"',
)
_QUERY = {
    "id": '"q"',
    "moves": '[["B","C3"],["W","(1,1)"],["B","pass"]]',
    "initialStones": '[["W","A1"]]',
    "initialPlayer": '"W"',
    "rules": '"japanese"',
    "komi": "6.5",
    "boardXSize": "5",
    "boardYSize": "5",
    "analyzeTurns": "[0,2,3]",
    "priority": "10",
    "priorities": "[1,2,3]",
    "maxVisits": "500",
    "includePolicy": "true",
    "includeOwnership": "true",
    "includeMovesOwnership": "true",
    "includePVVisits": "true",
    "whiteHandicapBonus": '"N"',
    "avoidMoves": '[{"player":"B","moves":["A1"],"untilDepth":3}]',
    "overrideSettings": '{"reportAnalysisWinratesAs":"SIDETOMOVE"}',
}
_ACTIONS = ("query_version", "query_models", "clear_cache", "terminate", "terminate_all", "dance")


def queries(seed):
    """Lines of JSON without end: KaTrain's query with fields left out and replaced, actions, and mutated bytes."""
    generator = random.Random(seed)
    while True:
        if generator.random() < 0.1:
            fields = {
                "id": '"a"',
                "action": f'"{generator.choice(_ACTIONS)}"',
                "terminateId": '"q"',
                "turnNumbers": "[1]",
            }
        else:
            fields = {name: value for name, value in _QUERY.items() if generator.random() < 0.9}
        for name in generator.sample(sorted(fields), generator.randrange(3) if len(fields) > 2 else 0):
            fields[name] = generator.choice(_VALUES)
        line = "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"
        yield _mutate(line.encode(), generator) if generator.random() < 0.2 else line.encode()


class JsonFuzzer:
    """Sends lines to a desk and a game, and checks what is said."""

    def __init__(self, game):
        self.game = game
        self.lines = self.answered = 0

    def send(self, data):
        """One line, as bytes; a newline in it makes it several."""
        for line in map(decoded, data.split(b"\n")):
            said = []
            desk = Desk(said.append)
            desk.loaded(list)
            with redirect_stderr(StringIO()) as stderr:
                desk.put(line)
                desk.put(None)
                while (task := desk.take()) is not None:
                    work_off(self.game, task, desk)
            self.lines += 1
            assert stderr.getvalue() == "", f"{line!r} said {stderr.getvalue()!r}"
            assert bool(said) == bool(line.strip()) or "analyzeTurns" in line, f"no answer to {line!r}"
            for answer in said:
                assert answer.count("\n") == 1 and answer.isascii() and "internal error" not in answer, (line, answer)
                told = json.loads(answer)
                self.answered += "moveInfos" in told
                numbers = [info[key] for info in told.get("moveInfos", []) for key in ("winrate", "scoreLead", "prior")]
                assert all(abs(number) < 1e6 for number in numbers), (line, answer)


def words_of(line):
    """The words of a line by sections 3.1 and 3.2 of the specification."""
    kept = "".join(" " if c == "\t" else c for c in line if c == "\t" or (ord(c) > 31 and ord(c) != 127))
    return [word for word in kept.partition("#")[0].split(" ") if word]


def mutated_transcripts(seed, files):
    """Lines without end: those of the transcripts, their bytes changed here and there, in runs that stay in order."""
    generator = random.Random(seed)
    transcripts = [
        [
            line[2:].replace("GAME", str(generator.choice(files)))
            for line in path.read_text().splitlines()
            if line[:2] == "> "
        ]
        for path in sorted((Path(__file__).parents[2] / "tests" / "support" / "transcripts").glob("*.txt"))
    ]
    while True:
        lines = generator.choice(transcripts)
        start = generator.randrange(len(lines))
        for line in lines[start : start + generator.randrange(1, 20)]:
            line = re.sub(r"\b19\b", lambda _: generator.choice(["5", "7", "19"]), line)
            line = re.sub(
                r"\b([A-T])1?(\d)\b", lambda vertex: generator.choice("ABCDEFG") + str(generator.randrange(1, 8)), line
            )
            yield _mutate(line.encode(), generator)


def _mutate(data, generator):
    if generator.random() < 0.6:
        return data
    data = bytearray(data)
    for _ in range(generator.randrange(1, 4)):
        place = generator.randrange(len(data) + 1)
        match generator.randrange(6):
            case 0:
                data[place:place] = bytes([generator.randrange(256)])
            case 1:
                del data[place : place + generator.randrange(1, 5)]
            case 2 if data:
                data[place % len(data)] ^= 1 << generator.randrange(8)
            case 3:
                data[place:place] = generator.choice(_TROUBLE)
            case 4:
                data[place:place] = data[: generator.randrange(20)]
            case _:
                data = bytearray(b"%d " % generator.randrange(1000)) + data
    return bytes(data)


def sessions(files, written):
    """A strategy for lists of lines: commands with arguments of the right kind mostly, in both cases."""
    colours = st.sampled_from(["b", "w", "B", "W", "black", "White", "g"])
    vertices = st.one_of(
        st.builds(lambda column, row: f"{column}{row}", st.sampled_from("ABCDEFGHabcde"), st.integers(0, 8)),
        st.sampled_from(["pass", "PASS", "A0", "I1", "Z9", "resign", "A", ""]),
    )
    numbers = st.one_of(st.integers(-2, 30), st.floats(), st.sampled_from(["x", "1e3", "0x1", "", "5 5", *HUGE]))
    names = st.sampled_from([str(path) for path in files] + [f'"{files[0]}"', str(written), "nothing.sgf"])

    def line(*parts):
        return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map(
            lambda words: " ".join(map(str, words))
        )

    moves = st.lists(st.tuples(colours, vertices).map(" ".join), max_size=5).map(" ".join)
    commands = st.one_of(
        line("play", colours, vertices),
        line("play", colours, vertices),
        line("play", colours, vertices),
        line(st.sampled_from(sorted(_GENMOVES)), colours),
        line("gomill-genmove_ex", colours, "claim"),
        line(st.sampled_from(["undo", "gg-undo", "clear_board", "showboard", "final_score", "printsgf", "quit"])),
        line("gg-undo", numbers),
        line(st.sampled_from(["boardsize", "komi", "fixed_handicap", "place_free_handicap"]), numbers),
        line("boardsize", st.sampled_from(SIZES)),
        line("set_free_handicap", st.lists(vertices, max_size=4).map(" ".join)),
        line(st.sampled_from(["gogui-setup", "gogui-play_sequence", "set_position"]), moves),
        line("gogui-setup_player", colours),
        line("loadsgf", names, st.one_of(st.just(""), numbers)),
        line("printsgf", str(written)),
        line(st.sampled_from(["lz-analyze", "kata-analyze", "analyze", "cgos-analyze"]), colours, numbers),
        line("kata-analyze", colours, st.sampled_from(["allow", "avoid", "maxmoves", "ownership"]), moves, numbers),
        line("kata-analyze", colours, "allow", colours, st.lists(vertices, min_size=1).map(",".join), numbers),
        line(st.sampled_from(["time_settings", "kata-time_settings fischer-capped"]), numbers, numbers, numbers),
        line("time_left", colours, numbers, numbers),
        line("final_status_list", st.sampled_from(["dead", "alive", "seki", "x"])),
        line(st.sampled_from(["kata-raw-nn", "heatmap", "hayago-policy_gfx", "hayago-policy_colours"]), numbers),
        line("hayago-plane", numbers),
        line("kata-set-rules", st.sampled_from(["japanese", "tromp-taylor", "{}", '{"ko":3}', "[", '{"ko":"SIMPLE"}'])),
        line("kata-set-rules", st.sampled_from([r'{"ko":"\ud800"}', r'{"\u0007":"a\n\nb"}', '{"ko":' + "[" * 9999])),
        line("kata-set-param", st.sampled_from(["temperature", "topP", "level", "symmetries", "x"]), numbers),
        st.text(max_size=20),
    )
    return st.lists(commands, min_size=5, max_size=40)
