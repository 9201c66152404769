// How the live link stands: the mark, and a banner when it is down for more than a blink.
import { live } from "./live.js";
import { recover } from "./session.js";

const BANNER_AFTER_MS = 2000;
const LABELS = { live: "Live", connecting: "Connecting", down: "Paused", ended: "Logged out" };

export function startLinkState() {
  const banner = document.querySelector("[data-link-down]");
  const text = banner.querySelector("[data-link-down-text]");
  const login = banner.querySelector("[data-link-down-login]");
  const paused = text.textContent;
  let late = 0;
  login.addEventListener("click", (event) => {
    event.preventDefault();
    recover({ isWanted: true });
  });
  live.addEventListener("link", ({ detail: { state } }) => {
    for (const mark of document.querySelectorAll("[data-live-mark]")) {
      mark.dataset.state = state;
      mark.querySelector("[data-live-label]").textContent = LABELS[state];
    }
    if (state === "live") {
      clearTimeout(late);
      late = 0;
      text.textContent = paused;
      login.hidden = true;
      banner.hidden = true;
    } else if (state === "ended") {
      clearTimeout(late);
      text.textContent = "Your session has ended. What you see is as it was then.";
      login.href = `${login.pathname}?next=${encodeURIComponent(location.pathname)}`;
      login.hidden = false;
      banner.hidden = false;
    } else if (!late) {
      // A blink of the link is not worth a banner.
      late = setTimeout(() => (banner.hidden = false), BANNER_AFTER_MS);
    }
  });
}
