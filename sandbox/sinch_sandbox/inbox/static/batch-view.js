// One batch: its fields, how far it is, and each recipient's message.

import { call, get } from "./api.js";
import { ask } from "./ask.js";
import { el, reconcile, whenSeen } from "./dom.js";
import { amount, exactTime, phoneNumber, plural } from "./format.js";
import { danger, exports, menu } from "./menu.js";
import { fact } from "./message.js";
import { ignoreAbort } from "./paged-list.js";
import { address, go } from "./router.js";
import { sinchCall } from "./sinch.js";
import { progressBar, statusPill } from "./status.js";

const PAGE = 100;
const LARGEST_PAGE = 200;
const TIMES = ["created_at", "modified_at", "send_at", "expire_at"];
const SHOWN_ELSEWHERE = new Set(["id", "body", "canceled"]);

export class BatchView {
  constructor(root, id) {
    this.id = id;
    this.title = `Batch ${id}`;
    this.messages = new Map();
    this.abort = new AbortController();
    this.status = el("p.loading", {}, "Loading…");
    this.summary = el("div.batch-summary");
    this.rows = el("tbody");
    this.foot = el("div.list-foot");
    this.cancelItem = danger("Cancel this batch…", () => this.cancel());
    this.table = el("table.recipients", { hidden: true },
      el("caption", {}, "Recipients"),
      el("thead", {}, el("tr", {}, ["Number", "Status", "Code", "Parts", "Since"].map((name) => el("th", { scope: "col" }, name)))),
      this.rows);
    root.append(
      el("header.detail-head", {},
        el("a.back", { href: "#/batches", "aria-label": "Back to all batches" }, "‹"),
        el("h2", {}, "Batch ", el("span.id", {}, id)),
        menu("More for this batch",
          el("a", { href: address("search", "", { batch_id: id }) }, "Search in its texts"),
          ...exports({ batch_id: id }),
          this.cancelItem,
          danger("Delete this batch…", () => this.delete()))),
      el("div.scroller", { tabIndex: 0, role: "region", "aria-label": "Batch" },
        el("div.column", {}, this.status, this.summary, el("div.table-frame", {}, this.table), this.foot)));
    this.observer = whenSeen(this.foot, () => this.more());
  }

  destroy() {
    this.abort.abort();
    this.observer.disconnect();
  }

  forget() {
    this.messages.clear();
    this.cursor = undefined;
  }

  async delete() {
    const isDone = await ask({
      question: "Delete this batch?",
      detail: `${plural(this.answer?.recipients ?? 0, "text")} and all callbacks about them. A client that asks for the batch gets 404.`,
      yes: "Delete",
      action: () => {
        // The page hears of the change before the answer comes. There is nothing left to read then.
        this.isGone = true;
        return call("DELETE", `batches/${encodeURIComponent(this.id)}`);
      },
      done: "The batch is deleted",
    });
    this.isGone = isDone;
    if (isDone) go("batches");
  }

  cancel() {
    return ask({
      question: "Cancel this batch?",
      detail: "As a client does it, with Sinch's operation: texts that have not left yet are stopped. Armed faults may hit it.",
      yes: "Cancel the batch",
      action: () => sinchCall(this.connection, "DELETE", `batches/${encodeURIComponent(this.id)}`),
      done: "The batch is cancelled",
    });
  }

  async refresh(overview) {
    this.connection = overview.connection;
    if (this.isGone) return null;
    let answer;
    try {
      answer = await this.read({ limit: Math.min(Math.max(this.messages.size, PAGE), LARGEST_PAGE) });
    } catch (error) {
      if (error.status !== 404) throw error;
      this.messages.clear();
      this.summary.replaceChildren();
      this.table.hidden = true;
      this.failed(new Error("There is no such batch. It may have been deleted."));
      return null;
    }
    if (!answer) return null;
    this.answer = answer;
    if (answer.recipients < this.messages.size) this.messages.clear();
    for (const message of answer.messages) this.messages.set(message.key, message);
    if (this.messages.size <= answer.messages.length) this.cursor = answer.next;
    this.render();
    return answer.next_change_at;
  }

  async more() {
    if (this.cursor === null || this.cursor === undefined || this.isLoading) return;
    this.isLoading = true;
    const answer = await this.read({ limit: PAGE, after: this.cursor });
    this.isLoading = false;
    if (!answer) return;
    for (const message of answer.messages) this.messages.set(message.key, message);
    this.cursor = answer.next;
    this.render();
  }

  read(query) {
    return get(`inbox/batches/${encodeURIComponent(this.id)}`, query, this.abort.signal).catch(ignoreAbort);
  }

  render() {
    this.status.hidden = true;
    // The project's operations need a token that is fetched first; the page has the plan's only.
    this.cancelItem.hidden = !["scheduled", "under way"].includes(this.answer.state) || this.answer.account !== this.connection.login;
    reconcile(this.summary, [this.answerWithoutMessages()], () => "summary", (answer) => summary(answer, this.id));
    reconcile(this.rows, [...this.messages.values()], (message) => message.key, row);
    this.table.hidden = !this.messages.size;
    this.foot.textContent = this.cursor === null ? "" : "Loading more…";
  }

  answerWithoutMessages() {
    const { messages, clock, next, next_change_at, ...rest } = this.answer;
    return rest;
  }

  failed(error) {
    this.status.hidden = false;
    this.status.className = "problem";
    this.status.textContent = error.message;
  }
}

function summary({ batch, account, state, statuses, recipients, parts }, id) {
  const text = typeof batch.body === "string" ? batch.body : batch.body.message ?? "";
  return el("div", {},
    el("p.batch-line", {},
      el(`span.state.${state.replace(" ", "-")}`, {}, state === "cancelled" && el("span", { "aria-hidden": "true" }, "⊘ "), state),
      el("span", {}, `${plural(recipients, "recipient")}, ${plural(parts, "part")} in total`)),
    progressBar(statuses, recipients),
    el("ul.legend", { "aria-label": "Messages by status" },
      statuses.map((each) => el("li", {}, el("a", {
        href: address("search", "", { status: each.status, batch_id: id }), title: `Show these ${each.status}`, data: { focus: each.status },
      }, statusPill(each.status), ` ${amount(each.count)}`)))),
    el(`blockquote.body${state === "cancelled" ? ".cancelled" : ""}`, { dir: "auto" }, text || "(no text)"),
    el("dl.facts", {},
      fact("account", account),
      Object.entries(batch).filter(([name]) => !SHOWN_ELSEWHERE.has(name)).map(([name, value]) => fact(name, shown(name, value))),
      typeof batch.body === "object" && fact("media", batch.body.url)));
}

function shown(name, value) {
  if (TIMES.includes(name)) return el("time", { dateTime: value, title: value }, exactTime(value));
  if (name === "client_reference") return el("a", { href: address("references", value), data: { focus: name } }, value);
  if (value !== null && typeof value === "object") {
    return el("details", {}, el("summary", { data: { focus: name } }, plural(Object.keys(value).length, "entry", "entries")),
      el("pre", { tabIndex: 0 }, JSON.stringify(value, null, 2)));
  }
  return String(value);
}

const row = (message) => el("tr", {},
  el("th", { scope: "row" }, el("a", { href: address("phones", message.to), data: { focus: "phone" } }, phoneNumber(message.to))),
  el("td", {}, statusPill(message.status)),
  el("td", { title: message.meaning }, el("span.code", {}, message.code), el("span.meaning", {}, ` ${message.meaning}`)),
  el("td", {}, message.parts),
  el("td", {}, el("time", { dateTime: message.timeline.at(-1).at }, exactTime(message.timeline.at(-1).at))));
