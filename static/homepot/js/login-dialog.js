// Logging in without leaving the page. Resolves to the uid of who logged in, or null.
import { csrfToken } from "./csrf.js";
import { make } from "./dom.js";

let dialog = null;
let settle = null;
let asked = null;

export function askForLogin() {
  asked ??= new Promise((resolve) => {
    settle = resolve;
    dialog ??= build();
    dialog.showModal();
    dialog.querySelector(dialog.querySelector("[name=email]").value ? "[name=password]" : "[name=email]").focus();
  }).finally(() => (asked = null));
  return asked;
}

// They are logged in, be it in another tab.
export function closeLogin(user) {
  if (!dialog?.open) return;
  settle(user);
  dialog.close();
}

function build() {
  const email = document.querySelector('meta[name="viewer"]')?.dataset.email ?? "";
  const error = make("p", { class: "form__error", role: "alert", hidden: true });
  const submit = make(
    "button",
    { class: "button button--primary button--wide", type: "submit" },
    make("span", { class: "button__label" }, "Log in"),
  );
  const form = make(
    "form",
    { class: "form", method: "dialog" },
    error,
    field("E-mail", { name: "email", type: "email", autocomplete: "username", maxlength: 254, value: email }),
    field("Password", { name: "password", type: "password", autocomplete: "current-password", maxlength: 1024 }),
    submit,
    make("button", { class: "button button--ghost button--wide", type: "button", "data-later": true }, "Not now"),
  );
  const made = make(
    "dialog",
    { class: "dialog login-dialog", "aria-labelledby": "login-dialog-title", "aria-describedby": "login-dialog-text" },
    make("h2", { id: "login-dialog-title" }, "Your session has ended"),
    make("p", { class: "soft", id: "login-dialog-text" }, "Log in to go on where you are. What you have typed stays."),
    form,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    logIn(form, submit, error);
  });
  form.querySelector("[data-later]").addEventListener("click", () => made.close());
  made.addEventListener("close", () => {
    form.elements.password.value = "";
    error.hidden = true;
    settle?.(null);
  });
  document.body.append(made);
  return made;
}

function field(label, attributes) {
  const id = `login-dialog-${attributes.name}`;
  return make(
    "div",
    { class: "field" },
    make("label", { class: "field__label", for: id }, label),
    make("input", { class: "input", id, required: true, ...attributes }),
  );
}

async function logIn(form, submit, error) {
  submit.setAttribute("aria-busy", "true");
  error.hidden = true;
  try {
    const response = await fetch("/login", {
      method: "POST",
      credentials: "same-origin",
      headers: { Accept: "application/json", "X-CSRFToken": csrfToken() },
      body: new URLSearchParams(new FormData(form)),
    });
    const body = await response.json().catch(() => null);
    if (response.ok && body?.user) {
      settle(body.user);
      form.closest("dialog").close();
      return;
    }
    tell(error, sentence(response, body));
  } catch {
    tell(error, "The server cannot be reached. Try again.");
  } finally {
    submit.removeAttribute("aria-busy");
  }
  form.elements.password.select();
}

function sentence(response, body) {
  const seconds = response.headers.get("Retry-After");
  if (response.status === 429 && seconds) return `Too many attempts. Try again in ${seconds} s.`;
  return body?.message ?? "Logging in did not work. Reload the page and try again.";
}

function tell(error, text) {
  error.textContent = text;
  error.hidden = false;
}
