// Something to copy: the text, and a button.

import { announce, el } from "./dom.js";

const SHOWN_FOR = 2000;

export function copyable(text, label = "Copy") {
  const code = el("pre", { tabIndex: 0 }, text);
  const button = el("button.copy", { type: "button", "aria-label": label, onclick: copy }, "Copy");
  async function copy() {
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without the permission, or over plain HTTP from another machine, the text is selected instead.
      getSelection().selectAllChildren(code);
      done = false;
    }
    button.textContent = done ? "Copied" : "Selected";
    announce(done ? "Copied" : "Selected; press Ctrl+C to copy");
    setTimeout(() => { button.textContent = "Copy"; }, SHOWN_FOR);
  }
  return el("div.copyable", {}, code, button);
}
