// The phones that were texted, the one with the newest message first.

import { announce, el } from "./dom.js";
import { amount, country, phoneNumber, plural, timeOrDay } from "./format.js";
import { danger, deleteEverything, exports, menu } from "./menu.js";
import { PagedList } from "./paged-list.js";
import { address } from "./router.js";
import { hasNews, heardNewest, markSeen } from "./seen.js";
import { statusDot } from "./status.js";

export class PhoneList extends PagedList {
  constructor(root) {
    super(root, {
      path: "inbox/phones",
      field: "phones",
      keyOf: (phone) => phone.number,
      compare: newestFirst,
      build: (phone) => this.entry(phone),
      label: "Phones",
      empty: () => el("p.hint", {}, "No phone has received anything yet."),
    });
    this.title = el("h1.list-title", {}, "Phones");
    this.count = el("span.count");
    this.head.append(
      this.title, this.count,
      menu("More for all phones", ...exports(), danger("Delete everything…", () => deleteEverything(this.overview))),
      el("div.list-actions", {},
        el("a.button.primary", { href: address("write") }, "New text"),
        el("a.button", { href: address("search") }, "Filter")));
  }

  forget() {
    super.forget();
    // What is read next is no news.
    this.wasLoaded = false;
  }

  async refresh(overview) {
    this.overview = overview;
    heardNewest(overview.newest);
    this.count.textContent = overview.messages ? plural(overview.messages, "text") : "";
    const newest = latest([...this.entries.values()]);
    const instant = await super.refresh();
    const wasLoaded = this.wasLoaded;
    this.wasLoaded = true;
    if (wasLoaded) this.tellNews(newest);
    return instant;
  }

  render() {
    const open = this.entries.get(this.selected);
    if (open) markSeen(open.number, open.seq);
    for (const phone of this.entries.values()) phone.isNew = hasNews(phone);
    super.render();
  }

  select(number) {
    const isOther = number !== this.selected;
    super.select(number);
    if (isOther && this.entries.has(number)) this.render();
  }

  tellNews(newest) {
    // Older ones may be loaded at the same time, and may take the place of a deleted one.
    const news = [...this.entries.values()].filter((phone) => !newest || byKey(newest, phone) > 0);
    if (news.length === 1) announce(`New text to ${phoneNumber(news[0].number)}: ${news[0].text}`);
    else if (news.length) announce(`New texts to ${amount(news.length)} phones`);
  }

  entry(phone) {
    const hint = country(phone.number);
    return el(
      `a.entry${phone.cancelled ? ".cancelled" : ""}`,
      { href: address("phones", phone.number), data: { argument: phone.number, focus: "entry" } },
      el("span.entry-top", {},
        el("span.number", {}, phoneNumber(phone.number)),
        hint && el("span.country", {}, hint),
        el("time", { dateTime: phone.at }, timeOrDay(phone.at))),
      el("span.entry-bottom", {},
        phone.direction === "in" ? el("span.direction", { "aria-label": "Reply:" }, "↩") : statusDot(phone.status),
        el("span.preview", { dir: "auto" }, phone.text || "(no text)"),
        phone.isNew && el("span.new", {}, "new")),
    );
  }
}

function newestFirst(one, other) {
  if (one.at !== other.at) return one.at < other.at ? 1 : -1;
  return byKey(one, other);
}

/** In the order in which they were accepted, the newest first. */
function byKey(one, other) {
  const [batch, position] = one.key.split("-").map(Number);
  const [otherBatch, otherPosition] = other.key.split("-").map(Number);
  return otherBatch - batch || otherPosition - position;
}

function latest(phones) {
  return phones.sort(byKey)[0];
}
