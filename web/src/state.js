// What the page knows. Nouns: two *tables* stand here, one for the game being played and one for the game under review;
// a *view* is what the panel shows; the *scene* is what lies on the board: a position, and what the layer adds to it.

import { batch, computed, effect, signal } from "@preact/signals";
import { gameAddress, get } from "./api.js";

export const about = signal(null);
export const view = signal("play"); // play, look, review
export const table = signal("play"); // play, review: whose game lies on the board
export const games = { play: signal(null), review: signal(null) };
export const plies = { play: signal(0), review: signal(0) };
export const game = computed(() => games[table.value].value);
export const ply = computed(() => plies[table.value].value);
export const lastPly = computed(() => game.value?.moves.length ?? 0);

export const layer = signal("none"); // none, heat, liberties, ladders
export const temperature = signal(1);
export const symmetry = signal("average");
export const score = signal(null); // {id, ply, ...the server's answer}
export const guessing = signal(null); // null, or {answer: null or the server's answer, score}

export const busy = signal(""); // what is being waited for
export const status = signal({ text: "", error: false });
export const say = (text) => (status.value = { text, error: false });

export function report(error) {
  batch(() => {
    status.value = { text: error.message, error: true };
    if (error.status !== 404) return;
    // A server that was restarted, or had too many games, no longer knows this one.
    for (const [where, each] of Object.entries(games)) {
      if (!each.value || !error.path.startsWith(gameAddress(each.value))) continue;
      each.value = null;
      plies[where].value = 0;
      guessing.value = null;
      status.value = {
        text: "The server no longer has this game: it was restarted, or made room. Start a new one.",
        error: true,
      };
    }
  });
}

// Answers that do not change are kept, by path, until their game does.
const kept = new Map();

export function fetched(path) {
  if (!kept.has(path)) {
    const answer = get(path);
    kept.set(path, answer);
    answer.catch(() => kept.delete(path));
  }
  return kept.get(path);
}

const isMove = (move, colour, vertex) => move?.colour === colour && move.vertex === vertex;

// A game as the server now has it lies on a table; what was known of its positions may be of moves since taken back.
export function lay(where, next, at) {
  const before = games[where].value;
  const grown =
    before?.id === next.id && before.moves.every(({ colour, vertex }, n) => isMove(next.moves[n], colour, vertex));
  if (!grown && score.value?.id === next.id) score.value = null;
  if (!grown) for (const path of kept.keys()) if (path.startsWith(gameAddress(next))) kept.delete(path);
  kept.set(gameAddress(next, `/positions/${next.position.ply}`), Promise.resolve(next.position));
  batch(() => {
    games[where].value = next;
    plies[where].value = at;
  });
}

// The server refused something, perhaps because another tab has changed the game: show it as it is.
export async function refresh(path) {
  for (const [where, { value: known }] of Object.entries(games)) {
    if (!known || !path.startsWith(gameAddress(known))) continue;
    try {
      const next = await get(gameAddress(known));
      if (JSON.stringify(next) === JSON.stringify(known)) continue;
      lay(where, next, where === "play" ? next.moves.length : Math.min(plies[where].value, next.moves.length));
      status.value = { text: "The game has gone on in another tab. Here it is as it now stands.", error: true };
    } catch (error) {
      report(error);
    }
  }
}

export function show(next) {
  batch(() => {
    view.value = next;
    if (next !== "look") table.value = next;
    if (next === "look" && layer.value === "none") layer.value = "heat";
    if (next !== "review") guessing.value = null;
  });
}

export function goTo(next) {
  const bounded = Math.max(0, Math.min(lastPly.value, next));
  if (!game.value || bounded === ply.value) return;
  batch(() => {
    plies[table.value].value = bounded;
    if (guessing.value) guessing.value = { ...guessing.value, answer: null };
  });
}

export const shownLayer = computed(() => (guessing.value ? "none" : layer.value));
export const scene = signal(null); // {game, ply, position, policy, overlays}

effect(() => {
  const [shown, at, what] = [game.value, ply.value, shownLayer.value];
  const wish = `?temperature=${temperature.value}&symmetry=${symmetry.value}`;
  const looking = what === "heat" || (view.value === "look" && !guessing.value);
  if (!shown) {
    scene.value = null;
    return;
  }
  const address = (rest) => gameAddress(shown, rest);
  const extra = (wanted, path) => (wanted ? fetched(address(path)).catch((error) => void report(error)) : null);
  let current = true;
  Promise.all([
    fetched(address(`/positions/${at}`)),
    extra(looking, `/policy/${at}${wish}`),
    extra(what === "liberties" || what === "ladders", `/overlays/${at}`),
  ]).then(
    ([position, policy, overlays]) => {
      if (current) scene.value = { game: shown, ply: at, position, policy, overlays };
    },
    (error) => current && report(error),
  );
  return () => (current = false);
});

// A reload finds its games again.
const MEMORY = "hayago";

export async function remember() {
  try {
    const { ids, seen } = JSON.parse(sessionStorage.getItem(MEMORY)) ?? {};
    for (const where of ["play", "review"]) {
      const found = ids?.[where] && (await get(gameAddress({ id: ids[where] })).catch(() => null));
      if (found) lay(where, found, where === "play" ? found.moves.length : 0);
    }
    if (seen) show(seen);
  } catch {
    // Nothing readable is remembered: a fresh page.
  }
  effect(() => {
    const ids = { play: games.play.value?.id, review: games.review.value?.id };
    sessionStorage.setItem(MEMORY, JSON.stringify({ ids, seen: view.value }));
  });
}
