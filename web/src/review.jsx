// The panel of a game under review: whose it is, the move on the board, the chart of agreement, guessing.

import { useRef } from "preact/hooks";
import { openFile, reviewPlayed } from "./actions.js";
import { sgfAddress } from "./api.js";
import { Chart } from "./chart.jsx";
import { Guess } from "./guess.jsx";
import { complete, judged, lastJudged } from "./judged.js";
import { Players } from "./play.jsx";
import { busy, games, guessing, ply } from "./state.js";
import { colourName, moveCount, moveText, ordinal, percent, playerName } from "./words.js";

export function Review() {
  const game = games.review.value;
  if (!game) return <Open />;
  return (
    <>
      <h2>{game.event || "Review"}</h2>
      <Players game={game} />
      <p class="fine">
        {[game.date, game.result, game.rules && `${game.rules} rules`, game.komi != null && `komi ${game.komi}`]
          .filter(Boolean)
          .join(" · ")}
      </p>
      {game.note && <p class="fine">{game.note}</p>}
      {!guessing.value && <Move game={game} />}
      <Guess game={game} />
      {!guessing.value && <Chart />}
      {!guessing.value && complete.value && <Agreement game={game} />}
      <div class="buttons">
        <ChooseFile text="Open another" />
        <a class="button" href={sgfAddress(game)} download>
          Save SGF
        </a>
      </div>
    </>
  );
}

function Open() {
  const played = games.play.value;
  return (
    <>
      <h2>Review a game</h2>
      <div class="drop">
        <p>Drop an SGF file anywhere on this page, or choose one. It stays on this machine.</p>
        <ChooseFile text="Choose an SGF file" primary />
      </div>
      {played?.moves.length > 0 && <button onClick={reviewPlayed}>Review your game</button>}
    </>
  );
}

function ChooseFile({ text, primary }) {
  const input = useRef(null);
  return (
    <>
      <button class={primary ? "primary" : ""} disabled={Boolean(busy.value)} onClick={() => input.current.click()}>
        {text}
      </button>
      <input
        ref={input}
        type="file"
        accept=".sgf,application/x-go-sgf"
        hidden
        onChange={(event) => {
          const [file] = event.currentTarget.files;
          if (file) openFile(file);
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}

function Move({ game }) {
  const move = game.moves[ply.value - 1];
  if (!move) {
    return (
      <div class="move">
        <p>
          The start. {moveCount(game.moves.length)} {game.moves.length === 1 ? "follows" : "follow"}.
        </p>
        <Comment text={game.comment} />
      </div>
    );
  }
  const known = lastJudged.value;
  return (
    <div class="move">
      <p>
        Move {ply.value}:{" "}
        <strong>
          {colourName(move.colour)} {moveText(move.vertex)}
        </strong>
        {known && known.rank != null && (
          <>
            , the network's {ordinal(known.rank)} choice, {percent(known.prior)}.
            {known.rank > 1 && ` Its first: ${known.best}.`}
          </>
        )}
      </p>
      <Comment text={move.comment} />
    </div>
  );
}

const Comment = ({ text }) =>
  text ? (
    <p class="comment" tabIndex={0} role="group" aria-label="Comment">
      {text}
    </p>
  ) : null;

function Agreement({ game }) {
  const { players } = judged.value;
  if (!players) return null;
  return (
    <table>
      <caption>Agreement with the network</caption>
      <thead>
        <tr>
          <th scope="col">Player</th>
          <th scope="col">First choice</th>
          <th scope="col">Among five</th>
          <th scope="col">Moves</th>
        </tr>
      </thead>
      <tbody>
        {["B", "W"].map((colour) => (
          <tr key={colour}>
            <th scope="row">{playerName(game, colour)}</th>
            <td>{share(players[colour].top1)}</td>
            <td>{share(players[colour].top5)}</td>
            <td>{players[colour].moves}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const share = (value) => (value == null ? "–" : percent(value));
