// The network's judgement of a game under review, fetched in parts so that the page can show how far it is.

import { computed, effect, signal } from "@preact/signals";
import { gameAddress, get } from "./api.js";
import { games, ply, report } from "./state.js";

const PART = 32;

export const judged = signal(null); // {game, moves, players, chart}; players and chart come with the last part

effect(() => {
  const game = games.review.value;
  judged.value = null;
  if (!game || game.moves.length === 0) return;
  let current = true;
  judge(game, () => current).catch((error) => current && report(error));
  return () => (current = false);
});

async function judge(game, current) {
  const moves = [];
  for (let first = 0; first < game.moves.length; first += PART) {
    const last = Math.min(first + PART, game.moves.length) - 1;
    const part = await get(gameAddress(game, `/review?first=${first}&last=${last}`));
    if (!current()) return;
    moves.push(...part.moves);
    judged.value = { game, moves: [...moves], players: part.players, chart: part.chart };
  }
}

export const complete = computed(() => judged.value && judged.value.moves.length >= judged.value.game.moves.length);

// What is known of the move that led to the position on the board.
export const lastJudged = computed(() => judged.value?.moves.find((each) => each.ply === ply.value - 1) ?? null);
