// The board: Shudan's Goban, with a cursor for keys and for fingers. It shows a scene and says which point was chosen.

import { Goban } from "@sabaki/shudan";
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { choose, play, undo, usersTurn } from "./actions.js";
import { cursorText, mapsOf } from "./maps.js";
import { busy, goTo, guessing, layer, ply, lastPly, scene, score, shownLayer, table, view } from "./state.js";
import { samePoint, toVertex } from "./words.js";

const SMALL = 30; // points of fewer pixels are too small for a finger: the first tap aims, the second plays
const EMPTY = Array.from({ length: 19 }, () => Array(19).fill(0));

export const cursor = signal(null); // [x, y], or null before it is needed
const aimed = signal(null); // the scene in which a finger has aimed; the next tap on the point, or the button, plays

// The size of a point so that the board fills the width of its place.
function usePointSize(size) {
  const place = useRef(null);
  const [points, setPoints] = useState({ pixels: 0, coordinates: true });
  useLayoutEffect(() => {
    const measure = () => {
      const width = place.current.clientWidth;
      const coordinates = width >= 420;
      const across = size + (coordinates ? 2 : 0.5); // points: with the coordinates, or the padding
      setPoints({ pixels: Math.max(8, Math.floor((10 * (width - 2)) / across) / 10), coordinates });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(place.current);
    measure();
    return () => observer.disconnect();
  }, [size]);
  return [place, points];
}

// Turning the wheel over the board steps through a game under review.
function useWheel(place) {
  useLayoutEffect(() => {
    let turned = 0;
    const turn = (event) => {
      if (view.value !== "review" || !scene.value || event.ctrlKey) return;
      event.preventDefault();
      turned += event.deltaMode === 0 ? event.deltaY : 40 * event.deltaY;
      const steps = Math.trunc(turned / 40);
      turned -= 40 * steps;
      if (steps) goTo(ply.value + Math.sign(steps));
    };
    const element = place.current;
    element.addEventListener("wheel", turn, { passive: false });
    return () => element.removeEventListener("wheel", turn);
  }, []);
}

const move = (size, dx, dy) => {
  const [x, y] = cursor.value ?? [(size - 1) >> 1, (size - 1) >> 1];
  const inside = (at) => Math.max(0, Math.min(size - 1, at));
  cursor.value = [inside(x + dx), inside(y + dy)];
};

// The cursor, if it is on a board of this size: it may have been left on a larger one.
const cursorOn = (size) => (cursor.value?.every((each) => each < size) ? cursor.value : null);

const playAtCursor = (size) => cursorOn(size) && choose(toVertex(cursor.value, size));

const mayPlay = () => table.value === "play" && scene.value?.game && usersTurn(scene.value.game);

// The keys of the board, while it has the focus. keys.jsx says them to the user.
const KEYS = {
  ArrowLeft: (size) => move(size, -1, 0),
  ArrowRight: (size) => move(size, 1, 0),
  ArrowUp: (size) => move(size, 0, -1),
  ArrowDown: (size) => move(size, 0, 1),
  Enter: (size) => playAtCursor(size),
  " ": (size) => playAtCursor(size),
  p: () => mayPlay() && play("pass"),
  u: () => table.value === "play" && scene.value && undo(),
  ".": () => goTo(ply.value + 1),
  ",": () => goTo(ply.value - 1),
  PageDown: () => goTo(ply.value + 10),
  PageUp: () => goTo(ply.value - 10),
  Home: () => goTo(0),
  End: () => goTo(lastPly.value),
  h: () => (layer.value = layer.value === "heat" ? "none" : "heat"),
  l: () => (layer.value = layer.value === "liberties" ? "none" : "liberties"),
  d: () => (layer.value = layer.value === "ladders" ? "none" : "ladders"),
};

export function Board() {
  const shown = scene.value;
  const signMap = shown?.position.stones ?? EMPTY;
  const size = signMap.length;
  const [place, { pixels, coordinates }] = usePointSize(size);
  const [focused, setFocused] = useState(false);
  useWheel(place);

  const counting = view.value === "play" && shownLayer.value === "none";
  const counted =
    counting && score.value?.id === shown?.game.id && score.value?.ply === shown?.ply ? score.value : null;
  const maps = mapsOf(shown, shownLayer.value, counted, guessing.value?.answer, pixels);
  const at = cursorOn(size);
  const aiming = shown != null && aimed.value === shown;
  const marked = at && (focused || aiming);
  const turn = mayPlay() && shown.ply === shown.game.moves.length && !busy.value ? shown.position.to_play : null;

  const click = (event, point) => {
    const finger = event.pointerType ? event.pointerType === "touch" : matchMedia("(pointer: coarse)").matches;
    const wanting = turn || (guessing.value && !guessing.value.answer);
    if (finger && pixels < SMALL && wanting && !(aiming && samePoint(at, point))) {
      cursor.value = point;
      aimed.value = shown;
      return;
    }
    cursor.value = point;
    aimed.value = null;
    setFocused(false);
    choose(toVertex(point, size));
  };

  const press = (event) => {
    const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    act(size);
  };

  return (
    <div class="board-place" ref={place}>
      <div
        class={`board ${turn ? `turn-${turn}` : ""} ${guessing.value ? "guessing" : ""}`}
        role="application"
        aria-roledescription="Go board"
        aria-label={`Board, ${size} by ${size}. Arrow keys move the cursor, Enter plays, question mark lists the keys.`}
        tabIndex={0}
        onKeyDown={press}
        onFocus={(event) => {
          // A click focuses too, but shows no cursor.
          if (!event.currentTarget.matches(":focus-visible")) return;
          setFocused(true);
          move(size, 0, 0);
        }}
        onBlur={() => setFocused(false)}
        onKeyUp={() => setFocused(true)}
      >
        <div aria-hidden="true">
          {pixels > 0 && (
            <Goban
              vertexSize={pixels}
              signMap={signMap}
              showCoordinates={coordinates}
              onVertexClick={click}
              selectedVertices={marked ? [at] : []}
              {...maps}
            />
          )}
        </div>
      </div>
      <p class="hidden" aria-live="polite">
        {marked ? cursorText(at, shown, shownLayer.value) : ""}
      </p>
      {aiming && at && (turn || guessing.value) && (
        <button
          class="primary aim"
          disabled={Boolean(busy.value)}
          onClick={() => {
            aimed.value = null;
            choose(toVertex(at, size));
          }}
        >
          {guessing.value ? "Guess" : "Play"} {toVertex(at, size)}
        </button>
      )}
    </div>
  );
}
