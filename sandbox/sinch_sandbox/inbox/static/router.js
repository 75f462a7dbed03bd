// Addresses: #/phones/447700900222, #/batches/<id>, #/references/<reference>, #/search/<words>?status=Failed, #/faults and so on.

export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#?\/?/, "").split("?");
  const [view = "phones", ...rest] = path.split("/");
  let argument = "";
  try {
    argument = decodeURIComponent(rest.join("/"));
  } catch {
    // An address that nobody can read leads to the view as a whole.
  }
  return { view: view || "phones", argument, query: new URLSearchParams(query) };
}

export function address(view, argument, query = {}) {
  const search = new URLSearchParams(query).toString();
  return `#/${view}${argument ? `/${encodeURIComponent(argument)}` : ""}${search && `?${search}`}`;
}

export function go(view, argument, { replace = false, query = {} } = {}) {
  const target = address(view, argument, query);
  if (replace) {
    history.replaceState(null, "", target);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = target;
  }
}
