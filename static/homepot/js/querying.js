// A query and what it finds, while it is typed: the server writes the answer, here it is put in.
const AFTER_MS = 350;

for (const form of document.querySelectorAll("form[data-querying]")) {
  const area = form.querySelector("[name=query]");
  if (area) start(form, area);
}

function start(form, area) {
  let timer = 0;
  let asked = 0;
  form.querySelector("[data-preview-button]").hidden = true;

  const ask = async () => {
    const mine = ++asked;
    const address = new URL(location.href);
    address.searchParams.set("query", area.value);
    const response = await fetch(address, { credentials: "same-origin" }).catch(() => null);
    if (!response?.ok || mine !== asked) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const next = fresh.querySelector("[data-preview]");
    if (next && mine === asked) show(next);
  };
  const show = (next) => {
    form.querySelector("[data-preview]").replaceWith(document.adoptNode(next));
    const told = document.getElementById(`${area.id}-error`);
    told.hidden = true;
    if (next.querySelector(".field__error")) area.setAttribute("aria-invalid", "true");
    else area.removeAttribute("aria-invalid");
  };

  area.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, AFTER_MS);
  });
  // A group by name has no query.
  const part = form.querySelector("[data-query-part]");
  const follow = () => {
    if (part) part.hidden = form.elements.kind.value === "static";
  };
  form.addEventListener("change", follow);
  follow();
}
