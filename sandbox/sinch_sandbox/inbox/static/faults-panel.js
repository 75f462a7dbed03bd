// Trouble on demand: what is armed, how often it struck, and arming more.

import { call, get } from "./api.js";
import { announce, el, reconcile } from "./dom.js";
import { plural } from "./format.js";
import { Panel, choice, field } from "./panel.js";

const NAMES = {
  latency: "slow reply",
  rate_limited: "rate limited (429)",
  server_error: "server error (5xx)",
  lost_reply: "lost reply",
  malformed: "malformed reply",
  contradicting: "reply of another batch",
  redirect: "redirect (3xx)",
  refused_by_proxy: "refused by a proxy (4xx)",
  expired_token: "expired token (401)",
  unknown_token: "unknown token (401)",
  late: "takes effect late, without a reply",
  listing_lag: "listing lags behind",
  listing_partial: "listing is not complete",
  listing_unfiltered: "listing ignores the reference",
  listing_unlabelled: "listing without references",
  listing_garbled: "listing with a broken item",
  report_gap: "fetched report lags behind",
  report_duplicate: "callback comes twice",
  report_late: "callback comes late",
  report_out_of_order: "callback after the next one",
  report_missing: "callback never comes",
};
// Which details matter for which kind.
const DETAILS = {
  latency: ["seconds", "when"],
  rate_limited: ["retry_after", "when"],
  server_error: ["status", "retry_after", "when"],
  lost_reply: ["how", "when"],
  malformed: ["body", "when"],
  contradicting: ["reply", "when"],
  redirect: ["status", "location", "when"],
  refused_by_proxy: ["status", "when"],
  late: ["seconds", "how"],
  listing_lag: ["seconds"],
  listing_partial: ["items"],
  listing_garbled: ["lacks"],
  report_gap: ["seconds"],
  report_late: ["seconds"],
};

// What people want most often, ready to be switched on.
const USUAL = [
  ["The next send loses its reply", { kind: "lost_reply", operation: "send", how: "reset" }],
  ["The next send gets a 500", { kind: "server_error", operation: "send" }],
  ["Every call gets a 429", { kind: "rate_limited", count: null, retry_after: 2 }],
  ["Every reply takes 5 s", { kind: "latency", count: null, seconds: 5 }],
  ["Sends are listed 10 s late", { kind: "listing_lag", operation: "send", count: null, seconds: 10 }],
  ["Callbacks come twice", { kind: "report_duplicate", count: null }],
];

export class FaultsPanel extends Panel {
  constructor(root) {
    super(root, "Faults", "An armed fault hits matching calls, before or after they take effect. Switch it off to keep it for later. A spent one that is switched on counts from zero.");
    this.armed = el("ul.faults", { "aria-label": "Armed faults" });
    this.none = el("p.hint", {}, "No fault is armed.");
    this.clear = el("button", { type: "button", onclick: () => this.change(() => call("DELETE", "faults"), "All faults disarmed") }, "Disarm all");
    this.formPlace = el("div");
    const usual = USUAL.map(([label, fault]) => el("button", { type: "button", onclick: () => this.change(() => call("POST", "faults", fault), "Fault armed") }, label));
    this.body.append(
      el("h2", {}, "Armed"), this.none, this.armed, this.clear,
      el("h2", {}, "Usual faults"), el("div.buttons", {}, usual),
      el("h2", {}, "Any fault"), this.formPlace);
  }

  async refresh() {
    const { faults } = await get("faults");
    reconcile(this.armed, faults, (fault) => fault.id, (fault) => this.row(fault));
    this.none.hidden = faults.length > 0;
    this.clear.hidden = faults.length < 2;
    if (!this.formPlace.childElementCount) this.formPlace.append(this.form(await get("inbox/vocabulary")));
    return null;
  }

  change(action, done) {
    return this.attempt(async () => {
      await action();
      announce(done);
      await this.refresh();
    });
  }

  row(fault) {
    const name = NAMES[fault.kind] ?? fault.kind;
    const spent = fault.count !== null && fault.struck >= fault.count;
    const where = `${name} on ${fault.operation === "*" ? "every call" : fault.operation}`;
    const on = fault.on && !spent;
    return el(on ? "li" : "li.off", {},
      el("input.switch", {
        type: "checkbox",
        role: "switch",
        checked: on,
        "aria-label": `Switch ${where}`,
        title: on ? "Switch off" : "Switch on",
        data: { focus: "switch" },
        onchange: (event) => this.change(() => call("PATCH", `faults/${fault.id}`, { on: event.target.checked }), event.target.checked ? "Fault is on" : "Fault is off"),
      }),
      el("div", {},
        el("strong", {}, name),
        ` on ${fault.operation === "*" ? "every call" : fault.operation}`,
        el("span.hint", {}, describe(fault))),
      el("span.struck", {}, `struck ${fault.struck}${fault.count === null ? "" : ` of ${fault.count}`}`, (spent || !fault.on) && el("span.tag", {}, spent ? "spent" : "off")),
      el("button", {
        type: "button",
        "aria-label": `Disarm ${where}`,
        data: { focus: "disarm" },
        onclick: () => this.change(() => call("DELETE", `faults/${fault.id}`), "Fault disarmed"),
      }, "Disarm"));
  }

  form(words) {
    const number = (name, properties) => el("input", { type: "number", name, ...properties });
    const details = {
      seconds: field("Seconds", number("seconds", { min: 0, max: 3600, step: "any", value: 1 })),
      retry_after: field("Retry-After", number("retry_after", { min: 0 }), "empty: no header"),
      status: field("Status", number("status", { min: 300, max: 599 }), "empty: as usual"),
      location: field("Location", el("input", { name: "location" }), "empty: elsewhere.example.test"),
      reply: field("Reply shows", choice("reply", words.reply)),
      items: field("Items", number("items", { min: 0 }), "empty: the first page"),
      lacks: field("Lacks", choice("lacks", words.lacks)),
      how: field("How", choice("how", words.how)),
      body: field("Body", choice("body", words.body)),
      when: field("Strikes", choice("when", ["", "before", "after"], (value) => ({ "": "as usual", before: "before the effect", after: "after the effect" })[value])),
    };
    const kind = choice("kind", Object.keys(words.kinds), (value) => NAMES[value] ?? value.replaceAll("_", " "));
    const operation = el("select", { name: "operation" });
    const form = el("form.fault-form", {},
      field("Kind", kind),
      field("Operation", operation),
      field("How often", number("count", { min: 1, value: 1 }), "empty: for ever"),
      field("Let through first", number("skip", { min: 0, value: 0 })),
      field("Probability", number("probability", { min: 0, max: 1, step: "any", value: 1 })),
      field("Only calls with", el("input", { name: "match_name", placeholder: "client_reference" }), "field of path, query or body"),
      field("… of value", el("input", { name: "match_value" })),
      Object.values(details),
      el("button.primary", { type: "submit" }, "Arm it"));
    const showDetails = () => {
      for (const [name, node] of Object.entries(details)) node.hidden = !DETAILS[kind.value]?.includes(name);
      const chosen = operation.value;
      const fitting = words.kinds[kind.value];
      operation.replaceChildren(...fitting.map((value) => el("option", { value }, value === "*" ? "every call" : value)));
      if (fitting.includes(chosen)) operation.value = chosen;
    };
    kind.addEventListener("change", showDetails);
    showDetails();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.change(() => call("POST", "faults", read(new FormData(form), details)), "Fault armed");
    });
    return form;
  }
}

function read(data, details) {
  const fault = { kind: data.get("kind"), operation: data.get("operation") };
  fault.count = data.get("count") === "" ? null : Number(data.get("count"));
  fault.skip = Number(data.get("skip"));
  fault.probability = Number(data.get("probability"));
  if (data.get("match_name")) fault.match = { [data.get("match_name")]: data.get("match_value") };
  for (const [name, node] of Object.entries(details)) {
    const value = data.get(name);
    if (node.hidden || value === "") continue;
    fault[name] = ["seconds", "retry_after", "status", "items"].includes(name) ? Number(value) : value;
  }
  return fault;
}

function describe(fault) {
  const words = [];
  for (const [name, value] of Object.entries(fault.match)) words.push(`${name} is ${value}`);
  if (fault.skip) words.push(`after ${plural(fault.skip, "call")}`);
  if (fault.probability < 1) words.push(`${Math.round(fault.probability * 100)} % of them`);
  for (const name of DETAILS[fault.kind] ?? []) {
    if (fault[name] !== null) words.push(name === "when" ? `${fault.when} the effect` : `${name.replace("_", " ")} ${fault[name]}`);
  }
  return words.length ? ` ${words.join(", ")}` : "";
}
