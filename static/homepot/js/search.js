// The search of a list: `/` jumps to it, a choice beside it filters at once.
export function startSearchKey() {
  const search = document.querySelector("[data-search]");
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea, dialog");
    if (event.key !== "/" || isTyping || !search) return;
    event.preventDefault();
    search.focus();
  });
  for (const choice of document.querySelectorAll("[data-filters] select")) {
    choice.addEventListener("change", () => choice.form.requestSubmit());
  }
}
