// One way to the API: same-origin session, CSRF token, one idempotency key per user action.
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
export const patch = (path, body) => request("PATCH", path, body);

async function request(method, path, body, headers = {}) {
  const sent = { Accept: "application/json", ...headers };
  const options = { method, credentials: "same-origin", headers: sent };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
    options.headers["X-CSRFToken"] = csrfToken();
    options.headers["Idempotency-Key"] = newKey();
  }
  return answer(await send(path, options));
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
  if (response.ok) return body;
  const known = body && typeof body.code === "string";
  throw new ApiError(
    known ? body : { code: "unavailable", message: "The server gave no usable answer." },
    response.status,
  );
}

function csrfToken() {
  const cookie = document.cookie.split("; ").find((pair) => pair.startsWith("homepot_csrf="));
  if (cookie) return decodeURIComponent(cookie.slice("homepot_csrf=".length));
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}
