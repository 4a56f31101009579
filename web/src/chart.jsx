// The chart of agreement over a game: a line for each player, the ranks of all moves beneath. A click, a drag or the
// arrows go to a move.

import { complete, judged, lastJudged } from "./judged.js";
import { STEPS } from "./keys.jsx";
import { goTo, lastPly, ply } from "./state.js";
import { colourName, percent } from "./words.js";

const [WIDTH, HEIGHT] = [400, 176];
const PLOT = { left: 44, right: 8, top: 8, height: 108 };
const STRIP = { B: 126, W: 144, height: 14 };
const COLOURS = ["B", "W"];

function rankBar(rank) {
  if (rank === 1) return ["first", STRIP.height];
  if (rank != null && rank <= 5) return ["five", STRIP.height / 2];
  return ["other", 2];
}

export function Chart() {
  if (!judged.value) return null;
  const { moves, chart, game } = judged.value;
  const last = Math.max(1, lastPly.value);
  const across = WIDTH - PLOT.left - PLOT.right;
  const x = (at) => PLOT.left + (across * at) / last;
  const y = (value) => PLOT.top + PLOT.height * (1 - value);
  const jump = (event) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const at = ((event.clientX - left) / width) * WIDTH;
    goTo(Math.round(((at - PLOT.left) / across) * last));
  };
  const place = ({ ply: at, share }) => `${x(at + 1).toFixed(1)} ${y(share).toFixed(1)}`;
  const line = (points) => points.map((point, index) => (index ? "L" : "M") + place(point)).join("");
  const now = lastJudged.value;

  return (
    <figure class="chart">
      <figcaption>
        First choices over the game
        <span class="legend">
          {COLOURS.map((colour) => (
            <span key={colour} class={`key key-${colour}`}>
              <svg viewBox="0 0 24 6" aria-hidden="true">
                <path d="M0 3h24" class={`line line-${colour}`} />
              </svg>
              {colourName(colour)}
            </span>
          ))}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="slider"
        tabIndex={0}
        aria-label="Chart of agreement, move"
        aria-valuemin={0}
        aria-valuemax={lastPly.value}
        aria-valuenow={ply.value}
        aria-valuetext={`Move ${ply.value}${now?.rank ? `, rank ${now.rank}` : ""}`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          jump(event);
        }}
        onPointerMove={(event) => event.buttons === 1 && jump(event)}
        onKeyDown={(event) => {
          const step = { ...STEPS, ArrowDown: -1, ArrowUp: 1 }[event.key];
          if (!step) return;
          event.preventDefault();
          goTo(ply.value + step);
        }}
      >
        {[0, 0.5, 1].map((value) => (
          <g key={value}>
            <path class="rule" d={`M${PLOT.left} ${y(value)}H${WIDTH - PLOT.right}`} />
            <text x={PLOT.left - 5} y={y(value) + 4} text-anchor="end">
              {100 * value}
              {value === 1 ? " %" : ""}
            </text>
          </g>
        ))}
        {moves.map(({ ply: at, colour, rank }) => {
          const [kind, height] = rankBar(rank);
          return (
            <rect
              key={at}
              class={`rank rank-${kind}`}
              x={x(at + 0.6)}
              width={Math.max(0.8, (across / last) * 0.8)}
              y={STRIP[colour] + STRIP.height - height}
              height={height}
            />
          );
        })}
        {COLOURS.map((colour) => (
          <text key={colour} x={PLOT.left - 5} y={STRIP[colour] + 12} text-anchor="end">
            {colour}
          </text>
        ))}
        {chart && COLOURS.map((colour) => <path key={colour} class={`line line-${colour}`} d={line(chart[colour])} />)}
        <path class="now" d={`M${x(ply.value)} ${PLOT.top}V${STRIP.W + STRIP.height}`} />
        <text x={PLOT.left} y={HEIGHT - 4}>
          {ply.value === 0 ? "start" : `move ${ply.value}`}
          {now?.rank != null ? `: ${colourName(now.colour)}, rank ${now.rank}, ${percent(now.prior)}` : ""}
        </text>
      </svg>
      {!complete.value && (
        <p class="fine">
          <progress max={game.moves.length} value={moves.length} aria-label="Positions judged" /> {moves.length} of{" "}
          {game.moves.length} moves judged
        </p>
      )}
      <p class="fine">Bars: each move's rank. A full bar is the network's first choice, a half one is among five.</p>
    </figure>
  );
}
