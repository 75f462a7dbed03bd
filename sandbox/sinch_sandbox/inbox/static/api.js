// Calls of the sandbox. An answer that is no success becomes an ApiError with a sentence in it.

class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export async function call(method, path, body, signal) {
  let response;
  try {
    response = await fetch(`/sandbox/${path}`, {
      method,
      signal,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The sandbox does not answer.", 0);
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(sentence(answer, response), response.status);
  return answer;
}

export function get(path, query = {}, signal) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const search = new URLSearchParams(given).toString();
  return call("GET", search ? `${path}?${search}` : path, undefined, signal);
}

function sentence(answer, response) {
  const detail = answer?.detail;
  if (typeof detail === "string") return detail;
  if (Array.isArray(detail)) return detail.map((each) => `${each.loc.at(-1)}: ${each.msg}`).join("; ");
  return `The sandbox answered ${response.status} ${response.statusText}`.trim();
}
