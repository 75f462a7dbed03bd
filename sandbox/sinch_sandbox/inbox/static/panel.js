// What the panels have in common: a head, a column, and the line that says what went wrong.

import { el } from "./dom.js";

export class Panel {
  constructor(root, title, about) {
    this.title = title;
    this.problem = el("p.problem", { role: "alert", hidden: true });
    this.body = el("div.column.panel");
    root.append(
      el("header.detail-head", {}, el("a.back", { href: "#/phones", "aria-label": "Back to all phones" }, "‹"), el("h1", {}, title)),
      el("div.scroller", { tabIndex: 0, role: "region", "aria-label": title }, this.body));
    this.body.append(el("p.about", {}, about), this.problem);
  }

  failed(error) {
    this.problem.textContent = error.message;
    this.problem.hidden = false;
    this.problem.scrollIntoView({ block: "nearest" });
  }

  // Do something that may fail, and say so here.
  async attempt(action) {
    this.problem.hidden = true;
    try {
      await action();
      return true;
    } catch (error) {
      this.failed(error);
      return false;
    }
  }
}

export const field = (label, control, hint) => el("label.field", {}, el("span.label", {}, label), control, hint && el("span.hint", {}, hint));

export const choice = (name, values, words = (value) => value) => el("select", { name }, values.map((value) => el("option", { value }, words(value))));
