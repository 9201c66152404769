// The login page: theme, and a lock on the button while the limiter counts down.
import { forget as forgetLastKnown } from "../../household/js/last-known.js";
import { forgetPlaces } from "./recent.js";
import { tellOtherTabs } from "./session.js";
import { startThemeChoice } from "./theme.js";

startThemeChoice();
tellOtherTabs();
forgetPlaces();
forgetLastKnown();

const form = document.querySelector("form");
const submit = document.querySelector("[data-login-submit]");
form?.addEventListener("submit", () => submit.setAttribute("aria-busy", "true"));
// A page restored by the back button must not look busy for ever.
addEventListener("pageshow", () => submit?.removeAttribute("aria-busy"));

const countdown = document.querySelector("[data-countdown]");
if (countdown) {
  let left = Number(countdown.dataset.countdown);
  submit.disabled = true;
  const timer = setInterval(() => {
    left -= 1;
    countdown.textContent = String(Math.max(left, 0));
    if (left > 0) return;
    clearInterval(timer);
    submit.disabled = false;
    countdown.closest("[role=alert]").hidden = true;
  }, 1000);
}
