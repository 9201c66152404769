// One way to the API: same-origin session, CSRF token, one idempotency key per user action. A
// session that is over is renewed or asked for once (js/session.js), and the request tried again.
import { csrfToken } from "./csrf.js";
import { isGood, recover } from "./session.js";

const RETRY_AFTER_MS = 800;

export class ApiError extends Error {
  constructor({ code, message, details = {}, request_id: requestId = "" }, status) {
    super(message);
    this.code = code;
    this.details = details;
    this.requestId = requestId;
    this.status = status;
  }
}

export function newKey() {
  // randomUUID exists only in secure contexts; an installation on plain HTTP in a LAN is not one.
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const get = (path) => request("GET", path);
export const post = (path, body, headers = {}) => request("POST", path, body, headers);
export const put = (path, body, headers = {}) => request("PUT", path, body, headers);
export const remove = (path) => request("DELETE", path);
export const patch = (path, body, more = {}) => request("PATCH", path, body, {}, more);

async function request(method, path, body, headers = {}, more = {}) {
  const sent = { Accept: "application/json", ...headers };
  const options = { ...more, method, credentials: "same-origin", headers: sent };
  if (body !== undefined || method === "DELETE") {
    sent["X-CSRFToken"] = csrfToken();
    sent["Idempotency-Key"] ??= newKey();
  }
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    sent["Content-Type"] = "application/json";
  }
  let response = await send(path, options);
  if (await isWorthAnother(response, sent)) {
    if ("X-CSRFToken" in sent) sent["X-CSRFToken"] = csrfToken();
    response = await send(path, options);
  }
  return answer(response);
}

// Nothing was done: the session was over, or a login in another tab has changed the CSRF token.
async function isWorthAnother(response, sent) {
  if (response.status === 401) return recover();
  if (response.status !== 403 || !("X-CSRFToken" in sent)) return false;
  return sent["X-CSRFToken"] !== csrfToken();
}

// The same key makes one repetition safe: the server answers a repeated action from its memory.
async function send(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS));
    try {
      return await fetch(path, options);
    } catch {
      throw new ApiError({ code: "unreachable", message: "The server cannot be reached." }, 0);
    }
  }
}

async function answer(response) {
  const body = await response.json().catch(() => null);
  if (response.ok) {
    isGood();
    return body;
  }
  const known = body && typeof body.code === "string";
  throw new ApiError(
    known ? body : { code: "unavailable", message: "The server gave no usable answer." },
    response.status,
  );
}
