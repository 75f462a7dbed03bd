// A list that grows at its end as one scrolls, and stays up to date at its head.

import { get } from "./api.js";
import { el, reconcile, whenSeen } from "./dom.js";

export class PagedList {
  // `path`: what to read; `field`: where in the answer the entries are; `keyOf`, `compare`, `build`: entries.
  constructor(root, { path, query = {}, field, keyOf, compare, build, label, empty }) {
    Object.assign(this, { root, path, query, field, keyOf, compare, build, empty });
    this.entries = new Map();
    this.cursor = undefined;
    this.head = el("div.list-head");
    this.items = el("ul.entries", { "aria-label": label });
    this.foot = el("div.list-foot");
    this.message = el("div.list-message", {}, el("p.loading", {}, "Loading…"));
    root.append(this.head, this.message, this.items, this.foot);
    this.observer = whenSeen(this.foot, () => this.more());
    this.abort = new AbortController();
  }

  destroy() {
    this.observer.disconnect();
    this.abort.abort();
  }

  // What was read may be gone, or something else is wanted: begin anew.
  forget() {
    this.abort.abort();
    this.abort = new AbortController();
    this.entries.clear();
    this.cursor = undefined;
  }

  async refresh() {
    const answer = await get(this.path, this.query, this.abort.signal).catch(ignoreAbort);
    if (!answer) return null;
    const page = answer[this.field];
    const joins = page.some((entry) => this.entries.has(this.keyOf(entry)));
    // Where nothing is known any more, or all of it is on this page, older pages say nothing. An empty page that
    // has a next one is a search that goes on from where it is.
    if (this.cursor === undefined || (page.length && !joins) || answer.next === null) {
      this.entries.clear();
      this.cursor = answer.next;
    }
    for (const entry of page) this.entries.set(this.keyOf(entry), entry);
    this.render();
    return answer.next_change_at;
  }

  async more() {
    if (!this.cursor || this.isLoading) return;
    this.isLoading = true;
    try {
      do {
        const answer = await get(this.path, { ...this.query, before: this.cursor }, this.abort.signal);
        for (const entry of answer[this.field]) {
          if (!this.entries.has(this.keyOf(entry))) this.entries.set(this.keyOf(entry), entry);
        }
        this.cursor = answer.next;
        this.grown?.(answer);
        this.render();
      } while (this.cursor && isInView(this.foot));
    } catch (error) {
      if (error.name !== "AbortError") this.failed(error);
    } finally {
      this.isLoading = false;
    }
  }

  render() {
    const entries = [...this.entries.values()].sort(this.compare);
    reconcile(this.items, entries, this.keyOf, (entry) => el("li", {}, this.build(entry)));
    this.message.replaceChildren();
    if (!entries.length && !this.cursor) this.message.append(this.empty());
    this.foot.textContent = this.cursor ? "Loading more…" : "";
    this.select(this.selected);
  }

  select(argument) {
    this.selected = argument;
    for (const entry of this.items.querySelectorAll("a.entry")) {
      if (argument && entry.dataset.argument === argument) entry.setAttribute("aria-current", "true");
      else entry.removeAttribute("aria-current");
    }
  }

  failed(error) {
    this.message.replaceChildren(el("p.problem", {}, error.message));
  }
}

export function ignoreAbort(error) {
  if (error.name === "AbortError") return null;
  throw error;
}

function isInView(node) {
  const box = node.getBoundingClientRect();
  return box.height > 0 && box.top < innerHeight + 200;
}
