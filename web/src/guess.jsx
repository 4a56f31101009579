// Guess the move: the user points at the move they expect, and is scored beside the network.

import { nextGuess, startGuessing, stopGuessing } from "./actions.js";
import { guessing, ply } from "./state.js";
import { colourName, moveText, ordinal, percent } from "./words.js";

export function Guess({ game }) {
  if (!guessing.value) {
    return (
      <div class="buttons">
        <button onClick={startGuessing}>Guess the move</button>
      </div>
    );
  }
  const { answer, score } = guessing.value;
  const next = game.moves[ply.value];
  return (
    <section class="guess" aria-label="Guess the move">
      <h3>Guess the move</h3>
      {score && (
        <p class="tally">
          You <strong>{score.user}</strong> · network <strong>{score.network}</strong> · of {score.of}
        </p>
      )}
      {!next && <p>The game ends here.</p>}
      {next && !answer && (
        <p>
          Move {ply.value + 1}: where does {colourName(next.colour)} play? Choose a point on the board.
        </p>
      )}
      {answer && <Answer answer={answer} />}
      <div class="buttons">
        {next && (
          <button class={answer ? "primary" : ""} onClick={nextGuess}>
            {answer ? "Next move" : "Skip"}
          </button>
        )}
        <button onClick={stopGuessing}>Stop guessing</button>
      </div>
    </section>
  );
}

function Answer({ answer }) {
  const { played, network, yours, guess } = answer;
  return (
    <>
      <p class={guess.right ? "right" : "wrong"}>{guess.right ? "Right." : "Not the move that was played."}</p>
      <dl class="answer">
        <dt>Played (P)</dt>
        <dd>{moveText(played)}</dd>
        <dt>You (Y)</dt>
        <dd>
          {yours}, the network's {ordinal(guess.rank)} choice, {percent(guess.prior)}
        </dd>
        <dt>Network (N)</dt>
        <dd>
          {network}
          {network === played ? ", right" : ""}
        </dd>
      </dl>
    </>
  );
}
