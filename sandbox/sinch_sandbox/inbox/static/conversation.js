// What one phone received and replied, and a box to reply from it.

import { call, get } from "./api.js";
import { ask } from "./ask.js";
import { announce, el, reconcile, whenSeen } from "./dom.js";
import { country, dayName, phoneNumber, sameDay, sender } from "./format.js";
import { bubble } from "./message.js";
import { danger, exports, menu } from "./menu.js";
import { ignoreAbort } from "./paged-list.js";
import { address, go } from "./router.js";
import { markSeen } from "./seen.js";

const PAGE = 50;
const LARGEST_PAGE = 200;
const NEAR_THE_END = 80;

export class Conversation {
  constructor(root, number) {
    this.number = number;
    this.title = phoneNumber(number);
    this.messages = new Map();
    this.cursor = undefined;
    this.abort = new AbortController();
    this.earlier = el("div.earlier");
    this.list = el("div.bubbles", { role: "log", "aria-live": "off", "aria-label": `Messages of ${this.title}` });
    this.status = el("p.loading", {}, "Loading…");
    this.scroller = el("div.scroller", { tabIndex: 0, role: "region", "aria-label": "Conversation" }, this.earlier, this.status, this.list);
    root.append(
      el("header.detail-head", {},
        el("a.back", { href: "#/phones", "aria-label": "Back to all phones" }, "‹"),
        el("h2", {}, this.title, country(number) && el("span.country", {}, country(number))),
        menu("More for this phone",
          el("a", { href: address("write", number) }, "Text this phone"),
          ...exports({ to: number }),
          danger("Delete this conversation…", () => this.deleteAll()))),
      this.scroller,
      this.replyBox());
    this.observer = whenSeen(this.earlier, () => this.more());
  }

  destroy() {
    this.abort.abort();
    this.observer.disconnect();
  }

  forget() {
    this.messages.clear();
    this.cursor = undefined;
  }

  async deleteAll() {
    const isDone = await ask({
      question: `Delete the conversation with ${this.title}?`,
      detail: "Its texts and its replies. Batches that went to nobody else are deleted too.",
      yes: "Delete",
      action: async () => {
        const number = encodeURIComponent(this.number);
        await call("DELETE", `messages?to=${number}`);
        await call("DELETE", `inbounds?from=${number}`);
      },
      done: "The conversation is deleted",
    });
    if (isDone) go("phones");
  }

  async refresh() {
    const limit = Math.min(Math.max(this.messages.size, PAGE), LARGEST_PAGE);
    const answer = await this.read({ limit });
    if (!answer) return null;
    this.answers = answer.answers;
    this.text.placeholder = answer.answers ? `Reply to ${sender(answer.answers.to)}` : "Reply";
    const joins = answer.messages.some((message) => this.messages.has(message.key));
    const isFirst = this.cursor === undefined;
    if (!joins || answer.next === null) {
      this.messages.clear();
      this.cursor = answer.next;
    }
    const atEnd = this.isAtEnd();
    for (const message of answer.messages) this.messages.set(message.key, message);
    this.render();
    if (isFirst || atEnd) this.scroller.scrollTop = this.scroller.scrollHeight;
    return answer.next_change_at;
  }

  async more() {
    if (!this.cursor || this.isLoading) return;
    this.isLoading = true;
    const answer = await this.read({ limit: PAGE, before: this.cursor });
    this.isLoading = false;
    if (!answer) return;
    const fromEnd = this.scroller.scrollHeight - this.scroller.scrollTop;
    for (const message of answer.messages) this.messages.set(message.key, message);
    this.cursor = answer.next;
    this.render();
    this.scroller.scrollTop = this.scroller.scrollHeight - fromEnd;
  }

  read(query) {
    return get(`inbox/phones/${encodeURIComponent(this.number)}`, query, this.abort.signal).catch(ignoreAbort);
  }

  isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
  }

  render() {
    const messages = [...this.messages.values()].sort(oldestFirst);
    markSeen(this.number, Math.max(0, ...messages.map((message) => message.seq ?? 0)));
    reconcile(this.list, withDays(messages), (item) => item.key, (item) =>
      item.day ? el("div.day", {}, el("span", {}, dayName(item.day))) : el("div.row", {}, bubble(item)));
    this.earlier.textContent = this.cursor ? "Loading earlier texts…" : "";
    this.status.hidden = messages.length > 0;
    this.status.className = "hint";
    this.status.textContent = "This phone has not received anything.";
  }

  failed(error) {
    this.status.hidden = false;
    this.status.className = "problem";
    this.status.textContent = error.message;
  }

  replyBox() {
    const text = el("textarea", { rows: 1, maxLength: 2000, "aria-label": `Reply from ${this.title}`, placeholder: "Reply" });
    this.text = text;
    const problem = el("p.problem", { role: "alert", hidden: true });
    const send = async (event) => {
      event.preventDefault();
      if (!text.value.trim()) return;
      try {
        await call("POST", "inbounds", { from: this.number, ...this.answers, body: text.value });
        text.value = "";
        problem.hidden = true;
        announce("Reply sent");
        this.scroller.scrollTop = this.scroller.scrollHeight;
      } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
      }
    };
    const form = el("form.reply", { onsubmit: send }, text, el("button.primary", { type: "submit" }, "Reply"), problem);
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
    });
    return form;
  }
}

function oldestFirst(one, other) {
  if (one.at !== other.at) return one.at < other.at ? -1 : 1;
  return (one.seq ?? 0) - (other.seq ?? 0) || one.key.localeCompare(other.key, "en", { numeric: true });
}

function withDays(messages) {
  const items = [];
  let last;
  for (const message of messages) {
    const moment = new Date(message.at);
    if (!last || !sameDay(last, moment)) items.push({ key: `day-${moment.toDateString()}`, day: message.at });
    last = moment;
    items.push(message);
  }
  return items;
}
