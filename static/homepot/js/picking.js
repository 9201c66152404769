// Rows that are chosen for something: kept while the list is rendered anew, told in the bar.
const chosen = new Set();
let last = null; // the box that was pressed last: shift chooses everything up to it

const bar = document.querySelector("[data-bulk]");
const boxes = () => [...document.querySelectorAll("[data-pick]")];
const rowOf = (box) => box.closest("tr");

export function startPicking() {
  if (!bar) return;
  document.addEventListener("click", (event) => {
    if (event.target.matches?.("[data-pick]")) press(event.target, event.shiftKey);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-page]")) pickPage(event.target.checked);
    if (event.target.matches("[data-pick-all]")) show();
  });
  bar.addEventListener("reset", () => {
    chosen.clear();
    last = null;
    requestAnimationFrame(restore);
  });
  document.addEventListener("page:refreshed", restore);
  addEventListener("pageshow", adopt);
  adopt();
}

export function toggle(row) {
  const box = row?.querySelector("[data-pick]");
  if (!box) return;
  box.checked = !box.checked;
  press(box, false);
}

// Boxes that the browser has kept checked over a way back.
function adopt() {
  for (const box of boxes()) if (box.checked) chosen.add(box.value);
  show();
}

function press(box, upTo) {
  const all = boxes();
  const [from, to] = [all.indexOf(last), all.indexOf(box)];
  const range = upTo && from >= 0 ? all.slice(Math.min(from, to), Math.max(from, to) + 1) : [box];
  for (const one of range) set(one, box.checked);
  last = box;
  show();
}

function set(box, isOn) {
  box.checked = isOn;
  if (isOn) chosen.add(box.value);
  else chosen.delete(box.value);
}

function pickPage(isOn) {
  for (const box of boxes()) set(box, isOn);
  show();
}

function restore() {
  const here = new Set();
  for (const box of boxes()) {
    box.checked = chosen.has(box.value);
    here.add(box.value);
  }
  for (const uid of chosen) if (!here.has(uid)) chosen.delete(uid); // no longer on this page
  show();
}

function show() {
  const all = boxes();
  const isAll = bar.querySelector("[data-pick-all]").checked;
  const count = chosen.size;
  bar.dataset.count = isAll ? "all" : String(count);
  const text = isAll ? "All that match" : `${count} chosen`;
  const told = bar.querySelector("[data-bulk-count]");
  if (told.textContent !== text) told.textContent = text;
  for (const box of all) rowOf(box).toggleAttribute("data-picked", box.checked || isAll);
  const whole = document.querySelector("[data-pick-page]");
  if (!whole) return;
  whole.checked = all.length > 0 && count === all.length;
  whole.indeterminate = count > 0 && count < all.length;
}
