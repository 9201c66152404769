// JSON in text fields: whether it can be read is told while it is typed, and what others make of
// the document meanwhile is told before it is saved.
const TELL_AFTER_MS = 500;

function problemWith(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `This is no JSON: ${error.message}.`;
  }
  const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
  return isObject ? "" : "Write a JSON object, in braces.";
}

function startChecking(area) {
  const told = document.getElementById(`${area.id}-error`);
  let timer = 0;
  const tell = () => {
    const problem = area.value.trim() ? problemWith(area.value) : "";
    area.toggleAttribute("aria-invalid", false);
    if (problem) area.setAttribute("aria-invalid", "true");
    told.textContent = problem;
    told.hidden = !problem;
  };
  area.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(tell, TELL_AFTER_MS);
  });
}

// An untouched editor follows the document; one that was touched keeps what was typed, and the
// version it was typed for, so that saving asks which of the two is to hold.
function startFollowing(editor) {
  const area = editor.querySelector("textarea");
  let shown = "touched" in editor.dataset ? null : area.value;
  document.addEventListener("page:refreshed", ({ detail: { fresh } }) => {
    const next = fresh.querySelector("[data-editor]");
    if (!next || next.dataset.version === editor.dataset.version) return;
    if (area.value !== shown) {
      editor.querySelector("[data-editor-behind]").hidden = false;
      return;
    }
    editor.dataset.version = next.dataset.version;
    editor.elements.etag.value = next.elements.etag.value;
    area.value = shown = next.querySelector("textarea").value;
  });
}

function startConflict(dialog) {
  dialog.close();
  dialog.showModal();
  for (const button of dialog.querySelectorAll("[data-close-dialog]")) {
    button.hidden = false;
    button.addEventListener("click", () => dialog.close());
  }
}

// Whether what stands in the editor is what is saved; leaving it unsaved is asked about.
function startState(editor) {
  const area = editor.querySelector("textarea");
  const told = editor.querySelector("[data-editor-state]");
  if (!told) return;
  let saved = "touched" in editor.dataset ? null : area.value;
  let isLeaving = false;
  const isTouched = () => area.value !== saved;
  const tell = () => {
    told.textContent = isTouched() ? "Not saved yet." : "";
  };
  area.addEventListener("input", tell);
  area.addEventListener("keydown", (event) => {
    if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      editor.requestSubmit();
    }
  });
  document.addEventListener("page:refreshed", () => {
    if (editor.querySelector("[data-editor-behind]").hidden && document.activeElement !== area) {
      saved = area.value;
    }
    tell();
  });
  document.addEventListener("submit", () => (isLeaving = true));
  document.addEventListener("click", ({ target }) => {
    if (target.closest("dialog[data-conflict] a")) isLeaving = true;
  });
  addEventListener("beforeunload", (event) => {
    if (!isLeaving && isTouched() && saved !== null) event.preventDefault();
  });
  tell();
}

document.querySelectorAll("textarea[data-json]").forEach(startChecking);
document.querySelectorAll("[data-editor]").forEach(startState);
document.querySelectorAll("[data-editor]").forEach(startFollowing);
document.querySelectorAll("dialog[data-conflict]").forEach(startConflict);
