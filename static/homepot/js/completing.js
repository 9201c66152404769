// Completion of the query language: the server says what may be written at the cursor.
import { get } from "./api.js";

const AFTER_MS = 120;
const SHOWN = 12;
let count = 0;

export function startCompleting() {
  for (const field of document.querySelectorAll("[data-complete]")) new Completion(field);
}

class Completion {
  #field;
  #list = document.createElement("ul");
  #items = [];
  #at = -1;
  #span = null;
  #timer = 0;
  #asked = 0;

  constructor(field) {
    this.#field = field;
    this.#list.id = `completion-${++count}`;
    this.#list.className = "completion";
    this.#list.role = "listbox";
    this.#list.setAttribute("aria-label", "What may be written here");
    this.#list.hidden = true;
    field.after(this.#list);
    field.role = "combobox";
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-expanded", "false");
    field.setAttribute("aria-controls", this.#list.id);
    field.addEventListener("input", () => this.#soon());
    field.addEventListener("focus", () => this.#soon());
    field.addEventListener("keydown", (event) => this.#key(event));
    field.addEventListener("blur", () => this.#close());
    // Before the field loses the focus to it.
    this.#list.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const place = this.#items.indexOf(event.target.closest("li"));
      if (place >= 0) this.#take(place);
    });
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), AFTER_MS);
  }

  async #ask() {
    const mine = ++this.#asked;
    const { value, selectionStart } = this.#field;
    const asked = new URLSearchParams({ query: value, cursor: selectionStart ?? value.length });
    let found;
    try {
      found = await get(`/api/v1/device-groups/suggest?${asked}`);
    } catch {
      return; // nothing is offered; the query can still be written
    }
    if (mine !== this.#asked || document.activeElement !== this.#field) return;
    this.#show(found);
  }

  #show({ items, start, end }) {
    this.#span = [start, end];
    const typed = this.#field.value.slice(start, end);
    const offered = items.filter(({ text }) => text !== typed).slice(0, SHOWN);
    this.#items = offered.map(({ text, title }, place) => {
      const item = document.createElement("li");
      item.id = `${this.#list.id}-${place}`;
      item.role = "option";
      item.className = "completion__item";
      item.dataset.text = text;
      const name = document.createElement("code");
      name.textContent = text;
      const told = document.createElement("span");
      told.textContent = title === text ? "" : title;
      item.append(name, told);
      return item;
    });
    this.#list.replaceChildren(...this.#items);
    this.#list.hidden = this.#items.length === 0;
    this.#field.setAttribute("aria-expanded", String(!this.#list.hidden));
    this.#mark(-1);
  }

  #key(event) {
    if (this.#list.hidden) {
      if (event.key === "ArrowDown") this.#soon();
      return;
    }
    const last = this.#items.length - 1;
    if (event.key === "ArrowDown") this.#mark(this.#at >= last ? 0 : this.#at + 1);
    else if (event.key === "ArrowUp") this.#mark(this.#at <= 0 ? last : this.#at - 1);
    else if (event.key === "Escape") this.#close();
    else if ((event.key === "Enter" || event.key === "Tab") && this.#at >= 0) this.#take(this.#at);
    else return;
    event.preventDefault();
  }

  #mark(place) {
    this.#items[this.#at]?.removeAttribute("aria-selected");
    this.#at = place;
    const item = this.#items[place];
    if (!item) {
      this.#field.removeAttribute("aria-activedescendant");
      return;
    }
    item.setAttribute("aria-selected", "true");
    item.scrollIntoView({ block: "nearest" });
    this.#field.setAttribute("aria-activedescendant", item.id);
  }

  #take(place) {
    const { text } = this.#items[place].dataset;
    const [start, end] = this.#span;
    const isWord = ["and", "or", "not"].includes(text);
    const isGlued = isWord && start > 0 && !/[\s(]/.test(this.#field.value[start - 1]);
    this.#field.setRangeText(`${isGlued ? " " : ""}${text}${isWord ? " " : ""}`, start, end, "end");
    this.#close();
    this.#field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }

  #close() {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.#list.hidden = true;
    this.#field.setAttribute("aria-expanded", "false");
    this.#mark(-1);
  }
}
