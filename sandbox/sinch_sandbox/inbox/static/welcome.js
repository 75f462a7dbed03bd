// What stands where nothing is open: a hint, or how to send the first text.

import { el } from "./dom.js";
import { copyable } from "./copy.js";
import { address } from "./router.js";

export class Nothing {
  constructor(root) {
    this.title = "Phones";
    // A place of its own: what is read late must not overwrite what was opened meanwhile.
    this.place = el("div.vacant");
    root.append(this.place);
  }

  refresh(overview) {
    if (this.isEmpty === !overview.messages) return null;
    this.isEmpty = !overview.messages;
    this.place.replaceChildren(this.isEmpty ? firstSteps(overview) : hint());
    return null;
  }
}

const hint = () => el("div.nothing", {},
  el("p", {}, "Choose one from the list."),
  el("p.keys", {}, el("kbd", {}, "↑"), " ", el("kbd", {}, "↓"), " walk the list, ", el("kbd", {}, "/"), " searches, ", el("kbd", {}, "n"), " writes a new text, ", el("kbd", {}, "Esc"), " goes back"));

function firstSteps(overview) {
  const { login, password, extra } = overview.connection;
  const text = { to: ["+447700900222"], body: "Hi Maria, see you tomorrow at 19:30." };
  const curl = `curl ${extra.base_url}/xms/v1/${login}/batches \\
  -H 'Authorization: Bearer ${password}' \\
  -H 'Content-Type: application/json' \\
  -d '${JSON.stringify(text)}'`;
  return el("div.welcome", {},
    el("h2", {}, "No texts yet"),
    el("p", {}, "Everything sent to this sandbox appears here at once. Nothing reaches a real phone."),
    el("h3", {}, "From this page"),
    el("p", {}, el("a.button.primary", { href: address("write", "447700900222") }, "Write a text")),
    el("h3", {}, "From a shell"),
    copyable(curl, "Copy the command"),
    el("h3", {}, "From Airflow"),
    el("p", {}, "Set this connection, then run any Dag that uses ", el("code", {}, "sinch_default"), "."),
    copyable(`export AIRFLOW_CONN_SINCH_DEFAULT='${JSON.stringify(overview.connection)}'`, "Copy the connection"));
}
