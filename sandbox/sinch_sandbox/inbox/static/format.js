// Times, numbers and amounts as people read them.

import { sandboxNow } from "./clock.js";

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const EXACT = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const DAY_AND_YEAR = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const AMOUNT = new Intl.NumberFormat("en");

export const amount = (value) => AMOUNT.format(value);
export const plural = (count, one, many = `${one}s`) => `${amount(count)} ${count === 1 ? one : many}`;

// The time of day if it is today by the sandbox's clock, else the day too.
export function time(iso) {
  const moment = new Date(iso);
  return sameDay(moment, sandboxNow()) ? TIME.format(moment) : `${day(iso)}, ${TIME.format(moment)}`;
}

export function day(iso) {
  const moment = new Date(iso);
  return (moment.getFullYear() === sandboxNow().getFullYear() ? DAY : DAY_AND_YEAR).format(moment);
}

export const dayName = (iso) => (sameDay(new Date(iso), sandboxNow()) ? "Today" : day(iso));
export const timeOrDay = (iso) => (sameDay(new Date(iso), sandboxNow()) ? TIME.format(new Date(iso)) : day(iso));
export const exactTime = (iso) => `${sameDay(new Date(iso), sandboxNow()) ? "" : `${day(iso)}, `}${EXACT.format(new Date(iso))}`;
export const clockTime = (moment) => `${sameDay(moment, new Date()) ? "" : `${DAY.format(moment)} `}${EXACT.format(moment)}`;
export const sameDay = (one, other) => one.toDateString() === other.toDateString();

// Country codes by their first digits, to set a number apart and to hint at its country.
const COUNTRIES = {
  1: "US, CA", 7: "RU, KZ", 20: "EG", 27: "ZA", 30: "GR", 31: "NL", 32: "BE", 33: "FR", 34: "ES", 36: "HU", 39: "IT",
  40: "RO", 41: "CH", 43: "AT", 44: "GB", 45: "DK", 46: "SE", 47: "NO", 48: "PL", 49: "DE", 51: "PE", 52: "MX",
  54: "AR", 55: "BR", 56: "CL", 57: "CO", 60: "MY", 61: "AU", 62: "ID", 63: "PH", 64: "NZ", 65: "SG", 66: "TH",
  81: "JP", 82: "KR", 84: "VN", 86: "CN", 90: "TR", 91: "IN", 92: "PK", 94: "LK", 98: "IR", 212: "MA", 234: "NG",
  254: "KE", 351: "PT", 352: "LU", 353: "IE", 354: "IS", 358: "FI", 370: "LT", 371: "LV", 372: "EE", 380: "UA",
  385: "HR", 386: "SI", 420: "CZ", 421: "SK", 852: "HK", 886: "TW", 966: "SA", 971: "AE", 972: "IL",
};

const codeOf = (number) => [3, 2, 1].map((length) => number.slice(0, length)).find((prefix) => prefix in COUNTRIES);

export const country = (number) => COUNTRIES[codeOf(number)] ?? "";

// A sender may be a number, a short code, or a word.
export const sender = (name) => (/^\d{7,}$/.test(name ?? "") ? phoneNumber(name) : name ?? "no sender");

export function phoneNumber(number) {
  if (!/^\d+$/.test(number)) return number;
  const british = /^44(7\d{3})(\d{6})$/.exec(number);
  if (british) return `+44 ${british[1]} ${british[2]}`;
  const code = codeOf(number) ?? "";
  const rest = number.slice(code.length).replace(/(\d{3})(?=\d{2})/g, "$1 ");
  return `+${code}${code ? " " : ""}${rest.trim()}`;
}
