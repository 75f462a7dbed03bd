// Messages with some words or digits in them, or that pass filters, the newest first.

import { el } from "./dom.js";
import { phoneNumber, time, timeOrDay } from "./format.js";
import { exports, menu } from "./menu.js";
import { PagedList } from "./paged-list.js";
import { choice, field } from "./panel.js";
import { address, go, parse } from "./router.js";
import { STATUSES, statusDot } from "./status.js";

const PATIENCE = 200;
const AROUND = 40;
// The filters of the form, by their names in addresses and in the control API.
const FILTERS = ["status", "client_reference", "batch_id"];

export class SearchList extends PagedList {
  constructor(root) {
    super(root, {
      path: "inbox/search",
      field: "messages",
      keyOf: (message) => message.key,
      compare: newestFirst,
      build: (message) => entry(message, this.words),
      label: "Messages found",
      empty: () => el("p.hint", {}, this.hasFilters() ? "No text passes these filters." : "No text, number, reference or batch id contains this."),
    });
    this.count = el("span.count");
    this.controls = {
      status: choice("status", ["", ...STATUSES], (value) => value || "any"),
      client_reference: el("input", { autocomplete: "off", spellcheck: false, maxLength: 2048 }),
      batch_id: el("input", { autocomplete: "off", spellcheck: false, maxLength: 60 }),
    };
    const { status, client_reference: reference, batch_id: batch } = this.controls;
    this.form = el("form.filters", {
      "aria-label": "Filters",
      onchange: () => this.applyFilters(),
      onsubmit: (event) => {
        event.preventDefault();
        this.applyFilters();
      },
    }, field("Status", status), field("Reference", reference), field("Batch", batch));
    this.head.append(
      el("h1.list-title", {}, "Search"), this.count,
      menu("More for what was found", ...exports(() => this.query)),
      this.form);
    this.change(parse(location.hash));
  }

  change({ argument, query }) {
    this.words = argument;
    const wanted = argument ? { q: argument } : {};
    for (const name of FILTERS) {
      const value = query.get(name) ?? "";
      if (value) wanted[name] = value;
      if (document.activeElement !== this.controls[name]) this.controls[name].value = value;
    }
    if (JSON.stringify(wanted) === JSON.stringify(this.query)) return;
    this.query = wanted;
    this.forget();
  }

  applyFilters() {
    go("search", this.words, { replace: true, query: filtersIn(this.controls) });
  }

  hasFilters() {
    return FILTERS.some((name) => this.query[name]);
  }

  async refresh() {
    if (!Object.keys(this.query).length) {
      this.message.replaceChildren(el("p.hint", {}, "Type a few words, part of a number or of a reference; or choose a filter."));
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
    const { view, query } = parse(location.hash);
    const filters = view === "search" ? Object.fromEntries(query) : {};
    if (words || Object.keys(filters).length) go("search", words, { replace: view === "search", query: filters });
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

function filtersIn(controls) {
  const given = Object.entries(controls).map(([name, control]) => [name, control.value.trim()]);
  return Object.fromEntries(given.filter(([, value]) => value));
}

const contains = (text, words) => Boolean(words) && (text ?? "").toLowerCase().includes(words.toLowerCase());

const entry = (message, words) => el(
  `a.entry${message.cancelled ? ".cancelled" : ""}`,
  { href: address("phones", message.to), data: { argument: message.to, focus: "entry" } },
  el("span.entry-top", {},
    el("span.number", {}, phoneNumber(message.to)),
    el("time", { dateTime: message.at }, timeOrDay(message.at))),
  el("span.entry-bottom", {}, statusDot(message.status), el("span.preview", { dir: "auto" }, highlighted(message.text, words))),
  contains(message.client_reference, words) && el("span.entry-bottom.small", {}, el("span.preview", {}, "reference ", highlighted(message.client_reference, words))));

function highlighted(text, words) {
  const at = words ? text.toLowerCase().indexOf(words.toLowerCase()) : -1;
  if (at < 0) return text.slice(0, 4 * AROUND);
  const start = Math.max(0, at - AROUND);
  const end = at + words.length;
  return [start ? "…" : "", text.slice(start, at), el("mark", {}, text.slice(at, end)), text.slice(end, end + 3 * AROUND)];
}

function newestFirst(one, other) {
  return other.key.localeCompare(one.key, "en", { numeric: true });
}
