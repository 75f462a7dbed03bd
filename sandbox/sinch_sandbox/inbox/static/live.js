// When to look again: at the server's word, when the clock reaches the next change, or after a failure.

import { realTimeUntil } from "./clock.js";

const SHORTEST_WAIT = 250;
const LONGEST_WAIT = 2 ** 31 - 1;
const RETRY = 1500;

let source;
let retry;
let timer;
let handlers;

// `changed` is called whenever there may be something new, `connected` with whether the server is there.
export function follow({ changed, connected }) {
  handlers = { changed, connected };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

export const lookNow = () => handlers.changed();

function open() {
  close();
  source = new EventSource("/sandbox/events");
  source.addEventListener("change", () => {
    handlers.connected(true);
    handlers.changed();
  });
  source.addEventListener("error", () => {
    handlers.connected(false);
    // A browser gives up for good when it gets an answer that is no stream.
    if (source?.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY);
  });
}

// Browsers allow six connections to a server: a page nobody looks at should not keep one.
function close() {
  clearTimeout(retry);
  source?.close();
  source = undefined;
}

// Look again when the running clock gets to the first of these instants.
export function lookAgainAt(...instants) {
  clearTimeout(timer);
  const waits = instants.map(realTimeUntil).filter((wait) => wait !== null);
  if (waits.length) timer = setTimeout(handlers.changed, Math.min(Math.max(Math.min(...waits) + 20, SHORTEST_WAIT), LONGEST_WAIT));
}
