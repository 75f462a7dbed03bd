// All batches, the newest first, each with how far it is.

import { el } from "./dom.js";
import { plural, sender, timeOrDay } from "./format.js";
import { PagedList } from "./paged-list.js";
import { address } from "./router.js";
import { progressBar } from "./status.js";

export class BatchList extends PagedList {
  constructor(root) {
    super(root, {
      path: "inbox/batches",
      field: "batches",
      keyOf: (batch) => batch.id,
      compare: (one, other) => other.seq - one.seq,
      build: entry,
      label: "Batches",
      empty: () => el("p.hint", {}, "No batch has been accepted yet."),
    });
    this.count = el("span.count");
    this.head.append(el("h1.list-title", {}, "Batches"), this.count);
  }

  refresh(overview) {
    this.count.textContent = overview.batches ? plural(overview.batches, "batch", "batches") : "";
    return super.refresh();
  }
}

const entry = (batch) => el(
  "a.entry",
  { href: address("batches", batch.id), data: { argument: batch.id, focus: "entry" } },
  el("span.entry-top", {},
    el("span.number", {}, batch.client_reference || batch.id),
    el("time", { dateTime: batch.at }, timeOrDay(batch.at))),
  el("span.entry-bottom", {}, el("span.preview", { dir: "auto" }, batch.text || "(no text)")),
  progressBar(batch.statuses, batch.recipients),
  el("span.entry-bottom.small", {}, `${plural(batch.recipients, "recipient")} · ${batch.state} · from ${sender(batch.from)}`));
