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

document.querySelectorAll("textarea[data-json]").forEach(startChecking);
document.querySelectorAll("[data-editor]").forEach(startFollowing);
document.querySelectorAll("dialog[data-conflict]").forEach(startConflict);
