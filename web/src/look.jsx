// The panel that looks into the network: the likeliest moves and how they were asked for, the ladders, the planes.

import { Choice } from "./choice.jsx";
import { PlanesDialog, planesShown } from "./planes.jsx";
import { guessing, layer, scene, symmetry, temperature } from "./state.js";
import { colourName, percent } from "./words.js";

// Symmetry s flips the columns if s & 1, then the rows if s & 2, then swaps rows and columns if s & 4.
const SYMMETRIES = {
  average: "averaged over the 8 symmetries of the board",
  0: "with the board as it lies",
  1: "with the board mirrored left to right",
  2: "with the board mirrored top to bottom",
  3: "with the board turned by a half",
  4: "with the board mirrored along the diagonal from the top left",
  5: "with the board turned a quarter to the left",
  6: "with the board turned a quarter to the right",
  7: "with the board mirrored along the diagonal from the top right",
};

const TEMPERATURES = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];

export function Look() {
  if (!scene.value) {
    return (
      <>
        <h2>Look</h2>
        <p>Start a game or open one: what the network thinks of each position of it is shown here.</p>
      </>
    );
  }
  if (guessing.value) return <p>While you guess, the network's thoughts are hidden.</p>;
  const { position, policy } = scene.value;
  return (
    <>
      <h2>What the network would play</h2>
      <p class="sentence">
        {colourName(position.to_play)} to play. Probabilities at temperature {policy?.temperature ?? temperature.value},{" "}
        {SYMMETRIES[policy?.symmetry ?? symmetry.value]}.
      </p>
      <Best policy={policy} />
      <div class="row">
        <label class="field">
          Temperature
          <select
            value={temperature.value}
            onChange={(event) => (temperature.value = Number(event.currentTarget.value))}
          >
            {TEMPERATURES.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
        <label class="field whole">
          Symmetry
          <select value={symmetry.value} onChange={(event) => (symmetry.value = event.currentTarget.value)}>
            {["average", 0, 1, 2, 3, 4, 5, 6, 7].map((each) => (
              <option key={each} value={each}>
                {SYMMETRIES[each]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {layer.value === "ladders" && <Ladders />}
      <div class="buttons">
        <button onClick={() => (planesShown.value = true)}>Show the 48 planes</button>
      </div>
      <PlanesDialog />
    </>
  );
}

function Best({ policy }) {
  if (!policy) return <p class="fine">No probabilities here.</p>;
  const most = Math.max(...policy.best.map(({ prior }) => prior), 1e-9);
  return (
    <ol class="best" aria-label="The likeliest moves">
      {policy.best.map(({ vertex, prior }) => (
        <li key={vertex}>
          <span class="vertex">{vertex}</span>
          <meter class="hidden" min="0" max="1" value={prior} aria-label={`Probability of ${vertex}`} />
          <span class="bar" aria-hidden="true">
            <span style={{ width: `${(100 * prior) / most}%` }} />
          </span>
          <span class="share">{percent(prior)}</span>
        </li>
      ))}
    </ol>
  );
}

function Ladders() {
  const ladders = scene.value.overlays?.ladders ?? [];
  return (
    <section>
      <h3>Ladders</h3>
      {ladders.length === 0 && <p class="fine">No ladder in this position.</p>}
      <ul class="ladders">
        {ladders.map(({ vertices, kind, move }) => (
          <li key={kind + move + vertices[0]}>
            {kind === "capture" ? `${move} captures ${vertices.join(" ")}` : `${move} saves ${vertices.join(" ")}`}
          </li>
        ))}
      </ul>
    </section>
  );
}
