// The 48 feature planes that the network sees, as small boards.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { gameAddress, get } from "./api.js";
import { Dialog } from "./dialog.jsx";
import { report, scene } from "./state.js";

export const planesShown = signal(false);

export const PlanesDialog = () => (
  <Dialog title="The 48 planes" shown={planesShown} wide>
    <Planes />
  </Dialog>
);

function Planes() {
  const { game, ply } = scene.value;
  const [planes, setPlanes] = useState(null);
  useEffect(() => {
    let current = true;
    get(gameAddress(game, `/planes/${ply}`)).then((answer) => current && setPlanes(answer.planes), report);
    return () => (current = false);
  }, [game, ply]);
  if (!planes) return <p>…</p>;
  return (
    <>
      <p>What the network is given of this position, as its player to move sees it: a filled point is a one.</p>
      <ol class="planes" start="0">
        {planes.map(({ index, name, rows }) => (
          <li key={index}>
            <Plane rows={rows} />
            <span>
              {index} {name}
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}

function Plane({ rows }) {
  const size = rows.length;
  const ones = rows.flatMap((row, y) => [...row].flatMap((cell, x) => (cell === "1" ? [`M${x} ${y}h1v1h-1z`] : [])));
  return (
    <svg viewBox={`0 0 ${size} ${size}`} role="img" aria-label={`${ones.length} of ${size * size} points`}>
      <path d={ones.join("")} />
    </svg>
  );
}
