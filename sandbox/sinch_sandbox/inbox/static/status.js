// Statuses in colours, never by colour alone.

import { el } from "./dom.js";

export const STATUSES = ["Queued", "Dispatched", "Delivered", "Failed", "Expired", "Rejected", "Deleted", "Aborted", "Cancelled", "Unknown"];
const KINDS = { Queued: "waiting", Dispatched: "moving", Delivered: "good", Unknown: "unsure", Cancelled: "stopped" };
const SIGNS = { waiting: "○", moving: "◔", good: "●", unsure: "◌", stopped: "⊘", bad: "✕" };

const kindOf = (status) => KINDS[status] ?? "bad";

export const statusPill = (status) => el(`span.pill.${kindOf(status)}`, {}, el("span", { "aria-hidden": "true" }, SIGNS[kindOf(status)]), ` ${status}`);

export const statusDot = (status) => el(`span.dot.${kindOf(status)}`, { role: "img", "aria-label": status, title: status }, SIGNS[kindOf(status)]);

// A bar whose parts are as long as the statuses are frequent, and the same in words.
export function progressBar(statuses, total) {
  const words = statuses.map((each) => `${each.count} ${each.status}`).join(", ");
  const bar = el("div.progress", { role: "img", "aria-label": words || "no messages" });
  for (const each of statuses) {
    const part = el(`span.${kindOf(each.status)}`);
    part.style.flexGrow = each.count / (total || 1);
    bar.append(part);
  }
  return bar;
}
