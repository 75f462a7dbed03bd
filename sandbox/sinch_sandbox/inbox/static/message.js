// One message: what it says, how it went, and what it was made of.

import { call } from "./api.js";
import { ask } from "./ask.js";
import { el } from "./dom.js";
import { exactTime, plural, sender, time } from "./format.js";
import { address } from "./router.js";
import { statusPill } from "./status.js";

const MANY = 12;

export function bubble(message) {
  if (message.direction === "in") return reply(message);
  return el(`article.bubble.out${message.cancelled ? ".cancelled" : ""}`, {},
    el("div.text", { dir: "auto" }, markedText(message)),
    el("div.meta", {},
      el("span.sender", {}, sender(message.from)),
      el("time", { dateTime: message.at, title: message.at }, time(message.at)),
      statusPill(message.status),
      message.starts_at && el("span.tag", {}, `leaves ${time(message.starts_at)}`),
      message.cancelled && message.status !== "Cancelled" && el("span.tag", {}, "cancelled"),
      message.parts > 1 && el("span.tag", {}, plural(message.parts, "part")),
      message.encoding !== "text" && el("span.tag", {}, message.encoding)),
    el("details", {},
      el("summary", { data: { focus: "details" } }, "Details"),
      details(message)));
}

function reply(message) {
  return el("article.bubble.in", {},
    el("div.text", { dir: "auto" }, message.text || "(no text)"),
    el("div.meta", {}, el("span.sender", {}, `to ${sender(message.to)}`), message.type !== "mo_text" && el("span.tag", {}, message.type), el("time", { dateTime: message.at, title: message.at }, time(message.at))),
    el("details", {},
      el("summary", { data: { focus: "details" } }, "Details"),
      el("dl.facts", {},
        fact("Reply", message.id),
        message.client_reference !== null && fact("Reference", message.client_reference)),
      deleteButton("Delete this reply…", `inbounds/${encodeURIComponent(message.id)}`, "The reply is gone from the sandbox; a client that has read it already keeps it.")));
}

// The text with the characters that made it UCS-2 marked, runs of them together so that scripts stay joined.
function markedText(message) {
  if (!message.forced_by.length) return message.text || el("span.no-text", {}, "(no text)");
  const forcing = new Map(message.forced_by.map((each) => [each.character, each]));
  const pieces = [];
  let run = [];
  const flush = () => {
    if (!run.length) return;
    const names = [...new Set(run)].slice(0, 3).map((character) => forcing.get(character).name).join(", ");
    pieces.push(el("mark", { title: `Outside GSM-7: ${names}` }, run.join("")));
    run = [];
  };
  let plain = "";
  for (const character of message.text) {
    if (forcing.has(character)) {
      if (plain) pieces.push(plain);
      plain = "";
      run.push(character);
    } else {
      flush();
      plain += character;
    }
  }
  flush();
  if (plain) pieces.push(plain);
  return pieces;
}

function details(message) {
  return [
    el("ol.timeline", { "aria-label": "Statuses" }, message.timeline.map((step) => el("li", {},
      statusPill(step.status),
      el("time", { dateTime: step.at, title: step.at }, exactTime(step.at)),
      el("span.meaning", {}, `${step.code} ${step.meaning}`)))),
    el("dl.facts", {},
      fact("Size", `${plural(message.parts, "part")}, ${encodingName(message.encoding)}`),
      message.forced_by.length > 0 && fact("Made it unicode", forcedBy(message.forced_by)),
      fact("Batch", el("a", { href: address("batches", message.batch_id) }, message.batch_id)),
      message.client_reference !== null && fact("Reference", el("a", { href: address("references", message.client_reference) }, message.client_reference)),
      fact("Message", message.id)),
    deleteButton("Delete this text…", `messages/${encodeURIComponent(message.id)}`, "Its batch no longer names this phone. If it went to nobody else, the batch is deleted too."),
  ];
}

const deleteButton = (label, path, detail) => el("button.small.danger", {
  type: "button",
  data: { focus: "delete" },
  onclick: () => ask({ question: `${label.slice(0, -1)}?`, detail, yes: "Delete", action: () => call("DELETE", path), done: "Deleted" }),
}, label);

export const fact = (name, ...values) => el("div", {}, el("dt", {}, name), el("dd", {}, ...values));

export const encodingName = (encoding) => ({ text: "GSM-7", unicode: "UCS-2 (unicode)" })[encoding] ?? encoding;

function forcedBy(characters) {
  const shown = characters.slice(0, MANY);
  return el("ul.characters", {},
    shown.map((each) => el("li", {},
      el("bdi.character", {}, /[\p{C}\p{Z}]/u.test(each.character) ? "␣" : each.character),
      ` ${each.point} ${each.name}${each.count > 1 ? ` × ${each.count}` : ""}`)),
    characters.length > MANY && el("li", {}, `and ${characters.length - MANY} more`));
}
