/* Who answers: the server that the page comes from. `minicnn export web` puts alone.js in its
place, where the network runs in the page itself. */

const PATIENCE = 15_000; // milliseconds
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const headers = token ? { Authorization: `Bearer ${token}` } : {};

/** Where the pictures go, in a sentence. */
export const where = `Pictures go to ${location.host} to be answered. They are not kept.`;

/** An answer that is none. wait: milliseconds after which to ask again; undefined for never. */
class Refused extends Error {
  constructor(message, wait) {
    super(message);
    this.wait = wait;
  }
}

/** {models: [{name, classes, input: {height, width, channels}, explain}], batch_invariant}. */
export async function models() {
  return (await fetched("v1/models", { headers })).json();
}

/** What is on the picture of a canvas: {classes: [{name, probability}], heat, milliseconds}.
heat is {height, width, values}, or undefined unless asked for. */
export async function ask(canvas, model, top, explain) {
  const query = new URLSearchParams({ model: model.name, top });
  if (explain) query.set("explain", "grad-cam");
  const body = await new Promise((done) => canvas.toBlob(done, "image/png")); // loses nothing
  const request = { method: "POST", body, headers: { ...headers, "Content-Type": "image/png" } };
  const answer = await (await fetched(`v1/predict?${query}`, request)).json();
  const { classes, heat } = answer.predictions[0];
  if (heat) heat.values = Uint8Array.from(atob(heat.values), (byte) => byte.charCodeAt(0));
  return { classes, heat, milliseconds: answer.milliseconds };
}

async function fetched(path, request) {
  let response;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    response = await fetch(path, { ...request, signal, cache: "no-store" });
  } catch {
    throw new Refused("The server does not answer. Is it still running? Asking it again.", 2000);
  }
  if (response.ok) return response;
  if (response.status === 401) {
    throw new Refused(
      "The server wants its token. Open the whole address that it printed when it started, with " +
        "what stands after #token=."
    );
  }
  const told = await response.json().then((body) => body.error, () => undefined);
  const later = Number(response.headers.get("Retry-After")) || 1;
  const busy = response.status === 429 || response.status >= 500;
  throw new Refused(
    `The server refused the picture (${response.status}): ${told ?? response.statusText}`,
    busy ? later * 1000 : undefined
  );
}
