// Builds elements. Text only ever goes in as text.

import { sandboxNow } from "./clock.js";

export function el(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key in node && typeof node[key] !== "object" && !key.includes("-")) node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Brings the children of a node in line with a list, and touches only what is new or different: focus, scroll
// position and opened details stay.
export function reconcile(parent, items, keyOf, build) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const focus = focusWithin(parent);
  // Times are written differently on another day.
  const today = sandboxNow().toDateString();
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    const state = today + JSON.stringify(item);
    let node = old.get(key);
    if (node?.dataset.state !== state) {
      const fresh = build(item);
      fresh.dataset.key = key;
      fresh.dataset.state = state;
      if (node) {
        keepState(node, fresh);
        if (node === next) next = fresh;
        node.replaceWith(fresh);
      }
      node = fresh;
    }
    old.delete(key);
    if (node === next) next = next.nextElementSibling;
    else parent.insertBefore(node, next);
  }
  for (const node of old.values()) node.remove();
  if (focus && !parent.contains(document.activeElement)) {
    const place = `[data-key="${CSS.escape(focus.key)}"] [data-focus`;
    const node = parent.querySelector(`${place}="${CSS.escape(focus.name)}"]`) ?? parent.querySelector(`${place}]`);
    node?.focus({ preventScroll: true });
  }
}

function focusWithin(parent) {
  const node = parent.contains(document.activeElement) ? document.activeElement : null;
  const key = node?.closest("[data-key]")?.dataset.key;
  return key === undefined || !node.dataset.focus ? null : { key, name: node.dataset.focus };
}

function keepState(before, after) {
  const opened = before.querySelectorAll("details");
  after.querySelectorAll("details").forEach((details, index) => {
    details.open = opened[index]?.open ?? details.open;
  });
}

// Calls `more` when the end of a list comes into view.
export function whenSeen(node, more) {
  const observer = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) more();
  }, { rootMargin: "200px" });
  observer.observe(node);
  return observer;
}

let announcer;

export function announce(text) {
  announcer ??= document.getElementById("announcer");
  announcer.textContent = text;
}
