// The search of a list: `/` jumps to it, a choice beside it filters at once.
import { onLetters } from "./keys.js";

export function startSearchKey() {
  const search = document.querySelector("[data-search]");
  if (search) onLetters("/", () => search.focus());
  for (const choice of document.querySelectorAll("[data-filters] select")) {
    choice.addEventListener("change", () => choice.form.requestSubmit());
  }
}
