// A button that opens a few more actions, and the actions that several views have.

import { ask } from "./ask.js";
import { call } from "./api.js";
import { el } from "./dom.js";
import { plural } from "./format.js";

let count = 0;

export function menu(label, ...items) {
  const id = `menu-${++count}`;
  const box = el("div.menu", { id, popover: "auto", onclick: () => box.hidePopover() }, items);
  const button = el("button.icon-button", { type: "button", "aria-label": label, title: label, popovertarget: id }, "⋯");
  box.addEventListener("beforetoggle", (event) => {
    if (event.newState !== "open") return;
    const place = button.getBoundingClientRect();
    box.style.top = `${place.bottom + 4}px`;
    box.style.right = `${document.documentElement.clientWidth - place.right}px`;
  });
  return el("div.menu-place", {}, button, box);
}

export const action = (label, onclick) => el("button", { type: "button", onclick }, label);
export const danger = (label, onclick) => el("button.danger", { type: "button", onclick }, label);

// `query`: the filters of what to export, or a function that knows them when it is asked for.
export function exports(query = {}) {
  const link = (kind) => {
    const node = el("a", { download: "" }, `Export as ${kind.toUpperCase()}`);
    const point = () => {
      const search = new URLSearchParams(typeof query === "function" ? query() : query).toString();
      node.href = `/sandbox/export.${kind}${search && `?${search}`}`;
    };
    // A link is followed by mouse, by keyboard or from its own menu: in each case it is focused or pressed before.
    for (const event of ["focus", "pointerdown", "click"]) node.addEventListener(event, point);
    point();
    return node;
  };
  return [link("csv"), link("json")];
}

export function deleteEverything(overview) {
  return ask({
    question: "Delete everything?",
    detail: `${plural(overview.messages, "text")} in ${plural(overview.batches, "batch", "batches")}, all replies and all callbacks. Faults, settings and the clock stay as they are.`,
    yes: "Delete everything",
    action: () => call("DELETE", "messages"),
    done: "Everything is deleted",
  });
}
