// How things are said: vertices, colours, probabilities, ranks.

const LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ";

// GTP's text of a point and Shudan's [x, y], counted from the top left.
export const toVertex = ([x, y], size) => `${LETTERS[x]}${size - y}`;
export const toPoint = (vertex, size) =>
  !vertex || vertex === "pass" ? null : [LETTERS.indexOf(vertex[0].toUpperCase()), size - Number(vertex.slice(1))];

export const samePoint = (a, b) => a != null && b != null && a[0] === b[0] && a[1] === b[1];
export const colourName = (colour) => (colour === "B" ? "Black" : "White");
export const moveCount = (moves) => (moves === 1 ? "1 move" : `${moves} moves`);
export const moveText = (vertex) => (vertex === "pass" ? "pass" : vertex);

export function percent(share) {
  const hundredths = 100 * share;
  if (share > 0 && hundredths < 0.1) return "< 0.1 %";
  return `${hundredths.toFixed(hundredths < 10 ? 1 : 0)} %`;
}

export function ordinal(rank) {
  const teen = rank % 100 >= 11 && rank % 100 <= 13;
  return `${rank}${(!teen && ["", "st", "nd", "rd"][rank % 10]) || "th"}`;
}

export const playerName = (game, colour) => game.players[colour].name || colourName(colour);
