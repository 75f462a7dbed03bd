// Asks once before something is gone for good, and says what went wrong if it stays.

import { announce, el } from "./dom.js";

// `action` runs when the answer is yes; resolves to whether it was done.
export function ask({ question, detail, yes, action, done }) {
  const problem = el("p.problem", { role: "alert", hidden: true });
  const dialog = el("dialog.ask", { "aria-labelledby": "ask-question" });
  let result = false;
  const agree = async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    problem.hidden = true;
    try {
      await action();
      result = true;
      dialog.close();
      announce(done);
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
      button.disabled = false;
    }
  };
  dialog.append(
    el("h2", { id: "ask-question" }, question),
    el("p", {}, detail),
    problem,
    el("div.buttons", {},
      // The first button gets the keyboard: the one that does no harm.
      el("button", { type: "button", onclick: () => dialog.close() }, "Keep"),
      el("button.danger", { type: "button", onclick: agree }, yes)));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(result);
    });
  });
}
