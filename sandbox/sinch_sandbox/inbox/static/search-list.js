// Messages with some words or digits in them, the newest first.

import { el } from "./dom.js";
import { phoneNumber, time, timeOrDay } from "./format.js";
import { PagedList } from "./paged-list.js";
import { address, go, parse } from "./router.js";
import { statusDot } from "./status.js";

const PATIENCE = 200;
const AROUND = 40;

export class SearchList extends PagedList {
  constructor(root, words) {
    super(root, {
      path: "inbox/search",
      query: { q: words },
      field: "messages",
      keyOf: (message) => message.key,
      compare: newestFirst,
      build: (message) => entry(message, words),
      label: "Messages found",
      empty: () => el("p.hint", {}, "No text or number contains this."),
    });
    this.words = words;
    this.head.append(el("h1.list-title", {}, "Search"), el("span.count"));
    this.count = this.head.lastChild;
  }

  async refresh() {
    if (!this.words) {
      this.message.replaceChildren(el("p.hint", {}, "Type a few words, or part of a number."));
      return null;
    }
    // What is found stays; a new look only at what is newer would need a search of its own.
    const instant = await super.refresh();
    if (this.cursor && !this.entries.size) this.more();
    return instant;
  }

  grown(answer) {
    if (answer.next && answer.searched_back_to) this.foot.textContent = `Searched back to ${time(answer.searched_back_to)}…`;
  }

  render() {
    super.render();
    const size = this.entries.size;
    this.count.textContent = size ? `${size}${this.cursor ? "+" : ""} found` : "";
  }
}

export function listenToSearch(form, input) {
  let timer;
  const search = () => {
    clearTimeout(timer);
    const words = input.value.trim();
    const { view } = parse(location.hash);
    if (words) go("search", words, { replace: view === "search" });
    else if (view === "search") go("phones");
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, PATIENCE);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  const show = () => {
    const { view, argument } = parse(location.hash);
    if (view === "search" && document.activeElement !== input) input.value = argument;
    if (view !== "search" && document.activeElement !== input) input.value = "";
  };
  addEventListener("hashchange", show);
  show();
}

const entry = (message, words) => el(
  "a.entry",
  { href: address("phones", message.to), data: { argument: message.to, focus: "entry" } },
  el("span.entry-top", {},
    el("span.number", {}, phoneNumber(message.to)),
    el("time", { dateTime: message.at }, timeOrDay(message.at))),
  el("span.entry-bottom", {}, statusDot(message.status), el("span.preview", { dir: "auto" }, highlighted(message.text, words))));

function highlighted(text, words) {
  const at = text.toLowerCase().indexOf(words.toLowerCase());
  if (at < 0) return text.slice(0, 4 * AROUND);
  const start = Math.max(0, at - AROUND);
  const end = at + words.length;
  return [start ? "…" : "", text.slice(start, at), el("mark", {}, text.slice(at, end)), text.slice(end, end + 3 * AROUND)];
}

function newestFirst(one, other) {
  return other.key.localeCompare(one.key, "en", { numeric: true });
}
