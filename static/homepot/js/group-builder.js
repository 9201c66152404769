// A query in rows and as text, side by side: whichever is edited, the server reads it and writes
// the other one, what it finds, and what is wrong where. The rows are read off the page here.
import { draftOf, focusOf, focusAt, rowsIn } from "./query-rows.js";

const AFTER_MS = 300;

for (const form of document.querySelectorAll("form[data-querying]")) {
  const area = form.querySelector("[name=query]");
  if (area) start(form, area);
}

function start(form, area) {
  const part = (name) => form.querySelector(`[data-${name}]`);
  const builder = part("builder");
  const behind = part("behind");
  const unfinished = part("unfinished");
  let timer = 0;
  let asked = 0;
  // Rows whose controls have to change are exchanged; others keep what is being typed in them.
  let reshape = false;

  const keep = (edited) => {
    part("edited").value = edited;
    part("rows").value = edited === "rows" ? JSON.stringify(draftOf(builder)) : "";
  };

  const ask = async () => {
    clearTimeout(timer);
    const mine = ++asked;
    const sent = new URLSearchParams(new FormData(form));
    sent.set("do", "preview");
    const headers = { Accept: "text/html" };
    const options = { method: "POST", body: sent, credentials: "same-origin", headers };
    const response = await fetch(location.href, options).catch(() => null);
    if (!response || mine !== asked || response.redirected) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    if (mine === asked && fresh.querySelector("[data-preview]")) show(fresh);
  };

  const show = (fresh) => {
    const edited = part("edited").value;
    const next = (name) => fresh.querySelector(`[data-${name}]`);
    if (edited === "rows") followRows(fresh, next);
    else followText(next);
    if (!next("preview").hasAttribute("data-keep")) {
      part("preview").replaceWith(document.adoptNode(next("preview")));
    }
    behind.hidden = next("behind").hidden;
    unfinished.hidden = next("unfinished").hidden;
    builder.toggleAttribute("data-behind-now", !behind.hidden);
    const told = document.getElementById(`${area.id}-error`);
    told.hidden = true;
    const isWrong = Boolean(part("preview").querySelector(".field__error"));
    area.setAttribute("aria-invalid", String(isWrong && edited === "text"));
  };

  const followRows = (fresh, next) => {
    const text = fresh.querySelector("[name=query]");
    if (unfinishedIn(next) === false) area.value = text.value;
    if (reshape) exchange(next("builder-rows"));
    else patch(next("builder-rows"));
    reshape = false;
  };

  const followText = (next) => {
    if (next("behind").hidden) exchange(next("builder-rows"));
  };

  const unfinishedIn = (next) => !next("unfinished").hidden;

  const exchange = (rows) => {
    const held = focusOf(builder);
    part("builder-rows").replaceWith(document.adoptNode(rows));
    focusAt(builder, held);
  };

  const patch = (rows) => {
    const theirs = rowsIn(rows);
    rowsIn(builder).forEach((row, place) => {
      const foot = theirs[place]?.querySelector("[data-foot]");
      if (foot) row.querySelector("[data-foot]").replaceWith(document.adoptNode(foot));
    });
  };

  // A value of one field says nothing about another.
  const forgetValues = (field) => {
    const row = field.closest("[data-qrow]");
    for (const value of row.querySelectorAll("[data-value], [data-lines]")) value.value = "";
  };

  const editedRows = ({ shape = false, now = false } = {}) => {
    reshape ||= shape;
    asked += 1;
    keep("rows");
    clearTimeout(timer);
    timer = setTimeout(ask, now ? 0 : AFTER_MS);
  };

  area.addEventListener("input", () => {
    keep("text");
    asked += 1;
    clearTimeout(timer);
    timer = setTimeout(ask, AFTER_MS);
  });

  builder.addEventListener("input", ({ target }) => {
    if (target.matches("input:not([type=checkbox]), textarea")) editedRows();
    if (target.hasAttribute("data-offer")) offer(builder, target);
  });
  builder.addEventListener("focusin", ({ target }) => {
    if (target.hasAttribute("data-offer")) offer(builder, target);
  });
  builder.addEventListener("change", ({ target }) => {
    if (target.matches("select, [type=checkbox]")) {
      if (target.hasAttribute("data-field")) forgetValues(target);
      editedRows({ shape: target.matches("[data-field], [data-op]"), now: true });
    }
  });
  builder.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-add], [data-remove]");
    if (!button) return;
    if (button.dataset.add) add(button);
    else remove(button);
    editedRows({ shape: true, now: true });
  });
  builder.addEventListener("keydown", (event) => {
    // Enter in a row must not save the group.
    if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault();
      editedRows({ now: true });
    }
  });

  const add = (button) => {
    const parts = button.closest("[data-qgroup]").querySelector(":scope > [data-parts]");
    const item = document.createElement("li");
    item.dataset.part = "";
    item.append(part("new-row").content.cloneNode(true));
    const row = item.querySelector("[data-qrow]");
    if (button.dataset.add === "group") {
      const group = document.createElement("div");
      group.dataset.qgroup = "";
      const list = document.createElement("ul");
      list.dataset.parts = "";
      const inner = document.createElement("li");
      inner.dataset.part = "";
      inner.append(row);
      list.append(inner);
      group.append(list);
      item.append(group);
    }
    parts.append(item);
    row.querySelector("[data-field]").focus();
  };

  const remove = (button) => {
    const item = button.closest("[data-part]");
    const near = item.nextElementSibling ?? item.previousElementSibling;
    const home = item.parentElement.closest("[data-qgroup]");
    item.remove();
    const next = near?.querySelector("[data-field], [data-join]");
    (next ?? home.querySelector(":scope > .qgroup__add [data-add]"))?.focus();
  };

  // The device that it is tried on.
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-try-button], [value^='try:']");
    if (!button) return;
    event.preventDefault();
    event.stopPropagation();
    const chosen = button.value.startsWith("try:") ? button.value.slice(4) : part("try").value;
    part("try").value = chosen;
    ask();
  });
  part("try").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    ask();
  });

  // A group by name has no query.
  const whole = part("query-part");
  const follow = () => {
    if (whole) whole.hidden = form.elements.kind.value === "static";
  };
  form.addEventListener("change", follow);
  follow();

  part("preview-button").hidden = true;
  builder.hidden = false;
  builder.parentElement.dataset.sideBySide = "";
  // A page that came back with half done rows goes on with them.
  if (part("edited").value === "rows") keep("rows");
}

// Values that the viewer's devices have, offered while one is typed.
let offered = 0;
async function offer(builder, input) {
  const row = input.closest("[data-qrow]");
  const typed = input.value.replaceAll('"', "");
  const query = `${row.querySelector("[data-field]").value}:${typed ? `"${typed}` : ""}`;
  const mine = ++offered;
  const headers = { Accept: "application/json" };
  if (builder.dataset.tenant) headers["X-Tenant"] = builder.dataset.tenant;
  const address = `${builder.dataset.suggest}?${new URLSearchParams({ query })}`;
  const response = await fetch(address, { credentials: "same-origin", headers }).catch(() => null);
  if (!response?.ok || mine !== offered) return;
  const { items } = await response.json();
  document.getElementById("query-values").replaceChildren(
    ...items.map(({ text }) => {
      const option = document.createElement("option");
      option.value = text.startsWith('"') ? JSON.parse(text) : text;
      return option;
    }),
  );
}
