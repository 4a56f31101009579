import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, fields

import numpy as np
import pytest
from safetensors.numpy import save

from hayago.cli import COMMANDS, RENAMED, build_app, main
from hayago.network.model_file import ModelInfo, load_model, save_model
from learning import demo_batch
from paths import DEMO_GAMES, ENGINES, ROOT


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    info = ModelInfo(filters=2, planes=48, layers=2)
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(shape) * 0.1 for name, shape in info.tensor_shapes().items()}
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, weights, info)
    return str(path)


@pytest.fixture
def small(tmp_path):
    """One game of a few moves with a pass; the third is White's again."""
    path = tmp_path / "small.sgf"
    path.write_text("(;SZ[19]AB[dd]PL[W];W[pp];B[dp];W[pd];B[])")
    return str(path)


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    # With an empty cache, whichever test comes first is told that kernels are compiled.
    lines = captured.err.splitlines(keepends=True)
    return code, captured.out, "".join(line for line in lines if not line.startswith("hayago: compiling kernels"))


def test_help_fits_a_page_and_names_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        raise SystemExit(main(["--help"]))
    out = capsys.readouterr().out
    assert stop.value.code == 0
    assert len(out.splitlines()) < 25
    assert all(re.search(rf"\b{name}\b", out) for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(capsys, command):
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert f"hayago {command}" in out


def test_the_options_of_train_are_those_of_the_dataclass(capsys):
    from hayago.training.config import TrainingConfig, option_of

    out = run(capsys, "train", "--help")[1]
    for field in fields(TrainingConfig):
        assert f" {option_of(field.name)} " in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["conquer"],
        ["--conquer"],
        ["train"],
        ["prepare"],
        ["prepare", "--out", "x"],
        ["predict", "x.sgf"],
        ["predict", "x.sgf", "--move", "0"],
        ["predict", "x.sgf", "--move", "four"],
        ["info", "a", "b"],
        ["train", "--games", "a", "--out", "b", "--filters", "many"],
        ["evaluate", "x", "--split", "best"],
    ],
)
def test_wrong_usage_is_one_line_and_2(capsys, arguments):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("hayago: ") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "nothing.safetensors"], "nothing.safetensors: no such model file"),
        (["info", DEMO_GAMES], "damaged or no safetensors file"),
        (["predict", "nothing.sgf", "--move", "1", "--model", "MODEL"], "cannot read nothing.sgf"),
        (["predict", DEMO_GAMES, "--move", "999", "--model", "MODEL"], "none has the number 999"),
        (["predict", "SMALL", "--move", "1", "--model", "nothing"], "nothing: no such model file"),
        (["evaluate", "nothing", "--model", "MODEL"], "nothing"),
        (["evaluate", "nothing.parquet", "--model", "MODEL"], "nothing.parquet"),
        (["prepare", "nothing", "--out", "x.parquet"], "nothing"),
        (["train", "--games", "nothing.parquet", "--out", "run"], "nothing.parquet"),
        (["export", "no/such/folder.onnx", "--model", "MODEL"], "cannot write"),
    ],
)
def test_unusable_input_is_one_line_and_1(capsys, monkeypatch, tmp_path, model, small, arguments, message):
    monkeypatch.chdir(tmp_path)
    places = {"MODEL": model, "SMALL": small}
    code, out, err = run(capsys, *(places.get(str(argument), argument) for argument in arguments))
    assert (code, out) == (1, "")
    assert message in err
    assert err.startswith("hayago: ") and err.count("\n") == 1


def test_info(capsys, model):
    code, out, _ = run(capsys, "info", model)
    assert code == 0 and "19x19x2" in out
    about = json.loads(run(capsys, "info", model, "--json")[1])
    assert about["parameters"] == 48 * 25 * 2 + 2 + 2 + 361
    assert about["filters"] == 2


def test_box_names_the_network_in_the_box(capsys, small):
    assert run(capsys, "info", "box") == run(capsys, "info")
    assert run(capsys, "predict", small, "--move", 3, "--model", "box") == run(capsys, "predict", small, "--move", 3)
    assert "gtp --model box " in run(capsys, "gtp", "--model", "box", "--setup", "lizzie")[1]


def test_predict(capsys, model, small, tmp_path):
    image = tmp_path / "board.png"
    code, out, _ = run(capsys, "predict", small, "--move", 3, "--model", model, "--image", image)
    assert code == 0
    assert image.read_bytes().startswith(b"\x89PNG")
    assert out.startswith("move 3, white to play\n1 ")
    played = re.search(r"played: Q16, rank (\d+), ([\d.]+)%", out)
    result = json.loads(run(capsys, "predict", small, "--move", 3, "--model", model, "--json")[1])
    assert result["to_play"] == "white" and len(result["likeliest"]) == 5
    assert result["played"]["rank"] == int(played[1])
    probabilities = [entry["probability"] for entry in result["likeliest"]]
    assert probabilities == sorted(probabilities, reverse=True)


def test_predict_a_pass_and_behind_the_end(capsys, model, small):
    assert run(capsys, "predict", small, "--move", 4, "--model", model)[1].endswith("does not predict\n")
    assert run(capsys, "predict", small, "--move", 5, "--model", model)[1].endswith("the record ends\n")


def test_prepare_and_evaluate(capsys, model, tmp_path):
    store = tmp_path / "games.parquet"
    code, out, _ = run(capsys, "prepare", DEMO_GAMES, "--out", store)
    assert code == 0 and re.search(r"\b600  all\n", out)
    code, out, _ = run(capsys, "evaluate", store, "--model", model, "--json")
    metrics = json.loads(out)
    assert code == 0
    assert list(metrics)[:5] == ["top1", "top5", "cross_entropy", "positions", "games"]
    assert metrics["games"] < 60 and 0 <= metrics["top1"] <= metrics["top5"] <= metrics["top20"] <= 1
    low, high = metrics["intervals"]["top5"]
    assert low <= metrics["top5"] <= high
    assert metrics["fit"]["temperature"] > 0  # on the store's validation games
    assert {row["trait"] for row in metrics["breakdown"]} >= {"move number", "phase", "colour", "distance", "captures"}


def test_evaluate_writes_report_table_and_plots(capsys, model, small, tmp_path):
    report, table, plots = tmp_path / "r.html", tmp_path / "t.csv", tmp_path / "new" / "plots"
    options = ["--model", model, "--report", report, "--csv", table, "--plots", plots, "--breakdown"]
    code, out, _ = run(capsys, "evaluate", small, *options)
    assert code == 0 and "move number" in out and "fingerprint: " in out
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert table.read_text().splitlines()[1].startswith(f"{model},move number,1-30,3,1,")
    assert (plots / "top-k.svg").exists()
    assert "move number" not in run(capsys, "evaluate", small, "--model", model)[1]
    for option in ("--report", "--csv"):
        code, out, err = run(capsys, "evaluate", "no-such-game", "--model", model, option, tmp_path / "no" / "file")
        assert (code, out) == (1, "") and "cannot write" in err  # before anything is read


def test_evaluate_goes_on_without_what_cannot_be_used(capsys, model, small, tmp_path):
    info = ModelInfo(filters=2, planes=48, layers=2, board_size=4)
    other = tmp_path / "four.safetensors"
    save_model(other, {name: np.zeros(shape) for name, shape in info.tensor_shapes().items()}, info)
    games = tmp_path / "four.sgf"
    games.write_text("(;SZ[4];B[bb];W[cc];B[bc])")
    options = ["--model", model, "--model", tmp_path / "missing", "--model", other, "--engine", "no-such-engine"]
    code, out, err = run(capsys, "evaluate", games, *options, "--json")
    found = json.loads(out)
    assert code == 0 and [one["name"] for one in found["models"]] == [str(other)]
    for text in ("missing: no such model file", "5x5 to 19x19, the games on 4x4", "3 positions lost", "no-such-engine"):
        assert text in " ".join(found["notes"]) and text in err
    code, out, err = run(capsys, "evaluate", games, "--model", model)
    assert (code, out) == (1, "") and "the network plays on 5x5 to 19x19" in err
    code, out, err = run(capsys, "evaluate", small, *options, "--json")
    assert [one["name"] for one in json.loads(out)["models"]] == [model, str(other)]  # other sizes are borrowed
    code, out, err = run(capsys, "evaluate", small, "--model", "missing", "--model", "too")
    assert (code, out) == (1, "") and "none of the networks can be used" in err


def test_evaluate_asks_engines(capsys, model, small):
    engine = f'"{sys.executable}" "{ENGINES / "guessing.py"}" reg'
    options = ["--model", model, "--engine", engine, "--engine-positions", 2, "--engine-seconds", 20]
    found = json.loads(run(capsys, "evaluate", small, *options, "--json")[1])
    assert found["engines"] == [{"name": engine, "asked": 2, "answered": 2, "passes": 0, "illegal": 0, "lost": {}}]
    assert found["differences"][0]["positions"] == 2
    options[3], options[-1] = engine.removesuffix("reg") + "slow", 0.5
    found = json.loads(run(capsys, "evaluate", small, *options, "--json")[1])
    assert found["engines"][0]["answered"] == 0 and "in 0.5 s" in found["notes"][-1]


@pytest.mark.slow
def test_evaluate_chooses_positions_and_symmetries(capsys, model, small, tmp_path):
    store = tmp_path / "games.parquet"
    run(capsys, "prepare", DEMO_GAMES, "--out", store)
    options = ["evaluate", store, "--model", model, "--limit", 40, "--json"]
    plain = json.loads(run(capsys, *options)[1])
    turned = json.loads(run(capsys, *options, "--symmetries", 8)[1])
    assert plain["positions"] == turned["positions"] == 40 and plain["gain"] is None
    assert turned["gain"]["cross_entropy_without"] == pytest.approx(plain["cross_entropy"])
    assert turned["cross_entropy"] != plain["cross_entropy"]
    validation = json.loads(run(capsys, *options, "--split", "validation")[1])
    assert validation["set"]["fingerprint"] != plain["set"]["fingerprint"] and validation["fit"] is None
    fitted = json.loads(run(capsys, *options, "--split", "validation", "--fit", small)[1])
    assert fitted["fit"]["temperature"] > 0
    assert run(capsys, *options, "--since", 1990)[0] == 1  # no game has a date
    assert "no game is left" in run(capsys, *options, "--recipe", "pro-1990")[2]
    assert "no such recipe" in run(capsys, *options, "--recipe", "mine")[2]


def test_evaluate_measures_a_recipe(capsys, model, tmp_path):
    games, store = tmp_path / "ranked.sgf", tmp_path / "kgs.parquet"
    games.write_text("(;SZ[19]DT[2015-02-03]BR[7d]WR[5d];B[pp];W[dd];B[dp])(;SZ[19]DT[2014]BR[7d]WR[7d];B[pp])")
    assert run(capsys, "prepare", games, "--out", store, "--recipe", "kgs-2015")[0] == 0
    sets = [
        json.loads(run(capsys, "evaluate", *options, "--model", model, "--json")[1])["set"]
        for options in (
            [store, "--recipe", "kgs-2015"],  # all of the store, in whichever split the game is
            [games, "--recipe", "kgs-2015"],
            [games, "--until", 2015, "--since", 2015, "--moves-by", "6d"],
        )
    ]
    assert sets[0] == sets[1] == sets[2]
    assert (sets[0]["available"], sets[0]["other_moves_left_out"]) == (2, 1)


def test_evaluate_reads_sgf_and_says_what_it_left_out(capsys, model, small, tmp_path):
    (tmp_path / "bad.sgf").write_text("(;SZ[19];B[dd];W[dd])")
    code, out, err = run(capsys, "evaluate", tmp_path, "--model", model)
    assert code == 0 and "on 3 positions of 1 games" in out
    assert "left out: " in err


def test_evaluate_warns_of_games_that_were_trained_on(capsys, model, small, tmp_path):
    from hayago.network.model_file import load_model

    weights = load_model(model).weights
    trained = tmp_path / "trained.safetensors"
    save_model(trained, weights, ModelInfo(filters=2, planes=48, layers=2, data_fingerprint="ab"))
    store = tmp_path / "games.parquet"
    run(capsys, "prepare", DEMO_GAMES, "--out", store)
    assert "WARNING" not in run(capsys, "evaluate", store, "--model", trained)[2]
    options = ["evaluate", small, "--model"]  # its key says "train"
    assert "WARNING" in run(capsys, *options, trained)[2]
    assert "WARNING" not in run(capsys, *options, model)[2]
    store_of_others = [*options, trained, "--trained-on", store]
    assert "was trained on store ab" in run(capsys, *store_of_others)[2]
    from hayago.records.store import read_store

    known = ModelInfo(filters=2, planes=48, layers=2, data_fingerprint=read_store(store).fingerprint)
    save_model(trained, weights, known)
    assert "WARNING" not in run(capsys, *store_of_others)[2]  # it saw other games
    seen = run(capsys, "evaluate", store, "--split", "train", "--limit", 30, "--model", trained, "--trained-on", store)
    assert "was trained on 30 of these 30 games" in seen[2]


@pytest.mark.slow
@pytest.mark.parametrize("by_name", [False, True])
def test_export_gives_the_same_logits(capsys, model, tmp_path, by_name):
    """The network in the box, or another, by onnxruntime and by torch, on 100 real positions, in any batches."""
    import onnxruntime

    from hayago.features.planes import unpack
    from hayago.network.evaluator import make_evaluator

    out = tmp_path / "model.onnx"
    assert run(capsys, "export", out, *(["--model", model] if by_name else []))[0] == 0
    session = onnxruntime.InferenceSession(out.read_bytes(), providers=["CPUExecutionProvider"])
    rows = demo_batch(100).rows
    planes = unpack(rows).astype(np.float32)
    expected = make_evaluator(model if by_name else None, backend="torch").logits(rows)
    assert expected.std() > (0.01 if by_name else 1)
    for size in (100, 33, 1):
        got = [session.run(None, {"planes": planes[first : first + size]})[0] for first in range(0, 100, size)]
        assert np.abs(np.concatenate(got) - expected).max() < 1e-4


def hayago(*arguments, **options):
    return subprocess.Popen([sys.executable, "-m", "hayago", *arguments], stderr=subprocess.PIPE, **options)


def test_a_closed_pipe_is_no_traceback():
    process = hayago("--help", stdout=subprocess.PIPE, env=dict(os.environ, PYTHONUNBUFFERED="1"))
    process.stdout.close()
    assert process.communicate()[1] == b""


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--model", "nothing.safetensors"], 1, b"hayago: nothing.safetensors: no such model file"),
        (["--tempo"], 2, b"hayago: Unknown option: --tempo."),
    ],
)
def test_gtp_that_cannot_start_says_so_without_being_asked(options, code, message):
    process = hayago("gtp", *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(b"name\n")
    process.stdin.flush()
    assert process.wait(timeout=60) == code
    err = process.stderr.read()
    assert err.startswith(message) and err.count(b"\n") == 1


def test_version(capsys):
    from importlib.metadata import version

    import hayago

    assert run(capsys, "--version")[1] == f"hayago {version('hayago')}\n"
    assert hayago.__version__ == version("hayago")


def test_public_names():
    import hayago

    for name in hayago.__all__:
        assert getattr(hayago, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Goban'"):
        hayago.Goban  # noqa: B018


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_option_s_old_name_leads_to_the_new_one(capsys, old, new):
    assert main(["train", "--games", "games.parquet", "--out", "run", old, "1"]) == 2
    assert capsys.readouterr().err == f"hayago: {old} is now {new}\n"
    options = {name for argument in build_app()["train"].assemble_argument_collection() for name in argument.names}
    assert new in options and old not in options


def test_the_changelog_names_renamed_options():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert all(name in text for pair in RENAMED.items() for name in pair if "no-" not in name)


def test_evaluate_without_a_history(capsys, small, tmp_path):
    """The box predicts worse where it is not told what was played last; engines are always told."""
    known = [
        json.loads(run(capsys, "evaluate", DEMO_GAMES, "--limit", 60, "--json", *words)[1])
        for words in ([], ["--history", 0])
    ]
    assert known[1]["cross_entropy"] > known[0]["cross_entropy"] + 0.1
    assert "networks know only the last 0 moves" in known[1]["set"]["line"]
    for words in (["--history", 8], ["--history", -1], ["--history", 0, "--engine", "x"]):
        assert run(capsys, "evaluate", small, *words)[0] == 2


@pytest.mark.parametrize("size", ["20", "9:13", "", "0", "9.0", "nine"])
def test_evaluate_games_on_boards_that_there_are_not(capsys, tmp_path, size):
    games = tmp_path / "games.sgf"
    games.write_text(f"(;SZ[{size}];B[aa];W[bb])" * 2)
    code, _, err = run(capsys, "evaluate", games)
    assert code == (0 if size == "" else 1) or "board size" in err
    assert "Traceback" not in err
    games.write_text(f"(;SZ[{size}];B[aa];W[bb])(;SZ[{size}];B[aa];W[cc])(;SZ[7];B[aa];W[bb])")
    if size != "":
        assert "1 games on 7x7" in run(capsys, "evaluate", games)[1]


def test_what_a_stranger_s_file_says_is_printed_safely(capsys, tmp_path, model):
    info, weights = load_model(model)
    bad = tmp_path / "bad.safetensors"
    header = json.dumps({"kind": "model", **asdict(info)})
    bad.write_bytes(save({**weights, "\x1b]0;owned\x07x": np.zeros(1, np.float32)}, metadata={"hayago": header}))
    code, _, err = run(capsys, "evaluate", DEMO_GAMES, "--limit", 5, "--model", bad, "--model", model)
    assert code == 0 and "belongs to no layer" in err and "\x1b" not in err


def test_a_network_that_cannot_answer_is_named(capsys, small, tmp_path, model):
    info, weights = load_model(model)
    huge = tmp_path / "huge.safetensors"
    save_model(huge, {name: value * 1e30 for name, value in weights.items()}, info)
    code, _, err = run(capsys, "evaluate", small, "--model", huge)
    assert code == 1 and "huge.safetensors: the network answers with NaN" in err
