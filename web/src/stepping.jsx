// Under the board: which move, the steps through the game, and what is drawn on the board.

import { goTo, guessing, lastPly, layer, ply } from "./state.js";
import { Choice } from "./choice.jsx";
import { Icon } from "./icons.jsx";

const LAYERS = [
  { value: "none", text: "Stones" },
  { value: "heat", text: "Heat map" },
  { value: "liberties", text: "Liberties" },
  { value: "ladders", text: "Ladders" },
];

const Step = ({ name, icon, to, disabled }) => (
  <button class="step" aria-label={name} title={name} disabled={disabled} onClick={() => goTo(to)}>
    <Icon name={icon} />
  </button>
);

export function Stepping() {
  const [at, last] = [ply.value, lastPly.value];
  return (
    <div class="stepping">
      <div class="steps" role="group" aria-label="Step through the game">
        <Step name="First position" icon="first" to={0} disabled={at === 0} />
        <Step name="One move back" icon="back" to={at - 1} disabled={at === 0} />
        <input
          type="range"
          min="0"
          max={last}
          value={at}
          disabled={last === 0}
          aria-label="Move"
          aria-valuetext={`${at} of ${last}`}
          onInput={(event) => goTo(Number(event.currentTarget.value))}
        />
        <Step name="One move on" icon="on" to={at + 1} disabled={at === last} />
        <Step name="Last position" icon="last" to={last} disabled={at === last} />
        <span class="count">
          {at} / {last}
        </span>
      </div>
      <Choice
        name="layer"
        label="On the board"
        options={LAYERS}
        value={layer.value}
        disabled={Boolean(guessing.value)}
        onChoose={(value) => (layer.value = value)}
      />
    </div>
  );
}
