// The panel of a game against the network: its settings, and then the game.

import { useSignal } from "@preact/signals";
import { hideScore, resign, reviewPlayed, showScore, startGame, play, undo, usersTurn } from "./actions.js";
import { sgfAddress } from "./api.js";
import { Choice } from "./choice.jsx";
import { about, busy, games, score } from "./state.js";
import { colourName, playerName } from "./words.js";

const SIDES = [
  { value: "B", text: "Black" },
  { value: "W", text: "White" },
  { value: "both", text: "Both" },
];

export function Play() {
  const asking = useSignal(false);
  const game = games.play.value;
  return game && !asking.value ? (
    <Game game={game} onNew={() => (asking.value = true)} />
  ) : (
    <NewGame onStart={() => (asking.value = false)} onCancel={game ? () => (asking.value = false) : null} />
  );
}

// The fixed handicaps of a board, as GTP has them.
const handicaps = (size) => [2, 3, 4, 5, 6, 7, 8, 9].slice(0, size < 7 ? 0 : size % 2 === 0 || size === 7 ? 3 : 8);

function NewGame({ onStart, onCancel }) {
  const human = useSignal("B");
  const komi = useSignal(null); // null: the usual one of the rules
  const handicap = useSignal(0);
  const size = useSignal(null); // null: the network's own
  const chosen = useSignal(0);
  const levels = about.value?.levels ?? [];
  const rules = about.value?.rules ?? [];
  const model = about.value?.model;
  const board = size.value ?? model?.board_size;
  const start = (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const level = form.get("level");
    startGame({
      human: human.value,
      level: level === "human" ? levels.length : Number(level),
      like_human: level === "human",
      size: Number(form.get("size")),
      handicap: Number(form.get("handicap")),
      rules: form.get("rules"),
      komi: form.get("komi") === "" ? null : Number(form.get("komi")),
    });
    onStart();
  };
  return (
    <form class="new-game" onSubmit={start}>
      <h2>New game</h2>
      <Choice
        name="human"
        label="You play"
        options={SIDES}
        value={human.value}
        onChoose={(value) => (human.value = value)}
      />
      <label class="field">
        Board
        <select
          name="size"
          onChange={(event) => {
            size.value = Number(event.currentTarget.value);
            if (!handicaps(size.value).includes(handicap.value)) handicap.value = 0;
          }}
        >
          {(model?.sizes ?? []).map((each) => (
            <option key={each} value={each} selected={each === board}>
              {each} by {each}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        Level of the network
        <select name="level">
          {levels.map(({ level, text }) => (
            <option key={level} value={level} selected={level === levels.length}>
              {level}: {text}
            </option>
          ))}
          <option value="human">like a person: moves as often as people play them</option>
        </select>
      </label>
      <div class="row">
        <label class="field">
          Handicap
          <select
            name="handicap"
            value={handicap.value}
            onChange={(event) => (handicap.value = Number(event.currentTarget.value))}
          >
            <option value="0">none</option>
            {handicaps(board).map((stones) => (
              <option key={stones} value={stones}>
                {stones} stones
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          Komi
          <input
            name="komi"
            type="number"
            step="0.5"
            min="-400"
            max="400"
            placeholder="usual"
            value={komi.value ?? (handicap.value ? "" : (rules[chosen.value]?.komi ?? ""))}
            onInput={(event) => (komi.value = event.currentTarget.value)}
          />
        </label>
      </div>
      <label class="field">
        Rules
        <select name="rules" onChange={(event) => (chosen.value = event.currentTarget.selectedIndex)}>
          {rules.map(({ name, text }) => (
            <option key={name} value={name}>
              {name}: {text}
            </option>
          ))}
        </select>
      </label>
      <div class="buttons">
        <button class="primary" disabled={!about.value || Boolean(busy.value)}>
          Start
        </button>
        {onCancel && (
          <button type="button" onClick={onCancel}>
            Back to the game
          </button>
        )}
      </div>
    </form>
  );
}

function Game({ game, onNew }) {
  const waiting = Boolean(busy.value);
  const turn = !game.over && usersTurn(game);
  const counted = score.value?.id === game.id && score.value.ply === game.moves.length ? score.value : null;
  return (
    <>
      <h2>Your game</h2>
      <Players game={game} />
      {game.over && <p class="result">Result: {game.over.score_text}</p>}
      {counted && (
        <p class="counted">
          Counted by playouts: {counted.text}.{" "}
          {counted.dead.length > 0 && `Dead, and crossed out: ${counted.dead.join(", ")}.`}
        </p>
      )}
      <div class="buttons">
        <button onClick={() => play("pass")} disabled={!turn || waiting}>
          Pass
        </button>
        <button onClick={undo} disabled={!game.moves.length || waiting}>
          Undo
        </button>
        <button onClick={counted ? hideScore : showScore} disabled={waiting}>
          {counted ? "Hide score" : "Score"}
        </button>
        <Resign key={game.moves.length} disabled={!turn || waiting} />
      </div>
      <div class="buttons">
        <a class="button" href={sgfAddress(game)} download>
          Save SGF
        </a>
        <button onClick={reviewPlayed} disabled={!game.moves.length || waiting}>
          Review it
        </button>
        <button onClick={onNew} disabled={waiting}>
          New game
        </button>
      </div>
      <p class="fine">
        {game.rules} rules, komi {game.komi}
        {game.handicap > 1 && `, ${game.handicap} handicap stones`}
      </p>
    </>
  );
}

// Pressed twice, lest a slip ends the game.
function Resign({ disabled }) {
  const sure = useSignal(false);
  return (
    <button
      class={sure.value ? "danger" : ""}
      disabled={disabled}
      onClick={() => (sure.value ? resign() : (sure.value = true))}
    >
      {sure.value ? "Really resign" : "Resign"}
    </button>
  );
}

export function Players({ game }) {
  const { captures, to_play } = game.position;
  return (
    <ul class="players">
      {["B", "W"].map((colour) => (
        <li key={colour} class={!game.over && to_play === colour && game.kind === "play" ? "to-play" : ""}>
          <span class={`stone stone-${colour}`} aria-hidden="true" />
          <span class="who">
            <span class="hidden">{colourName(colour)}: </span>
            {playerName(game, colour)} {game.players[colour].rank}
          </span>
          {game.kind === "play" && (
            <span class="fine">
              {captures[colour]} {captures[colour] === 1 ? "prisoner" : "prisoners"}
              {!game.over && to_play === colour ? ", to play" : ""}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
