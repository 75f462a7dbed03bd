// Calls of Sinch's operations, exactly as a client makes them: with the token, and with every fault that is armed.

const PATIENCE = 30_000;
const UNSURE = "It may have been accepted all the same: look before you try again.";

export async function sinchCall(connection, method, path, body) {
  let response;
  try {
    response = await fetch(`/xms/v1/${encodeURIComponent(connection.login)}/${path}`, {
      method,
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE),
      headers: {
        Authorization: `Bearer ${connection.password}`,
        // A browser repeats a call by itself if its connection is cut; the sandbox does not take it twice.
        "X-Sandbox-Once": crypto.getRandomValues(new Uint32Array(4)).join("-"),
        ...(body && { "Content-Type": "application/json" }),
      },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Error(`There was no reply. ${UNSURE}`);
  }
  if (response.type === "opaqueredirect") throw new Error("The answer was a redirect.");
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Error(`The answer was ${response.status}. ${answer?.text ?? answer?.description ?? ""}`.trim());
  if (typeof answer?.id !== "string") throw new Error(`The answer was ${response.status}, but it cannot be read. ${UNSURE}`);
  return answer;
}
