// A text written here. It is sent as a client sends it, with Sinch's operation and the plan's token.

import { call } from "./api.js";
import { announce, el } from "./dom.js";
import { amount, plural, sender } from "./format.js";
import { encodingName } from "./message.js";
import { Panel, field } from "./panel.js";
import { go } from "./router.js";
import { sinchCall } from "./sinch.js";

const PATIENCE = 150;
const KEY = /\$\{([A-Za-z0-9_.-]{1,16})\}/g;

export class WritePanel extends Panel {
  constructor(root, number) {
    super(root, "New text", "It is sent as a client sends it: the same call, the same checks, and armed faults may hit it. Nothing reaches a real phone.");
    this.to = el("textarea", { name: "to", rows: 1, required: true, spellcheck: false, placeholder: "+447700900222", value: number ? `+${number}` : "" });
    this.from = el("input", { name: "from", autocomplete: "off", spellcheck: false, maxLength: 30 });
    this.text = el("textarea", { name: "body", rows: 4, required: true });
    this.reference = el("input", { name: "client_reference", autocomplete: "off", maxLength: 2048 });
    this.at = el("input", { name: "send_at", autocomplete: "off", spellcheck: false, placeholder: "2030-01-31T09:00:00Z" });
    this.parameters = el("div.parameters");
    this.size = el("p.size", { role: "status" });
    this.hint = el("p.hint");
    this.button = el("button.primary", { type: "submit" }, "Send");
    this.form = el("form.write", {
      oninput: () => this.changed(),
      onsubmit: (event) => {
        event.preventDefault();
        this.send();
      },
    },
      field("To", this.to, "several: with commas or on lines of their own"),
      field("From", this.from),
      el("div.wide", {}, field("Text", this.text), this.size, this.hint),
      this.parameters,
      field("Reference", this.reference, "optional"),
      field("Send at", this.at, "optional, by the sandbox's clock"),
      this.button);
    this.body.append(this.form);
    (number ? this.text : this.to).dataset.first = "true";
  }

  destroy() {
    clearTimeout(this.timer);
  }

  refresh(overview) {
    this.connection = overview.connection;
    this.from.placeholder = overview.originator ? sender(overview.originator) : "a number, short code or name";
    if (!this.wasShown) {
      this.wasShown = true;
      this.preview();
      this.form.querySelector("[data-first]").focus();
    }
    return null;
  }

  changed() {
    this.problem.hidden = true;
    this.showParameters();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.preview(), PATIENCE);
  }

  // A box for each ${key} in the text, for as long as it stands there.
  showParameters() {
    const keys = [...new Set([...this.text.value.matchAll(KEY)].map((match) => match[1]))];
    for (const node of [...this.parameters.children]) if (!keys.includes(node.dataset.key)) node.remove();
    for (const key of keys) {
      if (this.parameters.querySelector(`[data-key="${CSS.escape(key)}"]`)) continue;
      const node = field(`\${${key}}`, el("input", { autocomplete: "off", maxLength: 160 }), "value for everyone; optional");
      node.dataset.key = key;
      this.parameters.append(node);
    }
  }

  batch() {
    const batch = { to: this.to.value.split(/[,;\n]/).map((each) => each.trim()).filter(Boolean), body: this.text.value };
    if (this.from.value.trim()) batch.from = this.from.value.trim();
    if (this.reference.value) batch.client_reference = this.reference.value;
    if (this.at.value.trim()) batch.send_at = this.at.value.trim();
    for (const node of this.parameters.children) {
      const { value } = node.querySelector("input");
      if (value) (batch.parameters ??= {})[node.dataset.key] = { default: value };
    }
    return batch;
  }

  async preview() {
    const asked = this.text.value;
    this.size.textContent = "";
    if (!asked) {
      this.hint.textContent = "";
      return;
    }
    const answer = await call("POST", "inbox/preview", this.batch()).catch(() => null);
    // Somebody who types fast is answered about what stands there by now.
    if (!answer || asked !== this.text.value) return;
    this.size.textContent = answer.text === null ? "" : size(answer);
    this.hint.textContent = [answer.text !== null && because(answer), this.to.value.trim() && answer.problem].filter(Boolean).join(" ");
  }

  async send() {
    this.button.disabled = true;
    this.button.textContent = "Sending…";
    const batch = this.batch();
    await this.attempt(async () => {
      const { id, to } = await sinchCall(this.connection, "POST", "batches", batch);
      announce("Sent");
      if (to?.length === 1 && /^\d{7,15}$/.test(to[0])) go("phones", to[0]);
      else go("batches", id);
    });
    this.button.disabled = false;
    this.button.textContent = "Send";
  }
}

function size({ parts, encoding, used, room, recipients, total_parts: total }) {
  const own = `${plural(parts, "part")} · ${encodingName(encoding)} · ${amount(used)} used, ${amount(room - used)} left`;
  return recipients > 1 ? `${own} · ${plural(recipients, "recipient")}, ${plural(total, "part")} in total` : own;
}

function because({ forced_by: characters }) {
  if (!characters.length) return "";
  const names = characters.slice(0, 3).map((each) => `${each.character} (${each.name})`).join(", ");
  return `Unicode because of ${names}${characters.length > 3 ? ` and ${characters.length - 3} more` : ""}.`;
}
