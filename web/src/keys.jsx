// The keys, said to the user; those of the board itself are in board.jsx.

import { signal } from "@preact/signals";
import { Dialog } from "./dialog.jsx";
import { goTo, lastPly, ply } from "./state.js";

export const keysShown = signal(false);

const ON_THE_BOARD = [
  ["← ↑ → ↓", "move the cursor"],
  ["Enter, Space", "play, or guess, at the cursor"],
  ["P", "pass"],
  ["U", "take back"],
  [", and .", "one move back, one move on"],
  ["H", "heat map on or off"],
  ["L", "liberties on or off"],
  ["D", "ladders on or off"],
];
const EVERYWHERE = [
  ["← →", "one move back, one move on (outside the board)"],
  ["Page Up, Page Down", "ten moves back, ten moves on"],
  ["Home, End", "the start, the last move"],
  ["Tab", "to the board, the buttons, the chart"],
  ["Mouse wheel", "over the board, in a review: step"],
  ["?", "these keys"],
];

const Keys = ({ title, keys }) => (
  <>
    <h3>{title}</h3>
    <dl class="keys">
      {keys.map(([key, meaning]) => (
        <div key={key}>
          <dt>{key}</dt>
          <dd>{meaning}</dd>
        </div>
      ))}
    </dl>
  </>
);

export const KeysDialog = () => (
  <Dialog title="Keys" shown={keysShown}>
    <Keys title="On the board" keys={ON_THE_BOARD} />
    <Keys title="Everywhere" keys={EVERYWHERE} />
  </Dialog>
);

export const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
const KEEPS_ITS_KEYS = "input:not([type=radio]), select, textarea, [role=application], [role=slider], dialog";

export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "?" && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      keysShown.value = true;
      return;
    }
    const step = STEPS[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest(KEEPS_ITS_KEYS) || lastPly.value === 0) return;
    // In a group of choices the arrows choose; the other keys step.
    if (event.key.startsWith("Arrow") && event.target.matches("input")) return;
    event.preventDefault();
    goTo(ply.value + step);
  });
}
