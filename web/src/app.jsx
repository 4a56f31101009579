// The page: the board with its steps on one side, the panel of the view on the other.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { openFile } from "./actions.js";
import { Board } from "./board.jsx";
import { Mark } from "./icons.jsx";
import { KeysDialog, keysShown } from "./keys.jsx";
import { Look } from "./look.jsx";
import { Play } from "./play.jsx";
import { Review } from "./review.jsx";
import { about, busy, show, status, view } from "./state.js";
import { Stepping } from "./stepping.jsx";

const VIEWS = { play: "Play", look: "Look", review: "Review" };
const PANELS = { play: Play, look: Look, review: Review };

export function App() {
  const Panel = PANELS[view.value];
  return (
    <>
      <header class="top">
        <h1>
          <Mark />
          hayago
        </h1>
        <nav aria-label="Views">
          {Object.entries(VIEWS).map(([name, text]) => (
            <button key={name} aria-current={view.value === name ? "page" : undefined} onClick={() => show(name)}>
              {text}
            </button>
          ))}
        </nav>
        <button class="quiet" onClick={() => (keysShown.value = true)}>
          Keys
        </button>
      </header>
      <main>
        <div class="left">
          <Board />
          <Status />
          <Stepping />
        </div>
        <section class="panel" aria-label={VIEWS[view.value]}>
          <Panel />
        </section>
      </main>
      <footer>
        {about.value &&
          `hayago ${about.value.version}, ${about.value.model.name} (${about.value.model.filters} filters)`}
      </footer>
      <KeysDialog />
      <Drop />
    </>
  );
}

function Status() {
  const { text, error } = status.value;
  return (
    <p role="status" class={`status ${error ? "error" : ""}`}>
      {error ? text : busy.value || text}
    </p>
  );
}

// A file may be dropped anywhere.
function Drop() {
  const over = useSignal(false);
  useEffect(() => {
    const files = (event) => event.dataTransfer?.types.includes("Files");
    const handlers = {
      dragover: (event) => {
        if (!files(event)) return;
        event.preventDefault();
        over.value = true;
      },
      dragleave: (event) => {
        if (!event.relatedTarget) over.value = false;
      },
      drop: (event) => {
        if (!files(event)) return;
        event.preventDefault();
        over.value = false;
        const [file] = event.dataTransfer.files;
        if (file) openFile(file);
      },
    };
    for (const [name, handler] of Object.entries(handlers)) window.addEventListener(name, handler);
    return () => {
      for (const [name, handler] of Object.entries(handlers)) window.removeEventListener(name, handler);
    };
  }, []);
  return over.value ? <div class="dropping">Drop the SGF file to review it</div> : null;
}
