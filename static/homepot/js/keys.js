// Keys of the keyboard that do something anywhere on a page. Single letters can be switched off
// (in the list of keys, `?`): who dictates or holds a pen would set them off without wanting to.
import { remember } from "./preferences.js";

const root = document.documentElement;
const letters = new Map(); // "?", "g d" -> what it does
let begun = "";

export const lettersAreOn = () => root.dataset.keys !== "off";

export function switchLetters(isOn) {
  if (isOn) delete root.dataset.keys;
  else root.dataset.keys = "off";
  remember({ dashboard_settings: { keys: isOn ? null : "off" } });
}

// `keys` is one letter or two in a row ("g d"); `act` may return false to pass.
export function onLetters(keys, act) {
  letters.set(keys, act);
}

export const isTyping = ({ target }) =>
  target.isContentEditable || Boolean(target.closest?.("input, select, textarea, dialog, [popover]"));

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!lettersAreOn() || isTyping(event) || event.key.length !== 1) return;
    const act = letters.get(begun ? `${begun} ${event.key}` : event.key);
    begun = begun ? "" : event.key;
    if (begun) setTimeout(() => (begun = ""), 900);
    if (!act) return;
    begun = "";
    event.preventDefault();
    act(event);
  });
}
