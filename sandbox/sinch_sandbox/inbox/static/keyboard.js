// Keys: / searches, n begins a new text, arrows walk the list, Escape goes back.

import { go, parse } from "./router.js";

const isTyping = (node) => node.matches("input, textarea, select, [contenteditable]");

export function listenToKeys({ list, search, main }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    // A dialog or a menu that is open has its own keys.
    if (document.querySelector("dialog[open], :popover-open")) return;
    const at = document.activeElement ?? document.body;
    if (event.key === "n" && !isTyping(at)) {
      event.preventDefault();
      go("write");
    } else if (event.key === "/" && !isTyping(at)) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape") {
      escape(at, list, search);
    } else if (["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) {
      const mayWalk = list.contains(at) || (at === search && event.key === "ArrowDown") || at === document.body;
      if (mayWalk && walk(list, at, event.key)) event.preventDefault();
    } else if (event.key === "ArrowLeft" && main.contains(at) && !isTyping(at)) {
      focusList(list);
    }
  });
}

function walk(list, at, key) {
  const entries = [...list.querySelectorAll("a.entry")];
  if (!entries.length) return false;
  const here = entries.indexOf(at.closest?.("a.entry"));
  const target = { ArrowDown: here + 1, ArrowUp: here < 0 ? 0 : here - 1, Home: 0, End: entries.length - 1 }[key];
  entries[Math.min(Math.max(target, 0), entries.length - 1)].focus();
  return true;
}

function escape(at, list, search) {
  const { view, argument } = parse(location.hash);
  if (at === search && (search.value || view === "search")) {
    search.value = "";
    if (view === "search") go("phones");
    return;
  }
  if (isTyping(at)) at.blur();
  else if (view === "search") {
    search.value = "";
    go("phones");
  } else if (argument) {
    go(view);
    focusList(list, argument);
  } else if (view !== "phones") go("phones");
}

function focusList(list, argument) {
  const entry = (argument && list.querySelector(`a.entry[data-argument="${CSS.escape(argument)}"]`)) ?? list.querySelector("a.entry[aria-current]");
  (entry ?? list.querySelector("a.entry"))?.focus();
}
