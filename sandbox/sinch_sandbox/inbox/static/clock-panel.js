// The sandbox's clock: what it shows, and moving it forward.

import { call } from "./api.js";
import { clockMode, clockSpeed, heardClock, sandboxNow } from "./clock.js";
import { announce, el } from "./dom.js";
import { clockTime } from "./format.js";
import { Panel, field } from "./panel.js";

const STEPS = [["+1 minute", 60], ["+1 hour", 3600], ["+1 day", 86400]];
const UNITS = { seconds: 1, minutes: 60, hours: 3600, days: 86400 };
const SECOND = 1000;

// Shows the sandbox's time in an element, for as long as the page lives.
export function runClock(node) {
  const show = () => {
    const now = sandboxNow();
    const text = clockTime(now);
    if (node.textContent === text) return;
    node.textContent = text;
    node.dateTime = now.toISOString();
    node.title = now.toISOString();
  };
  setInterval(show, SECOND);
  document.addEventListener("clock", show);
  show();
}

export class ClockPanel extends Panel {
  constructor(root) {
    super(root, "Clock", "Scheduled sends, expiry, token lifetime and delivery all follow this clock. It only goes forward.");
    this.now = el("time.big-clock");
    this.how = el("p.hint");
    const amount = el("input", { type: "number", name: "amount", min: 0, step: "any", required: true, value: 10 });
    const unit = el("select", { name: "unit" }, Object.keys(UNITS).map((name) => el("option", { value: name, selected: name === "minutes" }, name)));
    this.body.append(
      this.now,
      this.how,
      el("div.buttons", {}, STEPS.map(([label, seconds]) => el("button", { type: "button", onclick: () => this.advance(seconds) }, label))),
      el("form.inline-form", {
        onsubmit: (event) => {
          event.preventDefault();
          this.advance(Number(amount.value) * UNITS[unit.value]);
        },
      }, field("Move by", amount), field("Unit", unit), el("button.primary", { type: "submit" }, "Move the clock")));
    this.timer = setInterval(() => this.show(), SECOND);
  }

  destroy() {
    clearInterval(this.timer);
  }

  refresh() {
    this.show();
    return null;
  }

  show() {
    const text = sandboxNow().toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
    if (this.now.textContent !== text) this.now.textContent = text;
    this.now.dateTime = sandboxNow().toISOString();
    const how = clockMode() === "manual" ? "Stands still until it is moved." : `Runs${clockSpeed() === 1 ? "" : ` ${clockSpeed()} times as fast as real time`}.`;
    if (this.how.textContent !== how) this.how.textContent = how;
  }

  advance(seconds) {
    return this.attempt(async () => {
      heardClock(await call("POST", "clock", { advance: seconds }));
      this.show();
      document.dispatchEvent(new Event("clock"));
      announce(`The clock shows ${this.now.textContent}`);
    });
  }
}
