// The CSRF token of this moment: a login, in whatever tab, makes a new one.
const COOKIE = "homepot_csrf=";

export function csrfToken() {
  const cookie = document.cookie.split("; ").find((pair) => pair.startsWith(COOKIE));
  if (cookie) return decodeURIComponent(cookie.slice(COOKIE.length));
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

export function renewCsrfFields(root = document) {
  for (const field of root.querySelectorAll("input[name=csrfmiddlewaretoken]")) {
    field.value = csrfToken();
  }
}
