// A window over the page; Escape or its button closes it.

import { useLayoutEffect, useRef } from "preact/hooks";

export function Dialog({ title, shown, wide, children }) {
  const element = useRef(null);
  // Before the browser draws: an Escape pressed at once must find the dialog open.
  useLayoutEffect(() => {
    if (shown.value) element.current.showModal();
    else element.current.close();
  }, [shown.value]);
  return (
    <dialog ref={element} class={wide ? "wide" : ""} aria-label={title} onClose={() => (shown.value = false)}>
      <header>
        <h2>{title}</h2>
        <button onClick={() => (shown.value = false)}>Close</button>
      </header>
      {shown.value && children}
    </dialog>
  );
}
