// What the user can do. Each asks the server and lays its answer on a table; only the server knows Go.

import { batch } from "@preact/signals";
import { gameAddress as address, get, post, postFile } from "./api.js";
import {
  about,
  busy,
  games,
  goTo,
  guessing,
  lay,
  plies,
  ply,
  refresh,
  report,
  say,
  scene,
  score,
  show,
  status,
  table,
} from "./state.js";
import { colourName, moveCount, moveText } from "./words.js";

// One thing at a time; an error becomes the status line.
export async function attempt(doing, work) {
  if (busy.value) return;
  batch(() => {
    busy.value = doing;
    say("");
  });
  try {
    await work();
  } catch (error) {
    report(error);
    if (error.status === 409) await refresh(error.path);
  } finally {
    busy.value = "";
  }
}

// Says what is being waited for. For a short while after its first start, the server compiles what counting needs.
async function wait(text) {
  busy.value = text;
  if (!about.value?.compiling) return;
  about.value = await get("about");
  if (about.value.compiling) busy.value = `${text} hayago compiles its fast code, once per version: up to half a minute`;
}

const layPlayed = (next) => lay("play", next, next.moves.length);
const played = () => games.play.value;

export const usersTurn = (game) => game.over == null && (game.human === "both" || game.position.to_play === game.human);

// The network moves until it is the user's turn: once, or not at all.
async function letNetworkMove() {
  const thinking = "The network is thinking …";
  while (played() && !played().over && !usersTurn(played())) {
    await wait(thinking);
    const before = played().moves.length;
    layPlayed(await post(address(played(), "/reply")));
    const { moves, over } = played();
    const move = moves[before];
    if (move) say(`The network ${move.vertex === "pass" ? "passed" : `played ${move.vertex}`}.`);
    if (!move && !over) return;
  }
  await finish();
}

async function finish() {
  const { over } = played() ?? {};
  if (!over) return;
  say(`${over.reason === "resignation" ? "Resigned" : "Both passed"}: ${over.score_text}.`);
  if (over.reason === "passes") await count();
}

async function count() {
  await wait("Counting …");
  layPlayed(await get(address(played()))); // the server counts the game as it stands, which another tab may have changed
  const answer = await fetchScore(played());
  batch(() => {
    score.value = answer;
    plies.play.value = answer.ply;
  });
}

const fetchScore = async (game) => ({
  ...(await get(address(game, "/score"))),
  id: game.id,
  ply: game.moves.length,
});

export const startGame = (wishes) =>
  attempt("A new game …", async () => {
    const next = await post("games", wishes);
    batch(() => {
      score.value = null;
      layPlayed(next);
      show("play");
    });
    await letNetworkMove();
  });

export const play = (vertex) =>
  attempt(moveText(vertex), async () => {
    layPlayed(await post(address(played(), "/moves"), { vertex }));
    await letNetworkMove();
  });

export const undo = () =>
  attempt("Taking back …", async () => {
    layPlayed(await post(address(played(), "/undo")));
    say(`Taken back. ${colourName(played().position.to_play)} to play.`);
    await letNetworkMove();
  });

export const resign = () =>
  attempt("Resigning …", async () => {
    const game = played();
    const colour = game.human === "both" ? game.position.to_play : game.human;
    layPlayed(await post(address(game, "/resign"), { colour }));
    await finish();
  });

export const showScore = () =>
  attempt("Counting …", async () => {
    await count();
    say(`Counted by playouts: ${score.value.text}.`);
  });

export const hideScore = () => (score.value = null);

// Review: a file, or the game that is being played.

export const openFile = (file) =>
  attempt("Reading the file …", async () => {
    const limit = about.value?.limits?.sgf_bytes;
    if (limit && file.size > limit) {
      status.value = {
        text: `The file is larger than ${Math.floor(limit / 1e6)} MB: too large for a game.`,
        error: true,
      };
      return;
    }
    const next = await postFile("games/sgf", file);
    batch(() => {
      guessing.value = null;
      lay("review", next, 0);
      show("review");
    });
    say(`Opened: ${moveCount(next.moves.length)}.`);
  });

export function reviewPlayed() {
  batch(() => {
    lay("review", played(), 0);
    show("review");
  });
}

export const startGuessing = () => (guessing.value = { answer: null, score: guessing.value?.score ?? null });
export const stopGuessing = () => (guessing.value = null);

export const guess = (vertex) =>
  attempt("Looking …", async () => {
    const answer = await post(address(games.review.value, "/guess"), { ply: ply.value, vertex });
    guessing.value = { answer: { ...answer, yours: vertex }, score: answer.score };
    say(`${answer.guess.right ? "Right" : "No"}: ${moveText(answer.played)} was played.`);
  });

export const nextGuess = () => goTo(ply.value + 1);

// A point of the board was chosen, by mouse, touch or key.
export function choose(vertex) {
  const game = scene.value?.game;
  if (!game || busy.value) return;
  if (table.value === "review") {
    if (!guessing.value) say("To guess the next move, switch on Guess the move.");
    else if (guessing.value.answer) nextGuess();
    else if (ply.value < game.moves.length) guess(vertex);
    return;
  }
  if (game.over) say("The game is over.");
  else if (ply.value !== game.moves.length) say("This is an earlier position. Go to the last position to play on.");
  else play(vertex);
}
