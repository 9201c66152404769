// The rows of a query on the page: read as a document, and where the keyboard is in them.
const KINDS = ["field", "path", "op", "value", "lines", "not", "remove", "join"];

export const rowsIn = (root) => [...root.querySelectorAll("[data-qrow]")];

export function draftOf(builder) {
  return group(builder.querySelector("[data-qgroup]"));
}

function group(element) {
  const chosen = element.querySelector(":scope > .qgroup__head > [data-join]")?.value ?? "any";
  const parts = [...element.querySelectorAll(":scope > [data-parts] > [data-part]")];
  return {
    join: chosen.endsWith("any") ? "any" : "all",
    not: chosen.startsWith("not-"),
    parts: parts.map((part) => {
      const inner = part.querySelector(":scope > [data-qgroup]");
      return inner ? group(inner) : row(part.querySelector("[data-qrow]"));
    }),
  };
}

function row(element) {
  const value = (name) => element.querySelector(`[data-${name}]`)?.value ?? "";
  const boxes = element.querySelector("[data-values]");
  const lines = element.querySelector("[data-lines]");
  let values = [value("value")];
  if (boxes) values = [...boxes.querySelectorAll(":checked")].map((box) => box.value);
  if (lines) values = lines.value.split("\n");
  return {
    field: value("field"),
    path: value("path"),
    op: value("op"),
    value: values,
    not: element.querySelector("[data-not]").checked,
  };
}

// Which control of which row or group has the keyboard, so that its successor gets it.
export function focusOf(builder) {
  const active = document.activeElement;
  const home = builder.contains(active) && active.closest("[data-qrow], [data-qgroup]");
  if (!home) return null;
  const list = home.hasAttribute("data-qrow") ? "[data-qrow]" : "[data-qgroup]";
  const place = [...builder.querySelectorAll(list)].indexOf(home);
  const kind = KINDS.find((name) => active.hasAttribute(`data-${name}`));
  const add = active.dataset.add;
  const control = kind ? `[data-${kind}]` : add && `[data-add="${add}"]`;
  const range = "selectionStart" in active ? [active.selectionStart, active.selectionEnd] : null;
  return { list, place, control, range };
}

export function focusAt(builder, held) {
  if (!held) return;
  const home = builder.querySelectorAll(held.list)[held.place] ?? builder;
  const found = home.querySelector(held.control || "select") ?? home.querySelector("select");
  found?.focus({ preventScroll: true });
  if (held.range?.[0] != null && found?.setSelectionRange && found.type !== "checkbox") {
    found.setSelectionRange(...held.range);
  }
}
