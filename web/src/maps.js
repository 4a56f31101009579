// From the server's answers to Shudan's maps: markers, heat, paint. Display only.

import { ordinal, percent, samePoint, toPoint, toVertex } from "./words.js";

const LABELS_FROM = 22; // points of fewer pixels have no room for a percentage

const emptyMap = (size) => Array.from({ length: size }, () => Array(size).fill(null));

// 1 to 9 by the square root: a move of 1 % can be seen beside one of 60 %.
const strength = (prior) => Math.max(1, Math.min(9, Math.round(10 * Math.sqrt(prior))));

function heatOf({ priors, best }, size, pixels) {
  const heat = priors.map((row) =>
    row.map((prior) => {
      if (prior < 0.002) return null;
      return { strength: strength(prior), text: pixels >= LABELS_FROM && prior >= 0.01 ? Math.round(100 * prior) : "" };
    }),
  );
  best.forEach(({ vertex }, index) => {
    const point = toPoint(vertex, size);
    const cell = point && heat[point[1]][point[0]];
    if (cell && pixels < LABELS_FROM) cell.text = index + 1;
  });
  return heat;
}

function put(map, vertex, size, marker) {
  const point = toPoint(vertex, size);
  if (!point) return;
  const [x, y] = point;
  map[y][x] = map[y][x]?.label && marker.label ? { type: "label", label: map[y][x].label + marker.label } : marker;
}

// `answer` is that to a guess: Y, N and P mark your move, the network's and the one that was played.
export function mapsOf(scene, layer, score, answer, pixels) {
  if (!scene) return {};
  const { position, policy, overlays } = scene;
  const size = position.stones.length;
  const markerMap = emptyMap(size);
  const maps = { markerMap };
  if (position.ko) put(markerMap, position.ko, size, { type: "square" });
  if (position.last_move) put(markerMap, position.last_move, size, { type: "circle" });
  if (layer === "heat" && policy) maps.heatMap = heatOf(policy, size, pixels);
  if (layer === "liberties" && overlays) {
    overlays.liberties.forEach((row, y) =>
      row.forEach((count, x) => count > 0 && (markerMap[y][x] = { type: "label", label: String(count) })),
    );
  }
  if (layer === "ladders" && overlays) {
    for (const { vertices, move } of overlays.ladders) {
      for (const vertex of vertices) put(markerMap, vertex, size, { type: "triangle" });
      put(markerMap, move, size, { type: "cross" });
    }
  }
  if (score) {
    maps.paintMap = score.ownership.map((row) => row.map((owner) => (Math.abs(owner) < 0.2 ? 0 : owner)));
    maps.dimmedVertices = score.dead.map((vertex) => toPoint(vertex, size));
    for (const vertex of score.dead) put(markerMap, vertex, size, { type: "cross" });
  }
  if (answer) {
    put(markerMap, answer.yours, size, { type: "label", label: "Y" });
    put(markerMap, answer.network, size, { type: "label", label: "N" });
    put(markerMap, answer.played, size, { type: "label", label: "P" });
  }
  return maps;
}

// What a screen reader says of the point under the cursor.
export function cursorText(point, scene, layer) {
  const size = scene?.position.stones.length ?? 19;
  const [x, y] = point;
  const said = [toVertex(point, size)];
  if (!scene) return said[0];
  const { position, policy, overlays } = scene;
  said.push({ 1: "black stone", "-1": "white stone", 0: "empty" }[position.stones[y][x]]);
  if (samePoint(toPoint(position.last_move, size), point)) said.push("last move");
  if (samePoint(toPoint(position.ko, size), point)) said.push("ko");
  if (layer === "liberties" && overlays?.liberties[y][x]) said.push(`${overlays.liberties[y][x]} liberties`);
  if (layer === "ladders") {
    for (const { vertices, kind, move } of overlays?.ladders ?? []) {
      if (vertices.some((vertex) => samePoint(toPoint(vertex, size), point)))
        said.push(`in a ladder: ${kind} at ${move}`);
    }
  }
  if (layer === "heat" && policy && position.stones[y][x] === 0) {
    const rank = policy.best.findIndex(({ vertex }) => samePoint(toPoint(vertex, size), point));
    said.push(percent(policy.priors[y][x]) + (rank < 0 ? "" : `, ${ordinal(rank + 1)}`));
  }
  return said.join(", ");
}
