// Which phones have news: remembered for as long as the browser's tab lives.

let baseline;
const seen = new Map();

// What was there when the page was first opened is no news; nor is anything after the ledger began anew.
export function heardNewest(newest) {
  baseline ??= Number(read() ?? keep(newest));
  if (newest < baseline) {
    baseline = keep(newest);
    seen.clear();
  }
}

export const hasNews = (phone) => phone.seq > (seen.get(phone.number) ?? baseline ?? 0);

export function markSeen(number, seq) {
  if (seq > (seen.get(number) ?? 0)) seen.set(number, seq);
}

function read() {
  try {
    return sessionStorage.getItem("seen");
  } catch {
    return null;
  }
}

function keep(newest) {
  try {
    sessionStorage.setItem("seen", newest);
  } catch {
    // It lasts as long as the page then.
  }
  return newest;
}
