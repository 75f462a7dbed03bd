// Numbers whose texts do not simply arrive: magic ones, and those that are scripted here.

import { call, get } from "./api.js";
import { el, reconcile } from "./dom.js";
import { phoneNumber } from "./format.js";
import { choice, field } from "./panel.js";
import { statusPill } from "./status.js";

// The code that usually goes with a status.
const CODES = { Delivered: 0, Failed: 150, Expired: 0, Rejected: 60, Deleted: 300, Aborted: 402, Unknown: 0 };

// Not one status for all of the numbers, but shares of them: a number is always in the same share.
const SHARES = "shares";
const SHARE_FIELDS = { temporary: "% temporary failure", permanent: "% permanent failure", never: "% without a receipt" };

export class NumbersSection {
  // `change`: does something to the sandbox, and says so.
  constructor(change) {
    this.change = change;
    this.rows = el("ul.numbers", { "aria-label": "Numbers" });
    this.formPlace = el("div");
    this.node = el("div.numbers-section", {},
      el("p.about", {}, "Texts to these numbers end as they say here, all others are delivered. Script any number, or all that begin with some digits, or shares of these; the longest one that fits counts. It applies to batches accepted from then on."),
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
    const { shares } = rest;
    const number = isScripted ? `+${prefix}` : phoneNumber(prefix);
    return el("li", {},
      el("strong.number", {}, number),
      shares ? el("span.tag", {}, "shares") : [statusPill(status), el("span.code", {}, code)],
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

  edit({ prefix, status, code, shares, seed = 0, dispatch_delay: queue = null, delivery_delay: wait = null, receipt = true }) {
    const { elements } = this.formNode;
    elements.prefix.value = `+${prefix}`;
    // A magic number may stay Dispatched; a script says that with a receipt that never comes.
    elements.status.value = status in CODES ? status : "Delivered";
    elements.code.value = status in CODES ? code : 0;
    elements.dispatch_delay.value = queue ?? "";
    elements.delivery_delay.value = wait ?? "";
    elements.receipt.checked = receipt && status in CODES;
    if (shares) {
      elements.status.value = SHARES;
      for (const name of Object.keys(SHARE_FIELDS)) elements[name].value = percent(shares[name]);
      elements.seed.value = seed;
    }
    this.choose();
    this.formNode.scrollIntoView({ block: "nearest" });
    elements.status.focus();
  }

  form(words) {
    const seconds = (name) => el("input", { type: "number", name, min: 0, step: "any", placeholder: "as in settings" });
    const status = choice("status", [...words.outcomes, SHARES], (value) => (value === SHARES ? "shares of them…" : value));
    const code = el("input", { type: "number", name: "code", min: 0, max: 999, value: 0, required: true });
    const meaning = el("span.hint");
    code.setAttribute("list", "known-codes");
    const explain = () => {
      meaning.textContent = words.codes[code.value] ?? "";
    };
    const forAll = el("div.field", {}, field("Code", code), meaning);
    const receipt = el("label.check", {}, el("input", { type: "checkbox", name: "receipt", checked: true }), "A receipt comes");
    const forShares = [
      ...Object.entries(SHARE_FIELDS).map(([name, label]) => field(label, el("input", { type: "number", name, min: 0, max: 100, step: "any", placeholder: "0" }))),
      field("Seed", el("input", { type: "number", name: "seed", min: 0, step: 1, placeholder: "0" }), "another seed: other numbers"),
    ];
    this.choose = () => {
      const byShares = status.value === SHARES;
      for (const each of [forAll, receipt]) show(each, !byShares);
      for (const each of forShares) show(each, byShares);
    };
    status.addEventListener("change", () => {
      code.value = CODES[status.value] ?? 0;
      explain();
      this.choose();
    });
    code.addEventListener("input", explain);
    explain();
    this.choose();
    this.formNode = el("form.fault-form", { "aria-label": "Script a number" },
      field("Number begins with", el("input", { name: "prefix", required: true, pattern: "\\+?[0-9 ]+", maxLength: 24, placeholder: "+447700900333", autocomplete: "off" }), "or all of its digits"),
      field("Ends as", status),
      forAll,
      ...forShares,
      field("Seconds in the queue", seconds("dispatch_delay")),
      field("Seconds to the receipt", seconds("delivery_delay")),
      receipt,
      el("datalist", { id: "known-codes" }, Object.entries(words.codes).map(([value, label]) => el("option", { value, label }))),
      el("button.primary", { type: "submit" }, "Script it"));
    this.formNode.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await this.change(() => call("POST", "outcomes", read(this.formNode)), "The number is scripted")) {
        this.formNode.reset();
        this.choose();
      }
    });
    return this.formNode;
  }
}

// What is not asked for must not keep the form from being sent.
function show(place, isAsked) {
  place.hidden = !isAsked;
  place.querySelector("input").disabled = !isAsked;
}

function read(form) {
  const { elements } = form;
  const script = { prefix: elements.prefix.value.replaceAll(" ", "") };
  if (elements.status.value === SHARES) {
    const shares = Object.keys(SHARE_FIELDS).map((name) => [name, Number(elements[name].value) / 100]);
    Object.assign(script, { shares: Object.fromEntries(shares), seed: Number(elements.seed.value) });
  } else {
    Object.assign(script, {
      status: elements.status.value,
      code: Number(elements.code.value),
      receipt: elements.receipt.checked,
    });
  }
  for (const name of ["dispatch_delay", "delivery_delay"]) {
    if (elements[name].value !== "") script[name] = Number(elements[name].value);
  }
  return script;
}

const percent = (share) => Number((100 * share).toFixed(6));

function described({ shares, seed, dispatch_delay: queue, delivery_delay: wait, receipt }) {
  const parts = [];
  if (shares) {
    const given = Object.entries(shares).filter(([, share]) => share);
    parts.push(given.map(([name, share]) => `${percent(share)} % ${name}`).join(" · "), `seed ${seed}`);
  }
  if (queue !== null) parts.push(`${queue} s in the queue`);
  if (wait !== null) parts.push(`${wait} s to the receipt`);
  if (receipt === false) parts.push("no receipt comes");
  return parts.join(", ");
}
