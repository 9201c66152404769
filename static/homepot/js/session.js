// The browser's session. Whoever is answered 401 calls recover(): the session is renewed without a
// password where that is possible (POST /login/refresh), else a dialogue asks for one, over the
// page, so that nothing typed is lost. Of any number of callers one asks; the others wait for it.
// Tells the page by `session:back` and `session:over` on document.
import { csrfToken, renewCsrfFields } from "./csrf.js";
import { askForLogin, closeLogin } from "./login-dialog.js";

// A form that was typed for longer than this asks first whether it may still be sent.
const DOUBTFUL_MS = 20 * 60 * 1000;

// Tabs tell each other that somebody has logged in or out.
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("homepot.session") : null;
const viewer = document.querySelector('meta[name="viewer"]')?.content ?? "";

let recovering = null;
let isOver = false;
let isDeclined = false; // they wanted to look at the page first
let surelyGoodAt = Date.now();

export const isGood = () => {
  surelyGoodAt = Date.now();
};

// True when it is worth asking again; false when nobody logged in, or nobody can be reached. Who
// has put the dialogue off is asked again only by what they do themselves.
export function recover({ isWanted = false } = {}) {
  if (isWanted) isDeclined = false;
  recovering ??= renewOrAsk().finally(() => (recovering = null));
  return recovering;
}

async function renewOrAsk() {
  if (!viewer) return false; // a page for strangers: a 401 is an answer like any other
  const renewed = await renew();
  if (renewed !== false) return renewed ?? false;
  isOver = true;
  document.dispatchEvent(new CustomEvent("session:over"));
  const user = isDeclined ? null : await askForLogin();
  isDeclined = !user;
  if (!user || !isSameViewer(user)) return false;
  back();
  tabs?.postMessage("in");
  return true;
}

// True, false, or null where there was no answer.
async function renew() {
  try {
    const response = await fetch("/login/refresh", {
      method: "POST",
      credentials: "same-origin",
      headers: { Accept: "application/json", "X-CSRFToken": csrfToken() },
    });
    if (response.status >= 500) return null;
    if (!response.ok) return false;
    if (!isSameViewer((await response.json()).user)) return null;
    back();
    return true;
  } catch {
    return null;
  }
}

// Somebody else's page must not be gone on with.
function isSameViewer(user) {
  if (user === viewer) return true;
  location.reload();
  return false;
}

function back() {
  const wasOver = isOver;
  isOver = false;
  isDeclined = false;
  isGood();
  renewCsrfFields();
  closeLogin(viewer);
  if (wasOver) document.dispatchEvent(new CustomEvent("session:back"));
}

// A plain form leaves the page: it is sent only when its session is surely there to take it.
function holdForms(event) {
  const form = event.target;
  if (form.method !== "post" || !viewer || new URL(form.action).pathname === "/logout") return;
  renewCsrfFields(form);
  if (!isOver && Date.now() - surelyGoodAt < DOUBTFUL_MS) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  recover({ isWanted: true }).then((isBack) => {
    if (!isBack && isOver) return; // what was typed stays; the banner offers the login
    isGood();
    form.requestSubmit(event.submitter);
  });
}

export function startSession() {
  document.addEventListener("submit", holdForms, true);
  tabs?.addEventListener("message", ({ data }) => {
    if (data === "in" && isOver) renew();
    if (data === "out" && !isOver) recover();
  });
  if (viewer) tabs?.postMessage("in"); // this page was let in: others may have waited for that
}

// The login page: whoever is here has just logged out, or is about to log in.
export const tellOtherTabs = () => tabs?.postMessage("out");
