"""`hayago gtp --setup` and `--check`: what is printed can be pasted, and works."""

import json
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gtp_engines import random_model
from hayago.cli import main
from hayago.gtp.client import GtpClient
from hayago.gtp.setup_lines import CLIENTS, KATAGO_NAME, installation, setup_text
from hayago.network.model_file import save_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("some models") / "five.safetensors"
    network = random_model(5)
    save_model(path, network.weights, network.info)
    return path


def run(capsys, *arguments):
    code = main(["gtp", *map(str, arguments)])
    captured = capsys.readouterr()
    lines = captured.err.splitlines(keepends=True)
    return code, captured.out, "".join(line for line in lines if not line.startswith("hayago: compiling kernels"))


@pytest.mark.slow
def test_it_compiles_what_the_program_will_need(tmp_path):
    words = [sys.executable, "-m", "hayago", "gtp", "--setup", "gogui"]
    compiled = []
    for _ in range(2):
        done = subprocess.run(
            words, env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}, capture_output=True, text=True, check=True
        )
        assert done.stdout.startswith("GoGui")
        compiled.append("compiling kernels" in done.stderr)
    assert compiled == [True, False]
    assert list(tmp_path.rglob("compiled-*"))


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_gets_its_line(client, capsys, model):
    option = ("--seed", 3) if client == "katrain" else ("--level", 3)
    code, out, err = run(capsys, "--setup", client, *option, "--model", model)
    assert (code, err) == (0, "")
    assert Path(installation()[0]).is_absolute() and installation()[0] in out
    for word in ("gtp", option[0], "3", "--model", str(model.resolve())):
        assert word in out
    assert "--setup" not in out
    assert out.lower().startswith({"kgs": "kgsgtp", "ogs": "gtp2ogs"}.get(client, client))
    board = {"ogs": '"allowed_board_sizes": [5, 6, 7, ', "q5go": "Board size: 5;", "kgs": "rules.boardSize=5\n"}
    assert board.get(client, "") in out


def command_in(client, text):
    """The words that the client would start, as it takes them from what was pasted."""
    lines = text.splitlines()
    if client in ("sabaki", "q5go"):
        program, arguments = (line.partition(":")[2].strip() for line in lines[1:3])
        return [program, *shlex.split(arguments)]
    if client == "gogui":
        return shlex.split(lines[1].removeprefix("Command: "))
    if client == "kgs":
        (line,) = [line for line in lines if line.startswith("engine=")]
        return shlex.split(line.removeprefix("engine=").replace("\\\\", "\\"))
    if client == "ogs":
        return json.loads(lines[1])["bot"]["command"]
    return shlex.split(lines[1])


@pytest.mark.skipif(os.name == "nt", reason="shlex reads the shell of other systems")
def test_what_is_pasted_starts_the_engine(model):
    options = ["--model", str(model)]
    commands = {client: command_in(client, setup_text(client, options, [5], 5)) for client in CLIENTS}
    plain = [*installation(), "gtp", *options]
    named = [*plain, "--name", KATAGO_NAME]
    assert commands == {
        **dict.fromkeys(("sabaki", "gogui", "kgs", "ogs"), plain),
        "q5go": [*plain, "--show-policy"],
        "lizzie": [*named, "--show-policy"],
        "lizzieyzy": named,
        "cgos": [*plain, "--rules", "tromp-taylor"],
        "katrain": ["exec", *plain, "--show-policy", "--analysis-json"],
    }
    with GtpClient(named, 60) as engine:
        assert engine.send("name").startswith("KataGo")  # or Lizzie warns of the version
        assert engine.send("boardsize 5") == ""


@pytest.mark.skipif(os.name == "nt", reason="KaTrain ends processes in another way there")
def test_katrain_ends_the_engine_by_ending_its_shell(model):
    """KaTrain 1.20 starts the line by a shell, and waits for the end of stdout after it has ended that shell."""
    line = setup_text("katrain", ["--model", str(model)]).splitlines()[1]
    process = subprocess.Popen(line, shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(b'{"id": "v", "action": "query_version"}\n')
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == "v"
    process.terminate()
    ended = threading.Thread(target=process.stdout.read, daemon=True)
    ended.start()
    ended.join(60)
    assert not ended.is_alive()
    process.communicate()


def test_a_file_of_properties_has_its_backslashes_doubled(monkeypatch):
    monkeypatch.setattr("hayago.gtp.setup_lines.installation", lambda: [r"C:\Program Files\hayago.exe"])
    assert r'engine="C:\\Program Files\\hayago.exe" gtp' in setup_text("kgs", [])


def test_check(capsys, model):
    code, out, err = run(capsys, "--check", "--model", model)
    assert (code, err) == (0, "")
    assert out.startswith("all is well: loaded in ") and "boards of 5x5 to 19x19, first move " in out
    assert out.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--check", "--model", "nothing"], 1, "nothing: no such model file"),
        (["--check", "--model", "MODEL", "--model", "MODEL"], 1, "a second network for boards of 5x5"),
        (["--setup", "emacs"], 2, "emacs"),
        (["--check", "--level", "11"], 2, "11"),
        (["--check", "--symmetries", "3"], 2, "--symmetries"),
        (["--check", "--level", "3", "--like-human"], 2, "--like-human"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(options, code, message, model, capsys):
    found, out, err = run(capsys, *(model if option == "MODEL" else option for option in options))
    assert (found, out) == (code, "")
    assert message in err and err.count("\n") == 1


def test_what_is_wrong_with_an_analysis_process():
    process = subprocess.run(
        [sys.executable, "-m", "hayago", "gtp", "--analysis-json", "--model", "nothing"],
        input="",
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr == "hayago: nothing: no such model file\n"


def test_options_reach_the_player(model):
    from hayago.commands.gtp import gtp
    from hayago.player.styles import LEVELS, LIKE_HUMAN

    game = gtp(model=[model], level=4, resign=0.1)
    assert game.style == LEVELS[3] and game.resign == 0.1 and game.sizes == list(range(5, 20))
    assert gtp(model=[model], like_human=True).style == LIKE_HUMAN
    style = gtp(model=[model], temperature=0.5, top_p=0.8, symmetries=1).style
    assert (style.temperature, style.top_p, style.symmetries) == (0.5, 0.8, 1)


def test_the_seed_repeats_the_moves(model):
    from hayago.commands.gtp import gtp

    def moves(seed):
        game = gtp(model=[model], temperature=100.0, seed=seed)
        return [game.choose(1) for _ in range(10)]

    assert moves(1) == moves(1) != moves(2)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_warning_where_a_program_does_not_understand_quotation_marks(client, monkeypatch):
    """Lizzie 0.7.4 puts the quotation marks back, q5Go and the CGOS client split at every space."""
    monkeypatch.setattr("hayago.gtp.setup_lines.installation", lambda: ["/opt/hayago"])
    path = "/my games/net.safetensors"
    warned = [line for line in setup_text(client, ["--model", path]).splitlines() if line.startswith("Warning: ")]
    assert bool(warned) == (client in ("lizzie", "q5go", "cgos"))
    assert all(path in line for line in warned)
    assert "Warning" not in setup_text(client, ["--model", "/games/net.safetensors"])
    monkeypatch.setattr("hayago.gtp.setup_lines.installation", lambda: ["/my games/hayago"])
    # q5Go has a field of its own for the program.
    assert ("Warning" in setup_text(client, [])) == (client in ("lizzie", "cgos"))


def test_what_the_texts_must_say():
    assert "Custom command" in setup_text("katrain", [])
    assert "kgs-chat" in setup_text("kgs", []) and "--kgs-chat" not in setup_text("kgs", []).splitlines()[1]
    assert "--kgs-chat" in setup_text("kgs", ["--kgs-chat"]).splitlines()[1]
    for client in ("lizzie", "q5go", "katrain"):
        text = setup_text(client, ["--show-policy"])
        assert text.replace("--show-policy makes", "").count("--show-policy") == 1 and "not winrates" in text
    assert "--show-policy" not in setup_text("lizzieyzy", [])  # it has a view of the policy
    assert json.loads(setup_text("ogs", [], [9, 13]).splitlines()[1])["allowed_board_sizes"] == [9, 13]
    assert setup_text("cgos", ["--rules", "chinese"]).count("--rules") == 1
    assert setup_text("lizzie", ["--name", "x"]).count("--name") == 1
    assert " " not in KATAGO_NAME


@pytest.mark.parametrize("mode", [["--analysis-json"], ["--setup", "katrain"]])
@pytest.mark.parametrize(
    "option",
    [["--level", "3"], ["--like-human"], ["--resign", "0.1"], ["--name", "x"], ["--rules", "aga"], ["--kgs-chat"]],
)
def test_options_without_effect_are_refused(mode, option, capsys):
    code, out, err = run(capsys, *mode, *option)
    assert (code, out) == (2, "") and err.startswith("hayago: with JSON queries only ") and err.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [
        *(["--seed", word] for word in ("-1", "9" * 30, "x")),
        *(["--temperature", word] for word in ("inf", "nan", "1e400", "-1", "101")),
        *(["--top-p", word] for word in ("nan", "0", "1.1")),
        *(["--resign", word] for word in ("nan", "-0.1", "inf")),
        *(["--name", word] for word in ("a\n\nb", "x\rroom=Foo", "a\tb", "\x1b[1m", "\u2028", "\udcff")),
        *(["--top-p", "0.5", *words] for words in ([], ["--level", "10"], ["--temperature", "0"])),
        ["--top-p", "0.5", "--like-human", "--temperature", "0"],
        *([["--rules", "klingon"], ["--check", "--analysis-json"], ["--check", "--setup", "gogui"]]),
    ],
)
def test_numbers_and_names_of_options_are_bounded(options, capsys):
    code, out, err = run(capsys, "--check", *options)
    assert (code, out) == (2, "") and err.count("\n") == 1
