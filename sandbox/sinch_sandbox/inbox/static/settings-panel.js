// The switches and the magic numbers.

import { get } from "./api.js";
import { el, reconcile } from "./dom.js";
import { phoneNumber } from "./format.js";
import { Panel } from "./panel.js";
import { statusPill } from "./status.js";

export class SettingsPanel extends Panel {
  constructor(root) {
    super(root, "Settings", "Where Sinch's own sources disagree, or say nothing, the sandbox can do either. Change a setting with --set, or PATCH /sandbox/settings.");
    this.settings = el("tbody");
    this.magic = el("tbody");
    this.scripted = el("tbody");
    this.scriptedTable = table("Scripted numbers", ["Begins with", "Status", "Code"], this.scripted);
    this.body.append(
      this.scriptedTable,
      table("Settings", ["Name", "Value", "Meaning"], this.settings),
      table("Magic numbers", ["Number", "Status", "Code", "What happens"], this.magic));
  }

  async refresh() {
    const [{ settings }, { magic, scripted }] = await Promise.all([get("inbox/settings"), get("outcomes")]);
    reconcile(this.settings, settings, (each) => each.name, settingRow);
    reconcile(this.magic, magic, (each) => each.number, (each) => el("tr", {},
      el("th", { scope: "row" }, phoneNumber(each.number.slice(1))), el("td", {}, statusPill(each.status)), el("td", {}, each.code), el("td", {}, each.about)));
    reconcile(this.scripted, scripted, (each) => each.prefix, (each) => el("tr", {},
      el("th", { scope: "row" }, `+${each.prefix}`), el("td", {}, statusPill(each.status)), el("td", {}, each.code)));
    this.scriptedTable.hidden = !scripted.length;
    return null;
  }
}

const settingRow = (each) => {
  const changed = each.value !== each.default;
  return el("tr", {},
    el("th", { scope: "row" }, each.name),
    el("td", {}, el(changed ? "strong.changed" : "span", {}, String(each.value ?? "none")), changed && el("span.hint", {}, ` default ${each.default ?? "none"}`)),
    el("td", {}, withCode(each.about), each.choices.length > 0 && el("span.hint", {}, ` One of ${each.choices.join(", ")}.`)));
};

// What stands between backticks is code.
const withCode = (text) => text.split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));

const table = (caption, heads, rows) => el("div.table-frame", {},
  el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))), rows));
