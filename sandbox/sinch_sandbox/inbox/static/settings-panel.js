// The settings, each changed where it stands; the numbers that end otherwise; and a fresh start.

import { call, get } from "./api.js";
import { ask } from "./ask.js";
import { announce, el, reconcile } from "./dom.js";
import { NumbersSection } from "./numbers-section.js";
import { Panel } from "./panel.js";

export class SettingsPanel extends Panel {
  constructor(root) {
    super(root, "Settings", "Where Sinch's own sources disagree, or say nothing, the sandbox can do either. A change holds until the next fresh start; with --set it holds from the start.");
    this.settings = el("ul.settings", { "aria-label": "Settings" });
    this.numbers = new NumbersSection((action, done) => this.change(action, done));
    const head = (id, words) => el("h2", { id, tabIndex: -1 }, words);
    const jump = (id, words) => el("button", {
      type: "button",
      onclick: () => {
        const target = document.getElementById(id);
        target.scrollIntoView();
        target.focus({ preventScroll: true });
      },
    }, words);
    this.body.append(
      el("div.buttons", {}, jump("numbers", "Magic numbers"), jump("afresh", "Fresh start")),
      head("settings", "Settings"), this.settings,
      head("numbers", "Magic numbers"), this.numbers.node,
      head("afresh", "Fresh start"),
      el("p.about", {}, "Deletes everything sent and received, groups, faults and scripted numbers, and puts settings and clock back to where they were at the start."),
      el("button.danger", { type: "button", onclick: startAfresh }, "Start afresh…"));
  }

  async refresh() {
    const [{ settings }] = await Promise.all([get("inbox/settings"), this.numbers.refresh()]);
    reconcile(this.settings, settings, (each) => each.name, (each) => this.row(each));
    return null;
  }

  // Something to change in the sandbox. If it cannot be done, the reason stands in the panel's head.
  change(action, done) {
    return this.attempt(async () => {
      await action();
      announce(done);
      await this.refresh();
    });
  }

  row(setting) {
    const { name, value } = setting;
    const changed = value !== setting.default;
    const id = `setting-${name}`;
    const problem = el("p.problem", { role: "alert", hidden: true });
    const save = async (wanted) => {
      problem.hidden = true;
      try {
        await call("PATCH", "settings", { [name]: wanted });
        announce(`${name} is changed`);
        await this.refresh();
      } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
      }
    };
    return el(`li${changed ? ".changed" : ""}`, {},
      el("label.name", { htmlFor: id }, name),
      el("div.value", {}, control(setting, id, save),
        changed && el("button.small", {
          type: "button",
          "aria-label": `Put ${name} back to ${shown(setting.default)}`,
          data: { focus: "back" },
          onclick: () => save(setting.default),
        }, `Back to ${shown(setting.default)}`)),
      el("p.meaning", {}, withCode(setting.about)),
      problem);
  }
}

function control({ name, value, choices, kind, may_be_none: mayBeNone, secret }, id, save) {
  const options = choices.length ? choices : kind === "bool" ? [true, false] : null;
  if (options) {
    return el("select", { id, data: { focus: "value" }, onchange: (event) => save(options[event.target.selectedIndex]) },
      options.map((each) => el("option", { selected: each === value }, String(each))));
  }
  const isNumber = kind !== "str";
  const read = (text) => {
    if (text === "" && (mayBeNone || isNumber)) return null;
    return isNumber ? Number(text) : text;
  };
  return el("input", {
    id,
    type: isNumber ? "number" : secret ? "password" : "text",
    step: isNumber ? (kind === "int" ? 1 : "any") : undefined,
    autocomplete: secret ? "new-password" : "off",
    spellcheck: false,
    value: value === null || secret ? "" : value,
    placeholder: secret && value !== null ? "set" : mayBeNone ? "none" : "",
    data: { focus: "value" },
    onchange: (event) => save(read(event.target.value.trim())),
  });
}

const shown = (value) => String(value ?? "none");

// What stands between backticks is code.
const withCode = (text) => text.split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));

const startAfresh = () => ask({
  question: "Start afresh?",
  detail: "Everything sent and received, all groups, faults and scripted numbers are deleted. Settings and clock go back to where they were at the start.",
  yes: "Start afresh",
  action: () => call("POST", "reset"),
  done: "The sandbox has started afresh",
});
