// A list whose choice is a page of its own: with a script the choice is enough.
for (const form of document.querySelectorAll("form[data-choosing]")) {
  form.querySelector("[type=submit]").hidden = true;
  form.addEventListener("change", () => form.requestSubmit());
}
