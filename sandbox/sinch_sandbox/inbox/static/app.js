// Puts the page together: which address shows which views, and when they look again.

import { get } from "./api.js";
import { BatchList } from "./batch-list.js";
import { BatchView } from "./batch-view.js";
import { heardClock } from "./clock.js";
import { ClockPanel, runClock } from "./clock-panel.js";
import { ConnectPanel } from "./connect-panel.js";
import { Conversation } from "./conversation.js";
import { FaultsPanel } from "./faults-panel.js";
import { listenToKeys } from "./keyboard.js";
import { follow, lookAgainAt } from "./live.js";
import { PhoneList } from "./phone-list.js";
import { ReferenceView } from "./reference-view.js";
import { parse } from "./router.js";
import { SearchList, listenToSearch } from "./search-list.js";
import { SettingsPanel } from "./settings-panel.js";
import { showThemeButton } from "./theme-button.js";
import { Nothing } from "./welcome.js";
import { WritePanel } from "./write-panel.js";

const $ = (id) => document.getElementById(id);

// Without a prototype: an address names a view, and nothing else that an object has.
const SPLIT = {
  __proto__: null,
  phones: { list: PhoneList, detail: Conversation, title: "Phones" },
  batches: { list: BatchList, detail: BatchView, title: "Batches" },
  references: { list: BatchList, detail: ReferenceView, title: "Batches" },
  search: { list: SearchList, detail: null, title: "Search" },
};
const PANELS = {
  __proto__: null,
  faults: { panel: FaultsPanel, title: "Faults" },
  settings: { panel: SettingsPanel, title: "Settings" },
  write: { panel: WritePanel, title: "New text" },
  connect: { panel: ConnectPanel, title: "Connect" },
  clock: { panel: ClockPanel, title: "Clock" },
};

// The tab of a view that has none of its own.
const TAB_OF = { __proto__: null, write: "phones", references: "batches" };

const shown = { list: null, listKey: "", detail: null, detailKey: "" };
let overview = null;
// How often the sandbox had forgotten something at the last look.
let forgotten;

function route({ first = false } = {}) {
  const asked = parse(location.hash);
  // An unknown view leads to the list of phones; what follows its name is no phone.
  const { view, argument } = asked.view in SPLIT || asked.view in PANELS ? asked : { view: "phones", argument: "" };
  const split = SPLIT[view] ?? null;
  const panel = PANELS[view];
  show("list", $("list"), split?.list ?? null, "");
  shown.list?.change?.(asked);
  const detail = panel ? panel.panel : argument && split.detail ? split.detail : Nothing;
  show("detail", $("main"), detail, panel || split.detail ? argument : "");
  $("list").hidden = !split;
  $("panes").dataset.layout = split ? "split" : "single";
  $("panes").dataset.shown = panel || (split.detail && argument) ? "detail" : "list";
  for (const tab of document.querySelectorAll("[data-tab]")) {
    const current = tab.dataset.tab === (TAB_OF[view] ?? view);
    if (current && split !== SPLIT.search) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  $("panes").dataset.address = location.hash;
  $("panes").ariaBusy = "true";
  const title = panel?.title ?? (argument && split.detail ? shown.detail.title : split.title);
  document.title = `${title} · Sinch sandbox`;
  shown.list?.select(argument);
  // The keyboard goes where the reader goes: into what was just opened.
  if (!first && detail !== Nothing && shown.detail.fresh) $("main").focus({ preventScroll: true });
  look();
}

function show(slot, root, View, argument) {
  const key = View ? `${View.name}/${argument}` : "";
  if (shown[`${slot}Key`] === key) {
    if (shown[slot]) shown[slot].fresh = false;
    return;
  }
  shown[slot]?.destroy?.();
  root.replaceChildren();
  root.scrollTop = 0;
  shown[slot] = View ? new View(root, argument) : null;
  if (shown[slot]) shown[slot].fresh = true;
  shown[`${slot}Key`] = key;
}

let looking = null;
let again = false;

// One look at a time; whatever happens meanwhile leads to one more.
async function look() {
  if (looking) {
    again = true;
    return;
  }
  looking = refresh();
  await looking;
  looking = null;
  if (again) {
    again = false;
    look();
  } else {
    $("panes").ariaBusy = "false";
  }
}

async function refresh() {
  const views = [shown.list, shown.detail].filter(Boolean);
  try {
    overview = await get("inbox");
    heardClock(overview.clock);
    if (forgotten !== undefined && overview.forgotten !== forgotten) views.forEach((view) => view.forget?.());
    forgotten = overview.forgotten;
    showOverview();
    const instants = await Promise.all(views.map((view) => view.refresh(overview)));
    lookAgainAt(...instants);
    connected(true);
  } catch (error) {
    if (error.status === 0) connected(false);
    else views.forEach((view) => view.failed?.(error));
    if (error.status === undefined) throw error;
  }
}

function showOverview() {
  const badge = $("faults-badge");
  badge.hidden = !overview.faults;
  badge.textContent = overview.faults || "";
  badge.setAttribute("aria-label", `${overview.faults} on`);
}

function connected(isThere) {
  const banner = $("banner");
  if (banner.hidden === isThere) return;
  banner.hidden = isThere;
  banner.textContent = isThere ? "" : "The sandbox is not running or cannot be reached. This page reconnects by itself.";
  if (isThere) look();
}

showThemeButton($("theme"));
runClock($("clock-now"));
listenToSearch($("search-form"), $("search"));
listenToKeys({ list: $("list"), search: $("search"), main: $("main") });
$("skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("main").focus();
});
addEventListener("hashchange", () => route());
route({ first: true });
follow({ changed: look, connected });
