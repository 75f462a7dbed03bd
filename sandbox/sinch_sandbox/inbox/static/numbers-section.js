// Numbers whose texts do not simply arrive: magic ones, and those that are scripted here.

import { call, get } from "./api.js";
import { el, reconcile } from "./dom.js";
import { phoneNumber } from "./format.js";
import { choice, field } from "./panel.js";
import { statusPill } from "./status.js";

// The code that usually goes with a status.
const CODES = { Delivered: 0, Failed: 150, Expired: 0, Rejected: 60, Deleted: 300, Aborted: 402, Unknown: 0 };

export class NumbersSection {
  // `change`: does something to the sandbox, and says so.
  constructor(change) {
    this.change = change;
    this.rows = el("ul.numbers", { "aria-label": "Numbers" });
    this.formPlace = el("div");
    this.node = el("div.numbers-section", {},
      el("p.about", {}, "Texts to these numbers end as they say here, all others are delivered. Script any number, or all that begin with some digits; the longest one that fits counts. It applies to batches accepted from then on."),
      this.formPlace,
      this.rows);
  }

  async refresh() {
    const { magic, scripted } = await get("outcomes");
    this.scripted = scripted;
    if (!this.formPlace.childElementCount) this.formPlace.append(this.form(await get("inbox/vocabulary")));
    const own = new Map(scripted.map((each) => [each.prefix, each]));
    const rows = [
      ...scripted.map((each) => ({ ...each, isScripted: true })),
      ...magic.map((each) => ({ ...each, prefix: each.number.slice(1) })).filter((each) => !own.has(each.prefix)),
    ];
    reconcile(this.rows, rows, (each) => each.prefix, (each) => this.row(each));
  }

  row({ prefix, status, code, about, isScripted, ...rest }) {
    const number = isScripted ? `+${prefix}` : phoneNumber(prefix);
    return el("li", {},
      el("strong.number", {}, number),
      statusPill(status),
      el("span.code", {}, code),
      el("span.meaning", {}, isScripted ? described(rest) : about),
      isScripted && el("span.tag", {}, "scripted"),
      el("span.row-actions", {},
        el("button.small", { type: "button", "aria-label": `Change ${number}`, data: { focus: "change" }, onclick: () => this.edit({ prefix, status, code, ...rest }) }, "Change"),
        isScripted && el("button.small", {
          type: "button",
          "aria-label": `Remove ${number}`,
          data: { focus: "remove" },
          onclick: () => this.change(() => call("DELETE", `outcomes/${prefix}`), "The script is removed"),
        }, "Remove")));
  }

  edit({ prefix, status, code, dispatch_delay: queue = null, delivery_delay: wait = null, receipt = true }) {
    const { elements } = this.formNode;
    elements.prefix.value = `+${prefix}`;
    // A magic number may stay Dispatched; a script says that with a receipt that never comes.
    elements.status.value = status in CODES ? status : "Delivered";
    elements.code.value = status in CODES ? code : 0;
    elements.dispatch_delay.value = queue ?? "";
    elements.delivery_delay.value = wait ?? "";
    elements.receipt.checked = receipt && status in CODES;
    this.formNode.scrollIntoView({ block: "nearest" });
    elements.status.focus();
  }

  form(words) {
    const seconds = (name) => el("input", { type: "number", name, min: 0, step: "any", placeholder: "as in settings" });
    const status = choice("status", words.outcomes);
    const code = el("input", { type: "number", name: "code", min: 0, max: 999, value: 0, required: true });
    const meaning = el("span.hint");
    code.setAttribute("list", "known-codes");
    const explain = () => {
      meaning.textContent = words.codes[code.value] ?? "";
    };
    status.addEventListener("change", () => {
      code.value = CODES[status.value];
      explain();
    });
    code.addEventListener("input", explain);
    explain();
    this.formNode = el("form.fault-form", { "aria-label": "Script a number" },
      field("Number begins with", el("input", { name: "prefix", required: true, pattern: "\\+?[0-9 ]+", maxLength: 24, placeholder: "+447700900333", autocomplete: "off" }), "or all of its digits"),
      field("Ends as", status),
      el("div.field", {}, field("Code", code), meaning),
      field("Seconds in the queue", seconds("dispatch_delay")),
      field("Seconds to the receipt", seconds("delivery_delay")),
      el("label.check", {}, el("input", { type: "checkbox", name: "receipt", checked: true }), "A receipt comes"),
      el("datalist", { id: "known-codes" }, Object.entries(words.codes).map(([value, label]) => el("option", { value, label }))),
      el("button.primary", { type: "submit" }, "Script it"));
    this.formNode.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await this.change(() => call("POST", "outcomes", read(this.formNode)), "The number is scripted")) this.formNode.reset();
    });
    return this.formNode;
  }
}

function read(form) {
  const { elements } = form;
  const script = {
    prefix: elements.prefix.value.replaceAll(" ", ""),
    status: elements.status.value,
    code: Number(elements.code.value),
    receipt: elements.receipt.checked,
  };
  for (const name of ["dispatch_delay", "delivery_delay"]) {
    if (elements[name].value !== "") script[name] = Number(elements[name].value);
  }
  return script;
}

function described({ dispatch_delay: queue, delivery_delay: wait, receipt }) {
  const parts = [];
  if (queue !== null) parts.push(`${queue} s in the queue`);
  if (wait !== null) parts.push(`${wait} s to the receipt`);
  if (!receipt) parts.push("no receipt comes");
  return parts.join(", ");
}
