// All batches, the newest first, each with how far it is.

import { el } from "./dom.js";
import { plural, sender, timeOrDay } from "./format.js";
import { lookNow } from "./live.js";
import { danger, deleteEverything, exports, menu } from "./menu.js";
import { PagedList } from "./paged-list.js";
import { address } from "./router.js";
import { progressBar } from "./status.js";

const PATIENCE = 200;

export class BatchList extends PagedList {
  constructor(root) {
    super(root, {
      path: "inbox/batches",
      field: "batches",
      keyOf: (batch) => batch.id,
      compare: newestFirst,
      build: entry,
      label: "Batches",
      empty: () => el("p.hint", {}, this.query.q ? "No batch has this in its text or reference, or as its id." : "No batch has been accepted yet."),
    });
    this.count = el("span.count");
    const filter = el("input", {
      type: "search", autocomplete: "off", spellcheck: false, maxLength: 200,
      "aria-label": "Filter batches", placeholder: "Reference, text or id", oninput: () => this.filter(filter.value.trim()),
    });
    this.head.append(
      el("h1.list-title", {}, "Batches"), this.count,
      menu("More for all batches", ...exports(), danger("Delete everything…", () => deleteEverything(this.overview))),
      el("div.filters", {}, filter));
  }

  filter(q) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.query = q ? { q } : {};
      this.forget();
      lookNow();
    }, PATIENCE);
  }

  refresh(overview) {
    this.overview = overview;
    this.count.textContent = overview.batches ? plural(overview.batches, "batch", "batches") : "";
    return super.refresh();
  }
}

export const newestFirst = (one, other) => other.seq - one.seq;

export const entry = (batch) => el(
  `a.entry${batch.state === "cancelled" ? ".cancelled" : ""}`,
  { href: address("batches", batch.id), data: { argument: batch.id, focus: "entry" } },
  el("span.entry-top", {},
    el("span.number", {}, batch.client_reference || batch.id),
    el("time", { dateTime: batch.at }, timeOrDay(batch.at))),
  el("span.entry-bottom", {}, el("span.preview", { dir: "auto" }, batch.text || "(no text)")),
  progressBar(batch.statuses, batch.recipients),
  el("span.entry-bottom.small", {}, `${plural(batch.recipients, "recipient")} · ${batch.state} · from ${sender(batch.from)}`));
