// All batches with one reference: their sum, and the batches themselves.

import { get } from "./api.js";
import { entry, newestFirst } from "./batch-list.js";
import { el, reconcile } from "./dom.js";
import { amount, plural } from "./format.js";
import { exports, menu } from "./menu.js";
import { PagedList, ignoreAbort } from "./paged-list.js";
import { address } from "./router.js";
import { progressBar, statusPill } from "./status.js";

const PAGE = 100;

export class ReferenceView {
  constructor(root, reference) {
    this.query = { client_reference: reference };
    this.title = `Reference ${reference}`;
    this.abort = new AbortController();
    this.status = el("p.loading", {}, "Loading…");
    this.sum = el("div.batch-summary");
    this.listPlace = el("div.batches-of-reference", { hidden: true });
    root.append(
      el("header.detail-head", {},
        el("a.back", { href: "#/batches", "aria-label": "Back to all batches" }, "‹"),
        el("h2", {}, "Reference ", el("span.id", {}, reference)),
        menu("More for this reference",
          el("a", { href: address("search", "", this.query) }, "Search in its texts"),
          ...exports(this.query))),
      el("div.scroller", { tabIndex: 0, role: "region", "aria-label": "Reference" },
        el("div.column", {}, this.status, this.sum, this.listPlace)));
    this.list = new PagedList(this.listPlace, {
      path: "inbox/batches",
      query: { ...this.query, limit: PAGE },
      field: "batches",
      keyOf: (batch) => batch.id,
      compare: newestFirst,
      // All have the same reference; their ids tell them apart.
      build: (batch) => entry({ ...batch, client_reference: null }),
      label: "Batches of this reference",
      empty: () => el("p.hint", {}, "There is none any more."),
    });
    this.list.head.append(el("h3.list-title", {}, "Batches"));
  }

  destroy() {
    this.abort.abort();
    this.list.destroy();
  }

  forget() {
    this.list.forget();
  }

  async refresh() {
    let sum;
    try {
      sum = await get("inbox/reference", this.query, this.abort.signal).catch(ignoreAbort);
    } catch (error) {
      if (error.status !== 404) throw error;
      this.sum.replaceChildren();
      this.listPlace.hidden = true;
      this.failed(new Error("No batch has this reference. They may have been deleted."));
      return null;
    }
    if (!sum) return null;
    this.status.hidden = true;
    const { clock, next_change_at: nextChange, ...rest } = sum;
    reconcile(this.sum, [rest], () => "sum", summary);
    this.listPlace.hidden = false;
    await this.list.refresh();
    return nextChange;
  }

  failed(error) {
    this.status.hidden = false;
    this.status.className = "problem";
    this.status.textContent = error.message;
  }
}

const figure = (count, name) => el("div", {}, el("dt", {}, name), el("dd", {}, amount(count)));

function summary({ client_reference: reference, batches, recipients, parts, delivered, failed, pending, cancelled, statuses }) {
  return el("div", {},
    el("dl.sum", { "aria-label": "Sum" },
      figure(batches, batches === 1 ? "batch" : "batches"),
      figure(recipients, recipients === 1 ? "recipient" : "recipients"),
      figure(delivered, "delivered"),
      figure(failed, "failed"),
      figure(pending, "pending"),
      figure(cancelled, "cancelled")),
    progressBar(statuses, recipients),
    el("ul.legend", { "aria-label": "Messages by status" },
      statuses.map((each) => el("li", {}, el("a", {
        href: address("search", "", { status: each.status, client_reference: reference }), title: `Show these ${each.status}`, data: { focus: each.status },
      }, statusPill(each.status), ` ${amount(each.count)}`)))),
    el("p.hint", {}, `${plural(parts, "part")} in total`));
}
