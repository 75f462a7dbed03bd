// Addresses: #/phones/447700900222, #/batches/<id>, #/search/<words>, #/faults and so on.

export function parse(hash) {
  const [view = "phones", ...rest] = hash.replace(/^#?\/?/, "").split("/");
  let argument = "";
  try {
    argument = decodeURIComponent(rest.join("/"));
  } catch {
    // An address that nobody can read leads to the view as a whole.
  }
  return { view: view || "phones", argument };
}

export const address = (view, argument) => `#/${view}${argument ? `/${encodeURIComponent(argument)}` : ""}`;

export function go(view, argument, { replace = false } = {}) {
  const target = address(view, argument);
  if (replace) {
    history.replaceState(null, "", target);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = target;
  }
}
